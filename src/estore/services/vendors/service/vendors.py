"""The use cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from estore.contracts.vendors import (
    Member,
    VendorApproved,
    VendorMembersChanged,
    VendorPlanChanged,
    VendorSuspended,
)
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Denied, PreconditionFailed, PreconditionRequired
from estore.kit.http.pages import Page, page_of
from estore.kit.ids import new_id
from estore.services.vendors import store
from estore.services.vendors.domain import (
    EmailUnproved,
    OwnersOnly,
    SlugTaken,
    Status,
    Vendor,
    VendorNotFound,
    email_of,
    slug_of,
)
from estore.services.vendors.service.shapes import (
    AddMember,
    Apply,
    Approve,
    Because,
    ChangeMember,
    Charge,
    CreateVendor,
    Describe,
    ListVendors,
    MemberList,
    Plan,
    Republished,
    VendorView,
    insider,
)

REPUBLISHED = 500


class Applications:
    """Use cases that need to know what a new vendor pays."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    async def apply(self, tx: Tx, ctx: Context, request: Apply) -> VendorView:
        """Ask to sell here; who asks becomes the owner. Raises EmailUnproved, SlugTaken."""
        owner = ctx.principal.email
        if owner is None:
            raise EmailUnproved()
        vendor = Vendor(
            id=new_id("vnd"),
            slug=request.slug or slug_of(request.name),
            name=request.name.strip(),
            legal_name=(request.legal_name or request.name).strip(),
            country=request.country,
            description=request.description.strip(),
            email=email_of(request.email) if request.email else owner,
            status="applied",
            reason="",
            commission_bps=self._plan.commission_bps,
            version=1,
            applied_by=ctx.principal.account_id,
            applied_at=ctx.now,
            members=(Member(owner, "owner"),),
        )
        if not await store.insert_vendor(tx, vendor):
            if request.slug is not None:
                raise SlugTaken(pointer="/slug")
            vendor = msgspec.structs.replace(vendor, slug=f"{vendor.slug}-{vendor.id[-8:].lower()}")
            if not await store.insert_vendor(tx, vendor):
                raise SlugTaken()
        return VendorView.of(vendor, ctx)


async def create_vendor(tx: Tx, ctx: Context, request: CreateVendor) -> VendorView:
    """Return the vendor with this slug, made now if there is none; a known one is not changed.

    For the CLI and the seeds. Raises EmailInvalid, LastOwner without an owner among the members.
    """
    known = await store.find_vendor(tx, request.slug)
    if known is not None:
        return VendorView.of(known, ctx)
    members = tuple(Member(email_of(one.email), one.role) for one in request.members)
    vendor = Vendor(
        id=new_id("vnd"),
        slug=request.slug,
        name=request.name,
        legal_name=request.legal_name or request.name,
        country=request.country,
        description=request.description,
        email=email_of(request.email),
        status="applied",
        reason="",
        commission_bps=Plan().commission_bps if request.commission_bps is None else request.commission_bps,
        version=1,
        applied_by=None,
        applied_at=ctx.now,
        members=(),
    ).with_members(members)
    if not await store.insert_vendor(tx, vendor):
        raise SlugTaken()
    if request.approved:
        return await _change(tx, ctx, vendor.id, lambda one: one.approve())
    return VendorView.of(vendor, ctx)


# --- what operators decide ------------------------------------------------------------------------------------------


async def approve(tx: Tx, ctx: Context, request: tuple[str, Approve]) -> VendorView:
    """Let a vendor sell. Raises StatusForbids."""
    return await _change(tx, ctx, request[0], lambda vendor: vendor.approve(request[1].commission_bps))


async def reject(tx: Tx, ctx: Context, request: tuple[str, Because]) -> VendorView:
    return await _change(tx, ctx, request[0], lambda vendor: vendor.reject(request[1].reason))


async def suspend(tx: Tx, ctx: Context, request: tuple[str, Because]) -> VendorView:
    """Take a vendor's offers off sale."""
    return await _change(tx, ctx, request[0], lambda vendor: vendor.suspend(request[1].reason))


async def reinstate(tx: Tx, ctx: Context, vendor_id: str) -> VendorView:
    return await _change(tx, ctx, vendor_id, lambda vendor: vendor.reinstate())


async def charge(tx: Tx, ctx: Context, request: tuple[str, Charge]) -> VendorView:
    """Change a vendor's commission. Raises PreconditionRequired, PreconditionFailed."""
    _need_version(ctx)
    return await _change(tx, ctx, request[0], lambda vendor: vendor.charge(request[1].commission_bps))


async def republish(tx: Tx, ctx: Context, after: tuple[Any, ...] | None) -> Republished:
    """Tell the state of vendors again, so that an empty read model fills. Versions stay: who knows it already
    ignores it. A suspended vendor is told as approved one version earlier, then as suspended."""
    found = await store.list_vendors(tx, None, None, after, REPUBLISHED + 1)
    page = page_of(found, REPUBLISHED, lambda vendor: (vendor.id,))
    known = [vendor for vendor in page.data if vendor.known]
    for vendor in known:
        if vendor.status == "approved":
            tx.emit(_approved(vendor, vendor.version), ctx)
        else:
            tx.emit(_approved(vendor, vendor.version - 1), ctx)
            tx.emit(_suspended(vendor), ctx)
    return Republished(len(known), page.next_cursor)


# --- what owners do -------------------------------------------------------------------------------------------------


