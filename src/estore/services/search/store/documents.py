"""SQL of the documents. An older version never overwrites a newer one, and what changes is told to the index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from estore.kit.db import Record, Tx
from estore.services.search.store.index.schema import Offered


class DocumentRow(NamedTuple):
    """What a product's event says. variants: [{"sku", "title", "options", "barcode"}]."""

    product_id: str
    version: int
    slug: str
    title: str
    vendor_id: str
    brand: str | None
    category: str
    category_path: list[str]
    attributes: dict[str, str]
    description: str
    picture: str | None
    variants: list[dict[str, Any]]
    published_at: datetime


class OfferRow(NamedTuple):
    """price: minor units. version: the product's."""

    sku: str
    product_id: str
    price: int
    currency: str
    version: int


# jsonb arrays and text[][] do not go through unnest: one jsonb row each
_SAVE = """
WITH heard AS (
    SELECT r.* FROM jsonb_to_recordset($1::jsonb) AS r (product_id text, version bigint, slug text, title text,
        vendor_id text, brand text, category text, category_path text[], attributes jsonb, description text,
        picture text, variants jsonb, published_at timestamptz)
), saved AS (
    INSERT INTO document (product_id, version, slug, title, vendor_id, brand, category, category_path, attributes,
        description, picture, variants, published_at, listed)
    SELECT h.*, true FROM heard h ORDER BY h.product_id
    ON CONFLICT (product_id) DO UPDATE
    SET version = excluded.version, slug = excluded.slug, title = excluded.title, vendor_id = excluded.vendor_id,
        brand = excluded.brand, category = excluded.category, category_path = excluded.category_path,
        attributes = excluded.attributes, description = excluded.description, picture = excluded.picture,
        variants = excluded.variants, listed = true,
        published_at = least(document.published_at, excluded.published_at)
    WHERE document.version < excluded.version
    RETURNING product_id
)
INSERT INTO pending (product_id) SELECT product_id FROM saved RETURNING product_id
"""
_OFFERS = """
WITH dropped AS (
    UPDATE offer o SET listed = false, version = p.version
    FROM unnest($6::text[], $7::bigint[]) AS p (product_id, version)
    WHERE o.product_id = p.product_id AND o.version < p.version AND o.sku <> ALL ($1::text[])
)
INSERT INTO offer (sku, product_id, price, currency, version, price_version, listed)
SELECT i.*, i.version, true
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[]) AS i (sku, product_id, price, currency,
    version) ORDER BY i.sku
ON CONFLICT (sku) DO UPDATE
SET product_id = excluded.product_id, listed = true, version = excluded.version,
    price = CASE WHEN offer.price_version > excluded.version THEN offer.price ELSE excluded.price END,
    currency = CASE WHEN offer.price_version > excluded.version THEN offer.currency ELSE excluded.currency END,
    price_version = greatest(offer.price_version, excluded.version)
WHERE offer.version < excluded.version AND (offer.product_id IS NULL OR offer.product_id = excluded.product_id)
"""
_ARCHIVE = """
WITH saved AS (
    INSERT INTO document (product_id, version, listed) SELECT *, false FROM unnest($1::text[], $2::bigint[]) ORDER BY 1
    ON CONFLICT (product_id) DO UPDATE SET listed = false, version = excluded.version
    WHERE document.version < excluded.version RETURNING product_id
)
INSERT INTO pending (product_id) SELECT product_id FROM saved
"""
_PRICES = """
WITH saved AS (
    INSERT INTO offer (sku, product_id, price, currency, price_version)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[]) ORDER BY 1
    ON CONFLICT (sku) DO UPDATE
    SET product_id = excluded.product_id, price = excluded.price, currency = excluded.currency,
        price_version = excluded.price_version
    WHERE offer.price_version < excluded.price_version
      AND (offer.product_id IS NULL OR offer.product_id = excluded.product_id)
    RETURNING product_id
)
INSERT INTO pending (product_id, lane) SELECT DISTINCT product_id, 1 FROM saved
"""
_STOCK = """
WITH saved AS (
    INSERT INTO offer (sku, available, stock_version)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) ORDER BY 1
    ON CONFLICT (sku) DO UPDATE SET available = excluded.available, stock_version = excluded.stock_version
    WHERE offer.stock_version < excluded.stock_version RETURNING product_id
)
INSERT INTO pending (product_id, lane) SELECT DISTINCT product_id, 0 FROM saved WHERE product_id IS NOT NULL
"""
_RATINGS = """
WITH saved AS (
    INSERT INTO document (product_id, votes, stars, rating_version)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) ORDER BY 1
    ON CONFLICT (product_id) DO UPDATE
    SET votes = excluded.votes, stars = excluded.stars, rating_version = excluded.rating_version
    WHERE document.rating_version < excluded.rating_version RETURNING product_id
)
INSERT INTO pending (product_id) SELECT product_id FROM saved
"""
# What is already there has decayed until now; a sale that is heard late counts as if it were of now
_SOLD = """
WITH saved AS (
    INSERT INTO document (product_id, popularity, popular_at)
    SELECT product_id, pieces, $3 FROM unnest($1::text[], $2::float8[]) AS s (product_id, pieces) ORDER BY 1
    ON CONFLICT (product_id) DO UPDATE
    SET popularity = excluded.popularity + document.popularity * power(0.5, greatest(0, extract(epoch FROM
            $3 - coalesce(document.popular_at, $3)))::float8 / $4),
        popular_at = greatest(document.popular_at, $3)
    RETURNING product_id
)
INSERT INTO sold (product_id) SELECT product_id FROM saved
"""
_TOGETHER = """
INSERT INTO together (product_id, other_id, times, last_at)
SELECT a, b, times, $4 FROM unnest($1::text[], $2::text[], $3::float8[]) AS t (a, b, times) ORDER BY 1, 2
ON CONFLICT (product_id, other_id) DO UPDATE
SET times = excluded.times + together.times * power(0.5, greatest(0, extract(epoch FROM $4 - together.last_at))::float8
        / $5),
    last_at = greatest(together.last_at, $4)
"""
_FADE = """
WITH old AS (
    SELECT product_id FROM document WHERE popularity > 0 AND popular_at < $1 ORDER BY popular_at LIMIT $2
    FOR NO KEY UPDATE SKIP LOCKED
), faded AS (
    UPDATE document d
    SET popularity = CASE WHEN d.popularity < 0.05 THEN 0 ELSE
            d.popularity * power(0.5, extract(epoch FROM $3 - d.popular_at)::float8 / $4) END,
        popular_at = $3
    FROM old WHERE d.product_id = old.product_id RETURNING d.product_id
)
INSERT INTO pending (product_id) SELECT product_id FROM faded
"""
_VENDORS = """
INSERT INTO vendor (vendor_id, slug, name, active, version)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::bigint[]) ORDER BY 1
ON CONFLICT (vendor_id) DO UPDATE
SET slug = coalesce(excluded.slug, vendor.slug), name = coalesce(excluded.name, vendor.name),
    active = excluded.active, version = excluded.version
WHERE vendor.version < excluded.version
"""
_PRICED = """
LEFT JOIN LATERAL (SELECT min(o.price) AS lowest, max(o.price) AS highest, min(o.currency) AS currency,
    coalesce(sum(o.available), 0)::bigint AS available
    FROM offer o WHERE o.product_id = d.product_id AND o.listed AND o.price IS NOT NULL) o ON true
"""
_FOR_INDEX = (
    "SELECT d.key, d.title, d.vendor_id, d.brand, d.category_path, d.attributes, d.description, d.variants,"
    " d.published_at, d.votes, d.stars, d.popularity, d.popular_at, o.lowest, o.highest, o.available, d.listed"
    f" FROM document d {_PRICED}"
)
_CARDS = (
    "SELECT d.key, d.product_id, d.slug, d.title, d.brand, d.category, d.category_path, d.picture, d.vendor_id,"
    " v.slug AS vendor_slug, v.name AS vendor_name, d.votes, d.stars, d.popularity, d.popular_at,"
    f" o.lowest, o.highest, o.currency, o.available FROM document d {_PRICED}"
    " LEFT JOIN vendor v ON v.vendor_id = d.vendor_id"
    " WHERE d.listed AND o.lowest IS NOT NULL AND v.active IS NOT FALSE"
)


