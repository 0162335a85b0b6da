"""What money must be: prices, refunds, balances, from first principles, in whole numbers and fractions.

Nothing here asks the code that it is held against. It knows what people did, what was said between services and who has
heard it, and from that it says what every account must be. What it keeps are sets of facts, so that neither order nor
repetition of messages can matter to it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Any

from estore.contracts.orders import (
    OrderConfirmed,
    OrderCreditRequested,
    ParcelDelivered,
    RefundAllocated,
    RefundCredited,
    RefundLine,
    ReturnClosed,
    ReturnRequested,
)
from estore.contracts.payments import (
    PaymentCaptured,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentRefunded,
    PaymentRefundFailed,
)

Axes = dict[str, int]


def half_up(value: Fraction) -> int:
    """Round, halves away from zero. value >= 0."""
    return floor(value + Fraction(1, 2))


def bps_of(amount: int, bps: int) -> int:
    return half_up(Fraction(amount * bps, 10_000))


def largest_remainder(amount: int, weights: Sequence[int]) -> list[int]:
    """Split by Hare's quotas; ties go to the earlier."""
    quotas = [Fraction(amount * weight, sum(weights)) for weight in weights]
    parts = [floor(quota) for quota in quotas]
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - quotas[i], i))
    for index in order[: amount - sum(parts)]:
        parts[index] += 1
    return parts


# --- prices -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    """What can be bought. price: minor units. path: the categories that it is in."""

    sku: str
    vendor: str
    price: int
    tax_class: str = "standard"
    grams: int = 400
    path: tuple[str, ...] = ("home",)


@dataclass(frozen=True)
class Fee:
    """A rate of a plan: so many bps of a line, and so much for each piece, of a category or of everything."""

    bps: int
    fixed: int = 0
    category: str | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class FeePlan:
    """What the marketplace keeps of a vendor's sales. The rates of one category are in the order of their begin."""

    fees: tuple[Fee, ...]
    tax_bps: int = 0

    def fee(self, item: Item, now: datetime) -> Fee:
        begun = [fee for fee in self.fees if fee.since is None or fee.since <= now]
        for category in (*reversed(item.path), None):
            if found := [fee for fee in begun if fee.category == category]:
                return found[-1]
        raise AssertionError("a plan has a rate for everything")

    def kept(self, item: Item, quantity: int, total: int, now: datetime) -> tuple[int, int]:
        """Return commission and tax on it: never more than the line brought in."""
        fee = self.fee(item, now)
        kept = bps_of(total, fee.bps) + fee.fixed * quantity
        if kept + bps_of(kept, self.tax_bps) > total:
            low, high = 0, total
            while low < high:
                middle = (low + high + 1) // 2
                fits = middle + bps_of(middle, self.tax_bps) <= total
                low, high = (middle, high) if fits else (low, middle - 1)
            kept = low
        return kept, bps_of(kept, self.tax_bps)


@dataclass(frozen=True)
class Tariff:
    """Tax and shipping of the only destination. steps: (up to so many grams or None, price)."""

    net: bool
    tax: Mapping[str, int]
    steps: tuple[tuple[int | None, int], ...]
    free_from: int

    def taxed(self, amount: int, tax_class: str) -> tuple[int, int]:
        """Return (tax, total) of a price."""
        bps = self.tax[tax_class]
        if self.net:
            tax = bps_of(amount, bps)
            return tax, amount + tax
        return half_up(Fraction(amount * bps, 10_000 + bps)), amount

    def shipping(self, grams: int, goods: int) -> int:
        if goods >= self.free_from:
            return 0
        return next(price for up_to, price in self.steps if up_to is None or grams <= up_to)

    def toml(self, currency: str) -> str:
        """Say the same as orders reads it."""
        rates = ", ".join(f'{name} = "{bps // 100}.{bps % 100:02}"' for name, bps in self.tax.items())
        steps = ", ".join(
            f"{{ price = {price} }}" if up_to is None else f"{{ up_to = {up_to}, price = {price} }}"
            for up_to, price in self.steps
        )
        return (
            f'currency = "{currency}"\nprices_include_tax = {str(not self.net).lower()}\n[tax]\nDE = {{ {rates} }}\n'
            '[zones.home]\ncountries = ["DE"]\n[zones.home.methods.standard]\nby = "weight"\n'
            f"free_from = {self.free_from}\nsteps = [{steps}]\n"
        )


