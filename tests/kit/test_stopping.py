"""A process that is told to end ends, whatever its timers are in the middle of."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

import pytest

from estore.kit.auth import new_key
from estore.kit.bus.base import Depth
from estore.kit.bus.tasks import cancel
from kit.test_readiness import public, running
from support.databases import Databases


async def test_a_timer_that_loses_its_cancellation_is_told_again(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the watch does whose broker answers in that very moment, until Python 3.12."""
    asks = asyncio.Event()

    async def loses_one() -> list[Depth]:
        asks.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return []

    monkeypatch.setattr("estore.kit.runtime.cancel", partial(cancel, again=0.05))
    async with asyncio.timeout(60), running(databases, public(new_key())) as (_, runtime):
        monkeypatch.setattr(runtime.bus, "depths", loses_one)
        await asks.wait()
