"""API keys: what a vendor's own programs sign in with, verified by everyone without asking anyone.

Prevents: a person's password in a script, a call to vendors on every request, and a leaked key that works on for
hours. Keys arrive as `api_key.changed` and are kept, as hashes only, in the service's `trusted_api_key` table.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime

import msgspec

from estore.kit.clock import monotonic
from estore.kit.context import Principal
from estore.kit.contract import Event, event
from estore.kit.db import Database, Tx
from estore.kit.envelope import Message
from estore.kit.errors import Transient

PREFIX = "esk_"
MAX_REMEMBERED = 10_000
MAX_WAITING = 1_000
FRESH_SECONDS = 0.5
PAUSE_SECONDS = 0.05
READ_SECONDS = 5.0
_KEY = re.compile(r"esk_([0-9A-HJKMNP-TV-Z]{26})_([A-Za-z0-9_-]{43})")


@event("api_key.changed.v1", by="vendors", subject="key_id")
class ApiKeyChanged(Event, frozen=True, kw_only=True):
    """The whole state of an API key. scopes: catalog, fulfilment, finance. hash: SHA-256 of its secret, hex.

    expires_at: None for a key that works until it is revoked. revoked: for good.
    """

    key_id: str
    vendor_id: str
    scopes: tuple[str, ...]
    hash: str
    expires_at: datetime | None
    revoked: bool
    version: int


def key_text(key_id: str, secret: str) -> str:
    """Return what a client sends: of `key_01JD...` and a secret of 43 characters, `esk_01JD..._<secret>`."""
    return f"{PREFIX}{key_id.removeprefix('key_')}_{secret}"


def hash_of(secret: str) -> str:
    """Return what is kept of a secret. It has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Trusted(msgspec.Struct, frozen=True):
    """A key that is not revoked. read: when this was so (monotonic seconds)."""

    hash: str
    principal: Principal
    expires_at: datetime | None
    read: float


class KeyRing:
    """The API keys that this process met lately; each is read again after half a second of age.

    However many keys are asked for, forged ones included, the table is read twenty times a second at most, and only
    good keys are remembered.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: OrderedDict[str, Trusted] = OrderedDict()
        self._waiting: set[str] = set()
        self._reading: asyncio.Task[None] | None = None
        self._read = -PAUSE_SECONDS

    async def principal(self, text: str, now: datetime) -> Principal | None:
        """Return who an API key speaks for; None for one that is forged, expired or revoked."""
        if (match := _KEY.fullmatch(text)) is None:
            return None
        key_id, presented = f"key_{match[1]}", hash_of(match[2])
        known = self._known.get(key_id)
        if known is None or known.read + FRESH_SECONDS < monotonic():
            await self._look_up(key_id)
            known = self._known.get(key_id)
        if known is None or not hmac.compare_digest(known.hash, presented):
            return None
        return known.principal if known.expires_at is None or known.expires_at > now else None

    async def _look_up(self, key_id: str) -> None:
        """Wait until the key has been read: what is asked for meanwhile is read together."""
        if len(self._waiting) >= MAX_WAITING and key_id not in self._waiting:
            raise Transient("too many unknown API keys at once", retry_after=1)
        self._waiting.add(key_id)
        while key_id in self._waiting:
            if self._reading is None:
                self._reading = asyncio.create_task(self._read_waiting())
            await asyncio.shield(self._reading)

    async def _read_waiting(self) -> None:
        try:
            await asyncio.sleep(max(0.0, self._read + PAUSE_SECONDS - monotonic()))
            wanted = sorted(self._waiting)
            self._read = read = monotonic()
            async with asyncio.timeout(READ_SECONDS), self._db.read() as tx:
                rows = await tx.fetch(
                    "SELECT id, vendor_id, scopes, hash, expires_at FROM trusted_api_key"
                    " WHERE id = ANY ($1::text[]) AND NOT revoked",
                    wanted,
                )
            found = {
                row["id"]: Trusted(
                    row["hash"],
                    Principal(account_id=row["id"], vendors={row["vendor_id"]: row["scopes"]}),
                    row["expires_at"],
                    read,
                )
                for row in rows
            }
            for key_id in wanted:
                self._remember(key_id, found.get(key_id))
            self._waiting.difference_update(wanted)
        except BaseException as error:
            # Who waits is told; who comes next asks anew.
            self._waiting.clear()
            if isinstance(error, TimeoutError):
                raise Transient("API keys cannot be read now") from None
            raise
        finally:
            self._reading = None

    def _remember(self, key_id: str, trusted: Trusted | None) -> None:
        self._known.pop(key_id, None)
        if trusted is not None:
            self._known[key_id] = trusted
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)


async def store_api_keys(tx: Tx, keys: Sequence[ApiKeyChanged]) -> None:
    """Keep API keys, each once in `keys`; an older version never overwrites a newer one."""
    rows = sorted(keys, key=lambda key: key.key_id)
    await tx.execute(
        "INSERT INTO trusted_api_key (id, vendor_id, scopes, hash, expires_at, revoked, version)"
        " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bool[],"
        " $7::bigint[]) ON CONFLICT (id) DO UPDATE SET scopes = excluded.scopes, hash = excluded.hash,"
        " expires_at = excluded.expires_at, revoked = excluded.revoked, version = excluded.version"
        " WHERE trusted_api_key.version < excluded.version",
        [key.key_id for key in rows],
        [key.vendor_id for key in rows],
        [" ".join(key.scopes) for key in rows],
        [key.hash for key in rows],
        [key.expires_at for key in rows],
        [key.revoked for key in rows],
        [key.version for key in rows],
    )


async def trust_api_keys(tx: Tx, messages: Sequence[Message[ApiKeyChanged]]) -> None:
    """Use case of every service: believe the newest state of each key of a batch."""
    newest = {m.data.key_id: m.data for m in sorted(messages, key=lambda m: m.data.version)}
    await store_api_keys(tx, list(newest.values()))
