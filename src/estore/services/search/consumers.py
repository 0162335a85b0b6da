"""What search hears."""

from __future__ import annotations

from estore.contracts.catalog import (
    CategoryChanged,
    CategoryDeleted,
    PriceChanged,
    ProductArchived,
    ProductChanged,
    ProductPublished,
)
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.orders import OrderConfirmed
from estore.contracts.reviews import ReviewRatingChanged
from estore.contracts.vendors import VendorApproved, VendorSuspended
from estore.kit.bus.base import Subscription
from estore.services.search.endpoints import Endpoints


def subscriptions(e: Endpoints) -> list[Subscription]:
    """Return the queues of search: what is for sale, by what it is narrowed down, and what was bought."""
    return [
        Subscription(
            "search.documents",
            {
                ProductPublished: e.learn_published,
                ProductChanged: e.learn_changed,
                PriceChanged: e.learn_prices,
                ProductArchived: e.learn_archived,
                StockAvailabilityChanged: e.learn_availability,
                ReviewRatingChanged: e.learn_ratings,
                VendorApproved: e.learn_approved,
                VendorSuspended: e.learn_suspended,
            },
        ),
        Subscription(
            "search.categories", {CategoryChanged: e.learn_categories, CategoryDeleted: e.learn_deleted_categories}
        ),
        Subscription("search.sales", {OrderConfirmed: e.learn_sales}, batch=1000, pace=1.0),
    ]
