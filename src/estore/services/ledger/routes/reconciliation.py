"""Reports of payment providers, and where they differ from the journal. For operators."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.ledger.domain.reconciliation import Difference, ReportView
from estore.services.ledger.endpoints import Endpoints
from estore.services.ledger.service.reconciliation import ListDifferences, ListReports

Http = Request[Any, Any, Any]
Provider = Annotated[
    str | None, QueryParameter(name="provider", max_length=40, pattern=r"^[^\x00]*\Z", description="Only this one's")
]
Open = Annotated[bool | None, QueryParameter(name="open", description="Only open ones, or only resolved ones")]
Older = Annotated[int, QueryParameter(name="older_than", ge=0, le=10**8, description="Found so many seconds ago")]


class Explain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """note: why it is all right, for the auditor."""

    note: Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*\Z")]


def routes(e: Endpoints) -> list[Any]:
    """Return the routes."""

    @http.get("/v1/ledger/reports", e.list_reports, summary="What providers reported")
    async def reports(
        request: Http, provider: Provider = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[ReportView]]:
        """Newest first, each with how many lines it has and how many differences were found with it."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_reports(ctx, ListReports(provider, cursor, limit)))

    @http.get("/v1/ledger/differences", e.list_differences, summary="Where providers and the journal differ")
    async def differences(
        request: Http,
        is_open: Open = None,
        provider: Provider = None,
        older_than: Older = 0,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[Page[Difference]]:
        """Oldest first. One that both sides agree on by now is resolved by itself within a minute."""
        ctx = await http.context(request)
        page = await e.list_differences(ctx, ListDifferences(is_open, provider, older_than, cursor, limit))
        return http.paged(request, ctx, page)

    @http.post(
        "/v1/ledger/differences/{difference:str}/resolve",
        e.resolve_difference,
        status=200,
        errors=(404, 409),
        summary="Explain a difference",
    )
    async def resolve(request: Http, difference: str, data: Explain) -> Response[Difference]:
        """Close a difference that is all right, and say why. What must be booked is booked as an adjustment."""
        ctx = await http.context(request)
        resolved = await e.resolve_difference(ctx, (difference, data.note.strip()))
        return http.respond(request, ctx, resolved, version=resolved.version)

    return [reports, differences, resolve]
