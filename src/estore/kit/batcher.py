"""Natural batching: what arrives while the last batch is under way forms the next one.

Prevents: one round trip, one commit and one lock per request on paths where many requests want the same thing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batcher(Generic[Item, Answer]):
    """Collects items and flushes them together.

    flush: answers a batch, one answer per item, in order; when it raises, each item of the batch gets that error.
    at_most: items in one batch. lanes: batches under way at the same time.
    """

    def __init__(
        self, flush: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], at_most: int = 64, lanes: int = 1
    ) -> None:
        self._flush = flush
        self._at_most = at_most
        self._lanes = lanes
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._under_way = 0

    async def submit(self, item: Item) -> Answer:
        """Return the answer to `item`. A caller that is cancelled while waiting is left out of its batch."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._under_way < self._lanes:
            self._under_way += 1
            task = asyncio.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await future

    async def _run(self) -> None:
        # Counted here and not by the task's callback, which runs later than who was answered and asks again.
        try:
            await self._drain()
        finally:
            self._under_way -= 1

    async def _drain(self) -> None:
        while self._waiting:
            batch: list[tuple[Item, asyncio.Future[Answer]]] = []
            while self._waiting and len(batch) < self._at_most:
                pair = self._waiting.popleft()
                if not pair[1].done():
                    batch.append(pair)
            if not batch:
                continue
            try:
                answers = await self._flush([item for item, _ in batch])
            except BaseException as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error if isinstance(error, Exception) else ConnectionAbortedError())
                if not isinstance(error, Exception):
                    raise
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
