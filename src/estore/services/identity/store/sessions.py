"""SQL of sessions and of the throttle."""

from __future__ import annotations

from datetime import datetime, timedelta

from estore.kit.db import Tx
from estore.services.identity.domain import Session

_SESSION = "id, account_id, nonce, generation, client, user_agent, created_at, refreshed_at, expires_at"


async def insert_session(tx: Tx, session: Session, password_hash: str) -> bool:
    """Insert `session` if the password is still the one that was checked.

    The account's lock orders it against a change of password: either that ends this session, or this sees the change.
    """
    return (
        await tx.fetchval(
            "WITH still AS (UPDATE account SET signed_in_at = $7 WHERE id = $2 AND password_hash = $10 RETURNING 1)"
            f" INSERT INTO session ({_SESSION}) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM still RETURNING 1",
            session.id,
            session.account_id,
            session.nonce,
            session.generation,
            session.client,
            session.user_agent,
            session.created_at,
            session.refreshed_at,
            session.expires_at,
            password_hash,
        )
        is not None
    )


async def lock_session(tx: Tx, session_id: str, now: datetime) -> Session | None:
    """Return a live session, locked: one refresh at a time."""
    row = await tx.fetchrow(
        f"SELECT {_SESSION} FROM session WHERE id = $1 AND ended_at IS NULL AND expires_at > $2 FOR UPDATE",
        session_id,
        now,
    )
    return None if row is None else Session(**dict(row))


async def refreshed(tx: Tx, session_id: str, generation: int, now: datetime, expires_at: datetime) -> None:
    """Move a session, which must be locked, on to its next refresh token."""
    await tx.execute(
        "UPDATE session SET generation = $2, refreshed_at = $3, expires_at = $4 WHERE id = $1",
        session_id,
        generation,
        now,
        expires_at,
    )


async def live_sessions(tx: Tx, account_id: str, now: datetime) -> list[Session]:
    """Return the newest hundred."""
    rows = await tx.fetch(
        f"SELECT {_SESSION} FROM session WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2"
        " ORDER BY id DESC LIMIT 100",
        account_id,
        now,
    )
    return [Session(**dict(row)) for row in rows]


async def end_session(tx: Tx, account_id: str, session_id: str, now: datetime, reason: str) -> bool:
    return (
        await tx.fetchval(
            "UPDATE session SET ended_at = $3, end_reason = $4"
            " WHERE account_id = $1 AND id = $2 AND ended_at IS NULL AND expires_at > $3 RETURNING 1",
            account_id,
            session_id,
            now,
            reason,
        )
        is not None
    )


async def end_sessions(tx: Tx, account_id: str, now: datetime, reason: str, keep: str | None = None) -> None:
    """End all sessions of an account but `keep`."""
    await tx.execute(
        "UPDATE session SET ended_at = $2, end_reason = $3 WHERE account_id = $1 AND ended_at IS NULL"
        " AND ($4::text IS NULL OR id <> $4)",
        account_id,
        now,
        reason,
        keep,
    )


async def take_attempt(tx: Tx, key: str, burst: float, every: float, now: datetime) -> datetime | None:
    """Take one attempt of `key` (GCRA, exact under concurrency: the row is the lock).

    Returns None when there was one, or from when on there will be.
    """
    interval, tolerance = timedelta(seconds=every), timedelta(seconds=every * burst)
    taken = await tx.fetchval(
        "INSERT INTO throttle AS t (key, tat) VALUES ($1, $2::timestamptz + $3) ON CONFLICT (key) DO UPDATE"
        " SET tat = greatest(t.tat, $2) + $3 WHERE greatest(t.tat, $2) + $3 <= $2 + $4::interval RETURNING 1",
        key,
        now,
        interval,
        tolerance,
    )
    if taken is not None:
        return None
    tat: datetime = await tx.fetchval("SELECT tat FROM throttle WHERE key = $1", key)
    return tat + interval - tolerance


async def give_attempt_back(tx: Tx, key: str, every: float) -> None:
    await tx.execute("UPDATE throttle SET tat = tat - $2::interval WHERE key = $1", key, timedelta(seconds=every))


async def forget_attempts(tx: Tx, key: str) -> None:
    await tx.execute("DELETE FROM throttle WHERE key = $1", key)


async def purge(tx: Tx, now: datetime, keep: timedelta, limit: int) -> None:
    """Forget attempts that are over, sessions and sent mails older than `keep`: at most `limit` rows each."""
    await tx.execute(
        "DELETE FROM throttle WHERE key IN"
        " (SELECT key FROM throttle WHERE tat < $1 ORDER BY tat LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now,
        limit,
    )
    await tx.execute(
        "DELETE FROM session WHERE id IN"
        " (SELECT id FROM session WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now - keep,
        limit,
    )
    await tx.execute(
        "DELETE FROM mail WHERE id IN (SELECT id FROM mail WHERE state <> 'waiting' AND created_at < $1"
        " ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now - keep,
        limit,
    )