async def save(tx: Tx, rows: Sequence[DocumentRow], offers: Sequence[OfferRow]) -> None:
    """Learn products with their variants, each product and SKU once. Other variants of theirs are not for sale any
    more."""
    saved = await tx.fetch(_SAVE, [row._asdict() for row in rows])
    fresh = {row["product_id"] for row in saved}
    versions = {row.product_id: row.version for row in rows if row.product_id in fresh}
    columns: list[list[Any]] = [
        list(column) for column in zip(*(o for o in offers if o.product_id in fresh), strict=True)
    ]
    await tx.execute(_OFFERS, *(columns or [[] for _ in OfferRow._fields]), list(versions), list(versions.values()))


async def archive(tx: Tx, versions: Mapping[str, int]) -> None:
    """Take products out: {product_id: version}. One that was never heard of leaves a tombstone."""
    await tx.execute(_ARCHIVE, list(versions), list(versions.values()))


async def save_prices(tx: Tx, prices: Mapping[str, tuple[str, int, str, int]]) -> None:
    """Learn prices {sku: (product_id, minor units, currency, version)}."""
    await tx.execute(_PRICES, list(prices), *_columns(prices.values(), 4))


async def save_stock(tx: Tx, levels: Mapping[str, tuple[int, int]]) -> None:
    """Learn what can be bought: {sku: (pieces, version)}."""
    await tx.execute(_STOCK, list(levels), *_columns(levels.values(), 2))


async def save_ratings(tx: Tx, ratings: Mapping[str, tuple[int, int, int]]) -> None:
    """Learn ratings {product_id: (votes, their sum, version)}."""
    await tx.execute(_RATINGS, list(ratings), *_columns(ratings.values(), 3))


