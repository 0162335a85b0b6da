"""Money: integer minor units and a currency. No float ever touches it.

Prevents: `0.1 + 0.2`, cents lost when a sum is split, and euros added to yen.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Annotated

import msgspec
from babel.core import get_global
from babel.numbers import get_currency_precision

Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z", description="ISO 4217 code", examples=["EUR"])]
# 2**53 - 1: what every JSON reader holds exactly (RFC 8259 section 6).
MAX_AMOUNT = 9_007_199_254_740_991
Amount = Annotated[int, msgspec.Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT, description="Integer minor units", examples=[1999])]


class CurrencyMismatch(ValueError):
    """Two currencies met in one sum. A defect of the program, never of a request."""


class Money(msgspec.Struct, frozen=True, order=False, forbid_unknown_fields=True, gc=False):
    """An amount in the smallest unit of its currency: 1999 EUR is 19.99 euros, 500 JPY is 500 yen."""

    amount: Amount
    currency: Currency

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount - other.amount, self.currency)

    def __mul__(self, quantity: int) -> Money:
        return Money(self.amount * quantity, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} in one sum")

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Split by `weights` so that the parts sum to the whole. See `split`."""
        return [Money(part, self.currency) for part in split(self.amount, weights)]


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` minor units in proportion to `weights` by the largest remainder method.

    The parts sum to `total` exactly; ties go to the earlier part. All weights zero: equal shares.
    Raises ValueError for no weights or a negative one.
    """
    if not weights or min(weights) < 0:
        raise ValueError("split needs weights, none of them negative")
    whole = sum(weights)
    if whole == 0:
        weights, whole = [1] * len(weights), len(weights)
    sign = -1 if total < 0 else 1
    shares = [divmod(abs(total) * weight, whole) for weight in weights]
    parts = [quotient for quotient, _ in shares]
    missing = abs(total) - sum(parts)
    for index in sorted(range(len(parts)), key=lambda i: -shares[i][1])[:missing]:
        parts[index] += 1
    return [sign * part for part in parts]


def rounded(value: Decimal) -> int:
    """Round to whole minor units, halves away from zero, as invoices do. Once per line."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def rounded_even(value: Decimal) -> int:
    """Round to whole minor units, halves to even."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


@lru_cache
def exponent(currency: str) -> int:
    """Return how many decimals the currency has (ISO 4217): 2 for EUR, 0 for JPY, 3 for KWD."""
    return int(get_currency_precision(currency))


@lru_cache
def is_currency(code: str) -> bool:
    """Tell whether `code` is a currency that CLDR knows."""
    return code in get_global("all_currencies")


def from_major(value: Decimal, currency: str) -> Money:
    """Return `value` in major units, such as `19.99`, as Money. Raises ValueError for more decimals than it has."""
    minor = value.scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        raise ValueError(f"{value} has more decimals than {currency}")
    return Money(int(minor), currency)


def to_major(money: Money) -> str:
    """Return the amount in major units as plain text: `19.99`."""
    return str(Decimal(money.amount).scaleb(-exponent(money.currency)))
