"""Disputes, for operators."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from litestar import Request, Response
from litestar.params import Parameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.payments.domain import DisputeNotFound
from estore.services.payments.endpoints import Endpoints
from estore.services.payments.service import DisputeView, EvidenceBody, GiveEvidence, ListDisputes

Req = Request[Any, Any, Any]
DisputeIn = Annotated[Literal["opened", "evidence_submitted", "won", "lost"] | None, Parameter(description="Only such")]
_DISPUTE_ID = re.compile(r"dsp_[0-9A-HJKMNP-TV-Z]{26}")


def _dispute_id(raw: str) -> str:
    if not _DISPUTE_ID.fullmatch(raw):
        raise DisputeNotFound
    return raw


def dispute_routes(e: Endpoints) -> list[Any]:
    """What operators do about disputes."""

    @http.get("/v1/payments/disputes", e.list_disputes, summary="List disputes")
    async def list_disputes(
        request: Req, status: DisputeIn = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[DisputeView]]:
        """For operators, newest first. `?status=opened` are those that wait for evidence."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_disputes(ctx, ListDisputes(status, cursor, limit)))

    @http.get("/v1/payments/disputes/{dispute_id:str}", e.get_dispute, errors=(404,), summary="Read a dispute")
    async def get_dispute(request: Req, dispute_id: str) -> Response[DisputeView]:
        """For operators."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.get_dispute(ctx, _dispute_id(dispute_id)))

    @http.post(
        "/v1/payments/disputes/{dispute_id:str}/evidence", e.give_evidence, status=202, summary="Answer a dispute"
    )
    async def give_evidence(request: Req, dispute_id: str, data: EvidenceBody) -> Response[DisputeView]:
        """For operators. Taken down at once, then sent to the provider until it is taken: see `evidence_sent_at`.

        409 once the bank has decided, after `evidence_due_at`, and if evidence was given: banks look at it once.
        """
        ctx = await http.context(request)
        view = await e.give_evidence(ctx, GiveEvidence(_dispute_id(dispute_id), data))
        return http.respond(request, ctx, view, location=f"/v1/payments/disputes/{view.id}")

    return [list_disputes, get_dispute, give_evidence]
