"""Dashboard and forecast."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.money import Money
from estore.services.ledger.domain import Kind
from estore.services.ledger.domain.dashboard import Dashboard, Due, Forecast
from estore.services.ledger.domain.statements import check_period
from estore.services.ledger.service.access import finance_of, finances_of
from estore.services.ledger.store import dashboard as store

ROLLED_AT_ONCE = 5_000


class AskDashboard(msgspec.Struct, frozen=True, kw_only=True):
    """vendor_id: None for all that the caller may see. since, until: days of sales, None for the last 30.

    lines: how many open lines at most.
    """

    vendor_id: str | None
    since: date | None
    until: date | None
    lines: int


class AskForecast(msgspec.Struct, frozen=True):
    vendor_id: str
    currency: str


async def show_dashboard(tx: Tx, ctx: Context, ask: AskDashboard) -> Dashboard:
    """Return what is open now and what was sold, all of one snapshot. Raises VendorUnknown, PeriodInvalid."""
    vendors = finances_of(ctx.principal, ask.vendor_id)
    tomorrow = ctx.now.date() + timedelta(days=1)
    until = ask.until or tomorrow
    since = ask.since or until - timedelta(days=30)
    check_period(since, until, ctx.now.date())
    lines = await store.open_lines(tx, vendors, ask.lines + 1)
    return Dashboard(
        vendor_id=ask.vendor_id,
        at=ctx.now,
        open=await store.open_sums(tx, vendors),
        lines=lines[: ask.lines],
        complete=len(lines) <= ask.lines,
        by_day=await store.sold_by_day(tx, vendors, since, until),
        by_product=await store.sold_by_product(tx, vendors, since, until),
        by_category=await store.sold_by_category(tx, vendors, since, until),
    )


async def forecast(tx: Tx, ctx: Context, ask: AskForecast) -> Forecast:
    """Return what becomes available when. Raises VendorUnknown."""
    vendor_id = finance_of(ctx.principal, ask.vendor_id)
    now = await store.balances(tx, vendor_id, ask.currency)
    # What is overdue is released within seconds.
    today = ctx.now.date()
    by_day: dict[date, Due] = {}
    for one in await store.due(tx, vendor_id, ask.currency):
        day = max(one.day, today)
        before = by_day.get(day)
        if before is not None:
            one = msgspec.structs.replace(  # noqa: PLW2901
                one,
                amount=one.amount + before.amount,
                parcels=one.parcels + before.parcels,
                held=one.held + before.held,
            )
        by_day[day] = msgspec.structs.replace(one, day=day)
    due = [by_day[day] for day in sorted(by_day)]
    earned = sum(one.amount.amount - one.held.amount for one in due)
    let_go = sum(one.held.amount for one in due)

    def money(amount: int) -> Money:
        return Money(amount, ask.currency)

    return Forecast(
        vendor_id=vendor_id,
        currency=ask.currency,
        available=money(now.get(Kind.AVAILABLE, 0)),
        due=due,
        undelivered=money(now.get(Kind.PENDING, 0) - earned),
        held=money(now.get(Kind.RESERVED, 0) - let_go),
        at=ctx.now,
    )


async def roll_sales(tx: Tx, ctx: Context, _request: None) -> int:
    """Add what was sold since to the sales of its day; returns how many lines."""
    return await store.roll(tx, ROLLED_AT_ONCE)
