"""The AsyncAPI 3 document of all events, generated from the contracts and the services' charters."""

from __future__ import annotations

import importlib
from typing import Any

import msgspec

from estore.contracts import REGISTRY
from estore.kit.contract import Event
from estore.kit.texts import as_json_schema

Document = dict[str, Any]


def document(services: tuple[str, ...], version: str) -> Document:
    """Return the document: a channel per event, a send operation of its publisher, a receive of each listener."""
    classes = [REGISTRY[name] for name in sorted(REGISTRY)]
    _, schemas = msgspec.json.schema_components(classes, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Estore events",
            "version": version,
            "description": "Every event travels at least once and acts once. A topic exchange per publisher, "
            "`<service>.events`; the routing key is the event's name.",
        },
        "defaultContentType": "application/json",
        "channels": {cls.event_name: _channel(cls) for cls in classes},
        "operations": _operations(services),
        "components": {
            "schemas": as_json_schema(schemas),
            "messages": {cls.__name__: _message(cls) for cls in classes},
            "messageTraits": {"envelope": {"headers": _ENVELOPE}},
        },
    }


_ENVELOPE: Document = {
    "type": "object",
    "description": "CloudEvents 1.0 attributes, and what connects causes and effects.",
    "properties": {
        "cloudEvents:id": {"type": "string", "format": "uuid", "description": "The same on every delivery."},
        "cloudEvents:source": {"type": "string", "description": "The publishing service."},
        "cloudEvents:type": {"type": "string"},
        "cloudEvents:time": {"type": "string", "format": "date-time"},
        "cloudEvents:subject": {"type": "string", "description": "The id of the aggregate."},
        "correlation-id": {"type": "string"},
        "causation-id": {"type": "string"},
        "traceparent": {"type": "string", "description": "W3C Trace Context."},
    },
}


def _channel(cls: type[Event]) -> Document:
    return {
        "address": cls.event_name,
        "description": (cls.__doc__ or "").strip(),
        "messages": {cls.__name__: {"$ref": f"#/components/messages/{cls.__name__}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": f"{cls.publisher}.events", "type": "topic", "durable": True},
            }
        },
    }


def _message(cls: type[Event]) -> Document:
    return {
        "name": cls.event_name,
        "summary": (cls.__doc__ or "").strip().partition("\n")[0],
        "payload": {"$ref": f"#/components/schemas/{cls.__name__}"},
        "traits": [{"$ref": "#/components/messageTraits/envelope"}],
    }


def _operations(services: tuple[str, ...]) -> Document:
    operations: Document = {}
    for service in services:
        charter = importlib.import_module(f"estore.services.{service}")
        for action, verb, events in (("send", "publishes", charter.PUBLISHES), ("receive", "hears", charter.HEARS)):
            for cls in events:
                operations[f"{service}.{verb}.{cls.event_name}"] = {
                    "action": action,
                    "channel": {"$ref": f"#/channels/{cls.event_name}"},
                    "tags": [{"name": service}],
                }
    return operations
