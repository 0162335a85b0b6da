"""HTTP in: /v1/reviews."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from litestar import Request, Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.context import Context
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.reviews.endpoints import Endpoints
from estore.services.reviews.service import shapes
from estore.services.reviews.service.shapes import ReviewOut

Req = Request[Any, Any, Any]
TAGS = ["reviews"]
_ID = r"^[A-Za-z0-9_-]+\Z"
ProductId = Annotated[str, QueryParameter(name="product", max_length=64, pattern=_ID, description="Id, `prd_...`")]
OneProduct = Annotated[
    str | None, QueryParameter(name="product", max_length=64, pattern=_ID, description="Of this product, `prd_...`")
]
OneVendor = Annotated[
    str | None,
    QueryParameter(name="vendor", max_length=64, pattern=_ID, description="Of what this vendor sells, `vnd_...`"),
]
OneStars = Annotated[int | None, QueryParameter(name="stars", ge=1, le=5, description="Only with so many stars")]
Sort = Annotated[
    Literal["newest", "helpful", "highest", "lowest"], QueryParameter(name="sort", description="What comes first")
]
OpenOnly = Annotated[bool, QueryParameter(name="open", description="Only what can be reviewed still")]
Waits = Annotated[
    Literal["held", "reported"] | None,
    QueryParameter(name="state", description="`held`: nobody reads it yet; `reported`: everybody does"),
]


def routes(e: Endpoints) -> list[Any]:
    """Return the routes of reviews."""
    return [*_reading(e), *_writing(e), *_answering(e), *_moderating(e)]


def _answer(request: Req, ctx: Context, review: ReviewOut, *, created: bool = False) -> Response[ReviewOut]:
    location = f"/v1/reviews/{review.id}" if created else None
    return http.respond(request, ctx, review, version=review.version, revision=review.revision, location=location)


def _reading(e: Endpoints) -> list[Any]:
    @http.get("/v1/reviews", e.list_reviews, tags=TAGS, summary="Reviews of a product, or of a vendor's products")
    async def list_reviews(
        request: Req,
        product: OneProduct = None,
        vendor: OneVendor = None,
        stars: OneStars = None,
        sort: Sort = "newest",
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[Page[ReviewOut]]:
        """Published reviews. Name a product, a vendor, or both."""
        ctx = await http.context(request)
        wanted = shapes.ListReviews(product=product, vendor=vendor, stars=stars, sort=sort, limit=limit, cursor=cursor)
        return http.paged(request, ctx, await e.list_reviews(ctx, wanted))

    @http.get("/v1/reviews/summary", e.summary, tags=TAGS, summary="A product's rating")
    async def summary(request: Req, product: ProductId) -> Response[shapes.Summary]:
        """How many published reviews there are, their mean, and how many give one star, two, ..."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.summary(ctx, product))

    @http.get("/v1/reviews/mine", e.list_mine, tags=TAGS, summary="What you received, and what you said of it")
    async def list_mine(
        request: Req, open_only: OpenOnly = False, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[shapes.MyLine]]:
        """Every line that was delivered to you, the latest first. Without a review it can be reviewed: `POST` one with
        its `line_id`. What was bought as a guest is not among them."""
        ctx = await http.context(request)
        page = await e.list_mine(ctx, shapes.ListLines(open_only=open_only, limit=limit, cursor=cursor))
        return http.paged(request, ctx, page)

    @http.get("/v1/reviews/{review_id:str}", e.get_review, tags=TAGS, summary="One review")
    async def get_review(request: Req, review_id: str) -> Response[ReviewOut]:
        """What is held or rejected is seen by its author and by operators only."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.get_review(ctx, review_id))

    return [list_reviews, summary, list_mine, get_review]


def _writing(e: Endpoints) -> list[Any]:
    @http.post("/v1/reviews", e.post_review, tags=TAGS, summary="Review what was delivered", errors=(404,))
    async def post_review(request: Req, data: shapes.PostReview) -> Response[ReviewOut]:
        """One review per delivered line (`GET /v1/reviews/mine?open=true`), also when it was returned. Its `status`
        tells whether everybody can read it, or whether a moderator looks at it first (`held`): because of links,
        profanity, or many reviews at once. 409 `reviews.already_reviewed` carries the `review_id` to edit."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.post_review(ctx, data), created=True)

    @http.patch("/v1/reviews/{review_id:str}", e.edit_review, tags=TAGS, summary="Edit your review", if_match=True)
    async def edit_review(request: Req, review_id: str, data: shapes.EditReview) -> Response[ReviewOut]:
        """A merge patch, within the time for editing (409 `reviews.edit_window_over`). What was held or rejected waits
        for a moderator again."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.edit_review(ctx, (review_id, data)))

    @http.delete("/v1/reviews/{review_id:str}", e.delete_review, tags=TAGS, summary="Delete your review", errors=(412,))
    async def delete_review(request: Req, review_id: str) -> Response[None]:
        """With its votes and the vendor's reply. The line can be reviewed again."""
        ctx = await http.context(request)
        await e.delete_review(ctx, review_id)
        return http.respond(request, ctx, None)

    return [post_review, edit_review, delete_review]


