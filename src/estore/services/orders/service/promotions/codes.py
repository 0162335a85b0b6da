"""Codes: one chosen by hand, or many that nobody can guess."""

from __future__ import annotations

import os
import re

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.http.pages import Page, page_of, text_in
from estore.kit.ids import new_id
from estore.services.orders import store
from estore.services.orders.domain.promotions import (
    MAX_CODE,
    BatchNotFound,
    BatchTooLong,
    BatchView,
    CodeNotFound,
    CodeTaken,
    CodeView,
    bytes_for,
    codes_of,
    letters_of,
)
from estore.services.orders.service.promotions.forms import BatchForm, CodeForm, ListCodes, ListOf, OnePromotion
from estore.services.orders.service.promotions.running import locked_promotion, seen_promotion

CODES_AT_ONCE = 10_000
_BATCH = re.compile(r"[A-Za-z0-9_]{1,64}")
_CODE = re.compile(r"[A-Za-z0-9_-]{1,40}")


async def create_code(tx: Tx, ctx: Context, request: OnePromotion[CodeForm]) -> CodeView:
    """Give a promotion a code. Raises PromotionNotFound, PromotionArchived, Denied, CodeTaken."""
    await locked_promotion(tx, ctx, request.promotion_id)
    code = request.form.code.upper()
    if not await store.insert_codes(tx, request.promotion_id, [code], None, request.form.max_uses, ctx.now):
        raise CodeTaken(pointer="/code")
    return CodeView(
        code=code,
        promotion_id=request.promotion_id,
        batch_id=None,
        max_uses=request.form.max_uses,
        uses=0,
        disabled=False,
        created_at=ctx.now,
    )


async def create_code_batch(tx: Tx, ctx: Context, request: OnePromotion[BatchForm]) -> BatchView:
    """Give a promotion many codes. Raises PromotionNotFound, PromotionArchived, Denied, BatchTooLong."""
    form = request.form
    if len(form.prefix) + form.length > MAX_CODE:
        raise BatchTooLong(f"{MAX_CODE} characters at most, prefix included", pointer="/length")
    await locked_promotion(tx, ctx, request.promotion_id)
    batch = store.Batch(
        new_id("cbt"), request.promotion_id, form.prefix.upper(), form.length, form.count, form.max_uses, ctx.now
    )
    missing = form.count
    while missing:
        drawn = sorted(_drawn(missing, batch.prefix, batch.length))
        for start in range(0, len(drawn), CODES_AT_ONCE):
            chunk = drawn[start : start + CODES_AT_ONCE]
            missing -= await store.insert_codes(tx, batch.promotion_id, chunk, batch.batch_id, batch.max_uses, ctx.now)
    return await store.insert_batch(tx, batch)


def _drawn(count: int, prefix: str, length: int) -> set[str]:
    """Draw so many different codes from the system's randomness."""
    found: set[str] = set()
    while len(found) < count:
        fresh = codes_of(letters_of(os.urandom(bytes_for(count - len(found), length))), prefix, length)
        for code in fresh:
            found.add(code)
            if len(found) == count:
                break
    return found


async def list_codes(tx: Tx, ctx: Context, request: OnePromotion[ListCodes]) -> Page[CodeView]:
    """Return a page of a promotion's codes, in their own order. Raises PromotionNotFound, BatchNotFound."""
    ask = request.form
    await seen_promotion(tx, ctx, request.promotion_id)
    if ask.batch_id is not None and not await store.page_of_batches(tx, request.promotion_id, ask.batch_id, None, 1):
        raise BatchNotFound()
    code, after = None if ask.code is None else ask.code.upper(), text_in(ask.cursor)
    rows = await store.page_of_codes(tx, request.promotion_id, ask.batch_id, code, after, ask.limit + 1)
    return page_of(rows, ask.limit, lambda row: (row.code,))


async def list_code_batches(tx: Tx, ctx: Context, request: OnePromotion[ListOf]) -> Page[BatchView]:
    """Return a page of a promotion's batches, newest first. Raises PromotionNotFound."""
    await seen_promotion(tx, ctx, request.promotion_id)
    before = text_in(request.form.cursor)
    rows = await store.page_of_batches(tx, request.promotion_id, None, before, request.form.limit + 1)
    return page_of(rows, request.form.limit, lambda row: (row.id,))


async def show_code_batch(tx: Tx, ctx: Context, request: OnePromotion[str]) -> BatchView:
    """Return a batch. Raises PromotionNotFound, BatchNotFound."""
    await seen_promotion(tx, ctx, request.promotion_id)
    if not _BATCH.fullmatch(request.form):
        raise BatchNotFound()
    found = await store.page_of_batches(tx, request.promotion_id, request.form, None, 1)
    if not found:
        raise BatchNotFound()
    return found[0]


async def disable_code(tx: Tx, ctx: Context, request: OnePromotion[str]) -> CodeView:
    """Let a code take nothing off any more, for good. Raises PromotionNotFound, Denied, CodeNotFound."""
    await locked_promotion(tx, ctx, request.promotion_id, even_archived=True)
    if not _CODE.fullmatch(request.form):
        raise CodeNotFound()
    code = request.form.upper()
    disabled = await store.disable_code(tx, request.promotion_id, code)
    found = await store.page_of_codes(tx, request.promotion_id, None, code, None, 1)
    if not found:
        raise CodeNotFound()
    if disabled:
        await store.raise_revision(tx)
    return found[0]
