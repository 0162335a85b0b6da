"""A ledger on a database of its own, whose invariants must hold when the test is over."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ledger.factories import Ledger
from support.databases import Databases
from support.world import world


@pytest.fixture
async def ledger(databases: Databases) -> AsyncIterator[Ledger]:
    """Empty books, at a standstill of time."""
    async with world(databases, "ledger") as made:
        yield Ledger(made)
        assert await made.broken("ledger") == {}


@pytest.fixture
async def uneven_ledger(databases: Databases) -> AsyncIterator[Ledger]:
    """The same, for tests in which something is meant to be wrong at the end."""
    async with world(databases, "ledger") as made:
        yield Ledger(made)
