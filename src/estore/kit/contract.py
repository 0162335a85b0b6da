"""Events: frozen facts with a name, a version and a publisher. `estore.contracts` declares them with this.

Prevents: string event names with a listener and no emitter, and event classes copied into every service.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all events. Readers ignore fields that they do not know, so a publisher may add optional ones."""

    event_name: ClassVar[str] = ""
    publisher: ClassVar[str] = ""
    subject_field: ClassVar[str] = ""
    decode: ClassVar[Callable[[bytes], Any]]

    @property
    def subject(self) -> str:
        """The id of the aggregate that the event is about."""
        return str(getattr(self, self.subject_field))


E = TypeVar("E", bound=type[Event])
REGISTRY: dict[str, type[Event]] = {}


def event(name: str, *, by: str, subject: str) -> Callable[[E], E]:
    """Declare an event.

    name: routing key, `order.placed.v1`. by: the service that publishes it, and nobody else.
    subject: the field that holds the aggregate's id. A field `version`, where there is one, is the aggregate's.
    """

    def declare(cls: E) -> E:
        cls.event_name, cls.publisher, cls.subject_field = name, by, subject
        cls.decode = msgspec.json.Decoder(cls).decode
        if REGISTRY.setdefault(name, cls) is not cls:
            raise RuntimeError(f"two events are called {name}")
        return cls

    return declare
