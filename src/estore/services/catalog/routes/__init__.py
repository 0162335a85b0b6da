"""HTTP in: decode, call one endpoint, encode."""

from __future__ import annotations

from typing import Any

from estore.services.catalog.endpoints import Endpoints
from estore.services.catalog.routes.categories import category_routes
from estore.services.catalog.routes.imports import import_routes
from estore.services.catalog.routes.products import product_routes


def routes(e: Endpoints, import_bytes: int) -> list[Any]:
    """Return the catalog's routes. import_bytes: the largest file that an import takes."""
    return [*product_routes(e), *category_routes(e), *import_routes(e, import_bytes)]
