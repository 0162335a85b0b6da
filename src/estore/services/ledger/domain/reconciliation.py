"""Provider's reports against the journal: how the two name the same thing, and what may be wrong between them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from estore.kit.errors import Conflict, NotFound
from estore.kit.money import Money
from estore.services.ledger.domain.journal import EntryKind

SOURCES = {
    "capture": EntryKind.CAPTURE,
    "refund": EntryKind.REFUND_PAID,
    "dispute": EntryKind.DISPUTE,
    "dispute_won": EntryKind.DISPUTE_WON,
}
"""Kind of a report's line -> kind of the entry that is posted for it, as `<kind>:<key>`."""
SKEW = timedelta(minutes=5)
"""By how much the clocks of a provider and of ours may differ, and a report's edge with them."""


class What(StrEnum):
    """What is wrong. Each is looked at again with every report and every minute, and ends by itself when it is right.

    not_in_journal: reported, but never posted. not_reported: posted, but in no report that should have it.
    amount_differs: both have it, with different amounts or currencies. reported_twice: two lines of one reference.
    unknown_to_us: the provider knows no payment of ours for it.
    """

    NOT_IN_JOURNAL = "not_in_journal"
    NOT_REPORTED = "not_reported"
    AMOUNT_DIFFERS = "amount_differs"
    REPORTED_TWICE = "reported_twice"
    UNKNOWN_TO_US = "unknown_to_us"


class DifferenceUnknown(NotFound):
    code, title = "ledger.difference_unknown", "There is no such difference"


class DifferenceResolved(Conflict):
    code, title = "ledger.difference_resolved", "This difference has been resolved already"


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's report. lines: in it; compared: lines and entries that were held against each other for it;
    differences: found with it. reconciled_at: None until all of its parts are there."""

    id: str
    provider: str
    since: datetime
    until: datetime
    parts: int
    heard: int
    lines: int
    compared: int
    differences: int
    reconciled_at: datetime | None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where a provider and the journal disagree. journal, reported: what each says; None where it says nothing.

    age_seconds: since it was found, until it was resolved.
    """

    id: str
    provider: str
    what: What
    kind: str
    key: str
    reference: str
    payment_id: str
    journal: Money | None
    reported: Money | None
    report_id: str
    found_at: datetime
    age_seconds: int
    resolved_at: datetime | None
    resolved_by: str | None
    note: str
    version: int
