"""HTTP in: /v1/ledger, the books."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page, link_header
from estore.services.ledger.endpoints import Endpoints
from estore.services.ledger.service import BalanceView, ListBalances

Req = Request[Any, Any, Any]
OfVendor = Annotated[
    str | None,
    QueryParameter(name="vendor", max_length=64, pattern=r"^[^\x00]*$", description="Only this vendor's"),
]
At = Annotated[datetime | None, QueryParameter(name="at", description="As it was at that moment")]


def routes(e: Endpoints) -> list[Any]:
    """Return the routes of the books."""

    @http.get("/v1/ledger/balances", e.list_balances, tags=["ledger"], summary="What vendors are owed")
    async def list_balances(
        request: Req, vendor: OfVendor = None, at: At = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[BalanceView]]:
        """For owners and finance of your vendors, one entry per currency; for operators everybody's."""
        ctx = await http.context(request)
        page = await e.list_balances(ctx, ListBalances(vendor, at, cursor, limit))
        return http.respond(request, ctx, page, headers=link_header(request, page))

    return [list_balances]
