"""SQL of products and variants. Locks: first vendors, then products in the order of their ids; see `lock`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from estore.kit.db import Record, Tx
from estore.services.catalog.domain import Product, SkuTaken, Variant, sort_title

CHANNEL = "estore_catalog"
MAX_NOTICE = 7_900

Vendors = Sequence[str] | None
"""Whose products a caller may touch; None for an operator, who may touch all."""

_COLUMNS = """p.id, p.vendor_id, p.category_id, p.slug, p.title, p.description, p.brand, p.attributes, p.pictures,
p.tax_class, p.status, p.listed, p.version, p.import_key, p.published_at, p.created_at"""

_LOAD = f"""
SELECT {_COLUMNS}, (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'sku', sku, 'title', title, 'options', options, 'price', price, 'weight_grams', weight_grams,
        'barcode', barcode, 'imported', imported) ORDER BY position), '[]')
    FROM variant WHERE product_id = p.id AND active) AS variants
FROM product p WHERE p.id = ANY($1::text[])
"""


async def announce(tx: Tx, names: Iterable[str] | None = None) -> None:
    """Tell every process, when this transaction commits, that public answers about products have changed.

    names: ids and slugs of the products; None for all of them. Call it once per transaction.
    """
    notice = "*" if names is None else ",".join(names)
    if notice:
        await tx.execute("SELECT pg_notify($1, $2)", CHANNEL, notice if len(notice) <= MAX_NOTICE else "*")


async def lock(tx: Tx, ids: Sequence[str], vendors: Vendors) -> list[str]:
    """Lock those products of `ids` that the caller may change, in the order of their ids; returns their ids.

    The only place where products are locked. Load them in a later statement: it sees what the lock waited for.
    """
    rows = await tx.fetch(
        "SELECT id FROM product WHERE id = ANY($1::text[]) AND ($2::text[] IS NULL OR vendor_id = ANY($2))"
        " ORDER BY id FOR UPDATE",
        ids,
        vendors,
    )
    return [row["id"] for row in rows]


async def load(tx: Tx, ids: Sequence[str]) -> dict[str, Product]:
    """Return the products `ids`, with their variants for sale, by id."""
    return {row["id"]: product_of(row) for row in await tx.fetch(_LOAD, ids)}


def product_of(row: Record) -> Product:
    """Return the entity that a row of `_LOAD` holds."""
    return msgspec.convert(dict(row), Product, strict=False)


async def vendor_sells(tx: Tx, vendor_id: str) -> bool:
    """Tell whether the vendor may sell, and keep it so until this transaction ends. Call it before `lock`."""
    return bool(await tx.fetchval("SELECT selling FROM vendor WHERE id = $1 FOR SHARE", vendor_id))


async def seller_sells(tx: Tx, product_id: str, vendors: Vendors) -> bool | None:
    """Tell, as `vendor_sells` does, of the vendor of a product; None for a product that the caller may not change."""
    selling: bool | None = await tx.fetchval(
        "SELECT v.selling FROM vendor v WHERE v.id = (SELECT vendor_id FROM product WHERE id = $1)"
        " AND ($2::text[] IS NULL OR v.id = ANY($2)) FOR SHARE",
        product_id,
        vendors,
    )
    return selling


async def vendors_own(tx: Tx, vendor_id: str, keys: Sequence[str], slugs: Sequence[str]) -> list[Record]:
    """Return id, slug and import_key of those of a vendor's products that `keys` or `slugs` name."""
    return await tx.fetch(
        "SELECT id, slug, import_key FROM product WHERE vendor_id = $1 AND import_key = ANY($2::text[])"
        " UNION SELECT id, slug, import_key FROM product WHERE vendor_id = $1 AND slug = ANY($3::text[])",
        vendor_id,
        keys,
        slugs,
    )


async def taken_slugs(tx: Tx, slugs: Sequence[str]) -> dict[str, str]:
    """Return those of `slugs` that are in use, with the product that has each."""
    rows = await tx.fetch("SELECT slug, id FROM product WHERE slug = ANY($1::text[])", slugs)
    return {row["slug"]: row["id"] for row in rows}


async def sku_owners(tx: Tx, skus: Sequence[str]) -> dict[str, str]:
    """Return those of `skus` that are in use, also by variants that are not for sale any more, with their product."""
    rows = await tx.fetch("SELECT sku, product_id FROM variant WHERE sku = ANY($1::text[])", skus)
    return {row["sku"]: row["product_id"] for row in rows}


_WRITE = """
INSERT INTO product (id, vendor_id, category_id, slug, title, sort_title, description, brand, attributes, pictures,
    tax_class, status, listed, min_price, max_price, currency, import_key, version, published_at, created_at,
    updated_at)
SELECT id, vendor_id, category_id, slug, title, sort_title, description, brand, attributes, pictures,
    tax_class, status, listed, min_price, max_price, $2, import_key, version, published_at, created_at, $3
FROM jsonb_to_recordset($1) AS r (id text, vendor_id text, category_id text, slug text, title text, sort_title text,
    description text, brand text, attributes jsonb, pictures jsonb, tax_class text, status text, listed boolean,
    min_price bigint, max_price bigint, import_key text, version bigint, published_at timestamptz,
    created_at timestamptz)
ON CONFLICT (id) DO UPDATE SET category_id = excluded.category_id, slug = excluded.slug, title = excluded.title,
    sort_title = excluded.sort_title, description = excluded.description, brand = excluded.brand,
    attributes = excluded.attributes, pictures = excluded.pictures, tax_class = excluded.tax_class,
    status = excluded.status, listed = excluded.listed, min_price = excluded.min_price,
    max_price = excluded.max_price, import_key = excluded.import_key, version = excluded.version,
    published_at = excluded.published_at, updated_at = excluded.updated_at
WHERE product.version < excluded.version
"""

