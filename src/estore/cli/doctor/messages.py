"""Follows every event from the outbox that it was written to into the `once` table of each queue that hears it.

In chunks, because the tables are large and may be on different servers. An id is a ULID and sorts by time, so the
primary keys find what is young.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from estore.kit.bus.base import Subscription
from estore.kit.bus.retention import OUTBOX_DAYS
from estore.kit.clock import SystemClock
from estore.kit.db import Record, Tx
from estore.kit.runtime import all_subscriptions
from estore.kit.service import Service

CHUNK = 5_000
MAX_KEPT = 200_000
PAUSES = (0.3, 1.2)
"""Seconds before each further look at what is suspected: longer than an event takes from outbox to consumer."""
# Clocks differ by less. An id that says it is made later is no ULID of ours: nothing is known of its time.
AHEAD = timedelta(days=1)
_LAST_DAY = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) * 1000
# Rows of the outbox go a while after their time: what was applied earlier than this may have no row any more.
KEPT = timedelta(days=OUTBOX_DAYS) - timedelta(hours=12)

_EVENTS = "SELECT id, name, subject, published_at IS NULL FROM outbox WHERE name = ANY($1::text[]) ORDER BY id"
_MISSING = """
SELECT asked.id FROM unnest($2::uuid[]) AS asked (id)
WHERE NOT EXISTS (SELECT 1 FROM once o WHERE o.scope = $1 AND o.key = asked.id::text)
"""
_FAILED = "SELECT message_id, state FROM delivery WHERE queue = $1 AND message_id = ANY($2::uuid[])"
_APPLIED = "SELECT key FROM once WHERE scope = $1 AND key >= $2 ORDER BY key"
_GHOSTS = """
SELECT asked.id FROM unnest($1::uuid[]) AS asked (id) WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = asked.id)
"""
_SPAN = "SELECT min(key), max(key) FROM once WHERE scope = $1 AND key < $2"
_BORN = "SELECT min(applied_at) FROM schema_migration"


@dataclass(frozen=True)
class Found:
    """What a check across services found. over: how many rows it was proved over."""

    number: int
    name: str
    over: int
    broken: list[dict[str, Any]]


@dataclass
class Traced:
    """found: the two checks of messages. on_their_way: subjects of which a message has not arrived everywhere."""

    found: list[Found]
    on_their_way: set[str]


@dataclass(frozen=True)
class _Lost:
    """An event that a queue has not applied. open: its outbox row is not published yet."""

    id: UUID
    name: str
    subject: str
    open: bool


@dataclass
class _Queue:
    subscription: Subscription
    service: Service
    born: datetime
    newest: datetime | None
    missing: dict[UUID, _Lost] = field(default_factory=dict)
    moving: bool = False

    @property
    def name(self) -> str:
        return self.subscription.queue


async def trace(services: Mapping[str, Service], grace: timedelta) -> Traced:
    """Prove that every event was applied by each queue that hears it, and that nothing else was.

    grace: for so long an event may be on its way. A queue that is further behind, but moves on in order, is slow, not
    broken; what later events have overtaken is lost, or failing.
    """
    queues = [await _queue_of(s, services) for s in all_subscriptions(list(services.values()))]
    over = 0
    for service in services.values():
        over += await _follow(service, [q for q in queues if _hears_of(q, service)])
    for pause in PAUSES:
        if any(queue.missing for queue in queues):
            await asyncio.sleep(pause)
            await asyncio.gather(*(_look_again(queue) for queue in queues if queue.missing))
    broken = [row for queue in queues for row in await _broken(queue, grace)]
    on_their_way = {lost.subject for queue in queues for lost in queue.missing.values()}
    applied = 0
    ghosts: list[dict[str, Any]] = []
    for queue in queues:
        count, found = await _ghosts_of(queue, services)
        applied, ghosts = applied + count, ghosts + found
    return Traced(
        [
            Found(13, "every event was applied by each queue that hears it", over, broken),
            Found(13, "nothing was applied that nobody published", applied, ghosts),
        ],
        on_their_way | {_order_of(subject) for subject in on_their_way},
    )


async def unapplied(services: Mapping[str, Service]) -> AsyncIterator[tuple[str, list[UUID]]]:
    """Yield (service, ids) of its published events that some queue which hears them has not applied.

    What a queue keeps in its own table, to be tried again or dead, is not among them.
    """
    queues = [await _queue_of(s, services) for s in all_subscriptions(list(services.values()))]
    for service in services.values():
        hearing = [queue for queue in queues if _hears_of(queue, service)]
        await _follow(service, hearing)
        ids: set[UUID] = set()
        for queue in hearing:
            async with queue.service.db.read() as tx:
                kept = {row[0] for row in await tx.fetch(_FAILED, queue.name, list(queue.missing))}
            ids |= {lost.id for lost in queue.missing.values() if not lost.open} - kept
            queue.missing.clear()
        if ids:
            yield service.name, sorted(ids)


async def _queue_of(subscription: Subscription, services: Mapping[str, Service]) -> _Queue:
    """A queue is asked for what was emitted since it first applied something; what was before it never heard."""
    service = services[subscription.service]
    async with service.db.read() as tx:
        row = await _span(tx, subscription.queue)
        if row is not None and row[0] is not None:
            return _Queue(subscription, service, _time_of(UUID(row[0])), _time_of(UUID(row[1])))
        return _Queue(subscription, service, await tx.fetchval(_BORN), None)


async def _span(tx: Tx, queue: str) -> Record | None:
    """The first and the last message that the queue applied."""
    return await tx.fetchrow(_SPAN, queue, str(first_id_at(SystemClock().now() + AHEAD)))


def _hears_of(queue: _Queue, publisher: Service) -> bool:
    return any(event.publisher == publisher.name for event in queue.subscription.handlers)


async def _follow(publisher: Service, queues: Sequence[_Queue]) -> int:
    """Note in each queue what it has not applied of `publisher`'s events; returns how many deliveries were proved."""
    names = sorted({name for queue in queues for name in queue.subscription.by_name})
    over = 0
    if not names:
        return over
    async with publisher.db.transaction(snapshot=True) as tx:
        async for events in _chunks(tx, _EVENTS, names):
            for queue in queues:
                heard = queue.subscription.by_name
                due = {e.id: e for e in events if e.name in heard and _time_of(e.id) >= queue.born}
                over += len(due)
                room = MAX_KEPT - len(queue.missing)
                for message_id in (await _unapplied(queue, list(due)))[: max(room, 0)]:
                    queue.missing[message_id] = due[message_id]
    return over


