"""Every refund is allocated once, in the transaction that decides it: who bears it is written and told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from estore.contracts.orders import RefundAllocated, RefundRequested
from estore.kit.db import Tx
from estore.kit.envelope import Cause
from estore.services.orders import domain, store
from estore.services.orders.domain import Allocation, Order


class Decision(msgspec.Struct, frozen=True):
    """A refund that was decided. by: what led to it. refunded_at: set where the money has gone back without us.
    allocation: None where another refund has to be known first; then it is told later.
    """

    refund_id: str
    order: Order
    cause: domain.Cause
    reason: str
    amount: int
    allocation: Allocation | None
    by: Cause
    return_id: str | None = None
    refunded_at: datetime | None = None


async def decide(tx: Tx, decisions: Sequence[Decision]) -> None:
    """Write refunds of locked orders, ask payments for those that are still to be moved, and tell who bears each."""
    if not decisions:
        return
    await store.insert_refunds(
        tx,
        [
            store.NewRefund(
                d.refund_id,
                d.order.order_id,
                d.order.currency,
                d.cause,
                d.reason,
                d.return_id,
                d.allocation,
                d.amount,
                d.by.now,
                d.refunded_at,
            )
            for d in decisions
        ],
    )
    for d in decisions:
        if d.refunded_at is None:
            tx.emit(
                RefundRequested(
                    refund_id=d.refund_id,
                    order_id=d.order.order_id,
                    amount=d.amount,
                    currency=d.order.currency,
                    reason=d.reason,
                ),
                d.by,
            )
        tell(tx, d)


def tell(tx: Tx, decision: Decision) -> None:
    """Say who bears a refund, once that is known."""
    order, allocation = decision.order, decision.allocation
    if allocation is None:
        return
    tx.emit(
        RefundAllocated(
            refund_id=decision.refund_id,
            order_id=order.order_id,
            amount=allocation.amount,
            currency=order.currency,
            cause=decision.cause,
            reason=decision.reason,
            return_id=decision.return_id,
            shares=domain.shares_of(order.order_id, allocation.pieces),
            platform=allocation.platform,
            unearned=allocation.unearned,
            allocated_at=decision.by.now,
        ),
        decision.by,
    )
