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
from estore.kit.bus.tasks import cancel, signalled, supervise, until
from estore.kit.clock import monotonic
from estore.kit.db import Database, Record
from estore.kit.envelope import Envelope
from estore.kit.errors import Transient
from estore.kit.telemetry import OUTBOX_AGE, RELAYED, log, tracing
from estore.kit.telemetry.metrics import RELAY_LAG

_log = log(__name__)

POLL_SECONDS = 1.0
# As long as the claim with which `db.insert_outbox` inserts.
CLAIM_SECONDS = 15.0
# Between a confirmation and its mark, where nothing else is on its way, and while there is.
MARK_SECONDS, MARK_SECONDS_BUSY = 0.01, 0.05
# What one process keeps in memory. Beyond it MAX_OVERFLOW ids are kept; beyond that the poll finds the rows.
MAX_IN_FLIGHT = 10_000
MAX_OVERFLOW = 200_000
CHUNK = 1000

_CLAIM = """
UPDATE outbox SET claimed_until = clock_timestamp() + make_interval(secs => $2)
WHERE id IN (
    SELECT id FROM outbox
    WHERE published_at IS NULL AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
    ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, name, subject, version, occurred_at, correlation_id, causation_id, traceparent, body
"""
# The commit does not wait for the disk: a mark that a crash forgets is a delivery more, which acts once all the same.
_MARK = """
WITH lazily AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE outbox SET published_at = clock_timestamp() FROM lazily WHERE id = ANY($1::uuid[]) AND published_at IS NULL
"""
_EXTEND = """
UPDATE outbox SET claimed_until = clock_timestamp() + make_interval(secs => $2)
WHERE id = ANY($1::uuid[]) AND published_at IS NULL
"""
# What this process had no room for, while the claim with which it was inserted still holds.
_FETCH = """
UPDATE outbox SET claimed_until = clock_timestamp() + make_interval(secs => $2)
WHERE id = ANY($1::uuid[]) AND published_at IS NULL AND claimed_until > clock_timestamp()
RETURNING id, name, subject, version, occurred_at, correlation_id, causation_id, traceparent, body
"""
_VOID = "UPDATE outbox SET claimed_until = NULL WHERE published_at IS NULL AND claimed_until IS NOT NULL"
# The ids sort by time; a min() would read every row of a long backlog.
_OLDEST = """
SELECT extract(epoch FROM clock_timestamp() - occurred_at)::float8 FROM outbox
WHERE published_at IS NULL ORDER BY id LIMIT 1
"""


