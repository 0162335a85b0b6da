"""The sandbox's webhooks: what their bodies say, and which of them tell of what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec

from estore.kit.money import MAX_AMOUNT
from estore.services.payments.domain import DisputeStatus
from estore.services.payments.gateways.provider import WebhookUnreadable
from estore.services.payments.gateways.sandbox.books import Charge, Webhook
from estore.services.payments.gateways.sandbox.disputes import Claimed

_Plain = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[ -~]*\Z")]


class Sent(msgspec.Struct, frozen=True):
    """The body of a webhook. Amounts are in minor units."""

    id: _Plain
    type: _Plain
    created_at: datetime
    charge: _SentCharge
    dispute: _SentDispute | None = None
    refund: _SentRefund | None = None


class _SentCharge(msgspec.Struct, frozen=True):
    id: _Plain
    client_reference: _Plain
    status: Literal["captured", "declined", "requires_action", "processing", "voided"]
    amount: int
    currency: _Plain
    code: _Plain = ""


class _SentDispute(msgspec.Struct, frozen=True):
    id: _Plain
    amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT)]
    status: DisputeStatus = DisputeStatus.OPENED
    reason: _Plain = ""
    evidence_due_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _SentRefund(msgspec.Struct, frozen=True):
    id: _Plain
    client_reference: _Plain
    amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT)]
    status: Literal["succeeded", "failed"] = "succeeded"


_decode = msgspec.json.Decoder(Sent).decode


def read(body: bytes) -> Sent:
    """Return what a webhook says. Raises WebhookUnreadable."""
    try:
        return _decode(body)
    except msgspec.MsgspecError as error:
        raise WebhookUnreadable(str(error)) from None


def of_charge(charge: Charge, due: datetime, event_id: str | None = None, copy: int = 1) -> Webhook:
    """Return the webhook that tells what a charge is now, to be sent at `due`. copy: which delivery of the event."""
    event_id = event_id or f"evt_{charge.key}_{charge.status}"
    body = msgspec.json.encode(Sent(event_id, f"charge.{charge.status}", due, _sent(charge)))
    return Webhook(f"{event_id}#{copy}", event_id, body, due, charge_id=charge.id)


def of_capture_again(charge: Charge, now: datetime) -> list[Webhook]:
    """Return the webhooks with which a capture is told many times, none for what is no capture.

    Four deliveries of three events: the first twice, then the older one, then one that says the same anew.
    """
    if charge.status != "captured":
        return []
    early = msgspec.structs.replace(charge, status="processing")
    late = now + timedelta(seconds=1)
    return [
        of_charge(charge, now),
        of_charge(charge, now, copy=2),
        of_charge(early, late),
        of_charge(charge, late, f"evt_{charge.key}_again"),
    ]


def of_dispute(held: Claimed, now: datetime) -> Webhook:
    """Return the webhook that tells of a dispute; it never says more of the charge than that it was captured."""
    charge = _SentCharge(held.charge_id, held.key, "captured", held.amount, held.currency)
    told = _SentDispute(held.id, held.amount, DisputeStatus(held.status), held.reason, held.due_at)
    return _once(Sent(f"evt_{held.id}_{held.status}", f"dispute.{held.status}", now, charge, told))


def of_refund(refund_id: str, charge: Charge, amount: int, now: datetime) -> Webhook:
    """Return the webhook that tells of a refund that the shop did not ask for. amount: in minor units."""
    told = _SentRefund(refund_id, "", amount)
    return _once(Sent(f"evt_{refund_id}", "charge.refunded", now, _sent(charge), refund=told))


def _sent(charge: Charge) -> _SentCharge:
    return _SentCharge(charge.id, charge.key, charge.status, charge.amount, charge.currency, charge.code)  # type: ignore[arg-type]


def _once(sent: Sent) -> Webhook:
    return Webhook(f"{sent.id}#1", sent.id, msgspec.json.encode(sent), sent.created_at)
