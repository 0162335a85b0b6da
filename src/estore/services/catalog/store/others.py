"""SQL of what catalog knows of other services: vendors, availability and ratings."""

from __future__ import annotations

from collections.abc import Mapping

from estore.kit.db import Record, Tx


async def approve_vendors(tx: Tx, vendors: Mapping[str, tuple[str, str, int]]) -> list[str]:
    """Let vendors sell: id -> (slug, name, version). An older version changes nothing. Returns the ids that changed."""
    rows = await tx.fetch(
        "INSERT INTO vendor (id, slug, name, selling, settled, version)"
        " SELECT id, slug, name, true, true, version FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])"
        " AS r (id, slug, name, version) ORDER BY id"
        " ON CONFLICT (id) DO UPDATE SET slug = excluded.slug, name = excluded.name, selling = true,"
        " settled = vendor.settled AND vendor.selling, settle_after = '', version = excluded.version"
        " WHERE vendor.version < excluded.version RETURNING id",
        list(vendors),
        [slug for slug, _, _ in vendors.values()],
        [name for _, name, _ in vendors.values()],
        [version for _, _, version in vendors.values()],
    )
    return [row["id"] for row in rows]


async def suspend_vendors(tx: Tx, vendors: Mapping[str, int]) -> list[str]:
    """Stop vendors from selling: id -> version. One that was never heard of is kept as suspended, so that an approval
    which arrives late, with an older version, changes nothing. Returns the ids that changed."""
    rows = await tx.fetch(
        "INSERT INTO vendor (id, selling, settled, version)"
        " SELECT id, false, true, version FROM unnest($1::text[], $2::bigint[]) AS r (id, version) ORDER BY id"
        " ON CONFLICT (id) DO UPDATE SET selling = false, settled = false, settle_after = '',"
        " version = excluded.version WHERE vendor.version < excluded.version RETURNING id",
        list(vendors),
        list(vendors.values()),
    )
    return [row["id"] for row in rows]


async def know_vendor(tx: Tx, vendor_id: str) -> None:
    """Keep a vendor whose approval has not been heard, so that its members can prepare drafts."""
    await tx.execute("INSERT INTO vendor (id) VALUES ($1) ON CONFLICT DO NOTHING", vendor_id)


async def vendor(tx: Tx, vendor_id: str) -> Record | None:
    """Return id, slug, name, selling of a vendor."""
    return await tx.fetchrow("SELECT id, slug, name, selling FROM vendor WHERE id = $1", vendor_id)


async def unsettled_vendor(tx: Tx) -> Record | None:
    """Claim one vendor whose products are not listed as they should be: id, selling, settle_after.

    The row stays locked, so `selling` cannot change while its products follow.
    """
    return await tx.fetchrow(
        "SELECT id, selling, settle_after FROM vendor WHERE NOT settled ORDER BY id LIMIT 1"
        " FOR NO KEY UPDATE SKIP LOCKED"
    )


async def to_settle(tx: Tx, vendor_id: str, selling: bool, after: str, limit: int) -> list[str]:
    """Return ids of a vendor's published products that are not listed as they should be, past `after`."""
    rows = await tx.fetch(
        "SELECT id FROM product WHERE vendor_id = $1 AND status = 'published' AND listed <> $2 AND id > $3"
        " ORDER BY id LIMIT $4",
        vendor_id,
        selling,
        after,
        limit,
    )
    return [row["id"] for row in rows]


async def settle_vendor(tx: Tx, vendor_id: str, after: str | None) -> None:
    """Remember how far a vendor's products have followed; None: to the end."""
    await tx.execute(
        "UPDATE vendor SET settled = $2::text IS NULL, settle_after = coalesce($2, '') WHERE id = $1", vendor_id, after
    )


async def set_availability(tx: Tx, levels: Mapping[str, tuple[int, int]]) -> list[Record]:
    """Keep how much can be bought: SKU -> (available, version). An older version changes nothing.

    Returns id and slug of the listed products that this concerns.
    """
    return await tx.fetch(
        "WITH heard AS (INSERT INTO stock (sku, available, version)"
        " SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS r (sku, available, version) ORDER BY sku"
        " ON CONFLICT (sku) DO UPDATE SET available = excluded.available, version = excluded.version"
        " WHERE stock.version < excluded.version RETURNING sku)"
        " SELECT DISTINCT p.id, p.slug FROM heard JOIN variant v ON v.sku = heard.sku"
        " JOIN product p ON p.id = v.product_id WHERE p.listed",
        list(levels),
        [available for available, _ in levels.values()],
        [version for _, version in levels.values()],
    )


async def set_ratings(tx: Tx, ratings: Mapping[str, tuple[int, int, int]]) -> list[Record]:
    """Keep products' ratings: product id -> (votes, their stars' sum, version). An older version changes nothing.

    Returns id and slug of the listed products that this concerns.
    """
    return await tx.fetch(
        "WITH heard AS (INSERT INTO rating (product_id, votes, stars, version)"
        " SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::bigint[])"
        " AS r (product_id, votes, stars, version) ORDER BY product_id"
        " ON CONFLICT (product_id) DO UPDATE SET votes = excluded.votes, stars = excluded.stars,"
        " version = excluded.version WHERE rating.version < excluded.version RETURNING product_id)"
        " SELECT p.id, p.slug FROM heard JOIN product p ON p.id = heard.product_id WHERE p.listed",
        list(ratings),
        [votes for votes, _, _ in ratings.values()],
        [stars for _, stars, _ in ratings.values()],
        [version for _, _, version in ratings.values()],
    )
