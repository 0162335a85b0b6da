"""A small world for the bus: services with the kit's tables, events between them, consumers that fail as told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import asyncpg

from estore.kit.bus.base import Bus, Subscription, shut_down
from estore.kit.bus.local import LocalBus
from estore.kit.bus.relay import Relay
from estore.kit.bus.tasks import cancel
from estore.kit.context import Context
from estore.kit.contract import Event, event
from estore.kit.db import Database, Migration, Tx, migrate
from estore.kit.endpoint import Edge, Handler
from estore.kit.envelope import Envelope, Message
from estore.kit.errors import Conflict

SERVICES = ("alpha", "beta", "gamma")
LADDER = (0.02, 0.05, 0.1)
ATTEMPTS = 4
SCHEMA = """
CREATE TABLE acted (queue text, key text, value int, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE model (key text PRIMARY KEY, version bigint NOT NULL, value int NOT NULL);
"""


@event("thing.made.v1", by="alpha", subject="key")
class Made(Event):
    key: str
    value: int = 0
    version: int = 0
    padding: str = ""


@event("thing.moved.v1", by="alpha", subject="key")
class Moved(Event):
    key: str
    value: int = 0
    version: int = 0


@event("thing.whispered.v1", by="alpha", subject="key")
class Whispered(Event):
    """Nobody hears it."""

    key: str


@event("echo.heard.v1", by="beta", subject="key")
class Echoed(Event):
    key: str
    value: int = 0


async def build(dsn: str) -> None:
    """Make the schemas of all services."""
    conn = await asyncpg.connect(dsn)
    for service in SERVICES:
        await conn.execute(f"CREATE SCHEMA {service}")
    await conn.close()
    folder = resources.files("estore.kit") / "migrations"
    kit = [Migration(f"kit/{f.name}", f.read_text()) for f in sorted(folder.iterdir(), key=lambda f: f.name)]
    for service in SERVICES:
        await migrate(dsn, service, [*kit, Migration("test", SCHEMA)])


class Actor:
    """A consumer: writes down what it does, and fails as told.

    fails: key -> deliveries that fail. refuses: keys answered with a domain error. dies_after_commit: keys whose first
    delivery takes effect and then fails, as if the process had died before the ack. echoes: emits Echoed. gate: a
    batch waits until it is open. repeats: every call is made again after it succeeded.
    """

    def __init__(self, db: Database, queue: str, hears: Sequence[type[Event]] = (Made,), **options: Any) -> None:
        self.queue = queue
        self.db = db
        self.fails: dict[str, int] = {}
        self.error: Callable[[], Exception] = lambda: RuntimeError("told to fail")
        self.refuses: set[str] = set()
        self.dies_after_commit: set[str] = set()
        self.echoes = False
        self.slow = 0.0
        self.repeats = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.deliveries: Counter[str] = Counter()
        self.batches: list[int] = []
        self.seen: list[Message[Any]] = []
        edge = Edge(db)
        handler: Handler[Any] = edge.consumer(self.act)
        self.subscription = Subscription(
            queue, {cls: Handler("wrapped", self._wrap(handler)) for cls in hears}, **{"attempts": ATTEMPTS, **options}
        )

    def _wrap(self, handler: Handler[Any]) -> Callable[[str, Sequence[Message[Any]]], Awaitable[None]]:
        async def run(queue: str, messages: Sequence[Message[Any]]) -> None:
            await self.gate.wait()
            self.batches.append(len(messages))
            await handler(queue, messages)
            if self.repeats:
                await handler(queue, messages)
            for message in messages:
                if message.data.key in self.dies_after_commit:
                    self.dies_after_commit.discard(message.data.key)
                    raise ConnectionAbortedError("died after the commit")

        return run

    async def act(self, tx: Tx, messages: Sequence[Message[Any]]) -> None:
        self.seen += messages
        for message in messages:
            key = message.data.key
            self.deliveries[key] += 1
            if message.envelope.attempt <= self.fails.get(key, 0):
                raise self.error()
            if key in self.refuses:
                raise Conflict("told to refuse")
        if self.slow:
            await asyncio.sleep(self.slow)
        keys, values = [m.data.key for m in messages], [m.data.value for m in messages]
        await tx.execute("INSERT INTO acted SELECT $1, * FROM unnest($2::text[], $3::int[])", self.queue, keys, values)
        for message in messages:
            await tx.execute(
                "INSERT INTO model VALUES ($1, $2, $3) ON CONFLICT (key) DO UPDATE"
                " SET version = excluded.version, value = excluded.value WHERE model.version < excluded.version",
                message.data.key,
                message.envelope.version,
                message.data.value,
            )
            if self.echoes:
                tx.emit(Echoed(key=message.data.key, value=message.data.value), message)

    async def acted(self) -> Counter[str]:
        """Return how often each key took effect."""
        async with self.db.read() as tx:
            rows = await tx.fetch("SELECT key, count(*) AS n FROM acted WHERE queue = $1 GROUP BY key", self.queue)
        return Counter({row["key"]: row["n"] for row in rows})


MakeBus = Callable[[Sequence[Subscription], Mapping[str, Database]], Bus]


class World:
    """Databases, consumers, a bus and its relays. `up` starts them, `down` stops them, both as often as you like."""

    def __init__(self, dsn: str, make_bus: MakeBus) -> None:
        self.dsn = dsn
        self.databases = {name: Database(dsn, name, max_size=4) for name in SERVICES}
        self.make_bus = make_bus
        self.actors: list[Actor] = []
        self.repeats = False
        self.bus: Bus
        self.relays: list[Relay] = []
        self.running = False

    @property
    def alpha(self) -> Database:
        return self.databases["alpha"]

    def actor(self, queue: str = "beta.work", hears: Sequence[type[Event]] = (Made,), **options: Any) -> Actor:
        """Add a consumer."""
        actor = Actor(self.databases[queue.partition(".")[0]], queue, hears, **options)
        actor.repeats = self.repeats
        self.actors.append(actor)
        return actor

    async def open(self) -> None:
        for database in self.databases.values():
            await database.open()

    async def clean(self) -> None:
        """Forget what the test before left."""
        for database in self.databases.values():
            async with database.read() as tx:
                await tx.execute("TRUNCATE outbox, once, delivery, acted, model")

    async def close(self) -> None:
        if self.running:
            await self.down()
        for database in self.databases.values():
            await database.close()

    async def up(self, **options: Any) -> None:
        """Start a bus with the consumers added so far, and a relay per service; wait until messages flow."""
        self.bus = self.make_bus([actor.subscription for actor in self.actors], self.databases)
        self.relays = [Relay(db, self.bus, **{"poll": 0.05, **options}) for db in self.databases.values()]
        self.running = True
        for relay in self.relays:
            await relay.start()
        await self.bus.start()
        await self.until(lambda: self.bus.ready)

    async def down(self, drain: float = 60.0) -> None:
        self.running = False
        await shut_down(self.bus, self.relays, drain)

    async def die(self) -> None:
        """End as a killed process does: what is in hand is neither finished nor given back, marked or acked."""
        self.running = False
        tasks = self.bus._consumers + self.bus._redeliverers if isinstance(self.bus, LocalBus) else [self.bus._task]
        for relay in self.relays:
            tasks += relay._tasks
        await cancel(tasks)
        for database in self.databases.values():
            database.on_committed = None

    async def emit(self, *events: Event) -> list[Envelope]:
        """Emit in one transaction of alpha."""
        async with self.alpha.transaction() as tx:
            for each in events:
                tx.emit(each, cause())
        return tx.outgoing

    async def publish(self, *envelopes: Envelope) -> Counter[str]:
        """Publish past the outbox, and wait for the answer to each."""
        answers: Counter[str] = Counter()
        self.bus.publish(
            envelopes,
            lambda _: answers.update(["confirmed"]),
            lambda _: answers.update(["refused"]),
        )
        await self.until(lambda: answers.total() == len(envelopes))
        return answers

    async def unpublished(self, service: str = "alpha") -> int:
        async with self.databases[service].read() as tx:
            return int(await tx.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL"))

    async def drained(self, seconds: float = 90.0) -> None:
        """Wait until every outbox is empty."""

        async def empty() -> bool:
            return all([await self.unpublished(name) == 0 for name in SERVICES])

        await self.until(empty, seconds)

    async def acted(self, actor: Actor, count: int, seconds: float = 90.0) -> Counter[str]:
        """Wait until `count` keys took effect at `actor`; return how often each did."""
        seen: Counter[str] = Counter()

        async def enough() -> bool:
            nonlocal seen
            seen = await actor.acted()
            return len(seen) >= count

        await self.until(enough, seconds, lambda: f"{len(seen)} of {count} at {actor.queue}")
        return seen

    async def arrived(self, actor: Actor, count: int) -> None:
        """Wait until the bus has brought `count` messages that `actor` has not settled."""

        async def enough() -> bool:
            return any(each.queue == actor.queue and each.held >= count for each in await self.bus.depths())

        await self.until(enough)

    async def dead(self, queue: str = "beta.work", count: int = 1) -> list[Any]:
        """Wait until `queue` has `count` dead letters."""
        found: list[Any] = []

        async def enough() -> bool:
            nonlocal found
            found = await self.bus.dead_letters(queue)
            return len(found) >= count

        await self.until(enough)
        return found

    async def until(
        self, condition: Callable[[], Any], seconds: float = 90.0, describe: Callable[[], str] = lambda: "nothing"
    ) -> None:
        """Wait until `condition`, plain or async, holds; fail after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    answer = condition()
                    if asyncio.iscoroutine(answer):
                        answer = await answer
                    if answer:
                        return
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"not within {seconds} s: {describe()}") from None


def cause() -> Context:
    return Context(now=datetime.now(UTC))


def envelope(each: Event) -> Envelope:
    return Envelope.of(each, each.publisher, cause())


def keys(count: int, prefix: str = "k") -> list[str]:
    return [f"{prefix}{number:04}" for number in range(count)]


def once(names: Sequence[str]) -> Counter[str]:
    """What `acted` returns when each of `names` took effect exactly once."""
    return Counter(dict.fromkeys(names, 1))
