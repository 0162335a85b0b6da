"""What people read: availability, stock by location, movements, locations. Vendors see their own rows, by SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from estore.kit.db import Tx


class LocationRow(msgspec.Struct, frozen=True):
    """A place where stock lies. code: what people and requests call it."""

    id: str
    code: str
    name: str
    country: str
    is_default: bool
    created_at: datetime


class StockRow(msgspec.Struct, frozen=True):
    """Stock of one SKU. locations: [code, on_hand, reserved] each."""

    sku: str
    product_id: str
    vendor_id: str
    listed: bool
    threshold: int
    on_hand: int
    reserved: int
    locations: list[tuple[str, int, int]]


class MovementRow(msgspec.Struct, frozen=True):
    id: str
    sku: str
    location: str
    kind: str
    delta: int
    on_hand: int
    reference: str | None
    reason: str | None
    actor: str | None
    at: datetime


_AVAILABLE = """
SELECT coalesce(sum(s.on_hand - s.reserved), 0)::bigint FROM sku k LEFT JOIN stock s USING (sku)
WHERE k.sku = $1 AND k.vendor_id IS NOT NULL GROUP BY k.sku
"""
_STOCK = """
SELECT k.sku, k.product_id, k.vendor_id, k.listed, k.threshold,
       coalesce(sum(s.on_hand), 0)::bigint AS on_hand, coalesce(sum(s.reserved), 0)::bigint AS reserved,
       coalesce(jsonb_agg(jsonb_build_array(l.code, s.on_hand, s.reserved) ORDER BY l.id)
                FILTER (WHERE s.sku IS NOT NULL), '[]') AS locations
FROM (SELECT * FROM sku
      WHERE vendor_id IS NOT NULL AND ($1::text[] IS NULL OR vendor_id = ANY($1))
        AND sku > $2 AND ($4::text IS NULL OR sku = $4)
      ORDER BY sku LIMIT $3) k
LEFT JOIN stock s USING (sku) LEFT JOIN location l ON l.id = s.location_id
GROUP BY k.sku, k.product_id, k.vendor_id, k.listed, k.threshold ORDER BY k.sku
"""
# The row that is there even when nothing ever moved tells a SKU without movements from one that is not yours.
_MOVEMENTS = """
SELECT m.id, k.sku, l.code AS location, m.kind, m.delta, m.on_hand, m.reference, m.reason, m.actor, m.at
FROM sku k
LEFT JOIN LATERAL (SELECT * FROM movement m WHERE m.sku = k.sku AND ($3::text IS NULL OR m.id < $3)
                   ORDER BY m.id DESC LIMIT $4) m ON true
LEFT JOIN location l ON l.id = m.location_id
WHERE k.sku = $1 AND k.vendor_id IS NOT NULL AND ($2::text[] IS NULL OR k.vendor_id = ANY($2))
ORDER BY m.id DESC
"""
_ADD_LOCATION = """
INSERT INTO location (id, code, name, country, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (code) DO NOTHING RETURNING *
"""


async def available(tx: Tx, sku: str) -> int | None:
    """Return how many pieces can be bought right now; None for a SKU that is not known."""
    found: int | None = await tx.fetchval(_AVAILABLE, sku)
    return found


async def stock_page(
    tx: Tx, vendor_ids: Sequence[str] | None, after: str, limit: int, sku: str | None = None
) -> list[StockRow]:
    """Return stock by SKU, in the SKUs' order, behind `after`. vendor_ids: None for all vendors."""
    return [msgspec.convert(dict(row), StockRow) for row in await tx.fetch(_STOCK, vendor_ids, after, limit, sku)]


async def movements(
    tx: Tx, sku: str, vendor_ids: Sequence[str] | None, before: str | None, limit: int
) -> list[MovementRow] | None:
    """Return the movements of a SKU, newest first; None for a SKU that is unknown or not theirs."""
    rows = await tx.fetch(_MOVEMENTS, sku, vendor_ids, before, limit)
    if not rows:
        return None
    return [MovementRow(*row) for row in rows if row[0] is not None]


async def set_threshold(tx: Tx, sku: str, vendor_ids: Sequence[str] | None, threshold: int) -> bool:
    """Set below how many pieces a SKU runs low; False when it is unknown or not theirs."""
    changed = await tx.fetchval(
        "UPDATE sku SET threshold = $3 WHERE sku = $1 AND vendor_id IS NOT NULL"
        " AND ($2::text[] IS NULL OR vendor_id = ANY($2)) RETURNING 1",
        sku,
        vendor_ids,
        threshold,
    )
    return changed is not None


async def locations(tx: Tx) -> list[LocationRow]:
    """Return all locations, the default one first."""
    return [_location(row) for row in await tx.fetch("SELECT * FROM location ORDER BY id")]


async def find_location(tx: Tx, name: str) -> LocationRow | None:
    """Return the location with this code or id."""
    row = await tx.fetchrow("SELECT * FROM location WHERE code = $1 OR id = $1", name)
    return None if row is None else _location(row)


async def add_location(
    tx: Tx, location_id: str, code: str, name: str, country: str, now: datetime
) -> LocationRow | None:
    """Add a location; None when its code is taken."""
    row = await tx.fetchrow(_ADD_LOCATION, location_id, code, name, country, now)
    return None if row is None else _location(row)


def _location(row: Any) -> LocationRow:
    return LocationRow(row["id"], row["code"], row["name"], row["country"], row["is_default"], row["created_at"])
