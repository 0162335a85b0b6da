"""Refunds: asked for by people, made without us, lost to disputes, failed. Each is allocated once: see `allocating`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from estore.contracts.payments import PaymentDisputeClosed, PaymentRefunded, PaymentRefundFailed
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.envelope import Cause, Message
from estore.kit.errors import Denied
from estore.kit.http.pages import Page, page_of, text_in
from estore.kit.ids import new_id
from estore.kit.telemetry import log
from estore.services.orders import domain, store
from estore.services.orders.domain import Allocation, Book, Order, OrderRefund, RefundRow, RefundStatus, State
from estore.services.orders.saga import Fact, Signal, parts_of
from estore.services.orders.service.allocating import Decision, credited, decide, tell
from estore.services.orders.service.commands import ListRefunds, OneOrder, RefundForm
from estore.services.orders.service.steps import Happening, Steps, asked_of

__all__ = ["AskRefund", "Refunds", "list_refunds"]

REFUNDERS = frozenset({"owner", "finance", "fulfilment"})
OLD_BATCH = 100
_log = log(__name__)


class AskRefund(msgspec.Struct, frozen=True):
    """An order by id or number, and what is to be given back of it."""

    name: str
    form: RefundForm


class _Unasked(msgspec.Struct, frozen=True):
    """Money that went back without us."""

    refund_id: str
    order_id: str
    amount: int
    at: datetime
    by: Cause


class Refunds:
    """Gives money back, and keeps account of it."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    # --- what people ask for --------------------------------------------------------------------------------------

    async def refund_order(self, tx: Tx, ctx: Context, request: AskRefund) -> OrderRefund:
        """Give a part of an order back: lines, shipping, or an amount. A vendor may do so of its own parcel.

        Raises OrderUnknown, Denied, OrderNotConfirmed, NotCaptured, LinesOrAmount, RefundVendorUnknown, CurrencyWrong,
        AmountNotPositive, and what `allocate_lines` and `allocate_amount` raise.
        """
        order_id, vendors = await self._refundable_by(tx, ctx, request.name)
        order = (await store.lock_orders(tx, [order_id]))[order_id]
        form = request.form
        if (form.amount is None) is (form.lines is None and not form.shipping):
            raise domain.LinesOrAmount(pointer="")
        if form.amount is not None:
            _check_amount(order, form)
        if order.captured is None:
            if order.status in (State.PLACED, State.AWAITING_PAYMENT):
                raise domain.OrderNotConfirmed(f"it is {order.status}")
            raise domain.NotCaptured()
        book = (await store.load_books(tx, [order]))[order_id]
        ended = order.status in _ENDED
        allocation = _asked(book, form, _parcels(book, form, vendors), ended)
        cause = domain.Cause.CANCELLED if ended else domain.Cause.GOODWILL
        refund_id = new_id("rfd")
        asked = parts_of(order, allocation.amount)
        await self._steps.move(tx, {order_id: order}, [Happening(order_id, Signal.REFUND_ASKED, ctx, asked.fact)])
        decision = Decision(refund_id, order, cause, form.reason, asked.amount, allocation, ctx, credit=asked.credit)
        await decide(tx, [decision])
        shown = await store.show_refund(tx, order_id, refund_id, vendors)
        if shown is None:
            raise domain.OrderUnknown()
        return domain.refund_view(shown.row, shown.pieces, "operator" if vendors is None else "vendor")

    async def _refundable_by(self, tx: Tx, ctx: Context, name: str) -> tuple[str, list[str] | None]:
        """Return the order's id, and the vendors whose part of it the caller may give back; None for all of it."""
        asked = asked_of(ctx.principal, OneOrder(name))
        if asked is None:
            raise domain.OrderUnknown()
        if ctx.principal.is_operator:
            order_id = await store.own_order(tx, asked)
            if order_id is None:
                raise domain.OrderUnknown()
            return order_id, None
        found = await store.parcels_in(tx, asked.name, asked.by_number, sorted(ctx.principal.vendors))
        if found is None:
            raise domain.OrderUnknown()
        vendors = [vendor for vendor in found[1].values() if ctx.principal.may(vendor, *REFUNDERS)]
        if not vendors:
            raise Denied("only owners, finance and fulfilment may refund")
        return found[0], vendors

    # --- what payments tells --------------------------------------------------------------------------------------

    async def payment_refunded(self, tx: Tx, messages: Sequence[Message[PaymentRefunded]]) -> None:
        """Money went back; each refund counts once, whoever asked for it."""
        orders = await self._steps.lock(tx, [m.data.order_id for m in messages])
        unique = {m.data.refund_id: m for m in messages}
        known = await store.known_refunds(tx, list(unique))
        done: list[tuple[str, int, datetime]] = []
        happenings: list[Happening] = []
        unasked: list[_Unasked] = []
        for refund_id, m in unique.items():
            amount, row = m.data.amount, known.get(refund_id)
            if row is None:
                unasked.append(_Unasked(refund_id, m.data.order_id, amount, m.data.refunded_at, m))
            elif row.status is RefundStatus.REQUESTED:
                done.append((refund_id, amount, m.data.refunded_at))
                fact = Fact(amount=amount, asked=amount - row.money, credit=row.credit)
                happenings.append(Happening(m.data.order_id, Signal.REFUNDED, m, fact))
            elif row.status is RefundStatus.FAILED:
                _log.error("a refund that had failed went back", refund_id=refund_id, order_id=m.data.order_id)
        await store.mark_refunded(tx, done)
        await self._steps.move(tx, orders, happenings)
        for refund_id, _, _ in done:
            row = known[refund_id]
            credited(tx, refund_id, orders[row.order_id], row.credit, unique[refund_id])
        await self._unasked(tx, orders, unasked, domain.Cause.PROVIDER, "payments")
        if done:
            await self._allocate(tx, orders, await store.unallocated(tx, OLD_BATCH, list(orders)), messages[0])

    async def payment_refund_failed(self, tx: Tx, messages: Sequence[Message[PaymentRefundFailed]]) -> None:
        """The money is still here: what the refund had taken is free again, and its order is not given back."""
        orders = await self._steps.lock(tx, [m.data.order_id for m in messages])
        unique = {m.data.refund_id: m for m in messages}
        known = await store.known_refunds(tx, list(unique))
        failed: list[tuple[str, str, datetime]] = []
        happenings: list[Happening] = []
        for refund_id, m in unique.items():
            row = known.get(refund_id)
            if row is not None and row.status is RefundStatus.REQUESTED:
                failed.append((refund_id, m.data.code, m.now))
                happenings.append(
                    Happening(row.order_id, Signal.REFUND_FAILED, m, Fact(asked=-row.money, credit_asked=-row.credit))
                )
            elif row is not None and row.status is RefundStatus.REFUNDED:
                _log.error("a refund that went back is said to have failed", refund_id=refund_id)
        await store.mark_failed(tx, failed)
        await self._steps.move(tx, orders, happenings)
        if failed:
            await self._allocate(tx, orders, await store.unallocated(tx, OLD_BATCH, list(orders)), messages[0])

    async def payment_dispute_closed(self, tx: Tx, messages: Sequence[Message[PaymentDisputeClosed]]) -> None:
        """A lost dispute is money that went back: it counts once, as far as there was something to give back."""
        lost = {m.data.dispute_id: m for m in messages if not m.data.won}
        if not lost:
            return
        orders = await self._steps.lock(tx, [m.data.order_id for m in lost.values()])
        known = await store.known_refunds(tx, list(lost))
        unasked = [
            _Unasked(dispute_id, m.data.order_id, m.data.amount, m.data.closed_at, m)
            for dispute_id, m in lost.items()
            if dispute_id not in known
        ]
        await self._unasked(tx, orders, unasked, domain.Cause.DISPUTE, "dispute")

    async def _unasked(
        self, tx: Tx, orders: dict[str, Order], unasked: Sequence[_Unasked], cause: domain.Cause, reason: str
    ) -> None:
        if not unasked:
            return
        moved = {one.order_id: orders[one.order_id] for one in unasked}
        books = await store.load_books(tx, list(moved.values()))
        pending = await store.refunding(tx, list(moved))
        decisions = []
        for one in unasked:
            book = books[one.order_id]
            allocation = domain.allocate(book, one.amount, keep=book.credit)
            # It took what another refund counts on: payments will cut that one, or fail it, and only then is it known
            # what is left of the lines.
            undecided = one.order_id in pending and book.money is not None and book.money < one.amount
            books[one.order_id] = book.after(allocation)
            decisions.append(
                Decision(
                    one.refund_id,
                    orders[one.order_id],
                    cause,
                    reason,
                    one.amount,
                    None if undecided else allocation,
                    one.by,
                    refunded_at=one.at,
                )
            )
        # First the saga, which may find that it is too early for this.
        await self._steps.move(
            tx,
            moved,
            [Happening(o.order_id, Signal.REFUNDED, o.by, Fact(amount=o.amount, asked=o.amount)) for o in unasked],
        )
        await decide(tx, decisions)

    async def allocate_refunds(self, tx: Tx, ctx: Context, _request: None) -> int:
        """Allocate refunds that a process of the version before decided, a batch of them; returns how many."""
        found = await store.unallocated(tx, OLD_BATCH)
        if found:
            orders = await store.lock_orders(tx, [row.order_id for row in found])
            known = await store.known_refunds(tx, [row.refund_id for row in found])
            rows = [row for row in known.values() if row.allocated_at is None and row.failed_at is None]
            await self._allocate(tx, orders, rows, ctx)
        return len(found)

    async def _allocate(self, tx: Tx, orders: dict[str, Order], rows: Sequence[RefundRow], by: Cause) -> None:
        """Say of refunds of locked orders who bears them."""
        if not rows:
            return
        books = await store.load_books(tx, [orders[order_id] for order_id in {row.order_id for row in rows}])
        written = []
        for row in sorted(rows, key=lambda r: r.refund_id):
            book = books[row.order_id]
            # Its amount is claimed already: to itself, it is left.
            allocation = domain.allocate(msgspec.structs.replace(book, money=row.amount), row.amount, book.credit)
            books[row.order_id] = book.after(allocation)
            written.append((row, allocation))
        await store.write_allocations(tx, written, by.now)
        for row, allocation in written:
            cause, order = domain.Cause(row.cause), orders[row.order_id]
            decision = Decision(row.refund_id, order, cause, row.reason, row.amount, allocation, by, row.return_id)
            tell(tx, msgspec.structs.replace(decision, credit=row.credit))


