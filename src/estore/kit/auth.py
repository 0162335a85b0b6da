"""Access tokens: signed by identity with Ed25519 (RFC 8037), verified by everyone without asking anyone.

Prevents: a call to identity on every request, and a signing key that cannot be changed. Keys arrive as
`keys.rotated`, are kept in the service's `trusted_key` table, and are read again when a token names an unknown one.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import idna
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from estore.kit.api_keys import PREFIX, ApiKeyChanged, KeyRing, trust_api_keys
from estore.kit.bus.base import Subscription
from estore.kit.clock import monotonic
from estore.kit.context import Principal
from estore.kit.contract import Event, event
from estore.kit.db import Database, Tx
from estore.kit.endpoint import Edge
from estore.kit.envelope import Message
from estore.kit.errors import Unauthenticated

ISSUER = "estore"
TYPE = "at+jwt"
ALGORITHM = "Ed25519"
ALGORITHMS = ["Ed25519", "EdDSA"]
ACCESS_SECONDS = 600
MAX_CACHED = 10_000
# Between two reads of the key table, however many unknown keys are named meanwhile.
RELOAD_SECONDS = 0.05


_KID = re.compile(r"[A-Za-z0-9_-]{43}")
MAX_EMAIL = 254
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


def normal_email(address: str) -> str:
    """Return the one spelling of an e-mail address by which people are recognised everywhere.

    The local part is folded to lower case, the domain becomes ASCII (IDNA 2008 with UTS 46). Local parts beyond ASCII
    are refused: folding them can make two mailboxes look like one. Raises ValueError.
    """
    local, at, domain = address.strip().rpartition("@")
    local = local.lower()
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local):
        raise ValueError("not an e-mail address")
    try:
        host = idna.encode(domain, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise ValueError("the domain of this e-mail address does not exist") from None
    if "." not in host or len(local) + len(host) + 1 > MAX_EMAIL:
        raise ValueError("not an e-mail address")
    return f"{local}@{host}"


class TokenInvalid(Unauthenticated):
    code, title = "auth.token_invalid", "The access token is expired, forged or unreadable"


class ApiKeyInvalid(Unauthenticated):
    code, title = "auth.api_key_invalid", "The API key is expired, revoked or forged"


class PublicKey(msgspec.Struct, frozen=True):
    """A key that may have signed an access token. jwk: RFC 7517, public part. Trusted until expires_at."""

    kid: str
    jwk: dict[str, Any]
    expires_at: datetime


@event("keys.rotated.v1", by="identity", subject="kid")
class KeysRotated(Event, frozen=True, kw_only=True):
    """The whole current key set, so that nobody fetches the JWKS. kid: the newest key."""

    kid: str
    keys: tuple[PublicKey, ...]
    version: int


def new_key() -> OKPKey:
    """Return a fresh Ed25519 key whose `kid` is its thumbprint (RFC 7638)."""
    return OKPKey.generate_key("Ed25519", auto_kid=True)


def sign(principal: Principal, key: OKPKey, now: datetime, *, seconds: int = ACCESS_SECONDS) -> str:
    """Return an access token (RFC 9068 claims where they apply) for `principal`, valid for `seconds`."""
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": principal.account_id,
        "sid": principal.session_id,
        "email": principal.email,
        "roles": sorted(principal.roles),
        "vendors": principal.vendors,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(seconds=seconds)).timestamp()),
    }
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": TYPE}, claims, key, algorithms=ALGORITHMS)


class Verifier:
    """Turns an Authorization header, an access token or an API key, into a Principal.

    db: where `trusted_key` and `trusted_api_key` are; None in tests that call `trust` themselves.
    """

    def __init__(self, db: Database | None = None) -> None:
        self._db = db
        self._ring = KeyRing(db) if db is not None else None
        self._keys: dict[str, tuple[OKPKey, datetime]] = {}
        self._seen: OrderedDict[str, tuple[Principal, float]] = OrderedDict()
        self._loaded = -RELOAD_SECONDS
        self._begun = self._done = 0
        self._reloading: asyncio.Task[None] | None = None

    def trust(self, jwk: dict[str, Any], expires_at: datetime) -> None:
        """Accept tokens signed with the public key `jwk` until `expires_at`."""
        kid = str(jwk["kid"])
        known = self._keys.get(kid)
        if known is not None and known[1] != expires_at:
            # What the key has signed must be looked at again.
            self._seen.clear()
        self._keys[kid] = (OKPKey.import_key(jwk), expires_at)

    async def principal(self, authorization: str, now: datetime) -> Principal:
        """Return who the header `Bearer <token or API key>` speaks for. Raises TokenInvalid, ApiKeyInvalid."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenInvalid("send Authorization: Bearer <token>")
        if token.startswith(PREFIX):
            principal = await self._ring.principal(token, now) if self._ring is not None else None
            if principal is None:
                raise ApiKeyInvalid()
            return principal
        cached = self._seen.get(token)
        if cached is not None:
            if cached[1] <= now.timestamp():
                raise TokenInvalid("the token is expired")
            return cached[0]
        principal, expires = await self._verify(token, now)
        self._seen[token] = (principal, expires)
        if len(self._seen) > MAX_CACHED:
            self._seen.popitem(last=False)
        return principal

    async def _verify(self, token: str, now: datetime) -> tuple[Principal, float]:
        try:
            kid = str(_header(token).get("kid", ""))
            if kid not in self._keys and _KID.fullmatch(kid):
                await self._look_for(kid)
            key, until = self._keys[kid]
            if until < now:
                raise TokenInvalid("the key that signed this token is retired")
            decoded = jwt.decode(token, key, algorithms=ALGORITHMS)
            claims = decoded.claims
            # RFC 9068: what this key signs for another purpose must never pass as an access token.
            if decoded.header.get("typ") != TYPE:
                raise TokenInvalid("this is not an access token")
            expires = float(claims["exp"])
            if claims["iss"] != ISSUER or claims["aud"] != ISSUER:
                raise TokenInvalid("the token is meant for somebody else")
            if expires <= now.timestamp():
                raise TokenInvalid("the token is expired")
            principal = Principal(
                account_id=str(claims["sub"]),
                email=claims.get("email"),
                roles=frozenset(claims.get("roles", ())),
                vendors=dict(claims.get("vendors", {})),
                session_id=claims.get("sid"),
            )
            return principal, expires
        except (JoseError, KeyError, ValueError, TypeError, UnicodeError) as error:
            raise TokenInvalid("the token cannot be verified") from error

    def knows_a_key(self, now: datetime) -> bool:
        """Whether some key is trusted at `now`: before, every honest token would be refused."""
        return any(until > now for _, until in self._keys.values())

    async def load(self) -> None:
        """Trust what the key table holds. Raises Transient."""
        if self._db is None:
            return
        self._begun += 1
        reading = self._begun
        async with self._db.read() as tx:
            for row in await tx.fetch("SELECT jwk, expires_at FROM trusted_key"):
                self.trust(row["jwk"], row["expires_at"])
        self._done = max(self._done, reading)

    async def _look_for(self, kid: str) -> None:
        """Wait until the key table was read after `kid` was first seen here: one read for all who wait, and a pause
        between two.

        Forged tokens must neither become database load nor hold connections, and of many first requests after a
        rotation none may be refused.
        """
        if self._db is None:
            return
        before = self._begun
        while kid not in self._keys and self._done <= before:
            if self._reloading is None:
                self._reloading = asyncio.create_task(self._reload())
            await asyncio.shield(self._reloading)

    async def _reload(self) -> None:
        try:
            await asyncio.sleep(max(0.0, self._loaded + RELOAD_SECONDS - monotonic()))
            self._loaded = monotonic()
            await self.load()
        finally:
            self._reloading = None


