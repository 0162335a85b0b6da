"""The sandbox as a `Provider`: what it answers, and which webhooks it sends when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta

import httpx
import msgspec

from estore.contracts.payments import ReportLine
from estore.kit.batcher import Batcher
from estore.kit.clock import Clock
from estore.kit.context import Context
from estore.kit.db import Database
from estore.kit.errors import Conflict
from estore.kit.ids import new_id
from estore.kit.money import Money
from estore.kit.telemetry import log
from estore.services.payments.domain import (
    Dispute,
    Finding,
    Found,
    Intent,
    Refund,
    RefundFinding,
    RefundFound,
    RefundSeen,
)
from estore.services.payments.gateways import signing
from estore.services.payments.gateways.provider import EvidenceRefused
from estore.services.payments.gateways.sandbox import webhooks
from estore.services.payments.gateways.sandbox.books import ActionGone, Books, Charge, Webhook
from estore.services.payments.gateways.sandbox.disputes import Claimed, DisputeBooks
from estore.services.payments.gateways.sandbox.report import movements
from estore.services.payments.service import Action, Complete, ProviderEvent

_log = log(__name__)
_HANG_SECONDS = 3600.0
_HEAD_START_SECONDS = 0.15
_DELIVERY_TIMEOUT = 5.0
_DELIVERY_LEASE = 30.0
_DELIVERIES_AT_ONCE = 32
_DELIVERY_TRIES = 12

_EVIDENCE_DAYS = 7

_STATUS_OF = {
    "pm_ok": "captured",
    "pm_declined": "declined",
    "pm_requires_action": "requires_action",
    "pm_slow": "processing",
    "pm_timeout_after_charge": "captured",
    "pm_duplicate_webhooks": "captured",
    "pm_disputed": "captured",
    "pm_disputed_won": "captured",
    "pm_disputed_lost": "captured",
    "pm_refunded_outside": "captured",
    "pm_report_missing": "captured",
    "pm_report_wrong_amount": "captured",
    "pm_report_doubled": "captured",
}
_KNOWN = frozenset(_STATUS_OF) | {"pm_never_answers"}
_LATER = ("pm_disputed", "pm_disputed_won", "pm_disputed_lost", "pm_refunded_outside")
_FOUND_BY_STATUS = {
    "captured": Found.CAPTURED,
    "declined": Found.DECLINED,
    "requires_action": Found.REQUIRES_ACTION,
    "processing": Found.PROCESSING,
    "voided": Found.VOIDED,
}


class ActionDone(Conflict):
    code, title = "payments.action_done", "This has been decided already"


class SandboxSettings(msgspec.Struct, frozen=True):
    """webhook_url: where webhooks go. action_url: under which the action pages are. secrets: the first signs webhooks.

    slow_seconds: how long pm_slow takes, and what happens by itself. fee_bps: kept of each capture.
    """

    webhook_url: str
    action_url: str
    secrets: tuple[str, ...]
    slow_seconds: float = 3.0
    fee_bps: int = 0


class SandboxProvider:
    """A provider that moves no money. client: sends the webhooks; tests give one that needs no network."""

    name = "sandbox"

    def __init__(
        self, db: Database, settings: SandboxSettings, clock: Clock, client: httpx.AsyncClient | None = None
    ) -> None:
        self.books = Books(db)
        self.disputes = DisputeBooks(db)
        self._db = db
        self.settings = settings
        self.client = client
        self._clock = clock
        self._charges: Batcher[Charge, Charge] = Batcher(self._enter, at_most=256, lanes=2)
        self._lookups: Batcher[str, Charge | None] = Batcher(self._find, at_most=256)
        self._delivery: asyncio.Task[None] | None = None

    # --- Provider ---------------------------------------------------------------------------------------------

    def accepts(self, method: str) -> bool:
        return method in _KNOWN

    async def charge(self, intent: Intent) -> Finding:
        if intent.method == "pm_never_answers":
            await _hang()
        status = _STATUS_OF.get(intent.method)
        now = self._clock.now()
        ripe = now + timedelta(seconds=self.settings.slow_seconds) if status == "processing" else None
        code = {None: "unknown_method", "declined": "declined"}.get(status, "")
        held = await self._charges.submit(self._charge_of(intent, status or "declined", code, ripe))
        if held.status == "captured":
            if intent.method == "pm_timeout_after_charge":
                await _hang()
            if intent.method == "pm_duplicate_webhooks":
                await asyncio.wait({self._deliver_soon()}, timeout=_HEAD_START_SECONDS)
        return self._finding(held, "charge")

    async def lookup(self, intent: Intent) -> Finding:
        held = await self._lookups.submit(intent.key)
        return Finding(Found.NOT_FOUND, "lookup") if held is None else self._finding(held, "lookup")

    async def void(self, intent: Intent) -> Finding:
        held = await self._charges.submit(self._charge_of(intent, "voided", "", None))
        return self._finding(held, "void")

    async def refund(self, refund: Refund) -> RefundFinding:
        reference = await self.books.refund(refund.id, refund.charge_key, refund.amount, self._clock.now())
        if reference is not None and refund.method == "pm_timeout_after_charge":
            await _hang()
        if reference is None:
            before = await self.lookup_refund(refund)
            return before if before.reference else RefundFinding(RefundFound.REFUSED, code="exceeds_captured")
        return RefundFinding(RefundFound.SUCCEEDED, reference)

    async def lookup_refund(self, refund: Refund) -> RefundFinding:
        reference = await self.books.refund_of(refund.id)
        return RefundFinding(RefundFound.SUCCEEDED if reference else RefundFound.NOT_FOUND, reference)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> ProviderEvent:
        event_id = signing.verify(self.settings.secrets, headers, body, now)
        sent = webhooks.read(body)
        charge = sent.charge
        if sent.dispute is not None:
            told = sent.dispute
            dispute = Dispute(told.id, told.amount, charge.currency, told.status, told.reason, told.evidence_due_at)
            return ProviderEvent(self.name, event_id, sent.type, charge.client_reference, dispute=dispute)
        if sent.refund is not None:
            back = sent.refund
            seen = RefundSeen(back.id, back.client_reference, back.amount, charge.currency, back.status == "succeeded")
            return ProviderEvent(self.name, event_id, sent.type, charge.client_reference, refund=seen)
        finding = Finding(
            _FOUND_BY_STATUS[charge.status],
            "webhook",
            reference=charge.id,
            code=charge.code,
            amount=charge.amount,
            currency=charge.currency,
            action_url=self._action_url(charge.id) if charge.status == "requires_action" else None,
        )
        return ProviderEvent(self.name, event_id, sent.type, charge.client_reference, finding)

    async def submit_evidence(self, dispute_reference: str, text: str, files: None = None) -> None:
        """A text with `winning` wins soon, one with `losing` loses soon; any other loses when it is due."""
        now = self._clock.now()
        held = await self.disputes.find(dispute_reference)
        if held is None:
            raise EvidenceRefused("there is no such dispute")
        outcome = "won" if "winning" in text else "lost"
        soon = "winning" in text or "losing" in text
        decide_at = now + timedelta(seconds=self.settings.slow_seconds) if soon else held.due_at
        given = msgspec.structs.replace(held, status="evidence_submitted", outcome=outcome, decide_at=decide_at)
        if not await self.disputes.give_evidence(given, text, webhooks.of_dispute(given, now), now):
            raise EvidenceRefused("it is too late, or other evidence was given")

    def report(self, since: datetime, until: datetime) -> AsyncIterator[ReportLine]:
        return movements(self._db, since, until, self.settings.fee_bps)

    # --- the customer's side ------------------------------------------------------------------------------------

    async def show_action(self, ctx: Context, charge_id: str) -> Action:
        """What the customer is asked. Raises ActionGone."""
        charge = await self.books.by_id(charge_id)
        if charge.method != "pm_requires_action":
            raise ActionGone
        return Action(id=charge.id, status=charge.status, amount=Money(charge.amount, charge.currency))

    async def complete_action(self, ctx: Context, request: tuple[str, Complete]) -> Action:
        """The customer acts; a webhook tells. Repeating a decision changes nothing. Raises ActionGone, ActionDone."""
        charge_id, decision = request
        charge = await self.books.by_id(charge_id)
        if charge.method != "pm_requires_action":
            raise ActionGone
        wanted = "captured" if decision.outcome == "succeed" else "declined"
        code = "" if wanted == "captured" else "action_failed"
        decided = msgspec.structs.replace(charge, status=wanted, code=code)
        if not await self.books.complete(decided, "requires_action", webhooks.of_charge(decided, self._clock.now())):
            charge = await self.books.by_id(charge_id)
            if charge.status != wanted:
                raise ActionDone(f"it is {charge.status}")
        self._deliver_soon()
        return Action(id=charge.id, status=wanted, amount=Money(charge.amount, charge.currency))

    # --- the provider's own timers ------------------------------------------------------------------------------

    async def tick(self) -> None:
        """Complete what is slow, dispute and decide what is to be, send what is due."""
        now = self._clock.now()
        for charge in await self.books.ripe(now, 500):
            captured = msgspec.structs.replace(charge, status="captured")
            await self.books.complete(captured, "processing", webhooks.of_charge(captured, now))
        for charge, left in await self.disputes.happening(now, 500):
            await self._happen(charge, left, now)
        for held in await self.disputes.to_decide(now, 500):
            decided = msgspec.structs.replace(held, status=held.outcome)
            await self.disputes.close(decided, webhooks.of_dispute(decided, now), now)
        if self._delivery is not None and not self._delivery.done():
            await asyncio.wait([self._delivery])
        await self.deliver()

    async def forget(self) -> None:
        """Forget webhooks that were delivered a week ago."""
        await self.books.forget_webhooks(self._clock.now() - timedelta(days=7))

    async def deliver(self) -> None:
        """Send the webhooks that are due, again and again with back-off until they are taken or hopeless."""
        while batch := await self.books.claim_webhooks(self._clock.now(), _DELIVERY_LEASE, _DELIVERIES_AT_ONCE):
            if self.client is None:
                self.client = httpx.AsyncClient(timeout=_DELIVERY_TIMEOUT)
            taken = await asyncio.gather(*(self._send(self.client, webhook) for webhook in batch))
            now = self._clock.now()
            done: list[tuple[str, datetime | None, bool]] = []
            for webhook, ok in zip(batch, taken, strict=True):
                hopeless = ok or webhook.tries >= _DELIVERY_TRIES
                again = None if hopeless else now + timedelta(seconds=min(2.0**webhook.tries, 600.0))
                done.append((webhook.id, again, ok))
            await self.books.close_webhooks(done, now)

    async def stop(self) -> None:
        """Let go of the network."""
        if self._delivery is not None:
            self._delivery.cancel()
            await asyncio.gather(self._delivery, return_exceptions=True)
        if self.client is not None:
            await self.client.aclose()
            self.client = None

    async def refund_outside(self, payment_id: str, amount: int) -> bool:
        """Give money back as if somebody clicked at the provider; False if that much is not left."""
        charge = (await self.books.find([payment_id]))[payment_id]
        return await self._refund_outside(charge, amount, by_itself=False)

    # --- parts ------------------------------------------------------------------------------------------------

    async def _happen(self, charge: Charge, left: int, now: datetime) -> None:
        """Do what the method says happens to a charge later, once."""
        if left <= 0:
            await self.disputes.forgo(charge.id)
        elif charge.method == "pm_refunded_outside":
            await self._refund_outside(charge, left, by_itself=True)
        else:
            due = now + timedelta(days=_EVIDENCE_DAYS)
            soon = now + timedelta(seconds=self.settings.slow_seconds)
            held = Claimed(
                id=f"sbd_{charge.key}",
                charge_id=charge.id,
                amount=left,
                currency=charge.currency,
                reason="fraudulent",
                status="opened",
                outcome="won" if charge.method == "pm_disputed_won" else "lost",
                due_at=due,
                decide_at=due if charge.method == "pm_disputed" else soon,
                key=charge.key,
            )
            await self.disputes.open(held, webhooks.of_dispute(held, now), now)

    async def _refund_outside(self, charge: Charge, amount: int, *, by_itself: bool) -> bool:
        now, refund_id = self._clock.now(), new_id("sbr")
        webhook = webhooks.of_refund(refund_id, charge, amount, now)
        return await self.disputes.refund(refund_id, charge, amount, by_itself, webhook, now)

    def _charge_of(self, intent: Intent, status: str, code: str, ripe: datetime | None) -> Charge:
        later = status == "captured" and intent.method in _LATER
        return Charge(
            new_id("sbx"),
            intent.key,
            intent.order_id,
            intent.amount,
            intent.currency,
            intent.method,
            status,
            code,
            ripe,
            self._clock.now() + timedelta(seconds=self.settings.slow_seconds) if later else None,
        )

    async def _enter(self, charges: Sequence[Charge]) -> Sequence[Charge]:
        now = self._clock.now()
        doubled = [c for c in charges if c.method == "pm_duplicate_webhooks"]
        hooks = [hook for charge in doubled for hook in webhooks.of_capture_again(charge, now)]
        held = await self.books.put(charges, hooks, now)
        return [held[c.key] for c in charges]

    async def _find(self, keys: Sequence[str]) -> Sequence[Charge | None]:
        held = await self.books.find(keys)
        return [held.get(key) for key in keys]

    def _finding(self, charge: Charge, source: str) -> Finding:
        return Finding(
            _FOUND_BY_STATUS[charge.status],
            source,
            reference=charge.id,
            action_url=self._action_url(charge.id) if charge.status == "requires_action" else None,
            code=charge.code,
            amount=charge.amount,
            currency=charge.currency,
        )

    def _action_url(self, charge_id: str) -> str:
        return f"{self.settings.action_url}/{charge_id}"

    def _deliver_soon(self) -> asyncio.Task[None]:
        if self._delivery is None or self._delivery.done():
            self._delivery = asyncio.create_task(self.deliver(), name="sandbox-webhooks")
            self._delivery.add_done_callback(_report)
        return self._delivery

    async def _send(self, client: httpx.AsyncClient, webhook: Webhook) -> bool:
        headers = signing.signed(self.settings.secrets[0], webhook.event_id, webhook.body, self._clock.now())
        headers["content-type"] = "application/json"
        try:
            answer = await client.post(self.settings.webhook_url, content=webhook.body, headers=headers)
        except httpx.HTTPError as error:
            _log.warning("webhook not delivered", event_id=webhook.event_id, error=str(error))
            return False
        if not answer.is_success:
            _log.warning("webhook not delivered", event_id=webhook.event_id, status=answer.status_code)
        return answer.is_success


def _report(task: asyncio.Task[None]) -> None:
    """A delivery that failed is tried again by the job."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("webhook delivery stopped", error=str(error))


async def _hang() -> None:
    await asyncio.sleep(_HANG_SECONDS)
