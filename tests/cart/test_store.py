"""The SQL by itself: what the rooms above rely on without asking again."""

from __future__ import annotations

import asyncio

from cart.factories import Floor
from estore.services.cart import store
from estore.services.cart.domain import hash_of


async def test_a_cart_opens_in_sql_for_its_secret_or_its_account_only(floor: Floor) -> None:
    guests, mine = await floor.guest_cart(), await floor.account_cart("acc_01")
    async with floor.world.service("cart").db.read() as tx:

        async def opened(cart_id: str, account_id: str | None, secret: str | None) -> bool:
            return await store.open_cart(tx, cart_id, account_id, hash_of(secret)) is not None

        assert await opened(guests.id, None, guests.secret)
        assert await opened(mine.id, "acc_01", None)
        assert not await opened(guests.id, "acc_01", "wrong")
        assert not await opened(guests.id, None, None)
        assert not await opened(mine.id, "acc_02", guests.secret)
        assert not await opened(mine.id, None, None)


async def test_a_change_waits_for_an_order_that_takes_its_lines_out(floor: Floor) -> None:
    await floor.sell("mug", "cup")
    cart = await floor.guest_cart(mug=2)
    async with floor.world.service("cart").db.transaction() as tx:
        await store.lock_ordered(tx, [cart.id])
        change = asyncio.create_task(cart.put("cup", 1))
        await asyncio.wait([change], timeout=0.2)

        assert not change.done()
    assert (await change).status_code == 200
