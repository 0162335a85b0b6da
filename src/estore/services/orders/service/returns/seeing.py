"""Who sees which returns, and how one is named."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Fault, Unauthenticated
from estore.kit.http.pages import Page, page_of, text_in
from estore.services.orders import domain, store
from estore.services.orders.domain import ReturnStatus, ReturnView
from estore.services.orders.service.commands import ListReturns, OneOrder, ReturnForm
from estore.services.orders.service.placing import hashed
from estore.services.orders.service.reading import FilterInvalid

Act = TypeVar("Act")


class AskReturn(msgspec.Struct, frozen=True):
    """An order by id or number, and what is to be sent back of it."""

    order: OneOrder
    form: ReturnForm


class OneReturn(msgspec.Struct, Generic[Act], frozen=True):
    """A return by its id, and what is to be done with it. secret: a guest's Order-Secret."""

    return_id: str
    form: Act
    secret: str | None = None


def _seeing(ctx: Context, secret: str | None) -> store.Seeing:
    principal = ctx.principal
    return store.Seeing(
        principal.is_operator, principal.account_id, sorted(principal.vendors), hashed(secret) if secret else None
    )


async def show_return(tx: Tx, ctx: Context, request: OneReturn[None]) -> ReturnView:
    """Show a return to its customer, its vendor or an operator. Raises ReturnUnknown."""
    return (await seen(tx, ctx, request.return_id, request.secret)).view


async def seen(tx: Tx, ctx: Context, return_id: str, secret: str | None) -> store.SeenReturn:
    """Return what the caller may see by its id. secret: of the order of a guest. Raises ReturnUnknown."""
    found = await store.show_return(tx, _seeing(ctx, secret), return_id) if "\x00" not in return_id else None
    if found is None:
        raise domain.ReturnUnknown()
    return found


async def list_returns(tx: Tx, ctx: Context, request: ListReturns) -> Page[ReturnView]:
    """List an account's own returns and those of its vendors, newest first; for an operator everybody's, for a guest
    those of the order that the secret is of. Raises FilterInvalid, Unauthenticated."""
    if ctx.principal.account_id is None and not ctx.principal.is_system and request.secret is None:
        raise Unauthenticated("sign in, or send Order-Secret")
    if request.status is not None and request.status not in set(ReturnStatus):
        raise FilterInvalid(errors=[Fault(f"one of {', '.join(ReturnStatus)}", parameter="status")])
    rows = await store.list_returns(
        tx,
        _seeing(ctx, request.secret),
        status=request.status,
        vendor=request.vendor,
        order=request.order,
        before=text_in(request.cursor),
        at_most=request.limit + 1,
    )
    return page_of(rows, request.limit, lambda found: (found.id,))
