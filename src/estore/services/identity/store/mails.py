"""SQL of mails that must go out, and of the sandbox's mailbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from estore.kit.db import Tx
from estore.services.identity.domain import Mail, MailKind, SandboxMail


async def insert_mail(tx: Tx, mail_id: str, kind: MailKind, email: str, account_id: str | None, now: datetime) -> None:
    await tx.execute(
        "INSERT INTO mail (id, kind, email, account_id, created_at, due_at) VALUES ($1, $2, $3, $4, $5, $5)",
        mail_id,
        kind,
        email,
        account_id,
        now,
    )


async def claim_mails(tx: Tx, now: datetime, lease: timedelta, limit: int) -> list[Mail]:
    """Return due mails; nobody else is given them for `lease`, so a process that dies leaves them to the next."""
    rows = await tx.fetch(
        "UPDATE mail SET due_at = $1 + $2::interval, attempts = attempts + 1 WHERE id IN"
        " (SELECT id FROM mail WHERE state = 'waiting' AND due_at <= $1"
        " ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)"
        " RETURNING id, kind, email, account_id, created_at, attempts",
        now,
        lease,
        limit,
    )
    return [Mail(**dict(row)) for row in rows]


async def finish_mail(tx: Tx, mail_id: str, state: Literal["sent", "dropped", "failed"], error: str = "") -> None:
    await tx.execute("UPDATE mail SET state = $2, error = $3 WHERE id = $1", mail_id, state, error)


async def delay_mail(tx: Tx, mail_id: str, due_at: datetime, error: str) -> None:
    await tx.execute(
        "UPDATE mail SET due_at = $2, error = $3 WHERE id = $1 AND state = 'waiting'", mail_id, due_at, error
    )


async def keep_sandbox_mail(tx: Tx, mail: SandboxMail) -> None:
    """Put a mail into the mailbox; once, however often it is sent."""
    await tx.execute(
        "INSERT INTO sandbox_mail (id, email, subject, body, token, sent_at) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (id) DO NOTHING",
        mail.id,
        mail.email,
        mail.subject,
        mail.body,
        mail.token,
        mail.sent_at,
    )


async def sandbox_mails(tx: Tx, email: str | None, after: tuple[Any, ...] | None, limit: int) -> list[SandboxMail]:
    """Return the mailbox, newest first."""
    rows = await tx.fetch(
        "SELECT id, email, subject, body, token, sent_at FROM sandbox_mail WHERE ($1::text IS NULL OR email = $1)"
        " AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        email,
        after[0] if after else None,
        limit,
    )
    return [SandboxMail(**dict(row)) for row in rows]
