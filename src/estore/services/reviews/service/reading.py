"""What anybody reads, and what authors see of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from estore.contracts.reviews import mean_of
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Fault
from estore.kit.http.pages import CursorInvalid, Page, cursor_of, decode_cursor
from estore.services.reviews import store
from estore.services.reviews.domain import FilterMissing, Review, ReviewNotFound
from estore.services.reviews.service.changes import person
from estore.services.reviews.service.shapes import (
    Histogram,
    ListLines,
    ListReviews,
    MyLine,
    ReviewOut,
    Summary,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 2**53


def is_id(text: str, prefix: str) -> bool:
    return text.startswith(prefix) and len(text) <= 64 and text.isascii() and text[len(prefix) :].isalnum()


async def list_reviews(tx: Tx, ctx: Context, request: ListReviews) -> Page[ReviewOut]:
    """Return a page of published reviews. Raises FilterMissing, CursorInvalid."""
    if request.product is None and request.vendor is None:
        fault = Fault("name a product or a vendor", parameter="product")
        raise FilterMissing(fault.detail, errors=[fault])
    wanted = store.Listing(
        sort=request.sort,
        limit=request.limit + 1,
        product=request.product,
        vendor=request.vendor,
        stars=request.stars,
        after=_after(request),
    )
    found = await store.list_reviews(tx, wanted)
    shown = [ReviewOut.of(review, inside=_inside(ctx, review)) for review in found[: request.limit]]
    if len(found) <= request.limit:
        return Page(shown)
    last = found[request.limit - 1]
    key = store.sort_key(last, request.sort)
    return Page(shown, cursor_of(request.sort, _micros(key) if isinstance(key, datetime) else key, last.id))


def _after(request: ListReviews) -> tuple[Any, str] | None:
    keys = decode_cursor(request.cursor, str, int, str)
    if keys is None:
        return None
    sort, key, last = keys
    if sort != request.sort or not is_id(last, "rev_") or not 0 <= key <= _LATEST:
        raise _no_cursor()
    return (_moment(key) if sort == "newest" else key, last)


def _no_cursor() -> CursorInvalid:
    return CursorInvalid("start again without a cursor", errors=[Fault("not a cursor", parameter="cursor")])


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _inside(ctx: Context, review: Review) -> bool:
    """Tell whether the caller wrote it, or runs the marketplace."""
    mine = review.account_id is not None and review.account_id == ctx.principal.account_id
    return mine or ctx.principal.is_operator


async def get_review(tx: Tx, ctx: Context, review_id: str) -> ReviewOut:
    """Return a published review, or one's own in any status; operators see all. Raises ReviewNotFound."""
    principal = ctx.principal
    everything = principal.is_operator or principal.is_system
    review = await store.read_review(tx, review_id, principal.account_id, everything=everything)
    if review is None:
        raise ReviewNotFound()
    return ReviewOut.of(review, inside=_inside(ctx, review))


async def summary(tx: Tx, ctx: Context, product_id: str) -> Summary:
    """Return a product's rating; zeros for one that has none."""
    row = await store.read_rating(tx, product_id)
    if row is None:
        return Summary(product_id=product_id, count=0, mean=None, histogram=Histogram())
    each = Histogram(row["one"], row["two"], row["three"], row["four"], row["five"])
    mean = mean_of(row["stars"], row["votes"])
    return Summary(product_id=product_id, count=row["votes"], mean=mean, histogram=each)


async def list_mine(tx: Tx, ctx: Context, request: ListLines) -> Page[MyLine]:
    """Return what was delivered to the caller, the latest first, with what they said of it. Raises CursorInvalid."""
    keys = decode_cursor(request.cursor, int, str)
    if keys is not None and not (0 <= keys[0] <= _LATEST and len(keys[1]) <= 64):
        raise _no_cursor()
    after = None if keys is None else (_moment(keys[0]), keys[1])
    rows = await store.lines_of(tx, person(ctx), after, request.limit + 1, open_only=request.open_only)
    shown = [
        MyLine(
            line_id=row["the_line"],
            order_id=row["order_id"],
            product_id=row["of_product"],
            vendor_id=row["of_vendor"],
            sku=row["the_sku"],
            delivered_at=row["delivered_at"],
            review=None if review is None else ReviewOut.of(review, inside=True),
        )
        for row, review in rows[: request.limit]
    ]
    if len(rows) <= request.limit:
        return Page(shown)
    return Page(shown, cursor_of(_micros(shown[-1].delivered_at), shown[-1].line_id))
