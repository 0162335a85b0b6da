"""Promotions as those see them who run them. Whose they are is part of every query that shows one.

Whoever changes one holds its row; the book's row comes after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from estore.kit.db import Tx
from estore.services.orders.domain.promotions import Named, Promotion, PromotionView, Rules
from estore.services.orders.store.promotions.book import promotion_of

_COLUMNS = "promotion_id, vendor_id, status, body::text, version, created_at, updated_at"
_SEEN = "($1 OR vendor_id = ANY($2::text[]))"
_SHOW = f"SELECT {_COLUMNS} FROM promotion WHERE {_SEEN} AND promotion_id = $3"
_FILTERED = "($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR promotion_id < $2)"
_PAGE_OF_ALL = f"SELECT {_COLUMNS} FROM promotion WHERE {_FILTERED} ORDER BY promotion_id DESC LIMIT $3"
_PAGE_OF_VENDORS = f"""
SELECT page.* FROM unnest($4::text[]) AS v (own) CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM promotion WHERE vendor_id = v.own AND {_FILTERED}
    ORDER BY promotion_id DESC LIMIT $3) AS page
ORDER BY promotion_id DESC LIMIT $3
"""
_INSERT = """
INSERT INTO promotion (promotion_id, vendor_id, status, body, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
"""
_LOCK = """
SELECT promotion_id, vendor_id, status, body::text, version FROM promotion WHERE promotion_id = $1 FOR NO KEY UPDATE
"""
_WRITE = """
UPDATE promotion SET status = $2, body = $3, version = version + 1, updated_at = $4 WHERE promotion_id = $1
"""
_NAMED = """
SELECT (SELECT array_agg(DISTINCT product_id) FROM offer
        WHERE product_id = ANY($1::text[]) AND ($4 = '' OR vendor_id = $4)) AS products,
       (SELECT array_agg(sku) FROM offer WHERE sku = ANY($2::text[]) AND ($4 = '' OR vendor_id = $4)) AS skus,
       (SELECT array_agg(vendor_id) FROM vendor
        WHERE vendor_id = ANY($3::text[]) AND ($4 = '' OR vendor_id = $4)) AS vendors,
       (SELECT array_agg(name) FROM customer_group WHERE name = ANY($5::text[])) AS groups
"""
_ACTIVE = "SELECT count(*) FROM promotion WHERE vendor_id = $1 AND status = 'active'"
_IS_VENDOR = "SELECT 1 FROM vendor WHERE vendor_id = $1"


class Watcher(msgspec.Struct, frozen=True):
    """Who wants to see promotions: an operator, or a member of vendors."""

    operator: bool
    vendors: Sequence[str]


def _view(row: Any) -> PromotionView:
    *columns, created_at, updated_at = row
    return view_of(promotion_of(*columns), created_at, updated_at)


def view_of(promotion: Promotion, created_at: datetime, updated_at: datetime) -> PromotionView:
    """Show a promotion."""
    return PromotionView(
        id=promotion.promotion_id,
        vendor_id=promotion.vendor_id or None,
        status=promotion.status,
        version=promotion.version,
        created_at=created_at,
        updated_at=updated_at,
        **{name: getattr(promotion.rules, name) for name in Rules.__struct_fields__},
    )


async def show_promotion(tx: Tx, watcher: Watcher, promotion_id: str) -> PromotionView | None:
    """Read a promotion, if it is one that `watcher` may see."""
    row = await tx.fetchrow(_SHOW, watcher.operator, watcher.vendors, promotion_id)
    return None if row is None else _view(row)


async def page_of_promotions(
    tx: Tx, watcher: Watcher, status: str | None, before: str | None, limit: int
) -> list[PromotionView]:
    """Read the newest promotions that `watcher` may see, `limit` at most, older than the id `before`.

    An operator sees those of its `vendors`, or all where it is empty.
    """
    if watcher.operator and not watcher.vendors:
        rows = await tx.fetch(_PAGE_OF_ALL, status, before, limit)
    else:
        rows = await tx.fetch(_PAGE_OF_VENDORS, status, before, limit, watcher.vendors)
    return [_view(row) for row in rows]


async def insert_promotion(tx: Tx, promotion: Promotion, now: datetime) -> None:
    """Write a new promotion."""
    await tx.execute(_INSERT, promotion.promotion_id, promotion.vendor_id, promotion.status, promotion.rules, now)


async def lock_promotion(tx: Tx, promotion_id: str) -> Promotion | None:
    """Read a promotion and hold its row. Who may see it was decided before."""
    row = await tx.fetchrow(_LOCK, promotion_id)
    return None if row is None else promotion_of(*row)


async def write_promotion(tx: Tx, promotion: Promotion, now: datetime) -> None:
    """Write the state and rules of a promotion whose row is held; its version grows by one."""
    await tx.execute(_WRITE, promotion.promotion_id, promotion.status, promotion.rules, now)


async def known_names(tx: Tx, named: Named, vendor_id: str) -> Named:
    """Return what of `named` is there; where there is a vendor, what of it is the vendor's."""
    (row,) = await tx.fetch(_NAMED, named.products, named.skus, named.vendors, vendor_id, named.groups)
    return Named(*(frozenset(names or ()) for names in row))


async def active_of(tx: Tx, vendor_id: str) -> int:
    """Return how many active promotions a vendor has; one or two more where others are made at this moment."""
    found: int = await tx.fetchval(_ACTIVE, vendor_id)
    return found


async def is_vendor(tx: Tx, vendor_id: str) -> bool:
    """Tell whether a vendor was ever heard of."""
    return await tx.fetchval(_IS_VENDOR, vendor_id) is not None
