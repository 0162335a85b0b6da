"""Refunds: states, what may follow what, and what a payment has left for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from estore.services.payments.domain.intents import Pace


class RefundStatus(StrEnum):
    """requested: the provider is to be asked. unknown: asked, its answer was lost. processing: the provider works on
    it, or a person at the bank does. succeeded, refused: settled."""

    REQUESTED = "requested"
    UNKNOWN = "unknown"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"


class RefundFound(StrEnum):
    """What was found out about a refund."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    PROCESSING = "processing"
    UNKNOWN = "unknown"
    NOT_FOUND = "not_found"


_ASKING = {
    RefundFound.SUCCEEDED: RefundStatus.SUCCEEDED,
    RefundFound.REFUSED: RefundStatus.REFUSED,
    RefundFound.PROCESSING: RefundStatus.PROCESSING,
    RefundFound.UNKNOWN: RefundStatus.UNKNOWN,
    RefundFound.NOT_FOUND: RefundStatus.REQUESTED,
}
REFUND_TRANSITIONS: dict[RefundStatus, dict[RefundFound, RefundStatus]] = {
    RefundStatus.REQUESTED: _ASKING,
    RefundStatus.UNKNOWN: _ASKING,
    # It is known there: no answer, or one from a copy of the books that lags, says less than we know.
    RefundStatus.PROCESSING: _ASKING
    | dict.fromkeys((RefundFound.UNKNOWN, RefundFound.NOT_FOUND), RefundStatus.PROCESSING),
    RefundStatus.SUCCEEDED: dict.fromkeys(RefundFound, RefundStatus.SUCCEEDED),
    RefundStatus.REFUSED: dict.fromkeys(RefundFound, RefundStatus.REFUSED),
}


UNDONE = "payments.refund_undone"


class Refund(msgspec.Struct, kw_only=True):
    """The wish to give back a part of a capture, once. `id` is the idempotency key at the provider.

    charge_key: the idempotency key of the charge, charge_reference: the provider's id of it. provider: who has it.
    """

    id: str
    payment_id: str
    order_id: str
    amount: int
    currency: str
    status: RefundStatus
    charge_key: str
    charge_reference: str | None
    method: str = ""
    tries: int = 0
    reason: str = ""
    reference: str | None = None
    code: str = ""
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""
    due_at: datetime | None = None
    provider: str = ""

    @property
    def undone(self) -> bool:
        """Whether the money had gone back to the customer, and came back to us."""
        return self.status is RefundStatus.SUCCEEDED and self.code == UNDONE


class RefundFinding(msgspec.Struct, frozen=True):
    """What somebody found out about a refund. patience: seconds in which the provider will have nothing new to say."""

    found: RefundFound
    reference: str | None = None
    code: str = ""
    patience: float | None = None


class RefundSeen(msgspec.Struct, frozen=True):
    """A refund as the provider told it, perhaps one that we never asked for.

    reference: the provider's id of it. key: our refund id that it carries, or empty. amount: minor units of currency.
    succeeded: whether the money went back; False when the provider says that it failed.
    """

    reference: str
    key: str
    amount: int
    currency: str
    succeeded: bool = True


class Purse(msgspec.Struct):
    """What refunds may take of one payment. reserved: asked for and not refused. disputed: claimed by banks, or lost
    to them. Refunds that the provider made without us may bring the sum over captured; then nothing is left."""

    captured: int
    reserved: int
    disputed: int = 0

    @property
    def left(self) -> int:
        return max(0, self.captured - self.reserved - self.disputed)

    def take(self, amount: int) -> bool:
        """Reserve `amount` if that much is left; returns whether it was."""
        if amount <= 0 or amount > self.left:
            return False
        self.reserved += amount
        return True


def settle_refund(refund: Refund, finding: RefundFinding, now: datetime, pace: Pace) -> bool:
    """Change `refund` by what was found. Returns whether it is settled by that.

    One that had succeeded stays so, with the code `payments.refund_undone`, when the money comes back to us later: a
    closed account, for one. Others have counted it, so a person gives it back in another way.
    """
    before, after = refund.status, REFUND_TRANSITIONS[refund.status][finding.found]
    if before is RefundStatus.SUCCEEDED and finding.found is RefundFound.REFUSED:
        refund.code = UNDONE
    refund.status = after
    refund.reference = finding.reference or refund.reference
    if after in (RefundStatus.SUCCEEDED, RefundStatus.REFUSED):
        refund.due_at = None
        refund.code = finding.code if after is RefundStatus.REFUSED and before is not after else refund.code
        return before is not after
    backoff = min(pace.first_look * 2 ** min(max(refund.tries - 1, 0), 10), pace.longest_look)
    wait = 0.0 if after is RefundStatus.REQUESTED else max(finding.patience or 0.0, backoff)
    refund.due_at = now + timedelta(seconds=wait)
    return False
