"""The local bus: hands outbox rows to the consumers of the same process. No broker needed.

Prevents: a development setup that behaves unlike production. The outbox stays the durable store: a row is
confirmed only when every queue has handled it, so a crash loses nothing. What fails goes to the consumer's
`delivery` table: due again later, or dead.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from uuid import UUID

import msgspec

from estore.kit.bus.base import (
    LADDER,
    UNROUTABLE,
    Ack,
    DeadLetter,
    Depth,
    Hold,
    Outcome,
    Pace,
    Retry,
    Subscription,
    handle_through,
)
from estore.kit.bus.tasks import cancel, signalled, supervise, until
from estore.kit.clock import Clock, SystemClock
from estore.kit.db import Database, Tx
from estore.kit.envelope import Envelope
from estore.kit.errors import Transient
from estore.kit.telemetry import log

_log = log(__name__)
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Envelope).decode

CLAIM_SECONDS = 30.0
# Redeliveries of one service that wait in memory; the rest waits in its table.
MAX_REDELIVERIES = 2000

# The key begins with the queue. Past the limit the number says enough: somebody looks.
_DEPTHS = """
SELECT q.queue,
    (SELECT count(*) FROM (SELECT FROM delivery d WHERE d.queue = q.queue AND d.state = 'dead' LIMIT 10000) s) AS dead,
    (SELECT count(*) FROM (SELECT FROM delivery d WHERE d.queue = q.queue AND d.state = 'retry' LIMIT 10000) s) AS retry
FROM unnest($1::text[]) AS q (queue)
"""
# A row that is offered again because another queue refused it starts at attempt 1: it neither resets the count nor
# revives a dead letter.
_FAILED = """
INSERT INTO delivery (queue, message_id, source, envelope, attempt, state, error, due_at)
SELECT $1, id, source, envelope, attempt, state, error, clock_timestamp() + make_interval(secs => delay)
FROM unnest($2::uuid[], $3::text[], $4::bytea[], $5::int[], $6::text[], $7::text[], $8::float8[])
    AS failed (id, source, envelope, attempt, state, error, delay)
ON CONFLICT (queue, message_id) DO UPDATE
SET attempt = greatest(delivery.attempt, excluded.attempt), state = excluded.state, error = excluded.error,
    due_at = excluded.due_at, failed_at = now()
