"""Refunds: what is reserved of a capture, claimed, locked and saved in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from estore.kit.db import Record, Tx
from estore.services.payments.domain import Purse, Refund, RefundStatus, Status


class LockedPurse(msgspec.Struct, frozen=True):
    """A locked payment, as a refund sees it. refunded: what was given back already."""

    payment_id: str
    order_id: str
    currency: str
    method: str
    provider: str
    status: Status
    reference: str | None
    purse: Purse
    refunded: int


_PURSES = """
SELECT id, order_id, currency, method, provider, status, reference, captured, refund_reserved, refunded, disputed
FROM payment_intent
WHERE {} AND status <> 'tombstone' ORDER BY order_id FOR UPDATE
"""


async def lock_purses(tx: Tx, *, orders: Sequence[str] = (), payments: Sequence[str] = ()) -> dict[str, LockedPurse]:
    """Lock the payments of `orders`, or `payments`, for this transaction; returns those that exist, by order."""
    if orders:
        rows = await tx.fetch(_PURSES.format("order_id = ANY($1::text[])"), orders)
    else:
        rows = await tx.fetch(_PURSES.format("id = ANY($1::text[])"), payments)
    return {
        row["order_id"]: LockedPurse(
            row["id"],
            row["order_id"],
            row["currency"],
            row["method"],
            row["provider"],
            Status(row["status"]),
            row["reference"],
            Purse(row["captured"], row["refund_reserved"], row["disputed"]),
            row["refunded"],
        )
        for row in rows
    }


async def known_refunds(tx: Tx, ids: Sequence[str]) -> set[str]:
    """Return which of these refunds were asked for before. Call it with their payments locked."""
    return {row["id"] for row in await tx.fetch("SELECT id FROM refund WHERE id = ANY($1::text[])", ids)}


# The condition repeats what the domain decided under the lock, and the CHECK repeats it once more.
_RESERVE = """
UPDATE payment_intent p SET refund_reserved = p.refund_reserved + u.amount, version = p.version + 1
FROM unnest($1::text[], $2::bigint[]) AS u (id, amount)
WHERE p.id = u.id AND p.captured - p.refund_reserved - p.disputed >= u.amount
RETURNING p.id
"""


async def reserve(tx: Tx, amounts: Mapping[str, int]) -> set[str]:
    """Reserve {payment id: amount} of captures; returns the payments that had that much left."""
    return {row["id"] for row in await tx.fetch(_RESERVE, list(amounts), list(amounts.values()))}


_INSERT = """
INSERT INTO refund (id, payment_id, order_id, amount, currency, reason, status, code, due_at, correlation_id,
                    causation_id, traceparent, reference, created_at, settled_at)
SELECT u.*, $14::timestamptz, CASE WHEN u.due_at IS NULL THEN $14 END
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::text[])
  AS u (id, payment_id, order_id, amount, currency, reason, status, code, due_at, correlation_id, causation_id,
        traceparent, reference)
"""


async def insert_refunds(tx: Tx, refunds: Sequence[Refund], now: datetime) -> None:
    """Insert refunds that were decided on."""
    await tx.execute(
        _INSERT,
        [r.id for r in refunds],
        [r.payment_id for r in refunds],
        [r.order_id for r in refunds],
        [r.amount for r in refunds],
        [r.currency for r in refunds],
        [r.reason for r in refunds],
        [r.status for r in refunds],
        [r.code for r in refunds],
        [r.due_at for r in refunds],
        [r.correlation_id for r in refunds],
        [r.causation_id for r in refunds],
        [r.traceparent for r in refunds],
        [r.reference for r in refunds],
        now,
    )


_COLUMNS = """r.id, r.payment_id, r.order_id, r.amount, r.currency, r.status, p.id AS charge_key,
p.reference AS charge_reference, p.method, p.provider, r.tries, r.reason, r.reference, r.code, r.correlation_id,
r.causation_id, r.traceparent, r.due_at"""
_CLAIM = f"""
UPDATE refund r SET due_at = $2, tries = r.tries + 1
FROM payment_intent p
WHERE p.id = r.payment_id
  AND r.id IN (SELECT id FROM refund WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""


async def claim_due_refunds(tx: Tx, now: datetime, lease: float, at_most: int) -> list[Refund]:
    """Claim up to `at_most` due refunds for `lease` seconds. No two processes get the same one."""
    return [_refund(row) for row in await tx.fetch(_CLAIM, now, now + timedelta(seconds=lease), at_most)]


async def lock_refunds(tx: Tx, ids: Sequence[str], payments: Sequence[str]) -> dict[str, Refund]:
    """Lock refunds, their payments first; returns them by id."""
    await tx.execute(
        "SELECT 1 FROM payment_intent WHERE id = ANY($1::text[]) ORDER BY order_id FOR UPDATE", list(payments)
    )
    sql = f"""
        SELECT {_COLUMNS} FROM refund r JOIN payment_intent p ON p.id = r.payment_id
        WHERE r.id = ANY($1::text[]) ORDER BY r.id FOR UPDATE OF r
    """
    return {row["id"]: _refund(row) for row in await tx.fetch(sql, list(ids))}


_SAVE = """
WITH saved AS (
    UPDATE refund r
    SET status = u.status, code = u.code, reference = u.reference, due_at = u.due_at,
        settled_at = CASE WHEN u.due_at IS NULL THEN coalesce(r.settled_at, $1::timestamptz) END
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
      AS u (id, status, code, reference, due_at)
    WHERE r.id = u.id
)
UPDATE payment_intent p
SET refunded = p.refunded + u.refunded, refund_reserved = p.refund_reserved - u.released, version = p.version + 1
FROM unnest($7::text[], $8::bigint[], $9::bigint[]) AS u (id, refunded, released)
WHERE p.id = u.id
"""


async def save_refunds(tx: Tx, refunds: Sequence[Refund], moved: Mapping[str, tuple[int, int]], now: datetime) -> None:
    """Write locked refunds back. moved: payment id -> (given back, released because it was refused)."""
    await tx.execute(
        _SAVE,
        now,
        [r.id for r in refunds],
        [r.status for r in refunds],
        [r.code for r in refunds],
        [r.reference for r in refunds],
        [r.due_at for r in refunds],
        list(moved),
        [back for back, _ in moved.values()],
        [released for _, released in moved.values()],
    )


async def refund_told(tx: Tx, payment_id: str, key: str, reference: str) -> str | None:
    """Return the id of the refund of a payment that a provider speaks of: by our key, or by its own reference."""
    sql = "SELECT id FROM refund WHERE payment_id = $1 AND (id = $2 OR reference = $3) ORDER BY id = $2 DESC LIMIT 1"
    return await tx.fetchval(sql, payment_id, key, reference)  # type: ignore[no-any-return]


async def add_outside(tx: Tx, payment_id: str, amount: int) -> None:
    """Count a refund of a locked payment that the provider made without us."""
    await tx.execute(
        "UPDATE payment_intent SET refunded = refunded + $2, refund_reserved = refund_reserved + $2,"
        " version = version + 1 WHERE id = $1",
        payment_id,
        amount,
    )


async def payment_of_refund(tx: Tx, refund_id: str) -> str | None:
    """Return the payment that a refund belongs to."""
    return await tx.fetchval("SELECT payment_id FROM refund WHERE id = $1", refund_id)  # type: ignore[no-any-return]


def _refund(row: Record) -> Refund:
    refund = Refund(**row)
    refund.status = RefundStatus(refund.status)
    return refund
