"""HTTP in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import Parameter

from estore.kit import http
from estore.services.payments.domain import PaymentNotFound
from estore.services.payments.endpoints import ActionEndpoints, Endpoints
from estore.services.payments.gateways import ActionGone, Provider
from estore.services.payments.gateways.sandbox.page import POLICY, page
from estore.services.payments.service import (
    Action,
    Complete,
    GetPayment,
    ListPayments,
    Payments,
    PaymentView,
    Received,
    RefundBody,
    RefundView,
    StartRefund,
)

_PAYMENT_ID = re.compile(r"pay_[0-9A-HJKMNP-TV-Z]{26}")
_ACTION_ID = re.compile(r"sbx_[0-9A-HJKMNP-TV-Z]{26}")
OrderId = Annotated[str, Parameter(max_length=64, pattern=r"^[A-Za-z0-9_]+$", description="The order that was paid")]


def _payment_id(raw: str) -> str:
    if not _PAYMENT_ID.fullmatch(raw):
        raise PaymentNotFound
    return raw


def _action_id(raw: str) -> str:
    if not _ACTION_ID.fullmatch(raw):
        raise ActionGone
    return raw


def routes(e: Endpoints, providers: Mapping[str, Provider]) -> list[Any]:
    """The service's own routes. providers: by name, those whose webhooks are heard."""

    @http.get("/v1/payments/{payment_id:str}", e.get, summary="Read a payment")
    async def get_payment(request: Request[Any, Any, Any], payment_id: str) -> Response[PaymentView]:
        """Your own payment, or any as an operator, who also sees its history. Others' payments are a 404."""
        ctx = await http.context(request)
        view = await e.get(ctx, GetPayment(_payment_id(payment_id)))
        return http.respond(request, ctx, view, version=view.version)

    @http.get("/v1/payments", e.list_, summary="Find the payment of an order")
    async def list_payments(request: Request[Any, Any, Any], order_id: OrderId) -> Response[Payments]:
        """An order has one payment at most; an empty list where there is none, or none of yours."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.list_(ctx, ListPayments(order_id)))

    @http.post("/v1/payments/{payment_id:str}/refunds", e.refund, status=202, summary="Give money back")
    async def refund(request: Request[Any, Any, Any], payment_id: str, data: RefundBody) -> Response[RefundView]:
        """Operators give back a part of a capture or all of it. 409 for more than is left.

        The answer is `requested`: the provider is asked at once, and the payment shows what came of it.
        """
        ctx = await http.context(request)
        view = await e.refund(ctx, StartRefund(_payment_id(payment_id), data))
        return http.respond(request, ctx, view, location=f"/v1/payments/{view.payment_id}")

    @http.post(
        "/v1/payments/webhooks/{provider:str}",
        e.hear_provider,
        status=200,
        bodies=("application/json",),
        summary="Hear a payment provider",
    )
    async def hear_provider(request: Request[Any, Any, Any], provider: str) -> Response[Received]:
        """For payment providers: signed, not older than five minutes, each event acts once.

        Events about payments that are not ours are answered 200 and change nothing.
        """
        ctx = await http.context(request)
        if provider not in providers:
            raise PaymentNotFound("there is no such payment provider")
        event = providers[provider].verify_webhook(request.headers, await request.body(), ctx.now)
        return http.respond(request, ctx, await e.hear_provider(ctx, event))

    return [get_payment, list_payments, refund, hear_provider]


def action_routes(e: ActionEndpoints) -> list[Any]:
    """Where the customer acts on a sandbox payment that requires it."""

    @http.get(
        "/v1/payments/sandbox/actions/{action_id:str}",
        e.show,
        also=("text/html",),
        summary="Sandbox: what the customer is asked",
    )
    async def show_action(request: Request[Any, Any, Any], action_id: str) -> Response[Action]:
        """Where `action_url` leads; a page for browsers. A real provider shows the customer's bank here."""
        ctx = await http.context(request)
        action = await e.show(ctx, _action_id(action_id))
        if "text/html" in request.headers.get("accept", ""):
            return Response(page(action), media_type="text/html", headers={"content-security-policy": POLICY})  # type: ignore[arg-type]
        return http.respond(request, ctx, action)

    @http.post(
        "/v1/payments/sandbox/actions/{action_id:str}/complete",
        e.complete,
        status=200,
        errors=(409,),
        summary="Sandbox: act as the customer",
    )
    async def complete_action(request: Request[Any, Any, Any], action_id: str, data: Complete) -> Response[Action]:
        """Succeed or fail; a webhook tells the shop. Saying the same twice is fine, the opposite is a 409."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.complete(ctx, (_action_id(action_id), data)))

    return [show_action, complete_action]
