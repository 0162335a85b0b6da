"""Reports of providers' books, for operators."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request, Response

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.payments.domain import ReportNotFound
from estore.services.payments.endpoints import Endpoints
from estore.services.payments.routes.payments import Only
from estore.services.payments.service import AskReport, ListReports, ProviderReportView

Req = Request[Any, Any, Any]
_REPORT_ID = re.compile(r"rep_[0-9A-HJKMNP-TV-Z]{26}")


def _report_id(raw: str) -> str:
    if not _REPORT_ID.fullmatch(raw):
        raise ReportNotFound
    return raw


def report_routes(e: Endpoints) -> list[Any]:
    """What operators see of reports, and ask for."""

    @http.get("/v1/payments/reports", e.list_reports, summary="List reports of providers")
    async def list_reports(
        request: Req, provider: Only = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[ProviderReportView]]:
        """For operators, newest first. The regular ones of a provider follow each other without a gap."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_reports(ctx, ListReports(provider, cursor, limit)))

    @http.get("/v1/payments/reports/{report_id:str}", e.get_report, errors=(404,), summary="Read a report's progress")
    async def get_report(request: Req, report_id: str) -> Response[ProviderReportView]:
        """For operators. The lines themselves go to the ledger, which compares them with its journal."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.get_report(ctx, _report_id(report_id)))

    @http.post("/v1/payments/reports", e.ask_report, status=202, summary="Have a provider report")
    async def ask_report(request: Req, data: AskReport) -> Response[ProviderReportView]:
        """For operators: any past span of at most 31 days, besides the regular reports. It is made within seconds."""
        ctx = await http.context(request)
        view = await e.ask_report(ctx, data)
        return http.respond(request, ctx, view, location=f"/v1/payments/reports/{view.id}")

    return [list_reports, get_report, ask_report]
