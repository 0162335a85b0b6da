"""Dead letters on RabbitMQ: list, requeue, drop, each over a connection of its own.

Prevents: a tool that loses messages when it is interrupted. A message is acked only after its copy is confirmed, and
what was only looked at goes back when the channel closes. The worst that an interruption leaves is a copy, which
`once` recognises.
"""

from __future__ import annotations

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

    async def list(self, queue: str, limit: int = 100) -> list[DeadLetter]:
        """Return the oldest `limit`, and leave them. Raises Transient when the broker is away."""
        found: list[DeadLetter] = []
        async with self._channel() as channel:
            async for message in _messages(channel, queue, limit):
                envelope = _envelope(message)
                found.append(DeadLetter(queue, envelope, *failure_of(message.header.properties)))
        return found

    async def requeue(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        """Deliver again from attempt 1; returns how many. Raises Transient when the broker is away or refuses."""
        count = 0
        exchange, key = deliver_exchange(queue.partition(".")[0]), deliver_key(queue)
        async with self._channel() as channel:
            async for message in _messages(channel, queue):
                envelope = _envelope(message)
                if ids is not None and envelope.id not in ids:
                    continue
                fresh = properties_of(msgspec.structs.replace(envelope, attempt=1))
                await channel.basic_publish(
                    message.body, exchange=exchange, routing_key=key, properties=fresh, mandatory=True, timeout=TIMEOUT
                )
                await channel.basic_ack(message.delivery_tag or 0)
                count += 1
        return count

    async def drop(self, queue: str, ids: Sequence[UUID] | None = None) -> int:
        """Forget; returns how many. Raises Transient when the broker is away."""
        count = 0
        async with self._channel() as channel:
            async for message in _messages(channel, queue):
                if ids is None or _envelope(message).id in ids:
                    await channel.basic_ack(message.delivery_tag or 0)
                    count += 1
        return count

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[aiormq.abc.AbstractChannel]:
        try:
            connection = await connect(self._url, "estore-dlq")
            try:
                channel = await connection.channel()
                yield channel
                # Closed and waited for: what was only looked at is back in the queue when this returns.
                await channel.close()
            finally:
                await connection.close()
        except (*AMQP_ERRORS, BrokerAway) as error:
            raise Transient(str(error) or "the broker is away") from error


async def _messages(
    channel: aiormq.abc.AbstractChannel, queue: str, limit: int | None = None
) -> AsyncIterator[DeliveredMessage]:
    """Yield what is in the dead letters of `queue` now, unacked; nothing when there is no such queue."""
    name = dead_queue(queue)
    try:
        depth = (await channel.queue_declare(name, passive=True, timeout=TIMEOUT)).message_count or 0
    except ChannelNotFoundEntity:
        return
    for _ in range(depth if limit is None else min(limit, depth)):
        message = await channel.basic_get(name, timeout=TIMEOUT)
        if not isinstance(message.delivery, Basic.GetOk):
            return
        yield message


def _envelope(message: DeliveredMessage) -> Envelope:
    return envelope_of(message.header.properties, message.routing_key or "", message.body)
