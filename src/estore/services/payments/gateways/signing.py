"""Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, so that none of the three can be exchanged."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from estore.services.payments.gateways.provider import WebhookForged

TOLERANCE_SECONDS = 300
_EVENT_ID = re.compile(r"[!-~]{1,200}")
_TIME = re.compile(r"[0-9]{1,12}")
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def _signature(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    content = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest()).decode()


def signed(secret: str, event_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a webhook that is sent `now`."""
    timestamp = str(int(now.timestamp()))
    return {ID: event_id, TIMESTAMP: timestamp, SIGNATURE: _signature(secret, event_id, timestamp, body)}


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Return the event id of a webhook that one of `secrets` signed and recent. Raises WebhookForged.

    The signature header may hold several, separated by spaces, while a secret is being exchanged.
    """
    event_id, timestamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    if not _EVENT_ID.fullmatch(event_id) or not _TIME.fullmatch(timestamp):
        raise WebhookForged(f"send {ID}, {TIMESTAMP} and {SIGNATURE}")
    expected = [_signature(secret, event_id, timestamp, body).encode() for secret in secrets]
    # Every candidate is compared in full, so that time tells nothing.
    given = headers.get(SIGNATURE, "").split(" ")[:5]
    genuine = [hmac.compare_digest(s.encode(), each) for s in given for each in expected]
    if not any(genuine):
        raise WebhookForged("the signature does not match")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise WebhookForged(f"it was signed more than {TOLERANCE_SECONDS} seconds ago, or in the future")
    return event_id
