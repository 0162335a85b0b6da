"""HTTP in: what the ledger answers, one file per resource."""

from __future__ import annotations

from typing import Any

from estore.services.ledger.endpoints import Endpoints
from estore.services.ledger.routes import balances, reconciliation, statements


def routes(e: Endpoints, currency: str) -> list[Any]:
    """Return the routes of the ledger. currency: the marketplace's."""
    return [*balances.routes(e), *statements.routes(e, currency), *reconciliation.routes(e)]