@dataclass(frozen=True)
class Cut:
    """What a promotion takes off a line, by its place, or off a parcel's shipping where line is None; paid: what of it
    the marketplace pays to the vendor."""

    promotion: str
    vendor: str
    line: int | None
    amount: int
    paid: int


@dataclass(eq=False)
class Part:
    """What can be given back: a line, or a parcel's shipping where line is None; and what was given back of it, by
    refund: (quantity, amount, tax, commission, commission_tax, funded). funded: paid by the marketplace on top."""

    vendor: str
    parcel: str
    line: str | None
    quantity: int
    amount: int
    tax: int
    commission: int
    commission_tax: int
    funded: int = 0
    back: dict[str, tuple[int, ...]] = field(default_factory=dict)
    touched: bool = False

    @property
    def whole(self) -> tuple[int, ...]:
        return self.quantity, self.amount, self.tax, self.commission, self.commission_tax, self.funded

    @property
    def given(self) -> tuple[int, ...]:
        return tuple(map(sum, zip((0,) * 6, *self.back.values(), strict=True)))

    @property
    def left(self) -> int:
        return self.amount - self.given[1]


@dataclass(frozen=True)
class Asked:
    """A refund that a person asked for: an amount, of one vendor's parcel where it is said; or pieces of lines, with
    their parcels' shipping, less a deduction."""

    amount: int | None = None
    vendor: str | None = None
    pieces: Mapping[str, int] = field(default_factory=dict)
    shipping: frozenset[str] = frozenset()
    deduction: int = 0


@dataclass
class Sale:
    """An order, as it was priced when it was placed. unasked: refunds made elsewhere that orders has heard of. uses:
    the credit that is to pay some of it, pairs of account and amount, "" for the gift card and None for one that is
    not there; credit: all of that; held: once orders knows that it is."""

    id: str
    parts: list[Part]
    items: int
    shipping: int
    tax: int
    total: int
    cuts: Sequence[Cut] = ()
    customer: str = ""
    uses: Sequence[tuple[str | None, int]] = ()
    held: int = 0
    captured: int | None = None
    confirmed: bool = False
    told: dict[str, RefundAllocated] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    unasked: dict[str, int] = field(default_factory=dict)

    @property
    def credit(self) -> int:
        return sum(amount for _, amount in self.uses)

    @property
    def funded(self) -> int:
        return sum(part.funded for part in self.parts)

    def of(self, vendor: str) -> list[Part]:
        return [part for part in self.parts if part.vendor == vendor]

    def payable(self, vendor: str) -> int:
        return sum(part.amount + part.funded - part.commission - part.commission_tax for part in self.of(vendor))

    @property
    def money(self) -> int:
        """What of the money and the credit is surely not spoken for."""
        known = {**self.unasked, **{key: e.amount for key, e in self.told.items()}}
        return (self.captured or 0) + self.held - sum(amount for key, amount in known.items() if key not in self.failed)


def priced(
    order_id: str,
    demand: Sequence[tuple[Item, int]],
    tariff: Tariff,
    plans: Mapping[str, FeePlan],
    now: datetime,
    cuts: Sequence[Cut] = (),
) -> Sale:
    """Price an order. Parcels are numbered in the order of their vendors, lines as they were asked for, from 1.

    Tax is on what the customer pays, commission on what the vendor is paid."""
    vendors = sorted({item.vendor for item, _ in demand})
    parcels = {vendor: f"pcl_{order_id[4:]}-{number}" for number, vendor in enumerate(vendors, 1)}
    off: Counter[int | str] = Counter()
    paid: Counter[int | str] = Counter()
    for cut in cuts:
        off[cut.vendor if cut.line is None else cut.line] += cut.amount
        paid[cut.vendor if cut.line is None else cut.line] += cut.paid
    parts = []
    goods: Counter[str] = Counter()
    for number, (item, quantity) in enumerate(demand):
        reduced = item.price * quantity - off[number]
        goods[item.vendor] += reduced
        tax, total = tariff.taxed(reduced, item.tax_class)
        kept = plans[item.vendor].kept(item, quantity, total + paid[number], now)
        line = f"lin_{order_id[4:]}-{number + 1}"
        parts.append(Part(item.vendor, parcels[item.vendor], line, quantity, total, tax, *kept, paid[number]))
    shipped = 0
    for vendor in vendors:
        grams = sum(item.grams * quantity for item, quantity in demand if item.vendor == vendor)
        price = tariff.shipping(grams, goods[vendor]) - off[vendor]
        shipped += price
        tax, total = tariff.taxed(price, "standard")
        parts.append(Part(vendor, parcels[vendor], None, 0, total, tax, 0, 0, paid[vendor]))
    items = sum(item.price * quantity for item, quantity in demand)
    tax, total = sum(part.tax for part in parts), sum(part.amount for part in parts)
    return Sale(order_id, parts, items, shipped, tax, total, cuts)


