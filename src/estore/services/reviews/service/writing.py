"""What authors do: write, edit, delete."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from msgspec import UNSET

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import PreconditionRequired
from estore.kit.ids import new_id
from estore.services.reviews import store
from estore.services.reviews.domain import (
    SUSPECT,
    AlreadyReviewed,
    Limits,
    LineNotDelivered,
    NothingToChange,
    OwnProduct,
    ProductUnheard,
    Review,
    ReviewNotFound,
    Words,
    author_name,
    bursts,
    picture_addresses,
    write,
)
from estore.services.reviews.service.changes import check_version, hold, person, tell
from estore.services.reviews.service.shapes import EditReview, Nothing, PostReview, ReviewOut


class Writing:
    """edit_window: how long an author may edit. burst: the window in which `limits` are usual."""

    def __init__(self, edit_window: timedelta, burst: timedelta, limits: Limits) -> None:
        self._edit_window = edit_window
        self._burst = burst
        self._limits = limits

    async def post_review(self, tx: Tx, ctx: Context, request: PostReview) -> ReviewOut:
        """Review a line that was delivered to the caller: published at once, or held for a moderator.

        Raises LineNotDelivered, AlreadyReviewed, ProductUnheard, OwnProduct, AuthorInvalid, PictureInvalid,
        AccountErased.
        """
        words = Words(
            stars=request.stars,
            title=request.title,
            text=request.text,
            author=author_name(request.author),
            pictures=picture_addresses(request.pictures),
        )
        account_id = await hold(tx, ctx)
        line = await store.find_line(tx, request.line_id, account_id)
        if line is None:
            raise LineNotDelivered(pointer="/line_id")
        if line["review_id"] is not None:
            raise AlreadyReviewed(pointer="/line_id", review_id=line["review_id"])
        if line["product_id"] is None:
            raise ProductUnheard()
        if line["vendor_id"] in ctx.principal.vendors:
            raise OwnProduct(pointer="/line_id")
        product_id, vendor_id = line["product_id"], line["vendor_id"]
        recent = await store.recent(tx, account_id, product_id, vendor_id, ctx.now - self._burst)
        draft = Review(
            id=new_id("rev"),
            line_id=request.line_id,
            account_id=account_id,
            product_id=product_id,
            vendor_id=vendor_id,
            sku=line["sku"],
            words=words,
            status="held",
            reasons=(),
            created_at=ctx.now,
        )
        review = write(draft, ((SUSPECT,) if line["suspect"] else ()) + bursts(recent, self._limits))
        await store.insert_review(tx, review)
        await tell(tx, ctx, None, review)
        return ReviewOut.of(review, inside=True)

    async def edit_review(self, tx: Tx, ctx: Context, request: tuple[str, EditReview]) -> ReviewOut:
        """Change one's own review. Raises ReviewNotFound, EditWindowOver, NothingToChange, AuthorInvalid,
        PictureInvalid, PreconditionRequired, PreconditionFailed."""
        review_id, form = request
        if ctx.if_match is None:
            raise PreconditionRequired()
        changes = {name: value for name, value in msgspec.structs.asdict(form).items() if value is not UNSET}
        if not changes:
            raise NothingToChange("the body names nothing", pointer="")
        if isinstance(form.author, str):
            changes["author"] = author_name(form.author)
        if isinstance(form.pictures, list):
            changes["pictures"] = picture_addresses(form.pictures)
        before = await _own(tx, ctx, review_id)
        check_version(ctx, before)
        after = before.edit(msgspec.structs.replace(before.words, **changes), ctx.now, self._edit_window)
        await store.save_review(tx, after)
        await tell(tx, ctx, before, after)
        return ReviewOut.of(after, inside=True)


async def delete_review(tx: Tx, ctx: Context, review_id: str) -> Nothing:
    """Delete one's own review, with its votes and its reply; the line can be reviewed again.

    Raises ReviewNotFound, PreconditionFailed.
    """
    review = await _own(tx, ctx, review_id)
    check_version(ctx, review)
    await store.delete_review(tx, review)
    await tell(tx, ctx, review, None)
    return Nothing()


async def _own(tx: Tx, ctx: Context, review_id: str) -> Review:
    """Lock a review that the caller wrote. Raises ReviewNotFound."""
    account_id = person(ctx)
    review = await store.lock_review(tx, review_id)
    if review is None or review.account_id != account_id:
        raise ReviewNotFound()
    return review
