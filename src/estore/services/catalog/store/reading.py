"""What the public, and a product's own vendor, read: one statement each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from estore.kit.db import Record, Tx

Sort = Literal["newest", "price", "-price", "title"]

_VARIANTS = """(
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'sku', v.sku, 'title', v.title, 'options', v.options, 'price', v.price, 'weight_grams', v.weight_grams,
        'barcode', v.barcode, 'available', coalesce(s.available, 0), 'seen', coalesce(s.version, 0)
    ) ORDER BY v.position), '[]')
    FROM variant v LEFT JOIN stock s ON s.sku = v.sku
    WHERE v.product_id = p.id AND v.active) AS variants"""

_CARD = f"""p.id, p.slug, p.title, p.brand, p.pictures, p.status, p.min_price, p.max_price, p.sort_title,
    p.published_at, p.currency, p.version, v.id AS vendor_id, v.slug AS vendor_slug, v.name AS vendor_name,
    c.id AS category_id, c.slug AS category_slug, c.name AS category_name,
    coalesce(t.votes, 0) AS votes, coalesce(t.stars, 0) AS stars, {_VARIANTS}"""

_FROM = (
    "JOIN vendor v ON v.id = p.vendor_id JOIN category c ON c.id = p.category_id"
    " LEFT JOIN rating t ON t.product_id = p.id"
)

_PRODUCT = f"""
SELECT {_CARD}, p.description, p.attributes, p.tax_class, p.created_at, p.updated_at,
    c.version + v.version + coalesce(t.version, 0) AS surroundings
