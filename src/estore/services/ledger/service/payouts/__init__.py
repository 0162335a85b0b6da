"""Use cases of payouts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from estore.services.ledger.service.banks import Vault
from estore.services.ledger.service.books import Books
from estore.services.ledger.service.payouts.deciding import Deciding
from estore.services.ledger.service.payouts.files import PayoutFiles, Render
from estore.services.ledger.service.payouts.paying import AT_ONCE, Paying
from estore.services.ledger.service.payouts.reading import Reading
from estore.services.ledger.service.payouts.shapes import (
    Claimed,
    CoveredLine,
    FileView,
    Findings,
    ListFiles,
    ListLines,
    ListPayouts,
    MarkBody,
    MarkPayout,
    PayoutView,
    PutTerms,
    PutTermsBody,
    RejectBody,
    RejectPayout,
    RequestPayout,
    Rules,
    Schedule,
    StatusName,
    TermsView,
    Transfer,
)
from estore.services.ledger.service.payouts.terms import PayoutTerms

__all__ = [
    "AT_ONCE",
    "Claimed",
    "CoveredLine",
    "Deciding",
    "FileView",
    "Findings",
    "ListFiles",
    "ListLines",
    "ListPayouts",
    "MarkBody",
    "MarkPayout",
    "Paying",
    "PayoutFiles",
    "PayoutTerms",
    "PayoutView",
    "Payouts",
    "PutTerms",
    "PutTermsBody",
    "Reading",
    "RejectBody",
    "RejectPayout",
    "Render",
    "RequestPayout",
    "Rules",
    "Schedule",
    "StatusName",
    "TermsView",
    "Transfer",
]


@dataclass(frozen=True)
class Payouts:
    """The use cases, by what they are about."""

    paying: Paying
    reading: Reading
    deciding: Deciding
    terms: PayoutTerms
    files: PayoutFiles

    @classmethod
    def of(
        cls, books: Books, rules: Rules, vault: Vault, render: Render | None = None, every: timedelta | None = None
    ) -> Payouts:
        """Compose them. render, every: of a gateway that takes files, see PayoutFiles."""
        reading = Reading(rules)
        return cls(
            Paying(books, rules, reading),
            reading,
            Deciding(books, rules, reading, vault),
            PayoutTerms(rules),
            PayoutFiles(rules, vault, render, every),
        )
