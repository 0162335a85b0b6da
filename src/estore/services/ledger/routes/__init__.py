"""HTTP in: what the ledger answers, one file per resource."""

from __future__ import annotations

from typing import Any

from estore.services.ledger.endpoints import CreditEndpoints, Endpoints
from estore.services.ledger.routes import balances, gift_cards, reconciliation, statements, store_credit


def routes(e: Endpoints, credit: CreditEndpoints, currency: str) -> list[Any]:
    """Return the routes of the ledger. currency: the marketplace's."""
    return [
        *balances.routes(e),
        *statements.routes(e, currency),
        *reconciliation.routes(e),
        *gift_cards.routes(credit),
        *store_credit.routes(credit),
    ]
