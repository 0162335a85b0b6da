"""What every driver shares: subscriptions, outcomes, and how a batch becomes outcomes.

Prevents: two drivers that differ in what they do with a poisoned message.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import asyncpg
import msgspec
from prometheus_client import Counter

from estore.kit.bus.tasks import signalled
from estore.kit.clock import Clock, monotonic
from estore.kit.contract import Event
from estore.kit.endpoint import Handler
from estore.kit.envelope import Envelope, Message
from estore.kit.errors import Failure, Transient
from estore.kit.telemetry import MESSAGES, log
from estore.kit.telemetry.metrics import MESSAGE_AGE
from estore.kit.telemetry.observing import ids_of
from estore.kit.telemetry.private import cleaned, told

_log = log(__name__)
UNROUTABLE = Counter("estore_unroutable_total", "Published events that no queue was bound for", ["event"])

# Seconds before attempt 2, 3, ...: one delay queue each on RabbitMQ, so a TTL is fixed per queue.
LADDER = (1.0, 5.0, 30.0, 120.0, 600.0)
# Seconds between tries of a batch while a database is away.
HOLD_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0)
# A message that looks like an outage for so long is taken for its cause, and goes up the ladder.
HOLD_LIMIT = 300.0


class Subscription(msgspec.Struct, frozen=True):
    """One queue of one consumer and purpose, such as `inventory.reservations`.

    handlers: event class -> what handles it; within a batch, types are handled in this order.
    batch: messages in one transaction at most. pace: seconds from the beginning of one batch to the next, unless that
    is full sooner: for queues where nobody waits for the outcome, and many messages cost little more than one.
    attempts: deliveries before a message is dead. prefetch: messages a RabbitMQ consumer may hold, at least a batch.
    """

    queue: str
    handlers: Mapping[type[Event], Handler[Any]]
    batch: int = 200
    pace: float = 0.0
    attempts: int = 8
    prefetch: int = 1000

    @property
    def service(self) -> str:
        return self.queue.partition(".")[0]

    @property
    def by_name(self) -> dict[str, type[Event]]:
        return {cls.event_name: cls for cls in self.handlers}


class Pace:
    """When the next batch of `subscription` begins. After a rest that is at once, under load every `pace` seconds."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._due = 0.0
        self._hurry = asyncio.Event()

    def arrived(self, waiting: int) -> None:
        """Be told how many messages wait."""
        if waiting >= self._subscription.batch:
            self._hurry.set()

    def hurry(self) -> None:
        """End a wait: there is nothing to gather for any more."""
        self._hurry.set()

    async def gather(self, waiting: Sized) -> None:
        """Return when a batch of `waiting` may begin: it is full, or the last one began `pace` seconds ago."""
        pace = self._subscription.pace
        if not pace:
            return
        self._hurry.clear()
        left = self._due - monotonic()
        if left > 0 and len(waiting) < self._subscription.batch:
            await signalled(self._hurry, left)
        self._due = monotonic() + pace


def heard_by(subscriptions: Iterable[Subscription]) -> frozenset[str]:
    """Return the names of all events that somebody among `subscriptions` wants to hear."""
    return frozenset(name for subscription in subscriptions for name in subscription.by_name)


class Ack(msgspec.Struct, frozen=True):
    """Handled, or answered with a domain error: never again."""


class Retry(msgspec.Struct, frozen=True):
    """To be delivered again after `delay` seconds."""

    delay: float
    error: str


class Dead(msgspec.Struct, frozen=True):
    """To the queue's dead letters, where `estore dlq` finds it."""

    error: str


class Hold(msgspec.Struct, frozen=True):
    """Not handled, because a database is away: to be tried again after a pause. The attempt does not count."""

    error: str


Outcome = Ack | Retry | Dead | Hold
ACK = Ack()


