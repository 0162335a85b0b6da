"""What cart hears."""

from __future__ import annotations

from estore.contracts.catalog import PriceChanged, ProductArchived, ProductChanged, ProductPublished
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.orders import OrderPlaced
from estore.contracts.vendors import VendorApproved, VendorSuspended
from estore.kit.bus.base import Subscription
from estore.services.cart.endpoints import Endpoints


def subscriptions(e: Endpoints) -> list[Subscription]:
    """Return cart's queues: what is for sale, and what was ordered."""
    return [
        Subscription(
            "cart.offers",
            {
                ProductPublished: e.learn_published,
                ProductChanged: e.learn_changed,
                PriceChanged: e.learn_prices,
                ProductArchived: e.learn_archived,
                VendorApproved: e.learn_approved,
                VendorSuspended: e.learn_suspended,
                StockAvailabilityChanged: e.learn_availability,
            },
            batch=200,
        ),
        Subscription("cart.orders", {OrderPlaced: e.take_out_ordered}, batch=200, pace=0.1),
    ]
