"""What vendors and operators see of the books."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from estore.kit.context import Context
from estore.kit.db import Record, Tx
from estore.kit.errors import Fault
from estore.kit.http.pages import Page, decode_cursor, page_of
from estore.kit.money import Money
from estore.services.ledger import store
from estore.services.ledger.domain import MomentInvalid
from estore.services.ledger.domain.accounts import SHOWN
from estore.services.ledger.domain.earnings import Hold
from estore.services.ledger.service.access import finances_of
from estore.services.ledger.service.shapes import (
    BalanceView,
    EntryView,
    HoldView,
    LineView,
    ListBalances,
    ListEntries,
    ListHolds,
)

_SAID = EntryView.__struct_fields__[:-1]


async def list_balances(tx: Tx, ctx: Context, request: ListBalances) -> Page[BalanceView]:
    """Show what vendors are owed: one's own, or anybody's as an operator. Raises VendorUnknown, MomentInvalid."""
    after = decode_cursor(request.cursor, str, str) or ("", "")
    at = past(request.at, ctx.now) if request.at is not None else None
    rows = await store.balances(tx, finances_of(ctx.principal, request.vendor), after, request.limit + 1, at)
    return page_of([_balance(row) for row in rows], request.limit, lambda view: (view.vendor_id, view.currency))


def past(moment: datetime, now: datetime) -> datetime:
    """Return `moment`. Raises MomentInvalid for one without an offset from UTC, or that has not come yet."""
    if moment.tzinfo is None:
        raise MomentInvalid(errors=[Fault("say the offset from UTC, such as 2026-01-31T23:59:59Z", parameter="at")])
    if moment > now:
        raise MomentInvalid(errors=[Fault("it has not come yet", parameter="at")])
    return moment


def _balance(row: Record) -> BalanceView:
    amounts = {kind: Money(row[kind] or 0, row["currency"]) for kind in SHOWN}
    return BalanceView(row["owner"], row["currency"], *amounts.values())


async def list_entries(tx: Tx, ctx: Context, request: ListEntries) -> Page[EntryView]:
    """Show entries, the latest first: to vendors those that moved their money, and their own lines only.

    Raises VendorUnknown.
    """
    before = decode_cursor(request.cursor, datetime, UUID)
    vendors = finances_of(ctx.principal, request.vendor)
    seen = None if ctx.principal.is_operator or ctx.principal.is_system else vendors
    rows = await store.entries(tx, vendors, request.order, before, request.limit + 1, seen)
    found: dict[str, EntryView] = {}
    for row in rows:
        if row["id"] not in found:
            found[row["id"]] = EntryView(**{name: row[name] for name in _SAID}, lines=[])
        found[row["id"]].lines.append(_line(row))
    return page_of(list(found.values()), request.limit, lambda entry: (entry.posted_at, entry.id))


async def list_holds(tx: Tx, ctx: Context, request: ListHolds) -> Page[HoldView]:
    """Show what is held back, the latest first. Raises VendorUnknown."""
    before = decode_cursor(request.cursor, datetime, str)
    rows = await store.list_holds(
        tx,
        finances_of(ctx.principal, request.vendor),
        released=request.released,
        before=before,
        at_most=request.limit + 1,
    )
    views = [hold_view(store.hold_of(row), row["released_at"]) for row in rows]
    return page_of(views, request.limit, lambda hold: (hold.held_at, hold.id))


def hold_view(hold: Hold, released_at: datetime | None) -> HoldView:
    """Return what is shown of a hold."""
    return HoldView(
        id=hold.id,
        vendor_id=hold.vendor_id,
        kind=hold.kind,
        ref=hold.ref,
        amount=Money(hold.amount, hold.currency),
        in_force=hold.reserved and released_at is None,
        reason=hold.reason,
        held_at=hold.held_at,
        release_at=hold.release_at,
        released_at=released_at,
        wanted=Money(hold.wanted, hold.currency),
    )


def _line(row: Record) -> LineView:
    return LineView(
        account=row["account"],
        owner=row["owner"],
        side="debit" if row["amount"] > 0 else "credit",
        amount=Money(abs(row["amount"]), row["currency"]),
        balance=None if row["balance"] is None else Money(-row["balance"], row["currency"]),
    )
