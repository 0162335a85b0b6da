"""HTTP in: what orders answers, one file per resource."""

from __future__ import annotations

from typing import Any

from estore.services.orders.endpoints import Endpoints
from estore.services.orders.gateways import Carriers
from estore.services.orders.routes import customer_groups, orders, parcels, promotions, refunds, returns


def routes(e: Endpoints, carriers: Carriers) -> list[Any]:
    """Return the routes of orders. carriers: knows their signatures."""
    return [
        *orders.routes(e),
        *refunds.routes(e.back),
        *returns.routes(e.back),
        *parcels.routes(e, carriers),
        *promotions.routes(e.promoting),
        *customer_groups.routes(e.promoting),
    ]
