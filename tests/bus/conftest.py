from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bus.world import MakeBus, World, build
from estore.kit.telemetry import configure_logging
from support.brokers import Rabbit
from support.databases import Databases


@pytest.fixture(autouse=True)
def talkative() -> None:
    """Whatever level of logging another test has left behind."""
    configure_logging(level="info", as_json=False)


@pytest.fixture(scope="session")
async def bus_dsn(databases: Databases) -> str:
    """A database with the kit's tables in the schemas of three services; each test empties it."""
    dsn = await databases.fresh()
    await build(dsn)
    return dsn


@pytest.fixture
async def world(request: pytest.FixtureRequest, bus_dsn: str, make_bus: MakeBus) -> AsyncIterator[World]:
    """A world with the bus of the test's class."""
    world = World(bus_dsn, make_bus)
    world.repeats = getattr(request.cls, "repeats", False)
    await world.open()
    await world.clean()
    yield world
    await world.close()


@pytest.fixture(scope="session")
async def bus_vhost(rabbit_server: Rabbit) -> str:
    """A virtual host for the bus's tests, each of which deletes its queues."""
    return await rabbit_server.fresh_vhost()
