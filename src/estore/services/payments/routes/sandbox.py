"""Where the customer acts on a sandbox payment that requires it."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request, Response

from estore.kit import http
from estore.services.payments.endpoints import ActionEndpoints
from estore.services.payments.gateways import ActionGone
from estore.services.payments.gateways.sandbox.page import POLICY, page
from estore.services.payments.service import Action, Complete

_ACTION_ID = re.compile(r"sbx_[0-9A-HJKMNP-TV-Z]{26}")


def _action_id(raw: str) -> str:
    if not _ACTION_ID.fullmatch(raw):
        raise ActionGone
    return raw


def action_routes(e: ActionEndpoints) -> list[Any]:
    """What only exists where the sandbox may be used."""

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
