"""The purchase saga: ONE table, state x signal -> state, what to do, until when. Nobody else moves an order.

Late, duplicate and reordered signals are normal input, so every pair is in the table, also those that change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum, StrEnum

import msgspec

from estore.kit.errors import Transient
from estore.services.orders.domain import FINAL, Order, PaymentStatus, State, TooLateToCancel


class Signal(StrEnum):
    """What may happen to an order. `miscaptured`: a capture of another amount than its total. `refund_asked`: by a
    person, of a part. `return_over`: nothing of it is on its way back any more. `overdue_returning`: something is."""

    STOCK_RESERVED = "stock_reserved"
    STOCK_REJECTED = "stock_rejected"
    ACTION_REQUIRED = "action_required"
    CAPTURED = "captured"
    MISCAPTURED = "miscaptured"
    PAYMENT_FAILED = "payment_failed"
    REFUND_ASKED = "refund_asked"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    RETURN_OVER = "return_over"
    OVERDUE = "overdue"
    OVERDUE_RETURNING = "overdue_returning"
    CUSTOMER_CANCELS = "customer_cancels"
    OPERATOR_CANCELS = "operator_cancels"
    PART_SHIPPED = "part_shipped"
    ALL_SHIPPED = "all_shipped"
    PART_DELIVERED = "part_delivered"
    ALL_DELIVERED = "all_delivered"


class Do(Enum):
    """What a step does besides moving: the first group changes the order, the second is for the use case to emit."""

    RECORD_ACTION = "record where the customer must go"
    RECORD_CAPTURE = "record the captured amount"
    RECORD_FAILURE = "record that nothing was charged"
    RECORD_REFUND = "record what was given back, or is about to be"

    REQUEST_PAYMENT = "order.payment_requested"
    CONFIRM = "order.confirmed; the parcels are open"
    CANCEL = "order.cancelled; the parcels are cancelled"
    REFUND = "refund.requested for what was captured and not given back, if anything"
    DELIVER_ALL = "parcel.delivered for every parcel on its way"
    COMPLETE = "order.completed"


class Kind(Enum):
    """Whether a step is taken, changes nothing, comes too early to be understood, or is refused."""

    GO = "go"
    IGNORE = "ignore"
    WAIT = "wait"
    REFUSE = "refuse"


class Step(msgspec.Struct, frozen=True):
    """One cell. to: None stays. until: the limit that sets the deadline; None keeps it (or clears it, when final)."""

    kind: Kind
    to: State | None = None
    do: tuple[Do, ...] = ()
    reason: str | None = None
    until: str | None = None


class Limits(msgspec.Struct, frozen=True):
    """Seconds that an order may stay where it is. returning: until it is asked again whether its returns are over."""

    reservation: int = 900
    payment: int = 900
    action: int = 1800
    ship: int = 14 * 86_400
    deliver: int = 30 * 86_400
    returns: int = 30 * 86_400
    returning: int = 86_400
    grace: int = 60

    @property
    def until_confirmed(self) -> int:
        """The longest way from placing to confirmation: for so long stock may be held."""
        return self.reservation + self.payment + self.action + 2 * self.grace


class Fact(msgspec.Struct, frozen=True):
    """What a signal brings along. amount: captured, or given back. asked: by how much what was asked to be given back
    grows; less than zero where it will not be. until: when the time to return things is over."""

    payment_id: str | None = None
    amount: int = 0
    action_url: str | None = None
    asked: int = 0
    until: datetime | None = None


class TooEarly(Transient):
    code, title = "orders.too_early", "The order has not come far enough for this"


def _go(to: State | None, *do: Do, reason: str | None = None, until: str | None = None) -> Step:
    return Step(Kind.GO, to, do, reason, until)


_IGNORE, _WAIT, _REFUSE = Step(Kind.IGNORE), Step(Kind.WAIT), Step(Kind.REFUSE)
_RECORD_REFUND = _go(None, Do.RECORD_REFUND)
# Nothing but the version: who looks at the order sees its parcels, and must not be told that nothing has changed.
_SHOW = _go(None)
# The money arrives where there is nothing left to buy: it goes back.
_GIVE_BACK = _go(None, Do.RECORD_CAPTURE, Do.REFUND)

TABLE: Mapping[State, Mapping[Signal, Step]] = {
    State.PLACED: {
        Signal.STOCK_RESERVED: _go(State.AWAITING_PAYMENT, Do.REQUEST_PAYMENT, until="payment"),
        Signal.STOCK_REJECTED: _go(State.REJECTED, Do.CANCEL, reason="out_of_stock"),
        # Payments answers only what we asked after stock.reserved.
        Signal.ACTION_REQUIRED: _WAIT,
        Signal.CAPTURED: _WAIT,
        Signal.MISCAPTURED: _WAIT,
        Signal.PAYMENT_FAILED: _WAIT,
        Signal.REFUND_ASKED: _REFUSE,
        Signal.REFUNDED: _WAIT,
        Signal.REFUND_FAILED: _WAIT,
        Signal.RETURN_OVER: _IGNORE,
        Signal.OVERDUE: _go(State.CANCELLED, Do.CANCEL, reason="overdue"),
        Signal.OVERDUE_RETURNING: _IGNORE,
        Signal.CUSTOMER_CANCELS: _go(State.CANCELLED, Do.CANCEL, reason="customer"),
        Signal.OPERATOR_CANCELS: _go(State.CANCELLED, Do.CANCEL, reason="operator"),
        Signal.PART_SHIPPED: _WAIT,
        Signal.ALL_SHIPPED: _WAIT,
        Signal.PART_DELIVERED: _WAIT,
        Signal.ALL_DELIVERED: _WAIT,
    },
    State.AWAITING_PAYMENT: {
        Signal.STOCK_RESERVED: _IGNORE,
        Signal.STOCK_REJECTED: _go(State.REJECTED, Do.CANCEL, reason="out_of_stock"),
        Signal.ACTION_REQUIRED: _go(None, Do.RECORD_ACTION, until="action"),
        Signal.CAPTURED: _go(State.CONFIRMED, Do.RECORD_CAPTURE, Do.CONFIRM, until="ship"),
        Signal.MISCAPTURED: _go(State.CANCELLED, Do.RECORD_CAPTURE, Do.CANCEL, Do.REFUND, reason="payment_failed"),
        Signal.PAYMENT_FAILED: _go(State.CANCELLED, Do.RECORD_FAILURE, Do.CANCEL, reason="payment_failed"),
        # Nobody knows yet whose money it was: its capture is on the way.
        Signal.REFUND_ASKED: _REFUSE,
        Signal.REFUNDED: _WAIT,
        Signal.REFUND_FAILED: _WAIT,
        Signal.RETURN_OVER: _IGNORE,
        Signal.OVERDUE: _go(State.CANCELLED, Do.CANCEL, reason="overdue"),
        Signal.OVERDUE_RETURNING: _IGNORE,
        Signal.CUSTOMER_CANCELS: _go(State.CANCELLED, Do.CANCEL, reason="customer"),
        Signal.OPERATOR_CANCELS: _go(State.CANCELLED, Do.CANCEL, reason="operator"),
        Signal.PART_SHIPPED: _WAIT,
        Signal.ALL_SHIPPED: _WAIT,
        Signal.PART_DELIVERED: _WAIT,
        Signal.ALL_DELIVERED: _WAIT,
    },
    State.CONFIRMED: {
        Signal.STOCK_RESERVED: _IGNORE,
        Signal.STOCK_REJECTED: _IGNORE,
        Signal.ACTION_REQUIRED: _IGNORE,
        Signal.CAPTURED: _IGNORE,
        Signal.MISCAPTURED: _IGNORE,
        Signal.PAYMENT_FAILED: _IGNORE,
        Signal.REFUND_ASKED: _RECORD_REFUND,
        Signal.REFUNDED: _RECORD_REFUND,
        Signal.REFUND_FAILED: _RECORD_REFUND,
        Signal.RETURN_OVER: _IGNORE,
        # Nobody shipped anything in time: the customer gets the money back.
        Signal.OVERDUE: _go(State.CANCELLED, Do.CANCEL, Do.REFUND, reason="overdue"),
        Signal.OVERDUE_RETURNING: _IGNORE,
        Signal.CUSTOMER_CANCELS: _go(State.CANCELLED, Do.CANCEL, Do.REFUND, reason="customer"),
        Signal.OPERATOR_CANCELS: _go(State.CANCELLED, Do.CANCEL, Do.REFUND, reason="operator"),
        Signal.PART_SHIPPED: _go(State.PARTLY_SHIPPED, until="ship"),
        Signal.ALL_SHIPPED: _go(State.SHIPPED, until="deliver"),
        Signal.PART_DELIVERED: _WAIT,
        Signal.ALL_DELIVERED: _WAIT,
    },
    State.PARTLY_SHIPPED: {
        Signal.STOCK_RESERVED: _IGNORE,
        Signal.STOCK_REJECTED: _IGNORE,
        Signal.ACTION_REQUIRED: _IGNORE,
        Signal.CAPTURED: _IGNORE,
        Signal.MISCAPTURED: _IGNORE,
        Signal.PAYMENT_FAILED: _IGNORE,
        Signal.REFUND_ASKED: _RECORD_REFUND,
        Signal.REFUNDED: _RECORD_REFUND,
        Signal.REFUND_FAILED: _RECORD_REFUND,
        Signal.RETURN_OVER: _IGNORE,
        # One vendor is late while another has shipped: a person decides, and is reminded.
        Signal.OVERDUE: _go(None, until="ship"),
        Signal.OVERDUE_RETURNING: _IGNORE,
        Signal.CUSTOMER_CANCELS: _REFUSE,
        Signal.OPERATOR_CANCELS: _REFUSE,
        Signal.PART_SHIPPED: _SHOW,
        Signal.ALL_SHIPPED: _go(State.SHIPPED, until="deliver"),
        Signal.PART_DELIVERED: _SHOW,
        Signal.ALL_DELIVERED: _WAIT,
    },
    State.SHIPPED: {
        Signal.STOCK_RESERVED: _IGNORE,
        Signal.STOCK_REJECTED: _IGNORE,
        Signal.ACTION_REQUIRED: _IGNORE,
        Signal.CAPTURED: _IGNORE,
        Signal.MISCAPTURED: _IGNORE,
        Signal.PAYMENT_FAILED: _IGNORE,
        Signal.REFUND_ASKED: _RECORD_REFUND,
        Signal.REFUNDED: _RECORD_REFUND,
        Signal.REFUND_FAILED: _RECORD_REFUND,
        Signal.RETURN_OVER: _IGNORE,
        # Nobody complained: it arrived, and the vendors are to be paid.
        Signal.OVERDUE: _go(State.DELIVERED, Do.DELIVER_ALL, until="returns"),
        Signal.OVERDUE_RETURNING: _IGNORE,
        Signal.CUSTOMER_CANCELS: _REFUSE,
        Signal.OPERATOR_CANCELS: _REFUSE,
        Signal.PART_SHIPPED: _IGNORE,
        Signal.ALL_SHIPPED: _IGNORE,
        Signal.PART_DELIVERED: _SHOW,
        Signal.ALL_DELIVERED: _go(State.DELIVERED, until="returns"),
    },
    State.DELIVERED: {
        Signal.STOCK_RESERVED: _IGNORE,
        Signal.STOCK_REJECTED: _IGNORE,
        Signal.ACTION_REQUIRED: _IGNORE,
        Signal.CAPTURED: _IGNORE,
        Signal.MISCAPTURED: _IGNORE,
        Signal.PAYMENT_FAILED: _IGNORE,
        Signal.REFUND_ASKED: _RECORD_REFUND,
        Signal.REFUNDED: _RECORD_REFUND,
        Signal.REFUND_FAILED: _RECORD_REFUND,
        Signal.RETURN_OVER: _go(None, until="returned"),
        Signal.OVERDUE: _go(State.COMPLETED, Do.COMPLETE),
        # What is on its way back is waited for, however long the time to return it is over.
        Signal.OVERDUE_RETURNING: _go(None, until="returning"),
        Signal.CUSTOMER_CANCELS: _REFUSE,
        Signal.OPERATOR_CANCELS: _REFUSE,
        Signal.PART_SHIPPED: _IGNORE,
        Signal.ALL_SHIPPED: _IGNORE,
        Signal.PART_DELIVERED: _IGNORE,
        Signal.ALL_DELIVERED: _IGNORE,
    },
    State.COMPLETED: {
        Signal.STOCK_RESERVED: _IGNORE,
        Signal.STOCK_REJECTED: _IGNORE,
        Signal.ACTION_REQUIRED: _IGNORE,
        Signal.CAPTURED: _IGNORE,
        Signal.MISCAPTURED: _IGNORE,
        Signal.PAYMENT_FAILED: _IGNORE,
        Signal.REFUND_ASKED: _RECORD_REFUND,
        Signal.REFUNDED: _RECORD_REFUND,
        Signal.REFUND_FAILED: _RECORD_REFUND,
        Signal.RETURN_OVER: _IGNORE,
        Signal.OVERDUE: _IGNORE,
        Signal.OVERDUE_RETURNING: _IGNORE,
        Signal.CUSTOMER_CANCELS: _REFUSE,
        Signal.OPERATOR_CANCELS: _REFUSE,
        Signal.PART_SHIPPED: _IGNORE,
        Signal.ALL_SHIPPED: _IGNORE,
        Signal.PART_DELIVERED: _IGNORE,
        Signal.ALL_DELIVERED: _IGNORE,
    },
    State.REJECTED: {
        Signal.STOCK_RESERVED: _IGNORE,
        Signal.STOCK_REJECTED: _IGNORE,
        Signal.ACTION_REQUIRED: _IGNORE,
        Signal.CAPTURED: _GIVE_BACK,
        Signal.MISCAPTURED: _GIVE_BACK,
        Signal.PAYMENT_FAILED: _go(None, Do.RECORD_FAILURE),
        Signal.REFUND_ASKED: _RECORD_REFUND,
        Signal.REFUNDED: _RECORD_REFUND,
        Signal.REFUND_FAILED: _RECORD_REFUND,
        Signal.RETURN_OVER: _IGNORE,
        Signal.OVERDUE: _IGNORE,
        Signal.OVERDUE_RETURNING: _IGNORE,
        Signal.CUSTOMER_CANCELS: _REFUSE,
        Signal.OPERATOR_CANCELS: _REFUSE,
        Signal.PART_SHIPPED: _IGNORE,
        Signal.ALL_SHIPPED: _IGNORE,
        Signal.PART_DELIVERED: _IGNORE,
        Signal.ALL_DELIVERED: _IGNORE,
    },
    State.CANCELLED: {
        # Inventory hears order.cancelled and lets go of what it may have held late.
        Signal.STOCK_RESERVED: _IGNORE,
        Signal.STOCK_REJECTED: _IGNORE,
        Signal.ACTION_REQUIRED: _IGNORE,
        Signal.CAPTURED: _GIVE_BACK,
        Signal.MISCAPTURED: _GIVE_BACK,
        Signal.PAYMENT_FAILED: _go(None, Do.RECORD_FAILURE),
        Signal.REFUND_ASKED: _RECORD_REFUND,
        Signal.REFUNDED: _RECORD_REFUND,
        Signal.REFUND_FAILED: _RECORD_REFUND,
        Signal.RETURN_OVER: _IGNORE,
        Signal.OVERDUE: _IGNORE,
        Signal.OVERDUE_RETURNING: _IGNORE,
        Signal.CUSTOMER_CANCELS: _IGNORE,
        Signal.OPERATOR_CANCELS: _IGNORE,
        Signal.PART_SHIPPED: _IGNORE,
        Signal.ALL_SHIPPED: _IGNORE,
        Signal.PART_DELIVERED: _IGNORE,
        Signal.ALL_DELIVERED: _IGNORE,
    },
}


def advance(order: Order, signal: Signal, fact: Fact, now: datetime, limits: Limits) -> tuple[Do, ...]:
    """Apply `signal` to `order`, which is changed in place; returns what the use case has to emit.

    Raises TooEarly for what cannot be understood yet, TooLateToCancel.
    """
    if signal in (Signal.CAPTURED, Signal.MISCAPTURED) and order.captured is not None:
        return ()
    step = TABLE[order.status][signal]
    if step.kind is Kind.WAIT:
        raise TooEarly(f"{order.order_id} is {order.status}, it cannot take {signal} yet")
    if step.kind is Kind.REFUSE:
        raise TooLateToCancel(f"it is {order.status}")
    if step.kind is Kind.IGNORE:
        return ()
    order.version += 1
    if step.to is not None:
        order.status = step.to
        order.cancel_reason = step.reason
    if order.status in FINAL:
        order.deadline = None
    elif step.until is not None:
        order.deadline = _deadline(order, step.until, fact, now, limits)
    for action in step.do:
        _record(order, action, fact)
    return tuple(action for action in step.do if not action.name.startswith("RECORD_"))


def _deadline(order: Order, until: str, fact: Fact, now: datetime, limits: Limits) -> datetime:
    if until == "returned":
        return fact.until or now
    deadline = now + timedelta(seconds=getattr(limits, until))
    if until in ("payment", "action"):
        # What payments settled in time needs some more to arrive here; nothing is held past expires_at.
        return min(deadline + timedelta(seconds=limits.grace), order.expires_at)
    return deadline


def _record(order: Order, action: Do, fact: Fact) -> None:
    match action:
        case Do.RECORD_ACTION:
            order.payment_status, order.payment_id = PaymentStatus.REQUIRES_ACTION, fact.payment_id
            order.action_url = fact.action_url
        case Do.RECORD_CAPTURE:
            order.captured, order.payment_id = fact.amount, fact.payment_id
            # The refund may have been heard first.
            order.payment_status, order.action_url = _refund_status(order), None
        case Do.RECORD_FAILURE:
            if order.captured is None:
                order.payment_status, order.action_url = PaymentStatus.FAILED, None
        case Do.RECORD_REFUND:
            # A lost dispute may take what was given back before: the customer has no more than was captured.
            order.refund_requested += fact.asked
            order.refunded += fact.amount
            if order.captured is not None:
                order.refunded = min(order.refunded, order.captured)
            order.payment_status = _refund_status(order)
        case Do.CANCEL:
            order.action_url = None
            if order.captured is None and order.payment_status is not PaymentStatus.FAILED:
                order.payment_status = PaymentStatus.VOIDED


def _refund_status(order: Order) -> PaymentStatus:
    whole = order.total if order.captured is None else order.captured
    if order.refunded and order.refunded >= whole:
        return PaymentStatus.REFUNDED
    if order.refund_requested > order.refunded:
        return PaymentStatus.REFUND_PENDING
    return PaymentStatus.PARTIALLY_REFUNDED if order.refunded else PaymentStatus.CAPTURED


def claim_refund(order: Order) -> int:
    """Ask for what was captured and neither given back nor asked for yet; returns how much that is, once."""
    amount = max(0, (order.captured or 0) - max(order.refund_requested, order.refunded))
    if amount:
        order.refund_requested += amount
        order.payment_status = PaymentStatus.REFUND_PENDING
    return amount
