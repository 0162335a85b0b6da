"""The read model of SKUs, opening stock of imports, and the large seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from estore.kit.db import Tx
from estore.kit.ids import new_id

# A SKU stays with the product that brought it. Its vendor is learnt even from an older version when it is unknown.
_SAVE = """
WITH incoming AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS i (sku, product_id, vendor_id, version)
), dropped AS (
    UPDATE sku k SET listed = false, version = p.version
    FROM unnest($5::text[], $6::bigint[]) AS p (product_id, version)
    WHERE k.product_id = p.product_id AND k.version < p.version AND k.sku <> ALL ($1::text[])
)
INSERT INTO sku (sku, product_id, vendor_id, version, listed)
SELECT i.sku, i.product_id, i.vendor_id, i.version,
       NOT EXISTS (SELECT 1 FROM sku n WHERE n.product_id = i.product_id AND n.version > i.version)
FROM incoming i ORDER BY i.sku
ON CONFLICT (sku) DO UPDATE
SET vendor_id = excluded.vendor_id,
    version = greatest(sku.version, excluded.version),
    listed = CASE WHEN excluded.version > sku.version THEN excluded.listed ELSE sku.listed END
WHERE sku.product_id = excluded.product_id AND (sku.version < excluded.version OR sku.vendor_id IS NULL)
"""
_ARCHIVE = """
INSERT INTO sku (sku, product_id, version, listed)
SELECT i.sku, i.product_id, i.version, false
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS i (sku, product_id, version) ORDER BY 1
ON CONFLICT (sku) DO UPDATE SET version = excluded.version, listed = false
WHERE sku.product_id = excluded.product_id AND sku.version < excluded.version
"""
# Only for SKUs of that very product: a file cannot count what another product brought.
_ADD_IMPORTS = """
WITH known AS (
    INSERT INTO sku (sku, product_id, vendor_id)
    SELECT DISTINCT ON (i.sku) i.sku, i.product_id, i.vendor_id
    FROM unnest($2::text[], $3::text[], $4::text[]) AS i (sku, product_id, vendor_id) ORDER BY i.sku
    ON CONFLICT (sku) DO UPDATE SET vendor_id = coalesce(sku.vendor_id, excluded.vendor_id)
    WHERE sku.product_id = excluded.product_id
    RETURNING sku
)
INSERT INTO stock_import (import_id, sku, quantity, counted_at)
SELECT i.import_id, i.sku, i.quantity, $6
FROM unnest($1::text[], $2::text[], $5::int[]) AS i (import_id, sku, quantity)
WHERE i.sku IN (SELECT sku FROM known) ORDER BY 1, 2
ON CONFLICT DO NOTHING RETURNING import_id, sku
"""
# Only imports may speak of a draft: a SKU of version 0 was never for sale, and its draft may be gone. $4: not from a
# product that is older than the one that has it, because imports come late, too.
_INHERIT = """
UPDATE sku k SET product_id = heir.product_id, vendor_id = heir.vendor_id
FROM (SELECT o.sku, o.vendor_id AS was, i.product_id, i.vendor_id
      FROM unnest($1::text[], $2::text[], $3::text[]) AS i (sku, product_id, vendor_id) JOIN sku o USING (sku)
      WHERE o.version = 0 AND o.product_id <> i.product_id AND (i.product_id > o.product_id OR NOT $4)
      ORDER BY o.sku FOR NO KEY UPDATE OF o) AS heir
WHERE k.sku = heir.sku RETURNING k.sku, heir.was IS DISTINCT FROM heir.vendor_id
"""


async def inherit_skus(tx: Tx, heirs: Mapping[str, tuple[str, str]], *, newer: bool) -> list[str]:
    """Give SKUs that only imports of another product's draft have named to {sku: (product_id, vendor_id)}.

    newer: only to products that are newer than that draft. Returns the SKUs that went to another vendor.
    """
    owners = heirs.values()
    rows = await tx.fetch(_INHERIT, list(heirs), [owner[0] for owner in owners], [owner[1] for owner in owners], newer)
    return [row[0] for row in rows if row[1]]


async def save_skus(tx: Tx, skus: Mapping[str, tuple[str, str, int]], versions: Mapping[str, int]) -> None:
    """Learn whose SKUs are: {sku: (product_id, vendor_id, version)}.

    versions: of the products {product_id: version}; their SKUs that are missing in `skus` are not listed any more.
    """
    rows = skus.values()
    await tx.execute(
        _SAVE,
        list(skus),
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        list(versions),
        list(versions.values()),
    )


async def archive_skus(tx: Tx, skus: Mapping[str, tuple[str, int]]) -> None:
    """Unlist SKUs {sku: (product_id, version)}. Those that were never heard of leave a tombstone."""
    rows = skus.values()
    await tx.execute(_ARCHIVE, list(skus), [row[0] for row in rows], [row[1] for row in rows])


class ImportRow(NamedTuple):
    """What an import counted."""

    import_id: str
    sku: str
    product_id: str
    vendor_id: str
    quantity: int


async def add_imports(tx: Tx, rows: Sequence[ImportRow], now: datetime) -> set[tuple[str, str]]:
    """Note rows of imports, and their SKUs where they are new; returns the (import_id, sku) that count."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return {(row[0], row[1]) for row in await tx.fetch(_ADD_IMPORTS, *columns, now)}


async def default_location(tx: Tx) -> str:
    """Return the id of the location where imported stock goes."""
    return str(await tx.fetchval("SELECT id FROM location WHERE is_default"))


class SeedRow(NamedTuple):
    """Opening stock for the large seed. version: the product's."""

    sku: str
    product_id: str
    vendor_id: str
    version: int
    quantity: int


async def copy_stock(tx: Tx, rows: Iterable[SeedRow], now: datetime, *, chunk: int = 20_000) -> int:
    """COPY SKUs with their opening stock, at the default location; none of them may exist yet.

    The availability counts as announced with version 1: whoever seeds gives the others' read models the same.
    Returns how many.
    """
    location_id = await default_location(tx)
    iterator = iter(rows)
    total = 0
    while batch := list(islice(iterator, chunk)):
        await tx.copy(
            "sku",
            ("sku", "product_id", "vendor_id", "version", "listed", "announced", "announcement"),
            ((r.sku, r.product_id, r.vendor_id, r.version, True, r.quantity, 1) for r in batch),
        )
        await tx.copy(
            "stock",
            ("sku", "location_id", "on_hand", "reserved"),
            ((r.sku, location_id, r.quantity, 0) for r in batch),
        )
        await tx.copy(
            "movement",
            ("id", "sku", "location_id", "kind", "delta", "on_hand", "at"),
            ((new_id("mov"), r.sku, location_id, "opening", r.quantity, r.quantity, now) for r in batch),
        )
        total += len(batch)
    return total
