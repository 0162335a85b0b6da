"""The sandbox's report: all movements in its own books, with the mistakes that were asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal

from estore.contracts.payments import ReportLine
from estore.kit.db import Database
from estore.kit.money import rounded

_MOVEMENTS = """
SELECT 'capture' AS kind, id AS reference, key, key AS payment_id, captured AS amount, currency,
       coalesce(captured_at, created_at) AS at, method
FROM sandbox_charge
WHERE coalesce(captured_at, created_at) >= $1 AND coalesce(captured_at, created_at) < $2 AND captured > 0
UNION ALL
SELECT 'refund', r.id, CASE WHEN r.outside THEN '' ELSE r.key END, c.key, -r.amount, c.currency, r.created_at, ''
FROM sandbox_refund r JOIN sandbox_charge c ON c.id = r.charge_id WHERE r.created_at >= $1 AND r.created_at < $2
UNION ALL
SELECT 'dispute', d.id, '', c.key, -d.amount, d.currency, d.opened_at, ''
FROM sandbox_dispute d JOIN sandbox_charge c ON c.id = d.charge_id WHERE d.opened_at >= $1 AND d.opened_at < $2
UNION ALL
SELECT 'dispute_won', d.id, '', c.key, d.amount, d.currency, d.closed_at, ''
FROM sandbox_dispute d JOIN sandbox_charge c ON c.id = d.charge_id
WHERE d.closed_at >= $1 AND d.closed_at < $2 AND d.status = 'won'
ORDER BY at, reference, kind
"""
WRONG_BY = 100


async def movements(db: Database, since: datetime, until: datetime, fee_bps: int) -> AsyncIterator[ReportLine]:
    """Yield what moved in [since, until), by time. fee_bps: kept of each capture, in hundredths of a percent."""
    async with db.transaction(snapshot=True) as tx:
        async for row in tx.stream(_MOVEMENTS, since, until):
            amount, method = row["amount"], row["method"]
            if method == "pm_report_missing":
                continue
            if method == "pm_report_wrong_amount":
                amount += WRONG_BY
            line = ReportLine(
                kind=row["kind"],
                reference=row["reference"],
                key=row["key"],
                payment_id=row["payment_id"],
                amount=amount,
                fee=rounded(Decimal(amount * fee_bps) / 10_000) if row["kind"] == "capture" else 0,
                currency=row["currency"],
                at=row["at"],
            )
            yield line
            if method == "pm_report_doubled":
                yield line
