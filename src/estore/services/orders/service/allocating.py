"""Every refund is allocated once, in the transaction that decides it: who bears it is written and told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from estore.contracts.orders import RefundAllocated, RefundCredited, RefundRequested
from estore.kit.db import Tx
from estore.kit.envelope import Cause
from estore.services.orders import domain, store
from estore.services.orders.domain import Allocation, Order


class Decision(msgspec.Struct, frozen=True):
    """A refund that was decided. by: what led to it. refunded_at: set where the money has gone back without us.
    allocation: None where another refund has to be known first; then it is told later. credit: what of the amount goes
    back as credit; the rest is asked of payments.
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
    credit: int = 0

    @property
    def money(self) -> int:
        return self.amount - self.credit


async def decide(tx: Tx, decisions: Sequence[Decision]) -> None:
    """Write refunds of locked orders, ask payments for those that are still to be moved, and tell who bears each.

    Where there is nothing to ask payments for, a refund is made at once.
    """
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
                d.refunded_at or (None if d.money else d.by.now),
                d.credit,
            )
            for d in decisions
        ],
    )
    for d in decisions:
        if d.refunded_at is None and d.money:
            tx.emit(
                RefundRequested(
                    refund_id=d.refund_id,
                    order_id=d.order.order_id,
                    amount=d.money,
                    currency=d.order.currency,
                    reason=d.reason,
                ),
                d.by,
            )
        tell(tx, d)
        if not d.money:
            credited(tx, d.refund_id, d.order, d.credit, d.by)


def credited(tx: Tx, refund_id: str, order: Order, credit: int, by: Cause) -> None:
    """Say that the credit in a refund goes back: what of it was captured has."""
    if credit:
        tx.emit(
            RefundCredited(refund_id=refund_id, order_id=order.order_id, amount=credit, currency=order.currency), by
        )


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
            credit=decision.credit,
        ),
        decision.by,
    )