async def describe(tx: Tx, ctx: Context, request: tuple[str, Describe]) -> VendorView:
    """Change what is told about a vendor. Raises OwnersOnly, PreconditionRequired, PreconditionFailed."""
    _need_version(ctx)
    given = msgspec.structs.asdict(request[1])
    changes = {name: str(value).strip() for name, value in given.items() if value is not msgspec.UNSET}
    if "email" in changes:
        changes["email"] = email_of(changes["email"])
    return await _change(tx, ctx, request[0], lambda vendor: vendor.describe(**changes), owners=True)


async def add_member(tx: Tx, ctx: Context, request: tuple[str, AddMember]) -> MemberList:
    email, role = email_of(request[1].email), request[1].role
    return await _change_members(tx, ctx, request[0], lambda vendor: vendor.add_member(email, role))


async def change_member(tx: Tx, ctx: Context, request: tuple[str, str, ChangeMember]) -> MemberList:
    """Raises MemberNotFound, LastOwner."""
    vendor_id, email, change = request
    return await _change_members(tx, ctx, vendor_id, lambda vendor: vendor.change_member(email, change.role))


async def remove_member(tx: Tx, ctx: Context, request: tuple[str, str]) -> None:
    """Raises MemberNotFound, LastOwner."""
    vendor_id, email = request
    await _change_members(tx, ctx, vendor_id, lambda vendor: vendor.remove_member(email))


# --- what everybody sees --------------------------------------------------------------------------------------------


async def list_vendors(tx: Tx, ctx: Context, request: ListVendors) -> Page[VendorView]:
    """Return approved vendors; `mine` in any status, and any status for operators."""
    principal = ctx.principal
    status: Status | None = request.status
    if request.mine:
        member = principal.email or ""
    else:
        member = None
        if not (principal.is_operator or principal.is_system):
            if status not in (None, "approved"):
                raise Denied("only operators see vendors that are not approved")
            status = "approved"
    found = await store.list_vendors(tx, status, member, request.after, request.limit + 1)
    page = page_of(found, request.limit, lambda vendor: (vendor.id,))
    return Page([VendorView.of(vendor, ctx) for vendor in page.data], page.next_cursor)


async def get_vendor(tx: Tx, ctx: Context, key: str) -> VendorView:
    """Return a vendor by id or slug. One that is not approved is seen by its members and operators only."""
    vendor = await store.find_vendor(tx, key)
    if vendor is None or not (vendor.status == "approved" or insider(vendor, ctx)):
        raise VendorNotFound()
    return VendorView.of(vendor, ctx)


async def list_members(tx: Tx, ctx: Context, key: str) -> MemberList:
    vendor = await store.find_vendor(tx, key)
    if vendor is None or not insider(vendor, ctx):
        raise VendorNotFound()
    return MemberList(list(vendor.members), vendor.version)


# --- how -------------------------------------------------------------------------------------------------------------


async def _change(
    tx: Tx, ctx: Context, key: str, change: Callable[[Vendor], Vendor], *, owners: bool = False
) -> VendorView:
    """Lock, check who asks and with which version, change, tell."""
    _, after = await _update(tx, ctx, key, change, owners=owners)
    return VendorView.of(after, ctx)


async def _change_members(tx: Tx, ctx: Context, key: str, change: Callable[[Vendor], Vendor]) -> MemberList:
    _, after = await _update(tx, ctx, key, change, owners=True)
    return MemberList(list(after.members), after.version)


async def _update(
    tx: Tx, ctx: Context, key: str, change: Callable[[Vendor], Vendor], *, owners: bool
) -> tuple[Vendor, Vendor]:
    def checked(vendor: Vendor) -> Vendor:
        if owners and not (ctx.principal.is_operator or ctx.principal.is_system):
            role = vendor.role_of(ctx.principal.email)
            if role is None:
                raise VendorNotFound()
            if role != "owner":
                raise OwnersOnly()
        if ctx.if_match is not None and ctx.if_match != vendor.version:
            raise PreconditionFailed()
        return change(vendor)

    updated = await store.update_vendor(tx, key, checked)
    if updated is None:
        raise VendorNotFound()
    before, after = updated
    _tell(tx, ctx, before, after)
    return before, after


def _need_version(ctx: Context) -> None:
    if ctx.if_match is None:
        raise PreconditionRequired()


def _tell(tx: Tx, ctx: Context, before: Vendor, after: Vendor) -> None:
    """Emit what follows from a change: one event, for a change has one reason."""
    if not after.known or after == before:
        return
    seen = (before.status, before.name, before.country)
    if after.status == "approved" and seen != (after.status, after.name, after.country):
        tx.emit(_approved(after, after.version), ctx)
    elif after.status == "suspended" and before.status != "suspended":
        tx.emit(_suspended(after), ctx)
    elif after.members != before.members:
        tx.emit(VendorMembersChanged(vendor_id=after.id, members=after.members, version=after.version), ctx)
    elif after.commission_bps != before.commission_bps:
        tx.emit(VendorPlanChanged(vendor_id=after.id, commission_bps=after.commission_bps, version=after.version), ctx)


def _approved(vendor: Vendor, version: int) -> VendorApproved:
    return VendorApproved(
        vendor_id=vendor.id,
        slug=vendor.slug,
        name=vendor.name,
        country=vendor.country,
        members=vendor.members,
        commission_bps=vendor.commission_bps,
        version=version,
    )


def _suspended(vendor: Vendor) -> VendorSuspended:
    return VendorSuspended(vendor_id=vendor.id, reason=vendor.reason, version=vendor.version)
