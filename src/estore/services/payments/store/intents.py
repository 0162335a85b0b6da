"""Payment intents: inserted, claimed, locked and saved in batches. Rows are locked in the order of order_id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from estore.kit.db import Record, Tx
from estore.services.payments.domain import Finding, Intent, Status

_COLUMNS = (
    "id, order_id, amount, currency, method, status, expires_at, tries, misses, code, detail, reference, action_url,"
    " correlation_id, causation_id, traceparent, due_at, provider"
)

_INSERT = """
INSERT INTO payment_intent (id, order_id, order_version, account_id, amount, currency, method, provider, status, tries,
                            due_at, expires_at, correlation_id, causation_id, traceparent, created_at)
SELECT u.id, u.order_id, u.order_version, u.account_id, u.amount, u.currency, u.method, u.provider, 'created', $9, $10,
       u.expires_at, u.correlation_id, u.causation_id, u.traceparent, $11
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[],
            $8::text[], $12::timestamptz[], $13::text[], $14::text[], $15::text[])
  AS u (id, order_id, order_version, account_id, amount, currency, method, provider, expires_at, correlation_id,
        causation_id, traceparent)
ON CONFLICT (order_id) DO NOTHING
RETURNING id
"""


class NewIntent(msgspec.Struct, frozen=True):
    """An intent to insert, with what only the row needs besides it."""

    intent: Intent
    order_version: int
    account_id: str | None


async def insert_intents(tx: Tx, new: Sequence[NewIntent], now: datetime) -> list[Intent]:
    """Insert one intent per order that has none, tombstones included. Returns those that were inserted.

    All of a batch share due_at and tries of the first: they are claimed by this process, or by none.
    """
    new = sorted(new, key=lambda n: n.intent.order_id)
    first = new[0].intent
    rows = await tx.fetch(
        _INSERT,
        [n.intent.id for n in new],
        [n.intent.order_id for n in new],
        [n.order_version for n in new],
        [n.account_id for n in new],
        [n.intent.amount for n in new],
        [n.intent.currency for n in new],
        [n.intent.method for n in new],
        [n.intent.provider for n in new],
        first.tries,
        first.due_at,
        now,
        [n.intent.expires_at for n in new],
        [n.intent.correlation_id for n in new],
        [n.intent.causation_id for n in new],
        [n.intent.traceparent for n in new],
    )
    if len(rows) == len(new):
        return [n.intent for n in new]
    inserted = {row["id"] for row in rows}
    return [n.intent for n in new if n.intent.id in inserted]


_TOMBSTONES = """
INSERT INTO payment_intent (id, order_id, order_version, amount, currency, method, provider, status, code, expires_at,
                            correlation_id, causation_id, traceparent, created_at, settled_at)
