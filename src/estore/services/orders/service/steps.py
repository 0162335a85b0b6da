"""The saga's steps: a batch of messages is one lock, one write and one outbox insert, however many orders it moves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import msgspec
from prometheus_client import Histogram

from estore.contracts.inventory import StockRejected, StockReserved
from estore.contracts.ledger import CreditHeld, CreditRefused
from estore.contracts.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderCreditRequested,
    OrderPaymentRequested,
    ParcelDelivered,
)
from estore.contracts.payments import PaymentCaptured, PaymentFailed, PaymentRequiresAction
from estore.kit.context import Context, Principal
from estore.kit.db import Tx
from estore.kit.envelope import Cause, Message
from estore.kit.errors import Transient
from estore.kit.ids import new_id
from estore.kit.telemetry import log
from estore.services.orders import domain, store
from estore.services.orders.domain import Details, Order, OrderView, ParcelStatus, State
from estore.services.orders.saga import Claim, Do, Fact, Limits, Signal, advance, claim_refund
from estore.services.orders.service.allocating import Decision, decide
from estore.services.orders.service.commands import OneOrder
from estore.services.orders.service.placing import hashed
from estore.services.orders.service.waiting import Waiting

OVERDUE_BATCH = 200
PURCHASE = Histogram(
    "estore_purchase_seconds",
    "From placing an order until it is confirmed (acted: after its customer acted), rejected or cancelled",
    ["outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600),
)
_NO_DETAILS = Details((), ())
_log = log(__name__)


class Happening(msgspec.Struct, frozen=True):
    """A signal for one order, what it brings along, and what caused it."""

    order_id: str
    signal: Signal
    cause: Cause
    fact: Fact = Fact()


class OrderBehind(Transient):
    code, title = "orders.order_behind", "The order is not here yet"


class Steps:
    """Moves orders. waiting: is told of outcomes once they are durable."""

    def __init__(self, limits: Limits, waiting: Waiting) -> None:
        self._limits = limits
        self._waiting = waiting

    async def stock_reserved(self, tx: Tx, messages: Sequence[Message[StockReserved]]) -> None:
        """Inventory holds everything: ask for the credit or the money, or confirm what costs nothing."""
        await self._happen(tx, [Happening(m.data.order_id, Signal.STOCK_RESERVED, m) for m in messages])

    async def stock_rejected(self, tx: Tx, messages: Sequence[Message[StockRejected]]) -> None:
        """Inventory could not hold everything: the order ends."""
        await self._happen(tx, [Happening(m.data.order_id, Signal.STOCK_REJECTED, m) for m in messages])

    async def credit_held(self, tx: Tx, messages: Sequence[Message[CreditHeld]]) -> None:
        """The credit is taken: ask for the rest, confirm where there is none, or give it back when it is too late."""
        await self._happen(
            tx, [Happening(m.data.order_id, Signal.CREDIT_HELD, m, Fact(credit=m.data.amount)) for m in messages]
        )

    async def credit_refused(self, tx: Tx, messages: Sequence[Message[CreditRefused]]) -> None:
        """No credit is taken and none will be: the order ends."""
        await self._happen(
            tx, [Happening(m.data.order_id, Signal.CREDIT_REFUSED, m, Fact(code=m.data.code)) for m in messages]
        )

    async def payment_requires_action(self, tx: Tx, messages: Sequence[Message[PaymentRequiresAction]]) -> None:
        """The customer has to act: tell where, and give them time."""
        await self._happen(
            tx,
            [
                Happening(
                    m.data.order_id,
                    Signal.ACTION_REQUIRED,
                    m,
                    Fact(payment_id=m.data.payment_id, action_url=m.data.action_url),
                )
                for m in messages
            ],
        )

    async def payment_captured(self, tx: Tx, messages: Sequence[Message[PaymentCaptured]]) -> None:
        """The money is here: confirm, or give it back when there is nothing left to buy."""
        orders = await self.lock(tx, [m.data.order_id for m in messages])
        await self.move(
            tx,
            orders,
            [
                Happening(
                    m.data.order_id,
                    Signal.CAPTURED if m.data.currency == orders[m.data.order_id].currency else Signal.MISCAPTURED,
                    m,
                    Fact(payment_id=m.data.payment_id, amount=m.data.amount),
                )
                for m in messages
            ],
        )

    async def payment_failed(self, tx: Tx, messages: Sequence[Message[PaymentFailed]]) -> None:
        """Nothing was charged and nothing will be: the order ends."""
        await self._happen(tx, [Happening(m.data.order_id, Signal.PAYMENT_FAILED, m) for m in messages])

    async def move_overdue(self, tx: Tx, ctx: Context, _request: None) -> int:
        """Move orders past their deadline, a batch of them; returns how many were found."""
        orders = await store.lock_due(tx, ctx.now, OVERDUE_BATCH)
        for order in orders.values():
            if order.status is State.PARTLY_SHIPPED:
                _log.warning("a parcel is overdue while others are on their way", order_id=order.order_id)
        delivered = [order_id for order_id, order in orders.items() if order.status is State.DELIVERED]
        returning = await store.returning(tx, delivered) if delivered else frozenset()
        await self.move(
            tx,
            orders,
            [
                Happening(order_id, Signal.OVERDUE_RETURNING if order_id in returning else Signal.OVERDUE, ctx)
                for order_id in orders
            ],
        )
        return len(orders)

    async def cancel_order(self, tx: Tx, ctx: Context, request: OneOrder) -> OrderView:
        """Call an order off before anything is shipped; what was paid goes back. Cancelling twice changes nothing.

        Raises OrderUnknown for somebody else's, TooLateToCancel.
        """
        asked = asked_of(ctx.principal, request)
        order = await store.lock_own(tx, asked) if asked is not None else None
        if order is None or asked is None:
            raise domain.OrderUnknown()
        own = not ctx.principal.is_operator or order.account_id == ctx.principal.account_id
        signal = Signal.CUSTOMER_CANCELS if own else Signal.OPERATOR_CANCELS
        await self.move(tx, {order.order_id: order}, [Happening(order.order_id, signal, ctx)])
        view = (await store.show_orders(tx, [asked]))[0]
        if view is None:
            raise domain.OrderUnknown()
        return view

    async def parcels_moved(self, tx: Tx, ctx: Context, order: Order, signal: Signal) -> None:
        """Tell the saga what became of a locked order's parcels."""
        await self.move(tx, {order.order_id: order}, [Happening(order.order_id, signal, ctx)])

    async def _happen(self, tx: Tx, happenings: Sequence[Happening]) -> None:
        await self.move(tx, await self.lock(tx, [h.order_id for h in happenings]), happenings)

    async def lock(self, tx: Tx, order_ids: Sequence[str]) -> dict[str, Order]:
        """Lock orders that others speak of. Raises OrderBehind for one that is not here yet."""
        orders = await store.lock_orders(tx, order_ids)
        missing = set(order_ids) - orders.keys()
        if missing:
            raise OrderBehind(f"{', '.join(sorted(missing)[:3])} not here yet")
        return orders

    async def move(self, tx: Tx, orders: dict[str, Order], happenings: Sequence[Happening]) -> None:
        """Decide in order of arrival, then write all that changed at once."""
        versions = {order_id: order.version for order_id, order in orders.items()}
        unsettled = [
            (order, order.action_url is not None)
            for order in orders.values()
            if order.status in (State.PLACED, State.AWAITING_PAYMENT)
        ]
        todo: list[tuple[Order, Do, Cause]] = []
        parcels: dict[str, str] = {}
        refunds: list[tuple[Order, Claim, Cause]] = []
        for happening in happenings:
            order, cause = orders[happening.order_id], happening.cause
            earned = order.status is State.CONFIRMED
            for do in advance(order, happening.signal, happening.fact, cause.now, self._limits):
                if do is Do.CONFIRM:
                    parcels[order.order_id] = ParcelStatus.OPEN
                elif do is Do.CANCEL:
                    parcels[order.order_id] = ParcelStatus.CANCELLED
                elif do is Do.REFUND:
                    claim = claim_refund(order)
                    # What the marketplace paid to the vendors goes back also where the customer paid nothing.
                    if claim.amount or earned:
                        refunds.append((order, claim, cause))
                    continue
                todo.append((order, do, cause))
        changed = [order for order_id, order in orders.items() if order.version != versions[order_id]]
        if not changed:
            return
        await store.write_orders(tx, changed, parcels)
        details = await store.load_details(tx, [order.order_id for order, do, _ in todo if do is Do.CONFIRM])
        await self._deliver_all(tx, [(order, cause) for order, do, cause in todo if do is Do.DELIVER_ALL])
        await _request_credit(tx, [(order, cause) for order, do, cause in todo if do is Do.REQUEST_CREDIT])
        for order, do, cause in todo:
            if do is Do.REQUEST_PAYMENT:
                _request_payment(tx, order, cause, self._limits)
            else:
                _emit(tx, order, do, cause, details.get(order.order_id, _NO_DETAILS))
        await _give_back(tx, refunds)
        await _release(tx, [(order, cause) for order, do, cause in todo if do is Do.CANCEL])
        outcomes = [_outcome(o) for o in changed if domain.is_settled(o.status, o.payment_status)]
        if outcomes:
            tx.after_commit(lambda: self._waiting.announce(outcomes))
        self._measure(tx, unsettled, happenings)

    def _measure(self, tx: Tx, orders: Sequence[tuple[Order, bool]], happenings: Sequence[Happening]) -> None:
        """Tell how long the customers waited whose orders were not settled before; once it is durable.

        orders: and whether their customers had to act, which takes as long as they like.
        """
        now, longest = happenings[0].cause.now, timedelta(seconds=self._limits.until_confirmed)
        for order, acted in orders:
            if order.status in (State.CONFIRMED, State.REJECTED, State.CANCELLED):
                seconds = (now - (order.expires_at - longest)).total_seconds()
                outcome = "acted" if acted and order.status is State.CONFIRMED else order.status.value
                tx.after_commit(partial(PURCHASE.labels(outcome).observe, max(0.0, seconds)))

    async def _deliver_all(self, tx: Tx, late: Sequence[tuple[Order, Cause]]) -> None:
        """Take for delivered what nobody said was delivered."""
        if not late:
            return
        causes = {order.order_id: (order, cause) for order, cause in late}
        now = late[0][1].now
        for order_id, parcel, lines in await store.deliver_all(tx, sorted(causes), now):
            order, cause = causes[order_id]
            tx.emit(
                ParcelDelivered(
                    parcel_id=domain.parcel_id(order_id, parcel.no),
                    order_id=order_id,
                    account_id=order.account_id,
                    vendor_id=parcel.vendor_id,
                    lines=lines,
                    delivered_at=now,
                    version=parcel.version,
                    returnable_until=now + timedelta(seconds=self._limits.returns),
                ),
                cause,
            )


