"""RabbitMQ in."""

from __future__ import annotations

from estore.contracts.catalog import ProductArchived, ProductChanged, ProductPublished
from estore.contracts.identity import AccountErased
from estore.contracts.orders import ParcelDelivered
from estore.kit.bus.base import Subscription
from estore.services.reviews.endpoints import Endpoints


def subscriptions(e: Endpoints) -> list[Subscription]:
    """Return the queues of reviews: of which product SKUs are, what arrived, who is to be forgotten."""
    return [
        Subscription(
            "reviews.skus",
            {
                ProductPublished: e.product_published,
                ProductChanged: e.product_changed,
                ProductArchived: e.product_archived,
            },
            batch=200,
        ),
        Subscription("reviews.deliveries", {ParcelDelivered: e.parcel_delivered}),
        Subscription("reviews.accounts", {AccountErased: e.account_erased}),
    ]
