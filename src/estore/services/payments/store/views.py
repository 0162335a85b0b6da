"""What is read: one payment with its refunds and its history, and the whole book for comparisons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from estore.kit.db import Tx
from estore.services.payments.domain import Dispute


class PaymentRow(msgspec.Struct, frozen=True):
    id: str
    order_id: str
    account_id: str | None
    amount: int
    currency: str
    method: str
    provider: str
    status: str
    code: str
    detail: str
    action_url: str | None
    captured: int
    refunded: int
    reference: str | None
    version: int
    expires_at: datetime
    created_at: datetime
    captured_at: datetime | None


class RefundRow(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: str
    status: str
    code: str
    reason: str
    created_at: datetime
    settled_at: datetime | None


class HistoryRow(msgspec.Struct, frozen=True):
    at: datetime
    source: str
    found: str
    status: str
    code: str
    detail: str
    reference: str | None


_PAYMENT = f"SELECT {', '.join(PaymentRow.__struct_fields__)} FROM payment_intent WHERE status <> 'tombstone' AND "


async def payment_by_id(tx: Tx, payment_id: str, account_id: str | None) -> PaymentRow | None:
    """Return a payment that `account_id` owns; None as account sees every payment."""
    row = await tx.fetchrow(_PAYMENT + "id = $1 AND ($2::text IS NULL OR account_id = $2)", payment_id, account_id)
    return PaymentRow(*row) if row else None


async def payments_of_order(tx: Tx, order_id: str, account_id: str | None) -> list[PaymentRow]:
    """Return the payment of an order that `account_id` owns, if there is one; None as account sees every payment."""
    rows = await tx.fetch(_PAYMENT + "order_id = $1 AND ($2::text IS NULL OR account_id = $2)", order_id, account_id)
    return [PaymentRow(*row) for row in rows]


async def refunds_of(tx: Tx, payment_id: str) -> list[RefundRow]:
    columns = ", ".join(RefundRow.__struct_fields__)
    rows = await tx.fetch(f"SELECT {columns} FROM refund WHERE payment_id = $1 ORDER BY id LIMIT 500", payment_id)
    return [RefundRow(*row) for row in rows]


async def history_of(tx: Tx, payment_id: str) -> list[HistoryRow]:
    columns = ", ".join(HistoryRow.__struct_fields__)
    rows = await tx.fetch(
        f"SELECT {columns} FROM payment_history WHERE payment_id = $1 ORDER BY id LIMIT 500", payment_id
    )
    return [HistoryRow(*row) for row in rows]


async def insert_webhook_event(tx: Tx, provider: str, event_id: str, payment_id: str, kind: str, now: datetime) -> bool:
    """Note a provider's event; returns False for one that was noted before."""
    return (
        await tx.fetchval(
            "INSERT INTO webhook_event (provider, event_id, payment_id, kind, received_at) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT DO NOTHING RETURNING 1",
            provider,
            event_id,
            payment_id,
            kind,
            now,
        )
        is not None
    )


async def forget_webhook_events(tx: Tx, before: datetime, at_most: int) -> int:
    """Delete up to `at_most` events noted before `before`; returns how many."""
    done = await tx.execute(
        "DELETE FROM webhook_event WHERE (provider, event_id) IN (SELECT provider, event_id FROM webhook_event"
        " WHERE received_at < $1 ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before,
        at_most,
    )
    return int(done.split()[-1])


async def insert_dispute(
    tx: Tx, dispute_id: str, payment_id: str, provider: str, dispute: Dispute, now: datetime
) -> bool:
    """Note a dispute; returns False for one that was noted before."""
    return (
        await tx.fetchval(
            "INSERT INTO dispute (id, payment_id, provider, reference, amount, currency, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1",
            dispute_id,
            payment_id,
            provider,
            dispute.reference,
            dispute.amount,
            dispute.currency,
            now,
        )
        is not None
    )


async def captures(tx: Tx) -> AsyncIterator[tuple[str, int, int]]:
    """Yield (order_id, captured, refunded) of every captured order, by order. Needs a transaction."""
    sql = "SELECT order_id, captured, refunded FROM payment_intent WHERE status = 'captured' ORDER BY order_id"
    async for row in tx.stream(sql):
        yield row["order_id"], row["captured"], row["refunded"]
