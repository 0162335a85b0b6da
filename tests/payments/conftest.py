"""Fixtures of the payments tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from estore.services.payments.gateways.sandbox import provider
from estore.services.payments.jobs import pump
from payments.shop import QUICK, Shop, opened
from support.databases import Databases
from support.patience import Patience
from support.world import World, world


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    """Where no answer comes, nobody waits for it as long as for all others, whose time is a busy machine's."""
    made = Patience()

    async def hang() -> None:
        await asyncio.sleep(0.05)
        raise TimeoutError

    monkeypatch.setattr(provider, "_hang", hang)
    monkeypatch.setattr(provider, "_HEAD_START_SECONDS", 60.0)
    monkeypatch.setattr(pump, "asyncio", made)
    return made


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
