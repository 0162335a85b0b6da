"""What readers and vendors do with reviews: vote, report, reply."""

from __future__ import annotations

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.services.reviews import store
from estore.services.reviews.domain import OwnReview, Review, ReviewNotFound
from estore.services.reviews.service.changes import check_version, hold
from estore.services.reviews.service.shapes import (
    Helpful,
    Nothing,
    Reported,
    ReportReview,
    ReviewOut,
    WriteReply,
)

SPEAKERS = ("owner", "catalog")
"""Who answers for a vendor: these roles, and API keys with such a scope."""


async def vote(tx: Tx, ctx: Context, review_id: str) -> Helpful:
    """Say that a review was helpful; saying it again changes nothing. Raises ReviewNotFound, OwnReview."""
    account_id, review = await _of_somebody_else(tx, ctx, review_id)
    votes = await store.vote(tx, review.id, account_id)
    return Helpful(review.id, review.helpful if votes is None else votes)


async def unvote(tx: Tx, ctx: Context, review_id: str) -> Nothing:
    """Take one's vote back, if there is one. Raises ReviewNotFound, OwnReview."""
    account_id, review = await _of_somebody_else(tx, ctx, review_id)
    await store.unvote(tx, review.id, account_id)
    return Nothing()


async def report(tx: Tx, ctx: Context, request: tuple[str, ReportReview]) -> Reported:
    """Ask a moderator to look at a review, which stays readable meanwhile: reporting must not be a way to silence.

    An account is heard once per review. Raises ReviewNotFound, OwnReview.
    """
    review_id, form = request
    account_id, review = await _of_somebody_else(tx, ctx, review_id)
    await store.report(tx, review.id, account_id, form.reason, form.text, ctx.now)
    return Reported(review.id)


async def reply(tx: Tx, ctx: Context, request: tuple[str, WriteReply]) -> ReviewOut:
    """Write, or rewrite, the vendor's one reply. Raises ReviewNotFound, ReplyRefused, PreconditionFailed."""
    review_id, form = request
    before = await store.lock_review_of(tx, review_id, ctx.principal.vendors_as(*SPEAKERS))
    if before is None:
        raise ReviewNotFound()
    check_version(ctx, before)
    after = before.answered(form.text, ctx.now)
    if after != before:
        await store.save_review(tx, after)
    return ReviewOut.of(after, inside=False)


async def remove_reply(tx: Tx, ctx: Context, review_id: str) -> Nothing:
    """Take the vendor's reply away: the vendor itself, or a moderator. Raises ReviewNotFound, ReplyNotFound."""
    moderator = ctx.principal.is_operator
    before = await store.lock_review_of(tx, review_id, None if moderator else ctx.principal.vendors_as(*SPEAKERS))
    if before is None:
        raise ReviewNotFound()
    after = before.unanswered()
    await store.save_review(tx, after)
    if moderator:
        await store.decide(tx, after, ctx.principal.account_id, "reply_removed", None, ctx.now)
    return Nothing()


async def _of_somebody_else(tx: Tx, ctx: Context, review_id: str) -> tuple[str, Review]:
    """Return who asks, and a published review of another author, both locked. Raises ReviewNotFound, OwnReview."""
    account_id = await hold(tx, ctx)
    review = await store.lock_review_of(tx, review_id, None)
    if review is None:
        raise ReviewNotFound()
    if review.account_id == account_id:
        raise OwnReview()
    return account_id, review
