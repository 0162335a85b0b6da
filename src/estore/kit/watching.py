"""The watch of a process: gauges that are read by a timer, so that a scrape costs nothing and asks nobody.

Prevents: a monitoring that adds load when there is most of it already, and a gauge that scans a table.
Every statement here is one look into an index, and stops counting at LIMIT: beyond that somebody must look anyway.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from estore.kit.bus.base import Bus
from estore.kit.bus.relay import Relay
from estore.kit.clock import monotonic, utc_now
from estore.kit.errors import Failure
from estore.kit.service import Measure, Service
from estore.kit.telemetry import log, metrics

_log = log(__name__)
EVERY_SECONDS = 15.0
LOOP_SECONDS = 0.25
SELF_SECONDS = 5.0
LIMIT = 10_000

KIT_MEASURES = (
    Measure(
        "estore_outbox_waiting",
        "Events that are not published yet, 10000 at most",
        f"SELECT count(*) FROM (SELECT FROM outbox WHERE published_at IS NULL LIMIT {LIMIT}) AS waiting",
    ),
    Measure(
        "estore_signing_key_left_seconds",
        "Until the last signing key that this service has heard of expires",
        "SELECT coalesce(extract(epoch FROM max(expires_at) - now()), 0)::float8 FROM trusted_key",
    ),
)


def watch(services: Sequence[Service], relays: Sequence[Relay], bus: Bus) -> list[Coroutine[Any, Any, None]]:
    """Return what keeps the gauges of this process true, each until cancelled.

    Not one task for all: a group hands a cancellation on once, and one that asks the broker may lose it (`bus.tasks`).
    """
    return [_watch_loop(), _watch_self(services, relays, bus), _watch_stores(services, bus)]


async def _watch_loop() -> None:
    """Measure how late a timer comes: what blocks the event loop delays every request as much."""
    while True:
        due = monotonic() + LOOP_SECONDS
        await asyncio.sleep(LOOP_SECONDS)
        metrics.LOOP_LAG.observe(max(0.0, monotonic() - due))


async def _watch_self(services: Sequence[Service], relays: Sequence[Relay], bus: Bus) -> None:
    while True:
        metrics.MEMORY.set(_resident())
        metrics.BUS_UP.set(bus.ready)
        for service in services:
            busy, idle, most = service.db.connections
            metrics.POOL.labels(service.name, "busy").set(busy)
            metrics.POOL.labels(service.name, "idle").set(idle)
            metrics.POOL_MAX.labels(service.name).set(most)
        for relay in relays:
            metrics.RELAY_HELD.labels(relay.service).set(relay.held)
        await asyncio.sleep(SELF_SECONDS)


async def _watch_stores(services: Sequence[Service], bus: Bus) -> None:
    # Spread, so that N processes do not ask at the same moment.
    await asyncio.sleep(random.uniform(0.1, 1.0))  # noqa: S311
    while True:
        for service in services:
            await measure(service)
        try:
            await read_queues(bus)
        except (Failure, OSError) as error:
            _log.warning("queues cannot be looked at", error=str(error))
        await asyncio.sleep(EVERY_SECONDS)


async def measure(service: Service) -> None:
    """Read all gauges of a service from its database, once. Never raises for a database that is away."""
    try:
        async with service.db.read() as tx:
            for each in (*KIT_MEASURES, *service.measures):
                gauge = each.gauge
                for row in await tx.fetch(each.sql):
                    *labels, value = row.values()
                    gauge.labels(service.name, *labels).set(float(value or 0))
        metrics.MEASURED.labels(service.name).set(utc_now().timestamp())
        metrics.DB_UP.labels(service.name).set(1)
    except Failure as failure:
        metrics.DB_UP.labels(service.name).set(0)
        _log.warning("gauges cannot be read", service=service.name, detail=failure.detail)
    except asyncpg.PostgresError as error:
        _log.error("a gauge cannot be read", service=service.name, exc_info=error)


async def read_queues(bus: Bus) -> None:
    """Ask how the queues of this process stand, once."""
    now = utc_now()
    for depth in await bus.depths():
        metrics.QUEUE_READY.labels(depth.queue).set(depth.ready)
        metrics.DEAD_LETTERS.labels(depth.queue).set(depth.dead)
        metrics.QUEUE_HELD.labels(depth.queue).set(depth.held)
        oldest = (now - depth.oldest).total_seconds() if depth.oldest is not None else 0.0
        metrics.QUEUE_OLDEST.labels(depth.queue).set(max(0.0, oldest))


def _resident() -> int:
    """Return the bytes of memory that this process has in RAM; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
