"""Reports: what providers say moved in a span of time, published for whoever compares it with our books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from estore.contracts.payments import ProviderReported, ReportLine
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.http import Page, page_of, text_in
from estore.kit.ids import new_id
from estore.services.payments import store
from estore.services.payments.domain import (
    LINES_PER_PART,
    ProviderUnknown,
    ReportNotFound,
    Rhythm,
    check_window,
    windows,
)
from estore.services.payments.service.shapes import (
    AskReport,
    Claim,
    Fetched,
    ListReports,
    ProviderReportView,
    ReportFailed,
)

_KINDS = {"capture": "charge", "refund": "refund", "dispute": "dispute", "dispute_won": "dispute"}


class Reporting:
    """providers: names of those that can be asked. lease: seconds in which a report must be fetched."""

    def __init__(self, providers: Sequence[str], rhythm: Rhythm, lease: float) -> None:
        self.providers = tuple(sorted(providers))
        self.rhythm = rhythm
        self.lease = lease

    async def claim_due_reports(self, tx: Tx, ctx: Context, claim: Claim) -> list[store.ReportRow]:
        """Open the windows that are over, and claim reports that are to be fetched."""
        ended = await store.lock_cursors(tx, self.providers, ctx.now)
        opened = [
            (new_id("rep"), provider, since, until)
            for provider, end in ended.items()
            for since, until in windows(end, ctx.now, self.rhythm)
        ]
        if opened:
            await store.insert_reports(tx, opened, "", ctx.now)
            await store.move_cursors(tx, {provider: until for _, provider, _, until in opened})
        return await store.claim_due_reports(tx, self.providers, ctx.now, self.lease, claim.at_most)

    async def publish_report(self, tx: Tx, ctx: Context, fetched: Fetched) -> None:
        """Publish a report in parts, once, whoever fetched it."""
        report, lines = fetched.report, fetched.lines
        parts = max(1, -(-len(lines) // LINES_PER_PART))
        if not await store.publish_report(tx, report.id, parts, len(lines), ctx.now):
            return
        lines = await _with_our_ids(tx, report.provider, lines)
        for part in range(parts):
            tx.emit(
                ProviderReported(
                    report_id=report.id,
                    provider=report.provider,
                    since=report.since,
                    until=report.until,
                    part=part + 1,
                    parts=parts,
                    lines=tuple(lines[part * LINES_PER_PART : (part + 1) * LINES_PER_PART]),
                ),
                ctx,
            )

    async def postpone_report(self, tx: Tx, ctx: Context, failed: ReportFailed) -> None:
        """Have a report that could not be fetched tried again, later and later."""
        wait = min(30.0 * 2 ** min(failed.report.tries, 7), 3600.0)
        await store.postpone_report(tx, failed.report.id, failed.detail[:200], ctx.now + timedelta(seconds=wait))

    async def ask_report(self, tx: Tx, ctx: Context, body: AskReport) -> ProviderReportView:
        """Have a report made of any span, besides the regular ones. Raises ProviderUnknown, WindowInvalid."""
        if body.provider not in self.providers:
            raise ProviderUnknown(f"there are {', '.join(self.providers)}", pointer="/provider")
        check_window(body.since, body.until, ctx.now, self.rhythm)
        report_id = new_id("rep")
        asked = [(report_id, body.provider, body.since, body.until)]
        await store.insert_reports(tx, asked, ctx.principal.account_id or "system", ctx.now)
        return await get_report(tx, ctx, report_id)


async def get_report(tx: Tx, ctx: Context, report_id: str) -> ProviderReportView:
    """One report. Raises ReportNotFound."""
    row = await store.report_by_id(tx, report_id)
    if row is None:
        raise ReportNotFound
    return _view(row)


async def list_reports(tx: Tx, ctx: Context, query: ListReports) -> Page[ProviderReportView]:
    """Reports, newest first."""
    before = text_in(query.cursor)
    rows = await store.reports_page(tx, query.provider, before, query.limit + 1)
    return page_of([_view(row) for row in rows], query.limit, lambda view: (view.id,))


async def _with_our_ids(tx: Tx, provider: str, lines: Sequence[ReportLine]) -> Sequence[ReportLine]:
    """Add our ids to lines in which the provider speaks in its own only. What we do not know stays as it is."""
    unnamed = [_theirs(line) for line in lines if _theirs(line) and not (line.key and line.payment_id)]
    if not unnamed:
        return lines
    known = await store.own_ids(tx, provider, unnamed)
    named = []
    for line in lines:
        key, payment_id = known.get((_KINDS.get(line.kind, ""), _theirs(line)), ("", ""))
        named.append(
            msgspec.structs.replace(line, key=line.key or key, payment_id=line.payment_id or payment_id)
            if key and not (line.key and line.payment_id)
            else line
        )
    return named


def _theirs(line: ReportLine) -> str:
    """Return the provider's id of what moved, by which we know it."""
    return line.about or line.reference


def _view(row: store.ReportRow) -> ProviderReportView:
    return ProviderReportView(
        id=row.id,
        provider=row.provider,
        since=row.since,
        until=row.until,
        status=row.status,
        parts=row.parts,
        lines=row.lines,
        tries=row.tries,
        detail=row.detail,
        created_at=row.created_at,
        published_at=row.published_at,
    )
