"""Payment by invoice: what the customer is to transfer, and what an operator saw on the bank statement."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import Parameter

from estore.kit import http
from estore.kit.endpoint import Endpoint
from estore.services.payments.domain import PaymentNotFound, RefundNotFound
from estore.services.payments.endpoints import Endpoints
from estore.services.payments.gateways.invoice.page import POLICY, page
from estore.services.payments.routes.payments import payment_id_of
from estore.services.payments.service import (
    Invoice,
    MarkBody,
    MarkPaid,
    MarkRefundBody,
    MarkRefundPaid,
    PaymentView,
    RefundView,
)

Req = Request[Any, Any, Any]
Key = Annotated[str, Parameter(max_length=64, pattern=r"^[0-9a-f]+\Z", description="As in the payment's action_url")]


_REFUND_ID = re.compile(r"rfd_[A-Za-z0-9_]{1,60}")


def _refund_id(raw: str) -> str:
    if not _REFUND_ID.fullmatch(raw):
        raise RefundNotFound
    return raw


def mark_routes(e: Endpoints) -> list[Any]:
    """What operators tell of the bank statement."""

    @http.post("/v1/payments/{payment_id:str}/mark-paid", e.mark_paid, status=200, summary="Mark an invoice as paid")
    async def mark_paid(request: Req, payment_id: str, data: MarkBody) -> Response[PaymentView]:
        """For operators, of payments by invoice: the bank statement shows the customer's transfer.

        What arrives after the order was cancelled is booked all the same, and goes back by itself as a refund.
        """
        ctx = await http.context(request)
        view = await e.mark_paid(ctx, MarkPaid(payment_id_of(payment_id), data))
        return http.respond(request, ctx, view)

    @http.post(
        "/v1/payments/refunds/{refund_id:str}/mark-paid",
        e.mark_refund_paid,
        status=200,
        summary="Mark a refund as transferred",
    )
    async def mark_refund_paid(request: Req, refund_id: str, data: MarkRefundBody) -> Response[RefundView]:
        """For operators: the bank statement shows our transfer back to the customer.

        Of payments by invoice, and of refunds that came back from the customer's bank (`payments.refund_undone`).
        """
        ctx = await http.context(request)
        view = await e.mark_refund_paid(ctx, MarkRefundPaid(_refund_id(refund_id), data))
        return http.respond(request, ctx, view)

    return [mark_paid, mark_refund_paid]


def invoice_routes(show: Endpoint[str, Invoice], knows: Callable[[str, str], bool]) -> list[Any]:
    """What only exists where customers may pay by invoice. knows: tells whether a payment's invoice has a key."""

    @http.get("/v1/payments/{payment_id:str}/invoice", show, also=("text/html",), summary="Read what to transfer where")
    async def show_invoice(request: Req, payment_id: str, key: Key) -> Response[Invoice]:
        """Where the `action_url` of a payment by invoice leads; a page for browsers. 404 with another key."""
        ctx = await http.context(request)
        if not knows(payment_id_of(payment_id), key):
            raise PaymentNotFound
        invoice = await show(ctx, payment_id)
        if "text/html" in request.headers.get("accept", ""):
            return Response(page(invoice), media_type="text/html", headers={"content-security-policy": POLICY})  # type: ignore[arg-type]
        return http.respond(request, ctx, invoice)

    return [show_invoice]
