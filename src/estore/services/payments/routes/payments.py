"""Payments, their refunds, and what providers tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from litestar import Request, Response
from litestar.params import Parameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.payments.domain import PaymentNotFound
from estore.services.payments.endpoints import Endpoints
from estore.services.payments.gateways import Provider
from estore.services.payments.service import (
    GetPayment,
    ListPayments,
    ListRefunds,
    Payments,
    PaymentView,
    Received,
    RefundBody,
    RefundView,
    StartRefund,
)

_PAYMENT_ID = re.compile(r"pay_[0-9A-HJKMNP-TV-Z]{26}")
Req = Request[Any, Any, Any]
OrderId = Annotated[str, Parameter(max_length=64, pattern=r"^[A-Za-z0-9_]+\Z", description="The order that was paid")]


Only = Annotated[str | None, Parameter(max_length=40, pattern=r"^[a-z_]+\Z", description="Only this provider's")]
RefundIn = Annotated[
    Literal["requested", "unknown", "processing", "succeeded", "refused"] | None, Parameter(description="Only such")
]


def payment_id_of(raw: str) -> str:
    if not _PAYMENT_ID.fullmatch(raw):
        raise PaymentNotFound
    return raw


def payment_routes(e: Endpoints, providers: Mapping[str, Provider]) -> list[Any]:
    """The service's own routes. providers: by name, those whose webhooks are heard."""

    @http.get("/v1/payments/{payment_id:str}", e.get, summary="Read a payment")
    async def get_payment(request: Req, payment_id: str) -> Response[PaymentView]:
        """Your own payment, or any as an operator, who also sees its history. Others' payments are a 404."""
        ctx = await http.context(request)
        view = await e.get(ctx, GetPayment(payment_id_of(payment_id)))
        return http.respond(request, ctx, view, version=view.version)

    @http.get("/v1/payments", e.list_, summary="Find the payment of an order")
    async def list_payments(request: Req, order_id: OrderId) -> Response[Payments]:
        """An order has one payment at most; an empty list where there is none, or none of yours."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.list_(ctx, ListPayments(order_id)))

    @http.post("/v1/payments/{payment_id:str}/refunds", e.refund, status=202, summary="Give money back")
    async def refund(request: Req, payment_id: str, data: RefundBody) -> Response[RefundView]:
        """Operators give back a part of a capture or all of it. 409 for more than is left.

        The answer is `requested`: the provider is asked at once, and the payment shows what came of it.
        """
        ctx = await http.context(request)
        view = await e.refund(ctx, StartRefund(payment_id_of(payment_id), data))
        return http.respond(request, ctx, view, location=f"/v1/payments/{view.payment_id}")

    @http.get("/v1/payments/refunds", e.list_refunds, summary="List refunds")
    async def list_refunds(
        request: Req, provider: Only = None, status: RefundIn = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[RefundView]]:
        """For operators, newest first. `?provider=invoice&status=processing` are those that you are to transfer."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_refunds(ctx, ListRefunds(provider, status, cursor, limit)))

    @http.post(
        "/v1/payments/webhooks/{provider:str}",
        e.hear_provider,
        status=200,
        bodies=("application/json",),
        summary="Hear a payment provider",
    )
    async def hear_provider(request: Req, provider: str) -> Response[Received]:
        """For payment providers: signed, not older than five minutes, each event acts once.

        Events about payments that are not ours are answered 200 and change nothing.
        """
        ctx = await http.context(request)
        if provider not in providers:
            raise PaymentNotFound("there is no such payment provider")
        event = providers[provider].verify_webhook(request.headers, await request.body(), ctx.now)
        return http.respond(request, ctx, await e.hear_provider(ctx, event))

    return [get_payment, list_payments, refund, list_refunds, hear_provider]
