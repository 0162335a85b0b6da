"""Waiting for an order to settle: woken by this process's commits, and one poll for everybody who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from estore.kit.context import Context, system_context
from estore.kit.errors import Transient
from estore.services.orders.store import Outcome

POLL_SECONDS = 0.03
Poll = Callable[[Sequence[str]], Awaitable[Sequence[Outcome]]]


class Waiting:
    """Who waits for which order in this process. `poll` reads outcomes that other processes may have written."""

    def __init__(self, poll_seconds: float = POLL_SECONDS) -> None:
        self.poll: Poll | None = None
        self._poll_seconds = poll_seconds
        self._waiters: dict[str, set[asyncio.Future[Outcome]]] = {}
        self._task: asyncio.Task[None] | None = None

    def announce(self, outcomes: Iterable[Outcome]) -> None:
        """Wake those who wait for these orders."""
        if not self._waiters:
            return
        for outcome in outcomes:
            for future in self._waiters.pop(outcome.order_id, ()):
                if not future.done():
                    future.set_result(outcome)

    async def outcome(self, order_id: str, seconds: float) -> Outcome | None:
        """Return the outcome of an order once there is one, None after `seconds`."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(order_id, set()).add(future)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="orders-waiting")
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            waiters = self._waiters.get(order_id)
            if waiters is not None:
                waiters.discard(future)
                if not waiters:
                    del self._waiters[order_id]

    async def _run(self) -> None:
        while self._waiters:
            await asyncio.sleep(self._poll_seconds)
            if self._waiters and self.poll is not None:
                try:
                    self.announce(await self.poll(list(self._waiters)))
                except Transient:
                    await asyncio.sleep(self._poll_seconds * 10)

    async def stop(self) -> None:
        """End the poll; who still waits is answered when their time is up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def polling(endpoint: Callable[[Context, Sequence[str]], Awaitable[Sequence[Outcome]]]) -> Poll:
    """Return a poll that calls `endpoint` on behalf of the system."""
    return lambda order_ids: endpoint(system_context(), order_ids)
