"""Vendors and their members."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from estore.contracts.vendors import Member, Plan, Rate
from estore.kit.db import Record, Tx
from estore.services.vendors.domain import AcceptedTerms, Address, Vendor, general_rate

_COLUMNS = (
    "id, slug, name, legal_name, country, description, email, status, reason, commission_bps, version, applied_by,"
    " applied_at, registration_number, tax_id, registered_address, postal_address, bank_token, bank_last4, terms,"
    " submitted_at, plan"
)
_MEMBERS = (
    "coalesce((SELECT jsonb_agg(jsonb_build_object('email', m.email, 'role', m.role) ORDER BY m.email)"
    " FROM member m WHERE m.vendor_id = vendor.id), '[]'::jsonb) AS members"
)


def _vendor(row: Record, members: tuple[Member, ...] | None = None) -> Vendor:
    values = dict(row)
    bps = values.pop("commission_bps")
    found = [Member(**member) for member in values.pop("members", ())]
    # A row of before there were plans.
    only = Plan(rates=(Rate(category=None, bps=bps, fixed=0, valid_from=values["applied_at"]),))
    plan = only if values["plan"] is None else msgspec.convert(values["plan"], Plan)
    return Vendor(
        **values
        | {
            "plan": plan,
            "members": tuple(found) if members is None else members,
            "registered_address": msgspec.convert(values["registered_address"], Address | None),
            "postal_address": msgspec.convert(values["postal_address"], Address | None),
            "terms": msgspec.convert(values["terms"], AcceptedTerms | None),
        }
    )


async def insert_vendor(tx: Tx, vendor: Vendor) -> bool:
    """Insert a vendor with its members; False when its slug is taken."""
    inserted = await tx.fetchval(
        f"INSERT INTO vendor ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,"
        " $16, $17, $18, $19, $20, $21, $22) ON CONFLICT (slug) DO NOTHING RETURNING 1",
        vendor.id,
        vendor.slug,
        vendor.name,
        vendor.legal_name,
        vendor.country,
        vendor.description,
        vendor.email,
        vendor.status,
        vendor.reason,
        general_rate(vendor.plan, vendor.applied_at).bps,
        vendor.version,
        vendor.applied_by,
        vendor.applied_at,
        vendor.registration_number,
        vendor.tax_id,
        vendor.registered_address,
        vendor.postal_address,
        vendor.bank_token,
        vendor.bank_last4,
        vendor.terms,
        vendor.submitted_at,
        vendor.plan,
    )
    if inserted is not None:
        await _write_members(tx, vendor)
    return inserted is not None


async def find_vendor(tx: Tx, key: str) -> Vendor | None:
    """Return a vendor by id or slug, with its members. No slug has an underscore, every id has one."""
    column = "id" if "_" in key else "slug"
    row = await tx.fetchrow(f"SELECT {_COLUMNS}, {_MEMBERS} FROM vendor WHERE {column} = $1", key)
    return None if row is None else _vendor(row)


async def lock_vendor(tx: Tx, key: str) -> Vendor | None:
    """Lock a vendor, by id or slug, until the end of the transaction; None when there is none."""
    column = "id" if "_" in key else "slug"
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM vendor WHERE {column} = $1 FOR NO KEY UPDATE", key)
    if row is None:
        return None
    # Its own statement: one that waited for the lock would still see the members of before.
    members = await tx.fetch("SELECT email, role FROM member WHERE vendor_id = $1 ORDER BY email", row["id"])
    return _vendor(row, tuple(Member(**dict(member)) for member in members))


async def update_vendor(
    tx: Tx, key: str, now: datetime, change: Callable[[Vendor], Vendor]
) -> tuple[Vendor, Vendor] | None:
    """Lock a vendor, let `change` decide, write what it returns. Returns before and after; None when there is none.

    now: decides which rate of the plan is told as the commission.
    """
    before = await lock_vendor(tx, key)
    if before is None:
        return None
    after = change(before)
    if after == before:
        return before, after
    await tx.execute(
        "UPDATE vendor SET name = $2, legal_name = $3, country = $4, description = $5, email = $6, status = $7,"
        " reason = $8, commission_bps = $9, version = $10, registration_number = $11, tax_id = $12,"
        " registered_address = $13, postal_address = $14, bank_token = $15, bank_last4 = $16, terms = $17,"
        " submitted_at = $18, plan = $19 WHERE id = $1",
        after.id,
        after.name,
        after.legal_name,
        after.country,
        after.description,
        after.email,
        after.status,
        after.reason,
        general_rate(after.plan, now).bps,
        after.version,
        after.registration_number,
        after.tax_id,
        after.registered_address,
        after.postal_address,
        after.bank_token,
        after.bank_last4,
        after.terms,
        after.submitted_at,
        after.plan,
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
    tx: Tx,
    status: str | None,
    member: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
    ids: list[str] | None = None,
) -> list[Vendor]:
    """Return vendors by id. status: only with it. member, ids: only those with this member, or with these ids."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS}, {_MEMBERS} FROM vendor WHERE ($1::text IS NULL OR status = $1)"
        " AND ($2::text IS NULL OR id IN (SELECT vendor_id FROM member WHERE email = $2))"
        " AND ($3::text IS NULL OR id > $3) AND ($5::text[] IS NULL OR id = ANY ($5)) ORDER BY id LIMIT $4",
        status,
        member,
        after[0] if after else None,
        limit,
        ids,
    )
    return [_vendor(row) for row in rows]
