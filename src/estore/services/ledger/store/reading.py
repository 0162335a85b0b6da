"""What is read of the books. vendors: whose accounts may be seen, None for everybody's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from estore.kit.db import Record, Tx
from estore.services.ledger.domain import Account, Kind

# A page of (owner, currency) pairs, and in one look each of their accounts as it is, or as it was at a moment.
_SUMS = """
max(-amount) FILTER (WHERE kind = 'pending') AS pending, max(-amount) FILTER (WHERE kind = 'available') AS available,
max(-amount) FILTER (WHERE kind = 'reserved') AS reserved, max(-amount) FILTER (WHERE kind = 'paying') AS paying,
max(-amount) FILTER (WHERE kind = 'paid_out') AS paid_out
"""
_OF_VENDORS = """
a.kind IN ('pending', 'available', 'reserved', 'paying', 'paid_out') AND ($1::text[] IS NULL OR a.owner = ANY($1))
AND (a.owner, a.currency) > ($2, $3)
"""
_BALANCES = f"""
SELECT owner, currency, {_SUMS} FROM (
    SELECT a.owner, a.currency, a.kind, b.amount FROM account a JOIN balance b ON b.account_id = a.id
    WHERE {_OF_VENDORS}) known
GROUP BY owner, currency ORDER BY owner, currency LIMIT $4
"""
_BALANCES_AT = f"""
SELECT owner, currency, {_SUMS} FROM (
    SELECT a.owner, a.currency, a.kind, l.balance AS amount FROM account a CROSS JOIN LATERAL (
        SELECT balance FROM line WHERE account_id = a.id AND posted_at <= $5
        ORDER BY posted_at DESC, seq DESC LIMIT 1) l
    WHERE {_OF_VENDORS}) known
GROUP BY owner, currency ORDER BY owner, currency LIMIT $4
"""


async def balances(
    tx: Tx, vendors: Sequence[str] | None, after: tuple[str, str], at_most: int, at: datetime | None
) -> list[Record]:
    """Return what vendors are owed, by owner and currency after `after`. at: as it was then, None for now."""
    if at is None:
        return await tx.fetch(_BALANCES, vendors, *after, at_most)
    return await tx.fetch(_BALANCES_AT, vendors, *after, at_most, at)


# What may be seen is decided here, in one place: a vendor sees its own lines, and of entries those that have one.
_ENTRIES = """
SELECT e.id::text AS id, e.kind, e.ref, e.order_id, e.note, e.occurred_at, e.posted_at, a.kind AS account, a.owner,
       a.currency, l.amount, l.balance
FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place) JOIN entry e ON e.id = wanted.id
JOIN line l ON l.entry_id = e.id JOIN account a ON a.id = l.account_id
WHERE $2::text[] IS NULL
   OR a.owner = ANY($2) AND a.kind IN ('pending', 'available', 'reserved', 'paying', 'paid_out')
ORDER BY wanted.place, l.no
"""
_OF_ACCOUNTS = """
SELECT found.id FROM account a CROSS JOIN LATERAL (
    SELECT DISTINCT posted_at, entry_id AS id FROM line WHERE account_id = a.id
        AND ($2::timestamptz IS NULL OR (posted_at, entry_id) < ($2, $3))
    ORDER BY posted_at DESC, entry_id DESC LIMIT $4) found
WHERE a.owner = ANY($1::text[]) AND a.kind IN ('pending', 'available', 'reserved', 'paying', 'paid_out')
GROUP BY found.posted_at, found.id ORDER BY found.posted_at DESC, found.id DESC LIMIT $4
"""
_OF_ORDER = """
SELECT e.id FROM entry e WHERE e.order_id = $5 AND ($2::timestamptz IS NULL OR (e.posted_at, e.id) < ($2, $3))
    AND ($1::text[] IS NULL OR EXISTS (
        SELECT 1 FROM line l JOIN account a ON a.id = l.account_id WHERE l.entry_id = e.id AND a.owner = ANY($1)
            AND a.kind IN ('pending', 'available', 'reserved', 'paying', 'paid_out')))
ORDER BY e.posted_at DESC, e.id DESC LIMIT $4
"""
_ALL = "SELECT id FROM entry WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2"
_LINES_OF = """
SELECT e.source, a.kind, a.owner, a.currency, l.amount FROM entry e
JOIN line l ON l.entry_id = e.id JOIN account a ON a.id = l.account_id
WHERE e.source = ANY($1::text[]) ORDER BY e.source, l.no
"""
_OF_ORDERS = """
SELECT order_id,
    coalesce(sum(l.amount) FILTER (WHERE e.kind = 'sale' AND a.kind = 'customer'), 0)::bigint AS sold,
    coalesce(-sum(l.amount) FILTER (WHERE e.kind = 'capture' AND a.kind = 'customer'), 0)::bigint AS captured,
    coalesce(sum(l.amount) FILTER (WHERE e.kind = 'refund_paid' AND a.kind = 'customer'), 0)::bigint AS refunded,
    coalesce(-sum(l.amount) FILTER (WHERE e.kind = 'credit' AND a.kind = 'customer'), 0)::bigint AS credit,
    coalesce(sum(l.amount) FILTER (WHERE e.kind = 'credit_back' AND a.kind = 'customer'), 0)::bigint AS credited
FROM entry e JOIN line l ON l.entry_id = e.id JOIN account a ON a.id = l.account_id
WHERE e.order_id IS NOT NULL AND e.kind IN ('sale', 'capture', 'refund_paid', 'credit', 'credit_back')
GROUP BY order_id ORDER BY order_id COLLATE "C"
"""
Before = tuple[datetime, UUID] | None


async def entries(
    tx: Tx, vendors: Sequence[str] | None, order: str | None, before: Before, at_most: int, seen: Sequence[str] | None
) -> list[Record]:
    """Return the lines of up to `at_most` entries, the latest first: of those vendors, None for everybody.

    seen: whose lines of them; None for all, the platform's included. order: of one order only.
    before: (posted_at, id) of the last entry of the page before.
    """
    at, entry_id = before or (None, None)
    if order is not None:
        ids = await tx.fetch(_OF_ORDER, vendors, at, entry_id, at_most, order)
    elif vendors is not None:
        ids = await tx.fetch(_OF_ACCOUNTS, vendors, at, entry_id, at_most)
    else:
        ids = await tx.fetch(_ALL, entry_id, at_most)
    return await tx.fetch(_ENTRIES, [row[0] for row in ids], seen)


async def lines_of(tx: Tx, sources: Sequence[str]) -> dict[str, list[tuple[Account, int]]]:
    """Return what entries say, by their source; those that were posted."""
    found: dict[str, list[tuple[Account, int]]] = {}
    for row in await tx.fetch(_LINES_OF, sorted(set(sources))):
        account = Account(Kind(row["kind"]), row["owner"], row["currency"])
        found.setdefault(row["source"], []).append((account, row["amount"]))
    return found


async def stream_orders(tx: Tx) -> AsyncIterator[tuple[str, int, int, int, int, int]]:
    """Yield what was posted for each order, sorted by its id: (order_id, sold, captured, refunded, credit, credited);
    credit: what it took of gift cards and store credit, credited: what of that went back."""
    async for row in tx.stream(_OF_ORDERS):
        yield tuple(row)
