"""Payouts: what may be paid out when, states, and which lines of the journal each one covers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from estore.kit.errors import Conflict, Denied, Invalid, NotFound
from estore.services.ledger.domain.accounts import Account, Kind, of_vendor
from estore.services.ledger.domain.journal import EntryKind, Posting, transfer


class PayoutUnknown(NotFound):
    code, title = "ledger.payout_not_found", "There is no such payout"


class PayoutFileUnknown(NotFound):
    code, title = "ledger.payout_file_not_found", "There is no such file"


class PayoutExceedsAvailable(Conflict):
    code, title = "ledger.payout_exceeds_available", "There is not that much available"


class PayoutBelowMinimum(Conflict):
    code, title = "ledger.payout_below_minimum", "That is less than the least that is paid out"


class PayoutCurrencyUnknown(Invalid):
    code, title = "ledger.payout_currency_unknown", "The vendor has no money in this currency"


class PayoutOnHold(Conflict):
    """extra `reason`: `suspended`, `no_bank_account`, `cooling` or `currency`."""

    code, title = "ledger.payouts_on_hold", "Nothing is paid out to this vendor for now"


class PayoutStateConflict(Conflict):
    code, title = "ledger.payout_state", "The payout is in a state in which this cannot be done"


class FourEyes(Denied):
    code, title = "ledger.payout_four_eyes", "Somebody else than who asked for the payout must approve it"


class ReportedByBank(Conflict):
    code, title = "ledger.payout_reported_by_bank", "What became of this payout is told by the bank itself"


class MarkInvalid(Invalid):
    code, title = "ledger.payout_mark_invalid", "This report of the bank cannot be right"


class NothingToSend(Conflict):
    code, title = "ledger.no_payouts_to_send", "No payout waits for a file"


class FilesUnused(Conflict):
    code, title = "ledger.payout_files_unused", "Payouts do not go by file here"


class TermsInvalid(Invalid):
    code, title = "ledger.payout_terms_invalid", "These terms contradict themselves"


class TermsDenied(Denied):
    code, title = "ledger.payout_terms_denied", "Vendors choose the schedule; operators set the amounts"


class Status(StrEnum):
    """Where a payout stands.

    awaiting_approval: large, a second person decides. created: to be sent. submitted: the bank has it, or may have it.
    paid: carried out. failed: the bank refused it. returned: it came back after it had been paid. rejected: by an
    operator. In the last three the amount is available again.
    """

    AWAITING_APPROVAL = "awaiting_approval"
    CREATED = "created"
    SUBMITTED = "submitted"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"
    REJECTED = "rejected"


OPEN = (Status.AWAITING_APPROVAL, Status.CREATED, Status.SUBMITTED)
"""The amount is in `paying`."""


class Found(StrEnum):
    """What is known of a transfer. unknown: no answer. not_found: the bank has never heard of it."""

    PAID = "paid"
    PROCESSING = "processing"
    REFUSED = "refused"
    RETURNED = "returned"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


class Finding(msgspec.Struct, frozen=True):
    """What a bank said of one payout. at: when it happened there; None: now."""

    payout_id: str
    found: Found
    reference: str | None = None
    code: str = ""
    at: datetime | None = None


# Money that moved is the strongest fact. A bank that pays what it had refused contradicts itself: the amount may have
# been paid out again by then, so that it is for people to sort out, and the doctor tells them.
NEXT: Mapping[Status, Mapping[Found, tuple[Status, ...]]] = {
    Status.SUBMITTED: {
        Found.PAID: (Status.PAID,),
        Found.REFUSED: (Status.FAILED,),
        Found.RETURNED: (Status.PAID, Status.RETURNED),
    },
    Status.PAID: {Found.RETURNED: (Status.RETURNED,)},
}
_AFTER = {
    Status.PAID: (EntryKind.PAYOUT_PAID, "payout_paid", Kind.PAYING, Kind.PAID_OUT),
    Status.FAILED: (EntryKind.PAYOUT_FAILED, "payout_failed", Kind.PAYING, Kind.AVAILABLE),
    Status.REJECTED: (EntryKind.PAYOUT_FAILED, "payout_failed", Kind.PAYING, Kind.AVAILABLE),
    Status.RETURNED: (EntryKind.PAYOUT_RETURNED, "payout_returned", Kind.PAID_OUT, Kind.AVAILABLE),
}


class Payout(msgspec.Struct, kw_only=True):
    """A payout. Amounts: minor units of `currency`. seqs: of the lines of `available` that it covers, both included."""

    id: str
    vendor_id: str
    account_id: int
    currency: str
    amount: int
    status: Status
    first_seq: int
    last_seq: int
    carried_in: int
    covered: int
    carried_out: int
    gateway: str
    bank_token: str
    scheduled_for: date | None = None
    requested_by: str | None = None
    decided_by: str | None = None
    code: str = ""
    detail: str = ""
    reference: str | None = None
    step: str | None = None
    tries: int = 0
    due_at: datetime | None = None
    version: int = 1
    created_at: datetime
    submitted_at: datetime | None = None
    paid_at: datetime | None = None
    settled_at: datetime | None = None
    overdue_at: datetime | None = None
    correlation_id: str
    causation_id: str
    traceparent: str

    @property
    def accounts(self) -> tuple[Account, Account]:
        """Return the vendor's `available` and `paying`."""
        return tuple(of_vendor(k, self.vendor_id, self.currency) for k in (Kind.AVAILABLE, Kind.PAYING))  # type: ignore[return-value]

    def opened(self) -> Posting:
        """Return the entry with which it begins: from available to paying."""
        return self._moved("payout", EntryKind.PAYOUT, Kind.AVAILABLE, Kind.PAYING, self.created_at)

    def moved_on(self, to: Status, at: datetime, now: datetime, code: str = "") -> Posting | None:
        """Move on to `to`, which happened at `at`. Returns the entry that tells of it, if money moves."""
        self.status, self.version = to, self.version + 1
        self.step = self.due_at = None
        if code:
            self.code = code
        if to is Status.PAID:
            self.paid_at = at
        if to in _AFTER:
            self.settled_at = now
            kind, source, debited, credited = _AFTER[to]
            return self._moved(source, kind, debited, credited, at)
        return None

    def _moved(self, source: str, kind: EntryKind, debited: Kind, credited: Kind, at: datetime) -> Posting:
        return Posting(
            source=f"{source}:{self.id}",
            kind=kind,
            currency=self.currency,
            lines=transfer(
                of_vendor(debited, self.vendor_id, self.currency),
                of_vendor(credited, self.vendor_id, self.currency),
                self.amount,
            ),
            occurred_at=at,
            ref=self.id,
        )


