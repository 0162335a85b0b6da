"""Returns: ONE table, state x signal -> state, until when. Every state that is not final has a deadline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from estore.kit.money import Money
from estore.services.orders.domain.errors import ReturnNotPossible


class ReturnStatus(StrEnum):
    """Where a return is. The last four are final. `received`: it is back, and waits to be inspected."""

    REQUESTED = "requested"
    APPROVED = "approved"
    RECEIVED = "received"
    REFUNDED = "refunded"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


RETURN_OPEN = frozenset({ReturnStatus.REQUESTED, ReturnStatus.APPROVED, ReturnStatus.RECEIVED})


class ReturnSignal(StrEnum):
    """What may happen to a return. `overdue`: nobody did anything in time."""

    APPROVE = "approve"
    REFUSE = "refuse"
    CANCEL = "cancel"
    RECEIVE = "receive"
    INSPECT = "inspect"
    OVERDUE = "overdue"


class ReturnLimits(msgspec.Struct, frozen=True):
    """Seconds. decide: for the vendor, who agrees by saying nothing. arrive: for the parcel, from the approval on.
    inspect: for the vendor, who loses the deduction after that."""

    decide: int = 5 * 86_400
    arrive: int = 21 * 86_400
    inspect: int = 7 * 86_400


class Move(msgspec.Struct, frozen=True):
    """One cell. until: the limit that sets the deadline; None where the state is final."""

    to: ReturnStatus
    until: str | None = None


_APPROVED, _RECEIVED = Move(ReturnStatus.APPROVED, "arrive"), Move(ReturnStatus.RECEIVED, "inspect")
_REFUNDED = Move(ReturnStatus.REFUNDED)

RETURNS: Mapping[ReturnStatus, Mapping[ReturnSignal, Move | None]] = {
    ReturnStatus.REQUESTED: {
        ReturnSignal.APPROVE: _APPROVED,
        ReturnSignal.REFUSE: Move(ReturnStatus.REFUSED),
        ReturnSignal.CANCEL: Move(ReturnStatus.CANCELLED),
        ReturnSignal.RECEIVE: None,
        ReturnSignal.INSPECT: None,
        # Who says nothing agrees: a customer is not left without an answer.
        ReturnSignal.OVERDUE: _APPROVED,
    },
    ReturnStatus.APPROVED: {
        ReturnSignal.APPROVE: None,
        ReturnSignal.REFUSE: None,
        ReturnSignal.CANCEL: Move(ReturnStatus.CANCELLED),
        ReturnSignal.RECEIVE: _RECEIVED,
        ReturnSignal.INSPECT: _REFUNDED,
        ReturnSignal.OVERDUE: Move(ReturnStatus.EXPIRED),
    },
    ReturnStatus.RECEIVED: {
        ReturnSignal.APPROVE: None,
        ReturnSignal.REFUSE: None,
        ReturnSignal.CANCEL: None,
        ReturnSignal.RECEIVE: None,
        ReturnSignal.INSPECT: _REFUNDED,
        # The goods are back, so the money is due, inspected or not.
        ReturnSignal.OVERDUE: _REFUNDED,
    },
    ReturnStatus.REFUNDED: dict.fromkeys(ReturnSignal),
    ReturnStatus.REFUSED: dict.fromkeys(ReturnSignal),
    ReturnStatus.CANCELLED: dict.fromkeys(ReturnSignal),
    ReturnStatus.EXPIRED: dict.fromkeys(ReturnSignal),
}


class ReturnedLine(msgspec.Struct):
    """So many pieces of a line, on their way back. line: its number. restocked, written_off: once it was inspected."""

    line: int
    sku: str
    quantity: int
    restocked: int = 0
    written_off: int = 0

    @property
    def arrived(self) -> int:
        return self.restocked + self.written_off


class Return(msgspec.Struct):
    """A return as its row holds it while its order is locked. parcel: its number. amount, payable: minor units, see
    ReturnRequested. due_at: None when final. approved_at: also when nobody objected in time."""

    return_id: str
    order_id: str
    parcel: int
    vendor_id: str
    status: ReturnStatus
    reason: str
    comment: str
    currency: str
    amount: int
    payable: int
    requested_at: datetime
    due_at: datetime | None
    lines: list[ReturnedLine]
    refusal: str = ""
    deduction: int = 0
    deduction_reason: str = ""
    refund_id: str | None = None
    approved_at: datetime | None = None
    received_at: datetime | None = None
    closed_at: datetime | None = None
    version: int = 1


class ReturnLineView(msgspec.Struct, frozen=True, gc=False):
    """restocked, written_off: pieces that arrived, once they were inspected."""

    line_id: str
    sku: str
    quantity: int
    restocked: int
    written_off: int


class ReturnView(msgspec.Struct, frozen=True, gc=False):
    """A return as its customer, its vendor and the operator see it.

    amount: what is given back for it at most, shipping included. due_at: when its state changes without anybody's
    doing: requested is approved, approved expires, received is refunded. refund_id: the refund, once there is one.
    """

    id: str
    order_id: str
    order_number: str
    parcel_id: str
    vendor_id: str
    status: str
    reason: str
    comment: str
    lines: tuple[ReturnLineView, ...]
    amount: Money
    refusal: str
    deduction: Money
    deduction_reason: str
    refund_id: str | None
    requested_at: datetime
    approved_at: datetime | None
    received_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    version: int


def move_return(found: Return, signal: ReturnSignal, now: datetime, limits: ReturnLimits) -> None:
    """Apply `signal` to a return, which is changed in place. Raises ReturnNotPossible."""
    move = RETURNS[found.status][signal]
    if move is None:
        raise ReturnNotPossible(f"it is {found.status}")
    found.status = move.to
    found.version += 1
    found.due_at = None if move.until is None else now + timedelta(seconds=getattr(limits, move.until))
    if move.to is ReturnStatus.APPROVED:
        found.approved_at = now
    if signal in (ReturnSignal.RECEIVE, ReturnSignal.INSPECT) and found.received_at is None:
        found.received_at = now
    if move.until is None:
        found.closed_at = now
