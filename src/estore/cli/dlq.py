"""`estore dlq`: the dead letters of every queue: list, show, requeue, drop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec

from estore.cli.compose import SERVICES, build, bus_for
from estore.kit.bus.base import Bus, DeadLetter
from estore.kit.runtime import all_subscriptions
from estore.kit.settings import SettingError, Settings


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Bus, list[str]]]:
    """Yield the bus, not consuming, and the names of its queues."""
    services = build(settings, SERVICES)
    for service in services:
        await service.db.open()
    bus = bus_for(settings, services)
    try:
        yield bus, sorted(s.queue for s in all_subscriptions(services))
    finally:
        await bus.stop()
        for service in services:
            await service.db.close()


async def letters(
    settings: Settings, queue: str | None, limit: int = 100, ids: Sequence[UUID] | None = None
) -> list[dict[str, Any]]:
    """Return the oldest `limit` dead letters of `queue`, or of each; with `ids`, those of them.

    Raises SettingError for an unknown queue.
    """
    async with opened(settings) as (bus, queues):
        found: list[DeadLetter] = []
        for name in _chosen(queue, queues):
            found += await bus.dead_letters(name, limit, ids)
        return [_plain(letter) for letter in found]


async def act(settings: Settings, action: str, queue: str, ids: Sequence[UUID] | None) -> int:
    """`requeue` or `drop` the dead letters `ids` of `queue`, all without `ids`. Returns how many."""
    async with opened(settings) as (bus, queues):
        _chosen(queue, queues)
        return await (bus.requeue(queue, ids) if action == "requeue" else bus.drop(queue, ids))


def _chosen(queue: str | None, queues: Sequence[str]) -> Sequence[str]:
    if queue is None:
        return queues
    if queue not in queues:
        raise SettingError(f"there is no queue {queue!r}; there are {', '.join(queues)}")
    return [queue]


def _plain(letter: DeadLetter) -> dict[str, Any]:
    envelope = letter.envelope
    return {
        "queue": letter.queue,
        "id": str(envelope.id),
        "event": envelope.name,
        "subject": envelope.subject,
        "attempts": envelope.attempt,
        "error": letter.error,
        "failed_at": letter.failed_at.isoformat() if letter.failed_at else None,
        "correlation_id": envelope.correlation_id,
        "body": msgspec.json.decode(envelope.body)
        if _is_json(envelope.body)
        else envelope.body.decode("utf-8", "replace"),
    }


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except msgspec.DecodeError:
        return False
    return True
