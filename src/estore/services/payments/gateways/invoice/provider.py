"""Our own bank account as a `Provider`: it asks the customer to transfer, and knows what operators marked."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from estore.contracts.payments import ReportLine
from estore.kit.db import Database
from estore.services.payments.domain import (
    Finding,
    Found,
    Intent,
    Refund,
    RefundFinding,
    RefundFound,
    creditor_reference,
)
from estore.services.payments.gateways.provider import EvidenceRefused, WebhookForged
from estore.services.payments.service import INVOICE, ProviderEvent, marks_between

_PATIENCE = 86_400.0


class InvoiceProvider:
    """url: under which payments are found. secrets: from which the keys of invoices are derived; the
    first for new ones.

    What settles an invoice is an operator's mark, which is recorded at once: there is nothing to be asked for.
    """

    name = INVOICE

    def __init__(self, db: Database, url: str, secrets: Sequence[str]) -> None:
        self._db = db
        self._url = url
        self._secrets = [secret.encode() for secret in secrets]

    def key_of(self, payment_id: str) -> str:
        """Return what proves that somebody was given the invoice of a payment."""
        return self._keys_of(payment_id)[0]

    def knows(self, payment_id: str, key: str) -> bool:
        """Whether `key` proves that."""
        return any([hmac.compare_digest(each, key) for each in self._keys_of(payment_id)])  # noqa: C419 - in full

    def _keys_of(self, payment_id: str) -> list[str]:
        return [hmac.new(key, payment_id.encode(), hashlib.sha256).hexdigest()[:32] for key in self._secrets]

    def accepts(self, method: str) -> bool:
        return method == INVOICE

    async def charge(self, intent: Intent) -> Finding:
        return self._asked(intent, "charge")

    async def lookup(self, intent: Intent) -> Finding:
        return self._asked(intent, "lookup")

    async def void(self, intent: Intent) -> Finding:
        return Finding(Found.VOIDED, "void")

    async def refund(self, refund: Refund) -> RefundFinding:
        return RefundFinding(RefundFound.PROCESSING, patience=_PATIENCE)

    async def lookup_refund(self, refund: Refund) -> RefundFinding:
        return RefundFinding(RefundFound.PROCESSING, patience=_PATIENCE)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> ProviderEvent:
        raise WebhookForged("a bank account sends no webhooks")

    async def submit_evidence(self, dispute_reference: str, text: str, files: None = None) -> None:
        raise EvidenceRefused("nobody takes back a transfer")

    async def report(self, since: datetime, until: datetime) -> AsyncIterator[ReportLine]:
        async with self._db.transaction(snapshot=True) as tx:
            async for mark in marks_between(tx, since, until):
                yield ReportLine(
                    kind=mark.kind,
                    reference=mark.id,
                    key=mark.refund_id or mark.payment_id,
                    payment_id=mark.payment_id,
                    amount=mark.amount if mark.kind == "capture" else -mark.amount,
                    fee=0,
                    currency=mark.currency,
                    at=mark.marked_at,
                )

    def _asked(self, intent: Intent, source: str) -> Finding:
        if intent.amount == 0:
            return Finding(Found.CAPTURED, source, creditor_reference(intent.id))
        return Finding(
            Found.REQUIRES_ACTION,
            source,
            reference=creditor_reference(intent.id),
            action_url=f"{self._url}/{intent.id}/invoice?key={self.key_of(intent.id)}",
            patience=_PATIENCE,
        )
