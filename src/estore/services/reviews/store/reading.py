"""What people read: one statement each."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from estore.kit.db import Record, Tx
from estore.services.reviews.domain import Review
from estore.services.reviews.store.rows import COLUMNS, OF_R, review_of

Sort = Literal["newest", "helpful", "highest", "lowest"]
# sort -> its column, its direction, the type of its column
_SORTS = {
    "newest": ("published_at", "DESC", "timestamptz"),
    "helpful": ("helpful", "DESC", "bigint"),
    "highest": ("stars", "DESC", "bigint"),
    "lowest": ("stars", "ASC", "bigint"),
}


class Listing(msgspec.Struct, frozen=True):
    """A page of published reviews, of a product or a vendor. after: sort key and id of the last row seen."""

    sort: Sort
    limit: int
    product: str | None = None
    vendor: str | None = None
    stars: int | None = None
    after: tuple[Any, str] | None = None


async def list_reviews(tx: Tx, wanted: Listing) -> list[Review]:
    """Return the reviews of one page, `wanted.limit` at most."""
    key, way, kind = _SORTS[wanted.sort]
    whose = "product_id = $1" if wanted.product is not None else "vendor_id = $1"
    both = " AND vendor_id = $5" if wanted.product is not None and wanted.vendor is not None else " AND $5::text = $5"
    past = "" if wanted.after is None else f" AND ({key}, id) {'<' if way == 'DESC' else '>'} ($3::{kind}, $4)"
    unused = " AND $3::text IS NULL AND $4::text IS NULL" if wanted.after is None else ""
    first, last = wanted.after if wanted.after is not None else (None, None)
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM review WHERE status = 'published' AND {whose}{both}"
        f" AND ($6::int IS NULL OR stars = $6){past}{unused} ORDER BY {key} {way}, id {way} LIMIT $2",
        wanted.product if wanted.product is not None else wanted.vendor,
        wanted.limit,
        first,
        last,
        wanted.vendor or "",
        wanted.stars,
    )
    return [review_of(row) for row in rows]


def sort_key(review: Review, sort: Sort) -> Any:
    """Return the value that a page of `sort` is ordered by; times as they are."""
    if sort == "newest":
        return review.published_at
    return review.helpful if sort == "helpful" else review.words.stars


async def read_review(tx: Tx, review_id: str, account_id: str | None, *, everything: bool) -> Review | None:
    """Return a review that everybody may read, or one of that account's own, or any."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM review WHERE id = $1 AND (status = 'published' OR account_id = $2 OR $3)",
        review_id,
        account_id,
        everything,
    )
    return None if row is None else review_of(row)


async def read_rating(tx: Tx, product_id: str) -> Record | None:
    """Return one, two, three, four, five, votes and stars of a product's rating."""
    return await tx.fetchrow(
        "SELECT one, two, three, four, five, votes, stars FROM rating WHERE product_id = $1", product_id
    )


async def lines_of(
    tx: Tx, account_id: str, after: tuple[datetime, str] | None, limit: int, *, open_only: bool
) -> list[tuple[Record, Review | None]]:
    """Return lines delivered to an account, the latest first, each with its review. open_only: those without one.

    A line has line_id, order_id, product_id (None: not heard of yet), vendor_id, sku and delivered_at.
    """
    moment, last = after if after is not None else (None, None)
    rows = await tx.fetch(
        f"SELECT l.id AS the_line, l.order_id, coalesce(r.product_id, k.product_id) AS of_product,"
        f" l.vendor_id AS of_vendor, l.sku AS the_sku, l.delivered_at, {OF_R}"
        " FROM line l LEFT JOIN review r ON r.line_id = l.id LEFT JOIN sku k ON k.sku = l.sku"
        " WHERE l.account_id = $1 AND ($3::timestamptz IS NULL OR (l.delivered_at, l.id) < ($3, $4))"
        " AND (NOT $5 OR r.id IS NULL) ORDER BY l.delivered_at DESC, l.id DESC LIMIT $2",
        account_id,
        limit,
        moment,
        last,
        open_only,
    )
    return [(row, None if row["id"] is None else review_of(row)) for row in rows]


_QUEUE = f"""
SELECT {COLUMNS}, (
    SELECT coalesce(jsonb_agg(jsonb_build_object('reason', p.reason, 'text', p.text, 'at', p.at) ORDER BY p.id), '[]')
    FROM (SELECT * FROM report WHERE review_id = review.id AND open ORDER BY id LIMIT 20) p) AS reports
FROM review
WHERE (status = 'held' OR open_reports > 0) AND ($1::text IS NULL OR id > $1)
  AND ($3::text IS NULL OR ($3 = 'held') = (status = 'held')) AND ($4::text IS NULL OR vendor_id = $4)
ORDER BY id LIMIT $2
"""


async def queue(
    tx: Tx, after: str | None, limit: int, state: str | None, vendor: str | None
) -> list[tuple[Review, list[dict[str, Any]]]]:
    """Return what waits for a moderator, the oldest first, each with its open reports, twenty at most.

    state: `held`, or `reported`, which everybody can read meanwhile.
    """
    rows = await tx.fetch(_QUEUE, after, limit, state, vendor)
    return [(review_of(row), row["reports"]) for row in rows]
