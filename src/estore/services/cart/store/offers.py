"""The read model of what is for sale. An older version never overwrites a newer one, whatever overtakes what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from estore.kit.db import Tx


class OfferRow(NamedTuple):
    """What a product's event says of one variant. version: the product's."""

    sku: str
    product_id: str
    vendor_id: str
    title: str
    picture: str | None
    price: int
    currency: str
    version: int


class OfferSeed(NamedTuple):
    """An offer for the large seed. available: as inventory announced it with version 1."""

    sku: str
    product_id: str
    vendor_id: str
    title: str
    price: int
    currency: str
    available: int
    version: int = 1
    picture: str | None = None


_SAVE = """
WITH dropped AS (
    UPDATE offer o SET listed = false, version = p.version
    FROM unnest($9::text[], $10::bigint[]) AS p (product_id, version)
    WHERE o.product_id = p.product_id AND o.version < p.version AND o.sku <> ALL ($1::text[])
)
INSERT INTO offer (sku, product_id, vendor_id, title, picture, price, currency, version, price_version, listed)
SELECT i.*, i.version, NOT EXISTS (SELECT 1 FROM offer n WHERE n.product_id = i.product_id AND n.version > i.version)
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::bigint[])
    AS i (sku, product_id, vendor_id, title, picture, price, currency, version)
ORDER BY i.sku
ON CONFLICT (sku) DO UPDATE
SET product_id = excluded.product_id, vendor_id = excluded.vendor_id, title = excluded.title,
    picture = excluded.picture, listed = excluded.listed, version = excluded.version,
    price = CASE WHEN offer.price_version > excluded.version THEN offer.price ELSE excluded.price END,
    currency = CASE WHEN offer.price_version > excluded.version THEN offer.currency ELSE excluded.currency END,
    price_version = greatest(offer.price_version, excluded.version)
WHERE offer.version < excluded.version AND (offer.product_id IS NULL OR offer.product_id = excluded.product_id)
"""
_ARCHIVE = """
INSERT INTO offer (sku, product_id, version)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) ORDER BY 1
ON CONFLICT (sku) DO UPDATE SET product_id = excluded.product_id, listed = false, version = excluded.version
WHERE offer.version < excluded.version AND (offer.product_id IS NULL OR offer.product_id = excluded.product_id)
"""
_PRICES = """
INSERT INTO offer (sku, product_id, price, currency, price_version)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[]) ORDER BY 1
ON CONFLICT (sku) DO UPDATE
SET product_id = excluded.product_id, price = excluded.price, currency = excluded.currency,
    price_version = excluded.price_version
WHERE offer.price_version < excluded.price_version
  AND (offer.product_id IS NULL OR offer.product_id = excluded.product_id)
"""
_AVAILABILITY = """
INSERT INTO offer (sku, available, stock_version)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) ORDER BY 1
ON CONFLICT (sku) DO UPDATE SET available = excluded.available, stock_version = excluded.stock_version
WHERE offer.stock_version < excluded.stock_version
"""
_VENDORS = """
INSERT INTO vendor (vendor_id, active, version)
SELECT * FROM unnest($1::text[], $2::boolean[], $3::bigint[]) ORDER BY 1
ON CONFLICT (vendor_id) DO UPDATE SET active = excluded.active, version = excluded.version
WHERE vendor.version < excluded.version
"""


async def save_offers(tx: Tx, rows: Sequence[OfferRow], versions: Mapping[str, int]) -> None:
    """Learn the variants of products, each SKU once in `rows`.

    versions: {product_id: version}; variants of these products that are not in `rows` are not for sale any more.
    """
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in OfferRow._fields]
    await tx.execute(_SAVE, *columns, list(versions), list(versions.values()))


async def archive_offers(tx: Tx, skus: Mapping[str, tuple[str, int]]) -> None:
    """Unlist SKUs {sku: (product_id, version)}; those that were never heard of leave a tombstone."""
    await tx.execute(_ARCHIVE, list(skus), [row[0] for row in skus.values()], [row[1] for row in skus.values()])


async def save_prices(tx: Tx, prices: Mapping[str, tuple[str, int, str, int]]) -> None:
    """Learn prices {sku: (product_id, amount, currency, version)}."""
    rows = prices.values()
    await tx.execute(
        _PRICES, list(prices), [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], [r[3] for r in rows]
    )


async def save_availability(tx: Tx, levels: Mapping[str, tuple[int, int]]) -> None:
    """Learn how many can be bought: {sku: (available, version)}."""
    await tx.execute(_AVAILABILITY, list(levels), [r[0] for r in levels.values()], [r[1] for r in levels.values()])


async def save_vendors(tx: Tx, vendors: Mapping[str, tuple[bool, int]]) -> None:
    """Learn whether vendors may sell: {vendor_id: (active, version)}."""
    rows = vendors.values()
    await tx.execute(_VENDORS, list(vendors), [row[0] for row in rows], [row[1] for row in rows])


async def copy_offers(tx: Tx, rows: Iterable[OfferSeed]) -> None:
    """COPY offers of published products; none of their SKUs may be known yet."""
    columns = (
        "sku product_id vendor_id title price currency available version picture price_version stock_version listed"
    )
    await tx.copy("offer", columns.split(), ((*row, row.version, 1, True) for row in rows))
