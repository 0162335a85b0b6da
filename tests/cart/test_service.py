"""What cart hears, and what it does by itself."""

from __future__ import annotations

import asyncio

import pytest

from cart.factories import VENDOR, Floor, changed, published, repriced, stock
from estore.contracts.cart import CartAbandoned, CartChanged, CartLine
from estore.contracts.catalog import ProductArchived
from estore.contracts.vendors import VendorApproved, VendorSuspended
from estore.kit.contract import Event
from estore.kit.db import statements
from estore.services.cart import store


async def offers(floor: Floor) -> dict[str, tuple[bool, int | None, int | None]]:
    rows = await floor.world.fetch("cart", "SELECT sku, listed, price, available FROM offer ORDER BY sku")
    return {row["sku"]: (row["listed"], row["price"], row["available"]) for row in rows}


def suspended(version: int) -> VendorSuspended:
    return VendorSuspended(vendor_id=VENDOR, reason="", version=version)


def approved(version: int) -> VendorApproved:
    return VendorApproved(
        vendor_id=VENDOR, slug="t", name="T", country="DE", members=(), commission_bps=1000, version=version
    )


async def test_an_ordered_cart_is_emptied(floor: Floor) -> None:
    await floor.sell("mug", "cup")
    cart = await floor.guest_cart(mug=2, cup=1)
    order = floor.ordered(cart.id, 3, mug=2, cup=1)
    await floor.hear(order, order)

    assert await cart.quantities() == {}
    assert [(e.version, e.lines) for e in (await floor.told(CartChanged))[2:]] == [(4, ())]


async def test_what_was_put_in_after_ordering_stays(floor: Floor) -> None:
    await floor.sell("mug", "cup")
    cart = await floor.guest_cart(mug=2)
    await cart.put("cup", 1)
    await cart.put("mug", 3)
    await floor.hear(floor.ordered(cart.id, 2, mug=2))

    assert await cart.quantities() == {"mug": 1, "cup": 1}


async def test_a_message_heard_twice_takes_out_once(floor: Floor) -> None:
    await floor.sell("mug")
    cart = await floor.guest_cart(mug=5)
    envelope = floor.world.envelope(floor.ordered(cart.id, 1, mug=2))
    await floor.world.deliver("cart", envelope, envelope)

    assert await cart.quantities() == {"mug": 3}


async def test_a_batch_of_orders_costs_a_fixed_number_of_statements(floor: Floor) -> None:
    await floor.sell("mug")
    carts = [await floor.guest_cart(mug=2) for _ in range(10)]
    orders = [floor.ordered(cart.id, 2, mug=2) for cart in carts]
    orders += [
        floor.ordered(carts[0].id, 2, mug=2),
        floor.ordered(None, None, mug=1),
        floor.ordered("crt_gone", 1, mug=1),
    ]

    with statements(at_most=6):
        await floor.hear_together(*orders)

    assert [await cart.quantities() for cart in carts] == [{}] * 10


async def test_ordering_and_changing_at_once_loses_nothing(floor: Floor) -> None:
    await floor.sell("mug", *(f"s{number}" for number in range(8)))
    cart = await floor.guest_cart(mug=2)
    await asyncio.gather(
        floor.hear(floor.ordered(cart.id, 2, mug=2)), *(cart.put(f"s{number}", 1) for number in range(8))
    )

    found = await cart.quantities()
    assert "mug" not in found
    versions = [e.version for e in await floor.told(CartChanged)]
    assert sorted(versions) == list(range(2, 2 + len(versions)))
    assert len(found) == 8


ORDERS_OF_EVENTS: list[tuple[Event, ...]] = [
    (published("mug", price=1000), repriced("mug", 1200, 2), changed("mug", price=1200, version=3)),
    (changed("mug", price=1200, version=3), repriced("mug", 1200, 2), published("mug", price=1000)),
    (repriced("mug", 1200, 2), published("mug", price=1000)),
    (stock("mug", 9, 2), repriced("mug", 1200, 2), stock("mug", 5, 1), published("mug", price=1000)),
]


