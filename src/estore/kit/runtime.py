"""Runs composed services in one process: databases, relays, bus, jobs; and ends them without losing work.

Prevents: a service that answers before it can work, and a shutdown that drops what is in flight.
Order of start: databases, migrations checked, relays, bus, jobs. Order of stop: jobs, consumers, relays, connection,
databases; HTTP has stopped before.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from estore.kit.auth import key_subscription
from estore.kit.bus.base import Bus, Subscription, shut_down
from estore.kit.bus.local import LocalBus
from estore.kit.bus.relay import Relay
from estore.kit.bus.retention import purge
from estore.kit.bus.tasks import cancel
from estore.kit.clock import monotonic
from estore.kit.db import Database, migrations_of, pending
from estore.kit.db.database import why
from estore.kit.errors import Failure, Transient
from estore.kit.service import Job, Service
from estore.kit.telemetry import log
from estore.kit.watching import watch

_log = log(__name__)
# Between two looks for the first signing key, which another process may have heard of.
KEY_LOOK_SECONDS = 0.1
# How long a service may be too busy to begin, and between two tries.
START_SECONDS, START_PAUSE_SECONDS = 60.0, 1.0
# A database that takes longer to say that it is there serves nobody.
ANSWER_SECONDS = 2.0


class NotMigrated(RuntimeError):
    """A service's database lacks migrations; the message names them."""


def all_subscriptions(services: Sequence[Service]) -> list[Subscription]:
    """Return the queues of `services`, the kit's own included."""
    return [s for service in services for s in (*service.subscriptions, key_subscription(service.edge))]


def local_bus(services: Sequence[Service]) -> LocalBus:
    """Return the bus that joins `services` within this process."""
    return LocalBus(all_subscriptions(services), {service.name: service.db for service in services})


async def _begun(service: Service, hook: Callable[[], Awaitable[None]]) -> None:
    """Run a hook of the start, again where a machine was too busy for it: hooks are made for every start."""
    until = monotonic() + START_SECONDS
    while True:
        try:
            return await hook()
        except Transient as failure:
            if monotonic() >= until:
                raise
            _log.warning("start is tried again", service=service.name, reason=str(failure))
        await asyncio.sleep(START_PAUSE_SECONDS)


class Runtime:
    """`services` running on `bus`. jobs: whether timers run in this process too."""

    def __init__(self, services: Sequence[Service], bus: Bus, *, jobs: bool = True) -> None:
        self.services = services
        self.bus = bus
        self._with_jobs = jobs
        self._relays: list[Relay] = []
        self._jobs: list[asyncio.Task[None]] = []
        self._checked = False
        self._started = False
        self._was_ready = False
        self._leaving = False

    async def check(self) -> None:
        """See whether `start` can work, and connect. May be tried again.

        Raises Transient when a database is away, NotMigrated when one is behind.
        """
        for service in self.services:
            try:
                missing = await pending(service.db.dsn, service.name, migrations_of(service.name))
            except (OSError, asyncpg.PostgresError) as error:
                raise Transient(f"the database of {service.name} cannot be reached: {why(error)}") from error
            if missing:
                raise NotMigrated(f"{service.name}: run `estore migrate` first, it lacks {', '.join(missing)}")
        for service in self.services:
            await service.db.open()
        self._checked = True

    async def start(self) -> None:
        """Start everything. Raises Transient when a database is away, NotMigrated when one is behind."""
        if not self._checked:
            await self.check()
        for service in self.services:
            relay = Relay(service.db, self.bus)
            await relay.start()
            self._relays.append(relay)
        await self.bus.start()
        for service in self.services:
            for hook in service.start:
                await _begun(service, hook)
        for service in self.services:
            self._jobs.append(asyncio.create_task(_hear_of_keys(service), name=f"first-key-{service.name}"))
        for each in watch(self.services, self._relays, self.bus):
            self._jobs.append(asyncio.create_task(each, name="watch"))
        if self._with_jobs:
            for service in self.services:
                for job in (*service.jobs, purge_job(service.db)):
                    self._jobs.append(asyncio.create_task(_repeat(job), name=f"job-{service.name}-{job.name}"))
        self._started = True

    @property
    def ready(self) -> bool:
        """Whether requests are served: messages flow, and every service has heard of a key that tells who asks.

        A broker that goes away later stops nothing but delivery. Asks nobody; `lacks` does.
        """
        if self._started and not self._was_ready:
            keys = all(service.verifier.knows_a_key(service.clock.now()) for service in self.services)
            self._was_ready = keys and self.bus.ready
        return self._started and self._was_ready and not self._leaving

    async def lacks(self) -> list[str]:
        """Return what keeps requests from being served now, for people to read; empty when nothing does.

        Each database is asked. The broker is not, once messages have flowed: orders are taken while it is away, and a
        gateway that turned away from every process would refuse them.
        """
        if self._leaving or not self._started:
            return ["this process ends" if self._leaving else "this process starts"]
        if not self.ready:
            now = self.services[0].clock.now() if self.services else None
            keys = [s.name for s in self.services if now and not s.verifier.knows_a_key(now)]
            return [f"{name} has heard of no signing key" for name in keys] or ["messages do not flow yet"]
        answers = await asyncio.gather(*(service.db.answers(ANSWER_SECONDS) for service in self.services))
        away = [
            f"the database of {service.name} does not answer"
            for service, answered in zip(self.services, answers, strict=True)
            if not answered
        ]
        return away + [lack for service in self.services if (lack := service.lacks())]

    def leave(self) -> None:
        """Say from now on that nothing is to be sent here; what comes all the same is served until `stop`."""
        self._leaving = True

    @property
    def idle(self) -> bool:
        """Whether no event that this process emitted is on its way."""
        return all(relay.idle for relay in self._relays)

    async def end_timers(self) -> None:
        """End what nobody asked for: from here on the only events are those of requests, and what follows from them."""
        await cancel(self._jobs)

    async def stop(self, drain: float = 10.0) -> None:
        """Finish what is in hand, `drain` seconds at most; what is left goes on at the next start."""
        self._started = self._checked = False
        await cancel(self._jobs)
        for service in self.services:
            for hook in service.stop:
                await hook()
        await shut_down(self.bus, self._relays, drain)
        await asyncio.gather(*(service.db.close() for service in self.services))


def purge_job(db: Database) -> Job:
    """Return the job that forgets, once an hour, what the message tables may forget."""

    async def run() -> None:
        more = True
        while more:
            async with db.transaction() as tx:
                more = (await purge(tx)).more

    return Job("purge", 3600.0, run)


async def _hear_of_keys(service: Service) -> None:
    """Trust what is in the key table, or comes to be there when `keys.rotated` is heard."""
    while not service.verifier.knows_a_key(service.clock.now()):
        try:
            await service.verifier.load()
        except Transient as failure:
            _log.warning("signing keys cannot be read", service=service.name, detail=failure.detail)
        await asyncio.sleep(KEY_LOOK_SECONDS)


async def _repeat(job: Job) -> None:
    # Spread over the period, so that N processes do not all ask at the same moment.
    await asyncio.sleep(random.uniform(0, min(job.every, 5.0)))  # noqa: S311
    while True:
        try:
            await job.run()
        except Transient as failure:
            _log.warning("job waits", job=job.name, detail=failure.detail)
        except Failure as failure:
            _log.warning("job refused", job=job.name, code=failure.code, detail=failure.detail)
        except Exception as error:
            _log.error("job failed", job=job.name, exc_info=error)
        await asyncio.sleep(job.every)
