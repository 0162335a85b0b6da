"""The one process per index folder that writes it: it follows what changes, and builds anew beside what answers.

What has a number is in PostgreSQL until the next change of the same product, and the folder says up to which number it
has read; that is written after the index's commit. So a kill at any point has something read again, and loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from prometheus_client import Gauge

from estore.kit.clock import Clock, monotonic
from estore.kit.context import system_context
from estore.kit.telemetry import log
from estore.services.search.endpoints import Endpoints
from estore.services.search.service import Piece
from estore.services.search.store.index import Folder, State, Text, Writer

T = TypeVar("T")
_log = log(__name__)
BUILD_THREADS = 2
PIECES_AT_MOST = 1000
CAUGHT_UP = Gauge(
    "estore_search_caught_up_timestamp_seconds",
    "When the index last held everything that had changed; set by the process that writes it",
    multiprocess_mode="max",
)


class IndexWork:
    """Keeps the index of one folder, while this process holds its lock."""

    def __init__(self, e: Endpoints, folder: Folder, text: Text, clock: Clock) -> None:
        self._e = e
        self._folder = folder
        self._text = text
        self._clock = clock
        self._writer: Writer | None = None
        # Who follows and who swaps take turns
        self._turn = asyncio.Lock()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="search-index")

    async def follow(self) -> None:
        """Bring what changed into the index that answers, piece by piece."""
        for _ in range(PIECES_AT_MOST):
            if not self._folder.lock() or not await self._follow():
                return

    async def _follow(self) -> bool:
        """Follow what has a number, and a piece of what has none yet; returns whether there was one."""
        aim = await self._e.aim(self._ctx(), None)
        if aim.unnumbered:
            await self._e.number(self._ctx(), None)
        async with self._turn:
            current = self._folder.current()
            state = self._folder.state(current) if current is not None else None
            if current is None or state is None or not state.follows(aim.state) or self._folder.sealed(current):
                return aim.unnumbered
            if state.position == aim.state.position and not aim.unnumbered:
                CAUGHT_UP.set(self._clock.now().timestamp())
                return False
            try:
                if self._writer is None or self._writer.folder != current:
                    self._writer = await self._in_thread(Writer, current, self._text)
                await self._catch_up(self._writer, state)
                CAUGHT_UP.set(self._clock.now().timestamp())
            except BaseException:
                # Whatever it holds uncommitted is read again
                self._writer = None
                raise
        return aim.unnumbered

    async def build(self) -> None:
        """Make the index anew where there is none, or where it is of another store, schema, language or wish."""
        if not self._folder.lock():
            return
        aim = await self._e.aim(self._ctx(), None)
        current = self._folder.current()
        state = self._folder.state(current) if current is not None else None
        fits = current is not None and state is not None and state.fits(aim.state)
        if current is not None and fits and await self._readable(current):
            return
        began = monotonic()
        generation = self._folder.begin()
        writer = await self._in_thread(lambda: Writer(generation, self._text, threads=BUILD_THREADS))
        after: int | None = 0
        while after is not None:
            piece = await self._e.chunk(self._ctx(), after)
            await self._in_thread(writer.put, piece.rows, self._clock.now())
            after = piece.after
        state = msgspec.structs.replace(aim.state, commit=await self._in_thread(writer.commit))
        # What changed meanwhile: most of it while the old index still answers and follows, the last while it waits
        state = await self._catch_up(writer, state)
        async with self._turn:
            state = await self._catch_up(writer, state)
            await self._in_thread(writer.close)
            self._folder.save(generation, state)
            self._writer = None
            self._folder.swap(generation)
        _log.info("index built", generation=state.generation, seconds=round(monotonic() - began, 1))

    async def stop(self) -> None:
        """Let the folder go; what is not committed is read again by the next one."""
        async with self._turn:
            self._writer = None
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._folder.unlock()

    async def _catch_up(self, writer: Writer, state: State) -> State:
        while True:
            piece = await self._e.changes(self._ctx(), state.position)
            if piece.position == state.position:
                return state
            commit = await self._in_thread(self._write, writer, piece)
            state = msgspec.structs.replace(state, position=piece.position, commit=commit)
            self._folder.save(writer.folder, state)

    def _write(self, writer: Writer, piece: Piece) -> int:
        writer.replace(piece.keys, piece.rows, self._clock.now())
        return writer.commit()

    async def _readable(self, generation: Path) -> bool:
        if self._writer is not None and self._writer.folder == generation:
            return True
        if not await self._in_thread(self._folder.whole, generation):
            _log.warning("a copy of the index is torn and is made anew")
            return False
        try:
            async with self._turn:
                self._writer = await self._in_thread(Writer, generation, self._text)
        except (OSError, ValueError) as error:
            _log.warning("the index cannot be read and is made anew", error=str(error))
            return False
        return True

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    def _ctx(self) -> Any:
        return system_context(self._clock.now())
