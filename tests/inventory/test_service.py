"""Reservations on real PostgreSQL: once, in one transaction, in whatever order events come."""

from __future__ import annotations

import asyncio

import pytest

from estore.contracts.catalog import ProductArchived, ProductChanged, ProductStockImported, StockLevel
from estore.contracts.inventory import StockAvailabilityChanged, StockLow, StockRejected, StockReleased, StockReserved
from estore.kit.db import statements
from estore.kit.errors import Transient
from estore.services.inventory import store
from inventory.factories import Stockroom, cancelled, confirmed, placed, published, shipped


async def test_an_order_is_held_until_a_little_after_its_deadline(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.place("ord_1", ("mug", 2))

    (event,) = await room.told(StockReserved)
    assert event.order_id == "ord_1"
    assert event.expires_at > room.deadline
    assert await room.levels("mug") == {"MAIN": (5, 2)}


async def test_what_is_not_there_is_rejected_with_what_is_short(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=1)
    await room.place("ord_1", ("mug", 1), ("mug", 1), ("unheard", 1))

    (event,) = await room.told(StockRejected)
    assert [(s.sku, s.requested, s.available) for s in event.shortages] == [("mug", 2, 1), ("unheard", 1, 0)]
    assert await room.levels("mug") == {"MAIN": (1, 0)}
    assert await room.states() == {"ord_1": "rejected"}


async def test_a_batch_costs_the_same_few_statements_however_large(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=90, RTM=90)
    await room.stocked("cup", MAIN=90)
    orders = [placed(f"ord_{number:03}", ("mug", 1), ("cup", 1), deadline=room.deadline) for number in range(200)]

    with statements(at_most=9) as counted:
        await room.hear_together(*orders)

    own = [sql for sql in counted.sent if sql not in ("BEGIN", "COMMIT") and "once" not in sql and "outbox" not in sql]
    assert len(own) <= 5
    assert len(await room.told(StockReserved)) == 90
    assert len(await room.told(StockRejected)) == 110
    assert await room.levels("cup") == {"MAIN": (90, 90)}


async def test_a_batch_tells_each_skus_availability_once(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=20)
    before = len(await room.told(StockAvailabilityChanged))
    await room.hear_together(*[placed(f"ord_{n}", ("mug", 1), deadline=room.deadline) for n in range(16)])

    changes = (await room.told(StockAvailabilityChanged))[before:]
    assert [(c.available, c.version) for c in changes] == [(4, 2)]
    assert [(low.sku, low.available, low.threshold) for low in await room.told(StockLow)] == [("mug", 4, 5)]


async def test_the_last_unit_wanted_by_200_at_once_is_held_once(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=1)
    orders = [placed(f"ord_{n:03}", ("mug", 1), deadline=room.deadline) for n in range(200)]

    await asyncio.gather(*(room.hear(order) for order in orders))

    assert len(await room.told(StockReserved)) == 1
    assert len(await room.told(StockRejected)) == 199
    assert await room.levels("mug") == {"MAIN": (1, 1)}


async def test_batches_with_crossing_skus_do_not_deadlock(room: Stockroom) -> None:
    await room.stocked("cup", MAIN=30, RTM=30)
    await room.stocked("mug", MAIN=60)
    batches = [
        [
            placed(
                f"ord_{b}_{n}",
                *((("mug", 1), ("cup", 1)) if b % 2 else (("cup", 1), ("mug", 1))),
                deadline=room.deadline,
            )
            for n in range(10)
        ]
        for b in range(8)
    ]

    await asyncio.gather(*(room.hear_together(*batch) for batch in batches))

    assert len(await room.told(StockReserved)) == 60
    assert await room.levels("cup") == {"MAIN": (30, 30), "RTM": (30, 30)}


async def test_a_repeated_message_and_a_repeated_event_hold_once(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=9)
    order = placed("ord_1", ("mug", 2), deadline=room.deadline)
    envelope = room.world.envelope(order)

    await room.world.deliver_batch("inventory", [envelope, envelope])
    await room.world.deliver("inventory", envelope)
    await room.hear(order)

    assert await room.levels("mug") == {"MAIN": (9, 2)}
    assert len(await room.told(StockReserved)) == 1


async def test_cancelling_gives_back_and_says_so_once(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.place("ord_1", ("mug", 2))
    await room.hear(cancelled("ord_1"), cancelled("ord_1"))

    assert await room.levels("mug") == {"MAIN": (5, 0)}
    assert [(e.order_id, e.reason) for e in await room.told(StockReleased)] == [("ord_1", "cancelled")]


async def test_a_paid_order_can_be_cancelled_too(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.place("ord_1", ("mug", 2))
    await room.hear(confirmed("ord_1", ("mug", 2)), cancelled("ord_1"))

    assert await room.levels("mug") == {"MAIN": (5, 0)}
    assert await room.states() == {"ord_1": "released"}


async def test_an_order_cancelled_before_it_was_heard_of_is_never_held(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.hear(cancelled("ord_1"))
    await room.place("ord_1", ("mug", 2))

    assert await room.levels("mug") == {"MAIN": (5, 0)}
    assert await room.told(StockReserved) == []
    assert await room.told(StockReleased) == []


async def test_cancelling_against_placing_at_once_leaves_nothing_held(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=50)
    orders = [placed(f"ord_{n:02}", ("mug", 1), deadline=room.deadline) for n in range(20)]

    await asyncio.gather(
        *(room.hear_together(*orders[n : n + 5]) for n in range(0, 20, 5)),
        *(room.hear_together(*[cancelled(o.order_id) for o in reversed(orders[n : n + 7])]) for n in range(0, 20, 7)),
    )

    assert await room.levels("mug") == {"MAIN": (50, 0)}
    assert set((await room.states()).values()) == {"released"}


async def test_a_hold_past_its_deadline_is_released_by_the_timer(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.place("ord_1", ("mug", 2))
    room.world.clock.advance(minutes=16)
    await room.expire()
    assert await room.levels("mug") == {"MAIN": (5, 2)}

    room.world.clock.advance(minutes=5)
    await asyncio.gather(room.expire(), room.expire())

    assert await room.levels("mug") == {"MAIN": (5, 0)}
    assert [(e.order_id, e.reason) for e in await room.told(StockReleased)] == [("ord_1", "expired")]


async def test_a_paid_hold_never_expires(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.place("ord_1", ("mug", 2))
    await room.hear(confirmed("ord_1", ("mug", 2)))
    room.world.clock.advance(days=30)
    await room.expire()

    assert await room.states() == {"ord_1": "committed"}
    assert await room.levels("mug") == {"MAIN": (5, 2)}


async def test_confirming_touches_no_stock(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.place("ord_1", ("mug", 2))

    with statements() as counted:
        await room.hear(confirmed("ord_1", ("mug", 2)))

    assert not [sql for sql in counted.sent if "FROM sku" in sql or "stock" in sql]


async def test_paid_after_it_expired_is_held_again(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.place("ord_1", ("mug", 2))
    room.world.clock.advance(minutes=30)
    await room.expire()
    await room.hear(confirmed("ord_1", ("mug", 2)))

    assert await room.states() == {"ord_1": "committed"}
    assert await room.levels("mug") == {"MAIN": (5, 2)}


async def test_paid_after_it_expired_and_was_sold_is_shown_by_the_doctor(uneven_room: Stockroom) -> None:
    room = uneven_room
    await room.stocked("mug", MAIN=2)
    await room.place("ord_1", ("mug", 2))
    room.world.clock.advance(minutes=30)
    await room.expire()
    await room.place("ord_2", ("mug", 1))
    await room.hear(confirmed("ord_1", ("mug", 2)))

    assert await room.states() == {"ord_1": "oversold", "ord_2": "active"}
    assert list(await room.world.broken("inventory")) == ["every confirmed order has its stock"]

    await room.hear(cancelled("ord_1"))
    assert await room.world.broken("inventory") == {}


async def test_a_confirmation_after_a_cancellation_holds_nothing(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.place("ord_1", ("mug", 2))
    await room.hear(cancelled("ord_1"), confirmed("ord_1", ("mug", 2)))

    assert await room.levels("mug") == {"MAIN": (5, 0)}


async def test_a_confirmation_that_overtook_its_order_is_tried_again(room: Stockroom) -> None:
    with pytest.raises(Transient):
        await room.hear(confirmed("ord_1", ("mug", 2)))


async def test_a_parcel_takes_its_pieces_once(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.place("ord_1", ("mug", 3))
    await room.hear(confirmed("ord_1", ("mug", 3)), shipped("ord_1", ("mug", 2)), shipped("ord_1", ("mug", 2)))
    assert await room.levels("mug") == {"MAIN": (3, 1)}
    assert await room.states() == {"ord_1": "committed"}

    await room.hear(shipped("ord_1", ("mug", 1), parcel_id="pcl_2"))
    assert await room.levels("mug") == {"MAIN": (2, 0)}
    assert await room.states() == {"ord_1": "shipped"}
    moves = await room.fetch(
        "inventory", "SELECT kind, delta, reference FROM movement WHERE kind = 'shipped' ORDER BY id"
    )
    assert [(m["delta"], m["reference"]) for m in moves] == [(-2, "pcl_1"), (-1, "pcl_2")]


async def test_a_parcel_from_two_locations_empties_both_holds(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=2, RTM=2)
    await room.place("ord_1", ("mug", 3))
    await room.hear(shipped("ord_1", ("mug", 3)))

    assert sum(on_hand for on_hand, _ in (await room.levels("mug")).values()) == 1
    assert await room.states() == {"ord_1": "shipped"}


async def test_a_parcel_nobody_held_stock_for_is_shown_by_the_doctor(uneven_room: Stockroom) -> None:
    room = uneven_room
    await room.stocked("mug", MAIN=1)
    await room.place("ord_1", ("mug", 2))
    await room.hear(shipped("ord_1", ("mug", 2)))

    assert await room.levels("mug") == {"MAIN": (0, 0)}
    assert list(await room.world.broken("inventory")) == ["every shipment left with stock that was known of"]


async def test_shipping_a_batch_costs_a_fixed_number_of_statements(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=50)
    await room.hear_together(*[placed(f"ord_{n}", ("mug", 1), deadline=room.deadline) for n in range(20)])

    with statements(at_most=11):
        await room.hear_together(*[shipped(f"ord_{n}", ("mug", 1), parcel_id=f"pcl_{n}") for n in range(20)])

    assert await room.levels("mug") == {"MAIN": (30, 0)}


async def test_cancelling_a_batch_costs_a_fixed_number_of_statements(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=50)
    await room.hear_together(*[placed(f"ord_{n}", ("mug", 1), deadline=room.deadline) for n in range(20)])

    with statements(at_most=11):
        await room.hear_together(*[cancelled(f"ord_{n}") for n in range(20)])

    assert await room.levels("mug") == {"MAIN": (50, 0)}


async def test_movements_cannot_be_changed(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)

    with pytest.raises(Exception, match="append-only"):
        await room.fetch("inventory", "UPDATE movement SET delta = 6")


async def skus(room: Stockroom) -> dict[str, tuple[str | None, bool]]:
    rows = await room.fetch("inventory", "SELECT sku, vendor_id, listed FROM sku ORDER BY sku")
    return {row["sku"]: (row["vendor_id"], row["listed"]) for row in rows}


async def test_an_older_product_never_overwrites_a_newer_one(room: Stockroom) -> None:
    newer = published("a", version=3)
    await room.hear(ProductChanged(product_id="prd_mug", product=newer.product, version=3))
    await room.hear(published("a", "b", version=2))

    assert await skus(room) == {"a": ("vnd_tonwerk", True), "b": ("vnd_tonwerk", False)}


async def test_a_variant_that_is_gone_is_not_listed_any_more(room: Stockroom) -> None:
    await room.hear(published("a", "b"))
    await room.hear(ProductChanged(product_id="prd_mug", product=published("b", "c").product, version=2))

    assert {sku: listed for sku, (_, listed) in (await skus(room)).items()} == {"a": False, "b": True, "c": True}


async def test_a_product_archived_before_it_was_heard_of_still_has_its_vendor(room: Stockroom) -> None:
    await room.hear(ProductArchived(product_id="prd_mug", skus=("a",), version=5))
    await room.hear(published("a", version=4))

    assert await skus(room) == {"a": ("vnd_tonwerk", False)}


async def test_a_sku_stays_with_the_vendor_that_brought_it(room: Stockroom) -> None:
    await room.hear(published("a"))
    await room.hear(published("a", product_id="prd_other", vendor_id="vnd_thief", version=9))

    assert await skus(room) == {"a": ("vnd_tonwerk", True)}


def imported(import_id: str, *levels: tuple[str, int], product_id: str = "prd_mug") -> ProductStockImported:
    counted = tuple(StockLevel(*level) for level in levels)
    return ProductStockImported(
        product_id=product_id, vendor_id="vnd_tonwerk", import_id=import_id, levels=counted, version=1
    )


async def test_imported_stock_counts_once_per_row_and_may_come_first(room: Stockroom) -> None:
    await room.hear(imported("imp_1", ("a", 7), ("b", 3)), imported("imp_1", ("a", 9)))
    await room.hear(published("a", "b"))
    assert (await room.levels("a"), await room.levels("b")) == ({"MAIN": (7, 0)}, {"MAIN": (3, 0)})
    assert await skus(room) == {"a": ("vnd_tonwerk", True), "b": ("vnd_tonwerk", True)}

    await room.hear(imported("imp_2", ("a", 2)))
    assert await room.levels("a") == {"MAIN": (2, 0)}


async def test_an_import_never_goes_below_what_is_held(room: Stockroom) -> None:
    await room.hear(imported("imp_1", ("a", 7)))
    await room.place("ord_1", ("a", 5))
    await room.hear(imported("imp_2", ("a", 2)))

    assert await room.levels("a") == {"MAIN": (5, 5)}


async def test_an_import_cannot_count_another_products_sku(room: Stockroom) -> None:
    await room.stocked("a", MAIN=7)
    await room.hear(imported("imp_1", ("a", 100), product_id="prd_thief"))

    assert await room.levels("a") == {"MAIN": (7, 0)}


async def test_imports_in_one_batch_cost_a_fixed_number_of_statements(room: Stockroom) -> None:
    with statements(at_most=11):
        await room.hear_together(*[imported(f"imp_{n}", (f"s{n}", n), product_id=f"prd_{n}") for n in range(50)])

    assert await room.levels("s49") == {"MAIN": (49, 0)}


async def test_a_large_seed_is_copied_and_adds_up(room: Stockroom) -> None:
    rows = (store.SeedRow(f"SKU-{n}", f"prd_{n}", "vnd_big", 1, n % 70) for n in range(5_000))
    async with room.world.service("inventory").db.transaction() as tx:
        assert await store.copy_stock(tx, rows, room.world.clock.now(), chunk=2_000) == 5_000

    await room.place("ord_1", ("SKU-69", 69))
    assert await room.levels("SKU-69") == {"MAIN": (69, 69)}


async def test_what_is_held_can_be_read_as_a_stream_by_order(room: Stockroom) -> None:
    await room.stocked("a", MAIN=10)
    for order_id in ("ord_3", "ord_1", "ord_2", "ord_4"):
        await room.place(order_id, ("a", 1))
    await room.hear(confirmed("ord_2", ("a", 1)), cancelled("ord_4"))

    async with room.world.service("inventory").db.transaction(snapshot=True) as tx:
        held = [row async for row in store.open_reservations(tx)]
    assert held == [("ord_1", "active"), ("ord_2", "committed"), ("ord_3", "active")]


async def test_a_sku_goes_to_the_product_that_is_published_with_it_after_its_draft_was_deleted(room: Stockroom) -> None:
    await room.hear(imported("imp_1", ("a", 7), product_id="prd_1"))
    await room.hear(imported("imp_2", ("a", 4), product_id="prd_2"), imported("imp_1", ("a", 9), product_id="prd_1"))
    await room.hear(published("a", product_id="prd_2"))
    await room.hear(imported("imp_3", ("a", 5), product_id="prd_2"), imported("imp_4", ("a", 8), product_id="prd_1"))

    assert await room.fetch("inventory", "SELECT product_id, listed FROM sku") == [
        {"product_id": "prd_2", "listed": True}
    ]
    assert await room.levels("a") == {"MAIN": (5, 0)}


async def test_nobody_inherits_the_pieces_of_another_vendors_deleted_draft(room: Stockroom) -> None:
    await room.hear(imported("imp_1", ("a", 7), product_id="prd_1"))
    await room.hear(published("a", product_id="prd_2", vendor_id="vnd_other"))

    assert await room.fetch("inventory", "SELECT vendor_id FROM sku") == [{"vendor_id": "vnd_other"}]
    assert await room.levels("a") == {"MAIN": (0, 0)}


async def test_a_sku_that_was_for_sale_stays_with_its_product(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    await room.hear(published("mug", product_id="prd_z", vendor_id="vnd_other"))
    await room.hear(imported("imp_1", ("mug", 1), product_id="prd_z"))

    assert await room.fetch("inventory", "SELECT product_id FROM sku") == [{"product_id": "prd_mug"}]
    assert await room.levels("mug") == {"MAIN": (5, 0)}
