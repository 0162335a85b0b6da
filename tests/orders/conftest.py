"""A shop in front of real tables."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from orders.factories import Shop
from support.databases import Databases
from support.world import world


@pytest.fixture
async def shop(databases: Databases) -> AsyncIterator[Shop]:
    """An open shop at a standstill of time; at the end nothing may be broken."""
    async with world(databases, "orders") as made:
        yield await Shop(made).open()
        assert await made.broken("orders") == {}


@pytest.fixture(scope="module")
async def standing_shop(databases: Databases) -> AsyncIterator[Shop]:
    """An open shop that all tests of a file share: for requests that are refused and so change nothing."""
    async with world(databases, "orders") as made:
        yield await Shop(made).open()
        assert await made.fetch("orders", "SELECT 1 FROM purchase_order") == []
