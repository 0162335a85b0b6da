"""Refunds: asked for by orders or an operator, reserved, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from estore.contracts.orders import RefundRequested
from estore.contracts.payments import PaymentRefunded, PaymentRefundFailed
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.kit.ids import new_id
from estore.kit.money import Money
from estore.kit.telemetry import log
from estore.services.payments import store
from estore.services.payments.domain import (
    CurrencyDiffers,
    Intent,
    MoneyDisputed,
    NotCapturedYet,
    Pace,
    PaymentNotFound,
    Refund,
    RefundExceedsCaptured,
    RefundFinding,
    RefundFound,
    RefundSeen,
    RefundStatus,
    Status,
    settle_refund,
)
from estore.services.payments.service.shapes import Chain, Claim, Handover, RefundOutcomes, RefundView, StartRefund
from estore.services.payments.store.refunds import LockedPurse

_log = log(__name__)


class Refunding:
    def __init__(self, pace: Pace, handover: Handover) -> None:
        self.pace = pace
        self.handover = handover

    async def request_refunds(self, tx: Tx, messages: Sequence[Message[RefundRequested]]) -> None:
        """Reserve each refund once of what was captured; the pump asks the provider for it after the commit."""
        now = messages[0].now
        wanted = {m.data.refund_id: m for m in messages}
        purses = await store.lock_purses(tx, orders=sorted({m.data.order_id for m in wanted.values()}))
        known = await store.known_refunds(tx, list(wanted))
        refunds = []
        for refund_id, m in wanted.items():
            if refund_id in known:
                continue
            purse = purses.get(m.data.order_id)
            if purse is None or purse.status not in (Status.CAPTURED, Status.FAILED):
                raise NotCapturedYet(f"order {m.data.order_id} has no capture to refund")
            # An operator's refund may have taken a part that orders had not heard of: what is left still goes back.
            amount = min(m.data.amount, purse.purse.left) or m.data.amount
            refund = _refund_of(refund_id, purse, amount, m.data.currency, m.data.reason, m)
            _reserve(refund, purse, now)
            if refund.status is RefundStatus.REFUSED:
                _log.error("refund refused", refund_id=refund_id, order_id=m.data.order_id, code=refund.code)
                tx.emit(_failed(refund), m)
            refunds.append(refund)
        await self._insert_refunds(tx, refunds, now)

    async def start_refund(self, tx: Tx, ctx: Context, cmd: StartRefund) -> RefundView:
        """An operator gives money back. Raises PaymentNotFound, CurrencyDiffers, RefundExceedsCaptured,
        MoneyDisputed."""
        purses = await store.lock_purses(tx, payments=[cmd.payment_id])
        if not purses:
            raise PaymentNotFound
        (purse,) = purses.values()
        wanted = cmd.body.amount
        if wanted.currency != purse.currency:
            raise CurrencyDiffers(f"it was made in {purse.currency}", pointer="/amount/currency")
        refund = _refund_of(new_id("rfd"), purse, wanted.amount, wanted.currency, cmd.body.reason, ctx)
        left = purse.purse.left
        _reserve(refund, purse, ctx.now)
        if refund.code == MoneyDisputed.code:
            raise MoneyDisputed(f"{left} {purse.currency} in minor units are left", left=left)
        if refund.status is RefundStatus.REFUSED:
            raise RefundExceedsCaptured(f"{left} {purse.currency} in minor units are left", left=left)
        await self._insert_refunds(tx, [refund], ctx.now)
        return RefundView(
            id=refund.id,
            payment_id=refund.payment_id,
            amount=Money(refund.amount, refund.currency),
            status=refund.status,
            reason=refund.reason,
            code="",
            created_at=ctx.now,
        )

    async def claim_due_refunds(self, tx: Tx, ctx: Context, claim: Claim) -> list[Refund]:
        """Claim refunds whose time has come."""
        return await store.claim_due_refunds(tx, ctx.now, self.pace.lease, claim.at_most)

    async def record_refunds(self, tx: Tx, ctx: Context, outcomes: RefundOutcomes) -> None:
        """Write down what became of refunds; a refused one gives back what it had reserved."""
        found = {refund.id: finding for refund, finding in outcomes.found}
        locked = await store.lock_refunds(tx, list(found), sorted({r.payment_id for r, _ in outcomes.found}))
        moved: dict[str, tuple[int, int]] = {}
        for refund in locked.values():
            if not settle_refund(refund, found[refund.id], ctx.now, self.pace):
                continue
            back, released = moved.get(refund.payment_id, (0, 0))
            if refund.status is RefundStatus.SUCCEEDED:
                back += refund.amount
                tx.emit(_refunded(refund, ctx.now), Chain.of(refund, ctx.now))
            else:
                released += refund.amount
                tx.emit(_failed(refund), Chain.of(refund, ctx.now))
                _log.error("refund refused by the provider", refund_id=refund.id, code=refund.code)
            moved[refund.payment_id] = (back, released)
        await store.save_refunds(tx, list(locked.values()), moved, ctx.now)

    async def hear_refund(self, tx: Tx, ctx: Context, intent: Intent, seen: RefundSeen) -> None:
        """Note a refund that the provider told of a locked payment: one of ours, or one that it made without us.

        Raises NotCapturedYet for one that overtakes the capture.
        """
        if intent.status is not Status.CAPTURED:
            raise NotCapturedYet
        known = await store.refund_told(tx, intent.id, seen.key, seen.reference)
        if known is None:
            if seen.succeeded:
                await self._take_down(tx, ctx, intent, seen)
            return
        refund = (await store.lock_refunds(tx, [known], [intent.id]))[known]
        if (refund.amount, refund.currency) != (seen.amount, seen.currency):
            # Never book what was not asked for.
            _log.error("refund of another amount told", refund_id=refund.id, reference=seen.reference)
            return
        if refund.status is (RefundStatus.REFUSED if seen.succeeded else RefundStatus.SUCCEEDED):
            # The provider's report shows the difference, and doctor what came back to us.
            _log.error("a settled refund is told otherwise", refund_id=refund.id, status=refund.status)
        found = RefundFound.SUCCEEDED if seen.succeeded else RefundFound.REFUSED
        code = "" if seen.succeeded else "provider_refused"
        await self.record_refunds(tx, ctx, RefundOutcomes([(refund, RefundFinding(found, seen.reference, code))]))

    async def _take_down(self, tx: Tx, ctx: Context, intent: Intent, seen: RefundSeen) -> None:
        """Record a refund that nobody here asked for. More than was captured is written down, and not believed."""
        (purse,) = (await store.lock_purses(tx, payments=[intent.id])).values()
        refund = _refund_of(new_id("rfd"), purse, seen.amount, seen.currency, "made at the provider", ctx)
        refund.reference, refund.status = seen.reference, RefundStatus.SUCCEEDED
        if seen.currency != purse.currency:
            refund.status, refund.code = RefundStatus.REFUSED, CurrencyDiffers.code
        elif not 0 < seen.amount <= purse.purse.captured - purse.refunded:
            refund.status, refund.code = RefundStatus.REFUSED, RefundExceedsCaptured.code
        await store.insert_refunds(tx, [refund], ctx.now)
        if refund.status is RefundStatus.REFUSED:
            _log.error("unbelievable refund told", payment_id=intent.id, refund_id=refund.id, code=refund.code)
            return
        await store.add_outside(tx, intent.id, refund.amount)
        tx.emit(_refunded(refund, ctx.now), Chain.of(refund, ctx.now))

    async def _insert_refunds(self, tx: Tx, refunds: Sequence[Refund], now: datetime) -> None:
        if not refunds:
            return
        amounts: dict[str, int] = {}
        for refund in refunds:
            if refund.status is RefundStatus.REQUESTED:
                amounts[refund.payment_id] = amounts.get(refund.payment_id, 0) + refund.amount
        if amounts and await store.reserve(tx, amounts) != amounts.keys():
            raise RefundExceedsCaptured
        await store.insert_refunds(tx, refunds, now)
        tx.after_commit(self.handover.wake)


def _refund_of(
    refund_id: str,
    purse: LockedPurse,
    amount: int,
    currency: str,
    reason: str,
    cause: Context | Message[RefundRequested],
) -> Refund:
    return Refund(
        id=refund_id,
        payment_id=purse.payment_id,
        order_id=purse.order_id,
        amount=amount,
        currency=currency,
        status=RefundStatus.REQUESTED,
        charge_key=purse.payment_id,
        charge_reference=purse.reference,
        method=purse.method,
        provider=purse.provider,
        reason=reason[:200],
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=cause.traceparent,
    )


def _reserve(refund: Refund, purse: LockedPurse, now: datetime) -> None:
    """Take the refund out of the purse, or refuse it with the reason."""
    if refund.currency != purse.currency:
        refund.status, refund.code = RefundStatus.REFUSED, CurrencyDiffers.code
    elif not purse.purse.take(refund.amount):
        undisputed = purse.purse.captured - purse.purse.reserved
        disputed = min(refund.amount, undisputed) > purse.purse.left
        refund.status, refund.code = RefundStatus.REFUSED, (MoneyDisputed if disputed else RefundExceedsCaptured).code
    else:
        refund.due_at = now


def _refunded(refund: Refund, now: datetime) -> PaymentRefunded:
    return PaymentRefunded(
        order_id=refund.order_id,
        payment_id=refund.payment_id,
        refund_id=refund.id,
        amount=refund.amount,
        currency=refund.currency,
        refunded_at=now,
        provider=refund.provider,
    )


def _failed(refund: Refund) -> PaymentRefundFailed:
    return PaymentRefundFailed(
        order_id=refund.order_id,
        payment_id=refund.payment_id,
        refund_id=refund.id,
        amount=refund.amount,
        currency=refund.currency,
        code=refund.code,
    )
