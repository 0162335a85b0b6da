"""When which key signs, and for how long it is trusted. Times make the decision, no process does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from estore.kit.auth import ACCESS_SECONDS, PublicKey

# Everyone has heard of a key this long before it signs; keys.rotated needs milliseconds, a broken broker an hour.
PUBLISH_AHEAD = timedelta(hours=1)
# Clocks differ, and a token lives on after the last signature.
AFTERGLOW = timedelta(seconds=ACCESS_SECONDS + 120)


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key pair; the private half is `sealed`. trusted_until: of tokens signed with it."""

    kid: str
    jwk: dict[str, Any]
    sealed: bytes
    created_at: datetime
    signs_from: datetime
    trusted_until: datetime


def signer(keys: Sequence[SigningKey], now: datetime) -> SigningKey | None:
    """Return the key that signs now: the one that began last."""
    begun = [key for key in keys if key.signs_from <= now < key.trusted_until]
    return max(begun, key=lambda key: key.signs_from, default=None)


def successor(keys: Sequence[SigningKey], now: datetime, period: timedelta, *, early: bool) -> datetime | None:
    """Return from when a new key has to sign; None while the keys there are will do.

    The first key signs at once, and so does one that comes when nothing else is trusted.
    early: do not wait for the period to end.
    """
    current = signer(keys, now)
    if current is None:
        return now
    if early:
        return now + PUBLISH_AHEAD
    newest = max(keys, key=lambda key: key.signs_from)
    due = newest.signs_from + period
    return max(due, now + PUBLISH_AHEAD) if now >= due - PUBLISH_AHEAD else None


def published(keys: Sequence[SigningKey], now: datetime) -> tuple[PublicKey, ...]:
    """Return the key set for everyone who verifies: all that may still be met, oldest first."""
    return tuple(
        PublicKey(key.kid, key.jwk, key.trusted_until)
        for key in sorted(keys, key=lambda key: key.signs_from)
        if key.trusted_until > now
    )
