"""What every driver shares: subscriptions, outcomes, and how a batch becomes outcomes.

Prevents: two drivers that differ in what they do with a poisoned message.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from estore.kit.clock import Clock
from estore.kit.contract import Event
from estore.kit.endpoint import Handler
from estore.kit.envelope import Envelope, Message
from estore.kit.errors import Failure, Transient
from estore.kit.telemetry import MESSAGES, log

_log = log(__name__)

# Seconds before attempt 2, 3, ...: one delay queue each on RabbitMQ, so a TTL is fixed per queue.
LADDER = (1.0, 5.0, 30.0, 120.0, 600.0)


class Subscription(msgspec.Struct, frozen=True):
    """One queue of one consumer and purpose, such as `inventory.reservations`.

    handlers: event class -> what handles it; within a batch, types are handled in this order.
    batch: messages in one transaction at most. linger: seconds to wait for more once there is one.
    attempts: deliveries before a message is dead. prefetch: messages a RabbitMQ consumer may hold.
    """

    queue: str
    handlers: Mapping[type[Event], Handler[Any]]
    batch: int = 200
    linger: float = 0.0
    attempts: int = 8

    @property
    def service(self) -> str:
        return self.queue.partition(".")[0]

    @property
    def by_name(self) -> dict[str, type[Event]]:
        return {cls.event_name: cls for cls in self.handlers}


class Ack(msgspec.Struct, frozen=True):
    """Handled, or answered with a domain error: never again."""


class Retry(msgspec.Struct, frozen=True):
    """To be delivered again after `delay` seconds."""

    delay: float
    error: str


class Dead(msgspec.Struct, frozen=True):
    """To the queue's dead letters, where `estore dlq` finds it."""

    error: str


Outcome = Ack | Retry | Dead
ACK = Ack()


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that its queue gave up on."""

    queue: str
    envelope: Envelope
    error: str
    failed_at: datetime | None = None


class Bus(Protocol):
    """A driver."""

    async def start(self) -> None:
        """Declare the topology, begin to consume. Raises Transient when the broker cannot be reached."""
        ...

    def publish(
        self, envelopes: Sequence[Envelope], confirm: Callable[[UUID], None], refuse: Callable[[UUID], None]
    ) -> None:
        """Send `envelopes`. For each, `confirm` is called when it is safe elsewhere, or `refuse` when it is not."""
        ...

    @property
    def ready(self) -> bool:
        """Whether messages flow: connected, every consumer alive."""
        ...

    async def stop(self) -> None:
        """Take no more, finish what is in hand, disconnect."""
        ...

    async def dead_letters(self, queue: str, limit: int = 100) -> list[DeadLetter]: ...

    async def requeue(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        """Deliver dead letters again from attempt 1 (all of them without `ids`); returns how many."""
        ...

    async def drop(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        """Forget dead letters; returns how many."""
        ...


async def handle(
    subscription: Subscription, envelopes: Sequence[Envelope], clock: Clock, ladder: Sequence[float] = LADDER
) -> dict[UUID, Outcome]:
    """Handle a batch and return what to do with each message, by id.

    Each type is one transaction. When that fails, its messages are handled one by one, so that a poisoned
    one fails alone. Types that the queue does not know are dead letters, and so is what cannot be decoded.
    """
    outcomes: dict[UUID, Outcome] = {}
    known = subscription.by_name
    groups: dict[type[Event], list[Message[Any]]] = {}
    now = clock.now()
    for envelope in envelopes:
        cls = known.get(envelope.name)
        if cls is None:
            outcomes[envelope.id] = Dead(f"{subscription.queue} does not handle {envelope.name}")
            continue
        try:
            message = Message(envelope, cls.decode(envelope.body), now)
        except (msgspec.MsgspecError, RecursionError) as error:
            outcomes[envelope.id] = Dead(f"cannot be decoded: {error}")
            continue
        groups.setdefault(cls, []).append(message)
    for cls, handler in subscription.handlers.items():
        if messages := groups.get(cls):
            outcomes.update(await _handle_group(subscription, handler, messages, ladder))
    for outcome in outcomes.values():
        MESSAGES.labels(subscription.queue, type(outcome).__name__.lower()).inc()
    return outcomes


async def _handle_group(
    subscription: Subscription, handler: Handler[Any], messages: list[Message[Any]], ladder: Sequence[float]
) -> dict[UUID, Outcome]:
    try:
        await handler(subscription.queue, messages)
        return {message.id: ACK for message in messages}
    except Exception as error:
        if len(messages) == 1:
            return {messages[0].id: _outcome(subscription, messages[0].envelope, error, ladder)}
    outcomes: dict[UUID, Outcome] = {}
    for message in messages:
        outcomes.update(await _handle_group(subscription, handler, [message], ladder))
    return outcomes


def _outcome(subscription: Subscription, envelope: Envelope, error: Exception, ladder: Sequence[float]) -> Outcome:
    where = {"queue": subscription.queue, "message_id": str(envelope.id), "event": envelope.name}
    if isinstance(error, Failure) and not isinstance(error, Transient):
        _log.warning("message answered with a failure", code=error.code, detail=error.detail, **where)
        return ACK
    text = f"{type(error).__name__}: {error}"[:2000]
    if envelope.attempt >= subscription.attempts:
        _log.error("message is dead", error=text, attempt=envelope.attempt, exc_info=error, **where)
        return Dead(text)
    _log.warning("message will be retried", error=text, attempt=envelope.attempt, **where)
    return Retry(ladder[min(envelope.attempt, len(ladder)) - 1], text)


Process = Callable[[Subscription, Sequence[Envelope]], Awaitable[dict[UUID, Outcome]]]
