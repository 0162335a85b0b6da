"""A search service at a standstill of time, with an index of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from search.factories import Shop
from support.databases import Databases
from support.world import world


@pytest.fixture
async def shop(databases: Databases) -> AsyncIterator[Shop]:
    async with world(databases, "search") as made:
        shop = Shop(made)
        await shop.index()
        yield shop
        assert await made.broken("search") == {}
        for stop in made.service("search").stop:
            await stop()
