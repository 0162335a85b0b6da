"""A vendor's statement: every cent between two balances, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from estore.kit.errors import Fault, Invalid
from estore.kit.money import Money
from estore.services.ledger.domain.journal import EntryKind

EXPLAINED = (
    EntryKind.SALE,
    EntryKind.REFUND,
    EntryKind.REFUND_UNDONE,
    EntryKind.PAYOUT_PAID,
    EntryKind.PAYOUT_RETURNED,
    EntryKind.ADJUSTMENT,
)
"""What changes what a vendor is owed. Releases, holds and payouts under way only move it between its accounts."""
LONGEST_DAYS = 366


class PeriodInvalid(Invalid):
    code, title = "ledger.period_invalid", "This is not a period that a statement can cover"


class StatementTooLong(Invalid):
    code, title = (
        "ledger.statement_too_long",
        "This is too long for a PDF; ask for CSV or JSON",
    )


class StatementInexact(AssertionError):
    """An entry's lines do not sum to what it did to the balance: a defect of ours, never of a request."""


class StatementLine(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One line. amount: what it does to the balance; balance: after it.

    kind: `sale`, `shipping`, `refund`, `refund_undone`, `payout`, `payout_returned`, `adjustment`.
    Of a sale, price - discount (+ tax, where prices are net) = total, and amount = total + funded - commission -
    commission_tax; of a refund these are what was given back, below zero. funded: what of the discount the
    marketplace pays.
    """

    at: datetime
    kind: str
    order_id: str | None = None
    order_number: str | None = None
    parcel_id: str | None = None
    line_id: str | None = None
    reference: str | None = None
    sku: str | None = None
    title: str = ""
    quantity: int | None = None
    unit_price: Money | None = None
    price: Money | None = None
    discount: Money | None = None
    tax: Money | None = None
    total: Money | None = None
    commission: Money | None = None
    commission_tax: Money | None = None
    funded: Money | None = None
    amount: Money
    balance: Money


class StatementTotals(msgspec.Struct, frozen=True):
    """What the lines sum to by kind: opening + all of these = closing."""

    sales: Money
    refunds: Money
    payouts: Money
    adjustments: Money


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement without its lines. since: the first day; until: the day after the last (both UTC).

    opening, closing: what the vendor was owed then: pending, available, reserved and on its way to the bank.
    final: nothing can be posted into this period any more.
    """

    number: str
    vendor_id: str
    name: str
    legal_name: str
    country: str
    currency: str
    since: date
    until: date
    opening: Money
    totals: StatementTotals
    closing: Money
    final: bool
    made_at: datetime


class Moved(msgspec.Struct, frozen=True, gc=False):
    """What an entry did to what a vendor is owed. at, account_id, seq: its place in the vendor's history.

    amount: above zero when the vendor is owed more. ref: see Posting.
    """

    at: datetime
    account_id: int
    seq: int
    kind: str
    source: str
    ref: str
    order_id: str | None
    note: str
    amount: int


class Sold(msgspec.Struct, frozen=True, gc=False):
    """A line of a sale, or a parcel's shipping (line_id empty). Amounts: minor units."""

    parcel_id: str
    order_number: str
    line_id: str
    sku: str
    title: str
    quantity: int
    unit_price: int
    discount: int
    tax: int
    total: int
    commission: int
    commission_tax: int
    funded: int

    @property
    def payable(self) -> int:
        return self.total + self.funded - self.commission - self.commission_tax


class GivenBack(msgspec.Struct, frozen=True, gc=False):
    """What a refund took of a line, or of a parcel's shipping (line_id empty)."""

    parcel_id: str
    order_number: str
    line_id: str
    sku: str
    title: str
    quantity: int
    amount: int
    tax: int
    commission: int
    commission_tax: int
    funded: int
    cause: str

    @property
    def payable(self) -> int:
        return self.amount + self.funded - self.commission - self.commission_tax


def explain(
    moved: Moved, currency: str, balance: int, sold: Sequence[Sold] = (), given_back: Sequence[GivenBack] = ()
) -> list[StatementLine]:
    """Return the lines of one entry, starting from `balance`, what the vendor was owed before it.

    Raises StatementInexact when they do not sum to what the entry did.
    """
    if moved.kind == EntryKind.SALE:
        parts = [(one.payable, _sale(moved, currency, one)) for one in sold]
    elif moved.kind in (EntryKind.REFUND, EntryKind.REFUND_UNDONE):
        sign = -1 if moved.kind == EntryKind.REFUND else 1
        parts = [(sign * one.payable, _refund(moved, currency, one, sign)) for one in given_back]
    else:
        kind = {EntryKind.PAYOUT_PAID: "payout"}.get(EntryKind(moved.kind), moved.kind)
        parts = [(moved.amount, {"kind": kind, "reference": moved.ref or None, "title": moved.note})]
    if sum(amount for amount, _ in parts) != moved.amount:
        raise StatementInexact(f"{moved.source}: {[amount for amount, _ in parts]} are not {moved.amount}")
    lines = []
    for amount, fields in parts:
        balance += amount
        money = {"amount": Money(amount, currency), "balance": Money(balance, currency)}
        lines.append(StatementLine(at=moved.at, order_id=moved.order_id, **fields, **money))  # type: ignore[arg-type]
    return lines


def _sale(moved: Moved, currency: str, one: Sold) -> dict[str, object]:
    shipping = not one.line_id
    return {
        "kind": "shipping" if shipping else "sale",
        "order_number": one.order_number,
        "parcel_id": one.parcel_id,
        "line_id": one.line_id or None,
        "sku": one.sku or None,
        "title": one.title,
        "quantity": None if shipping else one.quantity,
        "unit_price": None if shipping else Money(one.unit_price, currency),
        "price": Money(one.unit_price * one.quantity, currency),
        "discount": Money(one.discount, currency),
        "tax": Money(one.tax, currency),
        "total": Money(one.total, currency),
        "commission": Money(one.commission, currency),
        "commission_tax": Money(one.commission_tax, currency),
        "funded": Money(one.funded, currency),
    }


def _refund(moved: Moved, currency: str, one: GivenBack, sign: int) -> dict[str, object]:
    return {
        "kind": moved.kind,
        "order_number": one.order_number,
        "parcel_id": one.parcel_id,
        "line_id": one.line_id or None,
        "reference": moved.ref,
        "sku": one.sku or None,
        "title": one.title,
        "quantity": one.quantity or None,
        "tax": Money(sign * one.tax, currency),
        "total": Money(sign * one.amount, currency),
        "commission": Money(sign * one.commission, currency),
        "commission_tax": Money(sign * one.commission_tax, currency),
        "funded": Money(sign * one.funded, currency),
    }


def check_period(since: date, until: date, today: date) -> None:
    """Raise PeriodInvalid unless `since` lies before `until`, at most a year before, and not in the future."""
    if not since < until:
        raise _wrong("until", "the day after the last one, and it lies after since")
    if (until - since).days > LONGEST_DAYS:
        raise _wrong("until", f"at most {LONGEST_DAYS} days after since")
    if since > today:
        raise _wrong("since", "this lies in the future")


def _wrong(parameter: str, what: str) -> PeriodInvalid:
    return PeriodInvalid(errors=[Fault(what, parameter=parameter)])
