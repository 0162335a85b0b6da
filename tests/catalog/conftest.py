"""A catalog with two approved vendors and a small tree of categories."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from catalog.factories import Shop
from support.databases import Databases
from support.world import world


@pytest.fixture(scope="module")
async def open_shop(databases: Databases) -> AsyncIterator[Shop]:
    """The same, shared by the tests of a file that only ask, or are refused."""
    async with world(databases, "catalog") as made:
        shop = Shop(made)
        await shop.open()
        yield shop
        assert await made.broken("catalog") == {}


@pytest.fixture
async def shop(databases: Databases) -> AsyncIterator[Shop]:
    """Vendors Tonwerk and Holzig, categories kitchen > mugs, kitchen > pots, garden; time stands still."""
    async with world(databases, "catalog") as made:
        shop = Shop(made)
        await shop.open()
        yield shop
        assert await made.broken("catalog") == {}
