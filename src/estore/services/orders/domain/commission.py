"""What the marketplace keeps of a line: the vendor's plan, the rate that applies, and the tax on the fee."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from estore.contracts.vendors import Plan, Rate

WHOLE = 10_000
"""Basis points in one."""


def share(amount: int, bps: int) -> int:
    """Return `bps` basis points of `amount`, halves away from zero. amount >= 0: tax on a net price, commission."""
    return (amount * bps + WHOLE // 2) // WHOLE


def rates_for(plan: Plan | None, path: Sequence[str]) -> tuple[Rate, ...]:
    """Return the rates of `plan` for a product in the category `path` (slugs from the root), best first.

    The most specific category wins, then the latest valid_from: of those that have begun at a moment, the first one
    applies. So all that does not depend on the moment is decided once, when an offer is read.
    """
    if plan is None:
        return ()
    # Of two that say the same from the same moment on, the later in the plan wins.
    found = [
        (0 if rate.category is None else path.index(rate.category) + 1, rate.valid_from, place, rate)
        for place, rate in enumerate(plan.rates)
        if rate.category is None or rate.category in path
    ]
    return tuple(rate for *_, rate in sorted(found, key=lambda one: one[:3], reverse=True))


def commission_of(
    total: int, quantity: int, rates: Sequence[Rate], otherwise: int, tax_bps: int, now: datetime
) -> tuple[int, int]:
    """Return what the marketplace keeps of a line of `quantity` pieces for `total` minor units, and the tax on that.

    rates: best first, see `rates_for`. otherwise: basis points, where none of them has begun.
    The vendor never owes for a sale: where both together would exceed `total`, the commission is cut to what leaves
    room for its own tax. Rates' `fixed` are in the marketplace's currency, which every order is in (see `read_tables`).
    """
    for rate in rates:
        if rate.valid_from <= now:
            kept = share(total, rate.bps) + rate.fixed * quantity
            break
    else:
        kept = share(total, otherwise)
    tax = share(kept, tax_bps)
    if kept + tax > total:
        kept = _most(total, tax_bps)
        tax = share(kept, tax_bps)
    return kept, tax


def _most(total: int, tax_bps: int) -> int:
    """Return the largest commission that leaves room for its tax in `total`."""
    most = total * WHOLE // (WHOLE + tax_bps)
    # Where its tax is rounded down, one more may fit.
    return most + 1 if most + 1 + share(most + 1, tax_bps) <= total else most
