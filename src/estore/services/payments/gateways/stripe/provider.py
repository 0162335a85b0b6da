"""Stripe as a `Provider`.

One PaymentIntent per payment, created and confirmed in one request under the payment's idempotency key, with manual
capture: the bank first holds the money, and a second request takes it. So an answer that is lost loses no more than a
hold, and what must not be charged any more is cancelled before it was taken.

What Stripe promises, and this relies on (docs.stripe.com/api/idempotent_requests, /error-low-level): the first answer
to a key is kept for at least 24 hours, errors of the server included, and given again; the same key with other
parameters is an error of its own; a request that fails validation, meets one under way with the same key (409) or the
rate limiter (429) uses up no key. Lists are consistent, the search API is not (docs.stripe.com/search#data-freshness).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ulid import ULID

from estore.contracts.payments import ReportLine
from estore.kit.clock import Clock
from estore.kit.telemetry import log
from estore.services.payments.domain import Finding, Found, Intent, Refund, RefundFinding, RefundFound
from estore.services.payments.gateways.provider import EvidenceRefused
from estore.services.payments.gateways.stripe import reporting, webhooks
from estore.services.payments.gateways.stripe.currencies import Unconvertible, to_stripe
from estore.services.payments.gateways.stripe.findings import (
    finding_of,
    finding_of_error,
    name_of,
    refund_finding_of,
    told_in,
)
from estore.services.payments.gateways.stripe.settings import StripeSettings
from estore.services.payments.gateways.stripe.shapes import PaymentIntent, read
from estore.services.payments.gateways.stripe.shapes import Refund as StripeRefund
from estore.services.payments.service import ProviderEvent

if TYPE_CHECKING:
    import stripe
    from stripe.params import PaymentIntentCreateParams

_log = log(__name__)

API_VERSION = "2026-10-28.endive"
# An hour less than Stripe promises to remember a key.
_MEMORY = timedelta(hours=23)
_SKEW = timedelta(hours=1)
_EVIDENCE_LENGTH = 20_000
_METHOD = re.compile(r"pm_[0-9][0-9A-Za-z]{7,}|pm_card_[0-9A-Za-z_]+|ctoken_[0-9A-Za-z]+")


class StripeProvider:
    """Charges through Stripe's SDK, which is only imported where somebody makes one of these."""

    name = "stripe"

    def __init__(self, settings: StripeSettings, clock: Clock) -> None:
        import stripe

        self._settings = settings
        self._clock = clock
        self._http = stripe.HTTPXClient(timeout=settings.timeout)
        # The pump asks again at its own pace; one repetition here spares it what a blink of the network costs.
        client = stripe.StripeClient(
            settings.api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": settings.api_base} if settings.api_base else None,
            max_network_retries=1,
            http_client=self._http,
        )
        self._api = client.v1

    async def stop(self) -> None:
        """Let go of the network."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    # --- charges ----------------------------------------------------------------------------------------------

    def accepts(self, method: str) -> bool:
        """Whatever looks like a PaymentMethod or ConfirmationToken that Stripe made, or one of its test cards."""
        return _METHOD.fullmatch(method) is not None

    async def charge(self, intent: Intent) -> Finding:
        """Create, confirm and capture. A repeated call under the same key finds the first PaymentIntent again."""
        return await self._attempt(intent, "charge")

    async def lookup(self, intent: Intent) -> Finding:
        """Tell what became of the charge; what the bank holds for us is captured now.

        Without a PaymentIntent's id the create request is repeated under its key. That answers what the first one
        did, or does it now if the first one never arrived: a look-up happens only while the charge is still wanted.
        Where Stripe may have forgotten the key, or only kept an error of its own, the list of PaymentIntents tells.
        """
        import stripe

        if intent.reference is None and self._remembered(intent):
            return await self._attempt(intent, "lookup")
        try:
            made = await self._retrieve(intent.reference) if intent.reference else await self._listed(intent)
        except stripe.StripeError as error:
            return self._open(error, intent, "lookup")
        return Finding(Found.NOT_FOUND, "lookup") if made is None else await self._forward(intent, made, "lookup")

    async def void(self, intent: Intent) -> Finding:
        """Cancel the PaymentIntent.

        Where its id is unknown, an unconfirmed one is created under the charge's own key and cancelled: after that a
        charge which is still on its way meets a used key and does nothing. If the key was used already, the charge
        had arrived, and repeating it gives the PaymentIntent to cancel.
        """
        import stripe

        try:
            reference = intent.reference or await self._barred(intent)
            return Finding(Found.VOIDED, "void") if reference is None else await self._cancelled(reference)
        except Unconvertible:
            return Finding(Found.VOIDED, "void")  # such an amount never left the house
        except stripe.CardError as error:
            return finding_of_error(error, "void", intent.reference)
        except stripe.StripeError as error:
            return self._open(error, intent, "void")

    async def _attempt(self, intent: Intent, source: str) -> Finding:
        import stripe

        made: PaymentIntent | None
        try:
            made = await self._created(intent)
        except Unconvertible as error:
            return Finding(Found.DECLINED, source, code="provider_error", detail=str(error))
        except stripe.StripeError as error:
            if not _answered_for_good(error):
                finding = finding_of_error(error, source)
                if finding.found is Found.UNKNOWN or finding.code == "provider_error":
                    _log.warning("stripe refused or failed", payment_id=intent.id, step=source, error=name_of(error))
                return finding
            try:
                made = await self._listed(intent)
            except stripe.StripeError as second:
                return self._open(second, intent, source)
            if made is None:
                return Finding(Found.UNKNOWN, source, detail=name_of(error))
        return await self._forward(intent, made, source)

    async def _created(self, intent: Intent) -> PaymentIntent:
        """Create and confirm, or find what an earlier call with this key created, as it is now."""
        params = self._params(intent)
        params["confirm"] = True
        params["return_url"] = self._settings.return_url
        params["confirmation_token" if intent.method.startswith("ctoken_") else "payment_method"] = intent.method
        answer = await self._api.payment_intents.create_async(params, {"idempotency_key": intent.key})
        made = read(PaymentIntent, answer)
        replayed = answer.last_response is not None and _is_replay(answer.last_response.headers)
        return await self._retrieve(made.id) if replayed else made

    def _params(self, intent: Intent) -> PaymentIntentCreateParams:
        """What charge and void ask alike. It depends on the intent alone, or the key would not fit the second time."""
        return {
            "amount": to_stripe(intent.amount, intent.currency),
            "currency": intent.currency.lower(),
            "capture_method": "manual",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "always"},
            "metadata": {"payment_id": intent.id, "order_id": intent.order_id},
        }

    async def _retrieve(self, reference: str) -> PaymentIntent:
        return read(PaymentIntent, await self._api.payment_intents.retrieve_async(reference))

    async def _forward(self, intent: Intent, made: PaymentIntent, source: str) -> Finding:
        """Take what is held; give up what nobody could finish."""
        if made.status == "requires_capture":
            return await self._captured(intent, made, source)
        finding = finding_of(made, source)
        if finding.found is Found.REQUIRES_ACTION and finding.action_url is None:
            import stripe

            try:
                cancelled = await self._cancelled(made.id)
            except stripe.StripeError as error:
                return self._open(error, intent, source, made.id)
            if cancelled.found is Found.VOIDED:
                detail = "this payment method needs a page of the shop's own"
                return Finding(Found.DECLINED, source, made.id, code="action_failed", detail=detail)
            return cancelled
        return finding

    async def _captured(self, intent: Intent, made: PaymentIntent, source: str) -> Finding:
        """Capture, once: Stripe refuses to capture a PaymentIntent twice, so each try may have a key of its own.

        With one key for all tries, an error that Stripe kept would be the answer until the hold is gone.
        """
        import stripe

        key = f"{intent.key}:capture:{intent.tries}"
        try:
            return finding_of(
                read(
                    PaymentIntent, await self._api.payment_intents.capture_async(made.id, {}, {"idempotency_key": key})
                ),
                source,
            )
        except (stripe.InvalidRequestError, stripe.CardError) as error:
            _log.warning("stripe did not capture", payment_id=intent.id, error=name_of(error))
        except stripe.StripeError as error:
            return self._open(error, intent, source, made.id)
        try:
            return finding_of(await self._retrieve(made.id), source)
        except stripe.StripeError as error:
            return self._open(error, intent, source, made.id)

    async def _cancelled(self, reference: str) -> Finding:
        import stripe

        try:
            return finding_of(read(PaymentIntent, await self._api.payment_intents.cancel_async(reference)), "void")
        except stripe.InvalidRequestError as error:
            if error.code != "payment_intent_unexpected_state":
                raise
        return finding_of(await self._retrieve(reference), "void")

    async def _barred(self, intent: Intent) -> str | None:
        """Return the PaymentIntent that stands for the charge from now on, None if there is none and never will be."""
        import stripe

        if not self._remembered(intent):
            made = await self._listed(intent)
            return made.id if made else None
        try:
            bar = await self._api.payment_intents.create_async(self._params(intent), {"idempotency_key": intent.key})
            return bar.id
        except stripe.InvalidRequestError:
            return None  # what Stripe does not even note, it does not charge either
        except stripe.IdempotencyError:
            pass  # the charge was there first
        except stripe.StripeError as error:
            if not _answered_for_good(error):
                raise
            made = await self._listed(intent)
            return made.id if made else None
        try:
            return (await self._created(intent)).id
        except stripe.InvalidRequestError as error:
            return told_in(error)[1]
        except stripe.StripeError as error:
            if not _answered_for_good(error):
                raise
        made = await self._listed(intent)
        return made.id if made else None

    async def _listed(self, intent: Intent) -> PaymentIntent | None:
        """Find a payment's PaymentIntent among all of its time. Slow in a busy store, and rarely needed."""
        began = _created_at(intent)
        first, last = began - _SKEW, max(began, intent.expires_at) + _SKEW
        page = await self._api.payment_intents.list_async(
            {"created": {"gte": int(first.timestamp()), "lte": int(last.timestamp())}, "limit": 100}
        )
        async for answer in page.auto_paging_iter():
            if answer.metadata and answer.metadata.to_dict().get("payment_id") == intent.id:
                return await self._retrieve(answer.id)
        return None

    def _remembered(self, intent: Intent) -> bool:
        """Whether Stripe still knows what the payment's key was used for, if it was used."""
        return self._clock.now() - _created_at(intent) < _MEMORY

    def _open(self, error: stripe.StripeError, intent: Intent, step: str, reference: str | None = None) -> Finding:
        """The outcome stays open: somebody asks again."""
        _log.warning("stripe did not answer", payment_id=intent.id, step=step, error=name_of(error))
        return Finding(Found.UNKNOWN, step, reference or intent.reference, detail=name_of(error))

    # --- refunds ----------------------------------------------------------------------------------------------

    async def refund(self, refund: Refund) -> RefundFinding:
        """Give back a part of a capture, under the refund's own key."""
        import stripe

        if refund.charge_reference is None:
            return RefundFinding(RefundFound.UNKNOWN)
        try:
            answer = await self._api.refunds.create_async(
                {
                    "payment_intent": refund.charge_reference,
                    "amount": to_stripe(refund.amount, refund.currency),
                    "metadata": {
                        "refund_id": refund.id,
                        "payment_id": refund.payment_id,
                        "order_id": refund.order_id,
                    },
                },
                {"idempotency_key": refund.id},
            )
        except Unconvertible:
            return RefundFinding(RefundFound.REFUSED, code="unconvertible_amount")
        except (stripe.InvalidRequestError, stripe.CardError) as error:
            return RefundFinding(RefundFound.REFUSED, code=error.code or "invalid_request")
        except stripe.StripeError as error:
            _log.warning("stripe did not refund", refund_id=refund.id, error=name_of(error))
            return RefundFinding(RefundFound.UNKNOWN)
        return refund_finding_of(read(StripeRefund, answer))

    async def lookup_refund(self, refund: Refund) -> RefundFinding:
        """Tell what became of a refund, by its id or among those of the charge, which are few."""
        if refund.reference:
            return refund_finding_of(read(StripeRefund, await self._api.refunds.retrieve_async(refund.reference)))
        if refund.charge_reference is None:
            return RefundFinding(RefundFound.UNKNOWN)
        page = await self._api.refunds.list_async({"payment_intent": refund.charge_reference, "limit": 100})
        async for answer in page.auto_paging_iter():
            if answer.metadata and answer.metadata.to_dict().get("refund_id") == refund.id:
                return refund_finding_of(read(StripeRefund, answer))
        return RefundFinding(RefundFound.NOT_FOUND)

    # --- the rest ---------------------------------------------------------------------------------------------

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> ProviderEvent:
        """Check signature and age and translate. Raises WebhookForged, WebhookUnreadable."""
        webhooks.verify(self._settings.webhook_secrets, self._settings.tolerance, headers, body, now)
        return webhooks.translate(self.name, body)

    async def submit_evidence(self, dispute_reference: str, text: str, files: None = None) -> None:
        """Hand in the text and send it to the bank; it cannot be changed after that. Raises EvidenceRefused."""
        import stripe

        try:
            await self._api.disputes.update_async(
                dispute_reference,
                {"evidence": {"uncategorized_text": text[:_EVIDENCE_LENGTH]}, "submit": True},
            )
        except stripe.InvalidRequestError as error:
            raise EvidenceRefused((error.user_message or "")[:200]) from None

    def report(self, since: datetime, until: datetime) -> AsyncIterator[ReportLine]:
        """Yield Stripe's balance transactions about charges, refunds and disputes, oldest first."""
        return reporting.lines(self._api, since, until)


def _answered_for_good(error: stripe.StripeError) -> bool:
    """Whether a key will say nothing else for a day: used with other parameters, or for an error that Stripe kept."""
    import stripe

    return isinstance(error, stripe.IdempotencyError) or (
        isinstance(error, stripe.APIError) and (error.http_status or 0) >= 500 and _is_replay(error.headers)
    )


def _is_replay(headers: Mapping[str, str] | None) -> bool:
    return (headers or {}).get("idempotent-replayed") == "true"


def _created_at(intent: Intent) -> datetime:
    """Return when the payment was made, which its id says."""
    try:
        return ULID.from_str(intent.id.rpartition("_")[2]).datetime
    except ValueError:
        return intent.expires_at
