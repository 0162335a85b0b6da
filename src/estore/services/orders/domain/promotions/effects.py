"""What an effect takes off lines and shipping: integers, rounded once per line, split by largest remainder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from estore.kit.money import split
from estore.services.orders.domain.commission import WHOLE, share
from estore.services.orders.domain.promotions.model import BuyGet, Effect, Fixed, FreeShipping, Percentage, Tier, Tiers

Off = list[tuple[int, int]]
"""(line, minor units) each, none of them zero."""


def off(effect: Effect, lines: Sequence[int], got: Sequence[int], left: Sequence[int], basket: Basket) -> Off:
    """Return what `effect` takes off.

    lines: the matching ones. got: those that pieces may be got of. left: what promotions before it left of each line of
    the basket, in minor units. Nothing of a line falls below zero.
    """
    match effect:
        case Percentage(bps, at_most):
            return _percent(bps, at_most, lines, left)
        case Fixed(amount, "order"):
            return _spread(amount, lines, left)
        case Fixed(amount, _):
            return _some((line, min(left[line], amount * basket.quantities[line])) for line in lines)
        case BuyGet():
            return _pieces(effect, lines, got, left, basket)
        case Tiers():
            tier = reached(effect, measure(effect, lines, basket))
            if tier is None:
                return []
            return _percent(tier.bps, None, lines, left) if tier.bps else _spread(tier.amount or 0, lines, left)
        case FreeShipping():
            return []


class Basket:
    """What is bought, line by line. subtotals: before any discount. keys: sort lines without regard to their places."""

    __slots__ = ("keys", "quantities", "subtotals")

    def __init__(self, quantities: Sequence[int], subtotals: Sequence[int], keys: Sequence[str]) -> None:
        self.quantities = quantities
        self.subtotals = subtotals
        self.keys = keys


def measure(effect: Tiers, lines: Iterable[int], basket: Basket) -> int:
    """Return what tiers are measured by: the amount before any discount, or the pieces."""
    return sum((basket.subtotals if effect.by == "amount" else basket.quantities)[line] for line in lines)


def reached(effect: Tiers, measured: int) -> Tier | None:
    """Return the last tier that is reached, if any."""
    return max((tier for tier in effect.tiers if tier.start <= measured), key=lambda tier: tier.start, default=None)


def _some(amounts: Iterable[tuple[int, int]]) -> Off:
    return [(line, amount) for line, amount in amounts if amount]


def _percent(bps: int, at_most: int | None, lines: Sequence[int], left: Sequence[int]) -> Off:
    amounts = [share(left[line], bps) for line in lines]
    if at_most is not None and sum(amounts) > at_most:
        amounts = split(at_most, amounts)
    return _some(zip(lines, amounts, strict=True))


def _spread(amount: int, lines: Sequence[int], left: Sequence[int]) -> Off:
    rest = [left[line] for line in lines]
    return _some(zip(lines, split(min(amount, sum(rest)), rest), strict=True))


def times(effect: BuyGet, lines: Sequence[int], got: Sequence[int], quantities: Sequence[int]) -> int:
    """Return how often it applies to so many pieces."""
    both = sum(quantities[line] for line in set(lines) & set(got))
    bought = sum(quantities[line] for line in lines) - both
    gotten = sum(quantities[line] for line in got) - both
    low, high = 0, min((bought + both) // effect.buy, (gotten + both) // effect.get, effect.times or 10**9)
    # Pieces that can be bought as well as got count once.
    while low < high:
        middle = (low + high + 1) // 2
        if max(0, middle * effect.buy - bought) + max(0, middle * effect.get - gotten) <= both:
            low = middle
        else:
            high = middle - 1
    return low


def _pieces(effect: BuyGet, lines: Sequence[int], got: Sequence[int], left: Sequence[int], basket: Basket) -> Off:
    quantities = basket.quantities
    sets = times(effect, lines, got, quantities)
    buyable = set(lines)
    shared = buyable & set(got)
    # Of what can be both, so many may be got; the others are bought.
    spare = sum(quantities[line] for line in lines)
    spare = min(spare - sets * effect.buy, sum(quantities[line] for line in shared))
    wanted = sets * effect.get
    amounts: Off = []
    cheapest = sorted(got, key=lambda line: (Fraction(left[line], quantities[line]), basket.keys[line], line))
    for line in cheapest:
        pieces = min(wanted, quantities[line], spare if line in shared else wanted)
        if pieces <= 0:
            continue
        wanted -= pieces
        if line in shared:
            spare -= pieces
        whole = WHOLE * quantities[line]
        amounts.append((line, (2 * left[line] * pieces * effect.bps + whole) // (2 * whole)))
    return _some(sorted(amounts))
