"""Statements in three spellings, the dashboard, the forecast."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response
from litestar.params import Parameter, QueryParameter
from litestar.response import Stream

from estore.kit import http
from estore.kit.context import Context
from estore.services.ledger.domain.dashboard import Dashboard, Forecast
from estore.services.ledger.domain.statements import Statement, StatementLine, StatementTooLong
from estore.services.ledger.endpoints import Endpoints
from estore.services.ledger.routes import csv_statement, pdf_statement
from estore.services.ledger.service.dashboard import AskDashboard, AskForecast
from estore.services.ledger.service.statements import AskStatement, Reading

Http = Request[Any, Any, Any]
MARKETPLACE = "Estore"
CSV, PDF = "text/csv", "application/pdf"
VendorId = Annotated[str, QueryParameter(name="vendor", max_length=64, pattern=r"^[^\x00]*\Z", description="Its id")]
AnyVendor = Annotated[
    str | None,
    QueryParameter(
        name="vendor", max_length=64, pattern=r"^[^\x00]*\Z", description="All that one may see, unless given"
    ),
]
Currency = Annotated[
    str | None, QueryParameter(name="currency", pattern=r"^[A-Z]{3}\Z", description="The marketplace's, unless given")
]
Since = Annotated[date, Parameter(description="The first day, UTC")]
Until = Annotated[date, Parameter(description="The day after the last, UTC")]
Spelling = Annotated[Literal["json", "csv", "pdf"], QueryParameter(name="format", description="How it is written")]
OpenLines = Annotated[int, Parameter(ge=0, le=10_000, description="Open lines to show")]


class StatementDocument(Statement, frozen=True, kw_only=True):
    """A statement with its lines, oldest first."""

    lines: list[StatementLine]


def routes(e: Endpoints, currency: str) -> list[Any]:
    """Return the routes. currency: the marketplace's."""

    @http.get(
        "/v1/ledger/statements", e.open_statement, errors=(404, 422), also=(CSV, PDF), summary="A vendor's statement"
    )
    async def statement(
        request: Http,
        vendor: VendorId,
        since: Since,
        until: Until,
        currency_: Currency = None,
        format_: Spelling = "json",
    ) -> Response[StatementDocument]:
        """Every cent between two balances: sales with price, discount, tax and commission, refunds, payouts.

        JSON and CSV are streamed, however long; a PDF holds 5,000 lines at most. For owners, finance and operators.
        """
        ctx = await http.context(request)
        ask = AskStatement(vendor_id=vendor, currency=currency_ or currency, since=since, until=until)
        reading = await e.open_statement(ctx, ask)
        name = f"statement-{reading.statement.number}.{format_}"
        headers = {"content-disposition": f'attachment; filename="{name}"'} if format_ != "json" else {}
        if format_ == "pdf":
            document = await asyncio.to_thread(
                pdf_statement.render, reading.statement, await _all_lines(e, ctx, reading), MARKETPLACE
            )
            answer: Response[Any] = Response(document, media_type=PDF, headers=headers | (ctx.rate_headers or {}))
        elif format_ == "csv":
            answer = Stream(_csv(e, ctx, reading), media_type=f"{CSV}; charset=utf-8", headers=headers)
        else:
            answer = Stream(_json(e, ctx, reading), media_type="application/json", headers=headers)
        answer.headers.update(ctx.rate_headers or {})
        return answer

    @http.get("/v1/ledger/dashboard", e.show_dashboard, errors=(404, 422), summary="What is open and what sells")
    async def dashboard(
        request: Http,
        vendor: AnyVendor = None,
        since: Annotated[date | None, Parameter(description="First day of sales, UTC")] = None,
        until: Annotated[date | None, Parameter(description="Day after the last, UTC")] = None,
        lines: OpenLines = 1000,
    ) -> Response[Dashboard]:
        """Open orders and parcels with the lines that make them up, and sales by day, product and category.

        All from one snapshot: the sums are those of the lines, however busy the store is. Operators see all vendors.
        """
        ctx = await http.context(request)
        found = await e.show_dashboard(ctx, AskDashboard(vendor_id=vendor, since=since, until=until, lines=lines))
        return http.respond(request, ctx, found)

    @http.get("/v1/ledger/forecast", e.forecast, errors=(404, 422), summary="What becomes available when")
    async def forecast(
        request: Http,
        vendor: VendorId,
        currency_: Currency = None,
    ) -> Response[Forecast]:
        """What a vendor can expect by day, if nothing more is sold, returned or disputed."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.forecast(ctx, AskForecast(vendor, currency_ or currency)))

    return [statement, dashboard, forecast]


async def _chunks(e: Endpoints, ctx: Context, reading: Reading) -> AsyncIterator[list[StatementLine]]:
    """Yield the lines, a chunk at a time, each read in a transaction of its own."""
    rest: Reading | None = reading
    while rest is not None:
        chunk = await e.statement_lines(ctx, rest)
        yield chunk.lines
        rest = chunk.rest


async def _all_lines(e: Endpoints, ctx: Context, reading: Reading) -> list[StatementLine]:
    lines: list[StatementLine] = []
    async for chunk in _chunks(e, ctx, reading):
        lines += chunk
        if len(lines) > pdf_statement.MOST_LINES:
            raise StatementTooLong(f"it has more than {pdf_statement.MOST_LINES} lines")
    return lines


async def _csv(e: Endpoints, ctx: Context, reading: Reading) -> AsyncIterator[bytes]:
    yield csv_statement.head(reading.statement)
    async for chunk in _chunks(e, ctx, reading):
        yield csv_statement.body(chunk)
    yield csv_statement.foot(reading.statement)


async def _json(e: Endpoints, ctx: Context, reading: Reading) -> AsyncIterator[bytes]:
    """Yield a StatementDocument: the statement's own members, then the lines."""
    yield msgspec.json.encode(reading.statement)[:-1] + b',"lines":['
    first = True
    async for chunk in _chunks(e, ctx, reading):
        if chunk:
            encoded = b",".join(msgspec.json.encode(line) for line in chunk)
            yield encoded if first else b"," + encoded
            first = False
    yield b"]}"