_WRITE_VARIANTS = """
WITH wanted AS (
    SELECT * FROM jsonb_to_recordset($1) AS r (sku text, product_id text, position integer, title text, options jsonb,
        price bigint, weight_grams integer, barcode text, imported integer)
), gone AS (
    SELECT v.sku, p.published_at IS NOT NULL AS known
    FROM variant v JOIN product p ON p.id = v.product_id
    WHERE v.product_id = ANY($2::text[]) AND v.active AND v.sku NOT IN (SELECT sku FROM wanted)
), retired AS (
    UPDATE variant SET active = false WHERE sku IN (SELECT sku FROM gone WHERE known)
), deleted AS (
    DELETE FROM variant WHERE sku IN (SELECT sku FROM gone WHERE NOT known)
)
INSERT INTO variant (sku, product_id, position, title, options, price, weight_grams, barcode, imported)
SELECT sku, product_id, position, title, options, price, weight_grams, barcode, imported FROM wanted ORDER BY sku
ON CONFLICT (sku) DO UPDATE SET position = excluded.position, active = true, title = excluded.title,
    options = excluded.options, price = excluded.price, weight_grams = excluded.weight_grams,
    barcode = excluded.barcode, imported = excluded.imported
WHERE variant.product_id = excluded.product_id
RETURNING sku
"""


def product_row(product: Product) -> dict[str, Any]:
    """Return the columns of `product`'s row that `_WRITE` reads."""
    prices = product.prices
    row = msgspec.structs.asdict(product)
    del row["variants"]
    return row | {
        "sort_title": sort_title(product.title),
        "min_price": min(prices, default=None),
        "max_price": max(prices, default=None),
    }


def variant_row(product_id: str, position: int, variant: Variant) -> dict[str, Any]:
    """Return the columns of a variant's row that `_WRITE_VARIANTS` reads."""
    return msgspec.structs.asdict(variant) | {"product_id": product_id, "position": position}


async def write(tx: Tx, changes: Sequence[tuple[Product | None, Product]], *, currency: str, now: datetime) -> None:
    """Insert the products whose `before` is None, update the others, variants included; two statements for all.

    Updated ones are locked (`lock`) and carry their next version. Raises SkuTaken for another product's SKU.
    """
    if not changes:
        return
    await tx.execute(_WRITE, [product_row(after) for _, after in changes], currency, now)
    touched = [after for before, after in changes if before is None or before.variants != after.variants]
    if not touched:
        return
    rows = [variant_row(p.id, place, v) for p in touched for place, v in enumerate(p.variants)]
    written = {row["sku"] for row in await tx.fetch(_WRITE_VARIANTS, rows, [p.id for p in touched])}
    if len(written) < len(rows):
        sku = next(row["sku"] for row in rows if row["sku"] not in written)
        raise SkuTaken(f"{sku} belongs to another product")


_SET_PRICE = """
WITH priced AS (
    UPDATE variant SET price = $3 WHERE sku = $2 AND product_id = $1 AND active RETURNING sku
)
UPDATE product p SET version = version + 1, updated_at = $4,
    min_price = least($3::bigint, (SELECT min(price) FROM variant WHERE product_id = $1 AND active AND sku <> $2)),
    max_price = greatest($3::bigint, (SELECT max(price) FROM variant WHERE product_id = $1 AND active AND sku <> $2))
FROM priced WHERE p.id = $1
RETURNING p.version
"""


async def price_of(tx: Tx, product_id: str, sku: str, vendors: Vendors) -> Record | None:
    """Lock the product, as `lock` does, and return slug, version, listed and the variant's price (None: none)."""
    return await tx.fetchrow(
        "SELECT p.slug, p.version, p.listed, v.sku, v.price FROM product p"
        " LEFT JOIN variant v ON v.product_id = p.id AND v.sku = $2 AND v.active"
        " WHERE p.id = $1 AND ($3::text[] IS NULL OR p.vendor_id = ANY($3)) FOR UPDATE OF p",
        product_id,
        sku,
        vendors,
    )


async def set_price(tx: Tx, product_id: str, sku: str, price: int, now: datetime) -> int | None:
    """Set the price of one variant of a locked product; returns the product's new version, None for no such variant."""
    version: int | None = await tx.fetchval(_SET_PRICE, product_id, sku, price, now)
    return version


async def delete_draft(tx: Tx, product_id: str) -> bool:
    """Delete a product that was never published, so that its SKUs and slug are free again."""
    done = await tx.execute("DELETE FROM product WHERE id = $1 AND published_at IS NULL", product_id)
    return done == "DELETE 1"


async def listed_after(tx: Tx, after: str, limit: int) -> list[str]:
    """Return ids of listed products in the order of ids, past `after`."""
    rows = await tx.fetch("SELECT id FROM product WHERE listed AND id > $1 ORDER BY id LIMIT $2", after, limit)
    return [row["id"] for row in rows]