FROM product p {_FROM}
WHERE p.{{key}} = $1 AND ((p.listed AND v.selling) OR $3 OR p.vendor_id = ANY($2::text[]))
"""


async def read_product(tx: Tx, id_or_slug: str, vendors: Sequence[str], *, everything: bool) -> Record | None:
    """Return the row of one product: what is for sale, and also what belongs to `vendors`, or everything."""
    key = "id" if id_or_slug.startswith("prd_") else "slug"
    return await tx.fetchrow(_PRODUCT.format(key=key), id_or_slug, vendors, everything)


# --- lists --------------------------------------------------------------------------------------------------

# sort -> its columns, its direction, the type of its first key
_SORTS = {
    "newest": ("published_at", "DESC", "timestamptz"),
    "price": ("min_price", "ASC", "bigint"),
    "-price": ("min_price", "DESC", "bigint"),
    "title": ("sort_title", "ASC", "text"),
}
# Vendors that were suspended a moment ago: their products are still marked as listed.
_HIDDEN = "hidden AS (SELECT coalesce(array_agg(id), '{}') AS ids FROM vendor WHERE NOT selling AND NOT settled)"
_LISTED = "p.listed AND p.vendor_id <> ALL ((SELECT ids FROM hidden)::text[])"
_SUBTREE = """wanted AS (
    SELECT id FROM category WHERE path @> (SELECT ARRAY[c.id] FROM category c WHERE c.{key} = $5))"""


class Listing(msgspec.Struct, frozen=True):
    """What a list shows. category, vendor: id or slug. after: the sort key and id of the last row seen."""

    sort: Sort
    limit: int
    category: str | None = None
    vendor: str | None = None
    after: tuple[Any, str] | None = None


def listing_sql(wanted: Listing) -> str:
    """Return the statement for `wanted`; there are few of them, so each stays prepared.

    Parameters: $1 limit, $2 and $3 the key after which to go on, $4 vendor, $5 category.
    A category's page is merged from the first rows of each category in its subtree: every one is a range of an index
    that has the order already, however many products there are.
    """
    key, way, kind = _SORTS[wanted.sort]
    order = f"{key} {way}, id {way}"
    past = ""
    if wanted.after is not None:
        past = f" AND (p.{key}, p.id) {'<' if way == 'DESC' else '>'} ($2::{kind}, $3)"
    of_vendor = ""
    if wanted.vendor is not None:
        name = _vendor_key(wanted.vendor)
        of_vendor = (
            f" AND p.vendor_id = (SELECT x.id FROM vendor x WHERE x.{name} = $4 ORDER BY x.version DESC LIMIT 1)"
        )
    common = [_HIDDEN]
    if wanted.category is not None:
        common.append(_SUBTREE.format(key="id" if wanted.category.startswith("cat_") else "slug"))
    if wanted.category is not None and wanted.vendor is None:
        common.append(
            f"page AS (SELECT x.id, x.{key} FROM wanted w CROSS JOIN LATERAL (SELECT p.id, p.{key} FROM product p"
            f" WHERE p.category_id = w.id AND {_LISTED}{past} ORDER BY {_of_p(order)} LIMIT $1) x"
            f" ORDER BY x.{key} {way}, x.id {way} LIMIT $1)"
        )
    else:
        in_all = " AND p.version > 0" if wanted.vendor is None else ""
        of_category = " AND p.category_id = ANY (ARRAY(SELECT id FROM wanted))" if wanted.category is not None else ""
        common.append(
            f"page AS (SELECT p.id, p.{key} FROM product p WHERE {_LISTED}{in_all}{of_vendor}{of_category}{past}"
            f" ORDER BY {_of_p(order)} LIMIT $1)"
        )
    unused = "$2::text IS NULL AND $3::text IS NULL" if wanted.after is None else "true"
    return (
        f"WITH {', '.join(common)} SELECT {_CARD} FROM page JOIN product p ON p.id = page.id {_FROM}"
        f" WHERE {unused} AND ($4::text IS NULL OR true) AND ($5::text IS NULL OR true)"
        f" ORDER BY page.{key} {way}, page.id {way}"
    )


def _of_p(order: str) -> str:
    return ", ".join(f"p.{part}" for part in order.split(", "))


async def list_products(tx: Tx, wanted: Listing) -> list[Record]:
    """Return the rows of one page, `wanted.limit` at most, of what is for sale."""
    first, last = wanted.after if wanted.after is not None else (None, None)
    return await tx.fetch(listing_sql(wanted), wanted.limit, first, last, wanted.vendor, wanted.category)


async def list_own(tx: Tx, status: str, vendors: Sequence[str] | None, wanted: Listing) -> list[Record]:
    """Return products in `status` of `vendors` (None: of all), newest first, whether they are for sale or not."""
    condition = "p.status = $1 AND p.id < $2"
    if wanted.category is not None:
        key = "id" if wanted.category.startswith("cat_") else "slug"
        condition += (
            " AND p.category_id IN (SELECT id FROM category WHERE path @>"
            f" (SELECT ARRAY[c.id] FROM category c WHERE c.{key} = $6))"
        )
    if vendors is None and wanted.vendor is None:
        page = f"SELECT p.id FROM product p WHERE {condition} ORDER BY p.id DESC LIMIT $3"
    else:
        whose = "$4::text[] IS NULL OR id = ANY($4)"
        if wanted.vendor is not None:
            whose = f"({whose}) AND {_vendor_key(wanted.vendor)} = $5"
        page = (
            f"SELECT x.id FROM (SELECT id FROM vendor WHERE {whose}) w CROSS JOIN LATERAL (SELECT p.id FROM product p"
            f" WHERE p.vendor_id = w.id AND {condition} ORDER BY p.id DESC LIMIT $3) x ORDER BY x.id DESC LIMIT $3"
        )
    sql = (
        f"WITH page AS ({page}) SELECT {_CARD} FROM page JOIN product p ON p.id = page.id {_FROM}"
        " WHERE ($4::text[] IS NULL OR true) AND ($5::text IS NULL OR true) AND ($6::text IS NULL OR true)"
        " ORDER BY p.id DESC"
    )
    last = wanted.after[1] if wanted.after is not None else "prd_~"
    return await tx.fetch(sql, status, last, wanted.limit, vendors, wanted.vendor, wanted.category)


def _vendor_key(name: str) -> str:
    return "id" if name.startswith("vnd_") else "slug"


def sort_key(row: Record, sort: Sort) -> tuple[Any, str]:
    """Return what a cursor keeps of `row`: its sort key, times as microseconds, and its id."""
    value = row[_SORTS[sort][0]]
    return (micros(value) if isinstance(value, datetime) else value, row["id"])


def micros(moment: datetime) -> int:
    """Return the microseconds since 1970, which a datetime holds exactly."""
    whole = int(moment.timestamp())
    return whole * 1_000_000 + moment.microsecond
