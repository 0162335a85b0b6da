"""Orders as their customers and operators see them, and what it means to wait for one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import msgspec

from estore.kit.clock import monotonic
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Denied, Failure, Fault, Malformed
from estore.kit.http.pages import Page, page_of, text_in
from estore.services.orders import domain, store
from estore.services.orders.domain import OrderView, State
from estore.services.orders.service.commands import ListOrders, OneOrder, Placement
from estore.services.orders.service.placing import Placed
from estore.services.orders.service.showing import encoded, is_settled, settled, with_secret
from estore.services.orders.service.steps import asked_of
from estore.services.orders.service.waiting import Waiting

CART_SECONDS = 2.0
CART_POLL_SECONDS = 0.04


class FilterInvalid(Malformed):
    code, title = "orders.filter_invalid", "There is nothing to filter by that"


async def show_orders(tx: Tx, calls: Sequence[tuple[Context, OneOrder]]) -> Sequence[OrderView | Failure]:
    """Show orders to those whose they are, all that are asked for at the moment in one query."""
    asked = [asked_of(ctx.principal, request) for ctx, request in calls]
    wanted = [(index, one) for index, one in enumerate(asked) if one is not None]
    answers: list[OrderView | Failure] = [domain.OrderUnknown() for _ in calls]
    if wanted:
        views = await store.show_orders(tx, [one for _, one in wanted])
        for (index, _), view in zip(wanted, views, strict=True):
            if view is not None:
                answers[index] = view
    return answers


class Listing:
    """Lists orders. ship: how long vendors may take to send all of an order."""

    def __init__(self, ship: timedelta) -> None:
        self._ship = ship

    async def list_orders(self, tx: Tx, ctx: Context, request: ListOrders) -> Page[OrderView]:
        """List an account's own orders, newest first; for an operator everybody's. Raises FilterInvalid, Denied."""
        if request.status is not None and request.status not in set(State):
            raise FilterInvalid(errors=[Fault(f"one of {', '.join(State)}", parameter="status")])
        if request.overdue and request.status not in (None, State.PARTLY_SHIPPED):
            raise FilterInvalid(errors=[Fault("what is overdue is partly_shipped", parameter="status")])
        principal = ctx.principal
        if (request.email is not None or request.overdue) and not principal.is_operator:
            raise Denied("only an operator may look for somebody's orders")
        rows = await store.list_orders(
            tx,
            account_id=None if principal.is_operator else principal.account_id,
            email=request.email,
            before=text_in(request.cursor),
            status=State.PARTLY_SHIPPED if request.overdue else request.status,
            placed_before=ctx.now - self._ship if request.overdue else None,
            at_most=request.limit + 1,
        )
        return page_of(rows, request.limit, lambda order: (order.id,))


async def poll_outcomes(tx: Tx, _ctx: Context, order_ids: Sequence[str]) -> list[store.Outcome]:
    """Tell which of the orders are settled."""
    return await store.settled(tx, order_ids)


class Answer(msgspec.Struct, frozen=True):
    """What a placement is answered. settled: the outcome is known, and in the body."""

    order_id: str
    body: bytes
    settled: bool


class Following:
    """Waits where a caller is ready to: for a cart that is on its way here, and for an order to settle.

    place, show: the endpoints that do the work, without waiting.
    """

    def __init__(
        self,
        place: Callable[[Context, Placement], Awaitable[Placed]],
        show: Callable[[Context, OneOrder], Awaitable[OrderView]],
        waiting: Waiting,
    ) -> None:
        self._place = place
        self._show = show
        self._waiting = waiting

    async def place(self, ctx: Context, request: Placement) -> Answer:
        """Place an order; with `Prefer: wait`, stay until it is settled. Failures are those of `place_orders`."""
        placed = await (self._place(ctx, request) if request.order.cart_id is None else self._from_cart(ctx, request))
        if ctx.wait:
            outcome = await self._waiting.outcome(placed.order_id, ctx.wait)
            if outcome is not None:
                return Answer(placed.order_id, encoded(settled(placed.view, outcome)), True)
            secret = placed.view.secret or None
            order = await self._show(ctx, OneOrder(placed.order_id, secret))
            return Answer(placed.order_id, encoded(with_secret(order, secret)), is_settled(order))
        return Answer(placed.order_id, encoded(placed.view), False)

    async def _from_cart(self, ctx: Context, request: Placement) -> Placed:
        """The cart's last change may still be on its way: a customer who is fast must not be told that it is gone."""
        until = monotonic() + CART_SECONDS
        while True:
            try:
                return await self._place(ctx, request)
            except (domain.CartUnknown, domain.CartLate, domain.CartBehind):
                if monotonic() >= until:
                    raise
            await asyncio.sleep(CART_POLL_SECONDS)

    async def show(self, ctx: Context, request: OneOrder) -> OrderView:
        """Show an order; with `Prefer: wait`, once it is settled."""
        order = await self._show(ctx, request)
        if not ctx.wait or is_settled(order):
            return order
        await self._waiting.outcome(order.id, ctx.wait)
        return await self._show(ctx, request)
