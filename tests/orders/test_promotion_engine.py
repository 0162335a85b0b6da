"""What promotions take off: never more than there is, the same for every order of lines, never dearer with one more."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.services.orders import domain
from estore.services.orders.domain import Destination, Method, Priced, Step
from estore.services.orders.domain.promotions.effects import Basket, off
from estore.services.orders.domain.promotions.engine import MOST_OF_ONE, Candidate, Decision, Purchase, Till, decide
from estore.services.orders.domain.promotions.matching import Index, Rule
from estore.services.orders.domain.promotions.model import (
    Book,
    BuyGet,
    Conditions,
    Customer,
    Fixed,
    FreeShipping,
    Goods,
    Percentage,
    Promotion,
    Reason,
    Rules,
    Stacking,
    Status,
    Tier,
    Tiers,
)
from estore.services.orders.domain.promotions.ways import MOST_EFFORT
from orders.factories import offer

NOW = datetime(2026, 5, 4, tzinfo=UTC)
STANDARD = Method("weight", (Step(490, 2000), Step(690)), free_from=5900)
GERMANY = Destination({"standard": 1900, "reduced": 700, "zero": 0}, 1900, {"standard": STANDARD})


def promotion(effect: Any, promotion_id: str = "prm_1", **values: Any) -> Promotion:
    vendor_id, status = values.pop("vendor_id", ""), values.pop("status", Status.ACTIVE)
    return Promotion(promotion_id, vendor_id, status, Rules(title=promotion_id, effect=effect, **values), 1)


def purchase(*demand: Any, **values: Any) -> Purchase:
    given = {
        "destination": GERMANY,
        "method": STANDARD,
        "method_name": "standard",
        "country": "DE",
        "inclusive": True,
        "customer": Customer("acc_1"),
        "now": NOW,
    }
    return Purchase(demand, **(given | values))


def decided(bought: Purchase, *promotions: Promotion, code: str = "") -> Decision:
    return decide(bought, [Candidate(Rule(one), code) for one in promotions])


def amounts(decision: Decision) -> list[tuple[int | None, int]]:
    return [(one.line, one.amount) for one in decision.taken]


def priced(bought: Purchase, decision: Decision) -> Priced:
    return domain.price(
        bought.demand,
        bought.destination,
        bought.method,
        currency="EUR",
        inclusive=bought.inclusive,
        now=NOW,
        taken=decision.taken,
    )


MUG, BOOK = offer("MUG", 2400), offer("BOOK", 1000, product_id="prd_2")
LAMP = offer("LAMP", 8900, product_id="prd_3", vendor_id="vnd_2", category_path=("home", "lamps"))


# --- one effect at a time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (Percentage(1500), [(0, 720), (1, 150), (2, 1335)]),
        (Percentage(1500, at_most=1000), [(0, 327), (1, 68), (2, 605)]),
        (Fixed(1000), [(0, 327), (1, 68), (2, 605)]),
        (Fixed(50_000), [(0, 4800), (1, 1000), (2, 8900)]),
        (Fixed(1000, per="piece"), [(0, 2000), (1, 1000), (2, 1000)]),
        (Tiers("amount", (Tier(5000, bps=500), Tier(14_000, bps=1000), Tier(20_000, bps=5000))),
         [(0, 480), (1, 100), (2, 890)]),
        (Tiers("quantity", (Tier(2, amount=100), Tier(4, amount=1470))), [(0, 480), (1, 100), (2, 890)]),
        (BuyGet(3, 1), [(1, 1000)]),
        (BuyGet(1, 1), [(0, 2400), (1, 1000)]),
        (BuyGet(1, 1, times=1, bps=5000), [(1, 500)]),
        (BuyGet(1, 1, get_from=Goods(skus=("BOOK",))), [(1, 1000)]),
        (BuyGet(2, 1, get_from=Goods(skus=("MUG",))), [(0, 2400)]),
    ],
)  # fmt: skip
def test_an_effect_takes_off_what_it_says(effect: Any, expected: list[tuple[int, int]]) -> None:
    decision = decided(purchase((MUG, 2), (BOOK, 1), (LAMP, 1)), promotion(effect))

    assert amounts(decision) == expected


def test_free_shipping_is_of_the_parcels_that_hold_matching_goods() -> None:
    free = promotion(FreeShipping(), goods=Goods(skus=("MUG",)))
    cheap = offer("PEN", 100, vendor_id="vnd_0")
    decision = decided(purchase((cheap, 1), (MUG, 1)), free)

    assert [(one.line, one.parcel, one.amount) for one in decision.taken] == [(None, 1, 490)]
    p = priced(purchase((cheap, 1), (MUG, 1)), decision)
    assert [(parcel.shipping, parcel.shipping_discount) for parcel in p.parcels] == [(490, 0), (0, 490)]
    assert (p.total, p.shipping_discount) == (2990, 490)


def test_goods_match_every_list_and_none_of_the_exceptions() -> None:
    lamps = promotion(Percentage(1000), goods=Goods(categories=("home",), except_vendors=("vnd_9",)))
    none = promotion(Percentage(1000), goods=Goods(categories=("home",), except_categories=("lamps",)))

    assert amounts(decided(purchase((MUG, 1), (LAMP, 1)), lamps)) == [(1, 890)]
    assert decided(purchase((MUG, 1), (LAMP, 1)), none, code="X").refused[0].reason is Reason.NO_MATCHING_GOODS


def test_a_vendors_promotion_is_about_its_goods_and_at_its_cost() -> None:
    own = promotion(Percentage(1000), vendor_id="vnd_2", platform_share=10_000)
    [one] = decided(purchase((MUG, 1), (LAMP, 1)), own).taken

    assert (one.line, one.amount, one.platform) == (1, 890, 0)


def test_what_the_marketplace_pays_of_a_promotion_is_rounded_once() -> None:
    taken = decided(purchase((MUG, 1), (BOOK, 1), (LAMP, 1)), promotion(Fixed(101), platform_share=5000)).taken

    assert sum(one.platform for one in taken) == 51
    assert all(0 <= one.platform <= one.amount for one in taken)


# --- why not ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "reason", "missing"),
    [
        ({"status": Status.PAUSED}, Reason.PAUSED, 0),
        ({"status": Status.ARCHIVED}, Reason.ENDED, 0),
        ({"ends_at": NOW}, Reason.ENDED, 0),
        ({"starts_at": NOW + timedelta(seconds=1)}, Reason.NOT_STARTED, 0),
        ({"goods": Goods(skus=("LAMP",))}, Reason.NO_MATCHING_GOODS, 0),
        ({"conditions": Conditions(min_amount=3000)}, Reason.MIN_AMOUNT, 600),
        ({"conditions": Conditions(min_quantity=3)}, Reason.MIN_QUANTITY, 2),
        ({"conditions": Conditions(customer_groups=("staff",))}, Reason.NOT_IN_GROUP, 0),
        ({"conditions": Conditions(countries=("FR",))}, Reason.NOT_TO_COUNTRY, 0),
        ({"effect": FreeShipping(methods=("express",))}, Reason.NOT_WITH_METHOD, 0),
        ({"effect": Tiers("amount", (Tier(5000, bps=1), Tier(2500, bps=1)))}, Reason.MIN_AMOUNT, 100),
        ({"effect": BuyGet(2, 1)}, Reason.MIN_QUANTITY, 2),
    ],
)  # fmt: skip
def test_a_code_that_does_not_apply_has_a_reason(given: dict[str, Any], reason: Reason, missing: int) -> None:
    decision = decided(purchase((MUG, 1)), promotion(**({"effect": Percentage(1000)} | given)), code="SPRING")

    assert decision.taken == ()
    assert [(one.code, one.reason, one.missing) for one in decision.refused] == [("SPRING", reason, missing)]


def test_a_customers_group_and_history_count() -> None:
    first = promotion(Percentage(1000), conditions=Conditions(first_order=True, customer_groups=("staff",)))
    staff = Customer("acc_1", frozenset({"staff"}))
    again = Customer("acc_1", frozenset({"staff"}), has_ordered=True)

    assert amounts(decided(purchase((MUG, 1), customer=staff), first)) == [(0, 240)]
    assert decided(purchase((MUG, 1), customer=again), first, code="X").refused[0].reason is Reason.NOT_FIRST_ORDER


def test_automatic_promotions_tell_only_what_the_customer_can_do() -> None:
    staff = promotion(Percentage(5000), conditions=Conditions(customer_groups=("staff",)))
    more = promotion(Percentage(1000), "prm_2", conditions=Conditions(min_amount=5000))

    assert [one.promotion_id for one in decided(purchase((MUG, 1)), staff, more).refused] == ["prm_2"]


# --- together ---------------------------------------------------------------------------------------------------


def test_promotions_apply_by_priority_each_to_what_is_left() -> None:
    half = promotion(Percentage(5000), "prm_2", stacking=Stacking(priority=1))
    ten = promotion(Percentage(1000), "prm_1")

    assert [(t.promotion_id, t.amount) for t in decided(purchase((MUG, 1)), ten, half).taken] == [
        ("prm_2", 1200),
        ("prm_1", 120),
    ]


def test_of_a_group_only_the_best_applies() -> None:
    group = Stacking(group="season")
    ten, fixed = promotion(Percentage(1000), stacking=group), promotion(Fixed(500), "prm_2", stacking=group)

    few, many = decided(purchase((MUG, 1)), ten, fixed), decided(purchase((LAMP, 1)), ten, fixed)
    assert [t.promotion_id for t in few.taken] == ["prm_2"]
    assert [(r.promotion_id, r.reason) for r in few.refused] == [("prm_1", Reason.NOT_COMBINABLE)]
    assert [t.promotion_id for t in many.taken] == ["prm_1"]


def test_an_exclusive_promotion_applies_alone_where_that_is_cheaper() -> None:
    alone = promotion(Percentage(2000), stacking=Stacking(exclusive=True))
    ten, five = promotion(Percentage(1000), "prm_2"), promotion(Percentage(500), "prm_3")
    eleven = promotion(Percentage(1112), "prm_3")

    assert {t.promotion_id for t in decided(purchase((MUG, 1)), alone, ten, five).taken} == {"prm_1"}
    # 20.00 % and 10 % after 11.12 % take off 480 both: then many go before one.
    assert {t.promotion_id for t in decided(purchase((MUG, 1)), alone, ten, eleven).taken} == {"prm_2", "prm_3"}


def test_a_discount_that_would_cost_the_free_shipping_is_left_out() -> None:
    little = promotion(Fixed(100))
    decision = decided(purchase((offer("BAG", 5950), 1)), little, code="LITTLE")

    assert decision.taken == ()
    assert [one.reason for one in decision.refused] == [Reason.NOT_CHEAPER]


def test_what_nothing_is_left_for_says_so() -> None:
    all_of_it = promotion(Percentage(10_000), stacking=Stacking(priority=1))
    code = promotion(Fixed(100), "prm_2")
    decision = decide(purchase((MUG, 1)), [Candidate(Rule(all_of_it)), Candidate(Rule(code), "MORE")])

    assert [(one.code, one.reason) for one in decision.refused] == [("MORE", Reason.NOTHING_LEFT)]


def test_the_same_promotion_by_two_codes_applies_once() -> None:
    rule = Rule(promotion(Percentage(1000)))
    decision = decide(purchase((MUG, 1)), [Candidate(rule), Candidate(rule, "ONE"), Candidate(rule, "TWO")])

    assert [(one.code, one.amount) for one in decision.taken] == [("ONE", 240)]
    assert [(one.code, one.reason) for one in decision.refused] == [("TWO", Reason.NOT_COMBINABLE)]


def test_many_promotions_at_once_are_decided_without_trying_all_their_sets() -> None:
    many = [promotion(Percentage(100), f"prm_{number:02}") for number in range(MOST_OF_ONE)]
    taken = decided(purchase((LAMP, 9)), *many).taken

    assert len(taken) == MOST_OF_ONE
    assert sum(one.amount for one in taken) == pytest.approx(80_100 * (1 - 0.99**MOST_OF_ONE), abs=MOST_OF_ONE)


def test_who_makes_thousands_of_promotions_makes_no_order_slow_and_pushes_nobody_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    applied: list[int] = []
    run = Till.run

    def counted(till: Till, fits: Any, parcels: Any) -> Any:
        applied.append(len(fits))
        return run(till, fits, parcels)

    monkeypatch.setattr(Till, "run", counted)
    own, some = LAMP.vendor_id, range(1000)
    many = [promotion(Percentage(1), f"prm_{n:04}", vendor_id=own, stacking=Stacking(priority=9)) for n in some]
    others = [promotion(Percentage(100), f"prm_x{n}", vendor_id=f"vnd_x{n}") for n in range(300)]
    goods = [(offer(f"X{n}", vendor_id=f"vnd_x{n}"), 1) for n in range(99)]
    taken = decided(purchase((LAMP, 9), *goods), *many, promotion(Percentage(100), "prm_ours"), *others).taken

    per_vendor = Counter(one.promotion_id[:5] for one in taken if one.promotion_id != "prm_ours")
    assert per_vendor == {"prm_0": MOST_OF_ONE, "prm_x": 99}
    assert any(one.promotion_id == "prm_ours" for one in taken)
    assert sum(applied) < 2 * MOST_EFFORT


# --- properties -------------------------------------------------------------------------------------------------

bps = st.integers(1, 10_000)
small = st.integers(1, 20_000)
pieces = st.integers(1, 4)
somewhere = st.builds(
    Goods,
    products=st.sampled_from([(), (), ("prd_1",)]),
    categories=st.sampled_from([(), (), ("home",), ("lamps",)]),
    vendors=st.sampled_from([(), (), ("vnd_1",), ("vnd_0", "vnd_2")]),
    except_products=st.sampled_from([(), (), ("prd_2",)]),
)
effects = st.one_of(
    st.builds(Percentage, bps, st.none() | small),
    st.builds(Fixed, small, st.sampled_from(["order", "piece"])),
    st.builds(BuyGet, pieces, pieces, bps, st.none() | pieces, st.none() | somewhere),
    st.builds(FreeShipping, bps),
    st.builds(
        Tiers,
        st.sampled_from(["amount", "quantity"]),
        st.lists(st.builds(Tier, st.integers(1, 9), bps=bps), min_size=1, max_size=3).map(tuple),
    ),
)
promotions = st.lists(
    st.builds(
        lambda effect, vendor, **values: (effect, vendor, values),
        effects,
        st.sampled_from(["", "", "vnd_1"]),
        goods=somewhere,
        platform_share=st.integers(0, 10_000),
        stacking=st.builds(
            Stacking, st.sampled_from([False, False, True]), st.sampled_from(["", "a"]), st.integers(0, 2)
        ),
    ),
    max_size=4,
).map(lambda some: [promotion(e, f"prm_{n}", vendor_id=v, **values) for n, (e, v, values) in enumerate(some)])
demands = st.lists(
    st.tuples(
        st.builds(
            lambda sku, product, vendor, price, tax, path: offer(
                f"S{sku}", price, product_id=f"prd_{product}", vendor_id=f"vnd_{vendor}", tax_class=tax,
                category_path=path,
            ),
            st.integers(0, 7), st.integers(1, 3), st.integers(0, 2), st.integers(0, 9000),
            st.sampled_from(["standard", "reduced", "zero"]), st.sampled_from([(), ("home",), ("home", "lamps")]),
        ),
        st.integers(1, 6),
    ),
    min_size=1,
    max_size=6,
    # A piece of stock has one offer, however many lines ask for it
    unique_by=lambda line: line[0].sku,
)  # fmt: skip


@given(demand=demands, some=promotions, inclusive=st.booleans())
def test_what_is_taken_adds_up_and_nothing_falls_below_zero(
    demand: list, some: list[Promotion], inclusive: bool
) -> None:
    bought = purchase(*demand, inclusive=inclusive)
    decision = decided(bought, *some)
    p = priced(bought, decision)

    assert decision == decided(bought, *some)
    assert all(one.amount > 0 and 0 <= one.platform <= one.amount for one in decision.taken)
    assert p.discount == sum(one.amount for one in decision.taken if one.line is not None)
    assert p.shipping_discount == sum(one.amount for one in decision.taken if one.line is None)
    assert sum(one.funded for one in p.parcels) == sum(one.platform for one in decision.taken)
    assert all(0 <= line.funded <= line.discount <= line.subtotal for line in p.lines)
    assert all(parcel.shipping >= 0 and parcel.shipping_discount >= 0 for parcel in p.parcels)
    assert p.total == p.items - p.discount + p.shipping + (0 if inclusive else p.tax)
    for line in p.lines:
        assert 0 <= line.commission <= line.total + line.funded - line.commission_tax
    for one in decision.taken:
        assert one.line is None or p.lines[one.line].parcel == one.parcel


@given(data=st.data(), demand=demands, some=promotions, inclusive=st.booleans())
def test_neither_the_order_of_lines_nor_of_promotions_changes_anything(
    data: st.DataObject, demand: list, some: list[Promotion], inclusive: bool
) -> None:
    bought = purchase(*demand, inclusive=inclusive)
    other = purchase(*data.draw(st.permutations(demand)), inclusive=inclusive)
    one = priced(bought, decided(bought, *some))
    two = priced(other, decided(other, *data.draw(st.permutations(some))))

    assert one.parcels == two.parcels
    assert one.total == two.total
    assert Counter((n.offer, n.quantity, n.discount, n.funded) for n in one.lines) == Counter(
        (n.offer, n.quantity, n.discount, n.funded) for n in two.lines
    )


def test_of_two_exclusive_ones_that_cost_the_same_priority_decides_not_which_was_named_first() -> None:
    alone = [
        promotion(Fixed(100, "order"), name, platform_share=bps, stacking=Stacking(exclusive=True, priority=priority))
        for name, bps, priority in (("prm_a", 0, 0), ("prm_b", 10_000, 1), ("prm_c", 5_000, 0))
    ]
    bought = purchase((LAMP, 1))

    assert {one.promotion_id for one in decided(bought, *alone).taken} == {"prm_b"}
    assert decided(bought, *reversed(alone)).taken == decided(bought, *alone).taken
    assert decided(bought, alone[2], alone[0]).taken == decided(bought, alone[0], alone[2]).taken


@given(demand=demands, some=promotions, inclusive=st.booleans())
def test_one_more_promotion_never_makes_it_dearer(demand: list, some: list[Promotion], inclusive: bool) -> None:
    bought = purchase(*demand, inclusive=inclusive)
    totals = [priced(bought, decided(bought, *some[:number])).total for number in range(len(some) + 1)]

    assert totals == sorted(totals, reverse=True)


@given(demand=demands, some=promotions)
def test_the_index_finds_what_is_about_the_goods(demand: list, some: list[Promotion]) -> None:
    found = Index(Book(1, {one.promotion_id: one for one in some}, tuple(some))).about(demand)
    matching = [one for one in some if any(Rule(one).matches(o) for o, _ in demand)]

    assert {rule.id for rule in found} == {one.promotion_id for one in matching}


@given(
    effect=st.builds(BuyGet, pieces, pieces, bps, st.none() | pieces),
    lines=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9000)), min_size=1, max_size=5),
    split_at=st.tuples(st.integers(0, 31), st.integers(0, 31)),
)
def test_a_piece_is_bought_or_got_never_both(effect: BuyGet, lines: list, split_at: tuple[int, int]) -> None:
    """Against trying one time more, piece by piece."""
    quantities = [quantity for quantity, _ in lines]
    bought, got = ([n for n in range(len(lines)) if bits >> n & 1 and quantities[n]] for bits in split_at)
    left = [price * quantity for quantity, price in lines]
    taken = dict(off(effect, bought, got, left, Basket(quantities, left, ["S"] * len(lines)))) if bought and got else {}

    sets = 0
    while sets < (effect.times or 99) and _possible(sets + 1, effect, bought, got, quantities):
        sets += 1
    most = sorted((left[n] // quantities[n] for n in got for _ in range(quantities[n])), reverse=True)
    assert set(taken) <= set(got)
    assert sum(taken.values()) <= sum(most[: sets * effect.get])
    assert sets or not taken


def _possible(sets: int, effect: BuyGet, bought: list[int], got: list[int], quantities: list[int]) -> bool:
    only = sum(quantities[n] for n in bought if n not in got)
    others = sum(quantities[n] for n in got if n not in bought)
    both = sum(quantities[n] for n in bought if n in got)
    return any(
        only + both - given >= sets * effect.buy and others + given >= sets * effect.get for given in range(both + 1)
    )
