"""How an envelope looks on RabbitMQ: CloudEvents 1.0 in AMQP headers, binary mode; the body is the event's JSON.

Prevents: messages that only this program can read, and a foreign message that stops a consumer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pamqp.commands import Basic

from estore.kit.clock import utc_now
from estore.kit.envelope import Envelope
from estore.kit.ids import new_message_id

ATTEMPT = "estore-attempt"
ERROR = "estore-error"
FAILED_AT = "estore-failed-at"
PERSISTENT = 2
# Kept below the AMQP frame that must hold all headers.
MAX_ERROR = 2000


def properties_of(envelope: Envelope, **extra: str) -> Basic.Properties:
    """Return the AMQP properties of `envelope`. extra: further headers, such as ERROR."""
    message_id = str(envelope.id)
    return Basic.Properties(
        content_type="application/json",
        delivery_mode=PERSISTENT,
        message_id=message_id,
        message_type=envelope.name,
        app_id=envelope.source,
        headers={
            "cloudEvents:specversion": "1.0",
            "cloudEvents:id": message_id,
            "cloudEvents:source": envelope.source,
            "cloudEvents:type": envelope.name,
            "cloudEvents:time": envelope.time.isoformat(),
            "cloudEvents:subject": envelope.subject,
            "cloudEvents:dataschema": f"urn:estore:{envelope.name}",
            "cloudEvents:correlationid": envelope.correlation_id,
            "cloudEvents:causationid": envelope.causation_id,
            "cloudEvents:traceparent": envelope.traceparent,
            "cloudEvents:aggregateversion": envelope.version,
            ATTEMPT: envelope.attempt,
            **extra,
        },
    )


def envelope_of(properties: Basic.Properties, routing_key: str, body: bytes) -> Envelope:
    """Read a message. What is not ours becomes an envelope that no queue handles, and so a dead letter."""
    headers: Mapping[str, Any] = properties.headers or {}
    try:
        return Envelope(
            id=UUID(headers["cloudEvents:id"]),
            name=headers["cloudEvents:type"],
            source=headers["cloudEvents:source"],
            subject=headers["cloudEvents:subject"],
            version=headers["cloudEvents:aggregateversion"],
            time=datetime.fromisoformat(headers["cloudEvents:time"]),
            correlation_id=headers["cloudEvents:correlationid"],
            causation_id=headers["cloudEvents:causationid"],
            traceparent=headers["cloudEvents:traceparent"],
            body=body,
            attempt=headers.get(ATTEMPT, 1),
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return Envelope(
            id=new_message_id(),
            name=f"foreign:{routing_key}",
            source="foreign",
            subject="",
            version=0,
            time=utc_now(),
            correlation_id="",
            causation_id=str(properties.message_id or ""),
            traceparent="",
            body=body,
        )


def failure_of(properties: Basic.Properties) -> tuple[str, datetime | None]:
    """Return why and when a dead letter failed."""
    headers: Mapping[str, Any] = properties.headers or {}
    if ERROR in headers:
        return str(headers[ERROR]), datetime.fromisoformat(headers[FAILED_AT])
    # RabbitMQ itself gave up: the message came back unanswered as often as the queue allows.
    deaths = headers.get("x-death") or [{}]
    when = deaths[0].get("time")
    return "its consumers died or were cut off each time", when if isinstance(when, datetime) else None
