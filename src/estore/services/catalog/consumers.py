"""RabbitMQ in."""

from __future__ import annotations

from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.reviews import ReviewRatingChanged
from estore.contracts.vendors import VendorApproved, VendorSuspended
from estore.kit.bus.base import Subscription
from estore.services.catalog.endpoints import Endpoints


def subscriptions(e: Endpoints) -> list[Subscription]:
    """Return the queues of the catalog."""
    return [
        Subscription("catalog.vendors", {VendorApproved: e.vendor_approved, VendorSuspended: e.vendor_suspended}),
        Subscription("catalog.availability", {StockAvailabilityChanged: e.availability_changed}, pace=0.02),
        Subscription("catalog.ratings", {ReviewRatingChanged: e.rating_changed}),
    ]
