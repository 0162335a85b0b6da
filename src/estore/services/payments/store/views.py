"""What is read: one payment with its refunds and its history, and the whole book for comparisons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from estore.kit.db import Tx


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
    disputed: int
    reference: str | None
    version: int
    expires_at: datetime
    created_at: datetime
    captured_at: datetime | None


class RefundRow(msgspec.Struct, frozen=True):
    id: str
    payment_id: str
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


_REFUND = f"SELECT {', '.join(RefundRow.__struct_fields__)} FROM refund "


async def refunds_of(tx: Tx, payment_id: str) -> list[RefundRow]:
    rows = await tx.fetch(_REFUND + "WHERE payment_id = $1 ORDER BY id LIMIT 500", payment_id)
    return [RefundRow(*row) for row in rows]


async def refund_by_id(tx: Tx, refund_id: str) -> RefundRow | None:
    row = await tx.fetchrow(_REFUND + "WHERE id = $1", refund_id)
    return RefundRow(*row) if row else None


async def refunds_page(
    tx: Tx, provider: str | None, status: str | None, before: str | None, at_most: int
) -> list[RefundRow]:
    """Return refunds, newest first. provider, status: only such. before: those older than this id."""
    sql = (
        _REFUND
        + """
        WHERE ($1::text IS NULL OR payment_id IN (SELECT id FROM payment_intent WHERE provider = $1))
          AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR id < $3) ORDER BY id DESC LIMIT $4
    """
    )
    return [RefundRow(*row) for row in await tx.fetch(sql, provider, status, before, at_most)]


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


async def captures(tx: Tx) -> AsyncIterator[tuple[str, int, int]]:
    """Yield (order_id, captured, refunded) of every captured order, by order. Needs a transaction."""
    sql = "SELECT order_id, captured, refunded FROM payment_intent WHERE status = 'captured' ORDER BY order_id"
    async for row in tx.stream(sql):
        yield row["order_id"], row["captured"], row["refunded"]
