"""HTTP in: /v1/quotes, /v1/orders."""

from __future__ import annotations

from typing import Annotated, Any, cast

from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, QueryParameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.orders.domain import OrderView, Quote
from estore.services.orders.endpoints import Endpoints
from estore.services.orders.service import (
    AskQuote,
    CancelOrder,
    ListOrders,
    OneOrder,
    Placement,
    PlaceOrder,
)

Req = Request[Any, Any, Any]
CartSecret = Annotated[
    str | None, HeaderParameter(name="Cart-Secret", max_length=200, description="Proves that a guest's cart is yours")
]
OrderSecret = Annotated[
    str | None,
    HeaderParameter(
        name="Order-Secret", max_length=200, description="`secret` of the answer to a guest's POST /v1/orders"
    ),
]
Prefer = Annotated[
    str | None,
    HeaderParameter(
        name="Prefer", max_length=200, description="`wait=5`: answer when the order is settled, or after 5 s"
    ),
]
OrderStatus = Annotated[
    str | None, QueryParameter(name="status", max_length=40, description="Only orders in this state")
]
ByEmail = Annotated[
    str | None, QueryParameter(name="email", max_length=254, pattern=r"^[^\x00]*\Z", description="For operators")
]

Overdue = Annotated[bool, QueryParameter(name="overdue", description="For operators: only those that wait too long")]


def routes(e: Endpoints) -> list[Any]:
    """Return the routes of quotes and orders."""
    return [*_buying(e), *_orders(e)]


def _waited(ctx: Any) -> dict[str, str]:
    return {"preference-applied": f"wait={ctx.wait:g}"} if ctx.wait else {}


def _buying(e: Endpoints) -> list[Any]:
    @http.post("/v1/quotes", e.quote, status=200, tags=["quotes"], summary="What it would cost")
    async def quote(request: Req, data: AskQuote) -> Response[Quote]:
        """Prices, tax, shipping per parcel and total, as an order would be charged now. Nothing is held.

        Send `expected_total` with the order. Only the address's country matters here.
        `promotions` explains every discount, what is missing for one more, and why a code does not apply. Who is not
        signed in is taken to be a customer whom first orders and limits per customer allow.
        422 `orders.not_sellable` points at each line that cannot be bought.
        """
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.quote(ctx, data))

    @http.post(
        "/v1/orders",
        e.place,
        status=202,
        errors=(404,),
        tags=["orders"],
        summary="Place an order",
        responses={201: ResponseSpec(OrderView, description="Settled while you waited", generate_examples=False)},
    )
    async def place(
        request: Req, data: PlaceOrder, cart_secret: CartSecret = None, prefer: Prefer = None
    ) -> Response[OrderView]:
        """Buy a cart or lines. 202: it is placed, and its state will change; see `Location`.

        With `Prefer: wait=N` the answer is 201 as soon as the order is settled: confirmed, rejected, cancelled, or
        waiting for the customer (`requires_action_url`); 202 when N seconds were not enough.
        A guest's order has a `secret`, shown only here; send it as `Order-Secret` from then on.
        409 `orders.total_changed` carries the new quote in `quote`, and so does 422 `orders.promotion_not_applicable`,
        which points at each code that does not apply; `reason` is the first one's.
        """
        ctx = await http.context(request)
        answer = await e.place(ctx, Placement(data, cart_secret))
        response = http.respond(
            request,
            ctx,
            answer.body,
            status=201 if answer.settled else 202,
            location=f"/v1/orders/{answer.order_id}",
            headers=_waited(ctx),
        )
        return cast("Response[OrderView]", response)

    return [quote, place]


def _orders(e: Endpoints) -> list[Any]:
    @http.get("/v1/orders/{order_id:str}", e.show, tags=["orders"], summary="An order")
    async def show(
        request: Req, order_id: str, order_secret: OrderSecret = None, prefer: Prefer = None
    ) -> Response[OrderView]:
        """By id or by number (`E-7K3M-92QX`). Yours, or a guest's with `Order-Secret`; operators see all."""
        ctx = await http.context(request)
        order = await e.show(ctx, OneOrder(order_id, order_secret))
        return http.respond(request, ctx, order, version=order.version, headers=_waited(ctx))

    @http.get("/v1/orders", e.list_orders, tags=["orders"], summary="Order history")
    async def list_orders(
        request: Req,
        status: OrderStatus = None,
        email: ByEmail = None,
        overdue: Overdue = False,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[Page[OrderView]]:
        """Newest first. An account's own orders; for operators everybody's, also by `email`.

        `overdue=true`: what is partly shipped although the time to ship all of it is over.
        """
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_orders(ctx, ListOrders(status, email, overdue, cursor, limit)))

    @http.post("/v1/orders/{order_id:str}/cancel", e.cancel, status=200, tags=["orders"], summary="Call an order off")
    async def cancel(
        request: Req, order_id: str, data: CancelOrder | None = None, order_secret: OrderSecret = None
    ) -> Response[OrderView]:
        """Before anything is shipped. What was paid is given back. 409 `orders.too_late_to_cancel` after that."""
        ctx = await http.context(request)
        order = await e.cancel(ctx, OneOrder(order_id, order_secret))
        return http.respond(request, ctx, order, version=order.version)

    return [show, list_orders, cancel]
