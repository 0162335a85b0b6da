"""The envelope: what travels with every event. Names follow CloudEvents 1.0.

Prevents: messages that cannot be deduplicated, ordered, or traced to what caused them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import msgspec

from estore.kit.contract import Event
from estore.kit.errors import TooLarge
from estore.kit.ids import new_message_id

# RabbitMQ takes far more, but a queue of large messages is a queue of slow ones. References, not documents.
MAX_BODY = 256 * 1024

_encode = msgspec.json.Encoder().encode


class Cause(Protocol):
    """What an event follows from: a Context or a Message."""

    @property
    def correlation_id(self) -> str: ...
    @property
    def traceparent(self) -> str: ...
    @property
    def causation_id(self) -> str: ...
    @property
    def now(self) -> datetime: ...


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way.

    id: the same on every delivery. source: the publishing service. version: of the aggregate, 0 where it has none.
    attempt: 1 for the first delivery.
    """

    id: UUID
    name: str
    source: str
    subject: str
    version: int
    time: datetime
    correlation_id: str
    causation_id: str
    traceparent: str
    body: bytes
    attempt: int = 1

    @classmethod
    def of(cls, event: Event, source: str, cause: Cause) -> Envelope:
        """Wrap `event`. Raises TooLarge for a body over MAX_BODY bytes, ValueError for another service's event."""
        if event.publisher != source:
            raise ValueError(f"{event.event_name} belongs to {event.publisher}, not to {source}")
        body = _encode(event)
        if len(body) > MAX_BODY:
            raise TooLarge(f"an event of {len(body)} bytes is over the limit of {MAX_BODY}")
        return cls(
            id=new_message_id(),
            name=event.event_name,
            source=source,
            subject=event.subject,
            version=getattr(event, "version", 0),
            time=cause.now,
            correlation_id=cause.correlation_id,
            causation_id=cause.causation_id,
            traceparent=cause.traceparent,
            body=body,
        )


T = TypeVar("T", bound=Event)


class Message(msgspec.Struct, Generic[T], frozen=True):
    """A received event, decoded. It is the cause of what its handler emits.

    now: the time at which the consumer handles it.
    """

    envelope: Envelope
    data: T
    now: datetime

    @property
    def id(self) -> UUID:
        return self.envelope.id

    @property
    def correlation_id(self) -> str:
        return self.envelope.correlation_id

    @property
    def causation_id(self) -> str:
        return str(self.envelope.id)

    @property
    def traceparent(self) -> str:
        return self.envelope.traceparent
