"""Who belongs to a vendor, and who did what with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.http.pages import Page, page_of
from estore.services.vendors import store
from estore.services.vendors.domain import Vendor, email_of
from estore.services.vendors.service.access import found, insiders, owners_and_operators
from estore.services.vendors.service.changing import approved, change, suspended
from estore.services.vendors.service.keys import told
from estore.services.vendors.service.shapes import (
    AddMember,
    ChangeMember,
    HistoryEntry,
    ListOf,
    MemberList,
    Republished,
)

REPUBLISHED = 500


async def list_members(tx: Tx, ctx: Context, key: str) -> MemberList:
    vendor = await found(tx, key)
    insiders(vendor, ctx)
    return MemberList(list(vendor.members), vendor.version)


async def add_member(tx: Tx, ctx: Context, request: tuple[str, AddMember]) -> MemberList:
    """Raises OwnersOnly, MemberExists, TooManyMembers, EmailInvalid."""
    email, role = email_of(request[1].email), request[1].role
    return await _change(tx, ctx, request[0], "member_added", lambda vendor: vendor.add_member(email, role))


async def change_member(tx: Tx, ctx: Context, request: tuple[str, str, ChangeMember]) -> MemberList:
    """Raises OwnersOnly, MemberNotFound, LastOwner."""
    vendor_id, email, form = request
    return await _change(tx, ctx, vendor_id, "member_changed", lambda vendor: vendor.change_member(email, form.role))


async def remove_member(tx: Tx, ctx: Context, request: tuple[str, str]) -> None:
    """Raises OwnersOnly, MemberNotFound, LastOwner."""
    vendor_id, email = request
    await _change(tx, ctx, vendor_id, "member_removed", lambda vendor: vendor.remove_member(email))


async def _change(tx: Tx, ctx: Context, key: str, action: str, step: Callable[[Vendor], Vendor]) -> MemberList:
    after = await change(tx, ctx, key, action, step, owners_and_operators)
    return MemberList(list(after.members), after.version)


async def list_history(tx: Tx, ctx: Context, request: ListOf) -> Page[HistoryEntry]:
    """Return who did what with a vendor, newest first. Raises OwnersOnly."""
    vendor = await found(tx, request.vendor)
    owners_and_operators(vendor, ctx)
    rows = await store.list_entries(tx, vendor.id, request.before, request.limit + 1)
    page = page_of(rows, request.limit, lambda row: (row.id,))
    entries = [HistoryEntry(row.at, row.by, row.role, row.action, row.details, row.version) for row in page.data]
    return Page(entries, page.next_cursor)


async def republish(tx: Tx, ctx: Context, after: tuple[Any, ...] | None) -> Republished:
    """Tell the state of vendors and of their API keys again, so that an empty read model fills. Versions stay: who
    knows it already ignores it. A suspended vendor is told as approved one version earlier, then as suspended."""
    rows = await store.list_vendors(tx, None, None, after, REPUBLISHED + 1)
    page = page_of(rows, REPUBLISHED, lambda vendor: (vendor.id,))
    known = [vendor for vendor in page.data if vendor.known]
    for vendor in known:
        if vendor.status == "approved":
            tx.emit(approved(vendor, ctx, vendor.version), ctx)
        else:
            tx.emit(approved(vendor, ctx, vendor.version - 1), ctx)
            tx.emit(suspended(vendor), ctx)
    for key in await store.keys_of(tx, [vendor.id for vendor in known]):
        tx.emit(told(key), ctx)
    return Republished(len(known), page.next_cursor)
