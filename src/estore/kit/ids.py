"""Opaque, prefixed, time-ordered ids: `ord_01JD...`.

Prevents: guessing a neighbour's id, index pages torn apart by random keys, and an order's id used as a product's.
"""

from __future__ import annotations

import secrets
from uuid import UUID

from ulid import ULID

_last_message = 0


def new_id(prefix: str) -> str:
    """Return `<prefix>_<ULID>`: 26 characters of Crockford base 32 that sort by time of creation."""
    return f"{prefix}_{ULID()}"


def new_message_id() -> UUID:
    """Return a ULID as UUID: 16 bytes that sort by time of creation, strictly growing within a process."""
    global _last_message
    _last_message = max(int.from_bytes(ULID().bytes), _last_message + 1)
    return UUID(int=_last_message)


def new_secret(nbytes: int = 24) -> str:
    """Return a URL-safe bearer secret with `nbytes` bytes of randomness."""
    return secrets.token_urlsafe(nbytes)
