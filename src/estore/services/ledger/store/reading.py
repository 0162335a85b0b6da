"""What is read of the books. vendors: whose accounts may be seen, None for everybody's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from estore.kit.db import Record, Tx

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
