"""Marks: what an operator saw on the statements of our own bank account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from estore.kit.db import Tx


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came for an invoice, or went back. kind: `capture`, `refund`. moved_at: as the bank says."""

    id: str
    kind: str
    payment_id: str
    refund_id: str | None
    amount: int
    currency: str
    bank_reference: str
    moved_at: datetime
    marked_by: str
    marked_at: datetime


_COLUMNS = ", ".join(Mark.__struct_fields__)


async def insert_mark(tx: Tx, mark: Mark) -> bool:
    """Write a mark. There is one for each payment, and one for each refund; False if it is there already."""
    sql = f"""
        INSERT INTO payment_mark ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT DO NOTHING RETURNING true
    """
    return bool(await tx.fetchval(sql, *(getattr(mark, name) for name in Mark.__struct_fields__)))


async def marks_between(tx: Tx, since: datetime, until: datetime) -> AsyncIterator[Mark]:
    """Yield what was marked in [since, until), in order. Needs a transaction."""
    sql = f"SELECT {_COLUMNS} FROM payment_mark WHERE marked_at >= $1 AND marked_at < $2 ORDER BY marked_at, id"
    async for row in tx.stream(sql, since, until):
        yield Mark(**row)
