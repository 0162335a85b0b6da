"""What promotions take off a demand, and why the others take nothing: pure, and the same whatever the order of lines.

Goods first, then the shipping that is left to be paid. Where several ways remain, the customer gets the one that costs
least, tax and shipping taken into account: with one parcel's goods below `free_from`, a discount may cost more than it
takes off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from estore.kit.money import split
from estore.services.orders.domain.commission import share
from estore.services.orders.domain.pricing import Offer
from estore.services.orders.domain.promotions.effects import Basket, measure, off, reached, times
from estore.services.orders.domain.promotions.matching import Rule
from estore.services.orders.domain.promotions.model import (
    BuyGet,
    Customer,
    FreeShipping,
    Reason,
    Refused,
    Status,
    Taken,
    Tiers,
)
from estore.services.orders.domain.promotions.ways import Option, best
from estore.services.orders.domain.tables import Destination, Method

_NEAR = frozenset({Reason.MIN_AMOUNT, Reason.MIN_QUANTITY, Reason.NOT_WITH_METHOD, Reason.NOT_COMBINABLE})
"""What is said of automatic promotions as well: what the customer could do about it."""
MOST_OF_ONE = 20
"""So many automatic promotions of one vendor, or of the marketplace, are weighed for an order: those of the highest
priority that apply. Nobody makes all others' orders slow by making promotions."""


class Candidate(msgspec.Struct, frozen=True):
    """A promotion that may apply. code: that brought it, empty for an automatic one. max_uses: of the code. barred: why
    it may not, because of how often it was used or what became of the code."""

    rule: Rule
    code: str = ""
    max_uses: int | None = None
    barred: Reason | None = None


class Purchase(msgspec.Struct, frozen=True):
    """What is bought, pairs of offer and quantity, by whom, and where it goes. method: named method_name."""

    demand: Sequence[tuple[Offer, int]]
    destination: Destination
    method: Method
    method_name: str
    country: str
    inclusive: bool
    customer: Customer
    now: datetime


class Decision(msgspec.Struct, frozen=True):
    """taken: in the order in which the promotions apply."""

    taken: tuple[Taken, ...] = ()
    refused: tuple[Refused, ...] = ()


class Fit(msgspec.Struct, frozen=True):
    """A promotion whose conditions hold. lines: that match; got: that pieces are got of; parcels: what it touches."""

    candidate: Candidate
    lines: tuple[int, ...]
    got: tuple[int, ...]
    parcels: frozenset[int]


Run = list[tuple[Fit, list[tuple[int, int]], list[tuple[int, int]]]]
"""Of each promotion: (line, minor units) and (parcel, minor units)."""


class Till:
    """Adds up what a purchase costs with some promotions. Lines stand in an order of its own."""

    def __init__(self, purchase: Purchase) -> None:
        demand = purchase.demand
        self.places = sorted(
            range(len(demand)), key=lambda i: (demand[i][0].vendor_id, demand[i][0].sku, demand[i][1], i)
        )
        sorted_demand = [demand[place] for place in self.places]
        self.offers = [offer for offer, _ in sorted_demand]
        vendors = {vendor: number for number, vendor in enumerate(sorted({o.vendor_id for o in self.offers}))}
        self.parcels = [vendors[offer.vendor_id] for offer in self.offers]
        self.lines_of: list[list[int]] = [[] for _ in vendors]
        for line, parcel in enumerate(self.parcels):
            self.lines_of[parcel].append(line)
        quantities = [quantity for _, quantity in sorted_demand]
        self.basket = Basket(
            quantities, [offer.price * n for offer, n in sorted_demand], [offer.sku for offer in self.offers]
        )
        self._weights = [sum(self.offers[n].weight_grams * quantities[n] for n in lines) for lines in self.lines_of]
        self._method, self._inclusive = purchase.method, purchase.inclusive
        self._rates = [purchase.destination.rate(offer.tax_class) for offer in self.offers]
        self._shipping_rate = purchase.destination.shipping_rate

    def run(self, fits: Sequence[Fit], parcels: Sequence[int]) -> tuple[int, Run]:
        """Apply `fits`, goods before shipping, by priority; returns what `parcels` cost then, and what was taken.

        Amounts: minor units.
        """
        left = list(self.basket.subtotals)
        done: Run = []
        ordered = sorted(fits, key=lambda fit: fit.candidate.rule.order)
        for fit in ordered:
            effect = fit.candidate.rule.promotion.rules.effect
            if not isinstance(effect, FreeShipping):
                amounts = off(effect, fit.lines, fit.got, left, self.basket)
                for line, amount in amounts:
                    left[line] -= amount
                done.append((fit, amounts, []))
        shipping = {parcel: self._shipping(parcel, left) for parcel in parcels}
        for fit in ordered:
            effect = fit.candidate.rule.promotion.rules.effect
            if isinstance(effect, FreeShipping):
                taken = [(parcel, share(shipping[parcel], effect.bps)) for parcel in sorted(fit.parcels)]
                for parcel, amount in taken:
                    shipping[parcel] -= amount
                done.append((fit, [], [(parcel, amount) for parcel, amount in taken if amount]))
        return self._cost(left, shipping), done

    def _shipping(self, parcel: int, left: Sequence[int]) -> int:
        return self._method.price(self._weights[parcel], sum(left[line] for line in self.lines_of[parcel]))

    def _cost(self, left: Sequence[int], shipping: dict[int, int]) -> int:
        cost = 0
        for parcel, price in shipping.items():
            lines = self.lines_of[parcel]
            cost += price + sum(left[line] for line in lines)
            if not self._inclusive:
                cost += share(price, self._shipping_rate) + sum(share(left[n], self._rates[n]) for n in lines)
        return cost


