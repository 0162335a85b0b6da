"""What carriers say, and whether it is they who say it: Standard Webhooks (https://www.standardwebhooks.com).

HMAC-SHA256 over `id.timestamp.body`, so that none of the three can be exchanged for another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from estore.services.orders.domain import CarrierForged, CarrierUnreadable
from estore.services.orders.service import CarrierEvent, CarrierSaid

TOLERANCE_SECONDS = 300
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_EVENT_ID = re.compile(r"[!-~]{1,200}")
_TIME = re.compile(r"[0-9]{1,12}")
_PREFIX = "whsec_"
_decode = msgspec.json.Decoder(CarrierEvent).decode


def read_secrets(text: str) -> dict[str, str]:
    """Read `dhl=whsec_...,ups=whsec_...`; names of carriers count whatever their case. Raises ValueError."""
    found: dict[str, str] = {}
    for place, part in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
        name, _, secret = part.partition("=")
        if not name.strip() or not secret.strip():
            raise ValueError(f"entry {place} is not carrier=secret")
        try:
            _key(secret.strip())
        except binascii.Error:
            raise ValueError(f"entry {place}: what follows whsec_ is not base64") from None
        found[name.strip().lower()] = secret.strip()
    return found


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    return secret.encode()


def signed(secret: str, event_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a message that a carrier sends `now`."""
    timestamp = str(int(now.timestamp()))
    return {ID: event_id, TIMESTAMP: timestamp, SIGNATURE: _signature(secret, event_id, timestamp, body)}


def _signature(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    content = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), content, hashlib.sha256).digest()).decode()


class Carriers:
    """secret_of: finds a carrier's secret by its name in lower case; None: no such carrier is heard."""

    def __init__(self, secret_of: Callable[[str], str | None]) -> None:
        self._secret_of = secret_of

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> CarrierSaid:
        """Return what a carrier says, if it is genuine and recent. Raises CarrierForged, CarrierUnreadable.

        The body says which carrier speaks, so it is read first; nothing of it is believed before it is verified.
        """
        event_id, timestamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
        if not _EVENT_ID.fullmatch(event_id) or not _TIME.fullmatch(timestamp):
            raise CarrierForged(f"send {ID}, {TIMESTAMP} and {SIGNATURE}")
        try:
            event = _decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise CarrierUnreadable(str(error)) from None
        secret = self._secret_of(event.carrier.lower())
        if secret is None:
            raise CarrierForged("this carrier is not heard here")
        expected = _signature(secret, event_id, timestamp, body).encode()
        # Every candidate is compared in full, so that time tells nothing; two, while a secret is being exchanged.
        genuine = [hmac.compare_digest(s.encode(), expected) for s in headers.get(SIGNATURE, "").split(" ")[:5]]
        if not any(genuine):
            raise CarrierForged("the signature does not match")
        if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
            raise CarrierForged(f"it was signed more than {TOLERANCE_SECONDS} seconds ago, or in the future")
        return CarrierSaid(event_id, event)