_ENDED = frozenset({State.CANCELLED, State.REJECTED})


def _check_amount(order: Order, form: RefundForm) -> None:
    if form.amount is None:
        return
    if form.amount.currency != order.currency:
        raise domain.CurrencyWrong(f"it was paid in {order.currency}", pointer="/amount/currency")
    if form.amount.amount <= 0:
        raise domain.AmountNotPositive(pointer="/amount/amount")


def _parcels(book: Book, form: RefundForm, vendors: Collection[str] | None) -> frozenset[int] | None:
    """Return the parcels that may be given back of; None for all."""
    if form.vendor_id is not None:
        found = {part.parcel for part in book.parts if part.vendor_id == form.vendor_id}
        if not found or (vendors is not None and form.vendor_id not in vendors):
            raise domain.RefundVendorUnknown(pointer="/vendor_id")
        return frozenset(found)
    if vendors is None:
        return None
    return frozenset(part.parcel for part in book.parts if part.vendor_id in vendors)


def _asked(book: Book, form: RefundForm, parcels: frozenset[int] | None, ended: bool) -> Allocation:
    if not book.earned:
        # Its lines never were anybody's: only the money is there to be given back.
        if form.amount is None or parcels is not None:
            raise domain.OrderNotConfirmed("say an amount", pointer="")
        left = book.free or 0
        if left == 0:
            raise domain.NothingLeft()
        if form.amount.amount > left:
            raise domain.RefundTooHigh(f"{left} in minor units are left", pointer="/amount/amount", left=left)
        return domain.allocate(book, form.amount.amount)
    if form.amount is not None:
        allocation = domain.allocate_amount(book, form.amount.amount, parcels)
        # The refund of an order that was called off had failed: this one stands for it.
        rest = ended and parcels is None and allocation.amount == book.left()
        return domain.allocate_rest(book, allocation.amount) if rest else allocation
    wanted = wanted_lines(book.order_id, [(line.line_id, line.quantity) for line in form.lines or ()])
    lines = {number for number, _ in wanted}
    of = {part.parcel for part in book.in_parcels(parcels) if not lines or part.line in lines}
    pieces = domain.allocate_lines(book, wanted, of if form.shipping else (), parcels=parcels)
    return Allocation(domain.amount_of(pieces), pieces)