def _answering(e: Endpoints) -> list[Any]:
    @http.put(
        "/v1/reviews/{review_id:str}/helpful", e.vote, tags=TAGS, summary="Say that it was helpful", errors=(409,)
    )
    async def vote(request: Req, review_id: str) -> Response[shapes.Helpful]:
        """One vote per account, whatever is repeated; none for one's own (409 `reviews.own_review`)."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.vote(ctx, review_id))

    @http.delete(
        "/v1/reviews/{review_id:str}/helpful", e.unvote, tags=TAGS, summary="Take your vote back", errors=(409,)
    )
    async def unvote(request: Req, review_id: str) -> Response[None]:
        """Also when there is none."""
        ctx = await http.context(request)
        await e.unvote(ctx, review_id)
        return http.respond(request, ctx, None)

    @http.post("/v1/reviews/{review_id:str}/reports", e.report, tags=TAGS, summary="Report a review")
    async def report(request: Req, review_id: str, data: shapes.ReportReview) -> Response[shapes.Reported]:
        """A moderator will look at it; until then it stays. An account is heard once per review."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.report(ctx, (review_id, data)))

    @http.put("/v1/reviews/{review_id:str}/reply", e.reply, tags=TAGS, summary="Reply for the vendor", errors=(412,))
    async def reply(request: Req, review_id: str, data: shapes.WriteReply) -> Response[ReviewOut]:
        """The vendor's one reply, new or changed: members (owner, catalog), and API keys with the scope `catalog`.
        Neither links nor profanity (422 `reviews.reply_refused`)."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.reply(ctx, (review_id, data)))

    @http.delete("/v1/reviews/{review_id:str}/reply", e.remove_reply, tags=TAGS, summary="Remove the vendor's reply")
    async def remove_reply(request: Req, review_id: str) -> Response[None]:
        """For the vendor (owner, catalog) and for operators."""
        ctx = await http.context(request)
        await e.remove_reply(ctx, review_id)
        return http.respond(request, ctx, None)

    return [vote, unvote, report, reply, remove_reply]


def _moderating(e: Endpoints) -> list[Any]:
    @http.get("/v1/reviews/queue", e.list_queue, tags=TAGS, summary="What waits for a moderator")
    async def list_queue(
        request: Req, waits: Waits = None, vendor: OneVendor = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[shapes.Waiting]]:
        """What rules hold back, and what readers reported; the oldest first."""
        ctx = await http.context(request)
        page = await e.list_queue(ctx, shapes.ListQueue(state=waits, vendor=vendor, limit=limit, cursor=cursor))
        return http.paged(request, ctx, page)

    @http.post(
        "/v1/reviews/{review_id:str}/approve", e.approve, status=200, tags=TAGS, summary="Publish it", errors=(412,)
    )
    async def approve(request: Req, review_id: str) -> Response[ReviewOut]:
        """Everybody can read it from now on, and its reports are answered. With If-Match: only what you looked at."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.approve(ctx, review_id))

    @http.post(
        "/v1/reviews/{review_id:str}/reject", e.reject, status=200, tags=TAGS, summary="Refuse it", errors=(412,)
    )
    async def reject(request: Req, review_id: str, data: shapes.RejectReview) -> Response[ReviewOut]:
        """Only its author sees it from now on, with your reason. With If-Match: only what you looked at."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.reject(ctx, (review_id, data)))

    return [list_queue, approve, reject]
