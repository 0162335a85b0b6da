"""Codes and batches of them. Written in sorted order, so that two that write the same codes wait in one order."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from estore.kit.db import Tx
from estore.services.orders.domain.promotions import BatchView, CodeView, bits_of
from estore.services.orders.store.promotions.sums import TO_SUM

_INSERT = """
INSERT INTO promotion_code (code, promotion_id, batch_id, max_uses, created_at)
SELECT code, $2, $3, $4, $5 FROM unnest($1::text[]) AS c (code)
ON CONFLICT (code) DO NOTHING RETURNING code
"""
_CODE = f"""
SELECT c.code, c.promotion_id, c.batch_id, c.max_uses,
    coalesce((SELECT s.orders FROM promotion_sum s WHERE s.promotion_id = c.promotion_id AND s.code = c.code), 0)
    + (SELECT count(*) FILTER (WHERE NOT u.summed) - count(*) FILTER (WHERE u.summed) FROM promotion_use u
       WHERE u.promotion_id = c.promotion_id AND u.code = c.code AND {TO_SUM}) AS uses,
    c.disabled, c.created_at
FROM promotion_code c
"""
_PAGE = f"""
{_CODE} WHERE c.promotion_id = $1 AND ($2::text IS NULL OR c.code = $2) AND ($3::text IS NULL OR c.code > $3)
ORDER BY c.code LIMIT $4
"""
_PAGE_OF_BATCH = f"""
{_CODE} WHERE c.batch_id = $5 AND c.promotion_id = $1 AND ($2::text IS NULL OR c.code = $2)
    AND ($3::text IS NULL OR c.code > $3)
ORDER BY c.code LIMIT $4
"""
_DISABLE = "UPDATE promotion_code SET disabled = true WHERE promotion_id = $1 AND code = $2 AND NOT disabled"
_INSERT_BATCH = """
INSERT INTO promotion_batch (batch_id, promotion_id, prefix, length, count, max_uses, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_BATCHES = """
SELECT batch_id, promotion_id, prefix, length, count, max_uses, created_at FROM promotion_batch
WHERE promotion_id = $1 AND ($2::text IS NULL OR batch_id = $2) AND ($3::text IS NULL OR batch_id < $3)
ORDER BY batch_id DESC LIMIT $4
"""


class Batch(msgspec.Struct, frozen=True):
    """Codes to be generated together. length: of the random part."""

    batch_id: str
    promotion_id: str
    prefix: str
    length: int
    count: int
    max_uses: int | None
    created_at: datetime


async def insert_codes(
    tx: Tx, promotion_id: str, codes: Collection[str], batch_id: str | None, max_uses: int | None, now: datetime
) -> int:
    """Write codes, in capitals; returns how many of them nobody had before: only those are written."""
    rows = await tx.fetch(_INSERT, sorted(codes), promotion_id, batch_id, max_uses, now)
    return len(rows)


async def page_of_codes(
    tx: Tx, promotion_id: str, batch_id: str | None, code: str | None, after: str | None, limit: int
) -> list[CodeView]:
    """Read codes of a promotion, or of a batch of it, or one; `limit` at most, behind `after`."""
    if batch_id is None:
        rows = await tx.fetch(_PAGE, promotion_id, code, after, limit)
    else:
        rows = await tx.fetch(_PAGE_OF_BATCH, promotion_id, code, after, limit, batch_id)
    return [CodeView(**row) for row in rows]


async def disable_code(tx: Tx, promotion_id: str, code: str) -> bool:
    """Let a code, in capitals, take nothing off any more; tells whether it did before."""
    return await tx.execute(_DISABLE, promotion_id, code) == "UPDATE 1"


async def insert_batch(tx: Tx, batch: Batch) -> BatchView:
    """Write a batch, without its codes."""
    row = msgspec.structs.asdict(batch)
    await tx.execute(_INSERT_BATCH, *row.values())
    return _batch(row)


async def page_of_batches(
    tx: Tx, promotion_id: str, batch_id: str | None, before: str | None, limit: int
) -> list[BatchView]:
    """Read the batches of a promotion, newest first, or one; `limit` at most, older than `before`."""
    return [_batch(row) for row in await tx.fetch(_BATCHES, promotion_id, batch_id, before, limit)]


def _batch(row: Any) -> BatchView:
    return BatchView(
        id=row["batch_id"],
        promotion_id=row["promotion_id"],
        prefix=row["prefix"],
        length=row["length"],
        bits=bits_of(row["length"]),
        count=row["count"],
        max_uses=row["max_uses"],
        created_at=row["created_at"],
        codes=f"/v1/promotions/{row['promotion_id']}/codes?batch={row['batch_id']}",
    )
