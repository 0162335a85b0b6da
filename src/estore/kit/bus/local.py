"""The local bus: hands outbox rows to the consumers of the same process. No broker needed.

Prevents: a development setup that behaves unlike production. The outbox stays the durable store: a row is
confirmed only when every queue has handled it, so a crash loses nothing. What fails goes to the consumer's
`delivery` table: due again later, or dead.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from estore.kit.bus.base import ACK, LADDER, Ack, Dead, DeadLetter, Outcome, Retry, Subscription, handle
from estore.kit.clock import Clock, SystemClock
from estore.kit.db import Database
from estore.kit.envelope import Envelope
from estore.kit.errors import Transient
from estore.kit.telemetry import log

_log = log(__name__)
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Envelope).decode

_FAILED = """
INSERT INTO delivery (queue, message_id, source, envelope, attempt, state, error, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (queue, message_id) DO UPDATE
SET envelope = excluded.envelope, attempt = excluded.attempt, state = excluded.state, error = excluded.error,
    due_at = excluded.due_at, failed_at = now()
"""
# A claim is a due time in the future: a process that dies with it leaves it to the next.
_DUE = """
UPDATE delivery SET due_at = clock_timestamp() + interval '30 seconds'
WHERE (queue, message_id) IN (
    SELECT queue, message_id FROM delivery WHERE state = 'retry' AND due_at <= clock_timestamp()
    ORDER BY due_at LIMIT 500 FOR UPDATE SKIP LOCKED)
RETURNING queue, envelope, attempt
"""


class _Delivery:
    """One envelope on its way to its queues; confirmed when the last one is done."""

    __slots__ = ("confirm", "envelope", "open", "refuse", "refused")

    def __init__(
        self, envelope: Envelope, queues: int, confirm: Callable[[UUID], None], refuse: Callable[[UUID], None]
    ) -> None:
        self.envelope = envelope
        self.open = queues
        self.confirm = confirm
        self.refuse = refuse
        self.refused = False

    def done(self, safe: bool) -> None:
        self.open -= 1
        self.refused |= not safe
        if self.open == 0:
            (self.refuse if self.refused else self.confirm)(self.envelope.id)


class _Queue:
    """The messages of one subscription that this process holds, and the task that works on them."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.waiting: deque[_Delivery] = deque()
        self.wake = asyncio.Event()
        self.busy = False

    def put(self, delivery: _Delivery) -> None:
        self.waiting.append(delivery)
        self.wake.set()


class LocalBus:
    """The driver `local`.

    subscriptions: all queues of this process. databases: service -> where its failed deliveries are kept.
    ladder: seconds before each repeated attempt.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        databases: Mapping[str, Database],
        *,
        clock: Clock | None = None,
        ladder: Sequence[float] = LADDER,
        poll: float = 0.5,
    ) -> None:
        self._queues = {s.queue: _Queue(s) for s in subscriptions}
        self._databases = databases
        self._clock = clock or SystemClock()
        self._ladder = ladder
        self._poll = poll
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._routes: dict[str, list[_Queue]] = {}
        for queue in self._queues.values():
            for name in queue.subscription.by_name:
                self._routes.setdefault(name, []).append(queue)

    async def start(self) -> None:
        for queue in self._queues.values():
            self._tasks.append(asyncio.create_task(self._consume(queue), name=f"queue-{queue.subscription.queue}"))
        for service in sorted({q.subscription.service for q in self._queues.values()}):
            self._tasks.append(asyncio.create_task(self._redeliver(service), name=f"redeliver-{service}"))

    @property
    def ready(self) -> bool:
        return bool(self._tasks) and not self._stopping and not any(task.done() for task in self._tasks)

    def publish(
        self, envelopes: Sequence[Envelope], confirm: Callable[[UUID], None], refuse: Callable[[UUID], None]
    ) -> None:
        for envelope in envelopes:
            if self._stopping:
                refuse(envelope.id)
                continue
            queues = self._routes.get(envelope.name, ())
            if not queues:
                confirm(envelope.id)
                continue
            delivery = _Delivery(envelope, len(queues), confirm, refuse)
            for queue in queues:
                queue.put(delivery)

    async def stop(self) -> None:
        """Finish the batches in hand; what waits is refused and stays in the outbox."""
        self._stopping = True
        for queue in self._queues.values():
            while queue.waiting:
                queue.waiting.popleft().done(safe=False)
        while any(queue.busy for queue in self._queues.values()):
            await asyncio.sleep(0.005)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _consume(self, queue: _Queue) -> None:
        subscription = queue.subscription
        while True:
            await queue.wake.wait()
            queue.wake.clear()
            if subscription.linger and len(queue.waiting) < subscription.batch:
                await asyncio.sleep(subscription.linger)
            while queue.waiting:
                batch = [queue.waiting.popleft() for _ in range(min(len(queue.waiting), subscription.batch))]
                queue.busy = True
                try:
                    await self._work(subscription, batch)
                finally:
                    queue.busy = False

    async def _work(self, subscription: Subscription, batch: Sequence[_Delivery]) -> None:
        try:
            outcomes = await handle(subscription, [d.envelope for d in batch], self._clock, self._ladder)
        except Exception as error:
            _log.error("queue failed", queue=subscription.queue, exc_info=error)
            outcomes = {}
        for delivery in batch:
            outcome = outcomes.get(delivery.envelope.id)
            delivery.done(outcome is not None and await self._settle(subscription, delivery.envelope, outcome))

    async def _settle(self, subscription: Subscription, envelope: Envelope, outcome: Outcome) -> bool:
        """Make a failure durable. Returns False when that was not possible: the outbox will offer the row again."""
        if isinstance(outcome, Ack):
            if envelope.attempt == 1:
                return True
            sql, args = "DELETE FROM delivery WHERE queue = $1 AND message_id = $2", [subscription.queue, envelope.id]
        else:
            retry = isinstance(outcome, Retry)
            delay = outcome.delay if isinstance(outcome, Retry) else 0.0
            again = msgspec.structs.replace(envelope, attempt=envelope.attempt + 1 if retry else envelope.attempt)
            sql, args = _FAILED, [
                subscription.queue, envelope.id, envelope.source, _encode(again), again.attempt,
                "retry" if retry else "dead", outcome.error, self._clock.now() + timedelta(seconds=delay),
            ]  # fmt: skip
        try:
            async with self._databases[subscription.service].read() as tx:
                await tx.execute(sql, *args)
            return True
        except Transient:
            return False

    async def _redeliver(self, service: str) -> None:
        database = self._databases[service]
        while True:
            await asyncio.sleep(self._poll)
            try:
                async with database.read() as tx:
                    rows = await tx.fetch(_DUE)
            except Transient:
                continue
            for row in rows:
                if (queue := self._queues.get(row["queue"])) is not None:
                    queue.put(_Delivery(_decode(row["envelope"]), 1, _nothing, _nothing))

    # --- dead letters -------------------------------------------------------------------------------------------

    async def dead_letters(self, queue: str, limit: int = 100) -> list[DeadLetter]:
        async with self._databases[queue.partition(".")[0]].read() as tx:
            rows = await tx.fetch(
                "SELECT envelope, error, failed_at FROM delivery WHERE queue = $1 AND state = 'dead'"
                " ORDER BY failed_at, message_id LIMIT $2",
                queue,
                limit,
            )
        return [DeadLetter(queue, _decode(row["envelope"]), row["error"], row["failed_at"]) for row in rows]

    async def requeue(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        count = 0
        async with self._databases[queue.partition(".")[0]].transaction() as tx:
            rows = await tx.fetch(
                "SELECT message_id, envelope FROM delivery WHERE queue = $1 AND state = 'dead'"
                " AND ($2::uuid[] IS NULL OR message_id = ANY($2)) FOR UPDATE",
                queue,
                ids,
            )
            for row in rows:
                # Attempt 2, not 1: the row must be deleted when the message is handled at last.
                fresh = msgspec.structs.replace(_decode(row["envelope"]), attempt=2)
                await tx.execute(
                    "UPDATE delivery SET state = 'retry', attempt = 2, due_at = now(), envelope = $3"
                    " WHERE queue = $1 AND message_id = $2",
                    queue,
                    row["message_id"],
                    _encode(fresh),
                )
                count += 1
        return count

    async def drop(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        async with self._databases[queue.partition(".")[0]].transaction() as tx:
            rows = await tx.fetch(
                "DELETE FROM delivery WHERE queue = $1 AND state = 'dead'"
                " AND ($2::uuid[] IS NULL OR message_id = ANY($2)) RETURNING 1",
                queue,
                ids,
            )
        return len(rows)


def _nothing(_message_id: UUID) -> None:
    """The row that a redelivery comes from is settled by its outcome; there is no outbox row to confirm."""


__all__ = ["ACK", "Dead", "LocalBus"]
