"""AMQP connections and channels: aiormq's, without a task per delivery and a future per publish.

Prevents: a broker that is "not reachable" for a reason nobody can read. See docs/adr/0011.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import aiormq
from aiormq.abc import ChannelFrame, ConfirmationFrameType
from aiormq.channel import Channel
from aiormq.exceptions import AMQPError, ChannelInvalidStateError, ProbableAuthenticationError
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.frame import marshal
from pamqp.header import ContentHeader
from yarl import URL

# Seconds. A peer that vanished without a word is noticed after about three of them.
HEARTBEAT = 10
CONNECT_SECONDS = 10.0

Confirmed = Callable[[int, bool, bool], None]
Returned = Callable[[str], None]
Delivered = Callable[[Basic.Deliver, Basic.Properties, bytes], None]

# What a lost connection, a closed channel or a refused operation raises, here and in aiormq.
AMQP_ERRORS = (AMQPError, ConnectionError, OSError, TimeoutError, ChannelInvalidStateError)


class BrokerAway(Exception):
    """The broker cannot be used; the message says why, for a person."""


class FastChannel(Channel):
    """A channel whose publishes are pipelined and whose deliveries are callbacks.

    on_confirm: delivery tag, multiple, whether the broker took it. on_return: id of a message that no queue is bound
    for; called before its confirmation. on_deliver: a delivery.
    """

    def __init__(self, connection: aiormq.Connection) -> None:
        number = next(n for n in range(1, 65_000) if n not in connection.channels)
        super().__init__(connection, number, publisher_confirms=True)
        connection.channels[number] = self
        self.on_confirm: Confirmed = lambda _tag, _multiple, _ok: None
        self.on_return: Returned = lambda _id: None
        self.on_deliver: Delivered = lambda _frame, _properties, _body: None

    def marshal(self, exchange: str, key: str, properties: Basic.Properties, body: bytes) -> bytes:
        """Return the frames of one mandatory publish."""
        number, size = self.number, self.max_content_size
        return b"".join(
            (
                marshal(Basic.Publish(exchange=exchange, routing_key=key, mandatory=True), number),
                marshal(ContentHeader(0, len(body), properties), number),
                *(marshal(ContentBody(body[i : i + size]), number) for i in range(0, len(body), size)),
            )
        )

    async def write(self, payload: bytes) -> None:
        """Send marshalled frames; returns when the socket has taken them. Raises what AMQP_ERRORS lists."""
        drained: asyncio.Future[None] = self.create_future()
        await self.write_queue.put(ChannelFrame(payload=payload, should_close=False, drain_future=drained))
        await drained

    async def _on_confirm_frame(self, frame: ConfirmationFrameType) -> None:
        self.on_confirm(frame.delivery_tag or 0, bool(getattr(frame, "multiple", False)), isinstance(frame, Basic.Ack))

    async def _on_return_frame(self, frame: Basic.Return) -> None:
        properties, _body = await self._content()
        self.on_return(str(properties.message_id))

    async def _on_deliver_frame(self, frame: Basic.Deliver) -> None:
        properties, body = await self._content()
        self.on_deliver(frame, properties, body)

    async def _content(self) -> tuple[Basic.Properties, bytes]:
        header = await self._get_frame()
        if not isinstance(header, ContentHeader):
            raise ValueError(f"unexpected frame {header!r}")
        parts: list[bytes] = []
        missing = header.body_size or 0
        while missing > 0:
            part = await self._get_frame()
            if not isinstance(part, ContentBody):
                raise ValueError(f"unexpected frame {part!r}")
            parts.append(part.value)
            missing -= len(part.value)
        return header.properties, b"".join(parts)


async def connect(url: str, name: str) -> aiormq.Connection:
    """Connect. name: shown in RabbitMQ's list of connections. Raises BrokerAway with a readable reason."""
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # It logs what is handled and said here.
    target = URL(url)
    connection = aiormq.Connection(target.update_query(heartbeat=HEARTBEAT, name=name))
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.connect()
    except (*AMQP_ERRORS, ValueError) as error:
        raise BrokerAway(reason(error, target)) from error
    return connection


async def open_channel(connection: aiormq.Connection) -> FastChannel:
    """Open a channel with publisher confirms. Raises what AMQP_ERRORS lists."""
    channel = FastChannel(connection)
    await channel.open(timeout=CONNECT_SECONDS)
    return channel


def when_closed(closable: Any, action: Callable[[], None]) -> None:
    """Call `action` once the connection or channel is closed, by whomever."""
    closable.closing.add_done_callback(lambda _: action())


def reason(error: BaseException, target: URL) -> str:
    """Return one line that names what is wrong. Never contains the password."""
    where = f"RabbitMQ at {target.host}:{target.port or 5672}"
    text = re.sub(r"\s+", " ", str(error))
    if isinstance(error, ProbableAuthenticationError) or "ACCESS_REFUSED - Login" in text:
        return f"{where} refuses the user name {target.user!r} or its password"
    if "Connection.OpenOk" in text or "NOT_ALLOWED" in text:
        # The answer to Connection.Open was a Connection.Close, whose text aiormq does not hand on.
        vhost = unquote(target.raw_path[1:]) or "/"
        return f"{where} refuses the virtual host {vhost!r}: there is none, or {target.user!r} may not use it"
    cause = error.__cause__ or error
    if isinstance(cause, socket.gaierror):
        return f"{where}: the host name is not known"
    if isinstance(cause, ConnectionRefusedError):
        return f"{where}: nothing listens there"
    if isinstance(error, TimeoutError):
        return f"{where} does not answer"
    return f"{where}: {text or type(error).__name__}"
