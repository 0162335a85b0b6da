"""An inventory with a vendor's products, and the events that reach it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from inventory.factories import Stockroom
from support.databases import Databases
from support.world import world


@pytest.fixture
async def room(databases: Databases) -> AsyncIterator[Stockroom]:
    """An empty stockroom at a standstill of time."""
    async with world(databases, "inventory") as made:
        yield Stockroom(made)
        assert await made.broken("inventory") == {}


@pytest.fixture
async def uneven_room(databases: Databases) -> AsyncIterator[Stockroom]:
    """The same, for tests in which something is meant to be wrong at the end."""
    async with world(databases, "inventory") as made:
        yield Stockroom(made)