async def _chunks(tx: Tx, sql: str, *args: Any) -> AsyncIterator[list[_Lost]]:
    chunk: list[_Lost] = []
    async for row in tx.stream(sql, *args, prefetch=CHUNK):
        chunk.append(_Lost(*row))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def _unapplied(queue: _Queue, ids: Sequence[UUID]) -> list[UUID]:
    if not ids:
        return []
    async with queue.service.db.read() as tx:
        return [row[0] for row in await tx.fetch(_MISSING, queue.name, ids)]


async def _look_again(queue: _Queue) -> None:
    left = set(await _unapplied(queue, list(queue.missing)))
    queue.missing = {message_id: lost for message_id, lost in queue.missing.items() if message_id in left}
    async with queue.service.db.read() as tx:
        row = await _span(tx, queue.name)
    newest = _time_of(UUID(row[1])) if row is not None and row[1] is not None else None
    if newest is not None and (queue.newest is None or newest > queue.newest):
        queue.newest, queue.moving = newest, True


async def _broken(queue: _Queue, grace: timedelta) -> list[dict[str, Any]]:
    if not queue.missing:
        return []
    now = SystemClock().now()
    late = now - grace
    # Behind what later events have overtaken by more than the grace; where nothing moves at all, everything is late.
    overtaken = queue.newest - grace if queue.newest is not None and queue.moving and grace else late
    async with queue.service.db.read() as tx:
        rows = await tx.fetch(_FAILED, queue.name, list(queue.missing))
    states = {row[0]: row[1] for row in rows}
    return [
        {
            "queue": queue.name,
            "event": lost.name,
            "subject": lost.subject,
            "message_id": str(lost.id),
            "state": states.get(lost.id) or ("not published" if lost.open else "not applied"),
        }
        for lost in queue.missing.values()
        if not min(late, overtaken) < _time_of(lost.id) < now + AHEAD and states.get(lost.id) != "retry"
    ]


async def _ghosts_of(queue: _Queue, services: Mapping[str, Service]) -> tuple[int, list[dict[str, Any]]]:
    """Look up what the queue applied in the outboxes that it may come from. Applied is read first, then published."""
    publishers = {event.publisher for event in queue.subscription.handlers} & services.keys()
    count, last = 0, str(first_id_at(SystemClock().now() - KEPT))
    ghosts: list[dict[str, Any]] = []
    while True:
        async with queue.service.db.read() as tx:
            rows = await tx.fetch(_APPLIED + f" LIMIT {CHUNK}", queue.name, last)
        ids = [UUID(row[0]) for row in rows if row[0] != last]
        count += len(ids)
        left = ids
        for name in sorted(publishers):
            if left:
                async with services[name].db.read() as tx:
                    left = [row[0] for row in await tx.fetch(_GHOSTS, left)]
        ghosts += [{"queue": queue.name, "message_id": str(message_id)} for message_id in left]
        if len(rows) < CHUNK:
            return count, ghosts
        last = rows[-1][0]


def _time_of(message_id: UUID) -> datetime:
    """When the id was made. One that is no ULID may name a year that no calendar has: the last one that has, then."""
    return datetime.fromtimestamp(min(message_id.int >> 80, _LAST_DAY) / 1000, UTC)


def first_id_at(moment: datetime) -> UUID:
    """Return what the ids of messages that are made at `moment` or later sort after."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _order_of(subject: str) -> str:
    return "ord_" + subject[4:].partition("-")[0] if subject.startswith("pcl_") else subject
