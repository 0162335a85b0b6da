"""What reviews publishes."""

from __future__ import annotations

from datetime import datetime

from estore.kit.contract import Event, event


@event("review.published.v1", by="reviews", subject="review_id")
class ReviewPublished(Event, frozen=True, kw_only=True):
    """A review can be read by everybody: new, edited, or let through by a moderator. stars: 1 to 5."""

    review_id: str
    product_id: str
    vendor_id: str
    sku: str
    stars: int
    published_at: datetime
    version: int


@event("review.rating_changed.v1", by="reviews", subject="product_id")
class ReviewRatingChanged(Event, frozen=True, kw_only=True):
    """What all published reviews of a product sum to. votes: how many; stars: their sum, so the mean is exact.

    version: of the product's rating, growing with every change of it.
    """

    product_id: str
    votes: int
    stars: int
    version: int


def mean_of(stars: int, votes: int) -> str | None:
    """Return the mean of ratings as everybody shows it: two decimals, rounded half up, `"4.25"`; None without votes."""
    if votes == 0:
        return None
    hundredths = (200 * stars + votes) // (2 * votes)
    return f"{hundredths // 100}.{hundredths % 100:02d}"
