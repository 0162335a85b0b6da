"""Money adds up to the cent, whatever is split and rounded."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.kit.money import CurrencyMismatch, Money, exponent, from_major, rounded, split, to_major

amounts = st.integers(-(10**12), 10**12)
weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=40)


@given(amounts, weights)
def test_parts_sum_to_the_whole(total: int, given_weights: list[int]) -> None:
    assert sum(split(total, given_weights)) == total


@given(st.integers(0, 10**12), weights)
def test_no_part_is_more_than_a_unit_from_its_exact_share(total: int, given_weights: list[int]) -> None:
    whole = sum(given_weights)
    for part, weight in zip(split(total, given_weights), given_weights, strict=True):
        exact = Decimal(total) * weight / whole if whole else Decimal(total) / len(given_weights)

        assert abs(part - exact) < 1


def test_a_split_of_one_cent_goes_to_the_first_of_equals() -> None:
    assert split(1, [1, 1, 1]) == [1, 0, 0]


@pytest.mark.parametrize("bad", [[], [1, -1]])
def test_a_split_needs_weights_none_negative(bad: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(10, bad)


def test_currencies_do_not_mix() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "JPY")


@pytest.mark.parametrize(
    ("major", "currency", "minor"), [("19.99", "EUR", 1999), ("500", "JPY", 500), ("1.234", "KWD", 1234)]
)
def test_major_units_become_minor_units_exactly_and_back(major: str, currency: str, minor: int) -> None:
    money = from_major(Decimal(major), currency)

    assert money == Money(minor, currency)
    assert to_major(money) == major


def test_more_decimals_than_the_currency_has_are_refused() -> None:
    with pytest.raises(ValueError, match="decimals"):
        from_major(Decimal("1.005"), "EUR")


def test_exponents_follow_the_currency() -> None:
    assert [exponent(c) for c in ("EUR", "JPY", "KWD")] == [2, 0, 3]


def test_halves_round_away_from_zero() -> None:
    assert [rounded(Decimal(v)) for v in ("0.5", "1.5", "-0.5", "2.4")] == [1, 2, -1, 2]
