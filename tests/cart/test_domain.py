"""How a cart's lines change: pure rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.services.cart.domain import (
    Cart,
    CartFull,
    Line,
    Lines,
    NotEnoughStock,
    NotForSale,
    Offer,
    TooMany,
    hash_of,
    merge,
    opens,
    price,
    put,
    without_ordered,
)


def offer(sku: str = "mug", available: int | None = 30, *, amount: int = 1000, currency: str = "EUR") -> Offer:
    return Offer(sku, "prd_1", "Mug", None, amount, currency, True, available)


def lines(**quantities: int) -> Lines:
    return tuple(Line(sku, quantity, 1000, "EUR") for sku, quantity in quantities.items())


def quantities(found: Lines) -> dict[str, int]:
    return {line.sku: line.quantity for line in found}


def test_a_line_is_set_not_added_to() -> None:
    assert quantities(put(lines(mug=2, cup=1), "mug", 3, offer(), "EUR", 99)) == {"mug": 3, "cup": 1}


def test_zero_takes_a_line_out_whatever_became_of_its_offer() -> None:
    assert quantities(put(lines(mug=2, cup=1), "mug", 0, None, "EUR", 99)) == {"cup": 1}


@pytest.mark.parametrize("bad", [None, Offer("mug"), offer(currency="USD")])
def test_what_is_not_for_sale_cannot_be_put_in(bad: Offer | None) -> None:
    with pytest.raises(NotForSale):
        put((), "mug", 1, bad, "EUR", 99)


def test_more_than_are_known_to_be_there_is_refused_with_how_many_there_are() -> None:
    with pytest.raises(NotEnoughStock) as refused:
        put((), "mug", 8, offer(available=7), "EUR", 99)

    assert refused.value.extra == {"available": 7}


@pytest.mark.parametrize("available", [None, 51])
def test_what_is_not_known_exactly_is_accepted(available: int | None) -> None:
    assert quantities(put((), "mug", 60, offer(available=available), "EUR", 99)) == {"mug": 60}


def test_wanting_less_than_before_is_never_refused() -> None:
    assert quantities(put(lines(mug=9), "mug", 8, offer(available=7), "EUR", 99)) == {"mug": 8}


def test_a_cart_has_a_hundred_lines_and_a_line_a_limit() -> None:
    full = tuple(Line(f"s{number}", 1, 1000, "EUR") for number in range(100))

    assert len(put(full, "s5", 2, offer("s5"), "EUR", 99)) == 100
    with pytest.raises(CartFull):
        put(full, "mug", 1, offer(), "EUR", 99)
    with pytest.raises(TooMany):
        put((), "mug", 100, offer(available=None), "EUR", 99)


def test_an_ordered_cart_is_emptied_and_what_was_put_in_since_stays() -> None:
    cart = Cart("crt_1", None, None, 5, lines(mug=3, cup=1))

    assert without_ordered(cart, 5, [("mug", 1)]) == ()
    assert quantities(without_ordered(cart, 4, [("mug", 1), ("mug", 1), ("cup", 1)])) == {"mug": 1}


def test_only_what_is_for_sale_counts() -> None:
    priced, subtotal = price(
        lines(mug=2, cup=1, jug=4), {"mug": offer("mug", amount=700), "jug": offer("jug", available=3)}, "EUR"
    )

    assert [(p.line.sku, p.total, p.available) for p in priced] == [
        ("mug", 1400, True),
        ("cup", 1000, False),
        ("jug", 4000, False),
    ]
    assert subtotal == 5400


def test_a_cart_opens_for_its_account_or_its_secret_only() -> None:
    guests = Cart("crt_1", None, hash_of("sesame"), 1, ())
    accounts = Cart("crt_2", "acc_1", None, 1, ())

    assert [opens(guests, None, hash_of(s)) for s in ("sesame", "simsim", None, "")] == [True, False, False, False]
    assert [opens(accounts, a, hash_of(None)) for a in ("acc_1", "acc_2", None)] == [True, False, False]
    assert not opens(None, "acc_1", hash_of("sesame"))


carts = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 99)).map(lambda found: lines(**found))


@given(carts, carts)
def test_merging_loses_no_line_and_passes_no_limit(mine: Lines, others: Lines) -> None:
    merged, first, second = quantities(merge(mine, others, 99)), quantities(mine), quantities(others)

    assert merged == {s: min(99, first.get(s, 0) + second.get(s, 0)) for s in first.keys() | second.keys()}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 120)), max_size=30))
def test_any_run_of_puts_agrees_with_a_dictionary(steps: list[tuple[str, int]]) -> None:
    model: dict[str, int] = {}
    found: Lines = ()
    for sku, quantity in steps:
        try:
            found = put(found, sku, quantity, offer(sku, available=None), "EUR", 99)
        except TooMany:
            assert quantity > 99
            continue
        model.pop(sku, None) if quantity == 0 else model.__setitem__(sku, quantity)

    assert quantities(found) == model
