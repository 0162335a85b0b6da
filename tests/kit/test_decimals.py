"""Decimals as text: what is read is exact, and has one way to be written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.kit.decimals import decimal_of, plain

NUMBERS = st.decimals(-(10**15) + 1, 10**15 - 1, places=6, allow_nan=False, allow_infinity=False)


@given(NUMBERS)
def test_what_is_written_is_read_as_the_same_number_and_written_the_same_again(number: Decimal) -> None:
    written = plain(number)

    assert decimal_of(written) == number
    assert plain(Decimal(written)) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [("320.0", "320"), ("1.50", "1.5"), ("-0", "0"), ("-0.000", "0"), ("007", "7"), ("100", "100")],
)
def test_equal_numbers_are_written_alike(text: str, written: str) -> None:
    number = decimal_of(text)

    assert number is not None
    assert plain(number) == written


@pytest.mark.parametrize("text", ["", "1e3", ".5", "1.", "+1", "1,5", " 1", "1\n", "٣", "1" * 16, "0.1234567", "NaN"])
def test_what_is_no_plain_decimal_is_none(text: str) -> None:
    assert decimal_of(text) is None
