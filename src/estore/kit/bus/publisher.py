"""Publishing on RabbitMQ: pipelined, confirmed one by one, and never confirmed when no queue took it.

Prevents: 4,000 events per second because each waits for its own confirmation, and the confirmation that RabbitMQ
gives for a message that it dropped because nothing was bound.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from uuid import UUID

import aiormq

from estore.kit.bus.amqp import FastChannel, open_channel, when_closed
from estore.kit.bus.base import UNROUTABLE
from estore.kit.bus.topology import declare_exchange
from estore.kit.bus.wire import properties_of
from estore.kit.envelope import Envelope
from estore.kit.telemetry import log

_log = log(__name__)
Done = Callable[[UUID], None]

MAX_UNCONFIRMED = 2000
CHUNK = 100
# An event that somebody should hear and nobody does goes back to the outbox, after a pause.
UNROUTABLE_SECONDS = 5.0


class Job:
    """One message to publish. Exactly one of confirm and refuse is called, once."""

    __slots__ = ("confirm", "envelope", "exchange", "extra", "key", "refuse")

    def __init__(
        self, envelope: Envelope, exchange: str, key: str, confirm: Done, refuse: Done, extra: dict[str, str]
    ) -> None:
        self.envelope = envelope
        self.exchange = exchange
        self.key = key
        self.confirm = confirm
        self.refuse = refuse
        self.extra = extra


class Publisher:
    """Sends jobs over one connection at a time. Jobs are refused while there is none, and when it is lost.

    heard: names of events that have a listener somewhere in the store; None means any may have one.
    """

    def __init__(self, heard: Collection[str] | None = None) -> None:
        self._heard = heard
        self._jobs: deque[Job] = deque()
        self._unconfirmed: dict[int, Job] = {}
        self._returned: Counter[str] = Counter()
        self._delayed: dict[Job, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._channel: FastChannel | None = None
        self._tag = 0
        self._unheard: set[str] = set()

    @property
    def connected(self) -> bool:
        return self._channel is not None

    @property
    def idle(self) -> bool:
        """Whether every job has its answer, apart from those that wait to be refused."""
        return not (self._jobs or self._unconfirmed)

    def submit(self, jobs: Iterable[Job]) -> None:
        """Send `jobs` in their order."""
        if self._channel is None:
            for job in jobs:
                job.refuse(job.envelope.id)
            return
        self._jobs.extend(jobs)
        self._wake.set()

    async def run(self, connection: aiormq.Connection, exchanges: Collection[str]) -> None:
        """Send what is submitted until the connection is lost, which raises what AMQP_ERRORS lists, or BrokerAway."""
        declared = set[str]()
        for exchange in exchanges:
            await declare_exchange(connection, exchange)
            declared.add(exchange)
        channel = await open_channel(connection)
        channel.on_confirm, channel.on_return = self._on_confirm, self._on_return
        self._tag = 0
        self._channel = channel
        when_closed(channel, self._look)
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._jobs:
                    await self._send(connection, channel, declared)
                if channel.is_closed:
                    raise ConnectionError("the channel for publishing was closed")
        finally:
            self._channel = None
            self.refuse_all()

    async def _send(self, connection: aiormq.Connection, channel: FastChannel, declared: set[str]) -> None:
        while len(self._unconfirmed) > MAX_UNCONFIRMED:
            self._room.clear()
            await self._room.wait()
            if channel.is_closed:
                raise ConnectionError("the channel for publishing was closed")
        frames: list[bytes] = []
        for _ in range(min(CHUNK, len(self._jobs))):
            job = self._jobs[0]
            if job.exchange not in declared:
                await declare_exchange(connection, job.exchange)
                declared.add(job.exchange)
            self._jobs.popleft()
            try:
                properties = properties_of(job.envelope, **job.extra)
                frames.append(channel.marshal(job.exchange, job.key, properties, job.envelope.body))
            except (ValueError, TypeError) as error:
                _log.error("event cannot be sent", event_name=job.envelope.name, exc_info=error)
                job.refuse(job.envelope.id)
                continue
            self._tag += 1
            self._unconfirmed[self._tag] = job
        if frames:
            await channel.write(b"".join(frames))

    def _look(self) -> None:
        self._wake.set()
        self._room.set()

    def refuse_all(self) -> None:
        """Refuse whatever has no answer yet: nobody knows whether the broker has it, and twice is better than never."""
        waiting = [*self._unconfirmed.values(), *self._jobs, *self._delayed]
        for timer in self._delayed.values():
            timer.cancel()
        self._unconfirmed.clear()
        self._jobs.clear()
        self._delayed.clear()
        self._returned.clear()
        for job in waiting:
            job.refuse(job.envelope.id)

    def _on_confirm(self, tag: int, multiple: bool, taken: bool) -> None:
        if multiple:
            tags = []
            for pending in self._unconfirmed:  # In the order in which they were sent.
                if pending > tag:
                    break
                tags.append(pending)
        else:
            tags = [tag]
        for each in tags:
            if (job := self._unconfirmed.pop(each, None)) is not None:
                self._answer(job, taken)
        self._room.set()

    def _on_return(self, message_id: str) -> None:
        self._returned[message_id] += 1

    def _answer(self, job: Job, taken: bool) -> None:
        if self._returned and self._returned.get(message_id := str(job.envelope.id), 0):
            self._returned[message_id] -= 1
            if not self._returned[message_id]:
                del self._returned[message_id]
            self._unroutable(job)
        elif taken:
            job.confirm(job.envelope.id)
        else:
            job.refuse(job.envelope.id)

    def _unroutable(self, job: Job) -> None:
        name = job.envelope.name
        UNROUTABLE.labels(name).inc()
        first = name not in self._unheard
        self._unheard.add(name)
        if self._heard is not None and name not in self._heard:
            if first:
                _log.info("nobody hears an event", event_name=name)
            job.confirm(job.envelope.id)
            return
        if first:
            _log.error("event is kept in the outbox: no queue is bound for it", event_name=name, exchange=job.exchange)
        loop = asyncio.get_running_loop()
        self._delayed[job] = loop.call_later(UNROUTABLE_SECONDS, self._refuse_late, job)

    def _refuse_late(self, job: Job) -> None:
        if self._delayed.pop(job, None) is not None:
            self._unheard.discard(job.envelope.name)
            job.refuse(job.envelope.id)
