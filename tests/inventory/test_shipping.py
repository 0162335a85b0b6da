"""Shipments and returns: each counts once, in whatever order they are heard, and the stock still adds up."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from estore.contracts.catalog import ProductChanged
from estore.contracts.inventory import StockAvailabilityChanged
from inventory.factories import Stockroom, confirmed, placed, published, returned, shipped


async def test_each_shipment_of_a_parcel_takes_its_own_pieces_once(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.place("ord_1", ("mug", 3))
    await room.hear(confirmed("ord_1", ("mug", 3)))
    first = shipped("ord_1", ("mug", 1), shipment_id="shp_1", complete=False)
    second = shipped("ord_1", ("mug", 2), shipment_id="shp_2")
    await room.hear(first, first)
    between = (await room.levels("mug"), await room.states())
    await room.hear_together(second, first, second)

    assert between == ({"MAIN": (4, 2)}, {"ord_1": "committed"})
    assert (await room.levels("mug"), await room.states()) == ({"MAIN": (2, 0)}, {"ord_1": "shipped"})


async def test_two_shipments_in_one_batch_are_two(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.place("ord_1", ("mug", 3))
    await room.hear_together(
        shipped("ord_1", ("mug", 1), shipment_id="shp_1", complete=False),
        shipped("ord_1", ("mug", 2), shipment_id="shp_2"),
    )
    await room.hear(confirmed("ord_1", ("mug", 3)))

    assert (await room.levels("mug"), await room.states()) == ({"MAIN": (2, 0)}, {"ord_1": "shipped"})


async def test_events_of_before_shipments_had_ids_are_one_for_each_parcel(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.place("ord_1", ("mug", 2))
    await room.hear(shipped("ord_1", ("mug", 1), parcel_id="pcl_1"))
    await room.hear(shipped("ord_1", ("mug", 1), parcel_id="pcl_1"), shipped("ord_1", ("mug", 1), parcel_id="pcl_2"))

    assert await room.levels("mug") == {"MAIN": (3, 0)}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_what_left_before_the_late_confirmation_is_not_held_again(
    room: Stockroom, order: tuple[int, ...]
) -> None:
    await room.stocked("mug", MAIN=9)
    await room.place("ord_1", ("mug", 3))
    room.world.clock.advance(minutes=30)
    await room.expire()
    events = (
        confirmed("ord_1", ("mug", 3)),
        shipped("ord_1", ("mug", 1), shipment_id="shp_1", complete=False),
        shipped("ord_1", ("mug", 2), shipment_id="shp_2"),
    )
    for place in order:
        await room.hear(events[place], events[place])

    assert (await room.levels("mug"), await room.states()) == ({"MAIN": (6, 0)}, {"ord_1": "shipped"})


async def test_the_late_confirmation_holds_what_is_left(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=9)
    await room.stocked("cup", MAIN=9)
    await room.place("ord_1", ("mug", 3), ("cup", 1))
    room.world.clock.advance(minutes=30)
    await room.expire()
    await room.hear(
        shipped("ord_1", ("mug", 2), shipment_id="shp_1", complete=False), confirmed("ord_1", ("mug", 3), ("cup", 1))
    )

    assert (await room.levels("mug"), await room.levels("cup")) == ({"MAIN": (7, 1)}, {"MAIN": (9, 1)})
    assert await room.states() == {"ord_1": "committed"}


async def test_some_pieces_do_not_end_what_is_oversold(uneven_room: Stockroom) -> None:
    room = uneven_room
    await room.stocked("mug", MAIN=2)
    await room.place("ord_1", ("mug", 2))
    room.world.clock.advance(minutes=30)
    await room.expire()
    await room.place("ord_2", ("mug", 1))
    await room.hear(confirmed("ord_1", ("mug", 2)))
    states = []
    for shipment in (
        shipped("ord_1", ("mug", 1), shipment_id="shp_1", complete=False),
        shipped("ord_1", ("mug", 1), shipment_id="shp_2"),
    ):
        await room.hear(shipment)
        states.append((await room.states())["ord_1"])

    assert states == ["oversold", "shipped"]
    assert list(await room.world.broken("inventory")) == ["every shipment left with stock that was known of"]


async def test_the_same_shipment_at_once_is_taken_once(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=9)
    await room.place("ord_1", ("mug", 4))
    one = shipped("ord_1", ("mug", 1), shipment_id="shp_1", complete=False)
    two = shipped("ord_1", ("mug", 3), shipment_id="shp_2")
    await asyncio.gather(*(room.hear(event) for event in (one, two) * 4))

    assert await room.levels("mug") == {"MAIN": (5, 0)}


# --- what comes back ----------------------------------------------------------------------------------------


async def movements(room: Stockroom) -> list[tuple[str, str, int, int, str | None, str | None]]:
    rows = await room.fetch(
        "inventory",
        "SELECT sku, kind, delta, on_hand, reference, reason FROM movement"
        " WHERE kind IN ('return', 'write_off') ORDER BY kind",
    )
    return [tuple(row.values()) for row in rows]


async def test_what_comes_back_is_for_sale_again_or_written_off_on_record(room: Stockroom) -> None:
    await room.stocked("mug", RTM=3)
    await room.place("ord_1", ("mug", 3))
    await room.hear(shipped("ord_1", ("mug", 3)))
    await room.hear(returned("ret_1", ("mug", 1, "restock"), ("mug", 2, "write_off")))

    assert await room.levels("mug") == {"MAIN": (1, 0), "RTM": (0, 0)}
    assert await movements(room) == [
        ("mug", "return", 1, 1, "ret_1", None),
        ("mug", "write_off", 0, 1, "ret_1", "2 written off"),
    ]
    told = await room.told(StockAvailabilityChanged)
    assert told[-1].available == 1
    assert [event.version for event in told] == sorted({event.version for event in told})


async def test_a_return_counts_once_however_often_it_is_told(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=3)
    one, two = returned("ret_1", ("mug", 1, "restock")), returned("ret_2", ("mug", 2, "restock"))
    await room.hear_together(one, one, two)
    await asyncio.gather(*(room.hear(one) for _ in range(4)))

    assert await room.levels("mug") == {"MAIN": (6, 0)}
    assert len(await movements(room)) == 2


async def test_what_comes_back_before_it_is_known_to_have_left_adds_up(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=3)
    await room.place("ord_1", ("mug", 2))
    await room.hear(returned("ret_1", ("mug", 1, "restock")), shipped("ord_1", ("mug", 2)))

    assert await room.levels("mug") == {"MAIN": (2, 0)}


async def test_what_nobody_knows_is_left_aside(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=3)
    await room.hear(returned("ret_1", ("nobodys", 1, "restock"), ("mug", 1, "restock")))

    assert await room.levels("mug") == {"MAIN": (4, 0)}


async def test_a_vendor_reads_of_returns_in_the_movements(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=3)
    await room.hear(returned("ret_1", ("mug", 2, "write_off")))
    [newest, *_] = (await room.member().get("/v1/stock/mug/movements")).json()["data"]

    assert (newest["kind"], newest["delta"], newest["reference"]) == ("write_off", 0, "ret_1")


# --- locks --------------------------------------------------------------------------------------------------


async def test_products_that_drop_skus_and_orders_that_want_them_do_not_deadlock(room: Stockroom) -> None:
    skus = [f"S{n:02}" for n in range(30)]
    await room.hear(published(*skus, product_id="prd_1"))
    async with room.operator() as client:
        for number, sku in enumerate(skus):
            body = {"location": "MAIN", "quantity": 1000}
            sent = {"idempotency-key": f"stock-{number}"}
            assert (await client.post(f"/v1/stock/{sku}/receipts", json=body, headers=sent)).status_code == 201
    changes = [
        ProductChanged(
            product_id="prd_1",
            product=published(*(skus if version % 2 else skus[::7]), product_id="prd_1").product,
            version=version,
        )
        for version in range(2, 14)
    ]
    orders = [
        [placed(f"ord_{b}_{n}", *((sku, 1) for sku in skus[::-1]), deadline=room.deadline) for n in range(3)]
        for b in range(12)
    ]
    await asyncio.gather(*(room.hear(change) for change in changes), *(room.hear_together(*batch) for batch in orders))

    assert set((await room.states()).values()) == {"active"}
