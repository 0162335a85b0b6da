"""SQL of accounts and addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from estore.kit.db import Record, Tx
from estore.services.identity.domain import Account, Address, AddressForm

_ACCOUNT = "id, email, name, password_hash, roles, version, created_at, verified_at"
_ADDRESS = "id, name, line1, line2, city, region, postal_code, country, phone, version"


def _account(row: Record | None) -> Account | None:
    return None if row is None else Account(**dict(row))


async def insert_account(tx: Tx, account: Account) -> None:
    await tx.execute(
        f"INSERT INTO account ({_ACCOUNT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        account.id,
        account.email,
        account.name,
        account.password_hash,
        account.roles,
        account.version,
        account.created_at,
        account.verified_at,
    )


async def account(tx: Tx, account_id: str) -> Account | None:
    """Return an account that is not erased."""
    return _account(
        await tx.fetchrow(f"SELECT {_ACCOUNT} FROM account WHERE id = $1 AND erased_at IS NULL", account_id)
    )


async def lock_account(tx: Tx, account_id: str) -> Account | None:
    """Return an account that is not erased, locked until the transaction ends. Sessions are locked after accounts."""
    return _account(
        await tx.fetchrow(
            f"SELECT {_ACCOUNT} FROM account WHERE id = $1 AND erased_at IS NULL FOR NO KEY UPDATE", account_id
        )
    )


async def account_of_session(tx: Tx, account_id: str, session_id: str | None, now: datetime) -> Account | None:
    """Return the account if the session is alive, so that signing out takes effect here at once."""
    return _account(
        await tx.fetchrow(
            f"SELECT {_ACCOUNT} FROM account WHERE id = $1 AND erased_at IS NULL AND ($2::text IS NULL OR EXISTS ("
            " SELECT 1 FROM session WHERE id = $2 AND account_id = $1 AND ended_at IS NULL AND expires_at > $3))",
            account_id,
            session_id,
            now,
        )
    )


async def claimants(tx: Tx, email: str) -> tuple[Account | None, Account | None]:
    """Return the account that proved `email`, and the newest one that only claims it. One statement, whoever exists."""
    rows = await tx.fetch(
        f"(SELECT {_ACCOUNT} FROM account WHERE email = $1 AND verified_at IS NOT NULL)"
        f" UNION ALL (SELECT {_ACCOUNT} FROM account WHERE email = $1 AND verified_at IS NULL"
        " ORDER BY created_at DESC, id DESC LIMIT 1)",
        email,
    )
    found = [Account(**dict(row)) for row in rows]
    proved = next((one for one in found if one.verified), None)
    return proved, next((one for one in found if not one.verified), None)


async def accounts(tx: Tx, email: str | None, after: tuple[Any, ...] | None, limit: int) -> list[Account]:
    """Return accounts, newest first, from after the id in `after`."""
    rows = await tx.fetch(
        f"SELECT {_ACCOUNT} FROM account WHERE erased_at IS NULL AND ($1::text IS NULL OR email = $1)"
        " AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        email,
        after[0] if after else None,
        limit,
    )
    return [Account(**dict(row)) for row in rows]


async def update_name(tx: Tx, account_id: str, versions: Sequence[int] | None, name: str) -> Account | None:
    """Set a name, if the account is at one of `versions` (None: at whichever it is)."""
    return _account(
        await tx.fetchrow(
            "UPDATE account SET name = $3, version = version + 1"
            " WHERE id = $1 AND ($2::bigint[] IS NULL OR version = ANY($2)) AND erased_at IS NULL"
            f" RETURNING {_ACCOUNT}",
            account_id,
            versions,
            name,
        )
    )


async def update_roles(tx: Tx, account_id: str, roles: list[str]) -> Account | None:
    return _account(
        await tx.fetchrow(
            "UPDATE account SET roles = $2, version = version + 1 WHERE id = $1 AND erased_at IS NULL"
            f" RETURNING {_ACCOUNT}",
            account_id,
            roles,
        )
    )


async def replace_password(tx: Tx, account_id: str, old_hash: str, new_hash: str) -> bool:
    """Set a new hash if the old one is still there: of two changes at once, one wins."""
    return (
        await tx.fetchval(
            "UPDATE account SET password_hash = $3 WHERE id = $1 AND password_hash = $2 RETURNING 1",
            account_id,
            old_hash,
            new_hash,
        )
        is not None
    )


async def mark_verified(tx: Tx, account_id: str, now: datetime) -> Account | None:
    """Return the account, proved now; None when it was already, or is no more."""
    return _account(
        await tx.fetchrow(
            "UPDATE account SET verified_at = $2, version = version + 1"
            f" WHERE id = $1 AND verified_at IS NULL AND erased_at IS NULL RETURNING {_ACCOUNT}",
            account_id,
            now,
        )
    )


async def lock_email(tx: Tx, email: str) -> None:
    """One at a time may prove an address, and learn which vendors list it."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", email)


