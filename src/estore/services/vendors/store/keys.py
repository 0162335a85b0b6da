"""API keys. The vendor is part of every query: nobody reaches another's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from estore.kit.db import Record, Tx
from estore.services.vendors.domain import ApiKey

_COLUMNS = (
    "id, vendor_id, name, scopes, hash, last4, created_by, created_at, expires_at, revoked_by, revoked_at, version"
)


def _key(row: Record) -> ApiKey:
    return ApiKey(**dict(row) | {"scopes": tuple(row["scopes"])})


async def live_keys(tx: Tx, vendor_id: str, now: datetime) -> int:
    """Count a vendor's keys that still work. Exact while the vendor is locked."""
    found: int = await tx.fetchval(
        "SELECT count(*) FROM api_key WHERE vendor_id = $1 AND revoked_at IS NULL"
        " AND (expires_at IS NULL OR expires_at > $2)",
        vendor_id,
        now,
    )
    return found


async def insert_key(tx: Tx, key: ApiKey) -> None:
    await tx.execute(
        f"INSERT INTO api_key ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        key.id,
        key.vendor_id,
        key.name,
        list(key.scopes),
        key.hash,
        key.last4,
        key.created_by,
        key.created_at,
        key.expires_at,
        key.revoked_by,
        key.revoked_at,
        key.version,
    )


async def update_key(
    tx: Tx, vendor_id: str, key_id: str, change: Callable[[ApiKey], ApiKey]
) -> tuple[ApiKey, ApiKey] | None:
    """Lock a vendor's key, let `change` decide, write what it returns. Returns before and after; None: no such key."""
    row = await tx.fetchrow(
        f"SELECT {_COLUMNS} FROM api_key WHERE vendor_id = $1 AND id = $2 FOR NO KEY UPDATE", vendor_id, key_id
    )
    if row is None:
        return None
    before = _key(row)
    after = change(before)
    if after != before:
        await tx.execute(
            "UPDATE api_key SET revoked_by = $2, revoked_at = $3, version = $4 WHERE id = $1",
            after.id,
            after.revoked_by,
            after.revoked_at,
            after.version,
        )
    return before, after


async def list_keys(tx: Tx, vendor_id: str, before: tuple[Any, ...] | None, limit: int) -> list[ApiKey]:
    """Return a vendor's keys, revoked ones too, newest first."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM api_key WHERE vendor_id = $1 AND ($2::text IS NULL OR id < $2)"
        " ORDER BY id DESC LIMIT $3",
        vendor_id,
        before[0] if before else None,
        limit,
    )
    return [_key(row) for row in rows]


async def keys_of(tx: Tx, vendor_ids: Sequence[str]) -> list[ApiKey]:
    """Return all keys of vendors."""
    rows = await tx.fetch(f"SELECT {_COLUMNS} FROM api_key WHERE vendor_id = ANY ($1::text[])", list(vendor_ids))
    return [_key(row) for row in rows]