# --- who bears a refund -------------------------------------------------------------------------------------------


class Refunds:
    """Holds what orders says of refunds against what was asked for, and against what was left."""

    def __init__(self, sales: Mapping[str, Sale]) -> None:
        self.sales = sales
        self.asked: dict[str, Asked] = {}

    def failed(self, event: PaymentRefundFailed) -> None:
        """Orders has heard that a refund did not happen."""
        sale = self.sales[event.order_id]
        sale.failed.add(event.refund_id)
        for part in sale.parts:
            if part.back.pop(event.refund_id, None) is not None:
                part.touched = True

    def allocated(self, event: RefundAllocated) -> None:
        """Orders says who bears a refund."""
        sale = self.sales[event.order_id]
        assert event.refund_id not in sale.told, "nobody bears a refund twice"
        shares = sum(share.amount for share in event.shares)
        assert event.amount == shares + event.platform + event.unearned
        assert event.amount or any(share.funded or share.commission for share in event.shares), "of something"
        assert min(event.platform, event.unearned) >= 0
        assert 0 <= event.credit <= min(event.amount, sale.held)
        back = sum(e.credit for key, e in sale.told.items() if key not in sale.failed)
        assert back + event.credit <= sale.held, "no more credit goes back than was taken"
        assert sale.confirmed or not event.shares, "nobody gives back what was never theirs"
        lines = {(share.parcel_id, line.line_id): line for share in event.shares for line in share.lines}
        parts = {(part.parcel, part.line): part for part in sale.parts}
        if (asked := self.asked.get(event.refund_id)) is not None and event.refund_id not in sale.unasked:
            self._as_asked(sale, event, asked, {parts[key]: line for key, line in lines.items()})
        for share in event.shares:
            assert {parts[share.parcel_id, line.line_id].vendor for line in share.lines} == {share.vendor_id}
            for name in ("amount", "tax", "commission", "commission_tax", "funded"):
                assert getattr(share, name) == sum(getattr(line, name) for line in share.lines), name
        for key, line in lines.items():
            _take(parts[key], event.refund_id, line)
        sale.told[event.refund_id] = event
        if event.platform and sale.confirmed:
            left = sum(part.left for part in sale.parts)
            assert left <= sale.held, "the marketplace bears what nobody else can, but for what is to go back as credit"

    def _as_asked(self, sale: Sale, event: RefundAllocated, asked: Asked, took: Mapping[Part, RefundLine]) -> None:
        amounts = {part: line.amount for part, line in took.items()}
        assert event.platform == 0
        if asked.amount is not None:
            assert event.amount == asked.amount
            if not sale.confirmed or event.unearned:
                return
            able = [part for part in sale.parts if asked.vendor in (None, part.vendor)]
            left = sum(part.left for part in able)
            for part in able:
                quota = Fraction(asked.amount * part.left, left)
                assert abs(amounts.pop(part, 0) - quota) < 1, "by what is left of each"
            assert not amounts, "of nothing else"
            return
        wanted = {}
        for part in sale.parts:
            if part.line in asked.pieces and (free := part.quantity - part.given[0]):
                taken = min(asked.pieces[part.line], free)
                wanted[part] = half_up(Fraction(part.left * taken, free))
            elif part.line is None and part.parcel in asked.shipping:
                wanted[part] = part.left
        total = sum(wanted.values())
        assert amounts.keys() <= wanted.keys(), "of nothing else"
        assert all(amount <= wanted[part] for part, amount in amounts.items())
        if sale.money >= total:
            assert event.amount == total - asked.deduction
            if not asked.deduction:
                assert amounts == {part: amount for part, amount in wanted.items() if part in amounts or amount}