def decide(purchase: Purchase, candidates: Sequence[Candidate]) -> Decision:
    """Return what `candidates` take off `purchase`. The same promotion applies once, by whichever way it came."""
    if not candidates:
        return Decision()
    till = Till(purchase)
    refused: dict[int, tuple[Reason, int]] = {}
    fits: dict[str, Fit] = {}
    places: dict[str, int] = {}
    owners: Counter[str] = Counter()
    for place, candidate in enumerate(candidates):
        owner = candidate.rule.promotion.vendor_id
        if not candidate.code and owners[owner] >= MOST_OF_ONE:
            continue
        found = _fit(candidate, till, purchase)
        if isinstance(found, Fit) and not candidate.code:
            owners[owner] += 1
        if not isinstance(found, Fit):
            refused[place] = found
        elif candidate.rule.id in fits and not (candidate.code and not fits[candidate.rule.id].candidate.code):
            refused[place] = (Reason.NOT_COMBINABLE, 0)
        else:
            fits[candidate.rule.id], places[candidate.rule.id] = found, place
    parcels = len(till.lines_of)
    # By priority, so that of two that cost the same it does not matter which came first
    by_priority = sorted(fits.values(), key=lambda fit: fit.candidate.rule.order)
    chosen = best([_option(fit) for fit in by_priority], till, parcels)
    run = till.run([fits[one] for one in chosen], range(parcels))[1] if chosen else []
    taken: list[Taken] = []
    for fit, lines, shipping in run:
        if lines or shipping:
            taken += _taken(fit, lines, shipping, till)
        else:
            refused[places[fit.candidate.rule.id]] = (Reason.NOTHING_LEFT, 0)
    for one, fit in fits.items():
        if one not in chosen:
            refused[places[one]] = (_left_out(fit, [fits[other] for other in chosen]), 0)
    return Decision(
        tuple(taken),
        tuple(
            Refused(candidate.rule.id, candidate.code, candidate.rule.promotion.rules.title, *refused[place])
            for place, candidate in enumerate(candidates)
            if place in refused and (candidate.code or refused[place][0] in _NEAR)
        ),
    )


def _option(fit: Fit) -> Option[Fit]:
    stacking = fit.candidate.rule.promotion.rules.stacking
    return Option(fit.candidate.rule.id, fit, stacking.exclusive, stacking.group, fit.candidate.code != "", fit.parcels)


def _left_out(fit: Fit, chosen: Sequence[Fit]) -> Reason:
    stacking = fit.candidate.rule.promotion.rules.stacking
    for other in chosen:
        theirs = other.candidate.rule.promotion.rules.stacking
        if stacking.exclusive or theirs.exclusive or (stacking.group and stacking.group == theirs.group):
            return Reason.NOT_COMBINABLE
    return Reason.NOT_CHEAPER


