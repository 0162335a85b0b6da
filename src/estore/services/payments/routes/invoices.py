"""Where the customer reads what to transfer."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import Parameter

from estore.kit import http
from estore.kit.endpoint import Endpoint
from estore.services.payments.domain import PaymentNotFound
from estore.services.payments.gateways.invoice.page import POLICY, page
from estore.services.payments.routes.payments import payment_id_of
from estore.services.payments.service import Invoice

Key = Annotated[str, Parameter(max_length=64, pattern=r"^[0-9a-f]+$", description="As in the payment's action_url")]


def invoice_routes(show: Endpoint[str, Invoice], key_of: Callable[[str], str]) -> list[Any]:
    """What only exists where customers may pay by invoice. key_of: returns the key of a payment's invoice."""

    @http.get("/v1/payments/{payment_id:str}/invoice", show, also=("text/html",), summary="Read what to transfer where")
    async def show_invoice(request: Request[Any, Any, Any], payment_id: str, key: Key) -> Response[Invoice]:
        """Where the `action_url` of a payment by invoice leads; a page for browsers. 404 with another key."""
        ctx = await http.context(request)
        if not hmac.compare_digest(key_of(payment_id_of(payment_id)), key):
            raise PaymentNotFound
        invoice = await show(ctx, payment_id)
        if "text/html" in request.headers.get("accept", ""):
            return Response(page(invoice), media_type="text/html", headers={"content-security-policy": POLICY})  # type: ignore[arg-type]
        return http.respond(request, ctx, invoice)

    return [show_invoice]
