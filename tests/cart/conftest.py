"""A cart service at a standstill of time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cart.factories import Floor
from support.databases import Databases
from support.world import world


@pytest.fixture
async def floor(databases: Databases) -> AsyncIterator[Floor]:
    async with world(databases, "cart") as made:
        yield Floor(made)
        assert await made.broken("cart") == {}
