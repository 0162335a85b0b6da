"""What keeps services and processes apart, and what joins them all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from estore.cli.compose import SERVICES, prepare
from estore.kit.clock import monotonic
from estore.kit.settings import Settings
from support.databases import Databases
from support.market import HASTY, InProcess, Market, eur, in_process, ok, until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def test_no_services_role_can_read_or_change_anothers_schema(databases: Databases) -> None:
    dsn = await databases.fresh()
    settings = Settings(database_url=dsn, secret="a secret for walls")
    await prepare(settings, SERVICES)
    found = []
    try:
        for name in SERVICES:
            conn = await asyncpg.connect(settings.database_of(name))
            try:
                assert await conn.fetchval("SELECT count(*) FROM outbox") == 0
                for other in SERVICES:
                    for sql in (
                        f"SELECT 1 FROM {other}.outbox",
                        f"DELETE FROM {other}.once",
                        f"CREATE TABLE {other}.intruder (id int)",
                        f"SET ROLE estore_{other}",
                    ):
                        try:
                            await conn.execute(sql)
                        except asyncpg.InsufficientPrivilegeError:
                            continue
                        if other != name:
                            found.append(f"{name}: {sql}")
                for sql in ("CREATE TABLE public.intruder (id int)", "CREATE SCHEMA intruder", "CREATE ROLE intruder"):
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await conn.execute(sql)
            finally:
                await conn.close()
    finally:
        await databases.drop(dsn)

    assert found == []


class TestTwoProcesses:
    """Two compositions over one database, each with its own front, cache and listener, on the local bus."""

    @pytest.fixture(scope="class")
    @staticmethod
    async def stores(databases: Databases) -> AsyncIterator[tuple[InProcess, InProcess]]:
        async with in_process(databases, **HASTY) as one, in_process(databases, dsn=one.world.dsn, **HASTY) as two:
            public, until = one.world.key.as_dict(private=False), one.world.clock.now() + timedelta(days=1)
            for service in two.world.services.values():
                service.verifier.trust(public, until)
            yield one, two

    @pytest.fixture(scope="class")
    @staticmethod
    async def market(stores: tuple[InProcess, InProcess]) -> Market:
        return await Market(stores[0]).open()

    async def test_a_price_change_is_visible_in_the_other_process(
        self, stores: tuple[InProcess, InProcess], market: Market
    ) -> None:
        _, two = stores
        sku = await market.product(stock=5)
        page = await ok(market.guest.get(f"/v1/products/{sku}"), 200)
        took = []
        async with httpx.AsyncClient(base_url=two.url) as reader:
            for price in range(2500, 2520):

                async def cached() -> bool:
                    hits = two.cache.hits
                    await shown(reader, sku)
                    return two.cache.hits == hits + 1

                await until("the page is answered by the cache, before the router", cached)
                url = f"/v1/products/{page['id']}/variants/{sku}/price"
                await ok(market.tonwerk.client.put(url, json=eur(price)), 200)
                began = monotonic()

                async def visible(price: int = price) -> bool:
                    return bool(await shown(reader, sku) == price)

                await until("the price change is visible", visible, pause=0.001)
                took.append((monotonic() - began) * 1000)
        took.sort()
        print(f"\nprice change visible in the other process: median {took[10]:.1f} ms, slowest {took[-1]:.1f} ms")
        await market.proved()

    async def test_what_one_process_takes_the_other_may_finish(
        self, stores: tuple[InProcess, InProcess], market: Market
    ) -> None:
        sku = await market.product(stock=40)
        elsewhere = stores[1].client()
        orders = await asyncio.gather(
            *(market.order((sku, 1), wait=20) for _ in range(30)),
            *(market.order((sku, 1), client=elsewhere, wait=20) for _ in range(30)),
        )
        for order in orders[30:]:
            order.client = stores[1].client(order_secret=order.first["secret"])

        statuses = [(await order.settled())["status"] for order in orders]
        assert (statuses.count("confirmed"), statuses.count("rejected")) == (40, 20)
        await market.proved()


async def shown(reader: httpx.AsyncClient, sku: str) -> Any:
    """The price on the product's page."""
    answer = await reader.get(f"/v1/products/{sku}")
    return answer.json()["variants"][0]["price"]["amount"]
