"""The purchase saga: ONE table, state x signal -> state, what to do, until when. Nobody else moves an order.

Late, duplicate and reordered signals are normal input, so every pair is in the table, also those that change nothing.
What states have in common stands above it, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum

import msgspec

from estore.services.orders.domain import State


class Signal(StrEnum):
    """What may happen to an order. `reserved_for_credit`: a part of its total is to be paid by credit first.
    `reserved_for_nothing`: there is nothing to pay. `credit_covers`: nothing is left after it. `credit_misheld`,
    `miscaptured`: of another amount than was asked. `refund_asked`: by a person, of a part. `return_over`: nothing of
    it is on its way back any more. `overdue_returning`: something is."""

    STOCK_RESERVED = "stock_reserved"
    RESERVED_FOR_CREDIT = "reserved_for_credit"
    RESERVED_FOR_NOTHING = "reserved_for_nothing"
    STOCK_REJECTED = "stock_rejected"
    CREDIT_HELD = "credit_held"
    CREDIT_COVERS = "credit_covers"
    CREDIT_MISHELD = "credit_misheld"
    CREDIT_REFUSED = "credit_refused"
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

    RECORD_CREDIT = "record the credit that was taken"
    RECORD_REFUSAL = "record why no credit was taken"
    RECORD_NOTHING_LEFT = "record that nothing is left to be captured"
    RECORD_ACTION = "record where the customer must go"
    RECORD_CAPTURE = "record the captured amount"
    RECORD_FAILURE = "record that nothing was charged"
    RECORD_REFUND = "record what was given back, or is about to be"

    REQUEST_CREDIT = "order.credit_requested"
    REQUEST_PAYMENT = "order.payment_requested, for what credit does not pay"
    CONFIRM = "order.confirmed; the parcels are open"
    CANCEL = "order.cancelled; the parcels are cancelled"
    REFUND = "a refund of what was captured or taken as credit, and not given back, if anything"
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


def _go(to: State | None, *do: Do, reason: str | None = None, until: str | None = None) -> Step:
    return Step(Kind.GO, to, do, reason, until)


_IGNORE, _WAIT, _REFUSE = Step(Kind.IGNORE), Step(Kind.WAIT), Step(Kind.REFUSE)
_RECORD_REFUND = _go(None, Do.RECORD_REFUND)
# Nothing but the version: who looks at the order sees its parcels, and must not be told that nothing has changed.
_SHOW = _go(None)
# The money arrives where there is nothing left to buy: it goes back.
_GIVE_BACK = _go(None, Do.RECORD_CAPTURE, Do.REFUND)
_GIVE_CREDIT_BACK = _go(None, Do.RECORD_CREDIT, Do.REFUND)

# What its purchase was answered comes twice, or too late to matter; from now on money only goes back.
_PAID_FOR: Mapping[Signal, Step] = {
    Signal.STOCK_RESERVED: _IGNORE,
    Signal.RESERVED_FOR_CREDIT: _IGNORE,
    Signal.RESERVED_FOR_NOTHING: _IGNORE,
    Signal.STOCK_REJECTED: _IGNORE,
    Signal.CREDIT_HELD: _IGNORE,
    Signal.CREDIT_COVERS: _IGNORE,
    Signal.CREDIT_MISHELD: _IGNORE,
    Signal.CREDIT_REFUSED: _IGNORE,
    Signal.ACTION_REQUIRED: _IGNORE,
    Signal.CAPTURED: _IGNORE,
    Signal.MISCAPTURED: _IGNORE,
    Signal.PAYMENT_FAILED: _IGNORE,
    Signal.REFUND_ASKED: _RECORD_REFUND,
    Signal.REFUNDED: _RECORD_REFUND,
    Signal.REFUND_FAILED: _RECORD_REFUND,
}
# There is nothing to buy any more: whatever is still taken for it goes back.
_CALLED_OFF: Mapping[Signal, Step] = {
    # Inventory hears order.cancelled and lets go of what it may have held late.
    Signal.STOCK_RESERVED: _IGNORE,
    Signal.RESERVED_FOR_CREDIT: _IGNORE,
    Signal.RESERVED_FOR_NOTHING: _IGNORE,
    Signal.STOCK_REJECTED: _IGNORE,
    Signal.CREDIT_HELD: _GIVE_CREDIT_BACK,
    Signal.CREDIT_COVERS: _GIVE_CREDIT_BACK,
    Signal.CREDIT_MISHELD: _GIVE_CREDIT_BACK,
    Signal.CREDIT_REFUSED: _IGNORE,
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
    Signal.PART_SHIPPED: _IGNORE,
    Signal.ALL_SHIPPED: _IGNORE,
    Signal.PART_DELIVERED: _IGNORE,
    Signal.ALL_DELIVERED: _IGNORE,
}

TABLE: Mapping[State, Mapping[Signal, Step]] = {
    State.PLACED: {
        Signal.STOCK_RESERVED: _go(State.AWAITING_PAYMENT, Do.REQUEST_PAYMENT, until="payment"),
        Signal.RESERVED_FOR_CREDIT: _go(State.AWAITING_PAYMENT, Do.REQUEST_CREDIT, until="payment"),
        # Nobody is asked for what costs nothing.
        Signal.RESERVED_FOR_NOTHING: _go(State.CONFIRMED, Do.RECORD_NOTHING_LEFT, Do.CONFIRM, until="ship"),
        Signal.STOCK_REJECTED: _go(State.REJECTED, Do.CANCEL, reason="out_of_stock"),
        # The ledger answers only what we asked after stock.reserved.
        Signal.CREDIT_HELD: _WAIT,
        Signal.CREDIT_COVERS: _WAIT,
        Signal.CREDIT_MISHELD: _WAIT,
        Signal.CREDIT_REFUSED: _WAIT,
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
        Signal.RESERVED_FOR_CREDIT: _IGNORE,
        Signal.RESERVED_FOR_NOTHING: _IGNORE,
        Signal.STOCK_REJECTED: _go(State.REJECTED, Do.CANCEL, Do.REFUND, reason="out_of_stock"),
        Signal.CREDIT_HELD: _go(None, Do.RECORD_CREDIT, Do.REQUEST_PAYMENT, until="payment"),
        Signal.CREDIT_COVERS: _go(State.CONFIRMED, Do.RECORD_CREDIT, Do.RECORD_NOTHING_LEFT, Do.CONFIRM, until="ship"),
        Signal.CREDIT_MISHELD: _go(State.CANCELLED, Do.RECORD_CREDIT, Do.CANCEL, Do.REFUND, reason="payment_failed"),
        Signal.CREDIT_REFUSED: _go(State.CANCELLED, Do.RECORD_REFUSAL, Do.CANCEL, reason="credit_refused"),
        Signal.ACTION_REQUIRED: _go(None, Do.RECORD_ACTION, until="action"),
        Signal.CAPTURED: _go(State.CONFIRMED, Do.RECORD_CAPTURE, Do.CONFIRM, until="ship"),
        Signal.MISCAPTURED: _go(State.CANCELLED, Do.RECORD_CAPTURE, Do.CANCEL, Do.REFUND, reason="payment_failed"),
        Signal.PAYMENT_FAILED: _go(State.CANCELLED, Do.RECORD_FAILURE, Do.CANCEL, Do.REFUND, reason="payment_failed"),
        # Nobody knows yet whose money it was: its capture is on the way.
        Signal.REFUND_ASKED: _REFUSE,
        Signal.REFUNDED: _WAIT,
        Signal.REFUND_FAILED: _WAIT,
        Signal.RETURN_OVER: _IGNORE,
        Signal.OVERDUE: _go(State.CANCELLED, Do.CANCEL, Do.REFUND, reason="overdue"),
        Signal.OVERDUE_RETURNING: _IGNORE,
        Signal.CUSTOMER_CANCELS: _go(State.CANCELLED, Do.CANCEL, Do.REFUND, reason="customer"),
        Signal.OPERATOR_CANCELS: _go(State.CANCELLED, Do.CANCEL, Do.REFUND, reason="operator"),
        Signal.PART_SHIPPED: _WAIT,
        Signal.ALL_SHIPPED: _WAIT,
        Signal.PART_DELIVERED: _WAIT,
        Signal.ALL_DELIVERED: _WAIT,
    },
    State.CONFIRMED: {
        **_PAID_FOR,
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
        **_PAID_FOR,
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
        **_PAID_FOR,
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
        **_PAID_FOR,
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
        **_PAID_FOR,
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
    State.REJECTED: {**_CALLED_OFF, Signal.CUSTOMER_CANCELS: _REFUSE, Signal.OPERATOR_CANCELS: _REFUSE},
    State.CANCELLED: {**_CALLED_OFF, Signal.CUSTOMER_CANCELS: _IGNORE, Signal.OPERATOR_CANCELS: _IGNORE},
}
