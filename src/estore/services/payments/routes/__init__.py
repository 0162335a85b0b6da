"""HTTP in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from estore.services.payments.endpoints import Endpoints
from estore.services.payments.gateways import Provider
from estore.services.payments.routes.disputes import dispute_routes
from estore.services.payments.routes.invoices import invoice_routes, mark_routes
from estore.services.payments.routes.payments import payment_routes
from estore.services.payments.routes.reports import report_routes
from estore.services.payments.routes.sandbox import action_routes

__all__ = ["action_routes", "invoice_routes", "routes"]


def routes(e: Endpoints, providers: Mapping[str, Provider]) -> list[Any]:
    """The service's own routes. providers: by name, those whose webhooks are heard."""
    return [*payment_routes(e, providers), *mark_routes(e), *dispute_routes(e), *report_routes(e)]