def _taken(fit: Fit, lines: Sequence[tuple[int, int]], parcels: Sequence[tuple[int, int]], till: Till) -> list[Taken]:
    promotion, code = fit.candidate.rule.promotion, fit.candidate.code
    amounts = [amount for _, amount in (*lines, *parcels)]
    bps = 0 if promotion.vendor_id else promotion.rules.platform_share
    platform = split(share(sum(amounts), bps), amounts)
    where = [(till.places[line], till.parcels[line]) for line, _ in lines] + [(None, parcel) for parcel, _ in parcels]
    return sorted(
        (
            Taken(promotion.promotion_id, code, promotion.rules.title, line, parcel, amount, paid)
            for (line, parcel), amount, paid in zip(where, amounts, platform, strict=True)
        ),
        key=lambda one: (one.line is None, one.line, one.parcel),
    )


def _fit(candidate: Candidate, till: Till, purchase: Purchase) -> Fit | tuple[Reason, int]:
    """Return where a promotion applies, or why it does not, and what is missing for that."""
    rule = candidate.rule
    if (reason := _closed(rule, purchase.now)) is not None:
        return reason, 0
    if candidate.barred is not None:
        return candidate.barred, 0
    lines = tuple(line for line, offer in enumerate(till.offers) if rule.matches(offer))
    if not lines:
        return Reason.NO_MATCHING_GOODS, 0
    if (reason := _not_theirs(rule, purchase)) is not None:
        return reason, 0
    if (short := _short(rule, lines, till.basket)) is not None:
        return short
    got = lines
    effect = rule.promotion.rules.effect
    if isinstance(effect, BuyGet):
        if rule.gets is not None:
            got = tuple(line for line, offer in enumerate(till.offers) if rule.gets(offer))
            if not got:
                return Reason.NO_MATCHING_GOODS, 0
        if not times(effect, lines, got, till.basket.quantities):
            pieces = sum(till.basket.quantities[line] for line in {*lines, *got})
            return Reason.MIN_QUANTITY, max(1, effect.buy + effect.get - pieces)
    return Fit(candidate, lines, got, frozenset(till.parcels[line] for line in (*lines, *got)))


def _closed(rule: Rule, now: datetime) -> Reason | None:
    promotion = rule.promotion
    if promotion.status is not Status.ACTIVE:
        return Reason.PAUSED if promotion.status is Status.PAUSED else Reason.ENDED
    if promotion.rules.ends_at is not None and promotion.rules.ends_at <= now:
        return Reason.ENDED
    if promotion.rules.starts_at is not None and promotion.rules.starts_at > now:
        return Reason.NOT_STARTED
    return None


def _not_theirs(rule: Rule, purchase: Purchase) -> Reason | None:
    conditions, effect = rule.promotion.rules.conditions, rule.promotion.rules.effect
    customer = purchase.customer
    if conditions.countries and purchase.country not in conditions.countries:
        return Reason.NOT_TO_COUNTRY
    if conditions.customer_groups and customer.groups.isdisjoint(conditions.customer_groups):
        return Reason.NOT_IN_GROUP
    if conditions.first_order and customer.has_ordered:
        return Reason.NOT_FIRST_ORDER
    if isinstance(effect, FreeShipping) and effect.methods and purchase.method_name not in effect.methods:
        return Reason.NOT_WITH_METHOD
    return None


def _short(rule: Rule, lines: Sequence[int], basket: Basket) -> tuple[Reason, int] | None:
    conditions, effect = rule.promotion.rules.conditions, rule.promotion.rules.effect
    amount = sum(basket.subtotals[line] for line in lines)
    if conditions.min_amount is not None and amount < conditions.min_amount:
        return Reason.MIN_AMOUNT, conditions.min_amount - amount
    pieces = sum(basket.quantities[line] for line in lines)
    if conditions.min_quantity is not None and pieces < conditions.min_quantity:
        return Reason.MIN_QUANTITY, conditions.min_quantity - pieces
    if isinstance(effect, Tiers):
        measured = measure(effect, lines, basket)
        if reached(effect, measured) is None:
            reason = Reason.MIN_AMOUNT if effect.by == "amount" else Reason.MIN_QUANTITY
            return reason, min(tier.start for tier in effect.tiers) - measured
    return None
