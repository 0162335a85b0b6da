"""What may be held and told: pure rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.inventory import Shortage
from estore.services.inventory.domain import Demand, Held, Level, Shelf, demand_of, reserve, ship, tell, worth_telling


def shelf(sku: str, *free: int, announced: int = 0, threshold: int = 0) -> Shelf:
    levels = [Level(f"loc_{number}", pieces, 0) for number, pieces in enumerate(free)]
    return Shelf(sku, announced, 0, threshold, True, levels).count()


def shelves(**free: int | tuple[int, ...]) -> dict[str, Shelf]:
    return {sku: shelf(sku, *(f if isinstance(f, tuple) else (f,))) for sku, f in free.items()}


def test_demand_for_one_sku_on_two_lines_is_added_up_first() -> None:
    decision = reserve(shelves(mug=3), [demand_of("ord_1", [("mug", 2), ("mug", 2)])])

    assert decision.rejected == {"ord_1": (Shortage("mug", 4, 3),)}


def test_all_lines_are_held_or_none() -> None:
    stock = shelves(mug=5, cup=1)

    decision = reserve(stock, [Demand("ord_1", {"mug": 2, "cup": 2}), Demand("ord_2", {"mug": 5})])

    assert decision.rejected == {"ord_1": (Shortage("cup", 2, 1),)}
    assert decision.holds.order_ids == ["ord_2"]


def test_earlier_orders_come_first() -> None:
    decision = reserve(shelves(mug=3), [Demand("ord_1", {"mug": 2}), Demand("ord_2", {"mug": 2})])

    assert decision.holds.order_ids == ["ord_1"]
    assert decision.rejected == {"ord_2": (Shortage("mug", 2, 1),)}


def test_every_short_sku_of_an_order_is_named() -> None:
    decision = reserve(shelves(mug=1), [Demand("ord_1", {"mug": 2, "unheard": 1, "cup": 1})])

    assert [s.sku for s in decision.rejected["ord_1"]] == ["mug", "unheard", "cup"]


def test_one_location_that_holds_all_is_preferred_to_a_split() -> None:
    decision = reserve(shelves(mug=(2, 5)), [Demand("ord_1", {"mug": 4})])

    assert (decision.holds.location_ids, decision.holds.quantities) == (["loc_1"], [4])


def test_one_location_for_all_lines_is_preferred() -> None:
    decision = reserve(shelves(mug=(9, 9), cup=(0, 9)), [Demand("ord_1", {"mug": 1, "cup": 1})])

    assert decision.holds.location_ids == ["loc_1", "loc_1"]


def test_what_no_location_holds_alone_is_split_from_the_fullest() -> None:
    decision = reserve(shelves(mug=(2, 5)), [Demand("ord_1", {"mug": 6})])

    assert list(zip(decision.holds.location_ids, decision.holds.quantities, strict=True)) == [
        ("loc_1", 5),
        ("loc_0", 1),
    ]


def test_a_parcel_takes_what_was_held_then_what_is_free_and_counts_the_rest() -> None:
    stock = shelves(mug=(3, 1))
    stock["mug"].change(stock["mug"].levels[0], reserved=2)
    held = [Held("ord_1", "mug", "loc_0", 2)]

    moved, missing = ship(stock, held, {"mug": 5, "unheard": 1}, "pcl_1")

    assert sum(m.delta for m in moved) == -4
    assert missing == 2
    assert [(level.on_hand, level.reserved) for level in stock["mug"].levels] == [(0, 0), (0, 0)]


def test_few_pieces_are_told_exactly_and_many_by_the_tenth() -> None:
    told = [worth_telling(*pair) for pair in ((50, 49), (51, 50), (3, 900), (200, 181), (200, 180), (200, 220), (7, 7))]

    assert told == [True, True, True, False, True, True, False]


def test_running_low_is_told_when_the_threshold_is_crossed_downwards_only() -> None:
    stock = shelf("mug", 7, announced=7, threshold=5)
    stock.change(stock.levels[0], reserved=2)
    (first,) = tell([stock])
    stock.before = stock.free
    stock.change(stock.levels[0], reserved=1)
    (second,) = tell([stock])

    assert (first.low, first.available) == (True, 5)
    assert (second.low, second.changed, second.version) == (False, True, 2)


demands = st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(1, 6), min_size=1), max_size=12)
stocks = st.fixed_dictionaries({sku: st.lists(st.integers(0, 12), max_size=3).map(tuple) for sku in "ab"})


@given(stocks, demands)
def test_holding_conserves_every_piece(stock: dict[str, tuple[int, ...]], wanted: list[dict[str, int]]) -> None:
    shelved = {sku: shelf(sku, *free) for sku, free in stock.items()}
    orders = [Demand(f"ord_{number}", demand) for number, demand in enumerate(wanted)]

    decision = reserve(shelved, orders)

    held: dict[tuple[str, str], int] = {}
    holds = decision.holds
    for order_id, sku, _, quantity in zip(
        holds.order_ids, holds.skus, holds.location_ids, holds.quantities, strict=True
    ):
        held[order_id, sku] = held.get((order_id, sku), 0) + quantity
    expected = {(o.order_id, s): q for o in orders if o.order_id not in decision.rejected for s, q in o.wanted.items()}
    assert held == expected
    for each in shelved.values():
        assert all(level.on_hand >= level.reserved >= 0 for level in each.levels)
        assert each.free == sum(level.free for level in each.levels)


@given(stocks, demands)
def test_an_order_is_rejected_only_when_something_is_short(
    stock: dict[str, tuple[int, ...]], wanted: list[dict[str, int]]
) -> None:
    """A model that only counts agrees with the real thing on who is served."""
    free = {sku: sum(pieces) for sku, pieces in stock.items()}
    served = []
    for number, demand in enumerate(wanted):
        if all(free.get(sku, 0) >= quantity for sku, quantity in demand.items()):
            served.append(f"ord_{number}")
            for sku, quantity in demand.items():
                free[sku] -= quantity
    orders = [Demand(f"ord_{number}", demand) for number, demand in enumerate(wanted)]

    decision = reserve({sku: shelf(sku, *pieces) for sku, pieces in stock.items()}, orders)

    assert [o.order_id for o in orders if o.order_id not in decision.rejected] == served
