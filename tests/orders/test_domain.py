"""Prices, tables and numbers: pure, and the same for every currency and every order of lines."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.kit.money import MAX_AMOUNT, split
from estore.services.orders import domain
from estore.services.orders.domain import Destination, Method, Priced, Step, TablesWrong, TooMuch, read_tables
from estore.services.orders.domain.promotions.model import Taken
from orders.factories import offer

STANDARD = Method("weight", (Step(490, 2000), Step(690, 10_000), Step(1290)), free_from=5900)
GERMANY = Destination({"standard": 1900, "reduced": 700, "zero": 0}, 1900, {"standard": STANDARD})
DEFAULT = (resources.files("estore.services.orders") / "tables.toml").read_text("utf-8")

NOW = datetime(2026, 5, 4, tzinfo=UTC)

amounts = st.integers(0, 10**9)
rates = st.integers(0, 10_000)
methods = st.builds(
    lambda by, prices, limits, free: Method(
        by, (*(Step(p, u) for p, u in zip(prices, sorted(limits), strict=False)), Step(prices[-1])), free
    ),
    st.sampled_from(["weight", "subtotal"]),
    st.lists(st.integers(0, 100_000), min_size=4, max_size=4),
    st.sets(st.integers(1, 10**6), max_size=3),
    st.none() | st.integers(0, 10**6),
)
destinations = st.builds(
    lambda standard, reduced, shipping, method: Destination(
        {"standard": standard, "reduced": reduced, "zero": 0}, shipping, {"standard": method}
    ),
    rates,
    rates,
    rates,
    methods,
)
demands = st.lists(
    st.tuples(
        st.builds(
            lambda sku, vendor, price, bps, tax, weight: offer(
                f"S{sku}", price, vendor_id=f"vnd_{vendor}", commission_bps=bps, tax_class=tax, weight_grams=weight
            ),
            st.integers(0, 5),
            st.integers(0, 3),
            st.integers(0, 10**6),
            rates,
            st.sampled_from(["standard", "reduced", "zero", "unheard"]),
            st.integers(0, 50_000),
        ),
        st.integers(1, 9999),
    ),
    min_size=1,
    max_size=12,
)
currencies = st.sampled_from(["EUR", "JPY", "KWD"])


def half_up(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@given(gross=amounts, bps=rates)
def test_integers_round_tax_inside_a_price_as_decimals_do(gross: int, bps: int) -> None:
    rate = Decimal(bps) / 10_000
    assert domain.tax_within(gross, bps) == half_up(Decimal(gross) * rate / (1 + rate))


@given(amount=amounts, bps=rates)
def test_integers_round_shares_as_decimals_do(amount: int, bps: int) -> None:
    assert domain.share(amount, bps) == half_up(Decimal(amount) * bps / 10_000)


def taken(demand: list, discount: int) -> tuple[Taken, ...]:
    """A discount over all lines, half of it paid by the marketplace."""
    vendors = sorted({o.vendor_id for o, _ in demand})
    subtotals = [o.price * q for o, q in demand]
    parts = split(min(discount, sum(subtotals)), subtotals)
    return tuple(
        Taken("prm_1", "", "less", line, vendors.index(o.vendor_id), part, part // 2)
        for line, ((o, _), part) in enumerate(zip(demand, parts, strict=True))
        if part
    )


def priced(demand: list, destination: Destination, currency: str, inclusive: bool, discount: int = 0) -> Priced:
    method = destination.methods["standard"]
    return domain.price(
        demand,
        destination,
        method,
        currency=currency,
        inclusive=inclusive,
        now=NOW,
        taken=taken(demand, discount) if discount else (),
    )


@given(
    demand=demands,
    destination=destinations,
    currency=currencies,
    inclusive=st.booleans(),
    discount=st.integers(0, 10**7),
)
def test_totals_always_add_up(
    demand: list, destination: Destination, currency: str, inclusive: bool, discount: int
) -> None:
    p = priced(demand, destination, currency, inclusive, discount)
    added = 0 if inclusive else p.tax

    assert p.total == p.items - p.discount + p.shipping + added
    assert p.items == sum(line.offer.price * line.quantity for line in p.lines)
    assert p.discount == sum(line.discount for line in p.lines)
    for name in ("items", "discount", "shipping", "tax", "total"):
        assert getattr(p, name) == sum(getattr(parcel, name) for parcel in p.parcels), name
    for index, parcel in enumerate(p.parcels):
        mine = [line for line in p.lines if line.parcel == index]
        assert {line.offer.vendor_id for line in mine} == {parcel.vendor_id}
        assert parcel.commission == sum(line.commission for line in mine)
        assert parcel.funded == sum(line.funded for line in mine)
        assert 0 <= parcel.commission <= sum(line.total + line.funded for line in mine) <= parcel.total + parcel.funded
        assert parcel.tax >= sum(line.tax for line in mine)
    assert all(line.total == line.subtotal - line.discount + (0 if inclusive else line.tax) for line in p.lines)
    assert all(value >= 0 for line in p.lines for value in (line.tax, line.total, line.discount, line.commission))


@given(data=st.data(), demand=demands, destination=destinations, inclusive=st.booleans())
def test_the_order_of_lines_changes_nothing(
    data: st.DataObject, demand: list, destination: Destination, inclusive: bool
) -> None:
    one = priced(demand, destination, "EUR", inclusive)
    other = priced(data.draw(st.permutations(demand)), destination, "EUR", inclusive)

    assert one.parcels == other.parcels
    assert one.total == other.total
    assert Counter((line.offer, line.quantity, line.tax, line.total) for line in one.lines) == Counter(
        (line.offer, line.quantity, line.tax, line.total) for line in other.lines
    )


def test_german_tax_is_inside_the_price_and_shipping_is_per_vendor() -> None:
    p = priced(
        [(offer("MUG", 2400), 2), (offer("BOOK", 1000, tax_class="reduced"), 1), (offer("X", 100, vendor_id="b"), 1)],
        GERMANY,
        "EUR",
        True,
    )

    assert [line.tax for line in p.lines] == [766, 65, 16]
    assert [(parcel.vendor_id, parcel.items, parcel.shipping) for parcel in p.parcels] == [
        ("b", 100, 490),
        ("vnd_1", 5800, 490),
    ]
    assert p.total == 5900 + 980


def test_shipping_is_free_from_a_subtotal_and_dearer_by_weight() -> None:
    assert (STANDARD.price(0, 5899), STANDARD.price(0, 5900)) == (490, 0)
    assert [STANDARD.price(grams, 0) for grams in (2000, 2001, 10_000, 10_001)] == [490, 690, 690, 1290]


def test_net_prices_get_tax_added_on_goods_and_shipping() -> None:
    p = priced([(offer("MUG", 1000), 1)], GERMANY, "EUR", False)

    assert (p.items, p.shipping, p.tax, p.total) == (1000, 490, 190 + 93, 1000 + 490 + 283)


def test_a_sum_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TooMuch):
        priced([(offer("GOLD", MAX_AMOUNT), 2)], GERMANY, "EUR", True)


# --- tables ---------------------------------------------------------------------------------------------------


def test_our_own_tables_can_be_read_and_know_germany() -> None:
    tables = read_tables(DEFAULT, "EUR")

    assert tables.destinations["DE"].rates == {"standard": 1900, "reduced": 700, "zero": 0}
    assert tables.destinations["FI"].rate("standard") == 2550
    assert tables.destinations["US"].rate("standard") == 0
    assert all(set(d.methods) == {"standard", "express"} for d in tables.destinations.values())


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('currency = "EUR"', 'currency = "XXQ"', "XXQ"),
        ('currency = "EUR"', 'currency = "USD"', "they are in USD"),
        ('DE = { standard = "19"', 'DE = { standard = "19.001"', "tax.DE.standard"),
        ('DE = { standard = "19"', 'DE = { standard = "x"', "tax.DE.standard"),
        ('DE = { standard = "19"', 'DE = { standrad = "19"', "tax.DE must have exactly"),
        ('countries = ["DE"]', 'countries = ["DE", "AT"]', "AT is in two zones"),
        ('countries = ["DE"]', 'countries = ["Germany"]', "ISO 3166"),
        ("free_from = 5900", "free_from = -1", "zones.home.methods.standard"),
        ("free_from = 5900", "free = 5900", "free"),
        ("{ price = 1290 }", "{ up_to = 9, price = 1290 }", "the last must have none"),
        ("{ up_to = 2000, price = 490 }", "{ up_to = 20000, price = 490 }", "up_to must grow"),
        ("prices_include_tax = true", "", "prices_include_tax"),
        ('currency = "EUR"', "currency = ", "line"),
    ],
)
def test_wrong_tables_are_refused_in_one_line_that_says_where(old: str, new: str, part: str) -> None:
    assert old in DEFAULT
    with pytest.raises(TablesWrong) as caught:
        read_tables(DEFAULT.replace(old, new, 1), "EUR")

    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


# --- numbers and ids --------------------------------------------------------------------------------------------


@given(bits=st.integers(0, 2**40 - 1))
def test_a_number_survives_being_read_aloud(bits: int) -> None:
    number = domain.number_of(bits)
    heard = number.lower().replace("-", " ").replace("0", "o").replace("1", "l")

    assert domain.number_from(heard) == number
    assert not set("ILOU") & set(number)


@pytest.mark.parametrize("text", ["", "E-", "E-7K3M-92Q", "X-7K3M-92QX", "E-7K3M-92QU", "ord_01", "E-7K3M-92QX-1"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert domain.number_from(text) is None


def test_a_parcel_id_leads_to_its_order() -> None:
    assert domain.place_of(domain.parcel_id("ord_01ABC", 12)) == ("ord_01ABC", 12)
    assert [domain.place_of(text) for text in ("pcl_01", "ord_01-1", "pcl_01-x", "pcl_01-²", "pcl_01-9999")] == [
        None
    ] * 5
