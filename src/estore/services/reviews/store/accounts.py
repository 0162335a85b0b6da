"""Accounts and what was delivered to them; the only place that locks accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from estore.kit.db import Record, Tx

_LOCK = """
INSERT INTO account (id) SELECT * FROM unnest($1::text[]) AS a (id) ORDER BY id COLLATE "C"
ON CONFLICT (id) DO UPDATE SET erased_at = account.erased_at
RETURNING id, erased_at
"""
_ERASE = """
INSERT INTO account (id, erased_at) SELECT a.id, $2 FROM unnest($1::text[]) AS a (id) ORDER BY a.id COLLATE "C"
ON CONFLICT (id) DO UPDATE SET erased_at = coalesce(account.erased_at, excluded.erased_at)
"""
_ADD_LINES = """
INSERT INTO line (id, order_id, account_id, vendor_id, sku, delivered_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[]) ORDER BY 1
ON CONFLICT (id) DO NOTHING
"""
# Reviews that an account wrote, and those that it voted on, in the order of their ids.
_LOCK_TOUCHED = """
SELECT id FROM review
WHERE account_id = ANY($1::text[]) OR id IN (SELECT review_id FROM vote WHERE account_id = ANY($1::text[]))
ORDER BY id FOR NO KEY UPDATE
"""
_FORGET_VOTES = """
WITH gone AS (DELETE FROM vote WHERE account_id = ANY($1::text[]) RETURNING review_id),
counted AS (SELECT review_id, count(*)::int AS votes FROM gone GROUP BY review_id)
UPDATE review r SET forgotten_votes = r.forgotten_votes + c.votes FROM counted c WHERE r.id = c.review_id
"""
_FORGET_AUTHORS = """
UPDATE review SET account_id = NULL, author = $2, revision = revision + 1 WHERE account_id = ANY($1::text[])
"""
_FORGET_LINES = """
WITH unused AS (
    DELETE FROM line l WHERE l.account_id = ANY($1::text[])
    AND NOT EXISTS (SELECT 1 FROM review r WHERE r.line_id = l.id)
)
UPDATE line l SET account_id = NULL WHERE l.account_id = ANY($1::text[])
AND EXISTS (SELECT 1 FROM review r WHERE r.line_id = l.id)
"""
_FORGET_DECISIONS = """
WITH reported AS (UPDATE report SET account_id = NULL WHERE account_id = ANY($1::text[]))
UPDATE decision SET by = NULL WHERE by = ANY($1::text[])
"""


class LineRow(NamedTuple):
    """A line of an order that arrived. id: the line's."""

    id: str
    order_id: str
    account_id: str
    vendor_id: str
    sku: str
    delivered_at: datetime


async def lock_account(tx: Tx, account_id: str) -> bool:
    """Hold an account's row until the transaction ends. Returns whether it was erased."""
    rows = await tx.fetch(_LOCK, [account_id])
    return rows[0]["erased_at"] is not None


async def lock_accounts(tx: Tx, account_ids: Collection[str]) -> set[str]:
    """Hold the rows of accounts, in the order of their ids. Returns those that were erased."""
    rows = await tx.fetch(_LOCK, list(account_ids))
    return {row["id"] for row in rows if row["erased_at"] is not None}


async def add_lines(tx: Tx, rows: Iterable[LineRow]) -> None:
    """Keep what was delivered; a line that is known stays as it is."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    if columns:
        await tx.execute(_ADD_LINES, *columns)


async def find_line(tx: Tx, line_id: str, account_id: str) -> Record | None:
    """Return a line of that account: vendor_id, sku, suspect, product_id (None: not heard of yet), review_id (None: it
    has no review)."""
    return await tx.fetchrow(
        "SELECT l.vendor_id, l.sku, l.suspect, k.product_id, r.id AS review_id FROM line l"
        " LEFT JOIN sku k ON k.sku = l.sku LEFT JOIN review r ON r.line_id = l.id"
        " WHERE l.id = $1 AND l.account_id = $2",
        line_id,
        account_id,
    )


async def erase_accounts(tx: Tx, account_ids: Sequence[str], name: str, now: datetime) -> None:
    """Forget who they were, for good. name: what their reviews show as their author's from now on."""
    await tx.execute(_ERASE, account_ids, now)
    await tx.fetch(_LOCK_TOUCHED, account_ids)
    await tx.execute(_FORGET_VOTES, account_ids)
    await tx.execute(_FORGET_AUTHORS, account_ids, name)
    await tx.execute(_FORGET_LINES, account_ids)
    await tx.execute(_FORGET_DECISIONS, account_ids)


async def learn_skus(tx: Tx, skus: Mapping[str, str]) -> None:
    """Learn of which product SKUs are: {sku: product_id}. That never changes, so the first word holds."""
    await tx.execute(
        "INSERT INTO sku (sku, product_id) SELECT * FROM unnest($1::text[], $2::text[]) ORDER BY 1"
        " ON CONFLICT (sku) DO NOTHING",
        list(skus),
        list(skus.values()),
    )


async def copy_skus(tx: Tx, rows: Iterable[tuple[str, str]]) -> None:
    """COPY (sku, product_id) for the large seed; none of them may be known yet."""
    await tx.copy("sku", ("sku", "product_id"), rows)