def _header(token: str) -> dict[str, Any]:
    from joserfc.jws import extract_compact

    return dict(extract_compact(token.encode()).headers())


async def store_keys(tx: Tx, keys: Sequence[PublicKey], now: datetime) -> None:
    """Keep the public keys and forget those that had long expired by `now`.

    Trust is only ever shortened, so key sets may arrive in any order.
    """
    await tx.execute(
        "INSERT INTO trusted_key (kid, jwk, expires_at)"
        " SELECT * FROM unnest($1::text[], $2::jsonb[], $3::timestamptz[])"
        " ON CONFLICT (kid) DO UPDATE SET expires_at = least(trusted_key.expires_at, excluded.expires_at)",
        [key.kid for key in keys],
        [key.jwk for key in keys],
        [key.expires_at for key in keys],
    )
    await tx.execute("DELETE FROM trusted_key WHERE expires_at < $1", now - timedelta(days=1))


async def trust_keys(tx: Tx, messages: Sequence[Message[KeysRotated]]) -> None:
    """Use case of every service: believe the newest key set of a batch."""
    newest = max(messages, key=lambda message: message.data.version)
    await store_keys(tx, newest.data.keys, newest.now)


HEARD: tuple[type[Event], ...] = (KeysRotated, ApiKeyChanged)
"""What every service hears, whatever its charter says."""


def key_subscription(edge: Edge) -> Subscription:
    """Return the queue `<service>.keys`, of news of signing keys and API keys. The runtime adds it."""
    return Subscription(
        f"{edge.service}.keys",
        {KeysRotated: edge.consumer(trust_keys), ApiKeyChanged: edge.consumer(trust_api_keys)},
    )