class Relay:
    """Moves one service's outbox rows onto `bus`. Start it once per process.

    poll: seconds between looks for rows that nobody holds. claim: seconds for which a claim holds.
    alone: no other process serves this database, so that claims found at the start are void, not waited for.
    """

    def __init__(
        self,
        db: Database,
        bus: Bus,
        *,
        poll: float = POLL_SECONDS,
        claim: float = CLAIM_SECONDS,
        alone: bool = False,
    ) -> None:
        self._db = db
        self._bus = bus
        self._poll = poll
        self._claim_seconds = claim
        self._alone = alone
        # From the offer or claim until the row is marked or released: id -> since when.
        self._held: dict[UUID, float] = {}
        # Ids that were offered while there was no room, and since when.
        self._overflow: deque[tuple[float, UUID]] = deque()
        self._overflowed = asyncio.Event()
        self._confirmed: list[UUID] = []
        self._refused: list[UUID] = []
        self._settling = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._lag = RELAY_LAG.labels(db.service)

    async def start(self) -> None:
        """Take over what the database's transactions emit, and what earlier processes left."""
        if self._alone:
            async with self._db.read() as tx:
                await tx.execute(_VOID)
        self._db.on_committed = self.offer
        for run in (self._settle, self._sweep, self._renew):
            self._tasks.append(supervise(f"relay-{self._db.service}{run.__name__}", run))

    def offer(self, envelopes: list[Envelope]) -> None:
        """Take what a transaction of this process has just committed. Never raises: the change is durable."""
        if self._stopping:
            self._refused.extend(envelope.id for envelope in envelopes)
            self._settling.set()
        elif len(self._held) < MAX_IN_FLIGHT:
            self._send(envelopes)
        elif len(self._overflow) < MAX_OVERFLOW:
            now = monotonic()
            self._overflow.extend((now, envelope.id) for envelope in envelopes)
            self._overflowed.set()

    @property
    def held(self) -> int:
        """Events that this process has in hand: given to the bus, or waiting for room."""
        return len(self._held) + len(self._overflow)

    @property
    def service(self) -> str:
        return self._db.service

    @property
    def idle(self) -> bool:
        """Whether nothing that this process holds is on its way, or waits to be marked."""
        return not (self._held or self._overflow or self._confirmed or self._refused)

    async def stop(self, drain: float = 10.0) -> None:
        """Take no more; wait until what is held is confirmed and marked, `drain` seconds at most. The rest stays."""
        self._stopping = True
        self._refused += [message_id for _, message_id in self._overflow]
        self._overflow.clear()
        self._settling.set()
        await until(lambda: self.idle, drain)
        await cancel(self._tasks)
        self._tasks.clear()
        try:
            await self._write()
            if self._held:
                await self._extend(list(self._held), 0.0)
        except Transient as failure:
            _log.warning("relay leaves rows to the next process", service=self._db.service, detail=failure.detail)

    def _send(self, envelopes: Sequence[Envelope]) -> None:
        now = monotonic()
        for envelope in envelopes:
            self._held[envelope.id] = now
        if tracing.tracer is not None:
            envelopes = tracing.tracer.sending(self._db.service, envelopes)
        try:
            self._bus.publish(envelopes, self._confirm, self._refuse)
        except Exception as error:
            _log.error("bus failed to take events", service=self._db.service, exc_info=error)
            for envelope in envelopes:
                self._refuse(envelope.id)

    def _confirm(self, message_id: UUID) -> None:
        if (since := self._held.get(message_id)) is not None:
            self._lag.observe(monotonic() - since)
            if tracing.tracer is not None:
                tracing.tracer.sent(message_id, taken=True)
            self._confirmed.append(message_id)
            self._settling.set()

    def _refuse(self, message_id: UUID) -> None:
        if message_id in self._held:
            if tracing.tracer is not None:
                tracing.tracer.sent(message_id, taken=False)
            self._refused.append(message_id)
            self._settling.set()

    async def _settle(self) -> None:
        while True:
            # Asked for the rows, not only for the event: it may be cleared when this task starts again.
            if not (self._confirmed or self._refused):
                await self._settling.wait()
            # Confirmations come one by one; together they are one statement.
            await asyncio.sleep(MARK_SECONDS)
            if len(self._held) > len(self._confirmed) + len(self._refused) and not self._stopping:
                await asyncio.sleep(MARK_SECONDS_BUSY - MARK_SECONDS)
            self._settling.clear()
            try:
                await self._write()
            except Transient:
                await asyncio.sleep(0.2)

    async def _write(self) -> None:
        """Mark what was confirmed, release what was refused; keep both for the next time when that fails."""
        confirmed, self._confirmed = self._confirmed, []
        refused, self._refused = self._refused, []
        try:
            async with self._db.read() as tx:
                if confirmed:
                    # Sorted, so that two processes that mark the same rows take their locks in one order.
                    await tx.execute(_MARK, sorted(confirmed))
                    RELAYED.labels(self._db.service).inc(len(confirmed))
                    self._forget(confirmed)
                    confirmed = []
                if refused:
                    # A pause, so that a bus that refuses at once is not asked in a tight loop.
                    await tx.execute(_EXTEND, sorted(refused), 1.0)
                    self._forget(refused)
        except BaseException:
            self._confirmed += confirmed
            self._refused += refused
            self._settling.set()
            raise

    def _forget(self, ids: Sequence[UUID]) -> None:
        for message_id in ids:
            self._held.pop(message_id, None)

    async def _extend(self, ids: Sequence[UUID], seconds: float) -> None:
        async with self._db.read() as tx:
            await tx.execute(_EXTEND, sorted(ids), seconds)

    async def _sweep(self) -> None:
        """Find what nobody holds a claim on: overflow, refusals, late commits, what a dead process left."""
        while True:
            try:
                more = not self._stopping and self._bus.accepts and await self._take()
            except Transient as failure:
                _log.warning("relay waits", service=self._db.service, detail=failure.detail)
                more = False
            if not more:
                await signalled(self._overflowed, self._poll)
            await until(lambda: len(self._held) <= MAX_IN_FLIGHT // 2, seconds=self._poll)

    async def _take(self) -> bool:
        """Claim and send one chunk. Returns whether there may be more."""
        at_most = min(CHUNK, MAX_IN_FLIGHT - len(self._held))
        if at_most <= 0:
            return True
        self._overflowed.clear()
        own: list[UUID] = []
        oldest = monotonic() - self._claim_seconds + 1.0
        while self._overflow and len(own) < at_most:
            since, message_id = self._overflow.popleft()
            if since > oldest:
                own.append(message_id)
        async with self._db.read() as tx:
            rows = await (
                tx.fetch(_FETCH, own, self._claim_seconds) if own else tx.fetch(_CLAIM, at_most, self._claim_seconds)
            )
        # What this process holds already only got its claim renewed.
        batch = [self._envelope(row) for row in rows if row["id"] not in self._held]
        batch.sort(key=lambda envelope: envelope.id)
        if batch:
            self._send(batch)
        return bool(own) or len(rows) == at_most

    def _envelope(self, row: Record) -> Envelope:
        return Envelope(
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

    async def _renew(self) -> None:
        """Keep the claims on what takes long, and measure the backlog."""
        every = self._claim_seconds / 3
        while True:
            await asyncio.sleep(every)
            old = monotonic() - every
            try:
                ids = [message_id for message_id, since in self._held.items() if since < old]
                for start in range(0, len(ids), CHUNK):
                    await self._extend(ids[start : start + CHUNK], self._claim_seconds)
                async with self._db.read() as tx:
                    OUTBOX_AGE.labels(self._db.service).set(await tx.fetchval(_OLDEST) or 0.0)
            except Transient as failure:
                _log.warning("relay cannot renew its claims", service=self._db.service, detail=failure.detail)
