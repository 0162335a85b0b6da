"""Minor units: ours and Stripe's."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.kit.money import exponent
from estore.services.payments.gateways.stripe.currencies import Unconvertible, from_stripe, to_stripe

CURRENCIES = st.sampled_from(
    ["EUR", "USD", "HUF", "TWD", "JPY", "KRW", "CLP", "MGA", "XOF", "BHD", "KWD", "TND", "ISK"]
)


@given(CURRENCIES, st.integers(0, 10**12))
def test_what_is_sent_comes_back_or_is_refused(currency: str, amount: int) -> None:
    try:
        sent = to_stripe(amount, currency)
    except Unconvertible:
        assert exponent(currency) == 3
        assert amount % 10
        return

    assert from_stripe(sent, currency.lower()) == amount


@pytest.mark.parametrize(
    ("amount", "currency", "sent"),
    [
        (1999, "EUR", 1999),
        (500, "JPY", 500),
        (5, "ISK", 500),
        (5120, "KWD", 5120),
        (1000, "HUF", 1000),
        (800, "TWD", 800),
    ],
)
def test_the_examples_of_stripes_page(amount: int, currency: str, sent: int) -> None:
    assert to_stripe(amount, currency) == sent
    assert from_stripe(sent, currency) == amount


@pytest.mark.parametrize(("amount", "currency"), [(5124, "KWD"), (1, "BHD"), (5, "UGX")])
def test_nothing_is_rounded_and_nothing_guessed(amount: int, currency: str) -> None:
    with pytest.raises(Unconvertible, match=currency):
        to_stripe(amount, currency)


@pytest.mark.parametrize(("amount", "currency"), [(550, "isk"), (500, "ugx")])
def test_amounts_of_stripe_that_we_cannot_hold_are_refused(amount: int, currency: str) -> None:
    with pytest.raises(Unconvertible):
        from_stripe(amount, currency)


@given(CURRENCIES, st.integers(0, 10**9))
def test_major_units_agree(currency: str, amount: int) -> None:
    """One krona is one krona on both sides, whatever the number of zeros."""
    places = {"ISK": 2, "JPY": 0, "KRW": 0, "CLP": 0, "MGA": 0, "XOF": 0, "BHD": 3, "KWD": 3, "TND": 3}.get(currency, 2)
    if places == 3:
        amount -= amount % 10

    assert Decimal(to_stripe(amount, currency)).scaleb(-places) == Decimal(amount).scaleb(-exponent(currency))
