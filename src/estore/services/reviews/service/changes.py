"""How a change of a review reaches the tables and the other services: one way for all use cases."""

from __future__ import annotations

from estore.contracts.reviews import ReviewPublished, ReviewRatingChanged
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import PreconditionFailed
from estore.services.reviews import store
from estore.services.reviews.domain import AccountErased, Review, ReviewNotFound


def person(ctx: Context) -> str:
    """Return the account that asks. Raises ReviewNotFound where nobody does."""
    if ctx.principal.account_id is None:
        raise ReviewNotFound()
    return ctx.principal.account_id


async def hold(tx: Tx, ctx: Context) -> str:
    """Return the account that asks, its row held. Raises AccountErased: its access token may live for minutes yet."""
    account_id = person(ctx)
    if await store.lock_account(tx, account_id):
        raise AccountErased()
    return account_id


def check_version(ctx: Context, review: Review) -> None:
    """Raises PreconditionFailed where If-Match names another version."""
    if ctx.if_match is not None and review.version not in ctx.if_match:
        raise PreconditionFailed(f"it is at version {review.version} now")


async def tell(tx: Tx, ctx: Context, before: Review | None, after: Review | None) -> None:
    """Move the product's rating and tell the others what follows from a change of a review, which is written already.

    before, after: None for a review that was not there, or is gone. Its row is locked.
    """
    review = after or before
    if review is None:
        return
    was = None if before is None else before.counted
    counts = None if after is None else after.counted
    if after is not None and after.published_at is not None and after.published:
        tx.emit(
            ReviewPublished(
                review_id=after.id,
                product_id=after.product_id,
                vendor_id=after.vendor_id,
                sku=after.sku,
                stars=after.words.stars,
                published_at=after.published_at,
                version=after.version,
            ),
            ctx,
        )
    if was != counts:
        rating = await store.shift_rating(tx, review.product_id, was, counts)
        tx.emit(
            ReviewRatingChanged(
                product_id=review.product_id, votes=rating.votes, stars=rating.stars, version=rating.version
            ),
            ctx,
        )
