"""Imports: claim a job, count its records, then one transaction per chunk, which records the progress too.

A process that dies loses its current chunk only: its claim runs out, and another one reads the file again up to where
the progress says, and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.db import Database, Record
from estore.kit.errors import Conflict, Failure, Transient
from estore.kit.telemetry import log
from estore.services.catalog import service, store
from estore.services.catalog.domain import PARSERS, FileUnreadable, Raw

_log = log(__name__)
ATTEMPTS = 5
RENEW_PIECES = 20


class Stopped(Exception):
    """The import was cancelled, or another process has it now."""


class ImportWork:
    """Works on queued imports, one after the other. chunk: records in one transaction."""

    def __init__(self, db: Database, clock: Clock, importer: service.Importer, *, chunk: int) -> None:
        self._db = db
        self._clock = clock
        self._importer = importer
        self._chunk = chunk

    async def run(self) -> None:
        """Work until nothing is queued."""
        while True:
            async with self._db.transaction() as tx:
                job = await store.imports.claim(tx)
            if job is None:
                return
            try:
                await self._work(job)
            except Stopped:
                _log.info("import stopped", import_id=job["id"])

    async def _work(self, job: Record) -> None:
        try:
            if job["total"] is None:
                await self._count(job)
            await self._import(job)
        except FileUnreadable as error:
            await self._finish(job, "failed", str(error))
        except Transient:
            raise
        except Failure as failure:
            await self._finish(job, "failed", failure.detail)
        except Stopped:
            raise
        except Exception:
            # A defect must not be met again every twenty seconds for ever
            await self._finish(job, "failed", "something broke on our side; what was imported until then stays")
            raise
        else:
            await self._finish(job, "done", None)

    async def _finish(self, job: Record, status: str, detail: str | None) -> None:
        async with self._db.transaction() as tx:
            await store.imports.finish(tx, job["id"], status, detail, self._clock.now())
        _log.info("import ended", import_id=job["id"], status=status, detail=detail)

    async def _count(self, job: Record) -> None:
        """Read the file once through: how many records there are, and whether it is what it was said to be."""
        total = 0
        async for _ in self._records(job):
            total += 1
        async with self._db.transaction() as tx:
            await store.imports.counted(tx, job["id"], total)

    async def _import(self, job: Record) -> None:
        seen = service.Seen()
        done, number = job["done"], 0
        async with self._db.read() as tx:
            vendor = await store.others.vendor(tx, job["vendor_id"])
        prefix = (vendor["slug"] if vendor else None) or job["vendor_id"]
        batch: list[Raw] = []
        async for raw in self._records(job):
            number += 1
            if number <= done:
                # done before this process took over: only remembered, as what later records may not repeat
                self._importer.read(job["format"], [raw], prefix, seen)
                continue
            batch.append(raw)
            if len(batch) >= self._chunk:
                await self._step(job, done, batch, seen)
                done, batch = done + len(batch), []
        if batch:
            await self._step(job, done, batch, seen)

    async def _step(self, job: Record, done: int, batch: list[Raw], seen: service.Seen) -> None:
        """Import one chunk. A conflict with somebody who wrote at the same time is looked at again: then it is seen."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._db.transaction() as tx:
                    ctx = system_context(self._clock.now(), causation_id=job["id"])
                    counts = await self._importer.import_chunk(tx, ctx, job, done, batch, seen)
            except (Conflict, Transient):
                if attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(0.1 * 2**attempt)
                continue
            if counts is None:
                raise Stopped
            return

    async def _records(self, job: Record) -> AsyncIterator[Raw]:
        """Yield the records of the file, reading it piece by piece. Keeps the claim alive."""
        parser = PARSERS[job["format"]]()
        number = 0
        while True:
            async with self._db.read() as tx:
                data = await store.imports.piece(tx, job["upload_id"], number)
                if number % RENEW_PIECES == 0 and not await store.imports.renew(tx, job["id"]):
                    raise Stopped
            if data is None:
                break
            for raw in parser.feed(data):
                yield raw
            number += 1
            await asyncio.sleep(0)
        for raw in parser.close():
            yield raw
