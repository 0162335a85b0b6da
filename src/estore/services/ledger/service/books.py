"""Posting, and telling who fell below zero by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from prometheus_client import Counter

from estore.contracts.ledger import BalanceNegative
from estore.kit.db import Tx
from estore.kit.envelope import Cause
from estore.services.ledger.domain import Kind, Posting
from estore.services.ledger.store import Journal, Posted

POSTED = Counter("estore_ledger_posted_minor_units", "Debits posted, in minor units", ["kind", "currency"])


class Books:
    """The journal, as use cases write it."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    async def post(self, tx: Tx, cause: Cause, postings: Sequence[Posting], now: datetime) -> list[Posting]:
        """Post what was not posted before; returns that, in order. Tells of each vendor that fell below zero by it.

        A vendor is below zero when available and reserved together are: a hold moves money, it does not take any.
        """
        posted = await self.journal.record(tx, postings, now)
        tx.after_commit(lambda: _count(posted))
        for event in _fallen(posted):
            tx.emit(event, cause)
        return posted.postings


def _count(posted: Posted) -> None:
    for posting in posted.postings:
        POSTED.labels(posting.kind, posting.currency).inc(sum(max(amount, 0) for _, amount in posting.lines))


def _fallen(posted: Posted) -> list[BalanceNegative]:
    events = []
    for account, balance in sorted(posted.after.items()):
        if account.kind is not Kind.AVAILABLE:
            continue
        reserved = account._replace(kind=Kind.RESERVED)
        before = posted.before[account] + posted.before[reserved]
        after = balance.amount + posted.after[reserved].amount
        if before <= 0 < after:
            events.append(
                BalanceNegative(
                    vendor_id=account.owner, amount=-after, currency=account.currency, version=balance.lines
                )
            )
    return events
