"""The door to traces. Off, it is one look at a variable; OpenTelemetry is imported by `start` only.

Prevents: a purchase that cannot be followed through ten services, and thirty megabytes in each of them for a trace
that nobody collects.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol
from uuid import UUID

from estore.kit.context import Context
from estore.kit.envelope import Envelope, Message


class Span(Protocol):
    """Something that was begun."""

    def end(self, error: BaseException | None = None) -> None:
        """End it; of an error only the type is told."""
        ...


class RequestSpan(Protocol):
    """A request on its way. traceparent: of its span."""

    traceparent: str

    def end(self, route: str, status: int) -> None: ...


class Tracer(Protocol):
    """What the kit's layers tell of. Whatever is handed on carries the traceparent of the span that it was in."""

    def request(self, service: str, method: str, traceparent: str) -> RequestSpan:
        """Begin the span of an HTTP request."""
        ...

    def call(self, service: str, name: str, ctx: Context) -> Span:
        """Begin the span of a use case; `ctx` is in it until it ends."""
        ...

    def together(self, service: str, name: str, contexts: Sequence[Context]) -> Span:
        """Begin what is done for several calls at once: with links to each, or in the one's own trace."""
        ...

    def batch(self, service: str, queue: str, messages: Sequence[Message[Any]]) -> tuple[Span, Sequence[Message[Any]]]:
        """Begin the handling of `messages`: a span each in its own trace, and for several one with links to them."""
        ...

    def sending(self, service: str, envelopes: Sequence[Envelope]) -> Sequence[Envelope]:
        """Begin the spans of sending. Returns what to send instead: each in its span."""
        ...

    def sent(self, message_id: UUID, taken: bool) -> None:
        """End the span of sending."""
        ...

    def step(self, service: str, name: str, traceparent: str) -> AbstractContextManager[None]:
        """Do something outside of any call in the trace `traceparent`, such as asking a payment provider."""
        ...

    def statement(self, service: str, sql: str) -> Span | None:
        """Begin the span of an SQL statement; None where the task is in no trace."""
        ...

    def stop(self) -> None:
        """Export what is left; returns when it is done."""
        ...


tracer: Tracer | None = None


def start(endpoint: str, ratio: float, *, bus: str, exporter: Any = None) -> None:
    """Begin to trace, if there is an `endpoint`: the OTLP/HTTP address of a collector, without `/v1/traces`.

    ratio: of the traces that begin here, 0 to 1; those that come from elsewhere are followed if they are sampled there.
    bus: what carries messages, for their spans. exporter: instead of OTLP, for tests.
    """
    global tracer
    if not endpoint and exporter is None:
        return
    from estore.kit.telemetry.otel import OpenTelemetry

    tracer = OpenTelemetry(endpoint, ratio, bus=bus, exporter=exporter)


def stop() -> None:
    """Export what is left, and trace no more."""
    global tracer
    ended, tracer = tracer, None
    if ended is not None:
        ended.stop()


def step(service: str, name: str, traceparent: str) -> AbstractContextManager[None]:
    """Do something in the trace `traceparent` outside of any call, such as asking a payment provider."""
    return nullcontext() if tracer is None else tracer.step(service, name, traceparent)
