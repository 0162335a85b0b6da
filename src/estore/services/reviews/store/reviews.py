"""Reviews, votes, reports and ratings. Locks, always in this order: accounts by id, reviews by id, one product's
rating."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from estore.kit.db import Tx
from estore.services.reviews.domain import Recent, Review
from estore.services.reviews.store.rows import COLUMNS, review_of

_PLACES = ", ".join(f"${number}" for number in range(1, 17))
_INSERT = f"""
INSERT INTO review (id, line_id, account_id, product_id, vendor_id, sku, stars, title, text, author, pictures, status,
                    reasons, created_at, published_at, version)
VALUES ({_PLACES})
"""
_SAVE = """
UPDATE review SET stars = $2, title = $3, text = $4, author = $5, pictures = $6, status = $7, reasons = $8,
    rejection = $9, reply = $10, replied_at = $11, reply_edited_at = $12, open_reports = $13, published_at = $14,
    edited_at = $15, version = $16, revision = $17
WHERE id = $1
"""
_RECENT = """
SELECT (SELECT count(*) FROM review WHERE account_id = $1 AND created_at > $4),
       (SELECT count(*) FROM review WHERE product_id = $2 AND created_at > $4),
       (SELECT count(*) FROM review WHERE vendor_id = $3 AND created_at > $4)
"""
# A product's first review is counted up from nothing; afterwards the row is moved by what changed.
_SHIFT = """
INSERT INTO rating AS r (product_id, one, two, three, four, five)
VALUES ($1, greatest($2::int, 0), greatest($3::int, 0), greatest($4::int, 0), greatest($5::int, 0),
        greatest($6::int, 0))
ON CONFLICT (product_id) DO UPDATE SET one = r.one + $2, two = r.two + $3, three = r.three + $4, four = r.four + $5,
    five = r.five + $6, version = r.version + 1
RETURNING votes, stars, version
"""
_VOTE = """
WITH cast_vote AS (
    INSERT INTO vote (review_id, account_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1
)
UPDATE review SET helpful = helpful + 1, revision = revision + 1
WHERE id = $1 AND EXISTS (SELECT 1 FROM cast_vote) RETURNING helpful
"""
_UNVOTE = """
WITH taken AS (DELETE FROM vote WHERE review_id = $1 AND account_id = $2 RETURNING 1)
UPDATE review SET helpful = helpful - 1, revision = revision + 1
WHERE id = $1 AND EXISTS (SELECT 1 FROM taken) RETURNING helpful
"""
_REPORT = """
WITH noted AS (
    INSERT INTO report (review_id, account_id, reason, text, at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING RETURNING 1
)
UPDATE review SET open_reports = open_reports + 1 WHERE id = $1 AND EXISTS (SELECT 1 FROM noted)
"""


class RatingRow(NamedTuple):
    """votes: how many; stars: their sum."""

    votes: int
    stars: int
    version: int


async def lock_review(tx: Tx, review_id: str) -> Review | None:
    """Return a review and hold its row until the transaction ends."""
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM review WHERE id = $1 FOR NO KEY UPDATE", review_id)
    return None if row is None else review_of(row)


async def lock_review_of(tx: Tx, review_id: str, vendor_ids: list[str] | None) -> Review | None:
    """Lock a published review of what one of the vendors sells; of any vendor for None."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM review WHERE id = $1 AND status = 'published'"
        " AND ($2::text[] IS NULL OR vendor_id = ANY($2)) FOR NO KEY UPDATE",
        review_id,
        vendor_ids,
    )
    return None if row is None else review_of(row)


async def insert_review(tx: Tx, review: Review) -> None:
    """Write a new review."""
    words = review.words
    await tx.execute(
        _INSERT,
        review.id,
        review.line_id,
        review.account_id,
        review.product_id,
        review.vendor_id,
        review.sku,
        words.stars,
        words.title,
        words.text,
        words.author,
        words.pictures,
        review.status,
        review.reasons,
        review.created_at,
        review.published_at,
        review.version,
    )


async def save_review(tx: Tx, review: Review) -> None:
    """Write a locked review; votes count by themselves."""
    words, reply = review.words, review.reply
    await tx.execute(
        _SAVE,
        review.id,
        words.stars,
        words.title,
        words.text,
        words.author,
        words.pictures,
        review.status,
        review.reasons,
        review.rejection,
        None if reply is None else reply.text,
        None if reply is None else reply.replied_at,
        None if reply is None else reply.edited_at,
        review.open_reports,
        review.published_at,
        review.edited_at,
        review.version,
        review.revision,
    )


async def delete_review(tx: Tx, review: Review) -> None:
    """Delete a locked review with its votes and reports; what was not published marks its line as suspect."""
    await tx.execute("DELETE FROM review WHERE id = $1", review.id)
    if not review.published:
        await tx.execute("UPDATE line SET suspect = true WHERE id = $1", review.line_id)


async def recent(tx: Tx, account_id: str, product_id: str, vendor_id: str, since: datetime) -> Recent:
    """Return how many reviews were written after `since`. Exact for the account, whose row is held; of the others,
    reviews that are being written at this moment are not seen."""
    row = await tx.fetchrow(_RECENT, account_id, product_id, vendor_id, since)
    return Recent(*row) if row is not None else Recent(0, 0, 0)


async def shift_rating(tx: Tx, product_id: str, before: int | None, after: int | None) -> RatingRow:
    """Move a product's rating from `before` stars to `after`; None: not counted. Returns the rating as it is now."""
    moved = [(stars == after) - (stars == before) for stars in range(1, 6)]
    row = await tx.fetchrow(_SHIFT, product_id, *moved)
    if row is None:
        raise RuntimeError("a rating that was written is not there")
    return RatingRow(*row)


async def vote(tx: Tx, review_id: str, account_id: str) -> int | None:
    """Count an account's vote for a locked review, once. Returns the votes; None: it had voted before."""
    found: int | None = await tx.fetchval(_VOTE, review_id, account_id)
    return found


async def unvote(tx: Tx, review_id: str, account_id: str) -> None:
    """Take an account's vote for a locked review back, if there is one."""
    await tx.execute(_UNVOTE, review_id, account_id)


async def report(tx: Tx, review_id: str, account_id: str, reason: str, text: str, now: datetime) -> None:
    """Note an account's report of a locked review, once for ever: what a moderator has looked at stays decided."""
    await tx.execute(_REPORT, review_id, account_id, reason, text, now)


async def decide(tx: Tx, review: Review, by: str | None, action: str, reason: str | None, now: datetime) -> None:
    """Write down a moderator's decision, and close the reports that it answers.

    action: `approved`, `rejected` or `reply_removed`.
    """
    await tx.execute(
        "WITH answered AS (UPDATE report SET open = false WHERE review_id = $1 AND open AND $3 <> 'reply_removed')"
        " INSERT INTO decision (review_id, by, action, reason, at, version) VALUES ($1, $2, $3, $4, $5, $6)",
        review.id,
        by,
        action,
        reason,
        now,
        review.version,
    )
