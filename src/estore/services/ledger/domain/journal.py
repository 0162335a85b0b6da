"""Journal entries: balanced, one per source, hashed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from estore.services.ledger.domain.accounts import Account

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EntryKind(StrEnum):
    """Why an entry was posted.

    capture, refund_paid, dispute, dispute_won, dispute_lost, fee: money moved at a provider.
    sale, refund, refund_undone: who earned it, who gives it back. release: pending became available.
    hold, unhold: reserved and let go. payout, payout_paid, payout_failed, payout_returned: on its way to the bank.
    adjustment: an operator's correction. card_issued, card_redeemed, card_expired: a gift card's beginning, and its end
    but for orders. credit_granted: to an account, or taken back. credit, credit_back: paid for an order, and returned.
    """

    CAPTURE = "capture"
    SALE = "sale"
    REFUND = "refund"
    REFUND_PAID = "refund_paid"
    REFUND_UNDONE = "refund_undone"
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    RELEASE = "release"
    HOLD = "hold"
    UNHOLD = "unhold"
    PAYOUT = "payout"
    PAYOUT_PAID = "payout_paid"
    PAYOUT_FAILED = "payout_failed"
    PAYOUT_RETURNED = "payout_returned"
    ADJUSTMENT = "adjustment"
    FEE = "fee"
    CARD_ISSUED = "card_issued"
    CARD_REDEEMED = "card_redeemed"
    CARD_EXPIRED = "card_expired"
    CREDIT_GRANTED = "credit_granted"
    CREDIT = "credit"
    CREDIT_BACK = "credit_back"


class Unbalanced(AssertionError):
    """An entry does not sum to zero: a defect of ours, never of a request."""


class Overdrawn(AssertionError):
    """An entry would spend credit that is not there: a defect of ours, for whoever posts has looked under the lock."""


class Posting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An entry to be posted.

    source: what it is posted for, `sale:ord_...`; a second one with the same source is not posted. ref: the parcel,
    refund, payout, hold or report that it is about. order_id: where there is one. lines: account and signed amount in
    minor units, debits above zero; zero amounts are left out. occurred_at: when it happened outside.
    """

    source: str
    kind: EntryKind
    currency: str
    lines: tuple[tuple[Account, int], ...]
    occurred_at: datetime
    ref: str = ""
    order_id: str | None = None
    note: str = ""

    def checked(self) -> Posting:
        """Return it without zero lines. Raises Unbalanced, also for an account of another currency."""
        lines = tuple(line for line in self.lines if line[1])
        if sum(amount for _, amount in lines) or any(account.currency != self.currency for account, _ in lines):
            raise Unbalanced(f"{self.source}: {lines}")
        return msgspec.structs.replace(self, lines=lines)


def transfer(debit: Account, credit: Account, amount: int) -> tuple[tuple[Account, int], ...]:
    """Return the lines of an entry that moves `amount` minor units between two accounts; below zero, back."""
    return ((debit, amount), (credit, -amount))


def digest_of(posting: Posting, posted_at: datetime) -> bytes:
    """Return the SHA-256 of what an entry says, in one spelling that SQL can compute too (store.seals.DIGEST).

    posting: without zero lines, in the order in which they are kept. posted_at: UTC.
    """
    said = (
        posting.source,
        posting.kind,
        posting.currency,
        posting.ref,
        posting.order_id or "",
        str(_microseconds(posting.occurred_at)),
        str(_microseconds(posted_at)),
        *(f"{account.kind} {account.owner} {account.currency} {amount}" for account, amount in posting.lines),
        posting.note,
    )
    return hashlib.sha256("\n".join(said).encode()).digest()


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
