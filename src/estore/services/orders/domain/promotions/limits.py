"""How often promotions may be used: what an order takes of their limits, and when nothing is left of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from estore.services.orders.domain.promotions.engine import Candidate
from estore.services.orders.domain.promotions.model import Customer, Reason, Taken

FIRST = ""
"""Stands for the promotion where first orders are counted, which are one customer's first by any promotion."""
ALL = ""
"""The scope of all uses of a promotion."""
Used = Mapping[tuple[str, str], int]
"""(promotion id, scope) -> orders that use it."""


class Claim(msgspec.Struct, frozen=True, gc=False):
    """One more order in a counter. at_most: what the counter may reach; None where nothing limits it (now)."""

    promotion_id: str
    scope: str
    at_most: int | None


def of_code(code: str) -> str:
    """Return the scope of a code's uses."""
    return f"code:{code}"


def of_customer(key: str) -> str:
    """Return the scope of a customer's uses."""
    return f"customer:{key}"


def barred(candidate: Candidate, customer: Customer, used: Used) -> Reason | None:
    """Tell whether one more order is too many. used: the counters, as far as there are any."""
    promotion = candidate.rule.promotion
    limits, mine = promotion.rules.limits, of_customer(customer.key)
    if candidate.barred is not None:
        return candidate.barred
    if _reached(limits.total, used, promotion.promotion_id, ALL):
        return Reason.USED_UP
    if candidate.code and _reached(candidate.max_uses, used, promotion.promotion_id, of_code(candidate.code)):
        return Reason.USED_UP
    if customer.key and _reached(limits.per_customer, used, promotion.promotion_id, mine):
        return Reason.USED_BY_YOU
    if customer.key and promotion.rules.conditions.first_order and _reached(1, used, FIRST, mine):
        return Reason.NOT_FIRST_ORDER
    return None


def _reached(at_most: int | None, used: Used, promotion_id: str, scope: str) -> bool:
    return at_most is not None and used.get((promotion_id, scope), 0) >= at_most


def claims(candidates: Sequence[Candidate], taken: Sequence[Taken], customer: Customer) -> tuple[Claim, ...]:
    """Return what an order takes of the counters of the promotions that apply to it.

    Also of those that nothing limits: where a counter is left from a limit of before, it stays right.
    """
    if not taken:
        return ()
    applied = {(one.promotion_id, one.code) for one in taken}
    mine = of_customer(customer.key)
    found: dict[tuple[str, str], Claim] = {}
    for candidate in candidates:
        promotion, code = candidate.rule.promotion, candidate.code
        one, limits = promotion.promotion_id, promotion.rules.limits
        if (one, code) not in applied:
            continue
        some = [Claim(one, ALL, limits.total), Claim(one, mine, limits.per_customer)]
        if code:
            some.append(Claim(one, of_code(code), candidate.max_uses))
        if promotion.rules.conditions.first_order:
            some.append(Claim(FIRST, mine, 1))
        found |= {(claim.promotion_id, claim.scope): claim for claim in some}
    return tuple(found.values())
