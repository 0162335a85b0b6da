"""HTTP in: /v1/search."""

from __future__ import annotations

from typing import Any

from estore.services.search.endpoints import Endpoints
from estore.services.search.routes.operating import operating_routes
from estore.services.search.routes.searching import searching_routes


def routes(e: Endpoints) -> list[Any]:
    """Return the routes of search."""
    return [*searching_routes(e), *operating_routes(e)]
