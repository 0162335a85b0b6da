from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bus.world import World, build_template
from support.databases import Databases


@pytest.fixture
async def bus_dsn(databases: Databases) -> AsyncIterator[str]:
    """A database with the kit's tables in the schemas of three services."""
    dsn = await databases.fresh(await databases.template("bus", build_template))
    yield dsn
    await databases.drop(dsn)


@pytest.fixture
async def world(request: pytest.FixtureRequest, bus_dsn: str) -> AsyncIterator[World]:
    """A world whose bus the test class chooses: `bus_factory`."""
    make = await request.instance.bus_factory(request)
    world = World(bus_dsn, make)
    world.repeats = request.instance.repeats
    await world.open()
    yield world
    await world.close()
