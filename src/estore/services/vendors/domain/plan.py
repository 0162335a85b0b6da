"""Commission plans: what may be changed of one. Which rate an order pays is decided by orders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from estore.contracts.vendors import Plan, Rate
from estore.kit.money import MAX_AMOUNT
from estore.services.vendors.domain.errors import (
    MAX_RATES,
    RateBegun,
    RateInPast,
    RateMissing,
    RateTwice,
    TooManyRates,
)

_CATEGORY_RATE = re.compile(r"([a-z0-9-]{1,100})=(\d{1,5})(?:\+(\d{1,15}))?")


def usual_rates(text: str) -> tuple[tuple[str, int, int], ...]:
    """Read `books=800, mugs=1500+30`: category, basis points, minor units per piece. Raises ValueError."""
    found = {}
    for part in (part.strip() for part in text.split(",") if part.strip()):
        match = _CATEGORY_RATE.fullmatch(part)
        if match is None or int(match[2]) > 10_000 or int(match[3] or 0) > MAX_AMOUNT or match[1] in found:
            raise ValueError(f"{part!r} is not `category=basis points`, or `category=basis points+minor units`")
        found[match[1]] = (match[1], int(match[2]), int(match[3] or 0))
    return tuple(found.values())


def general_rate(plan: Plan, now: datetime) -> Rate:
    """Return the rate for everything that applies at `now`: the latest that has begun."""
    general = [rate for rate in plan.rates if rate.category is None]
    begun = [rate for rate in general if rate.valid_from <= now]
    return max(begun, key=lambda rate: rate.valid_from) if begun else min(general, key=lambda rate: rate.valid_from)


def with_general(plan: Plan, bps: int, now: datetime) -> Plan:
    """Return the plan with another percentage for everything from `now` on; the part per piece stays."""
    rate = Rate(category=None, bps=bps, fixed=general_rate(plan, now).fixed, valid_from=now)
    return msgspec.structs.replace(plan, rates=_sorted([r for r in plan.rates if _place(r) != _place(rate)], [rate]))


def amended(plan: Plan, rates: Sequence[Rate], tax_bps: int, now: datetime, *, told: bool) -> Plan:
    """Return the plan that `rates` make of `plan`.

    told: somebody may have paid by it, so the rates that have begun stay, whether `rates` repeat them or leave them
    out. Announced ones that are left out are withdrawn. Raises RateBegun, RateInPast, RateTwice, RateMissing,
    TooManyRates.
    """
    begun = {_place(rate): rate for rate in plan.rates if told and rate.valid_from < now}
    new: dict[tuple[str, datetime], Rate] = {}
    for number, rate in enumerate(rates):
        place, pointer = _place(rate), f"/rates/{number}"
        if place in new:
            raise RateTwice(pointer=pointer)
        if place in begun and rate != begun[place]:
            raise RateBegun("announce another one instead, from now or from a later day", pointer=pointer)
        if told and place not in begun and rate.valid_from < now:
            raise RateInPast(pointer=f"{pointer}/valid_from")
        new[place] = rate
    together = begun | new
    if not any(rate.category is None and rate.valid_from <= now for rate in together.values()):
        raise RateMissing(pointer="/rates")
    if len(together) > MAX_RATES:
        raise TooManyRates()
    return Plan(rates=_sorted(together.values()), tax_bps=tax_bps)


def _place(rate: Rate) -> tuple[str, datetime]:
    return rate.category or "", rate.valid_from


def _sorted(*rates: Iterable[Rate]) -> tuple[Rate, ...]:
    return tuple(
        sorted((one for some in rates for one in some), key=lambda rate: (rate.valid_from, rate.category or ""))
    )
