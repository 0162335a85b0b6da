"""What moderators do: look at what waits, let it through, refuse it."""

from __future__ import annotations

import msgspec

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Fault
from estore.kit.http.pages import CursorInvalid, Page, decode_cursor, page_of
from estore.services.reviews import store
from estore.services.reviews.domain import Review, ReviewNotFound
from estore.services.reviews.service.changes import check_version, tell
from estore.services.reviews.service.reading import is_id
from estore.services.reviews.service.shapes import ListQueue, RejectReview, ReportOut, ReviewOut, Waiting


async def list_queue(tx: Tx, ctx: Context, request: ListQueue) -> Page[Waiting]:
    """Return what waits for a moderator, the oldest first."""
    after = decode_cursor(request.cursor, str)
    if after is not None and not is_id(after[0], "rev_"):
        raise CursorInvalid("start again without a cursor", errors=[Fault("not a cursor", parameter="cursor")])
    rows = await store.queue(tx, after[0] if after else None, request.limit + 1, request.state, request.vendor)
    page = page_of(rows, request.limit, lambda row: (row[0].id,))
    return Page([_waiting(review, reports) for review, reports in page.data], page.next_cursor)


def _waiting(review: Review, reports: list[dict[str, str]]) -> Waiting:
    return Waiting(
        review=ReviewOut.of(review, inside=True),
        reasons=list(review.reasons),
        open_reports=review.open_reports,
        reports=msgspec.convert(reports, list[ReportOut]),
    )


async def approve(tx: Tx, ctx: Context, review_id: str) -> ReviewOut:
    """Let everybody read a review, and answer what was reported. Raises ReviewNotFound, PreconditionFailed."""
    before = await _looked_at(tx, ctx, review_id)
    return await _decide(tx, ctx, before, before.approve(ctx.now), "approved", None)


async def reject(tx: Tx, ctx: Context, request: tuple[str, RejectReview]) -> ReviewOut:
    """Hide a review from all but its author, who is told why. Raises ReviewNotFound, PreconditionFailed."""
    review_id, form = request
    before = await _looked_at(tx, ctx, review_id)
    return await _decide(tx, ctx, before, before.reject(form.reason), "rejected", form.reason)


async def _looked_at(tx: Tx, ctx: Context, review_id: str) -> Review:
    review = await store.lock_review(tx, review_id)
    if review is None:
        raise ReviewNotFound()
    check_version(ctx, review)
    return review


async def _decide(tx: Tx, ctx: Context, before: Review, after: Review, action: str, reason: str | None) -> ReviewOut:
    if after != before:
        await store.save_review(tx, after)
        await store.decide(tx, after, ctx.principal.account_id, action, reason, ctx.now)
        await tell(tx, ctx, before, after)
    return ReviewOut.of(after, inside=True)