async def lock_operators(tx: Tx) -> int:
    """Return how many operators there are; the number holds until the transaction ends."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext('estore-operators'))")
    return int(await tx.fetchval("SELECT count(*) FROM account WHERE roles <> '{}' AND 'operator' = ANY (roles)"))


async def erase(tx: Tx, account_id: str, email: str, now: datetime) -> int:
    """Forget the person; the empty row keeps the id. Returns the last version."""
    await tx.execute(
        "WITH a AS (DELETE FROM address WHERE account_id = $1), s AS (DELETE FROM session WHERE account_id = $1),"
        " m AS (DELETE FROM mail WHERE account_id = $1 OR email = $2) DELETE FROM sandbox_mail WHERE email = $2",
        account_id,
        email,
    )
    return int(
        await tx.fetchval(
            "UPDATE account SET email = NULL, name = '', password_hash = NULL, roles = '{}', verified_at = NULL,"
            " erased_at = $2, version = version + 1 WHERE id = $1 RETURNING version",
            account_id,
            now,
        )
    )


async def delete_unused(tx: Tx, before: datetime, limit: int) -> list[tuple[str, int]]:
    """Delete accounts made before that nobody confirmed or ever signed in to. Returns their ids and next versions."""
    rows = await tx.fetch(
        "DELETE FROM account WHERE id IN (SELECT id FROM account WHERE verified_at IS NULL AND signed_in_at IS NULL"
        " AND erased_at IS NULL AND created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)"
        " RETURNING id, version + 1 AS version",
        before,
        limit,
    )
    return [(row["id"], row["version"]) for row in rows]


async def addresses(tx: Tx, account_id: str) -> list[Address]:
    rows = await tx.fetch(f"SELECT {_ADDRESS} FROM address WHERE account_id = $1 ORDER BY id", account_id)
    return [Address(**dict(row)) for row in rows]


async def address(tx: Tx, account_id: str, address_id: str) -> Address | None:
    row = await tx.fetchrow(f"SELECT {_ADDRESS} FROM address WHERE account_id = $1 AND id = $2", account_id, address_id)
    return None if row is None else Address(**dict(row))


async def insert_address(tx: Tx, account_id: str, address_id: str, form: AddressForm, at_most: int) -> Address | None:
    """Return the new entry; None when there are `at_most` already. The account must be locked."""
    row = await tx.fetchrow(
        "INSERT INTO address (account_id, id, name, line1, line2, city, region, postal_code, country, phone)"
        " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10"
        f" WHERE (SELECT count(*) FROM address WHERE account_id = $1) < $11 RETURNING {_ADDRESS}",
        account_id,
        address_id,
        *_fields(form),
        at_most,
    )
    return None if row is None else Address(**dict(row))


async def update_address(
    tx: Tx, account_id: str, address_id: str, versions: Sequence[int] | None, form: AddressForm
) -> Address | None:
    """Replace an entry, if it is at one of `versions` (None: at whichever it is)."""
    row = await tx.fetchrow(
        "UPDATE address SET name = $4, line1 = $5, line2 = $6, city = $7, region = $8, postal_code = $9, country = $10,"
        " phone = $11, version = version + 1 WHERE account_id = $1 AND id = $2"
        " AND ($3::bigint[] IS NULL OR version = ANY($3))"
        f" RETURNING {_ADDRESS}",
        account_id,
        address_id,
        versions,
        *_fields(form),
    )
    return None if row is None else Address(**dict(row))


async def delete_address(tx: Tx, account_id: str, address_id: str) -> bool:
    return (
        await tx.fetchval("DELETE FROM address WHERE account_id = $1 AND id = $2 RETURNING 1", account_id, address_id)
        is not None
    )


def _fields(form: AddressForm) -> tuple[str, ...]:
    return (form.name, form.line1, form.line2, form.city, form.region, form.postal_code, form.country, form.phone)
