"""HTTP in: /v1/orders/{id}/refunds."""

from __future__ import annotations

from typing import Any

from litestar import Response

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.orders.domain import OrderRefund
from estore.services.orders.endpoints import GivingBack
from estore.services.orders.routes.orders import OrderSecret, Req
from estore.services.orders.service import AskRefund, ListRefunds, RefundForm


def routes(e: GivingBack) -> list[Any]:
    """Return the routes of refunds."""

    @http.post("/v1/orders/{order_id:str}/refunds", e.refund, tags=["refunds"], summary="Give a part back")
    async def refund(request: Req, order_id: str, data: RefundForm) -> Response[OrderRefund]:
        """By lines, with or without shipping, or by amount. For operators; owners, finance and fulfilment of a vendor
        give back of their own parcel.

        409 `orders.refund_too_high` and `orders.quantity_too_high` say in `left` what can be given back.
        """
        ctx = await http.context(request)
        made = await e.refund(ctx, AskRefund(order_id, data))
        return http.respond(request, ctx, made, status=201)

    @http.get("/v1/orders/{order_id:str}/refunds", e.list_refunds, tags=["refunds"], summary="What was given back")
    async def list_refunds(
        request: Req, order_id: str, order_secret: OrderSecret = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[OrderRefund]]:
        """Newest first. The customer sees what comes back, a vendor its own part, an operator who bears it.

        One that is `failed` was not given back: the money is still here, and can be refunded again.
        """
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_refunds(ctx, ListRefunds(order_id, order_secret, cursor, limit)))

    return [refund, list_refunds]
