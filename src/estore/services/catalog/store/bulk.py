"""COPY of many products at once, for a large marketplace to try things on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import islice
from typing import Any

from estore.kit.db import Tx
from estore.services.catalog.domain import Product, sort_title
from estore.services.catalog.store.products import announce

BATCH = 20_000
SMALL = 10_000
_PRODUCT = ["id", "vendor_id", "category_id", "slug", "title", "sort_title", "description", "brand", "attributes"]
_PRODUCT += ["pictures", "tax_class", "status", "listed", "min_price", "max_price", "currency", "import_key", "version"]
_PRODUCT += ["published_at", "created_at", "updated_at"]
_VARIANT = ["sku", "product_id", "position", "title", "options", "price", "weight_grams", "barcode"]


async def copy_products(tx: Tx, rows: Iterable[Product], *, currency: str, now: datetime, available: int = 0) -> int:
    """COPY `rows`, which are valid, new and complete, into the tables; returns how many there were.

    Published ones are listed at once. Nothing is emitted: read models elsewhere are filled by their own COPY, or by
    `republish`. available: pieces of each variant that catalog shows until inventory tells otherwise.
    Several calls in one transaction belong within one `put_off`; a single one into a small store does that itself.
    """
    if await tx.fetchval("SELECT count(*) FROM (SELECT 1 FROM product LIMIT $1) AS few", SMALL) < SMALL:
        async with put_off(tx):
            total = await _copy(tx, rows, currency, now, available)
    else:
        total = await _copy(tx, rows, currency, now, available)
    await announce(tx)
    return total


async def _copy(tx: Tx, rows: Iterable[Product], currency: str, now: datetime, available: int) -> int:
    source = iter(rows)
    total = 0
    while batch := list(islice(source, BATCH)):
        total += len(batch)
        await tx.copy("product", _PRODUCT, _product_rows(batch, currency, now))
        await tx.copy("variant", _VARIANT, _variant_rows(batch))
        if available:
            await tx.copy("stock", ["sku", "available", "version"], ((s, available, 0) for p in batch for s in p.skus))
    return total


@asynccontextmanager
async def put_off(tx: Tx) -> AsyncIterator[None]:
    """Do without the foreign keys of product and variant, and without the indexes that make nothing unique; make them
    again at the end of the block, from all rows at once. Nobody else reads the tables until this transaction ends."""
    keys = await tx.fetch(
        "SELECT conrelid::regclass::text AS name, conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint"
        " WHERE contype = 'f' AND conrelid IN ('product'::regclass, 'variant'::regclass)"
    )
    indexes = await tx.fetch(
        "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index"
        " WHERE indrelid IN ('product'::regclass, 'variant'::regclass) AND NOT indisunique"
    )
    for row in keys:
        await tx.execute(f'ALTER TABLE {row["name"]} DROP CONSTRAINT "{row["conname"]}"')
    for row in indexes:
        await tx.execute(f"DROP INDEX {row['name']}")
    yield
    if indexes:
        await tx.execute("SET LOCAL maintenance_work_mem = '256MB'")
    for row in indexes:
        await tx.execute(row["definition"])
    for row in keys:
        await tx.execute(f'ALTER TABLE {row["name"]} ADD CONSTRAINT "{row["conname"]}" {row["definition"]}')


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
