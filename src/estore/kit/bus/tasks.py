"""Background tasks that do not die quietly.

Prevents: a relay or consumer that ended with an unforeseen exception at night, while everything looks healthy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from estore.kit.telemetry import log

_log = log(__name__)
RESTART_SECONDS = 1.0


def supervise(name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    """Run `run` for ever: when it dies of anything unexpected, log that and start it again after a pause.

    Returns the task; cancel it to end it.
    """

    async def keep_running() -> None:
        while True:
            try:
                await run()
                _log.error("background task ended", task=name)
            except Exception as error:
                _log.error("background task died and starts again", task=name, exc_info=error)
            await asyncio.sleep(RESTART_SECONDS)

    return asyncio.create_task(keep_running(), name=name)


async def cancel(tasks: Iterable[asyncio.Task[None]], again: float = 5.0) -> None:
    """Cancel `tasks` and wait until they have ended.

    again: seconds after which those that live on are told once more. Until Python 3.12 `asyncio.wait_for`, which the
    AMQP library waits with, loses a cancellation that arrives together with its answer
    (https://github.com/python/cpython/issues/86296).
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        ended, waiting = await asyncio.wait(waiting, timeout=again)
        for task in ended:
            if not task.cancelled():
                task.exception()


async def until(condition: Callable[[], bool], seconds: float, step: float = 0.005) -> bool:
    """Wait until `condition` holds, `seconds` at most. Returns whether it does."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - a condition is no event
                await asyncio.sleep(step)
    except TimeoutError:
        return condition()
    return True


async def signalled(event: asyncio.Event, seconds: float) -> bool:
    """Wait until `event` is set, `seconds` at most. Returns whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True


def being_cancelled() -> bool:
    """Whether a CancelledError is meant for the current task, and not the way in which a library reports a loss."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