SELECT u.id, u.order_id, u.order_version, 0, '', '', '', 'tombstone', 'voided', $4, u.correlation_id, '', '', $4, $4
FROM unnest($1::text[], $2::text[], $3::bigint[], $5::text[]) AS u (id, order_id, order_version, correlation_id)
ON CONFLICT (order_id) DO NOTHING
RETURNING order_id
"""


async def insert_tombstones(tx: Tx, new: Sequence[tuple[str, str, int, str]], now: datetime) -> set[str]:
    """Bar orders that no payment was requested for. new: (id, order_id, order_version, correlation_id), one per order.

    Returns the orders that had no intent.
    """
    new = sorted(new, key=lambda row: row[1])
    ids, orders, versions, correlations = (list(column) for column in zip(*new, strict=True))
    rows = await tx.fetch(_TOMBSTONES, ids, orders, versions, now, correlations)
    return {row["order_id"] for row in rows}


# The claim is a due time in the future: what a process that died had claimed becomes due for the others.
_CLAIM = f"""
UPDATE payment_intent SET due_at = $2, tries = tries + 1
WHERE id IN (SELECT id FROM payment_intent WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""


async def claim_due(tx: Tx, now: datetime, lease: float, at_most: int) -> list[Intent]:
    """Claim up to `at_most` due intents for `lease` seconds. No two processes get the same one."""
    return [_intent(row) for row in await tx.fetch(_CLAIM, now, now + timedelta(seconds=lease), at_most)]


async def lock_by_id(tx: Tx, ids: Sequence[str]) -> dict[str, Intent]:
    """Lock intents for this transaction; returns those that exist, by id."""
    sql = f"SELECT {_COLUMNS} FROM payment_intent WHERE id = ANY($1::text[]) ORDER BY order_id FOR UPDATE"
    return {row["id"]: _intent(row) for row in await tx.fetch(sql, ids)}


async def lock_by_order(tx: Tx, order_ids: Sequence[str]) -> dict[str, Intent]:
    """Lock intents for this transaction; returns those that exist, by order."""
    sql = f"SELECT {_COLUMNS} FROM payment_intent WHERE order_id = ANY($1::text[]) ORDER BY order_id FOR UPDATE"
    return {row["order_id"]: _intent(row) for row in await tx.fetch(sql, order_ids)}


async def id_by_reference(tx: Tx, provider: str, reference: str) -> str | None:
    """Return the payment that a provider knows by `reference`."""
    sql = "SELECT id FROM payment_intent WHERE provider = $1 AND reference = $2 AND provider <> 'sandbox'"
    return await tx.fetchval(sql, provider, reference)  # type: ignore[no-any-return]


async def lacks_reference(tx: Tx, provider: str, asked_before: datetime) -> bool:
    """Tell whether a provider may have charged an unsettled payment without our knowing its id of the charge.

    asked_before: one that was made after it is just being asked for, and nobody speaks of it yet.
    """
    sql = """
        SELECT EXISTS (SELECT FROM payment_intent WHERE due_at IS NOT NULL AND provider = $1 AND reference IS NULL
                       AND (status <> 'created' OR created_at < $2))
    """
    return await tx.fetchval(sql, provider, asked_before)  # type: ignore[no-any-return]


_SAVE = """
WITH noted AS (
    INSERT INTO payment_history (payment_id, at, source, found, status, code, detail, reference)
    SELECT u.payment_id, $1, u.source, u.found, u.status, u.code, u.detail, u.reference
    FROM unnest($10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])
      AS u (payment_id, source, found, status, code, detail, reference)
)
UPDATE payment_intent p
SET status = u.status, code = u.code, detail = u.detail, reference = u.reference, action_url = u.action_url,
    misses = u.misses, due_at = u.due_at, version = p.version + 1,
    captured = CASE WHEN u.status = 'captured' THEN p.amount ELSE 0 END,
    captured_at = CASE WHEN u.status = 'captured' THEN coalesce(p.captured_at, $1) END,
    settled_at = CASE WHEN u.due_at IS NULL THEN coalesce(p.settled_at, $1) END
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::timestamptz[])
  AS u (id, status, code, detail, reference, action_url, misses, due_at)
WHERE p.id = u.id
"""


async def save(
    tx: Tx, intents: Sequence[Intent], noted: Sequence[tuple[Intent, Finding, Status]], now: datetime
) -> None:
    """Write locked `intents` back and note what was found: (intent, finding, status after it), in order."""
    await tx.execute(
        _SAVE,
        now,
        [i.id for i in intents],
        [i.status for i in intents],
        [i.code for i in intents],
        [i.detail for i in intents],
        [i.reference for i in intents],
        [i.action_url for i in intents],
        [i.misses for i in intents],
        [i.due_at for i in intents],
        [i.id for i, _, _ in noted],
        [f.source for _, f, _ in noted],
        [f.found for _, f, _ in noted],
        [status for _, _, status in noted],
        [f.code for _, f, _ in noted],
        [f.detail for _, f, _ in noted],
        [f.reference for _, f, _ in noted],
    )


def _intent(row: Record) -> Intent:
    intent = Intent(**row)
    intent.status = Status(intent.status)
    return intent
