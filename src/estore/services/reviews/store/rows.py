"""Rows of `review` become Reviews."""

from __future__ import annotations

from estore.kit.db import Record
from estore.services.reviews.domain import Reply, Review, Words

COLUMNS = (
    "id, line_id, account_id, product_id, vendor_id, sku, stars, title, text, author, pictures, status, reasons,"
    " rejection, reply, replied_at, reply_edited_at, helpful, open_reports, created_at, published_at, edited_at,"
    " version, revision"
)
OF_R = ", ".join(f"r.{name.strip()}" for name in COLUMNS.split(","))


def review_of(row: Record) -> Review:
    """Return the review that a row of COLUMNS holds."""
    return Review(
        id=row["id"],
        line_id=row["line_id"],
        account_id=row["account_id"],
        product_id=row["product_id"],
        vendor_id=row["vendor_id"],
        sku=row["sku"],
        words=Words(
            stars=row["stars"],
            title=row["title"],
            text=row["text"],
            author=row["author"],
            pictures=tuple(row["pictures"]),
        ),
        status=row["status"],
        reasons=tuple(row["reasons"]),
        rejection=row["rejection"],
        reply=None if row["reply"] is None else Reply(row["reply"], row["replied_at"], row["reply_edited_at"]),
        helpful=row["helpful"],
        open_reports=row["open_reports"],
        created_at=row["created_at"],
        published_at=row["published_at"],
        edited_at=row["edited_at"],
        version=row["version"],
        revision=row["revision"],
    )
