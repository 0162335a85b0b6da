"""What vendors and operators see of the books."""

from __future__ import annotations

from datetime import datetime

from estore.kit.context import Context, Principal
from estore.kit.db import Record, Tx
from estore.kit.errors import Denied
from estore.kit.http.pages import Page, decode_cursor, page_of
from estore.kit.money import Money
from estore.services.ledger import store
from estore.services.ledger.domain import MomentInvalid
from estore.services.ledger.domain.accounts import SHOWN
from estore.services.ledger.service.shapes import BalanceView, ListBalances

READERS = frozenset({"owner", "finance"})


def vendors_of(principal: Principal, asked: str | None) -> list[str] | None:
    """Return whose books they see: None for everybody's; of `asked` only, if that is theirs.

    Raises Denied for members who are neither owner nor finance anywhere.
    """
    if principal.is_operator or principal.is_system:
        return None if asked is None else [asked]
    own = sorted(vendor for vendor, role in principal.vendors.items() if role in READERS)
    if not own:
        raise Denied("only owners and finance see the books")
    return own if asked is None else [vendor for vendor in own if vendor == asked]


async def list_balances(tx: Tx, ctx: Context, request: ListBalances) -> Page[BalanceView]:
    """Show what vendors are owed: one's own, or anybody's as an operator. Raises Denied, MomentInvalid."""
    after = decode_cursor(request.cursor, str, str) or ("", "")
    at = past(request.at, ctx.now) if request.at is not None else None
    rows = await store.balances(tx, vendors_of(ctx.principal, request.vendor), after, request.limit + 1, at)
    return page_of([_balance(row) for row in rows], request.limit, lambda view: (view.vendor_id, view.currency))


def past(moment: datetime, now: datetime) -> datetime:
    """Return `moment`. Raises MomentInvalid for one without an offset from UTC, or that has not come yet."""
    if moment.tzinfo is None:
        raise MomentInvalid("say the offset from UTC, such as 2026-01-31T23:59:59Z")
    if moment > now:
        raise MomentInvalid("it has not come yet")
    return moment


def _balance(row: Record) -> BalanceView:
    amounts = {kind: Money(row[kind] or 0, row["currency"]) for kind in SHOWN}
    return BalanceView(row["owner"], row["currency"], *amounts.values())
