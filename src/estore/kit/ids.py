"""Opaque, prefixed, time-ordered ids: `ord_01JD...`.

Prevents: guessing a neighbour's id, index pages torn apart by random keys, and an order's id used as a product's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from uuid import UUID

from ulid import base32

from estore.kit.clock import unix_milliseconds

# One system call fetches the randomness of many ids.
_POOL_BYTES = 10 * 400
_pool = b""
_taken = _POOL_BYTES
_last_message = 0


def _ulid() -> bytes:
    """Return a ULID: 48 bits of milliseconds, 80 random ones. (`ulid.ULID()` takes a lock and a system call each.)"""
    global _pool, _taken
    if _taken >= len(_pool):
        _pool, _taken = os.urandom(_POOL_BYTES), 0
    start, _taken = _taken, _taken + 10
    return unix_milliseconds().to_bytes(6) + _pool[start:_taken]


def _forget_pool() -> None:
    global _pool
    _pool = b""


os.register_at_fork(after_in_child=_forget_pool)


def new_id(prefix: str) -> str:
    """Return `<prefix>_<ULID>`: 26 characters of Crockford base 32 that sort by time of creation."""
    return f"{prefix}_{base32.encode(_ulid())}"


def new_message_id() -> UUID:
    """Return a ULID as UUID: 16 bytes that sort by time of creation, strictly growing within a process."""
    global _last_message
    _last_message = max(int.from_bytes(_ulid()), _last_message + 1)
    return UUID(int=_last_message)


class GuestSecrets:
    """The bearer secrets of what guests make, each derived from its id: nobody needs to keep one to tell it again.

    keys: the service's own, see `Settings.accepted`, the newest first; whoever has one has all of its secrets.
    """

    def __init__(self, *keys: str) -> None:
        self._keys = {hashlib.sha256(key.encode()).hexdigest()[:8]: key.encode() for key in keys}
        self.hint = next(iter(self._keys))

    def of(self, made: str, hint: str = "") -> str:
        """Return the URL-safe secret of the id `made` (HMAC-SHA256, cut to 24 bytes as RFC 2104 section 5 allows).

        hint: which key it was first derived with, as `hint` was then; the newest without, or where that key is gone.
        """
        digest = hmac.digest(self._keys.get(hint, self._keys[self.hint]), made.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:24]).decode()
