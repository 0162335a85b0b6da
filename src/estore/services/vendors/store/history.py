"""Who did what, when: rows are added and read, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from estore.kit.db import Tx


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """by: an account or an API key; None for the system. role: as what they acted. version: of the vendor then."""

    id: int = 0
    at: datetime
    by: str | None
    role: str
    action: str
    details: dict[str, Any]
    version: int


async def add_entry(tx: Tx, vendor_id: str, entry: Entry) -> None:
    await tx.execute(
        "INSERT INTO vendor_history (vendor_id, at, by, role, action, details, version)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        vendor_id,
        entry.at,
        entry.by,
        entry.role,
        entry.action,
        entry.details,
        entry.version,
    )


async def list_entries(tx: Tx, vendor_id: str, before: tuple[Any, ...] | None, limit: int) -> list[Entry]:
    """Return a vendor's history, newest first."""
    rows = await tx.fetch(
        "SELECT id, at, by, role, action, details, version FROM vendor_history WHERE vendor_id = $1"
        " AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        vendor_id,
        before[0] if before else None,
        limit,
    )
    return [Entry(**dict(row)) for row in rows]
