"""What was answered 2xx survives kill -9 of anything: services, the broker, the database, while orders flow.

Real processes on a PostgreSQL of their own with fsync on. Every accepted order settles, and doctor finds nothing.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from estore.cli.compose import SERVICES
from estore.kit.clock import monotonic
from estore.kit.embedded import EmbeddedPostgres
from support.brokers import Rabbit
from support.fleet import Fleet, fresh_store
from support.market import HASTY, Bought, Market, key, ok, until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
METHODS = ("pm_ok", "pm_ok", "pm_ok", "pm_declined", "pm_slow", "pm_duplicate_webhooks")
SETTLES = 180.0


@dataclass
class Flow:
    """Buyers that never give up: they repeat a request with its key until it is answered."""

    market: Market
    skus: list[str]
    accepted: list[Bought] = field(default_factory=list)
    repeated: int = 0

    async def buy(self) -> None:
        while True:
            line, sent = (random.choice(self.skus), 1), key()
            method = random.choice(METHODS)
            deadline = monotonic() + SETTLES
            while True:
                with suppress(httpx.TransportError):
                    answer = await self.market.place(line, payment_method=method, headers=sent)
                    if answer.status_code in (201, 202):
                        break
                    assert answer.status_code >= 500 or answer.status_code in (409, 429), answer.text
                assert monotonic() < deadline, "an order was not answered"
                self.repeated += 1
                await asyncio.sleep(0.1)
            body = answer.json()
            reader = self.market.store.client(order_secret=body["secret"])
            self.accepted.append(Bought(self.market, reader, body["id"], body))
            await asyncio.sleep(random.uniform(0.1, 0.4))


@asynccontextmanager
async def orders_flow(market: Market, buyers: int = 4) -> AsyncIterator[Flow]:
    """Let orders flow through the block; afterwards each accepted one settles, and doctor finds nothing."""
    flow = Flow(market, [await market.product(stock=10_000), await market.product(stock=60)])
    tasks = [asyncio.create_task(flow.buy()) for _ in range(buyers)]
    await asyncio.sleep(0.5)
    try:
        yield flow
        # they recover: orders flow again as before
        enough = len(flow.accepted) + 15

        async def flows() -> bool:
            assert not any(task.done() for task in tasks), [task.exception() for task in tasks if task.done()]
            return len(flow.accepted) >= enough

        await until("orders flow again", flows, SETTLES)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [error for error in ended if not isinstance(error, asyncio.CancelledError)] == []
    began = monotonic()
    seen = await asyncio.gather(*(order.settled(seconds=SETTLES) for order in flow.accepted))
    findings = await market.proved(SETTLES)
    outcomes = Counter(order["status"] for order in seen)
    over = sum(finding.over for finding in findings)
    print(f"\n{len(seen)} orders, {flow.repeated} requests repeated: {dict(outcomes)}; settled in", end=" ")
    print(f"{monotonic() - began:.1f} s, {len(findings)} rules hold over {over} rows")
    assert len({order.id for order in flow.accepted}) == len(flow.accepted)
    assert outcomes["confirmed"] > 0


@pytest.fixture(scope="module")
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A server of our own, as durable as in production."""
    # Not in pytest's folder: another run of it on this machine closes that to whom PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="estore-crash-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data", settings={"max_connections": "300"})
    await server.start()
    yield server
    server.kill9()
    shutil.rmtree(folder, ignore_errors=True)


class TestServicesOnRabbit:
    @pytest.fixture(scope="class")
    @staticmethod
    async def fleet(
        postgres: EmbeddedPostgres, rabbit_server: Rabbit, tmp_path_factory: pytest.TempPathFactory
    ) -> AsyncIterator[Fleet]:
        await rabbit_server.start()
        settings = await fresh_store(postgres.dsn, "rabbit_fleet", await rabbit_server.fresh_vhost(), **HASTY)
        fleet = Fleet(settings, [[name] for name in SERVICES], tmp_path_factory.mktemp("fleet"))
        try:
            yield await fleet.open()
        finally:
            await fleet.close()

    @pytest.fixture(scope="class")
    @staticmethod
    async def market(fleet: Fleet) -> Market:
        return await Market(fleet).open()

    async def test_every_service_is_killed_in_turn(self, fleet: Fleet, market: Market) -> None:
        async with orders_flow(market):
            for process in fleet.processes:
                process.kill9()
                await asyncio.sleep(0.3)
                process.start()
                await process.ready()

    async def test_the_ledger_is_killed_and_every_order_is_posted_once(self, fleet: Fleet, market: Market) -> None:
        [ledger] = [process for process in fleet.processes if process.names == ["ledger"]]
        async with orders_flow(market) as flow:
            for pause in (0.1, 0.4, 0.8):
                ledger.kill9()
                await asyncio.sleep(pause)
                ledger.start()
                await ledger.ready()
        for order in flow.accepted:
            seen = await order.show()
            page = await ok(market.operator.get("/v1/ledger/entries", params={"order": order.id}), 200)
            posted = Counter(entry["kind"] for entry in page["data"])
            wanted = ["capture", "sale"] if seen["status"] == "confirmed" else []
            assert posted == Counter(wanted), (order.id, seen["status"])

    async def test_the_broker_is_killed(self, market: Market, rabbit: Rabbit) -> None:
        async with orders_flow(market) as flow:
            await rabbit.kill9()
            before = len(flow.accepted)

            async def one_more() -> bool:
                return len(flow.accepted) > before

            await until("orders are taken without a broker", one_more, SETTLES)
            await rabbit.start()


class TestWorkersOnTheLocalBus:
    @pytest.fixture(scope="class")
    @staticmethod
    async def fleet(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
        settings = await fresh_store(postgres.dsn, "local_fleet", **HASTY)
        fleet = Fleet(settings, [["all"], ["all"]], tmp_path_factory.mktemp("fleet"))
        try:
            yield await fleet.open()
        finally:
            await fleet.close()

    @pytest.fixture(scope="class")
    @staticmethod
    async def market(fleet: Fleet) -> Market:
        return await Market(fleet).open()

    async def test_one_worker_is_killed_then_the_other_then_both(self, fleet: Fleet, market: Market) -> None:
        async with orders_flow(market):
            for process in fleet.processes:
                process.kill9()
                await asyncio.sleep(1)
                process.start()
                await process.ready()
            for process in fleet.processes:
                process.kill9()
            for process in fleet.processes:
                process.start()
            await asyncio.gather(*(process.ready() for process in fleet.processes))

    async def test_the_database_is_killed(self, market: Market, postgres: EmbeddedPostgres) -> None:
        async with orders_flow(market):
            postgres.kill9()
            await asyncio.sleep(1)
            await postgres.start()
            await asyncio.sleep(3)