@pytest.mark.parametrize("events", ORDERS_OF_EVENTS)
async def test_events_in_any_order_end_in_the_same_offer(floor: Floor, events: tuple[Event, ...]) -> None:
    await floor.hear(*events, *events)
    await floor.hear(stock("mug", 9, 2))

    assert await offers(floor) == {"mug": (True, 1200, 9)}


async def test_a_variant_that_is_gone_and_an_archived_product_are_not_for_sale(floor: Floor) -> None:
    await floor.hear(published("a", "b", product_id="prd_1"), published("c", product_id="prd_2"))
    await floor.hear(changed("b", product_id="prd_1", version=2))
    await floor.hear(ProductArchived(product_id="prd_2", skus=("c",), version=2))
    await floor.hear(published("a", "b", "late", product_id="prd_1"), published("c", product_id="prd_2"))

    assert {sku: listed for sku, (listed, *_) in (await offers(floor)).items()} == {
        "a": False,
        "b": True,
        "c": False,
        "late": False,
    }


async def test_a_product_archived_before_it_was_heard_of_is_never_for_sale(floor: Floor) -> None:
    await floor.hear(ProductArchived(product_id="prd_a", skus=("a",), version=2), published("a"))

    assert (await offers(floor))["a"][0] is False


async def test_a_suspended_vendors_offers_are_not_for_sale_until_it_is_reinstated(floor: Floor) -> None:
    await floor.sell("mug")
    cart = await floor.guest_cart(mug=1)
    await floor.hear(suspended(2), approved(1))
    view = await cart.read()
    assert (view["lines"][0]["available"], view["subtotal"]["amount"]) == (False, 0)
    assert (await cart.put("mug", 2)).status_code == 422

    await floor.hear(approved(3))
    assert (await cart.put("mug", 2)).status_code == 200


async def test_offers_are_learnt_in_one_statement_per_batch(floor: Floor) -> None:
    with statements(at_most=4):
        await floor.hear_together(*[published(f"s{n}", f"t{n}", product_id=f"prd_{n}") for n in range(50)])

    assert len(await offers(floor)) == 100


async def test_an_account_that_left_something_for_a_day_is_told_of_once_per_version(floor: Floor) -> None:
    await floor.sell("mug")
    cart = await floor.account_cart(mug=2)
    await floor.guest_cart(mug=1)
    await floor.account_cart("acc_02")
    floor.world.clock.advance(hours=23)
    await floor.run_jobs()
    assert await floor.told(CartAbandoned) == []

    floor.world.clock.advance(hours=2)
    await asyncio.gather(floor.run_jobs(), floor.run_jobs())
    await floor.run_jobs()

    (told,) = await floor.told(CartAbandoned)
    assert (told.cart_id, told.account_id, told.lines, told.version) == (cart.id, "acc_01", (CartLine("mug", 2),), 2)


async def test_guests_carts_are_forgotten_after_thirty_days_and_accounts_are_not(floor: Floor) -> None:
    await floor.sell("mug")
    guests, mine = await floor.guest_cart(mug=1), await floor.account_cart(mug=1)
    await floor.guest_cart()
    floor.world.clock.advance(days=31)
    await floor.run_jobs()

    rows = await floor.world.fetch("cart", "SELECT id FROM cart")
    assert [row["id"] for row in rows] == [mine.id]
    last = (await floor.told(CartChanged))[-1]
    assert (last.cart_id, last.lines, last.version) == (guests.id, (), 3)


async def test_a_large_seed_is_copied(floor: Floor) -> None:
    rows = (store.OfferSeed(f"SKU-{n}", f"prd_{n}", "vnd_big", "Thing", 100 + n, "EUR", n) for n in range(3_000))
    async with floor.world.service("cart").db.transaction() as tx:
        await store.copy_offers(tx, rows)

    cart = await floor.guest_cart()
    assert (await cart.put("SKU-7", 7)).json()["subtotal"] == {"amount": 749, "currency": "EUR"}
