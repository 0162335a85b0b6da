"""HTTP in: what the ledger answers, one file per resource."""

from __future__ import annotations

from typing import Any

from estore.services.ledger.endpoints import Endpoints
from estore.services.ledger.routes import balances


def routes(e: Endpoints) -> list[Any]:
    """Return the routes of the ledger."""
    return [*balances.routes(e)]
