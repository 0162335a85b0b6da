"""Opaque, prefixed, time-ordered ids: `ord_01JD...`.

Prevents: guessing a neighbour's id, index pages torn apart by random keys, and an order's id used as a product's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as DatabaseUUID
from ulid import ULID, base32

from estore.kit.clock import unix_milliseconds

# One system call fetches the randomness of many ids.
_IDS_A_POOL = 400
_RANDOM_CHARACTERS, _RANDOM_BYTES = 16, 10
# 256 is a multiple of 32: each character is as likely as any other.
_CHARACTERS = (base32.ENCODE * 8).encode()
_characters = ""
_bytes = b""
_millisecond, _written = -1, ""
_last_message = 0


def _forget_pools() -> None:
    global _characters, _bytes
    _characters, _bytes = "", b""


os.register_at_fork(after_in_child=_forget_pools)


def new_id(prefix: str) -> str:
    """Return `<prefix>_<ULID>`: 26 characters of Crockford base 32 that sort by time of creation.

    48 bits of milliseconds, 80 random ones, as `str(ulid.ULID())`, which takes a lock, a system call and arithmetic.
    """
    global _characters, _millisecond, _written
    if not _characters:
        _characters = os.urandom(_RANDOM_CHARACTERS * _IDS_A_POOL).translate(_CHARACTERS).decode()
    drawn, _characters = _characters[:_RANDOM_CHARACTERS], _characters[_RANDOM_CHARACTERS:]
    now = unix_milliseconds()
    if now != _millisecond:
        _millisecond, _written = now, base32.encode_timestamp(now.to_bytes(6))
    return f"{prefix}_{_written}{drawn}"


def age_of(made: str) -> float | None:
    """Return how many seconds ago `new_id` made an id, negative by a clock that is ahead; None if it did not."""
    ulid = made.rpartition("_")[2]
    try:
        born = ULID.from_str(ulid).milliseconds
    except ValueError:
        return None
    # The library reads small letters as well, which no id has.
    return (unix_milliseconds() - born) / 1000 if ulid == ulid.upper() else None


def new_message_id() -> UUID:
    """Return a ULID as UUID: 16 bytes that sort by time of creation, strictly growing within a process.

    Of asyncpg's class, as ids are that were read from a database: it is hashed, written and sent without any Python.
    """
    global _bytes, _last_message
    if not _bytes:
        _bytes = os.urandom(_RANDOM_BYTES * _IDS_A_POOL)
    drawn, _bytes = _bytes[:_RANDOM_BYTES], _bytes[_RANDOM_BYTES:]
    _last_message = max(int.from_bytes(unix_milliseconds().to_bytes(6) + drawn), _last_message + 1)
    return DatabaseUUID(_last_message.to_bytes(16))


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
