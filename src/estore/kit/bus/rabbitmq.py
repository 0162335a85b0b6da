"""The RabbitMQ bus, for 3.10 to 4.x: quorum queues, publisher confirms, delay queues for retries.

Prevents: what is listed in `publisher`, `consumer`, `topology` and `dead`. This file joins them over two connections,
because a broker that is short of memory stops reading from publishers, and acks must not wait behind that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from uuid import UUID

import aiormq

from estore.kit.bus.amqp import AMQP_ERRORS, CONNECT_SECONDS, BrokerAway, connect, open_channel, when_closed
from estore.kit.bus.base import LADDER, DeadLetter, Depth, Subscription
from estore.kit.bus.consumer import Consumer
from estore.kit.bus.dead import DeadLetters
from estore.kit.bus.publisher import Job, Publisher
from estore.kit.bus.tasks import being_cancelled, cancel, supervise, until
from estore.kit.bus.topology import dead_queue, events_exchange
from estore.kit.clock import Clock, SystemClock
from estore.kit.envelope import Envelope
from estore.kit.telemetry import log

_log = log(__name__)
Done = Callable[[UUID], None]

RECONNECT_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0)
CONFIRM_SECONDS = 10.0
BATCH_SECONDS = 5.0
DECLARE_SECONDS = 30.0


class RabbitBus:
    """The driver `rabbitmq`.

    url: `amqp://user:password@host/vhost`, or amqps. subscriptions: the queues that this process consumes.
    heard: names of the events that have a listener somewhere in the store (`heard_by` of all subscriptions); one
    of them that no queue takes stays in the outbox, any other is let go and counted. None: all stay.
    publishes: services whose exchanges are made at the start; others are made with their first event.
    clock: what handlers are told the time is. ladder: seconds before each repeated attempt.
    """

    def __init__(
        self,
        url: str,
        subscriptions: Sequence[Subscription] = (),
        *,
        heard: Collection[str] | None = None,
        publishes: Collection[str] = (),
        clock: Clock | None = None,
        ladder: Sequence[float] = LADDER,
    ) -> None:
        self._url = url
        services = {s.service for s in subscriptions} | set(publishes)
        self._exchanges = sorted(events_exchange(service) for service in services)
        self._stopping = asyncio.Event()
        self._stopped = False
        self._publisher = Publisher(heard)
        self._consumers = [
            Consumer(s, self._publisher, clock or SystemClock(), ladder, self._stopping) for s in subscriptions
        ]
        self._dead = DeadLetters(url)
        self._task: asyncio.Task[None] | None = None
        self._said = ""
        self._incoming: aiormq.Connection | None = None

    async def start(self) -> None:
        """Begin to connect, and keep connected. A broker that is away stops no service: `ready` tells."""
        self._task = supervise("rabbitmq", self._run)

    @property
    def ready(self) -> bool:
        return self.accepts and not self._stopping.is_set() and all(consumer.alive for consumer in self._consumers)

    @property
    def accepts(self) -> bool:
        return self._publisher.connected and not self._stopped

    def publish(self, envelopes: Sequence[Envelope], confirm: Done, refuse: Done) -> None:
        self._publisher.submit(
            Job(envelope, events_exchange(envelope.source), envelope.name, confirm, refuse, {})
            for envelope in envelopes
        )

    async def depths(self) -> list[Depth]:
        """The broker is asked by passive declarations, which need no rights and no plugin. It tells neither what other
        processes hold nor how old what waits is: its own `rabbitmq_prometheus` plugin knows the former."""
        if self._incoming is None or not self._consumers:
            return []
        found = []
        try:
            channel = await open_channel(self._incoming)
            try:
                for consumer in self._consumers:
                    name = consumer.subscription.queue
                    ready, dead = [
                        (await channel.queue_declare(each, passive=True, timeout=CONNECT_SECONDS)).message_count or 0
                        for each in (name, dead_queue(name))
                    ]
                    found.append(Depth(name, ready, dead, *consumer.held))
            finally:
                if not channel.is_closed:
                    await channel.close()
        except AMQP_ERRORS as error:
            _log.warning("the broker does not tell how queues stand", reason=str(error))
        return found

    async def pause(self) -> None:
        self._stopping.set()
        await asyncio.gather(*(consumer.pause() for consumer in self._consumers))

    async def stop(self) -> None:
        await self.pause()
        if not await until(lambda: self._publisher.idle, CONFIRM_SECONDS):
            _log.warning("the broker did not confirm in time; the outbox keeps what it did not")
        self._stopped = True
        if self._task is not None:
            await cancel([self._task])
        self._publisher.refuse_all()

    async def dead_letters(self, queue: str, limit: int = 100, ids: Sequence[UUID] | None = None) -> list[DeadLetter]:
        return await self._dead.list(queue, limit, ids)

    async def requeue(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        return await self._dead.requeue(queue, ids)

    async def drop(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        return await self._dead.drop(queue, ids)

    async def _run(self) -> None:
        """Connect, work until a connection is lost, and again."""
        tries = 0
        while True:
            try:
                await self._session()
                why = "connection lost"
                tries = 0
            except (*AMQP_ERRORS, BrokerAway) as error:
                why = str(error) or type(error).__name__
            except asyncio.CancelledError:
                if being_cancelled():
                    raise
                why = "connection lost"  # How aiormq tells those who wait on what it closes.
            if being_cancelled():
                # A loss met the stop: there is nothing to connect to again.
                raise asyncio.CancelledError
            if why != self._said:
                self._said = why
                _log.warning("broker is away; events wait in the outbox", reason=why)
            await asyncio.sleep(RECONNECT_SECONDS[min(tries, len(RECONNECT_SECONDS) - 1)])
            tries += 1

    async def _session(self) -> None:
        """One pair of connections, from connect to loss. Returns when either is lost, or the publisher fails."""
        outgoing = await connect(self._url, "estore-out")
        tasks: list[asyncio.Task[None]] = []
        try:
            incoming = await connect(self._url, "estore-in")
            try:
                lost = asyncio.Event()
                for connection in (outgoing, incoming):
                    when_closed(connection, lost.set)
                self._incoming = incoming
                tasks += [asyncio.create_task(c.run(incoming), name=c.subscription.queue) for c in self._consumers]
                # Queues first: what was published before they exist would pass them by.
                await until(lambda: lost.is_set() or all(c.declared for c in self._consumers), DECLARE_SECONDS)
                publisher = asyncio.create_task(self._publisher.run(outgoing, self._exchanges), name="rabbitmq-out")
                publisher.add_done_callback(lambda _: lost.set())
                tasks.append(publisher)
                await until(lambda: self._publisher.connected or lost.is_set(), CONFIRM_SECONDS)
                if self._publisher.connected:
                    _log.info("connected to the broker", consumers=len(self._consumers))
                    self._said = ""
                await lost.wait()
                if publisher.done() and not publisher.cancelled() and (error := publisher.exception()):
                    raise error
            finally:
                self._incoming = None
                # A batch in hand may still commit; its messages come again and do not act twice.
                if not self._stopping.is_set():
                    await until(lambda: not any(consumer.busy for consumer in self._consumers), BATCH_SECONDS)
                await cancel(tasks, again=1.0)
                await incoming.close(timeout=CONFIRM_SECONDS)
        finally:
            await outgoing.close(timeout=CONFIRM_SECONDS)
