"""What a price may depend on: the book of promotions, codes, and who is in which group."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from estore.kit.db import Tx
from estore.services.orders.domain.promotions import Book, Code, FoundCode, Promotion, Rules, Status

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
_CODES = """
SELECT c.code, c.promotion_id, c.max_uses, c.disabled, p.vendor_id, p.status, p.body::text, p.version
FROM promotion_code c JOIN promotion p USING (promotion_id)
WHERE c.code = ANY($1::text[])
"""
_GROUPS = "SELECT account_id, array_agg(name) AS names FROM customer_group_member WHERE account_id = ANY($1) GROUP BY 1"
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


async def find_codes(tx: Tx, codes: Sequence[str]) -> dict[str, FoundCode]:
    """Read codes, in any case, with their promotions, whatever the state of either; by the code in capitals.

    New codes do not raise the book's revision: who remembers codes must not remember that there is none.
    """
    rows = await tx.fetch(_CODES, sorted({code.upper() for code in codes}))
    return {row["code"]: _found(row) for row in rows}


def _found(row: Any) -> FoundCode:
    code = Code(row["code"], row["promotion_id"], row["max_uses"], row["disabled"])
    return FoundCode(
        code, promotion_of(row["promotion_id"], row["vendor_id"], row["status"], row["body"], row["version"])
    )


async def groups_of(tx: Tx, account_ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """Read the customer groups of accounts; those that are in none are missing.

    To be read for every order: who joins or leaves a group does not raise the book's revision.
    """
    rows = await tx.fetch(_GROUPS, list(account_ids))
    return {row["account_id"]: frozenset(row["names"]) for row in rows}


async def raise_revision(tx: Tx) -> None:
    """Say that what a price may depend on has changed. Waits for orders with promotions that are being written, and
    keeps new ones waiting: the last statement of a change."""
    await tx.execute(_RAISE)
