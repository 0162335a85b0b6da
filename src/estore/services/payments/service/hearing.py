"""Webhooks of providers: each acts once, on the payment that it is about."""

from __future__ import annotations

from datetime import timedelta

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.services.payments import store
from estore.services.payments.domain import NotCapturedYet
from estore.services.payments.service.charging import Charging
from estore.services.payments.service.disputing import Disputing
from estore.services.payments.service.refunding import Refunding
from estore.services.payments.service.shapes import Claim, Outcomes, ProviderEvent, Received

# Providers repeat an event for days, not for weeks.
WEBHOOK_DAYS = 30


class Hearing:
    """Takes what a provider told to those whom it concerns."""

    def __init__(self, charging: Charging, refunding: Refunding, disputing: Disputing) -> None:
        self.charging = charging
        self.refunding = refunding
        self.disputing = disputing

    async def hear_provider(self, tx: Tx, ctx: Context, event: ProviderEvent) -> Received:
        """Act on a provider's event, once. Events about nothing of ours are noted, and that is all.

        One that overtakes the capture which it is about, or may be about a charge whose answer was lost, raises
        NotCapturedYet: nothing is noted, and the provider, answered 503, sends it again.
        """
        payment_id = event.payment_id
        if not payment_id and event.charge_reference:
            payment_id = await store.id_by_reference(tx, event.provider, event.charge_reference) or ""
            asked = ctx.now - timedelta(seconds=self.charging.pace.lease)
            if not payment_id and await store.lacks_reference(tx, event.provider, asked):
                raise NotCapturedYet("it may be about a charge of which the provider's id is not known yet")
        if not await store.insert_webhook_event(tx, event.provider, event.event_id, payment_id, event.kind, ctx.now):
            return Received(replayed=True)
        intent = (await store.lock_by_id(tx, [payment_id])).get(payment_id) if payment_id else None
        if intent is None or intent.provider != event.provider:
            return Received()
        if event.finding is not None:
            await self.charging.record(tx, ctx, Outcomes([(intent.id, event.finding)]))
        if event.refund is not None:
            await self.refunding.hear_refund(tx, ctx, intent, event.refund)
        if event.dispute is not None:
            await self.disputing.hear_dispute(tx, ctx, intent, event.dispute)
        return Received()

    async def forget_webhooks(self, tx: Tx, ctx: Context, claim: Claim) -> int:
        """Forget events that no provider sends again; returns how many."""
        return await store.forget_webhook_events(tx, ctx.now - timedelta(days=WEBHOOK_DAYS), claim.at_most)