class Depth(msgspec.Struct, frozen=True):
    """How a queue stands. ready: messages that wait for anybody. dead: that it gave up on.

    held: that this process was given and has not settled. oldest: when the oldest of these happened.
    """

    queue: str
    ready: int
    dead: int
    held: int
    oldest: datetime | None


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that its queue gave up on."""

    queue: str
    envelope: Envelope
    error: str
    failed_at: datetime | None = None


class Bus(Protocol):
    """A driver."""

    async def start(self) -> None:
        """Begin to consume. Returns at once where a broker is away: `ready` tells when messages flow."""
        ...

    def publish(
        self, envelopes: Sequence[Envelope], confirm: Callable[[UUID], None], refuse: Callable[[UUID], None]
    ) -> None:
        """Send `envelopes`. For each, one is called once: `confirm` when it is safe elsewhere, `refuse` when not."""
        ...

    @property
    def ready(self) -> bool:
        """Whether messages flow: connected, every consumer alive."""
        ...

    @property
    def accepts(self) -> bool:
        """Whether `publish` can get rid of anything now. It may while a consumer is lost."""
        ...

    async def depths(self) -> list[Depth]:
        """Tell how this process's queues stand; empty while that cannot be asked. May be asked every few seconds."""
        ...

    async def pause(self) -> None:
        """Take no more messages and finish the batches in hand; what their handlers emit can still be published."""
        ...

    async def stop(self) -> None:
        """Pause, wait until what was published is confirmed or refused, disconnect."""
        ...

    async def dead_letters(self, queue: str, limit: int = 100, ids: Sequence[UUID] | None = None) -> list[DeadLetter]:
        """Return the oldest `limit`, or those with these `ids`, however many are before them; they stay there."""
        ...

    async def requeue(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        """Deliver dead letters again from attempt 1 (all of them without `ids`); returns how many."""
        ...

    async def drop(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        """Forget dead letters; returns how many."""
        ...


class Drains(Protocol):
    """What has work on its way to the bus: a relay."""

    async def stop(self, drain: float = ...) -> None: ...


async def shut_down(bus: Bus, relays: Iterable[Drains], drain: float = 10.0) -> None:
    """Stop in the order in which nothing is left half done: consumers, then relays, then the connection.

    bus, relays: of this process. drain: seconds the relays may take to get rid of what is on its way.
    What they cannot get rid of stays in the outbox, for the next process.
    """
    await bus.pause()
    await asyncio.gather(*(relay.stop(drain) for relay in relays))
    await bus.stop()


async def handle(
    subscription: Subscription, envelopes: Sequence[Envelope], clock: Clock, ladder: Sequence[float] = LADDER
) -> dict[UUID, Outcome]:
    """Handle a batch and return what to do with each message, by id.

    Each type is one transaction. When that fails, its messages are halved until the poisoned one fails alone.
    A message that is there twice is handled once. Types that the queue does not know, and what cannot be decoded,
    are dead letters.
    """
    outcomes: dict[UUID, Outcome] = {}
    known = subscription.by_name
    age = MESSAGE_AGE.labels(subscription.queue)
    groups: dict[type[Event], dict[UUID, Message[Any]]] = {}
    now = clock.now()
    for envelope in envelopes:
        cls = known.get(envelope.name)
        if cls is None:
            outcomes[envelope.id] = _dead(subscription, envelope, f"{subscription.queue} does not handle it")
            continue
        try:
            message = Message(envelope, cls.decode(envelope.body), now)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            outcomes[envelope.id] = _dead(subscription, envelope, f"cannot be decoded: {error}")
            continue
        groups.setdefault(cls, {})[envelope.id] = message
        if envelope.attempt == 1:
            age.observe(max(0.0, (now - envelope.time).total_seconds()))
    for cls, handler in subscription.handlers.items():
        if messages := groups.get(cls):
            await _handle_group(subscription, handler, list(messages.values()), ladder, outcomes)
    for kind, count in Tally(type(outcome) for outcome in outcomes.values()).items():
        MESSAGES.labels(subscription.queue, kind.__name__.lower()).inc(count)
    return outcomes


async def handle_through(
    subscription: Subscription,
    envelopes: Sequence[Envelope],
    clock: Clock,
    ladder: Sequence[float],
    stopping: asyncio.Event,
) -> dict[UUID, Outcome]:
    """Like `handle`, and stay with what a database outage interrupts until it is over, or `stopping` is set.

    An outage of hours must not send whole queues to the dead letters. Only a stop leaves `Hold` outcomes.
    """
    outcomes = await handle(subscription, envelopes, clock, ladder)
    tries, deadline = 0, monotonic() + HOLD_LIMIT
    while held := [envelope for envelope in envelopes if isinstance(outcomes[envelope.id], Hold)]:
        error = next(outcome.error for outcome in outcomes.values() if isinstance(outcome, Hold))
        if tries % 30 == 0:
            _log.warning("queue waits for its database", queue=subscription.queue, messages=len(held), error=error)
        if monotonic() > deadline:
            return outcomes | {e.id: _outcome(subscription, e, RuntimeError(error), ladder) for e in held}
        pause = HOLD_SECONDS[min(tries, len(HOLD_SECONDS) - 1)]
        tries += 1
        if await signalled(stopping, pause):
            return outcomes
        outcomes.update(await handle(subscription, held, clock, ladder))
    return outcomes


async def _handle_group(
    subscription: Subscription,
    handler: Handler[Any],
    messages: list[Message[Any]],
    ladder: Sequence[float],
    outcomes: dict[UUID, Outcome],
) -> None:
    groups = [messages]
    while groups:
        group = groups.pop()
        try:
            await handler(subscription.queue, group)
        except Exception as error:
            if _is_outage(error):
                hold = Hold(str(error))
                for waiting in (group, *groups):
                    outcomes.update((message.id, hold) for message in waiting)
                return
            if len(group) == 1:
                outcomes[group[0].id] = _outcome(subscription, group[0].envelope, error, ladder)
            else:
                # The first half is handled first: messages about one aggregate keep their order.
                half = len(group) // 2
                groups += [group[half:], group[:half]]
        else:
            outcomes.update((message.id, ACK) for message in group)


def _is_outage(error: Exception) -> bool:
    """Whether the database, not a message, is why a batch failed."""
    if isinstance(error, asyncpg.InternalClientError):
        return True  # How asyncpg finds that an idle connection was terminated.
    cause = error.__cause__ if isinstance(error, Transient) else None
    if isinstance(cause, OSError):
        return _came_from_driver(cause)
    if isinstance(cause, asyncpg.InterfaceError):
        return "clos" in str(cause)  # Others mean a value that does not fit its column, or a bug.
    return isinstance(
        cause,
        asyncpg.PostgresConnectionError
        | asyncpg.InternalClientError
        | asyncpg.CannotConnectNowError
        | asyncpg.AdminShutdownError
        | asyncpg.CrashShutdownError
        | asyncpg.TooManyConnectionsError,
    )


def _came_from_driver(error: BaseException) -> bool:
    """Whether asyncpg raised it; a handler's own OSError or timeout inside a transaction looks the same otherwise."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_globals.get("__name__", "").startswith("asyncpg") for frame in frames)


def _dead(subscription: Subscription, envelope: Envelope, why: str) -> Dead:
    why = cleaned(why)
    _log.error("message is dead", error=why[:2000], queue=subscription.queue, **ids_of(envelope))
    return Dead(f"{envelope.name}: {why}"[:2000])


def _outcome(subscription: Subscription, envelope: Envelope, error: Exception, ladder: Sequence[float]) -> Outcome:
    where = {"queue": subscription.queue} | ids_of(envelope)
    # What the database refused is a request's fault at most; of a message it is ours, and must not be lost for it.
    refused_by_database = isinstance(error.__cause__, asyncpg.PostgresError)
    if isinstance(error, Failure) and not isinstance(error, Transient) and not refused_by_database:
        _log.warning("message answered with a failure", code=error.code, detail=error.detail, **where)
        return ACK
    text = told(error)
    if envelope.attempt >= subscription.attempts:
        _log.error("message is dead", error=text, attempt=envelope.attempt, exc_info=error, **where)
        return Dead(text)
    _log.warning("message will be retried", error=text, attempt=envelope.attempt, **where)
    return Retry(ladder[min(envelope.attempt, len(ladder)) - 1], text)
