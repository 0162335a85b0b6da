"""The relay: empties a service's outbox into the bus.

Prevents: the lost event of "commit, then publish", the ghost event of "publish, then commit", and the skipped row
of a `WHERE id > last` cursor. A row is inserted claimed by the process that emitted it, which is handed the
envelope at commit and needs no read. Claims expire; what a dead process left is found by the poll.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from uuid import UUID

from estore.kit.bus.base import Bus
from estore.kit.clock import monotonic
from estore.kit.db import Database
from estore.kit.envelope import Envelope
from estore.kit.errors import Transient
from estore.kit.telemetry import OUTBOX_AGE, RELAYED, log

_log = log(__name__)

POLL_SECONDS = 1.0
RENEW_SECONDS = 5.0
MARK_SECONDS = 0.01
# What one process keeps in memory; beyond it rows wait in the outbox for the poll.
MAX_IN_FLIGHT = 10_000

_CLAIM = """
UPDATE outbox SET claimed_until = clock_timestamp() + interval '15 seconds'
WHERE id IN (
    SELECT id FROM outbox
    WHERE published_at IS NULL AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
    ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, name, subject, version, occurred_at, correlation_id, causation_id, traceparent, body
"""
_MARK = "UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1::uuid[]) AND published_at IS NULL"
_RENEW = "UPDATE outbox SET claimed_until = clock_timestamp() + interval '15 seconds' WHERE id = ANY($1::uuid[])"
_RELEASE = "UPDATE outbox SET claimed_until = clock_timestamp() + interval '1 second' WHERE id = ANY($1::uuid[])"
_OLDEST = """
SELECT extract(epoch FROM clock_timestamp() - min(occurred_at))::float8 FROM outbox WHERE published_at IS NULL
"""


class Relay:
    """Moves one service's outbox rows onto `bus`. Start it once per process."""

    def __init__(self, db: Database, bus: Bus, *, poll: float = POLL_SECONDS) -> None:
        self._db = db
        self._bus = bus
        self._poll = poll
        self._fresh: deque[Envelope] = deque()
        self._in_flight: dict[UUID, float] = {}
        self._confirmed: list[UUID] = []
        self._refused: list[UUID] = []
        self._wake = asyncio.Event()
        self._marking = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        self._db.on_committed = self.offer
        for run in (self._publish, self._mark, self._sweep):
            self._tasks.append(asyncio.create_task(run(), name=f"relay-{self._db.service}-{run.__name__}"))

    def offer(self, envelopes: list[Envelope]) -> None:
        """Take what a transaction of this process has just committed."""
        if self._stopping or len(self._in_flight) + len(self._fresh) > MAX_IN_FLIGHT:
            return
        self._fresh.extend(envelopes)
        self._wake.set()

    @property
    def idle(self) -> bool:
        """Whether nothing that this process emitted is on its way."""
        return not (self._fresh or self._in_flight or self._confirmed)

    async def stop(self, drain: float = 10.0) -> None:
        """Wait until what is in flight is confirmed and marked, `drain` seconds at most; the rest is found later."""
        deadline = monotonic() + drain
        while not self.idle and monotonic() < deadline:
            await asyncio.sleep(0.01)
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._confirmed:
            await self._write(_MARK, self._confirmed)

    async def _publish(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch = list(self._fresh)
            self._fresh.clear()
            self._send(batch)

    def _send(self, batch: Sequence[Envelope]) -> None:
        now = monotonic()
        for envelope in batch:
            self._in_flight[envelope.id] = now
        self._bus.publish(batch, self._confirm, self._refuse)

    def _confirm(self, message_id: UUID) -> None:
        if self._in_flight.pop(message_id, None) is not None:
            self._confirmed.append(message_id)
            self._marking.set()

    def _refuse(self, message_id: UUID) -> None:
        if self._in_flight.pop(message_id, None) is not None:
            self._refused.append(message_id)
            self._marking.set()

    async def _mark(self) -> None:
        while True:
            await self._marking.wait()
            await asyncio.sleep(MARK_SECONDS)
            self._marking.clear()
            confirmed, self._confirmed = self._confirmed, []
            refused, self._refused = self._refused, []
            # One order for all processes, so that two that mark the same rows cannot deadlock.
            if confirmed and not await self._write(_MARK, sorted(confirmed)):
                self._confirmed.extend(confirmed)
                await asyncio.sleep(0.5)
                self._marking.set()
            elif confirmed:
                RELAYED.labels(self._db.service).inc(len(confirmed))
            if refused:
                await self._write(_RELEASE, sorted(refused))

    async def _write(self, sql: str, ids: Sequence[UUID]) -> bool:
        try:
            async with self._db.read() as tx:
                await tx.execute(sql, list(ids))
            return True
        except Transient:
            return False

    async def _sweep(self) -> None:
        """Find what nobody holds a claim on, and keep the claims on what is still in flight."""
        renewed = monotonic()
        while True:
            await asyncio.sleep(self._poll)
            try:
                if monotonic() - renewed > RENEW_SECONDS:
                    renewed = monotonic()
                    await self._renew()
                if self._bus.ready:
                    await self._claim()
            except Transient as failure:
                _log.warning("relay waits", service=self._db.service, detail=failure.detail)

    async def _renew(self) -> None:
        old = sorted(i for i, since in self._in_flight.items() if monotonic() - since > RENEW_SECONDS)
        async with self._db.read() as tx:
            if old:
                await tx.execute(_RENEW, old)
            OUTBOX_AGE.labels(self._db.service).set(await tx.fetchval(_OLDEST) or 0.0)

    async def _claim(self, at_most: int = 1000) -> None:
        while len(self._in_flight) < MAX_IN_FLIGHT:
            async with self._db.read() as tx:
                rows = await tx.fetch(_CLAIM, at_most)
            batch = [
                Envelope(
                    id=row["id"],
                    name=row["name"],
                    source=self._db.service,
                    subject=row["subject"],
                    version=row["version"],
                    time=row["occurred_at"],
                    correlation_id=row["correlation_id"],
                    causation_id=row["causation_id"],
                    traceparent=row["traceparent"],
                    body=row["body"],
                )
                for row in rows
                if row["id"] not in self._in_flight
            ]
            if batch:
                self._send(batch)
            if len(rows) < at_most:
                return
