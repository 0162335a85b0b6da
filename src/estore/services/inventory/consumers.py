"""What inventory hears. Within a batch the types are handled in the order in which they make sense."""

from __future__ import annotations

from estore.contracts.catalog import ProductArchived, ProductChanged, ProductPublished, ProductStockImported
from estore.contracts.orders import OrderCancelled, OrderConfirmed, OrderPlaced, ParcelShipped, ReturnReceived
from estore.kit.bus.base import Subscription
from estore.services.inventory.endpoints import Endpoints


def subscriptions(e: Endpoints) -> list[Subscription]:
    """Return inventory's queues: what orders want, what comes back, and whose SKUs are."""
    return [
        Subscription(
            "inventory.reservations",
            {OrderPlaced: e.reserve, OrderConfirmed: e.confirm, OrderCancelled: e.cancel, ParcelShipped: e.ship},
            batch=200,
        ),
        Subscription("inventory.returns", {ReturnReceived: e.take_back}),
        Subscription(
            "inventory.skus",
            {
                ProductPublished: e.learn_published,
                ProductChanged: e.learn_changed,
                ProductArchived: e.learn_archived,
                ProductStockImported: e.count_imported,
            },
            batch=200,
        ),
    ]
