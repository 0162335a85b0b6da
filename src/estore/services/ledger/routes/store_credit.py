"""HTTP in: /v1/store-credit."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.ledger.endpoints import CreditEndpoints
from estore.services.ledger.service.credit import CreditLine, Grant, GrantCredit, ListCredit, StoreCredit

Req = Request[Any, Any, Any]
OfAccount = Annotated[
    str | None,
    QueryParameter(
        name="account", max_length=64, pattern=r"^[^\x00]*\Z", description="Whose, for operators; yours unless given"
    ),
]


def routes(e: CreditEndpoints) -> list[Any]:
    """Return the routes of store credit."""

    @http.get("/v1/store-credit", e.show_credit, errors=(404,), summary="Your store credit")
    async def show_credit(request: Req, account: OfAccount = None) -> Response[StoreCredit]:
        """What you can pay with, one amount per currency. Operators may ask for anybody's."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.show_credit(ctx, account))

    @http.get("/v1/store-credit/lines", e.credit_lines, errors=(404,), summary="What moved it")
    async def credit_lines(
        request: Req, account: OfAccount = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[CreditLine]]:
        """Granted, redeemed, spent, returned: the latest first, each with the balance after it."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.credit_lines(ctx, ListCredit(account, cursor, limit)))

    @http.post("/v1/store-credit", e.grant_credit, summary="Give store credit")
    async def grant_credit(request: Req, data: GrantCredit) -> Response[Grant]:
        """Below zero it is taken back, 409 for more than is left. The customer reads the reason. Whether there is such
        an account is not asked: see `GET /v1/accounts/{account_id}`. Operators only."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.grant_credit(ctx, data))

    return [show_credit, credit_lines, grant_credit]
