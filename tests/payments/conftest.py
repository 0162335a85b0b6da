"""Fixtures of the payments tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from payments.shop import QUICK, Shop, opened
from support.databases import Databases
from support.world import World, world


@pytest.fixture(scope="session")
async def payments_world(databases: Databases) -> AsyncIterator[World]:
    """One database for all tests of this process; each finds it empty."""
    async with world(databases, "payments", **QUICK) as made:
        yield made


@pytest.fixture
async def shop(payments_world: World) -> AsyncIterator[Shop]:
    """Payments, whose books must agree with the provider's when the test is over."""
    async with opened(payments_world) as made:
        yield made