def settle(payout: Payout, finding: Finding, now: datetime) -> list[Posting]:
    """Move `payout` on by what its bank said; returns the entries to post. What changes nothing returns none."""
    if finding.reference and not payout.reference:
        payout.reference = finding.reference
    at = min(finding.at or now, now)
    moved = [
        payout.moved_on(to, at, now, finding.code if to is not Status.PAID else "")
        for to in NEXT.get(payout.status, {}).get(finding.found, ())
    ]
    return [posting for posting in moved if posting is not None]


def contradicts(payout: Payout, finding: Finding) -> bool:
    """Tell whether the bank says of a settled payout what cannot be."""
    return (finding.found is Found.PAID and payout.status in (Status.FAILED, Status.REJECTED)) or (
        finding.found is Found.REFUSED and payout.status in (Status.PAID, Status.RETURNED)
    )


class Patience(msgspec.Struct, frozen=True):
    """How patient the service is with a bank, in seconds.

    lease: for which a claim lasts; first_look, longest_look: between look-ups of what is not settled.
    """

    lease: float = 60.0
    first_look: float = 5.0
    longest_look: float = 3600.0

    def again(self, tries: int) -> timedelta:
        """Return how long to wait after `tries` questions."""
        return timedelta(seconds=min(self.first_look * 2.0 ** min(tries, 20), self.longest_look))


def after_asking(payout: Payout, found: Found, now: datetime, patience: Patience) -> None:
    """Say what to do next about a payout whose bank has not settled it: look it up, or send what it never got."""
    if payout.status is not Status.SUBMITTED:
        return
    if found is Found.NOT_FOUND:
        payout.step, payout.due_at = "send", now
    else:
        payout.step, payout.due_at = "lookup", now + patience.again(payout.tries)


class Coverage(msgspec.Struct, frozen=True):
    """Which lines of `available` a payout explains, and how they sum to it; see the table `payout`."""

    first_seq: int
    last_seq: int
    carried_in: int
    covered: int
    carried_out: int


def cover(amount: int, available: int, lines: int, before: Coverage | None) -> Coverage:
    """Return what a payout of `amount` covers.

    available, lines: of the account just before it, locked. before: what the payout before covers, if there was one.
    """
    first, carried = (1, 0) if before is None else (before.last_seq + 1, before.carried_out)
    return Coverage(first, lines + 1, carried, available - carried, available - amount)


class Terms(msgspec.Struct, frozen=True):
    """When and how a vendor is paid.

    weekday: 1 is Monday. minimum: the least that is paid out; large: above it two people decide. Minor units of the
    marketplace's currency. version: 0 where nobody has set any.
    """

    schedule: str
    weekday: int
    minimum: int
    large: int
    version: int = 0

    def for_other_currency(self) -> Terms:
        """Return what they come to where their amounts say nothing: no minimum, and two people decide on everything."""
        return msgspec.structs.replace(self, minimum=1, large=0)


def weekdays_due(last: date | None, today: date) -> list[int]:
    """Return the days of the week, 1 is Monday, whose schedules are due: today's, and those on which nobody looked.

    last: the day on which somebody looked last; None where nobody ever did.
    """
    missed = min((today - last).days - 1, 6) if last is not None and last < today else 0
    return sorted((today - timedelta(days=back)).isoweekday() for back in range(missed + 1))


class Payee(msgspec.Struct, frozen=True):
    """A vendor, as far as paying it is concerned. cooled_at: when its account may be used; None: at once."""

    vendor_id: str
    status: str
    bank_token: str | None
    known: bool
    cooled_at: datetime | None

    def hold(self, now: datetime) -> tuple[str, str] | None:
        """Return why nothing is paid out to it, as code and sentence; None when it can be."""
        if self.status != "approved":
            return "suspended", f"the vendor is {self.status}, not approved"
        if self.bank_token is None:
            return "no_bank_account", "the vendor has named no bank account"
        if not self.known:
            return "no_bank_account", "the token of the vendor's bank account is none of ours"
        if self.cooled_at is not None and now < self.cooled_at:
            return "cooling", f"the bank account was changed; nothing is paid out before {self.cooled_at.isoformat()}"
        return None
