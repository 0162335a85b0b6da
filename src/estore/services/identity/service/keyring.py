"""The keys that sign access tokens: made, rotated, told to everyone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from joserfc.jwk import OKPKey

from estore.contracts.identity import KeysRotated, PublicKey
from estore.kit.auth import ACCESS_SECONDS, ALGORITHM, new_key, sign, store_keys
from estore.kit.context import Context, Principal
from estore.kit.db import Tx
from estore.kit.errors import Transient
from estore.services.identity import store
from estore.services.identity.domain import AFTERGLOW, SigningKey, published, signer, successor
from estore.services.identity.service.policy import Policy
from estore.services.identity.service.seals import Seals


class Jwk(msgspec.Struct, frozen=True):
    """A public key (RFC 7517, RFC 8037)."""

    kid: str
    x: str
    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = ALGORITHM
    use: str = "sig"


class Jwks(msgspec.Struct, frozen=True):
    """The keys with which access tokens may be signed."""

    keys: list[Jwk]


class Rotate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """early: make a new key although the present one has not served its time.

    compromised: somebody else may have the present keys; trust them no longer, and sign with a new one at once.
    """

    early: bool = False
    compromised: bool = False


class Keyring:
    """Signs. Private keys are decrypted once per process and stay in its memory."""

    def __init__(self, policy: Policy, seals: Seals) -> None:
        self._policy = policy
        self._seals = seals
        self._open: dict[str, OKPKey] = {}

    async def access_token(self, tx: Tx, ctx: Context, principal: Principal) -> str:
        """Return a token for `principal`, signed with the key whose time it is. Raises Transient without one."""
        key = signer(await store.keys(tx, ctx.now), ctx.now)
        if key is None:
            raise Transient("there is no signing key yet")
        return sign(principal, self._private(key), ctx.now, seconds=ACCESS_SECONDS)

    async def open_keys(self, tx: Tx, ctx: Context, _request: None) -> Jwks:
        """Return the public key set."""
        keys = published(await store.keys(tx, ctx.now), ctx.now)
        return Jwks([Jwk(key.kid, str(key.jwk["x"])) for key in keys])

    async def publish_keys(self, tx: Tx, ctx: Context, _request: None) -> None:
        """Tell everyone the key set as it is, the first key made if need be: services may have forgotten it."""
        await self._rotate(tx, ctx, early=False, tell_anyway=True)

    async def rotate_keys(self, tx: Tx, ctx: Context, request: Rotate) -> None:
        """Make the next key when it is time, well before it signs."""
        if request.compromised:
            await store.lock_key_set(tx)
            revoked = await store.revoke_keys(tx, ctx.now)
            await self._rotate(tx, ctx, early=False, tell_anyway=True, revoked=revoked)
        else:
            await self._rotate(tx, ctx, early=request.early, tell_anyway=False)

    async def _rotate(
        self, tx: Tx, ctx: Context, *, early: bool, tell_anyway: bool, revoked: Sequence[PublicKey] = ()
    ) -> None:
        version = await store.lock_key_set(tx) + 1
        keys = await store.keys(tx, ctx.now)
        waiting = any(key.signs_from > ctx.now for key in keys)
        begins = successor(keys, ctx.now, self._policy.key_period, early=early and not waiting)
        if begins is not None:
            pair = new_key()
            key = SigningKey(
                kid=str(pair.kid),
                jwk=_public(pair),
                sealed=self._seals.seal(pair),
                created_at=ctx.now,
                signs_from=begins,
                # Long enough for an identity that is away when its key should have been followed by another.
                trusted_until=begins + 2 * self._policy.key_period + AFTERGLOW,
            )
            await store.insert_key(tx, key)
            await store.limit_trust(tx, begins, begins + AFTERGLOW)
            keys = await store.keys(tx, ctx.now)
        # A wrong master secret is found at start, not at the first sign-in.
        for key in keys:
            self._private(key)
        await store.delete_retired(tx, ctx.now)
        if begins is None and not tell_anyway:
            return
        everyone = (*revoked, *published(keys, ctx.now))
        await store_keys(tx, everyone, ctx.now)
        await store.set_key_version(tx, version)
        tx.emit(KeysRotated(kid=keys[-1].kid, keys=everyone, version=version), ctx)

    def _private(self, key: SigningKey) -> OKPKey:
        if key.kid not in self._open:
            self._open[key.kid] = self._seals.unseal(key.sealed, key.kid)
        return self._open[key.kid]


def _public(pair: OKPKey) -> dict[str, Any]:
    return dict(pair.as_dict(private=False)) | {"alg": ALGORITHM, "use": "sig"}
