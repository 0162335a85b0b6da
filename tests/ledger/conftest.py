"""A ledger on a database of its own, whose invariants must hold when the test is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from estore.services.ledger.gateways import sandbox
from estore.services.ledger.jobs import payouts
from ledger.factories import Ledger
from support.databases import Databases
from support.patience import Patience
from support.world import world


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The teller gives a busy machine all the time that it needs, and none to a bank that will not answer."""
    made = Patience()

    async def hang(seconds: float) -> None:
        made.end()
        await asyncio.sleep(seconds)

    monkeypatch.setattr(payouts, "asyncio", made)
    monkeypatch.setattr(sandbox, "asyncio", SimpleNamespace(sleep=hang))


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