async def _request_credit(tx: Tx, asked: Sequence[tuple[Order, Cause]]) -> None:
    if not asked:
        return
    uses = await store.load_credit(tx, [order.order_id for order, _ in asked])
    for order, cause in asked:
        tx.emit(
            OrderCreditRequested(
                order_id=order.order_id,
                number=order.number,
                account_id=order.account_id,
                uses=uses[order.order_id],
                currency=order.currency,
                version=order.version,
            ),
            cause,
        )


def _request_payment(tx: Tx, order: Order, cause: Cause, limits: Limits) -> None:
    # Long enough for a customer who has to act. Our own deadline is shorter while nobody has to.
    until = cause.now + timedelta(seconds=max(limits.payment, limits.action))
    tx.emit(
        OrderPaymentRequested(
            order_id=order.order_id,
            number=order.number,
            account_id=order.account_id,
            amount=order.to_pay,
            currency=order.currency,
            payment_method=order.payment_method,
            expires_at=until,
            version=order.version,
        ),
        cause,
    )


def _emit(tx: Tx, order: Order, do: Do, cause: Cause, details: Details) -> None:
    match do:
        case Do.CONFIRM:
            tx.emit(
                OrderConfirmed(
                    order_id=order.order_id,
                    number=order.number,
                    account_id=order.account_id,
                    email=order.email,
                    lines=details.lines,
                    totals=order.totals,
                    payment_id=order.payment_id or "",
                    parcels=details.parcels,
                    credit=order.credit,
                    version=order.version,
                ),
                cause,
            )
        case Do.CANCEL:
            tx.emit(
                OrderCancelled(order_id=order.order_id, reason=order.cancel_reason or "", version=order.version), cause
            )
        case Do.COMPLETE:
            tx.emit(OrderCompleted(order_id=order.order_id, completed_at=cause.now, version=order.version), cause)
        case _:
            pass


