"""COPY of many products at once, for a large marketplace to try things on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from estore.kit.db import Tx
from estore.services.catalog.domain import Product, sort_title
from estore.services.catalog.store.products import announce

BATCH = 20_000
_PRODUCT = ["id", "vendor_id", "category_id", "slug", "title", "sort_title", "description", "brand", "attributes"]
_PRODUCT += ["pictures", "tax_class", "status", "listed", "min_price", "max_price", "currency", "import_key", "version"]
_PRODUCT += ["published_at", "created_at", "updated_at"]
_VARIANT = ["sku", "product_id", "position", "title", "options", "price", "weight_grams", "barcode"]


async def copy_products(tx: Tx, rows: Iterable[Product], *, currency: str, now: datetime, available: int = 0) -> int:
    """COPY `rows`, which are valid, new and complete, into the tables; returns how many there were.

    Published ones are listed at once. Nothing is emitted: read models elsewhere are filled by their own COPY, or by
    `republish`. available: pieces of each variant that catalog shows until inventory tells otherwise.
    When the store is empty the lists' indexes are built afterwards, which is twice as fast.
    """
    indexes: list[str] = []
    if await tx.fetchval("SELECT NOT EXISTS (SELECT 1 FROM product)"):
        indexes = await _drop_indexes(tx)
    source = iter(rows)
    total = 0
    while batch := list(islice(source, BATCH)):
        total += len(batch)
        await tx.copy("product", _PRODUCT, _product_rows(batch, currency, now))
        await tx.copy("variant", _VARIANT, _variant_rows(batch))
        if available:
            await tx.copy("stock", ["sku", "available", "version"], ((s, available, 0) for p in batch for s in p.skus))
    for definition in indexes:
        await tx.execute(definition)
    await announce(tx)
    return total


async def _drop_indexes(tx: Tx) -> list[str]:
    """Drop those indexes of product that no constraint needs; returns the statements that make them again."""
    found = await tx.fetch(
        "SELECT c.relname, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'product'::regclass"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint x WHERE x.conindid = i.indexrelid)"
    )
    for row in found:
        await tx.execute(f'DROP INDEX "{row["relname"]}"')
    return [row["definition"] for row in found]


def _product_rows(batch: list[Product], currency: str, now: datetime) -> Iterator[tuple[Any, ...]]:
    for p in batch:
        prices = p.prices
        listed = p.status == "published"
        published_at = p.published_at or (now if p.status != "draft" else None)
        yield (
            p.id,
            p.vendor_id,
            p.category_id,
            p.slug,
            p.title,
            sort_title(p.title),
            p.description,
            p.brand,
            p.attributes,
            p.pictures,
            p.tax_class,
            p.status,
            listed,
            min(prices, default=None),
            max(prices, default=None),
            currency,
            p.import_key,
            p.version,
            published_at,
            p.created_at or now,
            now,
        )


def _variant_rows(batch: list[Product]) -> Iterator[tuple[Any, ...]]:
    for p in batch:
        for position, v in enumerate(p.variants):
            yield (v.sku, p.id, position, v.title, v.options, v.price, v.weight_grams, v.barcode)
