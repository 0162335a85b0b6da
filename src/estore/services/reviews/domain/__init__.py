"""Rules of reviews: who may say what, when it waits for a moderator, what counts."""

from estore.services.reviews.domain.errors import (
    AccountErased,
    AlreadyReviewed,
    FilterMissing,
    LineNotDelivered,
    NothingToChange,
    OwnProduct,
    OwnReview,
    ProductUnheard,
    ReviewNotFound,
)
from estore.services.reviews.domain.holding import SUSPECT, Limits, Recent, bursts
from estore.services.reviews.domain.review import (
    ANONYMOUS,
    Reply,
    Review,
    Status,
    Words,
    author_name,
    picture_addresses,
    write,
)

__all__ = [
    "ANONYMOUS",
    "SUSPECT",
    "AccountErased",
    "AlreadyReviewed",
    "FilterMissing",
    "Limits",
    "LineNotDelivered",
    "NothingToChange",
    "OwnProduct",
    "OwnReview",
    "ProductUnheard",
    "Recent",
    "Reply",
    "Review",
    "ReviewNotFound",
    "Status",
    "Words",
    "author_name",
    "bursts",
    "picture_addresses",
    "write",
]
