"""How a discount is explained: to whoever asks what it would cost, and on the order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from estore.kit.money import Money, to_major
from estore.services.orders.domain.names import line_id
from estore.services.orders.domain.promotions.model import Reason, Refused, Taken


class QuoteDiscount(msgspec.Struct, frozen=True, gc=False):
    """What a promotion takes off one line. line: index into the quote's lines."""

    line: int
    amount: Money


class QuotePromotion(msgspec.Struct, frozen=True, gc=False):
    """A promotion that applies, or a code that does not.

    promotion_id: empty for a code that nobody knows. code: empty for a promotion that needs none. amount: all that it
    takes off, shipping included. reason: why it takes nothing off; `detail` says it in a sentence. missing: what
    `min_amount` lacks in minor units, or `min_quantity` in pieces.
    """

    promotion_id: str
    code: str
    title: str
    applied: bool
    amount: Money
    lines: tuple[QuoteDiscount, ...]
    shipping: Money
    reason: str | None
    missing: int | None
    detail: str


class OrderDiscount(msgspec.Struct, frozen=True, gc=False):
    """What a promotion took off one line."""

    line_id: str
    amount: Money


class OrderPromotion(msgspec.Struct, frozen=True, gc=False):
    """A promotion of an order, as it was then. amount: all that it took off, shipping included."""

    promotion_id: str
    code: str
    title: str
    amount: Money
    lines: tuple[OrderDiscount, ...]
    shipping: Money


_DETAILS = {
    Reason.UNKNOWN: "there is no such code",
    Reason.PAUSED: "it does not apply at the moment",
    Reason.NOT_STARTED: "it has not begun yet",
    Reason.ENDED: "it is over",
    Reason.NO_MATCHING_GOODS: "it is about other goods",
    Reason.NOT_IN_GROUP: "it is for other customers",
    Reason.NOT_FIRST_ORDER: "it is for a first order",
    Reason.NOT_TO_COUNTRY: "it is not for this country",
    Reason.NOT_WITH_METHOD: "it is not for this shipping method",
    Reason.USED_UP: "it has been used as often as it may be",
    Reason.USED_BY_YOU: "you have used it as often as you may",
    Reason.NOT_COMBINABLE: "it does not go together with what is taken off already",
    Reason.NOT_CHEAPER: "with it you would pay more, because shipping would not be free any more",
    Reason.NOTHING_LEFT: "there is nothing left that it could be taken off",
}


def detail_of(refused: Refused, currency: str) -> str:
    """Return a sentence that says why a promotion took nothing off."""
    match refused.reason:
        case Reason.MIN_AMOUNT:
            return f"{to_major(Money(refused.missing, currency))} {currency} are missing in the goods that it is about"
        case Reason.MIN_QUANTITY:
            pieces = "1 piece is" if refused.missing == 1 else f"{refused.missing} pieces are"
            return f"{pieces} missing of the goods that it is about"
        case reason:
            return _DETAILS[reason]


def by_promotion(taken: Iterable[Taken]) -> list[list[Taken]]:
    """Part what was taken by promotion, in the order in which they apply."""
    found: dict[str, list[Taken]] = {}
    for one in taken:
        found.setdefault(one.promotion_id, []).append(one)
    return list(found.values())


def explained(taken: Sequence[Taken], refused: Sequence[Refused], currency: str) -> tuple[QuotePromotion, ...]:
    """Show what applies, then what does not."""
    applied = [
        QuotePromotion(
            some[0].promotion_id,
            some[0].code,
            some[0].title,
            True,
            Money(sum(one.amount for one in some), currency),
            tuple(QuoteDiscount(one.line, Money(one.amount, currency)) for one in some if one.line is not None),
            Money(sum(one.amount for one in some if one.line is None), currency),
            None,
            None,
            "",
        )
        for some in by_promotion(taken)
    ]
    nothing = Money(0, currency)
    missing = [
        QuotePromotion(
            one.promotion_id,
            one.code,
            one.title,
            False,
            nothing,
            (),
            nothing,
            one.reason,
            one.missing or None,
            detail_of(one, currency),
        )
        for one in refused
    ]
    return (*applied, *missing)


def explained_order(order_id: str, taken: Iterable[Taken], currency: str) -> tuple[OrderPromotion, ...]:
    """Show the promotions of an order."""
    return tuple(
        OrderPromotion(
            some[0].promotion_id,
            some[0].code,
            some[0].title,
            Money(sum(one.amount for one in some), currency),
            tuple(
                OrderDiscount(line_id(order_id, one.line + 1), Money(one.amount, currency))
                for one in some
                if one.line is not None
            ),
            Money(sum(one.amount for one in some if one.line is None), currency),
        )
        for some in by_promotion(taken)
    )