async def _release(tx: Tx, ended: Sequence[tuple[Order, Cause]]) -> None:
    """Let others use the promotions that orders which have ended used. Last, as many may wait for the counters."""
    promoted = [order.order_id for order, _ in ended if order.discount or order.shipping_discount]
    if promoted:
        await store.release_uses(tx, promoted, ended[0][1].now)


async def _give_back(tx: Tx, refunds: Sequence[tuple[Order, Claim, Cause]]) -> None:
    """Give back what is left of orders that have ended."""
    if not refunds:
        return
    books = await store.load_books(tx, [order for order, _, _ in refunds])
    decisions = []
    for order, claim, cause in refunds:
        # The amount was claimed a moment ago: it is what was left.
        book = msgspec.structs.replace(books[order.order_id], money=claim.amount, credit=0)
        allocation = domain.allocate_rest(book, claim.amount)
        if claim.amount or allocation.pieces:
            reason = order.cancel_reason or "overdue"
            decisions.append(
                Decision(
                    new_id("rfd"),
                    order,
                    domain.Cause.CANCELLED,
                    reason,
                    claim.amount,
                    allocation,
                    cause,
                    credit=claim.credit,
                )
            )
    await decide(tx, decisions)


def _outcome(order: Order) -> store.Outcome:
    return store.Outcome(
        order.order_id,
        order.status,
        order.payment_status,
        order.action_url,
        order.cancel_reason,
        order.version,
        order.credit_refusal,
        order.refunded + order.credit_refunded,
    )


def asked_of(principal: Principal, request: OneOrder) -> store.Asked | None:
    """Return what to look for, and by which right; None when the name can be neither an id nor a number."""
    name, by_number = request.name, False
    if not domain.is_order_id(name):
        number = domain.number_from(name)
        if number is None:
            return None
        name, by_number = number, True
    return store.Asked(name, by_number, principal.account_id, hashed(request.secret), principal.is_operator)
