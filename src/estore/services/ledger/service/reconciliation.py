"""Reconciliation: every line of every report against the journal, every entry of the journal against the reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from estore.contracts.ledger import ReconciliationDiffered
from estore.contracts.payments import ProviderReported
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.kit.http.pages import Page, decode_cursor, page_of
from estore.kit.telemetry import log
from estore.services.ledger.domain import EntryKind, Kind, Posting, of_platform, transfer
from estore.services.ledger.domain.reconciliation import (
    Difference,
    DifferenceResolved,
    DifferenceUnknown,
    ReportView,
)
from estore.services.ledger.service.books import Books
from estore.services.ledger.store import reconciliation as store

_log = log(__name__)


class ListReports(msgspec.Struct, frozen=True):
    provider: str | None
    cursor: str | None
    limit: int


class ListDifferences(msgspec.Struct, frozen=True):
    """is_open: None for both. older_than: seconds since they were found."""

    is_open: bool | None
    provider: str | None
    older_than: int
    cursor: str | None
    limit: int


class Reconciling:
    def __init__(self, books: Books) -> None:
        self._books = books

    async def provider_reported(self, tx: Tx, messages: Sequence[Message[ProviderReported]]) -> None:
        """Keep the parts of reports, book the fees, and compare each report that is complete by that."""
        await store.take_turns(tx, wait=True)
        for message in sorted(messages, key=lambda m: (m.data.report_id, m.data.part)):
            part = message.data
            complete = await store.insert_part(tx, part)
            await self._books.post(tx, message, _fees(part), message.now)
            if complete:
                await self._reconcile(tx, message)

    async def _reconcile(self, tx: Tx, message: Message[ProviderReported]) -> None:
        part = message.data
        compared = await store.compare(tx, part, message.now)
        await store.settle(tx, message.now)
        if compared.differences:
            _log.error(
                "a provider's report differs from the journal",
                report_id=part.report_id,
                provider=part.provider,
                differences=compared.differences,
            )
            tx.emit(
                ReconciliationDiffered(
                    report_id=part.report_id, provider=part.provider, differences=compared.differences, version=1
                ),
                message,
            )


def _fees(part: ProviderReported) -> list[Posting]:
    """Return what the provider kept, as entries: one per part and currency."""
    fees: dict[str, int] = defaultdict(int)
    for line in part.lines:
        fees[line.currency] += line.fee
    return [
        Posting(
            source=f"fee:{part.report_id}:{part.part}:{currency}",
            kind=EntryKind.FEE,
            currency=currency,
            ref=part.report_id,
            lines=transfer(
                of_platform(Kind.FEES, currency, part.provider),
                of_platform(Kind.CLEARING, currency, part.provider),
                fee,
            ),
            occurred_at=part.until,
        )
        for currency, fee in sorted(fees.items())
        if fee
    ]


async def look_again(tx: Tx, ctx: Context, _request: None) -> None:
    """Resolve what is right by now."""
    if await store.take_turns(tx, wait=False):
        await store.settle(tx, ctx.now)


async def list_reports(tx: Tx, ctx: Context, ask: ListReports) -> Page[ReportView]:
    """Return reports, newest first."""
    before = decode_cursor(ask.cursor, datetime, str)
    rows = await store.list_reports(tx, ask.provider, before and (before[0], before[1]), ask.limit + 1)
    return page_of(rows, ask.limit, lambda report: (report.since, report.id))


async def list_differences(tx: Tx, ctx: Context, ask: ListDifferences) -> Page[Difference]:
    """Return differences, oldest first."""
    after = decode_cursor(ask.cursor, datetime, str)
    rows = await store.list_differences(
        tx,
        is_open=ask.is_open,
        provider=ask.provider,
        older_than=ctx.now - timedelta(seconds=ask.older_than) if ask.older_than else None,
        after=after and (after[0], after[1]),
        at_most=ask.limit + 1,
        now=ctx.now,
    )
    return page_of(rows, ask.limit, lambda one: (one.found_at, one.id))


async def resolve(tx: Tx, ctx: Context, request: tuple[str, str]) -> Difference:
    """Let an operator explain a difference. Raises DifferenceUnknown, DifferenceResolved."""
    difference_id, note = request
    found = await store.lock_difference(tx, difference_id, ctx.now)
    if found is None:
        raise DifferenceUnknown()
    if found.resolved_at is not None:
        raise DifferenceResolved(found.note)
    return await store.resolve(tx, difference_id, ctx.principal.account_id, note, ctx.now)
