"""Consuming on RabbitMQ: batches, one ack for many, and a consumer that is never lost for long.

Prevents: the consumer that is gone after a reconnect while the program looks healthy, the ack before the commit, the
requeue loop of a poisoned message, and the retry that is acked before the delay queue has it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import aiormq
import msgspec
from pamqp.commands import Basic

from estore.kit.bus.amqp import AMQP_ERRORS, BrokerAway, FastChannel, open_channel, when_closed
from estore.kit.bus.base import Dead, Hold, Outcome, Pace, Retry, Subscription, handle_through
from estore.kit.bus.publisher import Job, Publisher
from estore.kit.bus.tasks import being_cancelled, signalled, until
from estore.kit.bus.topology import dead_key, declare_subscription, delay_key, retry_exchange
from estore.kit.bus.wire import ERROR, FAILED_AT, MAX_ERROR, envelope_of
from estore.kit.clock import Clock, utc_now
from estore.kit.envelope import Envelope
from estore.kit.telemetry import log

_log = log(__name__)

RETRY_SECONDS = (0.1, 0.5, 1.0, 5.0)
# How often a silent consumer asks whether the broker still knows it.
WATCH_SECONDS = 15.0
RPC_SECONDS = 10.0
MOVE_SECONDS = 30.0


class Consumer:
    """One subscription's consumer: a channel of its own, so that one ack may cover all that came before.

    publisher: sends what must be retried or is dead. stopping: set when no new batch may begin.
    """

    def __init__(
        self,
        subscription: Subscription,
        publisher: Publisher,
        clock: Clock,
        ladder: Sequence[float],
        stopping: asyncio.Event,
    ) -> None:
        self.subscription = subscription
        self.alive = False
        self.busy = False
        self.declared = False
        self._publisher = publisher
        self._clock = clock
        self._ladder = ladder
        self._stopping = stopping
        self._arrived: deque[tuple[int, Envelope]] = deque()
        self._wake = asyncio.Event()
        self._pace = Pace(subscription)
        self._in_hand: Sequence[tuple[int, Envelope]] = ()
        self._lost = ""
        self._channel: FastChannel | None = None

    @property
    def held(self) -> tuple[int, datetime | None]:
        """How many messages were delivered here and are not acked, and when the oldest of them happened."""
        both = (*self._in_hand, *self._arrived)
        return len(both), min((envelope.time for _, envelope in both), default=None)

    async def run(self, connection: aiormq.Connection) -> None:
        """Consume until the stop. Whatever ends the consumer, it subscribes again while the connection lives."""
        tries = 0
        self.declared = False
        while not self._stopping.is_set() and not connection.is_closed:
            try:
                await self._subscribe(connection)
                tries = 0
                await self._work()
                why = self._lost
            except (*AMQP_ERRORS, BrokerAway) as error:
                why = str(error) or type(error).__name__
            except asyncio.CancelledError:
                if not being_cancelled():
                    why = "connection lost"  # How aiormq tells those who wait on what it closes.
                else:
                    raise
            except Exception as error:
                why = type(error).__name__
                _log.error("consumer died", queue=self.subscription.queue, exc_info=error)
            finally:
                self.declared = True  # Or it cannot be: nobody shall wait for it.
                await self._leave()
            if not self._stopping.is_set() and not connection.is_closed:
                _log.warning("consumer is lost and subscribes again", queue=self.subscription.queue, reason=why)
                await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
                tries += 1

    async def pause(self) -> None:
        """Take no more deliveries and finish the batch in hand. `stopping` is set before."""
        channel = self._channel
        if channel is not None and not channel.is_closed and self.alive:
            try:
                await channel.basic_cancel(self.subscription.queue, timeout=RPC_SECONDS)
            except AMQP_ERRORS as error:
                _log.warning("consumer could not say goodbye", queue=self.subscription.queue, reason=str(error))
        self._wake.set()
        self._pace.hurry()
        await until(lambda: not self.busy, 35.0)

    async def _subscribe(self, connection: aiormq.Connection) -> None:
        await declare_subscription(connection, self.subscription, self._ladder)
        self.declared = True
        channel = await open_channel(connection)
        self._arrived.clear()
        self._lost = ""
        self._channel = channel
        channel.on_deliver = self._on_deliver
        channel.on_consumer_cancel_callbacks.add(lambda _: self._lose("cancelled by the broker"))
        when_closed(channel, lambda: self._lose("channel closed"))
        prefetch = max(self.subscription.prefetch, self.subscription.batch)
        await channel.basic_qos(prefetch_count=prefetch, timeout=RPC_SECONDS)
        queue = self.subscription.queue
        # The tag is unique within the channel only, and this channel has one consumer.
        await channel.basic_consume(queue, _never_called, consumer_tag=queue, timeout=RPC_SECONDS)
        self.alive = not self._lost

    async def _leave(self) -> None:
        """Close the channel: what it delivered and nobody acked goes back to the queue."""
        self.alive = False
        channel, self._channel = self._channel, None
        self._arrived.clear()
        if channel is not None and not channel.is_closed:
            try:
                await channel.close(timeout=RPC_SECONDS)
            except AMQP_ERRORS as error:
                _log.warning("channel did not close", queue=self.subscription.queue, reason=str(error))

    def _lose(self, why: str) -> None:
        self.alive = False
        self._lost = self._lost or why
        self._wake.set()
        self._pace.hurry()

    def _on_deliver(self, frame: Basic.Deliver, properties: Basic.Properties, body: bytes) -> None:
        self._arrived.append((frame.delivery_tag or 0, envelope_of(properties, frame.routing_key or "", body)))
        self._wake.set()
        self._pace.arrived(len(self._arrived))

    async def _work(self) -> None:
        while not self._lost and not self._stopping.is_set():
            if not self._arrived:
                await self._wait()
                continue
            await self._pace.gather(self._arrived)
            if self._lost or self._stopping.is_set():
                return  # What was gathered and not acked comes again.
            batch = [self._arrived.popleft() for _ in range(min(len(self._arrived), self.subscription.batch))]
            self.busy, self._in_hand = True, batch
            try:
                if batch and not await self._handle(batch):
                    return
            finally:
                self.busy, self._in_hand = False, ()

    async def _wait(self) -> None:
        self._wake.clear()
        if not await signalled(self._wake, WATCH_SECONDS):
            await self._watch()

    async def _watch(self) -> None:
        """Ask the broker whether the queue has a consumer: a subscription may be lost without a word."""
        if self._channel is None or self._stopping.is_set():
            return
        answer = await self._channel.queue_declare(self.subscription.queue, passive=True, timeout=RPC_SECONDS)
        if not answer.consumer_count:
            self._lose("the broker knows no consumer of the queue")

    async def _handle(self, batch: Sequence[tuple[int, Envelope]]) -> bool:
        """Handle and ack a batch. Returns False when the channel must be given up, unacked."""
        envelopes = [envelope for _, envelope in batch]
        outcomes = await handle_through(self.subscription, envelopes, self._clock, self._ladder, self._stopping)
        if self._lost or self._channel is None or any(isinstance(outcome, Hold) for outcome in outcomes.values()):
            # The messages come back, and what took effect does not act again.
            self._lose("stopped while the database was away")
            return False
        moves = [(e, outcomes[e.id]) for e in {e.id: e for e in envelopes}.values()]
        failed = [(e, outcome) for e, outcome in moves if isinstance(outcome, Retry | Dead)]
        if failed and not await self._move(failed):
            self._lose("the broker did not take what must be retried")
            return False
        # All tags up to this one are settled: batches are handled in the order of delivery.
        await self._channel.basic_ack(batch[-1][0], multiple=True)
        return True

    async def _move(self, failed: Sequence[tuple[Envelope, Outcome]]) -> bool:
        """Put messages into their delay queue or the dead letters. Returns whether the broker has them all."""
        queue, exchange = self.subscription.queue, retry_exchange(self.subscription.service)
        await until(lambda: self._publisher.connected or bool(self._lost), MOVE_SECONDS)
        loop = asyncio.get_running_loop()
        jobs: list[Job] = []
        answers: list[asyncio.Future[bool]] = []
        for envelope, outcome in failed:
            answer: asyncio.Future[bool] = loop.create_future()
            if isinstance(outcome, Retry):
                key = delay_key(queue, outcome.delay)
                envelope = msgspec.structs.replace(envelope, attempt=envelope.attempt + 1)  # noqa: PLW2901
                extra = {}
            elif isinstance(outcome, Dead):
                key = dead_key(queue)
                extra = {ERROR: outcome.error[:MAX_ERROR], FAILED_AT: utc_now().isoformat()}
            else:
                continue
            jobs.append(Job(envelope, exchange, key, _resolve(answer, True), _resolve(answer, False), extra))
            answers.append(answer)
        self._publisher.submit(jobs)
        done, pending = await asyncio.wait(answers, timeout=MOVE_SECONDS)
        return not pending and all(answer.result() for answer in done)


def _resolve(answer: asyncio.Future[bool], value: bool) -> Callable[[UUID], None]:
    def resolve(_message_id: UUID) -> None:
        if not answer.done():
            answer.set_result(value)

    return resolve


async def _never_called(_message: object) -> None:
    """Deliveries go to `on_deliver`; aiormq only wants to know that the tag is taken."""
