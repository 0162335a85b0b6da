"""How a vendor changes: locked, checked, decided, written, told to others, and noted down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from estore.contracts.vendors import (
    VendorApproved,
    VendorBankAccountChanged,
    VendorMembersChanged,
    VendorPlanChanged,
    VendorSuspended,
)
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import PreconditionFailed, PreconditionRequired
from estore.services.vendors import store
from estore.services.vendors.domain import Vendor, VendorNotFound, general_rate
from estore.services.vendors.service.access import roles_in

Allowed = Callable[[Vendor, Context], None]


def anybody(vendor: Vendor, ctx: Context) -> None:
    """The endpoint's policy has decided already."""


async def change(
    tx: Tx, ctx: Context, key: str, action: str, step: Callable[[Vendor], Vendor], allowed: Allowed = anybody
) -> Vendor:
    """Change a vendor by `step`. action: for its history.

    Raises VendorNotFound, PreconditionFailed, what `allowed` and `step` raise.
    """

    def checked(vendor: Vendor) -> Vendor:
        allowed(vendor, ctx)
        if ctx.if_match is not None and vendor.version not in ctx.if_match:
            raise PreconditionFailed(f"it is at version {vendor.version} now")
        return step(vendor)

    updated = await store.update_vendor(tx, key, ctx.now, checked)
    if updated is None:
        raise VendorNotFound()
    before, after = updated
    if after != before:
        _tell(tx, ctx, before, after)
        await note(tx, ctx, before, action, _details(before, after), after.version)
    return after


def need_version(ctx: Context) -> None:
    """Raises PreconditionRequired without If-Match."""
    if ctx.if_match is None:
        raise PreconditionRequired()


async def note(
    tx: Tx, ctx: Context, vendor: Vendor, action: str, details: dict[str, Any], version: int | None = None
) -> None:
    """Write down who did what with `vendor`, as it was when they were allowed to."""
    entry = store.Entry(
        at=ctx.now,
        by=ctx.principal.account_id,
        role=" ".join(sorted(roles_in(vendor, ctx))) or "applicant",
        action=action,
        details=details,
        version=version or vendor.version,
    )
    await store.add_entry(tx, vendor.id, entry)


def approved(vendor: Vendor, ctx: Context, version: int) -> VendorApproved:
    """Return the event that tells the whole state."""
    return VendorApproved(
        vendor_id=vendor.id,
        slug=vendor.slug,
        name=vendor.name,
        country=vendor.country,
        members=vendor.members,
        commission_bps=general_rate(vendor.plan, ctx.now).bps,
        version=version,
        plan=vendor.plan,
        bank_token=vendor.bank_token,
        legal_name=vendor.legal_name,
    )


def suspended(vendor: Vendor) -> VendorSuspended:
    return VendorSuspended(vendor_id=vendor.id, reason=vendor.reason, version=vendor.version)


def _tell(tx: Tx, ctx: Context, before: Vendor, after: Vendor) -> None:
    """Emit what follows from a change: one event, for a change has one reason."""
    if not after.known:
        return
    version = after.version
    seen = (before.status, before.name, before.country, before.legal_name)
    if after.status == "approved" and seen != (after.status, after.name, after.country, after.legal_name):
        tx.emit(approved(after, ctx, version), ctx)
    elif after.status == "suspended" and before.status != "suspended":
        tx.emit(suspended(after), ctx)
    elif after.members != before.members:
        tx.emit(VendorMembersChanged(vendor_id=after.id, members=after.members, version=version), ctx)
    elif after.plan != before.plan:
        bps = general_rate(after.plan, ctx.now).bps
        tx.emit(VendorPlanChanged(vendor_id=after.id, commission_bps=bps, version=version, plan=after.plan), ctx)
    elif after.bank_token is not None and after.bank_token != before.bank_token:
        tx.emit(
            VendorBankAccountChanged(
                vendor_id=after.id,
                token=after.bank_token,
                changed_by=ctx.principal.account_id,
                changed_at=ctx.now,
                version=version,
            ),
            ctx,
        )


def _details(before: Vendor, after: Vendor) -> dict[str, Any]:
    """Return what is worth knowing later of a change: its fields, and the new value of what money depends on."""
    names = [f.name for f in msgspec.structs.fields(Vendor) if f.name not in ("version", "status", "members")]
    changed = [name for name in names if getattr(before, name) != getattr(after, name)]
    found: dict[str, Any] = {"fields": changed} if changed else {}
    for name in ("reason", "plan", "bank_token", "terms", "tax_id"):
        if name in changed and getattr(after, name):
            found[name] = getattr(after, name)
    if before.members != after.members:
        gone, come = set(before.members) - set(after.members), set(after.members) - set(before.members)
        found |= {"removed": sorted(gone, key=lambda m: m.email), "added": sorted(come, key=lambda m: m.email)}
    return found
