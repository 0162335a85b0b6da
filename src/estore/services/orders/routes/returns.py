"""HTTP in: /v1/orders/{id}/returns, /v1/returns."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.orders.domain import ReturnView
from estore.services.orders.endpoints import GivingBack
from estore.services.orders.routes.orders import OrderSecret, Req
from estore.services.orders.service import (
    ApproveReturn,
    AskReturn,
    CancelReturn,
    InspectReturn,
    ListReturns,
    OneOrder,
    OneReturn,
    ReceiveReturn,
    RefuseReturn,
    ReturnForm,
)

ReturnStatusFilter = Annotated[
    str | None, QueryParameter(name="status", max_length=40, description="Only returns in this state")
]
OfVendor = Annotated[
    str | None,
    QueryParameter(name="vendor", max_length=64, pattern=r"^[^\x00]*\Z", description="Only this vendor's returns"),
]
OfOrder = Annotated[
    str | None,
    QueryParameter(name="order", max_length=64, pattern=r"^[^\x00]*\Z", description="Only of this order, id or number"),
]


def routes(e: GivingBack) -> list[Any]:
    """Return the routes of returns."""
    return [*_asking(e), *_deciding(e), *_arriving(e)]


def _asking(e: GivingBack) -> list[Any]:
    @http.post("/v1/orders/{order_id:str}/returns", e.ask, tags=["returns"], summary="Ask to send something back")
    async def ask(
        request: Req, order_id: str, data: ReturnForm, order_secret: OrderSecret = None
    ) -> Response[ReturnView]:
        """Pieces of one vendor's parcel, while its time to be returned lasts (`return_seconds` after its delivery).

        `amount` in the answer is what would be given back at most.
        """
        ctx = await http.context(request)
        made = await e.ask(ctx, AskReturn(OneOrder(order_id, order_secret), data))
        return http.respond(request, ctx, made, status=201, version=made.version, location=f"/v1/returns/{made.id}")

    @http.get("/v1/returns", e.list_returns, tags=["returns"], summary="Returns")
    async def list_returns(
        request: Req,
        status: ReturnStatusFilter = None,
        vendor: OfVendor = None,
        order: OfOrder = None,
        order_secret: OrderSecret = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[Page[ReturnView]]:
        """Newest first: your own and your vendors'; for operators all; with `Order-Secret` those of a guest's order."""
        ctx = await http.context(request)
        page = await e.list_returns(ctx, ListReturns(status, vendor, order, order_secret, cursor, limit))
        return http.paged(request, ctx, page)

    @http.get("/v1/returns/{return_id:str}", e.show, tags=["returns"], summary="A return")
    async def show(request: Req, return_id: str, order_secret: OrderSecret = None) -> Response[ReturnView]:
        """For its customer, its vendor and operators. `due_at`: when it moves on without anybody's doing."""
        ctx = await http.context(request)
        found = await e.show(ctx, OneReturn(return_id, None, order_secret))
        return http.respond(request, ctx, found, version=found.version)

    return [ask, list_returns, show]


def _deciding(e: GivingBack) -> list[Any]:
    @http.post(
        "/v1/returns/{return_id:str}/approve",
        e.approve,
        status=200,
        if_match=True,
        tags=["returns"],
        summary="Agree to take it back",
    )
    async def approve(request: Req, return_id: str, data: ApproveReturn | None = None) -> Response[ReturnView]:
        """For owners and fulfilment. Send `If-Match` with the return's ETag, or an `Idempotency-Key`."""
        ctx = await http.context(request)
        found = await e.approve(ctx, OneReturn(return_id, data or ApproveReturn()))
        return http.respond(request, ctx, found, version=found.version)

    @http.post(
        "/v1/returns/{return_id:str}/refuse",
        e.refuse,
        status=200,
        if_match=True,
        tags=["returns"],
        summary="Do not take it back",
    )
    async def refuse(request: Req, return_id: str, data: RefuseReturn) -> Response[ReturnView]:
        """For owners and fulfilment, before it was approved. The customer reads the reason."""
        ctx = await http.context(request)
        found = await e.refuse(ctx, OneReturn(return_id, data))
        return http.respond(request, ctx, found, version=found.version)

    @http.post(
        "/v1/returns/{return_id:str}/cancel",
        e.cancel,
        status=200,
        if_match=True,
        tags=["returns"],
        summary="Keep it after all",
    )
    async def cancel(
        request: Req, return_id: str, data: CancelReturn | None = None, order_secret: OrderSecret = None
    ) -> Response[ReturnView]:
        """For the customer, before it has arrived. Send `If-Match`, or an `Idempotency-Key`."""
        ctx = await http.context(request)
        found = await e.cancel(ctx, OneReturn(return_id, data or CancelReturn(), order_secret))
        return http.respond(request, ctx, found, version=found.version)

    return [approve, refuse, cancel]


def _arriving(e: GivingBack) -> list[Any]:
    @http.post(
        "/v1/returns/{return_id:str}/receive",
        e.receive,
        status=200,
        if_match=True,
        tags=["returns"],
        summary="Say that it is back",
    )
    async def receive(request: Req, return_id: str, data: ReceiveReturn | None = None) -> Response[ReturnView]:
        """For owners and fulfilment. With `lines` it is inspected and refunded at once, as by `inspect`."""
        ctx = await http.context(request)
        found = await e.receive(ctx, OneReturn(return_id, data or ReceiveReturn()))
        return http.respond(request, ctx, found, version=found.version)

    @http.post(
        "/v1/returns/{return_id:str}/inspect",
        e.inspect,
        status=200,
        if_match=True,
        tags=["returns"],
        summary="Say what arrived, and refund it",
    )
    async def inspect(request: Req, return_id: str, data: InspectReturn) -> Response[ReturnView]:
        """For owners and fulfilment. What arrived is refunded by line, less a `deduction`; `restock` puts it back on
        the shelf."""
        ctx = await http.context(request)
        found = await e.inspect(ctx, OneReturn(return_id, data))
        return http.respond(request, ctx, found, version=found.version)

    return [receive, inspect]
