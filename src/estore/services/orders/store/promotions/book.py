"""The book: the promotions that prices are made from, and its revision."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from estore.kit.db import Tx
from estore.services.orders.domain.promotions import Book, Promotion, Rules, Status

ENDED_KEPT_FOR = timedelta(days=1)
"""A promotion leaves the book a while after its end, so that clocks that differ do not matter."""

# One statement: the promotions are those of the revision.
_BOOK = """
SELECT b.revision, p.promotion_id, p.vendor_id, p.status, p.body::text, p.version
FROM promotion_book b
LEFT JOIN promotion p ON p.status = 'active'
    AND coalesce((p.body->>'ends_at')::timestamptz, 'infinity') > $1
ORDER BY p.promotion_id
"""
# The other side of `promotion_book_held`.
_RAISE = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtext('orders.promotion_book')))
UPDATE promotion_book SET revision = revision + 1 FROM held
"""

_rules = msgspec.json.Decoder(Rules).decode


def promotion_of(promotion_id: str, vendor_id: str, status: str, body: str, version: int) -> Promotion:
    """Return a promotion from its columns. body: JSON."""
    return Promotion(promotion_id, vendor_id, Status(status), _rules(body), version)


async def load_book(tx: Tx, now: datetime) -> Book:
    """Read the active promotions that have not ended long before `now`, and the revision that they are of.

    Read it before codes: what changes in between has then a newer revision, and an order priced so is not admitted.
    """
    rows = await tx.fetch(_BOOK, now - ENDED_KEPT_FOR)
    found = [promotion_of(*list(row)[1:]) for row in rows if row["promotion_id"] is not None]
    return Book(
        rows[0]["revision"],
        {p.promotion_id: p for p in found},
        tuple(p for p in found if p.rules.automatic),
    )


async def raise_revision(tx: Tx) -> None:
    """Say that what a price may depend on has changed. Waits for orders with promotions that are being written, and
    keeps new ones waiting: the last statement of a change."""
    await tx.execute(_RAISE)
