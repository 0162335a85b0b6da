"""Intents: requested, cancelled, and what the provider says about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from estore.contracts.orders import OrderCancelled, OrderPaymentRequested
from estore.contracts.payments import PaymentCaptured, PaymentFailed, PaymentRequiresAction
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.kit.ids import new_id
from estore.services.payments import store
from estore.services.payments.domain import Finding, Found, Intent, Pace, Status, settle
from estore.services.payments.service.shapes import Chain, Claim, Handover, Outcomes
from estore.services.payments.store.intents import NewIntent


class Charging:
    """choose: returns the name of the provider that charges a payment method, empty if none does."""

    def __init__(self, choose: Callable[[str], str], pace: Pace, handover: Handover) -> None:
        self.choose = choose
        self.pace = pace
        self.handover = handover

    async def request_payments(self, tx: Tx, messages: Sequence[Message[OrderPaymentRequested]]) -> None:
        """Record one intent per order; after the commit the pump of this process charges them, or any other."""
        now = messages[0].now
        mine = self.handover.room() >= len(messages)
        due = now + timedelta(seconds=self.pace.lease) if mine else now
        new = [NewIntent(self._intent_of(m, due, int(mine)), m.data.version, m.data.account_id) for m in messages]
        inserted = await store.insert_intents(tx, new, now)
        if mine:
            tx.after_commit(lambda: self.handover.take(inserted))
        else:
            tx.after_commit(self.handover.wake)

    async def close_payments(self, tx: Tx, messages: Sequence[Message[OrderCancelled]]) -> None:
        """Bar cancelled orders from being charged: tombstones for the unknown, a void for the uncaptured."""
        now = messages[0].now
        cancelled = {m.data.order_id: m for m in messages}
        tombstones = [(new_id("pay"), o, m.data.version, m.correlation_id) for o, m in cancelled.items()]
        barred = await store.insert_tombstones(tx, tombstones, now)
        known = [order_id for order_id in cancelled if order_id not in barred]
        if not known:
            return
        locked = await store.lock_by_order(tx, known)
        findings = [
            (i, Finding(Found.CANCEL, "order", code="voided", detail=cancelled[o].data.reason[:200]))
            for o, i in locked.items()
        ]
        await self.settle(tx, findings, now)
        tx.after_commit(self.handover.wake)

    async def record(self, tx: Tx, ctx: Context, outcomes: Outcomes) -> None:
        """Write down what was found out, however many at once, and tell those who wait for it."""
        locked = await store.lock_by_id(tx, sorted({payment_id for payment_id, _ in outcomes.found}))
        findings = [(locked[payment_id], f) for payment_id, f in outcomes.found if payment_id in locked]
        await self.settle(tx, findings, ctx.now)

    async def claim_due(self, tx: Tx, ctx: Context, claim: Claim) -> list[Intent]:
        """Claim intents whose time has come, so that only one process asks the provider about each."""
        return await store.claim_due(tx, ctx.now, self.pace.lease, claim.at_most)

    async def settle(self, tx: Tx, findings: Sequence[tuple[Intent, Finding]], now: datetime) -> None:
        """Apply findings to locked intents in order, write them in one statement, emit what changed."""
        noted: list[tuple[Intent, Finding, Status]] = []
        for intent, finding in findings:
            if settle(intent, finding, now, self.pace):
                _announce(tx, intent, now)
            noted.append((intent, finding, intent.status))
        if noted:
            await store.save(tx, list({i.id: i for i, _, _ in noted}.values()), noted, now)

    def _intent_of(self, message: Message[OrderPaymentRequested], due: datetime, tries: int) -> Intent:
        data = message.data
        return Intent(
            id=new_id("pay"),
            order_id=data.order_id,
            amount=data.amount,
            currency=data.currency,
            method=data.payment_method,
            provider=self.choose(data.payment_method),
            status=Status.CREATED,
            expires_at=data.expires_at,
            tries=tries,
            due_at=due,
            correlation_id=message.correlation_id,
            causation_id=message.causation_id,
            traceparent=message.traceparent,
        )


def _announce(tx: Tx, intent: Intent, now: datetime) -> None:
    """Emit what the new status means to others; the steps in between concern nobody."""
    chain = Chain.of(intent, now)
    if intent.status is Status.CAPTURED:
        tx.emit(
            PaymentCaptured(
                order_id=intent.order_id,
                payment_id=intent.id,
                amount=intent.amount,
                currency=intent.currency,
                captured_at=now,
                provider=intent.provider,
            ),
            chain,
        )
    elif intent.status is Status.FAILED:
        tx.emit(
            PaymentFailed(order_id=intent.order_id, payment_id=intent.id, code=intent.code, detail=intent.detail), chain
        )
    elif intent.status is Status.REQUIRES_ACTION:
        tx.emit(
            PaymentRequiresAction(
                order_id=intent.order_id,
                payment_id=intent.id,
                action_url=intent.action_url or "",
                expires_at=intent.expires_at,
            ),
            chain,
        )
