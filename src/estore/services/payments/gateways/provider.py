"""What a payment provider must be able to do, whichever it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from estore.contracts.payments import ReportLine
from estore.kit.errors import Conflict, Malformed, Unauthenticated
from estore.services.payments.domain import Finding, Intent, Refund, RefundFinding
from estore.services.payments.service import ProviderEvent


class WebhookForged(Unauthenticated):
    code, title = "payments.webhook_forged", "The signature of this webhook is missing, wrong or too old"


class WebhookUnreadable(Malformed):
    code, title = "payments.webhook_unreadable", "This webhook cannot be read"


class EvidenceRefused(Conflict):
    code, title = "payments.evidence_refused", "The provider does not take this evidence"


class Provider(Protocol):
    """A payment provider. Calls may raise, hang or lie about time; the caller bounds them and asks again.

    `intent.key` and `refund.id` are idempotency keys: a repeated call with the same key answers what the first did,
    and moves no money twice. A Finding or RefundFinding may say in `patience` for how many seconds it is useless to
    ask again. What a call raises counts as an unknown outcome, which a later look-up settles.
    """

    name: str
    """As in ESTORE_PAYMENTS_PROVIDERS, in the path of its webhooks and in the column `provider`."""

    def accepts(self, method: str) -> bool:
        """Tell whether this provider charges the payment method `method`. Called for each new payment: no I/O.

        Providers are asked in the order of ESTORE_PAYMENTS_PROVIDERS; the first that accepts has the payment for
        good: charge, look-up, void, refunds and evidence go to that one. If none does, the payment fails with
        `unknown_method`.
        """
        ...

    async def charge(self, intent: Intent) -> Finding:
        """Charge `intent`, capture included."""
        ...

    async def lookup(self, intent: Intent) -> Finding:
        """Tell what became of the charge; `not_found` if the provider has never heard of it."""
        ...

    async def void(self, intent: Intent) -> Finding:
        """Make sure that `intent` is never charged, even if its charge arrives later; `captured` if it is too late."""
        ...

    async def refund(self, refund: Refund) -> RefundFinding:
        """Give back a part of a capture."""
        ...

    async def lookup_refund(self, refund: Refund) -> RefundFinding:
        """Tell what became of a refund; `not_found` if the provider has never heard of it."""
        ...

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> ProviderEvent:
        """Check signature and age and translate. Raises WebhookForged, WebhookUnreadable.

        Of events that mean nothing here only provider, event_id and kind are set; they are noted and answered 200.
        A provider without webhooks raises WebhookForged.
        """
        ...

    async def submit_evidence(self, dispute_reference: str, text: str, files: None = None) -> None:
        """Give the bank what speaks for the charge. It may be called again with the same text.

        dispute_reference: the provider's id of the dispute. files: none are sent so far.
        Raises EvidenceRefused if the provider will never take it; anything else raised is tried again.
        """
        ...

    def report(self, since: datetime, until: datetime) -> AsyncIterator[ReportLine]:
        """Yield all movements in the provider's own books from `since` (inclusive) to `until` (exclusive), by time.

        Never from our tables of payments, or reconciliation would compare them with themselves. Asked again, the same
        window must give the same lines. Raises Failure, or anything else, if it cannot: it is asked again.
        """
        ...


def chooser(providers: Sequence[Provider]) -> Callable[[str], str]:
    """Return the rule that decides who charges a payment method: the first in order that accepts it, or ``''``."""

    def choose(method: str) -> str:
        return next((provider.name for provider in providers if provider.accepts(method)), "")

    return choose
