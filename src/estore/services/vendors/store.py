"""All SQL of vendors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from estore.contracts.vendors import Member
from estore.kit.db import Record, Tx
from estore.services.vendors.domain import Vendor

_COLUMNS = (
    "id, slug, name, legal_name, country, description, email, status, reason, commission_bps, version, applied_by,"
    " applied_at"
)
_MEMBERS = (
    "coalesce((SELECT jsonb_agg(jsonb_build_object('email', m.email, 'role', m.role) ORDER BY m.email)"
    " FROM member m WHERE m.vendor_id = vendor.id), '[]'::jsonb) AS members"
)


def _vendor(row: Record) -> Vendor:
    values = dict(row)
    values["members"] = tuple(Member(**member) for member in values.get("members", ()))
    return Vendor(**values)


async def insert_vendor(tx: Tx, vendor: Vendor) -> bool:
    """Insert a vendor with its members; False when its slug is taken."""
    inserted = await tx.fetchval(
        f"INSERT INTO vendor ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        " ON CONFLICT (slug) DO NOTHING RETURNING 1",
        vendor.id,
        vendor.slug,
        vendor.name,
        vendor.legal_name,
        vendor.country,
        vendor.description,
        vendor.email,
        vendor.status,
        vendor.reason,
        vendor.commission_bps,
        vendor.version,
        vendor.applied_by,
        vendor.applied_at,
    )
    if inserted is not None:
        await _write_members(tx, vendor)
    return inserted is not None


async def find_vendor(tx: Tx, key: str) -> Vendor | None:
    """Return a vendor by id or slug, with its members. No slug has an underscore, every id has one."""
    column = "id" if "_" in key else "slug"
    row = await tx.fetchrow(f"SELECT {_COLUMNS}, {_MEMBERS} FROM vendor WHERE {column} = $1", key)
    return None if row is None else _vendor(row)


async def update_vendor(tx: Tx, key: str, change: Callable[[Vendor], Vendor]) -> tuple[Vendor, Vendor] | None:
    """Lock a vendor, let `change` decide, write what it returns. Returns before and after; None when there is none."""
    column = "id" if "_" in key else "slug"
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM vendor WHERE {column} = $1 FOR NO KEY UPDATE", key)
    if row is None:
        return None
    # Its own statement: one that waited for the lock would still see the members of before.
    members = await tx.fetch("SELECT email, role FROM member WHERE vendor_id = $1 ORDER BY email", row["id"])
    before = Vendor(**dict(row), members=tuple(Member(**dict(member)) for member in members))
    after = change(before)
    if after == before:
        return before, after
    await tx.execute(
        "UPDATE vendor SET name = $2, legal_name = $3, country = $4, description = $5, email = $6, status = $7,"
        " reason = $8, commission_bps = $9, version = $10 WHERE id = $1",
        after.id,
        after.name,
        after.legal_name,
        after.country,
        after.description,
        after.email,
        after.status,
        after.reason,
        after.commission_bps,
        after.version,
    )
    if after.members != before.members:
        await _write_members(tx, after)
    return before, after


async def _write_members(tx: Tx, vendor: Vendor) -> None:
    emails = [member.email for member in vendor.members]
    await tx.execute("DELETE FROM member WHERE vendor_id = $1 AND NOT email = ANY ($2::text[])", vendor.id, emails)
    await tx.execute(
        "INSERT INTO member (vendor_id, email, role) SELECT $1, * FROM unnest($2::text[], $3::text[])"
        " ON CONFLICT (vendor_id, email) DO UPDATE SET role = excluded.role",
        vendor.id,
        emails,
        [member.role for member in vendor.members],
    )


async def list_vendors(
    tx: Tx, status: str | None, member: str | None, after: tuple[Any, ...] | None, limit: int
) -> list[Vendor]:
    """Return vendors by id. status: only with it. member: only those with this member."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS}, {_MEMBERS} FROM vendor WHERE ($1::text IS NULL OR status = $1)"
        " AND ($2::text IS NULL OR id IN (SELECT vendor_id FROM member WHERE email = $2))"
        " AND ($3::text IS NULL OR id > $3) ORDER BY id LIMIT $4",
        status,
        member,
        after[0] if after else None,
        limit,
    )
    return [_vendor(row) for row in rows]