def wanted_lines(order_id: str, lines: Sequence[tuple[str, int]]) -> list[tuple[int, int]]:
    """Return pairs of (number, quantity) of pairs of (line id, quantity). Raises LineUnknown."""
    wanted = []
    for index, (one, quantity) in enumerate(lines):
        number = domain.line_number(order_id, one)
        if number is None:
            raise domain.LineUnknown(pointer=f"/lines/{index}/line_id")
        wanted.append((number, quantity))
    return wanted


async def list_refunds(tx: Tx, ctx: Context, request: ListRefunds) -> Page[OrderRefund]:
    """List an order's refunds, newest first, to its customer, its vendors (their part) or an operator.

    Raises OrderUnknown for somebody else's.
    """
    asked = asked_of(ctx.principal, OneOrder(request.name, request.secret))
    if asked is None:
        raise domain.OrderUnknown()
    before = text_in(request.cursor)
    vendors: list[str] | None = None
    audience: domain.Audience = "operator" if ctx.principal.is_operator else "customer"
    order_id = await store.own_order(tx, asked)
    if order_id is None:
        found = await store.parcels_in(tx, asked.name, asked.by_number, sorted(ctx.principal.vendors))
        if found is None:
            raise domain.OrderUnknown()
        order_id, vendors, audience = found[0], sorted(set(found[1].values())), "vendor"
    rows = await store.list_refunds(tx, order_id, vendors, before=before, at_most=request.limit + 1)
    shown = [domain.refund_view(one.row, one.pieces, audience) for one in rows]
    return page_of(shown, request.limit, lambda refund: (refund.id,))
