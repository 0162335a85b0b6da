"""Statements: read in chunks, each its own transaction. The journal never changes, so together they are one picture."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import msgspec

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.money import Money
from estore.services.ledger.domain import EntryKind
from estore.services.ledger.domain.statements import (
    EXPLAINED,
    Statement,
    StatementLine,
    StatementTotals,
    check_period,
    explain,
)
from estore.services.ledger.service.access import finance_of
from estore.services.ledger.store import statements as store
from estore.services.ledger.store.statements import Bound, Place

CHUNK = 500
# No request lives longer: what is posted later cannot carry an earlier time.
SETTLED = timedelta(minutes=1)


class AskStatement(msgspec.Struct, frozen=True, kw_only=True):
    """since: the first day, until: the day after the last, both UTC."""

    vendor_id: str
    currency: str
    since: date
    until: date


class Reading(msgspec.Struct, frozen=True):
    """A statement, and where its lines are read on. balance: what was owed before the next line."""

    statement: Statement
    vendor_id: str
    accounts: tuple[Bound, ...]
    place: Place
    balance: int


class Chunk(msgspec.Struct, frozen=True):
    """Some lines. rest: where to go on; None after the last."""

    lines: list[StatementLine]
    rest: Reading | None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


async def open_statement(tx: Tx, ctx: Context, ask: AskStatement) -> Reading:
    """Return a vendor's statement without its lines. Raises VendorUnknown for somebody else's, PeriodInvalid."""
    vendor_id = finance_of(ctx.principal, ask.vendor_id)
    check_period(ask.since, ask.until, ctx.now.date())
    accounts = await store.accounts_owed(tx, vendor_id, ask.currency, _midnight(ask.until))
    opening = await store.owed_at(tx, accounts, _midnight(ask.since))
    sums = await store.totals(tx, accounts, _midnight(ask.since))
    name, legal_name, country = await store.vendor_names(tx, vendor_id) or ("", "", "")

    def money(*kinds: EntryKind) -> Money:
        return Money(sum(sums.get(kind, 0) for kind in kinds), ask.currency)

    statement = Statement(
        number=f"{vendor_id[-8:]}-{ask.since:%Y%m%d}-{ask.until:%Y%m%d}-{ask.currency}",
        vendor_id=vendor_id,
        name=name,
        legal_name=legal_name or name,
        country=country,
        currency=ask.currency,
        since=ask.since,
        until=ask.until,
        opening=Money(opening, ask.currency),
        totals=StatementTotals(
            sales=money(EntryKind.SALE),
            refunds=money(EntryKind.REFUND, EntryKind.REFUND_UNDONE),
            payouts=money(EntryKind.PAYOUT_PAID, EntryKind.PAYOUT_RETURNED),
            adjustments=money(EntryKind.ADJUSTMENT),
        ),
        closing=Money(opening + sum(sums.values()), ask.currency),
        final=_midnight(ask.until) + SETTLED <= ctx.now,
        made_at=ctx.now,
    )
    return Reading(statement, vendor_id, accounts, Place(_midnight(ask.since)), opening)


async def read_lines(tx: Tx, ctx: Context, reading: Reading) -> Chunk:
    """Return the next lines of a statement."""
    finance_of(ctx.principal, reading.vendor_id)
    read = await store.moved(tx, reading.accounts, reading.place, CHUNK)
    if not read:
        return Chunk([], None)
    moved = [one for one in read if one.kind in EXPLAINED]
    sales = [one.order_id for one in moved if one.kind == EntryKind.SALE and one.order_id]
    refunds = [one.ref for one in moved if one.kind in (EntryKind.REFUND, EntryKind.REFUND_UNDONE)]
    sold = await store.sold(tx, reading.vendor_id, sales) if sales else {}
    given_back = await store.given_back(tx, reading.vendor_id, refunds) if refunds else {}
    lines: list[StatementLine] = []
    balance = reading.balance
    for one in moved:
        lines += explain(
            one,
            reading.statement.currency,
            balance,
            sold.get(one.order_id or "", ()),
            given_back.get(one.ref, ()),
        )
        balance += one.amount
    last = read[-1]
    rest = msgspec.structs.replace(reading, place=Place(last.at, last.account_id, last.seq), balance=balance)
    return Chunk(lines, rest if len(read) == CHUNK else None)
