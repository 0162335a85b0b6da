"""SQL of the read model of vendors' members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from estore.kit.db import Tx
from estore.services.identity.domain import MemberChange


async def accept_lists(tx: Tx, versions: Mapping[str, int]) -> list[str]:
    """Return the vendors whose list is newer than what is known, locked in order of their ids."""
    ids = sorted(versions)
    rows = await tx.fetch(
        "INSERT INTO vendor_list AS v (vendor_id, version) SELECT * FROM unnest($1::text[], $2::bigint[])"
        " ON CONFLICT (vendor_id) DO UPDATE SET version = excluded.version WHERE excluded.version > v.version"
        " RETURNING vendor_id",
        ids,
        [versions[vendor_id] for vendor_id in ids],
    )
    return [row["vendor_id"] for row in rows]


async def members(tx: Tx, vendor_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return vendor id -> e-mail -> role."""
    rows = await tx.fetch(
        "SELECT vendor_id, email, role FROM membership WHERE vendor_id = ANY ($1::text[])", vendor_ids
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["vendor_id"], {})[row["email"]] = row["role"]
    return found


async def apply_changes(tx: Tx, changes: Sequence[MemberChange]) -> None:
    """Write `changes` in two statements."""
    gone = [change for change in changes if change.role is None]
    kept = [change for change in changes if change.role is not None]
    await tx.execute(
        "DELETE FROM membership m USING unnest($1::text[], $2::text[]) AS gone (vendor_id, email)"
        " WHERE m.vendor_id = gone.vendor_id AND m.email = gone.email",
        [change.vendor_id for change in gone],
        [change.email for change in gone],
    )
    await tx.execute(
        "INSERT INTO membership (vendor_id, email, role) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])"
        " ON CONFLICT (vendor_id, email) DO UPDATE SET role = excluded.role",
        [change.vendor_id for change in kept],
        [change.email for change in kept],
        [change.role for change in kept],
    )


async def lock_emails(tx: Tx, emails: Sequence[str]) -> None:
    """`lock_email` for many, in one order."""
    await tx.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(email, 1))"
        " FROM (SELECT DISTINCT email FROM unnest($1::text[]) AS email ORDER BY email) AS sorted",
        emails,
    )


async def bump_holders(tx: Tx, emails: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Count a change on the accounts that proved `emails`. Returns e-mail -> (account id, version)."""
    rows = await tx.fetch(
        "WITH held AS (SELECT id FROM account WHERE email = ANY ($1::text[]) AND verified_at IS NOT NULL"
        " ORDER BY id FOR NO KEY UPDATE) UPDATE account a SET version = version + 1 FROM held WHERE a.id = held.id"
        " RETURNING a.email, a.id, a.version",
        emails,
    )
    return {row["email"]: (row["id"], row["version"]) for row in rows}


async def vendors_of(tx: Tx, email: str) -> dict[str, str]:
    """Return vendor id -> role of whoever has proved `email`."""
    rows = await tx.fetch("SELECT vendor_id, role FROM membership WHERE email = $1 ORDER BY vendor_id LIMIT 100", email)
    return {row["vendor_id"]: row["role"] for row in rows}