WHERE delivery.state = 'retry'
"""
_HANDLED = "DELETE FROM delivery WHERE queue = $1 AND message_id = ANY($2::uuid[]) AND state = 'retry'"
# A claim is a due time in the future: a process that dies with it leaves it to the next.
_DUE = """
UPDATE delivery SET due_at = clock_timestamp() + make_interval(secs => $3)
WHERE (queue, message_id) IN (
    SELECT queue, message_id FROM delivery
    WHERE state = 'retry' AND due_at <= clock_timestamp() AND queue = ANY($1::text[])
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING queue, message_id, envelope, attempt
"""
_GIVE_BACK = """
UPDATE delivery SET due_at = clock_timestamp()
WHERE queue = $1 AND message_id = ANY($2::uuid[]) AND state = 'retry'
"""

Done = Callable[[UUID], None]


class _Delivery:
    """One envelope on its way to its queues; confirmed when the last one is done."""

    __slots__ = ("confirm", "envelope", "open", "refuse", "refused", "stored")

    def __init__(self, envelope: Envelope, queues: int, confirm: Done, refuse: Done, stored: bool = False) -> None:
        self.envelope = envelope
        self.open = queues
        self.confirm = confirm
        self.refuse = refuse
        self.refused = False
        self.stored = stored

    def done(self, safe: bool) -> None:
        self.open -= 1
        self.refused |= not safe
        if self.open == 0:
            (self.refuse if self.refused else self.confirm)(self.envelope.id)


class _Queue:
    """The messages of one subscription that this process holds."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.waiting: deque[_Delivery] = deque()
        self.redelivered: set[UUID] = set()
        self.wake = asyncio.Event()
        self.pace = Pace(subscription)
        self.busy = False
        self.in_hand: Sequence[_Delivery] = ()

    def put(self, delivery: _Delivery) -> None:
        self.waiting.append(delivery)
        self.wake.set()
        self.pace.arrived(len(self.waiting))

    def take(self) -> list[_Delivery]:
        waiting = self.waiting
        return [waiting.popleft() for _ in range(min(len(waiting), self.subscription.batch))]


class LocalBus:
    """The driver `local`.

    subscriptions: all queues of the store. databases: service -> where its failed deliveries are kept.
    clock: what handlers are told the time is. ladder: seconds before each repeated attempt. poll: seconds between
    looks for redeliveries that another process left. drain: seconds that a stop waits for the batches in hand.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        databases: Mapping[str, Database],
        *,
        clock: Clock | None = None,
        ladder: Sequence[float] = LADDER,
        poll: float = 1.0,
        drain: float = 35.0,
    ) -> None:
        self._queues = {s.queue: _Queue(s) for s in subscriptions}
        self._databases = databases
        self._clock = clock or SystemClock()
        self._ladder = ladder
        self._poll = poll
        self._drain = drain
        self._consumers: list[asyncio.Task[None]] = []
        self._redeliverers: list[asyncio.Task[None]] = []
        self._due = {s.service: asyncio.Event() for s in subscriptions}
        self._stopping = asyncio.Event()
        self._unheard: set[str] = set()
        self._routes: dict[str, list[_Queue]] = {}
        for queue in self._queues.values():
            for name in queue.subscription.by_name:
                self._routes.setdefault(name, []).append(queue)

    async def start(self) -> None:
        for queue in self._queues.values():
            self._consumers.append(supervise(f"queue-{queue.subscription.queue}", partial(self._consume, queue)))
        for service in sorted(self._due):
            self._redeliverers.append(supervise(f"redeliver-{service}", partial(self._redeliver, service)))

    @property
    def ready(self) -> bool:
        tasks = self._consumers + self._redeliverers
        return not self._stopping.is_set() and len(tasks) > 0 and not any(task.done() for task in tasks)

    @property
    def accepts(self) -> bool:
        return not self._stopping.is_set()

    def publish(self, envelopes: Sequence[Envelope], confirm: Done, refuse: Done) -> None:
        if self._stopping.is_set():
            for envelope in envelopes:
                refuse(envelope.id)
            return
        for envelope in envelopes:
            queues = self._routes.get(envelope.name)
            if queues is None:
                self._nobody_hears(envelope.name)
                confirm(envelope.id)
                continue
            delivery = _Delivery(envelope, len(queues), confirm, refuse)
            for queue in queues:
                queue.put(delivery)

    async def depths(self) -> list[Depth]:
        """ready: what waits to be delivered again; what was never refused is held, or in its publisher's outbox."""
        found = []
        for service in sorted(self._due):
            names = sorted(name for name, queue in self._queues.items() if queue.subscription.service == service)
            async with self._databases[service].read() as tx:
                rows = await tx.fetch(_DEPTHS, names)
            for row in rows:
                queue = self._queues[row["queue"]]
                oldest = min((delivery.envelope.time for delivery in (*queue.in_hand, *queue.waiting)), default=None)
                held = len(queue.waiting) + len(queue.in_hand)
                found.append(Depth(row["queue"], row["retry"], row["dead"], held, oldest))
        return found

    def _nobody_hears(self, name: str) -> None:
        """All queues of the store are in this process, so an event without one is an event that nobody wants."""
        UNROUTABLE.labels(name).inc()
        if name not in self._unheard:
            self._unheard.add(name)
            _log.info("nobody hears an event", event_name=name)

    async def pause(self) -> None:
        """Finish the batches in hand; what waits is refused and stays in the outbox."""
        self._stopping.set()
        await cancel(self._redeliverers)
        self._redeliverers.clear()
        for queue in self._queues.values():
            for delivery in _emptied(queue.waiting):
                delivery.done(safe=False)
        if not await until(lambda: not any(queue.busy for queue in self._queues.values()), self._drain):
            _log.error("a batch did not end in time and is rolled back", seconds=self._drain)

    async def stop(self) -> None:
        await self.pause()
        await cancel(self._consumers)
        self._consumers.clear()
        for queue in self._queues.values():
            await self._give_back(queue)

    async def _give_back(self, queue: _Queue) -> None:
        """Make redeliveries that were claimed and not handled due again now, not when the claim ends."""
        if not queue.redelivered:
            return
        ids, queue.redelivered = sorted(queue.redelivered), set()
        try:
            async with self._databases[queue.subscription.service].read() as tx:
                await tx.execute(_GIVE_BACK, queue.subscription.queue, ids)
        except Transient as failure:
            _log.warning("redeliveries wait until their claim ends", detail=failure.detail)

    async def _consume(self, queue: _Queue) -> None:
        while True:
            if not queue.waiting:
                await queue.wake.wait()
            queue.wake.clear()
            # A stop takes what is gathered back meanwhile: then there is no batch.
            await queue.pace.gather(queue.waiting)
            if batch := queue.take():
                queue.busy, queue.in_hand = True, batch
                try:
                    await self._work(queue, batch)
                finally:
                    queue.busy, queue.in_hand = False, ()

    async def _work(self, queue: _Queue, batch: Sequence[_Delivery]) -> None:
        safe: set[UUID] = set()
        try:
            envelopes = [delivery.envelope for delivery in batch]
            outcomes = await handle_through(queue.subscription, envelopes, self._clock, self._ladder, self._stopping)
            safe = await self._settle(queue, batch, outcomes)
        except Transient as failure:
            _log.warning("queue could not record its failures", queue=queue.subscription.queue, detail=failure.detail)
        finally:
            # Also when it is cancelled or dies: a row that nobody answers for would never be offered again.
            for delivery in batch:
                message_id = delivery.envelope.id
                # What a stop interrupted is given back; what failed otherwise is due when its claim ends.
                if delivery.stored and (message_id in safe or not self._stopping.is_set()):
                    queue.redelivered.discard(message_id)
                delivery.done(message_id in safe)

    async def _settle(self, queue: _Queue, batch: Sequence[_Delivery], outcomes: Mapping[UUID, Outcome]) -> set[UUID]:
        """Make failures durable. Returns the ids that the outbox need not offer again. Raises Transient."""
        safe = {message_id for message_id, outcome in outcomes.items() if not isinstance(outcome, Hold)}
        envelopes = {delivery.envelope.id: delivery.envelope for delivery in batch}
        failed = {i: o for i, o in sorted(outcomes.items()) if not isinstance(o, Ack | Hold)}
        handled = sorted({d.envelope.id for d in batch if d.stored and isinstance(outcomes[d.envelope.id], Ack)})
        if not failed and not handled:
            return safe
        name = queue.subscription.queue
        async with self._databases[queue.subscription.service].read() as tx:
            if handled:
                await tx.execute(_HANDLED, name, handled)
            if failed:
                await _record(tx, name, [(envelopes[i], o) for i, o in failed.items()])
        loop = asyncio.get_running_loop()
        for delay in {outcome.delay for outcome in failed.values() if isinstance(outcome, Retry)}:
            loop.call_later(delay + 0.002, self._due[queue.subscription.service].set)
        return safe

    async def _redeliver(self, service: str) -> None:
        mine = {name: queue for name, queue in self._queues.items() if queue.subscription.service == service}
        names = sorted(mine)
        due = self._due[service]
        while True:
            due.clear()
            room = MAX_REDELIVERIES - sum(len(queue.redelivered) for queue in mine.values())
            rows = []
            try:
                if room > 0:
                    async with self._databases[service].read() as tx:
                        rows = await tx.fetch(_DUE, names, min(room, 500), CLAIM_SECONDS)
            except Transient as failure:
                _log.warning("redelivery waits", service=service, detail=failure.detail)
            for row in rows:
                queue = mine[row["queue"]]
                # What this process holds already only got its claim renewed.
                if row["message_id"] not in queue.redelivered:
                    queue.redelivered.add(row["message_id"])
                    envelope = msgspec.structs.replace(_decode(row["envelope"]), attempt=row["attempt"])
                    queue.put(_Delivery(envelope, 1, _nothing, _nothing, stored=True))
            if len(rows) < 500:
                await signalled(due, self._poll)

    # --- dead letters -------------------------------------------------------------------------------------------

    async def dead_letters(self, queue: str, limit: int = 100, ids: Sequence[UUID] | None = None) -> list[DeadLetter]:
        async with self._databases[queue.partition(".")[0]].read() as tx:
            rows = await tx.fetch(
                "SELECT envelope, attempt, error, failed_at FROM delivery WHERE queue = $1 AND state = 'dead'"
                " AND ($3::uuid[] IS NULL OR message_id = ANY($3)) ORDER BY failed_at, message_id LIMIT $2",
                queue,
                limit if ids is None else None,
                ids,
            )
        return [
            DeadLetter(
                queue,
                msgspec.structs.replace(_decode(row["envelope"]), attempt=row["attempt"]),
                row["error"],
                row["failed_at"],
            )
            for row in rows
        ]

    async def requeue(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        service = queue.partition(".")[0]
        async with self._databases[service].transaction() as tx:
            rows = await tx.fetch(
                "UPDATE delivery SET state = 'retry', attempt = 1, due_at = clock_timestamp()"
                " WHERE queue = $1 AND state = 'dead' AND ($2::uuid[] IS NULL OR message_id = ANY($2)) RETURNING 1",
                queue,
                ids,
            )
        if service in self._due:
            self._due[service].set()
        return len(rows)

    async def drop(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        async with self._databases[queue.partition(".")[0]].transaction() as tx:
            rows = await tx.fetch(
                "DELETE FROM delivery WHERE queue = $1 AND state = 'dead'"
                " AND ($2::uuid[] IS NULL OR message_id = ANY($2)) RETURNING 1",
                queue,
                ids,
            )
        return len(rows)


async def _record(tx: Tx, queue: str, failed: Sequence[tuple[Envelope, Outcome]]) -> None:
    columns: tuple[list[object], ...] = ([], [], [], [], [], [], [])
    for envelope, outcome in failed:
        if isinstance(outcome, Ack):
            continue
        retry = isinstance(outcome, Retry)
        row = (
            envelope.id,
            envelope.source,
            _encode(envelope),
            envelope.attempt + 1 if retry else envelope.attempt,
            "retry" if retry else "dead",
            outcome.error.replace("\x00", ""),
            outcome.delay if isinstance(outcome, Retry) else 0.0,
        )
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    await tx.execute(_FAILED, queue, *columns)


def _emptied(waiting: deque[_Delivery]) -> list[_Delivery]:
    taken = list(waiting)
    waiting.clear()
    return taken


def _nothing(_message_id: UUID) -> None:
    """The row that a redelivery comes from is settled by its outcome; there is no outbox row to confirm."""
