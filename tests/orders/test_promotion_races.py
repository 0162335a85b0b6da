"""Promotions that change, counters that are made, and orders that are written or end, all at one moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from estore.kit.db import Tx
from estore.services.orders import store
from estore.services.orders.domain.promotions.limits import Claim
from orders.factories import Shop, key
from orders.promoting import operator, promotion, revision
from orders.test_redeeming import TEN, counters, processes, quote, used
from support.world import World

WAITING = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def limit(shop: Shop, made: dict[str, Any], **limits: int) -> None:
    """Replace the limits of an automatic promotion."""
    seen = await operator(shop).get(f"/v1/promotions/{made['id']}")
    rules = {"title": "Ten", "effect": TEN, "automatic": True, "limits": limits}
    headers = {"If-Match": seen.headers["etag"]}
    answer = await operator(shop).put(f"/v1/promotions/{made['id']}", json=rules, headers=headers)
    assert answer.status_code == 200, answer.text


async def until_somebody_waits(shop: Shop, count: int = 1) -> None:
    async with asyncio.timeout(90):
        while len(await shop.world.fetch("orders", WAITING)) < count:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def half_written(shop: Shop, world: World) -> AsyncIterator[asyncio.Task[Any]]:
    """An order whose statement has read all that it reads, and waits for its key until the block ends."""
    await shop.place()
    (once,) = await shop.world.fetch("orders", "SELECT scope FROM once WHERE scope LIKE '%place_orders%' LIMIT 1")
    headers = key()
    hold = "INSERT INTO once (scope, key, fingerprint, response) VALUES ($1, $2, '', '')"
    db = shop.world.service("orders").db
    connection = await db.pool.acquire()
    try:
        held = connection.transaction()
        await held.start()
        await connection.execute(hold, once["scope"], headers["Idempotency-Key"])
        placing = asyncio.create_task(world.http("orders").post("/v1/orders", json=shop.body(), headers=headers))
        await until_somebody_waits(shop)
        yield placing
        await held.rollback()
    finally:
        await db.pool.release(connection)
    await placing


async def a_moment(awaitable: Awaitable[Any]) -> asyncio.Task[Any]:
    """Start something that may have to wait for somebody else."""
    task = asyncio.ensure_future(awaitable)
    await asyncio.wait({task}, timeout=1)
    return task  # type: ignore[return-value]


async def test_a_limit_counts_orders_that_were_being_written_when_it_was_set(shop: Shop) -> None:
    made = await promotion(operator(shop), automatic=True)

    async def limit_and_buy() -> Any:
        await limit(shop, made, total=2)
        return await shop.place(email="late@example.com")

    async with processes(shop, 2) as (_, other):
        async with half_written(shop, other) as placing:
            late = await a_moment(limit_and_buy())
        order = (await placing).json()

    assert order["totals"]["discount"]["amount"] == 240
    assert (await late)["totals"]["discount"]["amount"] == 0
    assert (await counters(shop)).get("", 0) in (0, await used(shop, made["id"]))
    assert await used(shop, made["id"]) == 2


async def test_orders_without_promotions_keep_no_change_waiting(shop: Shop) -> None:
    async with processes(shop, 2) as (_, other), half_written(shop, other):
        made = await asyncio.wait_for(promotion(operator(shop)), 60)

    assert made["status"] == "active"


async def test_an_order_is_not_admitted_by_a_book_that_was_read_after_it_was_priced(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await promotion(operator(shop), automatic=True, limits={"total": 5})
    await quote(shop)
    opened = store.open_counters

    async def slowly(tx: Tx, *given: Any) -> None:
        """Meanwhile the promotion is paused, and somebody's quote reads the new book."""
        await opened(tx, *given)
        monkeypatch.setattr(store, "open_counters", opened)
        answer = await operator(shop).post(f"/v1/promotions/{made['id']}/pause", json={}, headers=key())
        assert answer.status_code == 200, answer.text
        assert (await quote(shop))["promotions"] == []

    monkeypatch.setattr(store, "open_counters", slowly)
    order = await shop.place()

    assert order["totals"]["discount"]["amount"] == 0
    assert await used(shop, made["id"]) == 0


async def test_a_use_that_is_given_back_while_its_counter_is_made_is_not_counted(shop: Shop) -> None:
    made = await promotion(operator(shop), automatic=True)
    order = await shop.place()
    await limit(shop, made, total=5, per_customer=5)
    async with processes(shop, 2) as (_, other):
        async with shop.world.service("orders").db.transaction() as tx:  # as its end does, which comes late
            await store.release_uses(tx, [order["id"]], shop.world.clock.now())
            placing = asyncio.create_task(shop.place(client=other.http("orders")))
            await until_somebody_waits(shop)
        await placing

    await shop.hear(shop.rejected(order))
    assert set((await counters(shop)).values()) == {await used(shop, made["id"])} == {1}


async def test_a_use_that_is_given_back_after_it_was_counted_leaves_the_new_counter(shop: Shop) -> None:
    made = await promotion(operator(shop), automatic=True)
    order = await shop.place()
    await limit(shop, made, total=5)
    async with shop.world.service("orders").db.transaction() as tx:
        await store.open_counters(tx, [Claim(made["id"], "", 5)], await revision(shop))
        ending = asyncio.create_task(shop.hear(shop.rejected(order)))
        await until_somebody_waits(shop)
    await ending

    assert (await used(shop, made["id"]), (await counters(shop))[""]) == (0, 0)


async def test_no_counter_is_made_for_a_book_that_is_no_more(shop: Shop) -> None:
    made = await promotion(operator(shop), automatic=True)
    old = await revision(shop)
    await limit(shop, made, total=5)
    async with shop.world.service("orders").db.transaction() as tx:
        await store.open_counters(tx, [Claim(made["id"], "", 5)], old)

    assert await shop.world.fetch("orders", "SELECT FROM promotion_counter") == []
