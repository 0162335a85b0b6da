"""Returns: a customer sends a part of one parcel back, its vendor inspects it, and it is refunded by line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Generic, TypeVar

import msgspec

from estore.contracts.orders import ReturnApproved, ReturnClosed, ReturnLine, ReturnReceived, ReturnRequested
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Denied, Fault, PreconditionFailed, PreconditionRequired, Unauthenticated
from estore.kit.http.pages import Page, decode_cursor, page_of
from estore.kit.ids import new_id
from estore.services.orders import domain, store
from estore.services.orders.domain import (
    Allocation,
    Order,
    Return,
    ReturnedLine,
    ReturnLimits,
    ReturnSignal,
    ReturnStatus,
    ReturnView,
)
from estore.services.orders.saga import Fact, Limits, Signal, parts_of
from estore.services.orders.service.allocating import Decision, decide
from estore.services.orders.service.commands import (
    ApproveReturn,
    CancelReturn,
    InspectReturn,
    ListReturns,
    OneOrder,
    ReceiveReturn,
    RefuseReturn,
    ReturnForm,
)
from estore.services.orders.service.parcels import WRITERS
from estore.services.orders.service.placing import hashed
from estore.services.orders.service.reading import FilterInvalid
from estore.services.orders.service.refunds import wanted_lines
from estore.services.orders.service.steps import Happening, Steps, asked_of

__all__ = ["AskReturn", "OneReturn", "Returns", "list_returns", "show_return"]

DUE_BATCH = 100
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
    return (await _seen(tx, ctx, request.return_id, request.secret)).view


async def _seen(tx: Tx, ctx: Context, return_id: str, secret: str | None) -> store.SeenReturn:
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
    before = decode_cursor(request.cursor, str)
    if before is not None and "\x00" in before[0]:
        raise FilterInvalid(errors=[Fault("not a cursor", parameter="cursor")])
    rows = await store.list_returns(
        tx,
        _seeing(ctx, request.secret),
        status=request.status,
        vendor=request.vendor,
        order=request.order,
        before=before[0] if before else None,
        at_most=request.limit + 1,
    )
    return page_of(rows, request.limit, lambda found: (found.id,))


class Returns:
    """Moves returns. window: seconds after its delivery in which a parcel may be returned."""

    def __init__(self, steps: Steps, limits: Limits, own: ReturnLimits) -> None:
        self._steps = steps
        self._window = timedelta(seconds=limits.returns)
        self._limits = own

    async def request_return(self, tx: Tx, ctx: Context, request: AskReturn) -> ReturnView:
        """Ask to send pieces of one parcel back, by its customer (or by an operator for them).

        Raises OrderUnknown, ParcelUnknown, LineUnknown, OneParcelOnly, NotReturnable, QuantityTooHigh, NothingLeft.
        """
        asked = asked_of(ctx.principal, request.order)
        order = await store.lock_own(tx, asked) if asked is not None else None
        if order is None:
            raise domain.OrderUnknown()
        lines = await self._wanted(tx, ctx, order, request.form)
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
        tx.emit(
            ReturnRequested(
                return_id=made.return_id,
                order_id=made.order_id,
                parcel_id=domain.parcel_id(made.order_id, made.parcel),
                vendor_id=made.vendor_id,
                account_id=order.account_id,
                reason=made.reason,
                lines=_told(made, None),
                amount=made.amount,
                payable=made.payable,
                currency=made.currency,
                version=made.version,
            ),
            ctx,
        )
        return (await _seen(tx, ctx, made.return_id, request.order.secret)).view

    async def _wanted(
        self, tx: Tx, ctx: Context, order: Order, form: ReturnForm
    ) -> list[tuple[store.ReturnableLine, int]]:
        """Return the lines that are to go back, of one parcel that arrived in time, each with its quantity."""
        every = {line.no: line for line in await store.returnable(tx, order.order_id)}
        place = domain.place_of(form.parcel_id) if form.parcel_id is not None else None
        if form.parcel_id is not None and (
            place is None or place[0] != order.order_id or place[1] not in {line.parcel for line in every.values()}
        ):
            raise domain.ReturnParcelUnknown(pointer="/parcel_id")
        if form.lines is None:
            if place is None:
                raise domain.LinesOrParcel(pointer="")
            wanted = [(line.no, line.left) for line in every.values() if line.parcel == place[1] and line.left > 0]
        else:
            wanted = wanted_lines(order.order_id, [(line.line_id, line.quantity) for line in form.lines])
        quantities: dict[int, int] = {}
        of = place[1] if place is not None else None
        for index, (number, quantity) in enumerate(wanted):
            if (line := every.get(number)) is None:
                raise domain.LineUnknown(pointer=f"/lines/{index}/line_id")
            of = line.parcel if of is None else of
            if line.parcel != of:
                raise domain.OneParcelOnly(pointer=f"/lines/{index}/line_id")
            quantities[number] = quantities.get(number, 0) + quantity
        delivered = next((line.delivered_at for line in every.values() if line.parcel == of), None)
        if delivered is None or ctx.now > delivered + self._window:
            raise domain.NotReturnable("it has not arrived" if delivered is None else "the time to return it is over")
        for index, (number, _) in enumerate(wanted):
            if quantities[number] > (left := max(0, every[number].left)):
                raise domain.QuantityTooHigh(f"{left} can be returned", pointer=f"/lines/{index}/quantity", left=left)
        if not quantities:
            raise domain.NothingLeft()
        return [(every[number], quantity) for number, quantity in quantities.items()]

    async def approve_return(self, tx: Tx, ctx: Context, request: OneReturn[ApproveReturn]) -> ReturnView:
        """Agree that it is sent back. Raises ReturnUnknown, Denied, ReturnNotPossible, PreconditionFailed."""
        _, found = await self._by_vendor(tx, ctx, request)
        self._move(found, ReturnSignal.APPROVE, ctx)
        await store.write_returns(tx, [found])
        _tell_approved(tx, ctx, found)
        return (await _seen(tx, ctx, found.return_id, None)).view

    async def refuse_return(self, tx: Tx, ctx: Context, request: OneReturn[RefuseReturn]) -> ReturnView:
        """Do not take it back, and say why. Raises ReturnUnknown, Denied, ReturnNotPossible, PreconditionFailed."""
        order, found = await self._by_vendor(tx, ctx, request)
        self._move(found, ReturnSignal.REFUSE, ctx)
        found.refusal = request.form.reason
        await self._closed(tx, ctx, {order.order_id: order}, [found])
        return (await _seen(tx, ctx, found.return_id, None)).view

    async def cancel_return(self, tx: Tx, ctx: Context, request: OneReturn[CancelReturn]) -> ReturnView:
        """Keep it after all, before it has arrived. For the customer, or an operator.

        Raises ReturnUnknown, Denied, ReturnNotPossible, PreconditionFailed.
        """
        seen = await _seen(tx, ctx, request.return_id, request.secret)
        theirs = seen.account_id is not None and seen.account_id == ctx.principal.account_id
        # Whom only the secret of a guest's order could have shown it to has that secret.
        guests = seen.account_id is None and seen.view.vendor_id not in ctx.principal.vendors
        if not (ctx.principal.is_operator or theirs or guests):
            raise Denied("only the customer may cancel a return")
        order, found = await self._locked(tx, ctx, seen.view)
        self._move(found, ReturnSignal.CANCEL, ctx)
        await self._closed(tx, ctx, {order.order_id: order}, [found])
        return (await _seen(tx, ctx, found.return_id, request.secret)).view

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
        return (await _seen(tx, ctx, found.return_id, None)).view

    async def inspect_return(self, tx: Tx, ctx: Context, request: OneReturn[InspectReturn]) -> ReturnView:
        """Say what arrived and what becomes of it; it is refunded by line at once, less a deduction.

        Raises ReturnUnknown, Denied, ReturnNotPossible, PreconditionFailed, DispositionsWrong, LineUnknown,
        CurrencyWrong, AmountNotPositive, DeductionTooHigh, DeductionUnexplained.
        """
        order, found = await self._by_vendor(tx, ctx, request)
        return await self._inspected(tx, ctx, order, found, request.form)

    async def _inspected(self, tx: Tx, ctx: Context, order: Order, found: Return, form: InspectReturn) -> ReturnView:
        self._move(found, ReturnSignal.INSPECT, ctx)
        lines = {line.line: line for line in found.lines}
        numbers = wanted_lines(order.order_id, [(one.line_id, one.quantity) for one in form.lines])
        for index, ((number, quantity), one) in enumerate(zip(numbers, form.lines, strict=True)):
            if (line := lines.get(number)) is None:
                raise domain.LineUnknown(pointer=f"/lines/{index}/line_id")
            if one.disposition == "restock":
                line.restocked += quantity
            else:
                line.written_off += quantity
            if line.arrived > line.quantity:
                raise domain.DispositionsWrong(pointer=f"/lines/{index}/quantity")
        if form.deduction is not None:
            if form.deduction.currency != order.currency:
                raise domain.CurrencyWrong(f"it was paid in {order.currency}", pointer="/deduction/currency")
            if form.deduction.amount <= 0:
                raise domain.AmountNotPositive(pointer="/deduction/amount")
            if not form.deduction_reason.strip():
                raise domain.DeductionUnexplained(pointer="/deduction_reason")
            found.deduction, found.deduction_reason = form.deduction.amount, form.deduction_reason
        await self._refunded(tx, ctx, {order.order_id: order}, found, shipping=form.shipping)
        return (await _seen(tx, ctx, found.return_id, None)).view

    async def _refunded(
        self, tx: Tx, ctx: Context, orders: dict[str, Order], found: Return, *, shipping: bool = False
    ) -> None:
        """Give back what arrived, at most what is left of it, and close."""
        order = orders[found.order_id]
        book = (await store.load_books(tx, [order]))[found.order_id]
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
        if domain.moves(pieces):
            found.refund_id = new_id("rfd")
            asked = parts_of(order, amount)
            await self._steps.move(
                tx,
                {found.order_id: order},
                [Happening(found.order_id, Signal.REFUND_ASKED, ctx, asked.fact)],
            )
            decision = Decision(
                found.refund_id,
                order,
                domain.Cause.RETURN,
                found.reason,
                amount,
                Allocation(amount, pieces),
                ctx,
                found.return_id,
                credit=asked.credit,
            )
            await decide(tx, [decision])
        tx.emit(
            ReturnReceived(
                return_id=found.return_id,
                order_id=found.order_id,
                vendor_id=found.vendor_id,
                lines=(*_told(found, "restock"), *_told(found, "write_off")),
                version=found.version,
            ),
            ctx,
        )
        await self._closed(tx, ctx, orders, [found])

    async def move_due_returns(self, tx: Tx, ctx: Context, _request: None) -> int:
        """Move returns past their deadline, a batch of them; returns how many were found."""
        due = await store.due_returns(tx, ctx.now, DUE_BATCH)
        if not due:
            return 0
        orders = await store.lock_orders(tx, [order_id for _, order_id in due])
        returns = await store.load_returns(tx, [return_id for return_id, _ in due])
        for found in returns:
            # Somebody may have moved it before its order was locked.
            if found.due_at is None or found.due_at >= ctx.now:
                continue
            self._move(found, ReturnSignal.OVERDUE, ctx)
            if found.status is ReturnStatus.APPROVED:
                await store.write_returns(tx, [found])
                _tell_approved(tx, ctx, found)
            elif found.status is ReturnStatus.REFUNDED:
                for line in found.lines:
                    # Nobody has said that it can be sold again.
                    line.written_off = line.quantity
                await self._refunded(tx, ctx, orders, found)
            else:
                await self._closed(tx, ctx, orders, [found])
        return len(due)

    async def _by_vendor(self, tx: Tx, ctx: Context, request: OneReturn[Act]) -> tuple[Order, Return]:
        """Lock a return of the caller's vendor, or any for an operator."""
        seen = await _seen(tx, ctx, request.return_id, None)
        if not ctx.principal.is_operator and not ctx.principal.may(seen.view.vendor_id, *WRITERS):
            raise Denied("only owners and fulfilment may do this")
        return await self._locked(tx, ctx, seen.view)

    async def _locked(self, tx: Tx, ctx: Context, seen: ReturnView) -> tuple[Order, Return]:
        if ctx.if_match is None and ctx.key is None:
            raise PreconditionRequired("send If-Match with the return's ETag, or an Idempotency-Key")
        order = (await store.lock_orders(tx, [seen.order_id]))[seen.order_id]
        (found,) = await store.load_returns(tx, [seen.id])
        if ctx.if_match is not None and ctx.if_match != found.version:
            raise PreconditionFailed(f"it is at version {found.version} now")
        return order, found

    def _move(self, found: Return, signal: ReturnSignal, ctx: Context) -> None:
        domain.move_return(found, signal, ctx.now, self._limits)

    async def _closed(self, tx: Tx, ctx: Context, orders: dict[str, Order], returns: Sequence[Return]) -> None:
        """Write returns that are over, and let their orders complete that waited only for them."""
        await store.write_returns(tx, returns)
        for found in returns:
            tx.emit(
                ReturnClosed(
                    return_id=found.return_id,
                    order_id=found.order_id,
                    parcel_id=domain.parcel_id(found.order_id, found.parcel),
                    vendor_id=found.vendor_id,
                    outcome=found.status,
                    refund_id=found.refund_id,
                    closed_at=ctx.now,
                    version=found.version,
                ),
                ctx,
            )
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


def _tell_approved(tx: Tx, ctx: Context, found: Return) -> None:
    tx.emit(
        ReturnApproved(
            return_id=found.return_id,
            order_id=found.order_id,
            vendor_id=found.vendor_id,
            expires_at=found.due_at or ctx.now,
            version=found.version,
        ),
        ctx,
    )


def _told(found: Return, disposition: str | None) -> tuple[ReturnLine, ...]:
    """Return the lines as events carry them: all, or those that arrived with one disposition."""

    def pieces(line: ReturnedLine) -> int:
        return {"restock": line.restocked, "write_off": line.written_off}.get(disposition or "", line.quantity)

    return tuple(
        ReturnLine(domain.line_id(found.order_id, line.line), line.sku, pieces(line), disposition)
        for line in found.lines
        if pieces(line)
    )
