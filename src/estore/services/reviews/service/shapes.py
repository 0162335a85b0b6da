"""Commands and answers: what comes in and goes out as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from estore.services.reviews.domain import ANONYMOUS, Reply, Review, Status
from estore.services.reviews.store import Sort

LINE = r"^[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?\Z"
TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*\Z"
FILLED = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*\Z"

LineId = Annotated[
    str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+\Z", description="Of a line that was delivered")
]
Stars = Annotated[int, Meta(ge=1, le=5)]
Title = Annotated[str, Meta(min_length=1, max_length=120, pattern=LINE, examples=["Keeps tea warm for an hour"])]
Body = Annotated[str, Meta(max_length=5000, pattern=TEXT, description="Plain text; lines end with \\n")]
Author = Annotated[
    str, Meta(min_length=1, max_length=40, pattern=LINE, description="The name to show; no e-mail address")
]
Picture = Annotated[str, Meta(min_length=9, max_length=2000, description="https address, without user and password")]
Pictures = Annotated[list[Picture], Meta(max_length=8)]
Reason = Annotated[str, Meta(min_length=1, max_length=500, pattern=FILLED, description="The author can read it")]
ReplyText = Annotated[str, Meta(min_length=1, max_length=2000, pattern=FILLED)]
ReportText = Annotated[str, Meta(max_length=1000, pattern=TEXT)]
Wrong = Literal["spam", "offensive", "not_about_the_product", "personal_data", "other"]


class PostReview(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    line_id: LineId
    stars: Stars
    title: Title
    text: Body = ""
    author: Author = ANONYMOUS
    pictures: Pictures = []


class EditReview(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What is left out stays; `pictures` replaces the whole list."""

    stars: Stars | UnsetType = UNSET
    title: Title | UnsetType = UNSET
    text: Body | UnsetType = UNSET
    author: Author | UnsetType = UNSET
    pictures: Pictures | UnsetType = UNSET


class WriteReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: ReplyText


class ReportReview(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    reason: Wrong
    text: ReportText = ""


class RejectReview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Reason


# --- requests made of path and query --------------------------------------------------------------------------------


class ListReviews(msgspec.Struct, frozen=True, kw_only=True):
    product: str | None = None
    vendor: str | None = None
    stars: int | None = None
    sort: Sort = "newest"
    limit: int = 20
    cursor: str | None = None


class ListLines(msgspec.Struct, frozen=True, kw_only=True):
    open_only: bool = False
    limit: int = 20
    cursor: str | None = None


class ListQueue(msgspec.Struct, frozen=True, kw_only=True):
    state: Literal["held", "reported"] | None = None
    vendor: str | None = None
    limit: int = 20
    cursor: str | None = None


# --- answers --------------------------------------------------------------------------------------------------------


class ReplyOut(msgspec.Struct, frozen=True):
    """What the vendor says to it. edited_at: null until it is changed."""

    text: str
    replied_at: datetime
    edited_at: datetime | None

    @classmethod
    def of(cls, reply: Reply | None) -> ReplyOut | None:
        return None if reply is None else cls(reply.text, reply.replied_at, reply.edited_at)


class ReviewOut(msgspec.Struct, frozen=True, kw_only=True):
    """status: `held` and `rejected` ones are shown to their author and to operators only. line_id, rejection (why a
    moderator refused it): for these, too; null for everybody else. helpful: votes.

    version: send it as If-Match: "v<version>", or the ETag as it came. revision: grows with votes and replies as well.
    """

    id: str
    line_id: str | None
    product_id: str
    vendor_id: str
    sku: str
    stars: int
    title: str
    text: str
    author: str
    pictures: list[str]
    status: Status
    rejection: str | None
    helpful: int
    reply: ReplyOut | None
    created_at: datetime
    published_at: datetime | None
    edited_at: datetime | None
    version: int
    revision: int

    @classmethod
    def of(cls, review: Review, *, inside: bool) -> ReviewOut:
        """inside: for its author, or an operator."""
        words = review.words
        return cls(
            id=review.id,
            line_id=review.line_id if inside else None,
            product_id=review.product_id,
            vendor_id=review.vendor_id,
            sku=review.sku,
            stars=words.stars,
            title=words.title,
            text=words.text,
            author=words.author,
            pictures=list(words.pictures),
            status=review.status,
            rejection=review.rejection if inside else None,
            helpful=review.helpful,
            reply=ReplyOut.of(review.reply),
            created_at=review.created_at,
            published_at=review.published_at,
            edited_at=review.edited_at,
            version=review.version,
            revision=review.revision,
        )


class Helpful(msgspec.Struct, frozen=True):
    """helpful: votes, one per account."""

    review_id: str
    helpful: int


class Histogram(msgspec.Struct, frozen=True, rename={"one": "1", "two": "2", "three": "3", "four": "4", "five": "5"}):
    """How many reviews give one star, two, ..."""

    one: int = 0
    two: int = 0
    three: int = 0
    four: int = 0
    five: int = 0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """count: published reviews. mean: their stars' mean, two decimals, rounded half up; null without any."""

    product_id: str
    count: int
    mean: str | None
    histogram: Histogram


class MyLine(msgspec.Struct, frozen=True, kw_only=True):
    """What was delivered to you. review: null where it can be reviewed still. product_id: null until it is known."""

    line_id: str
    order_id: str
    product_id: str | None
    vendor_id: str
    sku: str
    delivered_at: datetime
    review: ReviewOut | None


class ReportOut(msgspec.Struct, frozen=True):
    """What somebody finds wrong with a review."""

    reason: str
    text: str
    at: datetime


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for a moderator. reasons: why it is held: `link`, `profanity`, `burst_of_account`, `burst_of_product`,
    `burst_of_vendor`, `deleted_before`, `edited_after_decision`. reports: what is open, twenty at most are shown."""

    review: ReviewOut
    reasons: list[str]
    open_reports: int
    reports: list[ReportOut]


class Reported(msgspec.Struct, frozen=True):
    """Noted, for a moderator to look at."""

    review_id: str


class Nothing(msgspec.Struct, frozen=True):
    """No answer but the status."""
