"""What promotions must take off an order, and who pays for it, from first principles: all ways are tried.

Nothing here asks the code that it is held against. Pieces are counted one by one, parts are fractions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import Any

from support.money_model import Cut, FeePlan, Item, Sale, Tariff, half_up, largest_remainder, priced

JSON = dict[str, Any]
FRIENDS = "friends"
Demand = Sequence[tuple[Item, int]]


@dataclass(frozen=True)
class Deal:
    """A promotion, as the API takes it.

    code: that it needs, good for max_uses; automatic without. share: basis points of a discount that the marketplace
    pays, whoever `vendor` is bears the rest; a vendor's own is about its goods and paid by it alone.
    """

    name: str
    effect: JSON
    code: str = ""
    vendor: str = ""
    share: int = 10_000
    goods: JSON = field(default_factory=dict)
    conditions: JSON = field(default_factory=dict)
    limits: JSON = field(default_factory=dict)
    stacking: JSON = field(default_factory=dict)
    max_uses: int | None = None

    @property
    def body(self) -> JSON:
        said = {name: value for name in ("goods", "conditions", "limits", "stacking") if (value := getattr(self, name))}
        return {
            "title": self.name,
            "effect": self.effect,
            "automatic": not self.code,
            "platform_share": self.share,
        } | said

    def matches(self, item: Item, goods: JSON | None = None) -> bool:
        goods = self.goods if goods is None else goods
        return (
            (not self.vendor or item.vendor == self.vendor)
            and item.sku in goods.get("skus", [item.sku])
            and item.vendor in goods.get("vendors", [item.vendor])
            and bool(set(item.path) & set(goods.get("categories", item.path)))
            and not set(item.path) & set(goods.get("except_categories", []))
        )


@dataclass(frozen=True)
class Known:
    """A promotion as it stands in the store. uses, own: orders that use it, altogether and of who buys."""

    id: str
    deal: Deal
    share: int
    uses: int = 0
    own: int = 0

    @property
    def order(self) -> tuple[int, str]:
        return -int(self.deal.stacking.get("priority", 0)), self.id


def deals_of(by: int) -> list[Deal]:
    """One of every kind, with ugly numbers. by: what prices are multiplied by."""
    return [
        Deal("a share", {"type": "percentage", "bps": 1234, "at_most": 2501 * by}, "SHARE", limits={"total": 7}),
        Deal("an amount", {"type": "fixed", "amount": 777 * by}, "AMOUNT", share=3333),
        Deal(
            "off each",
            {"type": "fixed", "amount": 101 * by, "per": "piece"},
            "EACH",
            vendor="vnd_b",
            share=0,
            stacking={"group": "small", "priority": 5},
        ),
        Deal(
            "3 for 2",
            {"type": "buy_get", "buy": 2, "get": 1, "times": 2},
            goods={"categories": ["home", "books"]},
            share=5000,
            stacking={"priority": 1},
        ),
        Deal(
            "bulbs with a lamp",
            {"type": "buy_get", "buy": 1, "get": 2, "bps": 3333, "get_from": {"skus": ["BULB", "GUM"]}},
            goods={"vendors": ["vnd_b"]},
            share=1,
            stacking={"group": "small"},
        ),
        Deal(
            "many",
            {"type": "tiers", "by": "quantity", "tiers": [{"start": 3, "bps": 501}, {"start": 6, "amount": 1999 * by}]},
            vendor="vnd_c",
            share=0,
        ),
        Deal(
            "much",
            {"type": "tiers", "by": "amount", "tiers": [{"start": 20_000 * by, "bps": 333}]},
            share=6667,
            stacking={"priority": -1},
        ),
        Deal("half the way", {"type": "free_shipping", "bps": 5001}, share=7500, stacking={"group": "shipping"}),
        Deal(
            "all the way",
            {"type": "free_shipping", "methods": ["standard"]},
            "SHIP",
            stacking={"group": "shipping"},
            limits={"per_customer": 3},
        ),
        Deal("everything", {"type": "percentage", "bps": 10_000}, "GIFT", share=10_000, limits={"total": 3}),
        Deal(
            "books for nothing",
            {"type": "percentage", "bps": 10_000},
            "BOOKS",
            goods={"skus": ["BOOK", "PIN"]},
            share=4999,
            max_uses=4,
        ),
        Deal(
            "for friends",
            {"type": "fixed", "amount": 150 * by},
            share=2500,
            goods={"except_categories": ["books"]},
            conditions={"customer_groups": [FRIENDS]},
        ),
        Deal(
            "alone",
            {"type": "percentage", "bps": 2000},
            "ALONE",
            share=5000,
            conditions={"min_amount": 3000 * by},
            stacking={"exclusive": True},
        ),
        Deal("welcome", {"type": "percentage", "bps": 1000}, "FIRST", conditions={"first_order": True}),
    ]


# --- what one takes off -------------------------------------------------------------------------------------------


def _over(amount: int, weights: Sequence[int]) -> list[int]:
    return largest_remainder(min(amount, sum(weights)), weights) if sum(weights) else [0] * len(weights)


def _sets(buy: int, get: int, most: int, demand: Demand, lines: set[int], got: set[int]) -> int:
    """Return how often so many pieces can be bought, and so many others got."""
    sets = 0
    while sets < most:
        bought, gotten = (sets + 1) * buy, (sets + 1) * get
        for line, (_, quantity) in enumerate(demand):
            if line in lines and line not in got:
                bought -= quantity
            elif line in got and line not in lines:
                gotten -= quantity
        both = sum(demand[line][1] for line in lines & got)
        if max(0, bought) + max(0, gotten) > both:
            break
        sets += 1
    return sets


def _pieces(effect: JSON, demand: Demand, lines: set[int], got: set[int], left: Sequence[int]) -> dict[int, int]:
    """The cheapest pieces are got, one by one, as long as enough are left to be bought."""
    sets = _sets(effect["buy"], effect["get"], effect.get("times", 10**6), demand, lines, got)
    buyable = sum(demand[line][1] for line in lines)
    taken = dict.fromkeys(got, 0)
    for line in sorted(got, key=lambda line: (Fraction(left[line], demand[line][1]), demand[line][0].sku, line)):
        for _ in range(demand[line][1]):
            if sum(taken.values()) == sets * effect["get"] or (line in lines and buyable == sets * effect["buy"]):
                break
            taken[line] += 1
            buyable -= line in lines
    bps = effect.get("bps", 10_000)
    return {
        line: half_up(Fraction(left[line] * pieces * bps, demand[line][1] * 10_000)) for line, pieces in taken.items()
    }


def _off(deal: Deal, demand: Demand, left: Sequence[int]) -> dict[int, int]:
    """Return what `deal` takes off each line, of what is left of it."""
    effect = deal.effect
    lines = [line for line, (item, _) in enumerate(demand) if deal.matches(item)]
    rest = [left[line] for line in lines]
    bps, amount = effect.get("bps"), effect.get("amount")
    if effect["type"] == "buy_get":
        got = {line for line, (item, _) in enumerate(demand) if deal.matches(item, effect.get("get_from"))}
        return _pieces(effect, demand, set(lines), got, left)
    if effect["type"] == "tiers":
        tier = _tier(deal, demand)
        assert tier is not None
        bps, amount = tier.get("bps"), tier.get("amount")
    if effect.get("per") == "piece":
        return {line: min(left[line], effect["amount"] * demand[line][1]) for line in lines}
    if amount is not None:
        return dict(zip(lines, _over(amount, rest), strict=True))
    amounts = [half_up(Fraction(each * int(bps or 0), 10_000)) for each in rest]
    return dict(zip(lines, _over(effect.get("at_most", 10**12), amounts), strict=True))


def _tier(deal: Deal, demand: Demand) -> JSON | None:
    matching = [(item, quantity) for item, quantity in demand if deal.matches(item)]
    measured = sum(item.price * n if deal.effect["by"] == "amount" else n for item, n in matching)
    tiers: list[JSON] = [tier for tier in deal.effect["tiers"] if tier["start"] <= measured]
    return max(tiers, key=lambda tier: int(tier["start"]), default=None)


# --- which apply --------------------------------------------------------------------------------------------------


def fits(known: Known, demand: Demand, ordered_before: bool, befriended: bool) -> bool:
    """Say whether its conditions hold. befriended: who buys is in the group."""
    deal = known.deal
    matching = [(line, item, n) for line, (item, n) in enumerate(demand) if deal.matches(item)]
    if not matching or (ordered_before and deal.conditions.get("first_order")):
        return False
    if deal.conditions.get("customer_groups") and not befriended:
        return False
    if known.uses >= (10**9 if deal.max_uses is None else deal.max_uses):
        return False
    if known.uses >= deal.limits.get("total", 10**9) or known.own >= deal.limits.get("per_customer", 10**9):
        return False
    if sum(item.price * n for _, item, n in matching) < deal.conditions.get("min_amount", 0):
        return False
    if deal.effect["type"] == "buy_get":
        got = {line for line, (item, _) in enumerate(demand) if deal.matches(item, deal.effect.get("get_from"))}
        return _sets(deal.effect["buy"], deal.effect["get"], 1, demand, {line for line, *_ in matching}, got) == 1
    return deal.effect["type"] != "tiers" or _tier(deal, demand) is not None


def ways(fitting: Sequence[Known]) -> Iterator[tuple[Known, ...]]:
    """Every set of promotions that may apply together."""
    for size in range(len(fitting) + 1):
        for some in combinations(fitting, size):
            groups = [group for known in some if (group := known.deal.stacking.get("group"))]
            alone = any(known.deal.stacking.get("exclusive") for known in some)
            if len(groups) == len(set(groups)) and (size < 2 or not alone):
                yield some


def cuts(some: Sequence[Known], demand: Demand, tariff: Tariff) -> list[Cut]:
    """Apply these, goods before shipping, each to what those before it left. Lines have an order of their own."""
    places = sorted(range(len(demand)), key=lambda i: (demand[i][0].vendor, demand[i][0].sku, demand[i][1], i))
    own = [demand[place] for place in places]
    left = [item.price * quantity for item, quantity in own]
    found: list[Cut] = []
    ordered = sorted(some, key=lambda known: known.order)
    for known in ordered:
        if known.deal.effect["type"] != "free_shipping":
            taken = {line: amount for line, amount in sorted(_off(known.deal, own, left).items()) if amount}
            for (line, amount), paid in zip(taken.items(), _paid(known, list(taken.values())), strict=True):
                left[line] -= amount
                found.append(Cut(known.id, own[line][0].vendor, places[line], amount, paid))
    shipping: dict[str, int] = {}
    for vendor in sorted({item.vendor for item, _ in own}):
        lines = [line for line, (item, _) in enumerate(own) if item.vendor == vendor]
        grams = sum(own[line][0].grams * own[line][1] for line in lines)
        shipping[vendor] = tariff.shipping(grams, sum(left[line] for line in lines))
    for known in ordered:
        if known.deal.effect["type"] == "free_shipping":
            vendors = sorted({item.vendor for item, _ in own if known.deal.matches(item)})
            bps = known.deal.effect.get("bps", 10_000)
            taken_of = {v: amount for v in vendors if (amount := half_up(Fraction(shipping[v] * bps, 10_000)))}
            for (vendor, amount), paid in zip(taken_of.items(), _paid(known, list(taken_of.values())), strict=True):
                shipping[vendor] -= amount
                found.append(Cut(known.id, vendor, None, amount, paid))
    return found


def _paid(known: Known, amounts: Sequence[int]) -> list[int]:
    """Return what of each amount the marketplace pays."""
    share = 0 if known.deal.vendor else known.share
    return _over(half_up(Fraction(sum(amounts) * share, 10_000)), amounts)


@dataclass(frozen=True)
class Choice:
    """What an order may cost: the ways that are the cheapest of all, with the sale that each makes. cheapest: what."""

    cheapest: int
    sales: dict[frozenset[str], Sale]


def choose(
    order_id: str, demand: Demand, tariff: Tariff, plans: dict[str, FeePlan], now: Any, fitting: Sequence[Known]
) -> Choice:
    """Try everything. Keyed by the promotions that take something off."""
    found: dict[frozenset[str], Sale] = {}
    for some in ways(fitting):
        taken = cuts(some, demand, tariff)
        found.setdefault(frozenset(cut.promotion for cut in taken), priced(order_id, demand, tariff, plans, now, taken))
    cheapest = min(sale.total for sale in found.values())
    return Choice(cheapest, {key: sale for key, sale in found.items() if sale.total == cheapest})
