"""Reports and differences. Comparing a report is a handful of statements, however long it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from estore.contracts.payments import ProviderReported
from estore.kit.db import Tx
from estore.kit.ids import new_id
from estore.kit.money import Money
from estore.services.ledger.domain.reconciliation import SKEW, Difference, ReportView, What

_PART = "INSERT INTO report_part (report_id, part) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1"
# The row is locked, so the last part is the last for everybody.
_HEARD = """
INSERT INTO report (report_id, provider, since, until, parts, heard, lines) VALUES ($1, $2, $3, $4, $5, 1, $6)
ON CONFLICT (report_id) DO UPDATE SET heard = report.heard + 1, lines = report.lines + excluded.lines
RETURNING heard = parts
"""
_INSERT_LINES = """
INSERT INTO report_line (report_id, part, provider, no, kind, reference, key, payment_id, amount, fee, currency, at)
SELECT $1, $2, $3, * FROM unnest($4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[],
                                 $11::text[], $12::timestamptz[])
"""
_SOURCE = """
CASE {0}.kind WHEN 'capture' THEN 'capture:' WHEN 'refund' THEN 'refund_paid:' WHEN 'dispute' THEN 'dispute:'
              WHEN 'dispute_won' THEN 'dispute_won:' ELSE 'other:' END || {0}.key
"""
# What an entry did to the clearing account of a provider.
_CLEARED = """
SELECT e.source, e.id, e.occurred_at, a.owner AS provider, a.currency, l.amount
FROM entry e JOIN line l ON l.entry_id = e.id JOIN account a ON a.id = l.account_id AND a.kind = 'clearing'
"""
# Reports may overlap: the same movement, told again in another one, was still booked once.
_COMPARE_LINES = f"""
SELECT CASE WHEN again THEN 'reported_twice' WHEN r.key = '' THEN 'unknown_to_us'
            WHEN c.amount IS NULL THEN 'not_in_journal' ELSE 'amount_differs' END AS what,
    r.kind, r.key, r.reference, r.payment_id, r.currency, c.amount AS journal, r.amount AS reported
FROM report_line r
LEFT JOIN LATERAL ({_CLEARED} WHERE e.source = {_SOURCE.format("r")} AND a.owner = r.provider) AS c ON r.key <> ''
CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT 1 FROM report_line o WHERE o.reference = r.reference AND o.kind = r.kind AND o.provider = r.provider
        AND (o.at < r.at OR o.at = r.at AND o.report_id = r.report_id AND (o.part, o.no) < (r.part, r.no))
    ) AS again) AS twice
WHERE r.report_id = $1 AND (again OR c.amount IS NULL OR c.amount <> r.amount OR c.currency <> r.currency)
"""
# Each entry leaves the queue once, with the first report that should have it.
_COMPARE_ENTRIES = f"""
WITH due AS (
    SELECT u.entry_id, c.* FROM unreconciled u
    CROSS JOIN LATERAL ({_CLEARED} WHERE e.id = u.entry_id) AS c
    WHERE c.provider = $1 AND c.occurred_at < $2
), done AS (DELETE FROM unreconciled WHERE entry_id IN (SELECT entry_id FROM due) RETURNING entry_id),
named AS (
    SELECT d.*, CASE split_part(d.source, ':', 1) WHEN 'refund_paid' THEN 'refund' ELSE split_part(d.source, ':', 1) END
        AS kind, split_part(d.source, ':', 2) AS key
    FROM due d
)
SELECT 'not_reported' AS what, n.kind, n.key, '' AS reference,
    CASE WHEN n.kind = 'capture' THEN n.key ELSE '' END AS payment_id, n.currency, n.amount AS journal,
    NULL::bigint AS reported, (SELECT count(*) FROM done) AS compared
FROM (SELECT 1) AS one LEFT JOIN named n ON NOT EXISTS (
    SELECT 1 FROM report_line r WHERE r.key = n.key AND r.kind = n.kind AND r.provider = $1)
"""
_INSERT_DIFFERENCES = """
INSERT INTO difference (id, what, kind, key, reference, payment_id, currency, journal_amount, reported_amount, provider,
                        report_id, found_at)
SELECT *, $10, $11, $12 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                    $8::bigint[], $9::bigint[])
ON CONFLICT (provider, what, kind, key, reference) DO NOTHING RETURNING id
"""
_CLOSE = "UPDATE report SET reconciled_at = $2, compared = lines + $3, differences = $4 WHERE report_id = $1"
_SETTLE = f"""
UPDATE difference d SET resolved_at = $1, note = 'both sides agree now', version = version + 1
WHERE d.resolved_at IS NULL AND CASE
    WHEN d.what IN ('not_in_journal', 'amount_differs') THEN EXISTS (
        SELECT 1 FROM ({_CLEARED} WHERE e.source = {_SOURCE.format("d")}) AS c
        WHERE c.provider = d.provider AND c.currency = d.currency AND c.amount = d.reported_amount)
    WHEN d.what = 'not_reported' THEN EXISTS (
        SELECT 1 FROM report_line r WHERE r.key = d.key AND r.kind = d.kind AND r.provider = d.provider)
    ELSE false END
