"""Exchanges and queues on RabbitMQ: their names, their arguments, and who declares them.

Prevents: a start order that decides which events are lost, and a retry that waits behind a longer one.

    <service>.events    topic exchange, where the service publishes; consumers bind to it by event name
    <service>.retry     topic exchange; `<ms>.<queue>` waits, `dead.<queue>` is dead
    <service>.retry.<ms>   delay queue with a fixed TTL; dead-letters to
    <service>.deliver   topic exchange; `*.<queue>` comes (back) to the queue
    <queue>, <queue>.dead

All but the publishers' exchanges belong to the consumer's service. A user may therefore be limited to configure
`^orders\\.`, write `^orders\\.`, read `^orders\\.|\\.events$`; a consumer then waits until the publisher has made its
exchange, and with configure `^orders\\.|\\.events$` no start order matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import aiormq
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity, ChannelPreconditionFailed

from estore.kit.bus.amqp import CONNECT_SECONDS, BrokerAway, FastChannel, connect, open_channel
from estore.kit.bus.base import LADDER, Subscription

# Returns of a message that no handler answered for: its process died or was cut off. RabbitMQ 4 would drop it after 20
# where nothing is said; 3.10 knows no "unlimited".
DELIVERY_LIMIT = 100
DEAD_DELIVERY_LIMIT = 1_000_000


def events_exchange(service: str) -> str:
    return f"{service}.events"


def retry_exchange(service: str) -> str:
    return f"{service}.retry"


def deliver_exchange(service: str) -> str:
    return f"{service}.deliver"


def dead_queue(queue: str) -> str:
    return f"{queue}.dead"


def dead_key(queue: str) -> str:
    return f"dead.{queue}"


def deliver_key(queue: str) -> str:
    return f"again.{queue}"


def delay_key(queue: str, delay: float) -> str:
    return f"{_milliseconds(delay)}.{queue}"


def _milliseconds(delay: float) -> int:
    return max(1, round(delay * 1000))


def _quorum(**arguments: Any) -> dict[str, Any]:
    return {"x-queue-type": "quorum", **{f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}}


def _dead_lettering(exchange: str) -> dict[str, Any]:
    """At-least-once: a message leaves its queue only when the next one has it (RabbitMQ 3.10 and later)."""
    return {
        "dead_letter_exchange": exchange,
        "dead_letter_strategy": "at-least-once",
        "overflow": "reject-publish",
    }


async def declare_exchange(connection: aiormq.Connection, exchange: str) -> None:
    """Make sure that `exchange` exists, with the right to make it or without. Raises BrokerAway."""
    channel = await open_channel(connection)
    try:
        await channel.exchange_declare(exchange, exchange_type="topic", durable=True, timeout=CONNECT_SECONDS)
    except ChannelAccessRefused:
        channel = await open_channel(connection)
        try:
            await channel.exchange_declare(exchange, passive=True, timeout=CONNECT_SECONDS)
        except ChannelNotFoundEntity:
            raise BrokerAway(f"the exchange {exchange} does not exist, and this user may not make it") from None
    except ChannelPreconditionFailed as error:
        raise BrokerAway(f"the exchange {exchange} exists with other properties: {error}") from error
    finally:
        if not channel.is_closed:
            await channel.close()


async def declare_subscription(
    connection: aiormq.Connection, subscription: Subscription, ladder: Sequence[float] = LADDER
) -> None:
    """Make everything that `subscription` needs, its publishers' exchanges included. Safe to repeat.

    Raises BrokerAway when something exists with other properties or may not be made.
    """
    for publisher in sorted({cls.publisher for cls in subscription.handlers}):
        await declare_exchange(connection, events_exchange(publisher))
    channel = await open_channel(connection)
    try:
        await _declare_own(channel, subscription, ladder)
        for cls in subscription.handlers:
            exchange = events_exchange(cls.publisher)
            await channel.queue_bind(subscription.queue, exchange, cls.event_name, timeout=CONNECT_SECONDS)
    except (ChannelPreconditionFailed, ChannelAccessRefused) as error:
        raise BrokerAway(f"the queues of {subscription.queue} cannot be made: {error}") from error
    finally:
        if not channel.is_closed:
            await channel.close()


async def _declare_own(channel: FastChannel, subscription: Subscription, ladder: Sequence[float]) -> None:
    service, queue = subscription.service, subscription.queue
    retry, deliver = retry_exchange(service), deliver_exchange(service)
    for exchange in (retry, deliver):
        await channel.exchange_declare(exchange, exchange_type="topic", durable=True, timeout=CONNECT_SECONDS)
    for delay in sorted({_milliseconds(delay) for delay in ladder}):
        name = f"{retry}.{delay}"
        arguments = _quorum(message_ttl=delay, **_dead_lettering(deliver))
        await channel.queue_declare(name, durable=True, arguments=arguments, timeout=CONNECT_SECONDS)
        await channel.queue_bind(name, retry, f"{delay}.#", timeout=CONNECT_SECONDS)
    dead = _quorum(delivery_limit=DEAD_DELIVERY_LIMIT)
    await channel.queue_declare(dead_queue(queue), durable=True, arguments=dead, timeout=CONNECT_SECONDS)
    await channel.queue_bind(dead_queue(queue), retry, dead_key(queue), timeout=CONNECT_SECONDS)
    arguments = _quorum(
        delivery_limit=DELIVERY_LIMIT, dead_letter_routing_key=dead_key(queue), **_dead_lettering(retry)
    )
    await channel.queue_declare(queue, durable=True, arguments=arguments, timeout=CONNECT_SECONDS)
    await channel.queue_bind(queue, deliver, f"*.{queue}", timeout=CONNECT_SECONDS)


async def declare(url: str, subscriptions: Iterable[Subscription], ladder: Sequence[float] = LADDER) -> None:
    """Make all queues of a store before its services start for the first time: `estore migrate` calls it.

    What is published before a consumer's queue exists passes it by; this leaves no such time. Raises BrokerAway.
    """
    connection = await connect(url, "estore-migrate")
    try:
        for subscription in subscriptions:
            await declare_subscription(connection, subscription, ladder)
    finally:
        await connection.close()
