"""Stripe's webhooks: whether they are genuine, and what they tell (docs.stripe.com/webhooks, .../api/events/types)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from estore.services.payments.domain import Dispute as OurDispute
from estore.services.payments.domain import DisputeStatus, Found, RefundSeen
from estore.services.payments.gateways.provider import WebhookForged, WebhookUnreadable
from estore.services.payments.gateways.stripe.currencies import Unconvertible, from_stripe
from estore.services.payments.gateways.stripe.findings import finding_of
from estore.services.payments.gateways.stripe.shapes import Dispute, PaymentIntent, Refund
from estore.services.payments.service import ProviderEvent

SIGNATURE = "stripe-signature"

# Inquiries (`warning_...`) and prevented disputes move no money: they are noted, and Stripe's dashboard has them.
_DISPUTES = {
    "needs_response": DisputeStatus.OPENED,
    "appeal_needs_response": DisputeStatus.OPENED,
    "under_review": DisputeStatus.EVIDENCE_SUBMITTED,
    "appeal_under_review": DisputeStatus.EVIDENCE_SUBMITTED,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}
_INTENTS = frozenset(
    f"payment_intent.{happened}"
    for happened in (
        "succeeded",
        "payment_failed",
        "canceled",
        "requires_action",
        "processing",
        "amount_capturable_updated",
    )
)
_REFUNDS = frozenset(("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"))


_OURS = re.compile(r"[a-z]{3}_[0-9A-Za-z]{1,60}")
_Plain = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[!-~]*\Z")]


class _Data(msgspec.Struct, frozen=True):
    object: msgspec.Raw


class _Event(msgspec.Struct, frozen=True):
    id: _Plain
    type: _Plain
    data: _Data


_decode = msgspec.json.Decoder(_Event).decode
_intent = msgspec.json.Decoder(PaymentIntent).decode
_refund = msgspec.json.Decoder(Refund).decode
_dispute = msgspec.json.Decoder(Dispute).decode


def verify(secrets: Sequence[str], tolerance: int, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Check that one of `secrets` signed `body` no more than `tolerance` seconds from `now`. Raises WebhookForged."""
    header = headers.get(SIGNATURE, "")
    if not any(_genuine(body, header, secret) for secret in secrets):
        raise WebhookForged(f"{SIGNATURE} does not match")
    # The SDK would ask the machine's clock, and lets the future pass.
    signed_at = next(int(part[2:]) for part in header.split(",") if part.startswith("t="))
    if abs(now.timestamp() - signed_at) > tolerance:
        raise WebhookForged(f"it was signed more than {tolerance} seconds ago, or in the future")


def _genuine(body: bytes, header: str, secret: str) -> bool:
    import stripe

    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, None))
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        return False  # bytes that are no UTF-8, and letters no signature has, included


def translate(provider: str, body: bytes) -> ProviderEvent:
    """Return what a genuine event tells. Types unheard of, and objects that are not ours, tell nothing.

    Raises WebhookUnreadable.
    """
    try:
        event = _decode(body)
        plain = ProviderEvent(provider, event.id, event.type, "")
        if event.type in _INTENTS:
            return _of_intent(plain, _intent(event.data.object))
        if event.type in _REFUNDS:
            return _of_refund(plain, _refund(event.data.object))
        if event.type.startswith("charge.dispute."):
            return _of_dispute(plain, _dispute(event.data.object))
    except msgspec.MsgspecError as error:
        raise WebhookUnreadable(str(error)) from None
    except (Unconvertible, OverflowError) as error:
        raise WebhookUnreadable(f"{event.id}: {error}") from None
    return plain


def _of_intent(event: ProviderEvent, made: PaymentIntent) -> ProviderEvent:
    payment_id = _ours(made.metadata, "payment_id")
    if not payment_id:
        return event
    event = msgspec.structs.replace(event, payment_id=payment_id, charge_reference=made.id)
    finding = finding_of(made, "webhook")
    if finding.found is Found.REQUIRES_ACTION and finding.action_url is None:
        return event  # the one who charged sees to it
    return msgspec.structs.replace(event, finding=finding)


def _of_refund(event: ProviderEvent, refund: Refund) -> ProviderEvent:
    """Refunds that somebody made in Stripe's dashboard carry no id of ours; the payment is found by its charge."""
    if refund.status not in ("succeeded", "failed", "canceled") or not refund.payment_intent:
        return event
    seen = RefundSeen(
        reference=refund.id,
        key=_ours(refund.metadata, "refund_id"),
        amount=from_stripe(refund.amount, refund.currency),
        currency=refund.currency.upper(),
        succeeded=refund.status == "succeeded",
    )
    payment_id = _ours(refund.metadata, "payment_id")
    return msgspec.structs.replace(event, payment_id=payment_id, refund=seen, charge_reference=refund.payment_intent)


def _of_dispute(event: ProviderEvent, dispute: Dispute) -> ProviderEvent:
    status = _DISPUTES.get(dispute.status)
    if status is None or not dispute.payment_intent:
        return event
    due = dispute.evidence_details.due_by if dispute.evidence_details else None
    told = OurDispute(
        reference=dispute.id,
        amount=from_stripe(dispute.amount, dispute.currency),
        currency=dispute.currency.upper(),
        status=status,
        reason=dispute.reason,
        evidence_due_at=None if due is None else datetime.fromtimestamp(due, UTC),
    )
    return msgspec.structs.replace(event, dispute=told, charge_reference=dispute.payment_intent)


def _ours(metadata: Mapping[str, str], key: str) -> str:
    """Return an id of ours, empty if there is none or somebody else uses the same word for something else."""
    value = metadata.get(key, "")
    return value if _OURS.fullmatch(value) else ""
