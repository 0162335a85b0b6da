"""SQL of the signing keys."""

from __future__ import annotations

from datetime import datetime

from estore.contracts.identity import PublicKey
from estore.kit.db import Tx
from estore.services.identity.domain import SigningKey

_KEY = "kid, jwk, sealed, created_at, signs_from, trusted_until"


async def lock_key_set(tx: Tx) -> int:
    """Return the version of the key set; nobody else changes it until the transaction ends."""
    return int(await tx.fetchval("SELECT version FROM key_set FOR UPDATE"))


async def set_key_version(tx: Tx, version: int) -> None:
    await tx.execute("UPDATE key_set SET version = $1", version)


async def keys(tx: Tx, now: datetime) -> list[SigningKey]:
    """Return the keys that are still trusted, oldest first."""
    rows = await tx.fetch(f"SELECT {_KEY} FROM signing_key WHERE trusted_until > $1 ORDER BY signs_from", now)
    return [SigningKey(**dict(row)) for row in rows]


async def insert_key(tx: Tx, key: SigningKey) -> None:
    await tx.execute(
        f"INSERT INTO signing_key ({_KEY}) VALUES ($1, $2, $3, $4, $5, $6)",
        key.kid,
        key.jwk,
        key.sealed,
        key.created_at,
        key.signs_from,
        key.trusted_until,
    )


async def limit_trust(tx: Tx, signs_before: datetime, until: datetime) -> None:
    """End the trust in keys that began before `signs_before`, unless it ends earlier."""
    await tx.execute(
        "UPDATE signing_key SET trusted_until = $2 WHERE signs_from < $1 AND trusted_until > $2", signs_before, until
    )


async def revoke_keys(tx: Tx, now: datetime) -> list[PublicKey]:
    """Forget all keys; returns them, trusted until `now`."""
    rows = await tx.fetch("DELETE FROM signing_key WHERE trusted_until > $1 RETURNING kid, jwk", now)
    return [PublicKey(row["kid"], row["jwk"], now) for row in rows]


async def delete_retired(tx: Tx, now: datetime) -> None:
    """Forget the private halves of keys that nobody trusts any more."""
    await tx.execute("DELETE FROM signing_key WHERE trusted_until < $1", now)