async def save_sales(tx: Tx, pieces: Mapping[str, float], now: datetime, half_life: float) -> None:
    """Add sold pieces {product_id: pieces} to what is left of the earlier ones. half_life: seconds."""
    await tx.execute(_SOLD, list(pieces), list(pieces.values()), now, half_life)


async def save_together(tx: Tx, times: Mapping[tuple[str, str], float], now: datetime, half_life: float) -> None:
    """Count products that were in one order: {(product, other): times}. half_life: seconds."""
    pairs = list(times)
    await tx.execute(_TOGETHER, [a for a, _ in pairs], [b for _, b in pairs], list(times.values()), now, half_life)


async def fade(tx: Tx, before: datetime, limit: int, now: datetime, half_life: float) -> int:
    """Bring the popularity of products that was weighed before then to `now`; returns how many, `limit` at most."""
    return int((await tx.execute(_FADE, before, limit, now, half_life)).rpartition(" ")[2])


async def save_vendors(tx: Tx, vendors: Mapping[str, tuple[str | None, str | None, bool, int]]) -> None:
    """Learn vendors {vendor_id: (slug, name, may sell, version)}; None leaves slug or name as they are."""
    await tx.execute(_VENDORS, list(vendors), *_columns(vendors.values(), 4))


async def for_index(tx: Tx, product_ids: Sequence[str]) -> tuple[list[int], list[Offered]]:
    """Return the keys of these products, and what is to be found of them."""
    rows = await tx.fetch(f"{_FOR_INDEX} WHERE d.product_id = ANY($1::text[])", product_ids)
    return [row["key"] for row in rows], [_offered(row) for row in rows if _findable(row)]


async def chunk(tx: Tx, after: int, limit: int) -> tuple[int | None, list[Offered]]:
    """Return the documents past the key `after`, and the last key; None at the end."""
    rows = await tx.fetch(f"{_FOR_INDEX} WHERE d.key > $1 ORDER BY d.key LIMIT $2", after, limit)
    return (rows[-1]["key"] if rows else None), [_offered(row) for row in rows if _findable(row)]


async def cards(tx: Tx, keys: Sequence[int]) -> dict[int, Record]:
    """Return what a page shows of products, by key; those that are not for sale any more are left out."""
    rows = await tx.fetch(f"{_CARDS} AND d.key = ANY($1::bigint[])", keys)
    return {row["key"]: row for row in rows}


async def bought_together(tx: Tx, product_id: str, limit: int) -> list[Record]:
    """Return cards of what was in the same orders, most often first."""
    return await tx.fetch(
        f"SELECT c.* FROM together t JOIN ({_CARDS}) c ON c.product_id = t.other_id WHERE t.product_id = $1"
        " ORDER BY t.times DESC, t.other_id LIMIT $2",
        product_id,
        limit,
    )


async def product(tx: Tx, id_or_slug: str) -> Record | None:
    """Return key, product_id, title, category_path of a product that is for sale."""
    return await tx.fetchrow(
        "SELECT key, product_id, title, category_path FROM document WHERE listed AND (product_id = $1 OR slug = $1)"
        " ORDER BY product_id = $1 DESC LIMIT 1",
        id_or_slug,
    )


async def keys_of(tx: Tx, product_ids: Sequence[str]) -> dict[str, int]:
    rows = await tx.fetch("SELECT product_id, key FROM document WHERE product_id = ANY($1::text[])", product_ids)
    return {row["product_id"]: row["key"] for row in rows}


async def vendors(tx: Tx, names: Sequence[str]) -> list[Record]:
    """Return vendor_id, slug, name of vendors by id or slug."""
    return await tx.fetch(
        "SELECT vendor_id, slug, name FROM vendor WHERE vendor_id = ANY($1::text[]) OR slug = ANY($1::text[])", names
    )


async def copy_documents(tx: Tx, rows: Iterable[tuple[DocumentRow, Sequence[tuple[str, int, str, int]]]]) -> None:
    """COPY published products with (sku, price, currency, available) of their variants. None may be known yet."""
    documents, offers, told = [], [], []
    for row, variants in rows:
        documents.append((*row, True))
        told.append((row.product_id,))
        offers += [
            (sku, row.product_id, True, 1, price, money, 1, available, 1) for sku, price, money, available in variants
        ]
        if len(documents) >= 5000:
            await _copy(tx, documents, offers, told)
            documents, offers, told = [], [], []
    await _copy(tx, documents, offers, told)


async def _copy(tx: Tx, documents: list[Any], offers: list[Any], told: list[Any]) -> None:
    await tx.copy("document", [*DocumentRow._fields, "listed"], documents)
    columns = "sku product_id listed version price currency price_version available stock_version"
    await tx.copy("offer", columns.split(), offers)
    await tx.copy("pending", ["product_id"], told)


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def _findable(row: Record) -> bool:
    return row["listed"] and row["lowest"] is not None


def _offered(row: Record) -> Offered:
    return Offered(*(row[name] for name in Offered._fields))
