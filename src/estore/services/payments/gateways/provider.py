"""What a payment provider must be able to do, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from estore.kit.errors import Malformed, Unauthenticated
from estore.services.payments.domain import Finding, Intent, Refund, RefundFinding
from estore.services.payments.service import ProviderEvent


class WebhookForged(Unauthenticated):
    code, title = "payments.webhook_forged", "The signature of this webhook is missing, wrong or too old"


class WebhookUnreadable(Malformed):
    code, title = "payments.webhook_unreadable", "This webhook cannot be read"


class Provider(Protocol):
    """A payment provider. Calls may raise, hang or lie about time; the caller bounds them and asks again.

    `intent.key` and `refund.id` are idempotency keys: a repeated call with the same key answers what the first did,
    and moves no money twice.
    """

    name: str

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
        """Check signature and age and translate. Raises WebhookForged, WebhookUnreadable."""
        ...
