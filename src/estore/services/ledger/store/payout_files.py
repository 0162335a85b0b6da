"""Files for the bank, and which payouts each one holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from estore.kit.db import Tx
from estore.services.ledger.store.banks import Sealed


class FileRow(msgspec.Struct, frozen=True):
    """A file. amount: minor units, the sum of its payouts."""

    id: str
    currency: str
    payouts: int
    amount: int
    created_by: str | None
    created_at: datetime


_COLUMNS = ", ".join(FileRow.__struct_fields__)
_INSERT = f"""
WITH made AS (
    INSERT INTO payout_file ({_COLUMNS}, key_id, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8))
INSERT INTO payout_file_item (file_id, payout_id, end_to_end, amount)
SELECT $1, * FROM unnest($9::text[], $10::text[], $11::bigint[])
"""


async def insert_file(tx: Tx, row: FileRow, key_id: str, sealed: bytes, items: Sequence[tuple[str, str, int]]) -> None:
    """Keep a file. items: (payout, what banks call it, amount); a payout that is in a file already is a Conflict."""
    columns = [list(column) for column in zip(*items, strict=True)]
    await tx.execute(_INSERT, *msgspec.structs.astuple(row), key_id, sealed, *columns)


async def files_page(tx: Tx, before: str | None, at_most: int) -> list[FileRow]:
    """Return files, newest first, before the one with the id `before`."""
    sql = f"SELECT {_COLUMNS} FROM payout_file WHERE ($1::text IS NULL OR id < $1) ORDER BY id DESC LIMIT $2"
    return [FileRow(*row) for row in await tx.fetch(sql, before, at_most)]


async def sealed_file(tx: Tx, file_id: str) -> Sealed | None:
    row = await tx.fetchrow("SELECT id, key_id, sealed FROM payout_file WHERE id = $1", file_id)
    return None if row is None else Sealed(*row)


async def last_file_at(tx: Tx) -> datetime | None:
    """Return when the last file was made."""
    return await tx.fetchval("SELECT max(created_at) FROM payout_file")  # type: ignore[no-any-return]
