"""Amounts as Stripe wants them: its minor units are not ISO 4217's everywhere (docs.stripe.com/currencies).

Prevents: a hundredfold charge in yen, and a króna that is charged as an eyrir.
"""

from __future__ import annotations

from estore.kit.money import exponent

_ZERO_DECIMAL = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
_THREE_DECIMAL = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
# No decimals in fact, but written with two that must be zeros.
_WHOLE = frozenset(("ISK",))
# Stripe lists UGX as one without decimals and asks elsewhere for two: whoever guesses wrong charges a hundredfold.
_REFUSED = frozenset(("UGX",))


class Unconvertible(ValueError):
    """The amount cannot be said in the other side's units without rounding it."""


def to_stripe(amount: int, currency: str) -> int:
    """Return minor units (ISO 4217, CLDR) as Stripe's. Raises Unconvertible for what it could not charge exactly."""
    if currency in _REFUSED:
        raise Unconvertible(f"Stripe's own pages disagree on how to write {currency}")
    theirs = _shift(amount, _decimals(currency) - exponent(currency), currency)
    step = 10 if currency in _THREE_DECIMAL else 100 if currency in _WHOLE else 1
    if theirs % step:
        raise Unconvertible(f"Stripe cannot charge {amount} {currency} in minor units exactly")
    return theirs


def from_stripe(amount: int, currency: str) -> int:
    """Return Stripe's minor units as ours. currency: as Stripe or we write it. Raises Unconvertible."""
    currency = currency.upper()
    if currency in _REFUSED:
        raise Unconvertible(f"Stripe's own pages disagree on how to read {currency}")
    return _shift(amount, exponent(currency) - _decimals(currency), currency)


def _decimals(currency: str) -> int:
    return 0 if currency in _ZERO_DECIMAL else 3 if currency in _THREE_DECIMAL else 2


def _shift(amount: int, places: int, currency: str) -> int:
    if places >= 0:
        return int(amount * 10**places)
    whole, rest = divmod(amount, 10**-places)
    if rest:
        raise Unconvertible(f"{amount} {currency} has more decimals than the other side knows")
    return int(whole)
