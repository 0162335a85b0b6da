"""What becomes of a return, step by step, and of the money for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Denied, PreconditionFailed, PreconditionRequired
from estore.kit.ids import new_id
from estore.services.orders import domain, store
from estore.services.orders.domain import (
    Allocation,
    Book,
    Order,
    Return,
    ReturnedLine,
    ReturnLimits,
    ReturnSignal,
    ReturnStatus,
    ReturnView,
)
from estore.services.orders.saga import Claim, Fact, Limits, Signal, parts_of
from estore.services.orders.service.allocating import Decision, decide
from estore.services.orders.service.commands import (
    ApproveReturn,
    CancelReturn,
    InspectReturn,
    ReceiveReturn,
    RefuseReturn,
)
from estore.services.orders.service.parcels import WRITERS
from estore.services.orders.service.returns.asking import wanted
from estore.services.orders.service.returns.inspecting import inspect
from estore.services.orders.service.returns.seeing import Act, AskReturn, OneReturn, seen
from estore.services.orders.service.returns.telling import tell_approved, tell_closed, tell_received, tell_requested
from estore.services.orders.service.steps import Happening, Steps, asked_of

DUE_BATCH = 100


class Returns:
    """Moves returns. limits: of orders, how long after its delivery a parcel may be returned. own: of a return's
    steps."""

    def __init__(self, steps: Steps, limits: Limits, own: ReturnLimits) -> None:
        self._steps = steps
        self._window = timedelta(seconds=limits.returns)
        self._limits = own

    async def request_return(self, tx: Tx, ctx: Context, request: AskReturn) -> ReturnView:
        """Ask to send pieces of one parcel back, by its customer (or by an operator for them).

        Raises OrderUnknown, and what `wanted` raises.
        """
        asked = asked_of(ctx.principal, request.order)
        order = await store.lock_own(tx, asked) if asked is not None else None
        if order is None:
            raise domain.OrderUnknown()
        lines = await wanted(tx, ctx, order, request.form, self._window)
        parcel, vendor_id = lines[0][0].parcel, lines[0][0].vendor_id
        book = (await store.load_books(tx, [order]))[order.order_id]
        at_most = domain.take(book, {line.no: quantity for line, quantity in lines}, (parcel,))
        made = Return(
            new_id("ret"),
            order.order_id,
            parcel,
            vendor_id,
            ReturnStatus.REQUESTED,
            request.form.reason,
            request.form.comment,
            order.currency,
            domain.amount_of(at_most),
            domain.payable(at_most),
            ctx.now,
            ctx.now + timedelta(seconds=self._limits.decide),
            [ReturnedLine(line.no, line.sku, quantity) for line, quantity in lines],
        )
        await store.insert_return(tx, made, order.account_id)
        tell_requested(tx, ctx, made, order.account_id)
        return (await seen(tx, ctx, made.return_id, request.order.secret)).view

    async def approve_return(self, tx: Tx, ctx: Context, request: OneReturn[ApproveReturn]) -> ReturnView:
        """Agree that it is sent back. Raises ReturnUnknown, Denied, ReturnNotPossible, PreconditionFailed."""
        _, found = await self._by_vendor(tx, ctx, request)
        self._move(found, ReturnSignal.APPROVE, ctx)
        await store.write_returns(tx, [found])
        tell_approved(tx, ctx, found)
        return (await seen(tx, ctx, found.return_id, None)).view

    async def refuse_return(self, tx: Tx, ctx: Context, request: OneReturn[RefuseReturn]) -> ReturnView:
        """Do not take it back, and say why. Raises ReturnUnknown, Denied, ReturnNotPossible, PreconditionFailed."""
        order, found = await self._by_vendor(tx, ctx, request)
        self._move(found, ReturnSignal.REFUSE, ctx)
        found.refusal = request.form.reason
        await self._closed(tx, ctx, {order.order_id: order}, [found])
        return (await seen(tx, ctx, found.return_id, None)).view

    async def cancel_return(self, tx: Tx, ctx: Context, request: OneReturn[CancelReturn]) -> ReturnView:
        """Keep it after all, before it has arrived. For the customer, or an operator.

        Raises ReturnUnknown, Denied, ReturnNotPossible, PreconditionFailed.
        """
        shown = await seen(tx, ctx, request.return_id, request.secret)
        theirs = shown.account_id is not None and shown.account_id == ctx.principal.account_id
        # Whom only the secret of a guest's order could have shown it to has that secret.
        guests = shown.account_id is None and shown.view.vendor_id not in ctx.principal.vendors
        if not (ctx.principal.is_operator or theirs or guests):
            raise Denied("only the customer may cancel a return")
        order, found = await self._locked(tx, ctx, shown.view)
        self._move(found, ReturnSignal.CANCEL, ctx)
        await self._closed(tx, ctx, {order.order_id: order}, [found])
        return (await seen(tx, ctx, found.return_id, request.secret)).view

    async def receive_return(self, tx: Tx, ctx: Context, request: OneReturn[ReceiveReturn]) -> ReturnView:
        """Say that it arrived; with lines, that it was inspected too: see `inspect_return`.

        Raises ReturnUnknown, Denied, ReturnNotPossible, PreconditionFailed, and what inspecting does.
        """
        form = request.form
        order, found = await self._by_vendor(tx, ctx, request)
        if form.lines is not None:
            asked = InspectReturn(
                lines=form.lines,
                shipping=form.shipping,
                deduction=form.deduction,
                deduction_reason=form.deduction_reason,
            )
            return await self._inspected(tx, ctx, order, found, asked)
        if form.shipping or form.deduction is not None:
            raise domain.DispositionsMissing(pointer="/lines")
        self._move(found, ReturnSignal.RECEIVE, ctx)
        await store.write_returns(tx, [found])
        return (await seen(tx, ctx, found.return_id, None)).view

    async def inspect_return(self, tx: Tx, ctx: Context, request: OneReturn[InspectReturn]) -> ReturnView:
        """Say what arrived and what becomes of it; it is refunded by line at once, less a deduction.

        Raises ReturnUnknown, Denied, ReturnNotPossible, PreconditionFailed, DispositionsWrong, LineUnknown,
        CurrencyWrong, AmountNotPositive, DeductionTooHigh, DeductionUnexplained.
        """
        order, found = await self._by_vendor(tx, ctx, request)
        return await self._inspected(tx, ctx, order, found, request.form)

    async def _inspected(self, tx: Tx, ctx: Context, order: Order, found: Return, form: InspectReturn) -> ReturnView:
        self._move(found, ReturnSignal.INSPECT, ctx)
        inspect(found, order, form)
        await self._refunded(tx, ctx, {order.order_id: order}, [found], shipping=form.shipping)
        return (await seen(tx, ctx, found.return_id, None)).view

    async def _refunded(
        self, tx: Tx, ctx: Context, orders: dict[str, Order], returns: Sequence[Return], *, shipping: bool = False
    ) -> None:
        """Give back what arrived, at most what is left of it, and close. returns: one of an order at most."""
        books = await store.load_books(tx, [orders[found.order_id] for found in returns])
        decisions = [
            decision
            for found in returns
            if (decision := self._decision(ctx, orders[found.order_id], books[found.order_id], found, shipping))
        ]
        happenings = [
            Happening(d.order.order_id, Signal.REFUND_ASKED, ctx, Claim(d.money, d.credit).fact) for d in decisions
        ]
        await self._steps.move(tx, {d.order.order_id: d.order for d in decisions}, happenings)
        await decide(tx, decisions)
        for found in returns:
            tell_received(tx, ctx, found)
        await self._closed(tx, ctx, orders, returns)

    @staticmethod
    def _decision(ctx: Context, order: Order, book: Book, found: Return, shipping: bool) -> Decision | None:
        """Decide the refund of what arrived; None where there is nothing to move. Raises DeductionTooHigh."""
        arrived = {line.line: line.arrived for line in found.lines if line.arrived}
        pieces = domain.take(book, arrived, (found.parcel,) if shipping else ())
        total = domain.amount_of(pieces)
        if found.deduction > total:
            raise domain.DeductionTooHigh(
                f"{total} in minor units would be given back", pointer="/deduction/amount", left=total
            )
        pieces = domain.deducted(book, pieces, found.deduction)
        amount = total - found.deduction
        # What the marketplace paid for a line goes back also where the customer paid nothing for it.
        if not domain.moves(pieces):
            return None
        found.refund_id = new_id("rfd")
        return Decision(
            found.refund_id,
            order,
            domain.Cause.RETURN,
            found.reason,
            amount,
            Allocation(amount, pieces),
            ctx,
            found.return_id,
            credit=parts_of(order, amount).credit,
        )

    async def move_due_returns(self, tx: Tx, ctx: Context, _request: None) -> int:
        """Move returns past their deadline, a batch of them; returns how many were found."""
        due = await store.due_returns(tx, ctx.now, DUE_BATCH)
        if not due:
            return 0
        orders = await store.lock_orders(tx, [order_id for _, order_id in due])
        returns = await store.load_returns(tx, [return_id for return_id, _ in due])
        # Somebody may have moved one before its order was locked.
        returns = [found for found in returns if found.due_at is not None and found.due_at < ctx.now]
        for found in returns:
            self._move(found, ReturnSignal.OVERDUE, ctx)
        if approved := [found for found in returns if found.status is ReturnStatus.APPROVED]:
            await store.write_returns(tx, approved)
            for found in approved:
                tell_approved(tx, ctx, found)
        refunded = [found for found in returns if found.status is ReturnStatus.REFUNDED]
        for line in (line for found in refunded for line in found.lines):
            # Nobody has said that it can be sold again.
            line.written_off = line.quantity
        while refunded:
            # Of an order one after the other: what is left depends on what was given back before.
            first = {found.order_id: found for found in reversed(refunded)}
            await self._refunded(tx, ctx, orders, list(first.values()))
            refunded = [found for found in refunded if found is not first[found.order_id]]
        if over := [found for found in returns if found.status not in (ReturnStatus.APPROVED, ReturnStatus.REFUNDED)]:
            await self._closed(tx, ctx, orders, over)
        return len(due)

    async def _by_vendor(self, tx: Tx, ctx: Context, request: OneReturn[Act]) -> tuple[Order, Return]:
        """Lock a return of the caller's vendor, or any for an operator."""
        shown = await seen(tx, ctx, request.return_id, None)
        if not ctx.principal.is_operator and not ctx.principal.may(shown.view.vendor_id, *WRITERS):
            raise Denied("only owners and fulfilment may do this")
        return await self._locked(tx, ctx, shown.view)

    async def _locked(self, tx: Tx, ctx: Context, shown: ReturnView) -> tuple[Order, Return]:
        if ctx.if_match is None and ctx.key is None:
            raise PreconditionRequired("send If-Match with the return's ETag, or an Idempotency-Key")
        order = (await store.lock_orders(tx, [shown.order_id]))[shown.order_id]
        (found,) = await store.load_returns(tx, [shown.id])
        if ctx.if_match is not None and found.version not in ctx.if_match:
            raise PreconditionFailed(f"it is at version {found.version} now")
        return order, found

    def _move(self, found: Return, signal: ReturnSignal, ctx: Context) -> None:
        domain.move_return(found, signal, ctx.now, self._limits)

    async def _closed(self, tx: Tx, ctx: Context, orders: dict[str, Order], returns: Sequence[Return]) -> None:
        """Write returns that are over, and let their orders complete that waited only for them."""
        await store.write_returns(tx, returns)
        for found in returns:
            tell_closed(tx, ctx, found)
        over = sorted({found.order_id for found in returns})
        waiting = await store.returning(tx, over)
        ends = {
            order_id: delivered_at + self._window
            for order_id, delivered_at in (await store.last_deliveries(tx, over)).items()
        }
        await self._steps.move(
            tx,
            {order_id: orders[order_id] for order_id in over},
            [
                Happening(order_id, Signal.RETURN_OVER, ctx, Fact(until=ends.get(order_id)))
                for order_id in over
                if order_id not in waiting
            ],
        )