"""
_REPORTS = """
SELECT * FROM report
WHERE ($1::text IS NULL OR provider = $1) AND ($2::timestamptz IS NULL OR (since, report_id) < ($2, $3))
ORDER BY since DESC, report_id DESC LIMIT $4
"""
_DIFFERENCES = """
SELECT * FROM difference
WHERE ($1::boolean IS NULL OR (resolved_at IS NULL) = $1) AND ($2::text IS NULL OR provider = $2)
    AND ($3::timestamptz IS NULL OR found_at < $3) AND ($4::timestamptz IS NULL OR (found_at, id) > ($4, $5))
ORDER BY found_at, id LIMIT $6
"""
_ONE = "SELECT * FROM difference WHERE id = $1 FOR UPDATE"
_RESOLVE = """
UPDATE difference SET resolved_at = $2, resolved_by = $3, note = $4, version = version + 1 WHERE id = $1 RETURNING *
"""


class Compared(msgspec.Struct, frozen=True):
    """entries: of the journal that were held against reports. differences: how many are new."""

    entries: int
    differences: int


async def take_turns(tx: Tx, *, wait: bool) -> bool:
    """Let one transaction at a time change differences, and what waits for a report.

    wait: for one's turn; without, returns False when it is somebody else's.
    """
    turn = "hashtextextended('ledger reconciliation', 0)"
    if wait:
        await tx.execute(f"SELECT pg_advisory_xact_lock({turn})")
        return True
    return bool(await tx.fetchval(f"SELECT pg_try_advisory_xact_lock({turn})"))


async def insert_part(tx: Tx, part: ProviderReported) -> bool:
    """Keep a part of a report; returns whether it was the last one that was missing."""
    if await tx.fetchval(_PART, part.report_id, part.part) is None:
        return False
    columns = [
        list(range(1, len(part.lines) + 1)),
        *(
            [getattr(line, field) for line in part.lines]
            for field in ("kind", "reference", "key", "payment_id", "amount", "fee", "currency", "at")
        ),
    ]
    await tx.execute(_INSERT_LINES, part.report_id, part.part, part.provider, *columns)
    return bool(
        await tx.fetchval(_HEARD, part.report_id, part.provider, part.since, part.until, part.parts, len(part.lines))
    )


async def compare(tx: Tx, part: ProviderReported, now: datetime) -> Compared:
    """Hold a complete report against the journal, and the journal against it; `part` is any of its parts."""
    found = await tx.fetch(_COMPARE_LINES, part.report_id)
    entries = await tx.fetch(_COMPARE_ENTRIES, part.provider, part.until - SKEW)
    compared = entries[0]["compared"]
    new = await _insert_differences(tx, part, [*found, *(row for row in entries if row["kind"] is not None)], now)
    await tx.execute(_CLOSE, part.report_id, now, compared, new)
    return Compared(compared, new)


async def _insert_differences(tx: Tx, part: ProviderReported, rows: Sequence[Any], now: datetime) -> int:
    if not rows:
        return 0
    fields = ("what", "kind", "key", "reference", "payment_id", "currency", "journal", "reported")
    columns = [[row[field] for row in rows] for field in fields]
    ids = [new_id("dif") for _ in rows]
    return len(await tx.fetch(_INSERT_DIFFERENCES, ids, *columns, part.provider, part.report_id, now))


async def settle(tx: Tx, now: datetime) -> None:
    """Resolve differences that are none any more."""
    await tx.execute(_SETTLE, now)


async def list_reports(
    tx: Tx, provider: str | None, before: tuple[datetime, str] | None, at_most: int
) -> list[ReportView]:
    """Return reports, newest first."""
    since, report_id = before or (None, None)
    return [
        ReportView(id=row["report_id"], **{f: row[f] for f in ReportView.__struct_fields__ if f != "id"})
        for row in await tx.fetch(_REPORTS, provider, since, report_id, at_most)
    ]


async def list_differences(
    tx: Tx,
    *,
    is_open: bool | None,
    provider: str | None,
    older_than: datetime | None,
    after: tuple[datetime, str] | None,
    at_most: int,
    now: datetime,
) -> list[Difference]:
    """Return differences, oldest first."""
    at, difference_id = after or (None, None)
    rows = await tx.fetch(_DIFFERENCES, is_open, provider, older_than, at, difference_id, at_most)
    return [_difference(row, now) for row in rows]


async def lock_difference(tx: Tx, difference_id: str, now: datetime) -> Difference | None:
    """Lock a difference until the transaction ends."""
    row = await tx.fetchrow(_ONE, difference_id)
    return None if row is None else _difference(row, now)


async def resolve(tx: Tx, difference_id: str, by: str | None, note: str, now: datetime) -> Difference:
    """Write down that somebody has explained a locked difference."""
    return _difference(await tx.fetchrow(_RESOLVE, difference_id, now, by, note), now)


def _difference(row: Any, now: datetime) -> Difference:
    def money(amount: int | None) -> Money | None:
        return None if amount is None else Money(amount, row["currency"])

    return Difference(
        id=row["id"],
        provider=row["provider"],
        what=What(row["what"]),
        kind=row["kind"],
        key=row["key"],
        reference=row["reference"],
        payment_id=row["payment_id"],
        journal=money(row["journal_amount"]),
        reported=money(row["reported_amount"]),
        report_id=row["report_id"],
        found_at=row["found_at"],
        age_seconds=int(((row["resolved_at"] or now) - row["found_at"]).total_seconds()),
        resolved_at=row["resolved_at"],
        resolved_by=row["resolved_by"],
        note=row["note"],
        version=row["version"],
    )
