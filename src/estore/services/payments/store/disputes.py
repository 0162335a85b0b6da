"""Disputes: noted, locked, listed, and their evidence claimed. A payment is locked before its disputes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from estore.kit.db import Record, Tx
from estore.services.payments.domain import DisputeCase, DisputeStatus

_KEPT = (
    "id, payment_id, provider, reference, amount, currency, status, created_at, held, reason, evidence_due_at,"
    " evidence, evidence_by, evidence_at, evidence_sent_at, evidence_code, tries, due_at, closed_at"
)
_COLUMNS = ", ".join(f"d.{name.strip()}" for name in _KEPT.split(",")) + ", p.order_id"
_SELECT = f"SELECT {_COLUMNS} FROM dispute d JOIN payment_intent p ON p.id = d.payment_id"


async def dispute_by_reference(tx: Tx, provider: str, reference: str) -> DisputeCase | None:
    """Return a provider's dispute, locked for this transaction. Call it with its payment locked."""
    sql = f"{_SELECT} WHERE d.provider = $1 AND d.reference = $2 FOR UPDATE OF d"
    return _case(await tx.fetchrow(sql, provider, reference))


async def lock_dispute(tx: Tx, dispute_id: str) -> DisputeCase | None:
    """Return a dispute, locked for this transaction."""
    return _case(await tx.fetchrow(f"{_SELECT} WHERE d.id = $1 FOR UPDATE OF d", dispute_id))


async def dispute_by_id(tx: Tx, dispute_id: str) -> DisputeCase | None:
    """Return a dispute."""
    return _case(await tx.fetchrow(f"{_SELECT} WHERE d.id = $1", dispute_id))


async def disputes_page(tx: Tx, status: str | None, before: str | None, at_most: int) -> list[DisputeCase]:
    """Return disputes, newest first. status: only such. before: those older than this id."""
    sql = f"""
        {_SELECT} WHERE ($1::text IS NULL OR d.status = $1) AND ($2::text IS NULL OR d.id < $2)
        ORDER BY d.id DESC LIMIT $3
    """
    return [case for row in await tx.fetch(sql, status, before, at_most) if (case := _case(row))]


_UPSERT = f"""
INSERT INTO dispute ({_KEPT})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
ON CONFLICT (id) DO UPDATE SET
    status = excluded.status, held = excluded.held, reason = excluded.reason,
    evidence_due_at = excluded.evidence_due_at, evidence = excluded.evidence, evidence_by = excluded.evidence_by,
    evidence_at = excluded.evidence_at,
    evidence_sent_at = excluded.evidence_sent_at, evidence_code = excluded.evidence_code, tries = excluded.tries,
    due_at = excluded.due_at, closed_at = excluded.closed_at
"""


async def save_dispute(tx: Tx, case: DisputeCase) -> None:
    """Write a new dispute, or a locked one back."""
    await tx.execute(_UPSERT, *(getattr(case, name.strip()) for name in _KEPT.split(",")))


async def add_disputed(tx: Tx, payment_id: str, amount: int) -> None:
    """Keep `amount` more of a locked payment from refunds, or less where it is negative."""
    await tx.execute(
        "UPDATE payment_intent SET disputed = disputed + $2, version = version + 1 WHERE id = $1", payment_id, amount
    )


_CLAIM = f"""
UPDATE dispute d SET due_at = $2, tries = d.tries + 1
FROM payment_intent p
WHERE p.id = d.payment_id
  AND d.id IN (SELECT id FROM dispute WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""


async def claim_due_evidence(tx: Tx, now: datetime, lease: float, at_most: int) -> list[DisputeCase]:
    """Claim disputes whose evidence is to be offered, for `lease` seconds."""
    rows = await tx.fetch(_CLAIM, now, now + timedelta(seconds=lease), at_most)
    return [case for row in rows if (case := _case(row))]


async def disputes_of(tx: Tx, payment_ids: Sequence[str]) -> list[DisputeCase]:
    """Return the disputes of these payments, oldest first."""
    rows = await tx.fetch(f"{_SELECT} WHERE d.payment_id = ANY($1::text[]) ORDER BY d.id LIMIT 500", list(payment_ids))
    return [case for row in rows if (case := _case(row))]


def _case(row: Record | None) -> DisputeCase | None:
    if row is None:
        return None
    case = DisputeCase(**row)
    case.status = DisputeStatus(case.status)
    return case
