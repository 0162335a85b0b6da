"""Use cases of reviews."""

from estore.services.reviews.service.hearing import (
    account_erased,
    parcel_delivered,
    product_archived,
    product_changed,
    product_published,
)
from estore.services.reviews.service.moderating import approve, list_queue, reject
from estore.services.reviews.service.readers import remove_reply, reply, report, unvote, vote
from estore.services.reviews.service.reading import get_review, list_mine, list_reviews, summary
from estore.services.reviews.service.writing import Writing, delete_review

__all__ = [
    "Writing",
    "account_erased",
    "approve",
    "delete_review",
    "get_review",
    "list_mine",
    "list_queue",
    "list_reviews",
    "parcel_delivered",
    "product_archived",
    "product_changed",
    "product_published",
    "reject",
    "remove_reply",
    "reply",
    "report",
    "summary",
    "unvote",
    "vote",
]