def _take(part: Part, refund_id: str, line: RefundLine) -> None:
    """Note what a refund takes of a part; what goes with it follows the amount, rounded once, or the pieces of what
    the customer paid nothing for."""
    part.back[refund_id] = (line.quantity, line.amount, line.tax, line.commission, line.commission_tax, line.funded)
    for given, whole in zip(part.given, part.whole, strict=True):
        assert 0 <= given <= whole, "no more than there was"
    given, whole = (part.given[1], part.amount) if part.amount else (part.given[0], part.quantity)
    if given == whole:
        assert part.given[2:] == part.whole[2:], "and in the end all of it"
    elif not part.touched:
        share = Fraction(given, whole)
        assert part.given[2:] == tuple(half_up(each * share) for each in part.whole[2:])


# --- the ledger ---------------------------------------------------------------------------------------------------


@dataclass
class Held:
    """Money that is a vendor's, but not to be paid out. parcel: where it is taken from once that is available, and
    then as far as something is left of it; amount: what is wanted."""

    vendor: str
    kind: str
    ref: str
    amount: int
    parcel: str | None = None
    until: datetime | None = None
    over: bool = False


class Books:
    """What every account must be, from what the ledger was told, and from what people told it to do."""

    def __init__(self, sales: Mapping[str, Sale], return_days: int) -> None:
        self.sales = sales
        self.return_days = return_days
        self.captured: dict[str, int] = {}
        self.sold: set[str] = set()
        self.refunded: dict[str, tuple[str, int]] = {}
        self.failed: set[str] = set()
        self.allocated: dict[str, RefundAllocated] = {}
        self.disputed: dict[str, tuple[str, int]] = {}
        self.decided: dict[str, tuple[bool, int]] = {}
        self.due: dict[str, datetime] = {}
        self.available: set[str] = set()
        self.over: set[tuple[str, str]] = set()
        self.holds: dict[tuple[str, str, str], Held] = {}
        self.adjusted: Counter[str] = Counter()
        self.payouts: dict[str, tuple[str, int, str]] = {}
        self.given_away = 0
        self.till = 0
        self.cards = 0
        self.granted: Counter[str] = Counter()
        self.credit: dict[str, Sequence[tuple[str | None, int]]] = {}
        self.credited: dict[str, tuple[str, int]] = {}
        self.terms: dict[str, tuple[int, int]] = {}
        self._hear: dict[type[Any], Callable[[Any], None]] = {
            PaymentCaptured: self._captured,
            OrderConfirmed: lambda e: self.sold.add(e.order_id),
            OrderCreditRequested: self._credit_requested,
            RefundCredited: lambda e: self.credited.__setitem__(e.refund_id, (e.order_id, e.amount)),
            PaymentRefunded: self._refunded,
            PaymentRefundFailed: lambda e: self.failed.add(e.refund_id),
            RefundAllocated: self._allocated,
            PaymentDisputed: self._disputed,
            PaymentDisputeClosed: self._decided,
            ParcelDelivered: self._delivered,
            ReturnRequested: self._return_requested,
            ReturnClosed: lambda e: self._end("return", e.return_id),
        }

    def hear(self, event: Any) -> None:
        """The ledger has taken this event in."""
        self._hear.get(type(event), lambda _: None)(event)

    def _credit_requested(self, event: OrderCreditRequested) -> None:
        """All of it or nothing, once."""
        if event.order_id not in self.credit:
            uses = self.sales[event.order_id].uses
            there = all(account is not None and amount <= self.spendable(account) for account, amount in uses)
            self.credit[event.order_id] = uses if there else ()

    def _captured(self, event: PaymentCaptured) -> None:
        self.captured[event.order_id] = event.amount

    def _refunded(self, event: PaymentRefunded) -> None:
        self.refunded[event.refund_id] = (event.order_id, event.amount)

    def _allocated(self, event: RefundAllocated) -> None:
        if event.refund_id not in self.allocated and event.refund_id not in self.failed:
            for share in event.shares:
                # Money that was kept for this very case goes first.
                if (held := self.holds.get(("rolling", share.parcel_id, share.vendor_id))) is not None:
                    borne = share.amount + share.funded - share.commission - share.commission_tax
                    held.amount = max(0, held.amount - borne)
        self.allocated[event.refund_id] = event
        if event.return_id:
            self._end("return", event.return_id)
        if event.cause == "dispute":
            self._end("dispute", event.refund_id)

    def _delivered(self, event: ParcelDelivered) -> None:
        assert event.returnable_until == event.delivered_at + timedelta(days=self.return_days)
        self.due.setdefault(event.parcel_id, event.returnable_until)

    def _return_requested(self, event: ReturnRequested) -> None:
        if event.payable:
            self._hold(Held(event.vendor_id, "return", event.return_id, event.payable, event.parcel_id))

    def _disputed(self, event: PaymentDisputed) -> None:
        if event.dispute_id in self.disputed:
            return
        self.disputed[event.dispute_id] = (event.order_id, event.amount)
        if event.order_id not in self.sold:
            return
        parcels = self.parcels(event.order_id)
        weights = [max(0, total - self.back(parcel)[0]) for parcel, (_, total) in parcels.items()]
        if sum(weights):
            shares = largest_remainder(min(event.amount, sum(weights)), weights)
            for (parcel, (vendor, _)), share, weight in zip(parcels.items(), shares, weights, strict=True):
                if weight and (amount := share * max(0, self.rest(parcel)) // weight):
                    self._hold(Held(vendor, "dispute", event.dispute_id, amount, parcel))

    def _decided(self, event: PaymentDisputeClosed) -> None:
        self.decided[event.dispute_id] = (event.won, event.amount)
        if event.won:
            self._end("dispute", event.dispute_id)

    def _hold(self, held: Held) -> None:
        if (held.kind, held.ref) not in self.over:
            self.holds.setdefault((held.kind, held.ref, held.vendor), held)

    def _end(self, kind: str, ref: str) -> None:
        self.over.add((kind, ref))
        for held in self.holds.values():
            held.over |= (held.kind, held.ref) == (kind, ref)

    # --- what people and timers do to it ----------------------------------------------------------------------

    def hold(self, ref: str, vendor: str, amount: int, until: datetime | None) -> None:
        self._hold(Held(vendor, "operator", ref, amount, until=until))

    def release(self, now: datetime) -> None:
        """The timers have rung: what is due is available, but for the reserve; what was held long enough is free."""
        for parcel, at in self.due.items():
            if at <= now and parcel not in self.available:
                self.available.add(parcel)
                vendor = self.vendor_of(parcel)
                bps, days = self.terms.get(vendor, (0, 0))
                if days and (amount := max(0, self.rest(parcel)) * bps // 10_000):
                    self._hold(Held(vendor, "rolling", parcel, amount, parcel, now + timedelta(days=days)))
        for held in self.holds.values():
            held.over |= held.until is not None and held.until <= now

    def fund(self, funding: str, amount: int) -> None:
        """Somebody pays for credit, or gets it back below zero: the marketplace, or whoever bought it at a till."""
        if funding == "sold":
            self.till += amount
        else:
            self.given_away += amount

    # --- what it comes to -------------------------------------------------------------------------------------

    def parcels(self, order_id: str) -> dict[str, tuple[str, int]]:
        """Return (vendor, total) of an order's parcels."""
        sums: dict[str, tuple[str, int]] = {}
        for part in self.sales[order_id].parts:
            sums[part.parcel] = (part.vendor, sums.get(part.parcel, ("", 0))[1] + part.amount)
        return dict(sorted(sums.items()))

    def _order_of(self, parcel: str) -> str:
        return "ord_" + parcel[4:].rpartition("-")[0]

    def vendor_of(self, parcel: str) -> str:
        return self.parcels(self._order_of(parcel))[parcel][0]

    @property
    def standing(self) -> list[RefundAllocated]:
        """Those that did not fail."""
        return [event for key, event in self.allocated.items() if key not in self.failed]

    def back(self, parcel: str) -> tuple[int, int]:
        """Return what refunds took of a parcel: of the customer's money, and of the vendor's."""
        shares = [share for event in self.standing for share in event.shares if share.parcel_id == parcel]
        amount = sum(share.amount for share in shares)
        return amount, amount + sum(share.funded - share.commission - share.commission_tax for share in shares)

    def rest(self, parcel: str) -> int:
        """Return what the vendor keeps of a parcel, as far as is known."""
        return self.sales[self._order_of(parcel)].payable(self.vendor_of(parcel)) - self.back(parcel)[1]

    def _reserved(self) -> list[tuple[str, int]]:
        """Return what is held, by vendor: on a parcel no more than is left of it."""
        wanted: Counter[tuple[str, str | None]] = Counter()
        for held in self.holds.values():
            if not held.over and (held.parcel is None or held.parcel in self.available):
                wanted[held.vendor, held.parcel] += held.amount
        return [
            (vendor, amount if parcel is None else min(amount, max(0, self.rest(parcel))))
            for (vendor, parcel), amount in wanted.items()
        ]

    def balances(self) -> dict[str, Axes]:
        """Return what every vendor is owed and was paid, without zeros."""
        axes: dict[str, Axes] = defaultdict(lambda: dict.fromkeys(AXES, 0))
        for order_id in self.sold:
            for parcel, (vendor, _) in self.parcels(order_id).items():
                axes[vendor]["available" if parcel in self.available else "pending"] += self.rest(parcel)
        for vendor, amount in self.adjusted.items():
            axes[vendor]["available"] += amount
        for vendor, amount in self._reserved():
            axes[vendor]["available"] -= amount
            axes[vendor]["reserved"] += amount
        for vendor, amount, status in self.payouts.values():
            if (axis := {"open": "paying", "paid": "paid_out"}.get(status)) is not None:
                axes[vendor]["available"] -= amount
                axes[vendor][axis] += amount
        found = {vendor: {name: amount for name, amount in own.items() if amount} for vendor, own in axes.items()}
        return {vendor: own for vendor, own in found.items() if own}

    def spent(self) -> Counter[str]:
        """Return what orders took of each account and did not give back: of those that an order took, the last gets its
        part back first."""
        found: Counter[str] = Counter()
        back: Counter[str] = Counter()
        for order_id, amount in self.credited.values():
            back[order_id] += amount
        for order_id, uses in self.credit.items():
            left = back[order_id]
            for account, amount in reversed(uses):
                assert account is not None
                returned = min(left, amount)
                left -= returned
                found[account] += amount - returned
            assert left == 0, "no more goes back than was taken"
        return found

    def spendable(self, account: str) -> int:
        """Return what is left on an account's store credit, or on all gift cards where it is empty."""
        return (self.granted[account] if account else self.cards) - self.spent()[account]

    def sheet(self) -> Axes:
        """Return the accounts of the marketplace, debits above zero, without zeros."""
        sales = [self.sales[order_id] for order_id in self.sold]
        back = [share for event in self.standing for share in event.shares]
        won, lost = (sum(amount for so, amount in self.decided.values() if so is which) for which in (True, False))
        opened = sum(amount for _, amount in self.disputed.values())
        refunded = sum(amount for _, amount in self.refunded.values())
        spent = self.spent()
        sheet = {
            "clearing": sum(self.captured.values()) - refunded - opened + won,
            "disputed": opened - won - lost,
            "external": self.till,
            "promotions": self.given_away + sum(sale.funded for sale in sales) - sum(share.funded for share in back),
            "gift_card": spent[""] - self.cards,
            "store_credit": sum(spent.values()) - spent[""] - sum(self.granted.values()),
            "customer": -sum(self.captured.values())
            - sum(spent.values())
            + refunded
            + lost
            + sum(sale.total for sale in sales)
            - sum(event.amount - event.unearned for event in self.standing),
            "commission": sum(share.commission for share in back)
            - sum(part.commission for sale in sales for part in sale.parts),
            "commission_tax": sum(share.commission_tax for share in back)
            - sum(part.commission_tax for sale in sales for part in sale.parts),
            "losses": sum(event.platform for event in self.standing),
            "adjustments": sum(self.adjusted.values()),
        }
        return {name: amount for name, amount in sheet.items() if amount}


AXES = ("pending", "available", "reserved", "paying", "paid_out")
