"""Dead letters on RabbitMQ: list, requeue, drop, each over a connection of its own.

Prevents: a tool that loses messages when it is interrupted. A message is acked only after its copy is confirmed, and
what was only looked at goes back when the channel closes. The worst that an interruption leaves is a copy, which
`once` recognises.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import aiormq
import msgspec
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelNotFoundEntity
from pamqp.commands import Basic

from estore.kit.bus.amqp import AMQP_ERRORS, BrokerAway, connect
from estore.kit.bus.base import DeadLetter
from estore.kit.bus.topology import dead_queue, deliver_exchange, deliver_key
from estore.kit.bus.wire import envelope_of, failure_of, properties_of
from estore.kit.envelope import Envelope
from estore.kit.errors import Transient

TIMEOUT = 10.0


class DeadLetters:
    """The dead letters of any queue of the broker at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def list(self, queue: str, limit: int = 100, ids: Sequence[UUID] | None = None) -> list[DeadLetter]:
        """Return the oldest `limit`, or `ids`, and leave them. Raises Transient when the broker is away."""
        found: list[DeadLetter] = []
        async with self._look(queue) as look:
            async for message in look.messages(limit if ids is None else None):
                envelope = _envelope(message)
                if ids is None or envelope.id in ids:
                    found.append(DeadLetter(queue, envelope, *failure_of(message.header.properties)))
        return found

    async def requeue(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        """Deliver again from attempt 1; returns how many. Raises Transient when the broker is away or refuses."""
        count = 0
        exchange, key = deliver_exchange(queue.partition(".")[0]), deliver_key(queue)
        async with self._look(queue) as look:
            async for message in look.messages():
                envelope = _envelope(message)
                if ids is not None and envelope.id not in ids:
                    continue
                fresh = properties_of(msgspec.structs.replace(envelope, attempt=1))
                await look.channel.basic_publish(
                    message.body, exchange=exchange, routing_key=key, properties=fresh, mandatory=True, timeout=TIMEOUT
                )
                await look.take(message)
                count += 1
        return count

    async def drop(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        """Forget; returns how many. Raises Transient when the broker is away."""
        count = 0
        async with self._look(queue) as look:
            async for message in look.messages():
                if ids is None or _envelope(message).id in ids:
                    await look.take(message)
                    count += 1
        return count

    @asynccontextmanager
    async def _look(self, queue: str) -> AsyncIterator[_Look]:
        try:
            connection = await connect(self._url, "estore-dlq")
            try:
                look = _Look(await connection.channel(), dead_queue(queue))
                yield look
                await look.channel.close()
                if look.left:
                    await _returned(await connection.channel(), look)
            finally:
                await connection.close()
        except (*AMQP_ERRORS, BrokerAway) as error:
            raise Transient(str(error) or "the broker is away") from error


class _Look:
    """A look at the messages of one queue. left: how many were looked at, and go back when the channel closes."""

    def __init__(self, channel: aiormq.abc.AbstractChannel, queue: str) -> None:
        self.channel = channel
        self.queue = queue
        self.left = 0

    async def messages(self, limit: int | None = None) -> AsyncIterator[DeliveredMessage]:
        """Yield what is there now, unacked; nothing when there is no such queue."""
        try:
            depth = await _depth(self.channel, self.queue)
        except ChannelNotFoundEntity:
            return
        for _ in range(depth if limit is None else min(limit, depth)):
            message = await self.channel.basic_get(self.queue, timeout=TIMEOUT)
            if not isinstance(message.delivery, Basic.GetOk):
                return
            self.left += 1
            yield message

    async def take(self, message: DeliveredMessage) -> None:
        """Take it out of the queue."""
        await self.channel.basic_ack(message.delivery_tag or 0)
        self.left -= 1


async def _returned(channel: aiormq.abc.AbstractChannel, look: _Look) -> None:
    """Wait until what was only looked at can be seen again: a quorum queue takes it back after the channel is closed.

    Not for ever: somebody else may look at it now.
    """
    for _ in range(500):
        if await _depth(channel, look.queue) >= look.left:
            return
        await asyncio.sleep(0.02)


async def _depth(channel: aiormq.abc.AbstractChannel, queue: str) -> int:
    return (await channel.queue_declare(queue, passive=True, timeout=TIMEOUT)).message_count or 0


def _envelope(message: DeliveredMessage) -> Envelope:
    return envelope_of(message.header.properties, message.routing_key or "", message.body)
