"""Reports of providers: windows opened behind a locked cursor, claimed, published once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from estore.kit.db import Record, Tx


class ReportRow(msgspec.Struct, frozen=True):
    """A span [since, until) of a provider's books. status: `requested`, `published`."""

    id: str
    provider: str
    since: datetime
    until: datetime
    status: str
    requested_by: str
    parts: int
    lines: int
    tries: int
    detail: str
    created_at: datetime
    published_at: datetime | None


_COLUMNS = ", ".join(ReportRow.__struct_fields__)
# The books of a new provider begin with the first payment that went to it.
_BEGIN = """
INSERT INTO report_cursor (provider, until)
SELECT u.provider, coalesce((SELECT min(created_at) FROM payment_intent p WHERE p.provider = u.provider), $2)
FROM unnest($1::text[]) AS u (provider)
WHERE NOT EXISTS (SELECT 1 FROM report_cursor c WHERE c.provider = u.provider)
ON CONFLICT DO NOTHING
RETURNING provider
"""


async def lock_cursors(tx: Tx, providers: Sequence[str], now: datetime) -> dict[str, datetime]:
    """Lock where reports of these providers ended. What another process has locked is left out."""
    sql = (
        "SELECT provider, until FROM report_cursor WHERE provider = ANY($1::text[])"
        " ORDER BY provider FOR UPDATE SKIP LOCKED"
    )
    rows = await tx.fetch(sql, list(providers))
    if len(rows) < len(providers) and await tx.fetch(_BEGIN, list(providers), now):
        rows = await tx.fetch(sql, list(providers))
    return {row["provider"]: row["until"] for row in rows}


async def move_cursors(tx: Tx, until: Mapping[str, datetime]) -> None:
    """Move locked cursors."""
    await tx.execute(
        "UPDATE report_cursor c SET until = u.until FROM unnest($1::text[], $2::timestamptz[]) AS u (provider, until)"
        " WHERE c.provider = u.provider",
        list(until),
        list(until.values()),
    )


_INSERT = """
INSERT INTO provider_report (id, provider, since, until, status, requested_by, due_at, created_at)
SELECT u.id, u.provider, u.since, u.until, 'requested', $5, $6, $6
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) AS u (id, provider, since, until)
"""


async def insert_reports(
    tx: Tx, reports: Sequence[tuple[str, str, datetime, datetime]], requested_by: str, now: datetime
) -> None:
    """Have reports made: (id, provider, since, until)."""
    ids, providers, since, until = (list(column) for column in zip(*reports, strict=True))
    await tx.execute(_INSERT, ids, providers, since, until, requested_by, now)


_CLAIM = f"""
UPDATE provider_report SET due_at = $2, tries = tries + 1
WHERE id IN (SELECT id FROM provider_report WHERE due_at <= $1 AND provider = ANY($4::text[])
             ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""


async def claim_due_reports(
    tx: Tx, providers: Sequence[str], now: datetime, lease: float, at_most: int
) -> list[ReportRow]:
    """Claim reports that are to be made, oldest first, for `lease` seconds."""
    rows = await tx.fetch(_CLAIM, now, now + timedelta(seconds=lease), at_most, list(providers))
    return sorted((_row(row) for row in rows), key=lambda report: report.id)


async def publish_report(tx: Tx, report_id: str, parts: int, lines: int, now: datetime) -> bool:
    """Note that a report is published; False if it was before."""
    sql = (
        "UPDATE provider_report SET status = 'published', parts = $2, lines = $3, detail = '', due_at = NULL,"
        " published_at = $4 WHERE id = $1 AND status = 'requested' RETURNING 1"
    )
    return await tx.fetchval(sql, report_id, parts, lines, now) is not None


async def postpone_report(tx: Tx, report_id: str, detail: str, due_at: datetime) -> None:
    """Have a report tried again at `due_at`. detail: why it could not be made."""
    sql = "UPDATE provider_report SET detail = $2, due_at = $3 WHERE id = $1 AND status = 'requested'"
    await tx.execute(sql, report_id, detail, due_at)


async def report_by_id(tx: Tx, report_id: str) -> ReportRow | None:
    """Return a report."""
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM provider_report WHERE id = $1", report_id)
    return _row(row) if row else None


async def reports_page(tx: Tx, provider: str | None, before: str | None, at_most: int) -> list[ReportRow]:
    """Return reports, newest first. before: those older than this id."""
    sql = f"""
        SELECT {_COLUMNS} FROM provider_report
        WHERE ($1::text IS NULL OR provider = $1) AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
    """
    return [_row(row) for row in await tx.fetch(sql, provider, before, at_most)]


_OWN = """
SELECT 'charge' AS kind, reference, id, id AS payment_id FROM payment_intent
WHERE provider = $1 AND reference = ANY($2::text[]) AND provider <> 'sandbox'
UNION ALL
SELECT 'refund', r.reference, r.id, r.payment_id FROM refund r JOIN payment_intent p ON p.id = r.payment_id
WHERE p.provider = $1 AND r.reference = ANY($2::text[])
UNION ALL
SELECT 'dispute', reference, id, payment_id FROM dispute WHERE provider = $1 AND reference = ANY($2::text[])
"""


async def own_ids(tx: Tx, provider: str, references: Sequence[str]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return {(`charge` | `refund` | `dispute`, the provider's id): (our id, payment id)} of those that we know."""
    rows = await tx.fetch(_OWN, provider, list(references))
    return {(row["kind"], row["reference"]): (row["id"], row["payment_id"]) for row in rows}


def _row(row: Record) -> ReportRow:
    return ReportRow(*row)
