"""Background tasks end when they are told to."""

from __future__ import annotations

import asyncio

from estore.kit.bus.tasks import cancel


async def test_a_task_that_lost_a_cancellation_is_told_again() -> None:
    heard: list[str] = []

    async def forgetful() -> None:
        while len(heard) < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                heard.append("cancelled")
        raise asyncio.CancelledError

    task = asyncio.create_task(forgetful())
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await cancel([task], again=0.01)

    assert (task.cancelled(), heard) == (True, ["cancelled", "cancelled"])


async def test_one_that_fails_while_it_ends_stops_nobody() -> None:
    async def failing() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ConnectionError

    tasks = [asyncio.create_task(failing()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0)
    await cancel(tasks)

    assert all(task.done() for task in tasks)


async def test_nothing_to_cancel_is_nothing_to_wait_for() -> None:
    await cancel([])
