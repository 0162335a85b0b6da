"""Traces by OpenTelemetry: spans, links, semantic conventions, export. Imported only where traces are wanted.

One provider per service, so that a process with all of them still tells them apart; one exporter for all.
Attributes follow the conventions for HTTP, messaging and databases, as far as they tell nothing of a person: no path
(it may hold what a client typed), no query, no address, no body, no argument of a statement, no message of an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import Token
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from opentelemetry import context as otel
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace import Tracer as OtelTracer

from estore.kit.context import Context
from estore.kit.envelope import Envelope, Message
from estore.kit.telemetry.metrics import build_version

_NOWHERE = otel.Context()
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_PARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_WORDS = re.compile(
    r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|BEGIN|COMMIT|COPY)\b(?:\s+(?:ONLY\s+)?([a-z_][a-z_0-9]*))?"
)
_FROM = re.compile(r"\bFROM\s+([a-z_][a-z_0-9]*)")
MAX_STATEMENT = 1000


class _Ids(RandomIdGenerator):
    """Random ids; a trace that had an id before it had a span keeps it."""

    wanted = 0

    def generate_trace_id(self) -> int:
        return self.wanted or super().generate_trace_id()


class _Roots(Sampler):
    """A share of the traces that begin here; what joins several traces is kept when one of them is."""

    def __init__(self, ratio: float) -> None:
        self._share = TraceIdRatioBased(ratio)

    def should_sample(
        self,
        parent_context: Any,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Sequence[Link] | None = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        if links:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        return self._share.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"estore {self._share.get_description()}"


def _sampled(traceparent: str) -> bool:
    return traceparent[-1:] in "13579bdf" and len(traceparent) == 55


def _parent_of(traceparent: str) -> SpanContext | None:
    """Return the parent that is named; None where nothing is. A trace without a span has a parent id of its own id."""
    found = _PARENT.fullmatch(traceparent)
    if found is None:
        return None
    return SpanContext(int(found[1], 16), int(found[2], 16), True, TraceFlags(int(found[3], 16)))


def _is_root(traceparent: str) -> bool:
    return traceparent[3:19] == traceparent[36:52]


def _traceparent(span: OtelSpan) -> str:
    at = span.get_span_context()
    return f"00-{at.trace_id:032x}-{at.span_id:016x}-{int(at.trace_flags):02x}"


def _fail(span: OtelSpan, error: BaseException | None) -> None:
    if error is not None and span.is_recording():
        span.set_attribute("error.type", getattr(error, "code", None) or type(error).__name__)
        span.set_status(Status(StatusCode.ERROR))


class _Call:
    """A use case; its Context is in the span while it lasts, and the task's statements are."""

    __slots__ = ("_before", "_ctx", "_others", "_span", "_token")

    def __init__(self, span: OtelSpan | None, ctx: Context | None = None, others: Sequence[OtelSpan] = ()) -> None:
        self._span = span
        self._ctx = ctx
        self._others = others
        self._before = ""
        if ctx is not None and span is not None:
            self._before, ctx.traceparent = ctx.traceparent, _traceparent(span)
        # Also where there is no span: a task must not write into the trace of the one that started it.
        self._token: Token[otel.Context] | None = None
        if span is not None:
            self._token = otel.attach(set_span_in_context(span, _NOWHERE))
        elif otel.get_current():
            self._token = otel.attach(_NOWHERE)

    def end(self, error: BaseException | None = None) -> None:
        if self._token is not None:
            otel.detach(self._token)
        if self._span is not None:
            if self._ctx is not None:
                self._ctx.traceparent = self._before
            for span in (self._span, *self._others):
                _fail(span, error)
                span.end()


class _Statement:
    __slots__ = ("_span",)

    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    def end(self, error: BaseException | None = None) -> None:
        if error is not None and (state := getattr(error, "sqlstate", None)):
            self._span.set_attribute("db.response.status_code", state)
        _fail(self._span, error)
        self._span.end()


class _Unkept:
    __slots__ = ("traceparent",)

    def __init__(self, traceparent: str) -> None:
        self.traceparent = f"{traceparent[:-2]}00"

    def end(self, route: str, status: int) -> None:
        pass


class _Request:
    __slots__ = ("_method", "_span", "traceparent")

    def __init__(self, span: OtelSpan, method: str) -> None:
        self._span = span
        self._method = method
        self.traceparent = _traceparent(span)

    def end(self, route: str, status: int) -> None:
        span = self._span
        if span.is_recording():
            span.update_name(f"{self._method} {route}")
            span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                span.set_attribute("error.type", str(status))
                span.set_status(Status(StatusCode.ERROR))
        span.end()


@lru_cache(1024)
def _words_of(sql: str) -> tuple[str, str, str]:
    """Return operation, table and text of a statement, which holds no values: those are its arguments."""
    found = _WORDS.search(sql)
    operation = found[1].split()[0] if found else "EXECUTE"
    table = (found[2] or "") if found else ""
    if operation in ("SELECT", "BEGIN", "COMMIT"):
        source = _FROM.search(sql)
        table = source[1] if source and operation == "SELECT" else ""
    return operation, table, " ".join(sql.split())[:MAX_STATEMENT]


class OpenTelemetry:
    """A Tracer (see `tracing`). endpoint, ratio, bus, exporter: see `tracing.start`."""

    def __init__(self, endpoint: str, ratio: float, *, bus: str, exporter: SpanExporter | None = None) -> None:
        self._bus = bus
        self._sampler = ParentBased(_Roots(ratio))
        self._bound = TraceIdRatioBased.get_bound_for_rate(ratio)
        self._ids = _Ids()
        self._limits = SpanLimits(max_links=1024)
        self._processor = (
            SimpleSpanProcessor(exporter)
            if exporter is not None
            else BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5))
        )
        self._providers: dict[str, TracerProvider] = {}
        self._tracers: dict[str, OtelTracer] = {}
        self._sending: dict[UUID, OtelSpan] = {}

    def _tracer(self, service: str) -> OtelTracer:
        if (tracer := self._tracers.get(service)) is None:
            resource = Resource(
                {"service.name": service, "service.namespace": "estore", "service.version": build_version()}
            )
            provider = TracerProvider(
                sampler=self._sampler,
                resource=resource,
                id_generator=self._ids,
                span_limits=self._limits,
                shutdown_on_exit=False,
            )
            provider.add_span_processor(self._processor)
            self._providers[service] = provider
            tracer = self._tracers[service] = provider.get_tracer("estore")
        return tracer

    def _begin(
        self, service: str, name: str, traceparent: str, kind: SpanKind, attributes: dict[str, Any] | None = None
    ) -> OtelSpan:
        """Begin a span in the trace that `traceparent` names: as its first, or below the one that is named."""
        tracer = self._tracer(service)
        parent = _parent_of(traceparent)
        if parent is not None and _is_root(traceparent):
            self._ids.wanted = parent.trace_id
            try:
                return tracer.start_span(name, _NOWHERE, kind, attributes, record_exception=False)
            finally:
                self._ids.wanted = 0
        at = _NOWHERE if parent is None else set_span_in_context(NonRecordingSpan(parent), _NOWHERE)
        return tracer.start_span(name, at, kind, attributes, record_exception=False)

    def _wanted(self, traceparent: str) -> bool:
        """Whether a span would be kept; asked first, because one that is not kept costs half as much as one that is."""
        if not _sampled(traceparent):
            return False
        # The same sum as TraceIdRatioBased's, of the last half of the trace's id.
        return not _is_root(traceparent) or int(traceparent[19:35], 16) < self._bound

    def request(self, service: str, method: str, traceparent: str) -> _Request | _Unkept:
        if not self._wanted(traceparent):
            return _Unkept(traceparent)
        return _Request(
            self._begin(service, method, traceparent, SpanKind.SERVER, {"http.request.method": method}), method
        )

    def call(self, service: str, name: str, ctx: Context) -> _Call:
        # A timer that finds nothing to do is no trace; what it publishes begins one.
        idle = ctx.principal.is_system and _is_root(ctx.traceparent)
        if idle or not self._wanted(ctx.traceparent):
            return _Call(None)
        return _Call(self._begin(service, name, ctx.traceparent, SpanKind.INTERNAL), ctx)

    def together(self, service: str, name: str, contexts: Sequence[Context]) -> _Call:
        sampled = [ctx for ctx in contexts if self._wanted(ctx.traceparent)]
        if len(contexts) == 1 or not sampled:
            return _Call(self._begin(service, name, sampled[0].traceparent, SpanKind.INTERNAL) if sampled else None)
        links = [Link(at) for ctx in sampled if (at := _parent_of(ctx.traceparent)) is not None]
        attributes = {"estore.batch.size": len(contexts)}
        span = self._tracer(service).start_span(name, _NOWHERE, SpanKind.INTERNAL, attributes, links)
        return _Call(span)

    def batch(self, service: str, queue: str, messages: Sequence[Message[Any]]) -> tuple[_Call, Sequence[Message[Any]]]:
        given = list(messages)
        spans: list[OtelSpan] = []
        for index, message in enumerate(given):
            envelope = message.envelope
            if not self._wanted(envelope.traceparent):
                continue
            attributes = self._of_message(envelope, "process") | {
                "messaging.destination.name": f"{envelope.source}.events:{envelope.name}:{queue}",
                "messaging.consumer.group.name": queue,
                "estore.attempt": envelope.attempt,
            }
            span = self._begin(service, f"process {queue}", envelope.traceparent, SpanKind.CONSUMER, attributes)
            spans.append(span)
            inside = msgspec.structs.replace(envelope, traceparent=_traceparent(span))
            given[index] = msgspec.structs.replace(message, envelope=inside)
        if not spans:
            return _Call(None), messages
        if len(given) == 1:
            return _Call(spans[0]), given
        joined = self._tracer(service).start_span(
            f"process batch {queue}",
            _NOWHERE,
            SpanKind.CONSUMER,
            {
                "messaging.system": self._bus,
                "messaging.operation.name": "process",
                "messaging.operation.type": "process",
                "messaging.consumer.group.name": queue,
                "messaging.batch.message_count": len(given),
            },
            [Link(span.get_span_context()) for span in spans],
        )
        for span in spans:
            span.add_link(joined.get_span_context())
        return _Call(joined, None, spans), given

    def _of_message(self, envelope: Envelope, operation: str) -> dict[str, Any]:
        return {
            "messaging.system": self._bus,
            "messaging.operation.name": operation,
            "messaging.operation.type": operation,
            "messaging.message.id": str(envelope.id),
            "messaging.message.conversation_id": envelope.correlation_id,
            "messaging.message.body.size": len(envelope.body),
            "estore.event": envelope.name,
            "estore.subject": envelope.subject,
        }

    def sending(self, service: str, envelopes: Sequence[Envelope]) -> Sequence[Envelope]:
        given = list(envelopes)
        for index, envelope in enumerate(given):
            if not self._wanted(envelope.traceparent):
                continue
            exchange = f"{envelope.source}.events"
            attributes = self._of_message(envelope, "send") | {
                "messaging.destination.name": f"{exchange}:{envelope.name}"
            }
            if self._bus == "rabbitmq":
                attributes["messaging.rabbitmq.destination.routing_key"] = envelope.name
            span = self._begin(service, f"send {exchange}", envelope.traceparent, SpanKind.PRODUCER, attributes)
            if span.is_recording():
                self._sending[envelope.id] = span
            given[index] = msgspec.structs.replace(envelope, traceparent=_traceparent(span))
        return given

    def sent(self, message_id: UUID, taken: bool) -> None:
        span = self._sending.pop(message_id, None)
        if span is not None:
            if not taken:
                span.set_attribute("error.type", "refused")
                span.set_status(Status(StatusCode.ERROR))
            span.end()

    @contextmanager
    def step(self, service: str, name: str, traceparent: str) -> Iterator[None]:
        call = _Call(self._begin(service, name, traceparent, SpanKind.CLIENT) if self._wanted(traceparent) else None)
        try:
            yield
        except BaseException as error:
            call.end(error)
            raise
        call.end()

    def statement(self, service: str, sql: str) -> _Statement | None:
        if not get_current_span().is_recording():
            return None
        operation, table, text = _words_of(sql)
        attributes = {
            "db.system.name": "postgresql",
            "db.namespace": service,
            "db.operation.name": operation,
            "db.query.text": text,
        }
        if table:
            attributes["db.collection.name"] = table
        name = f"{operation} {table}" if table else operation
        return _Statement(self._tracer(service).start_span(name, None, SpanKind.CLIENT, attributes))

    def stop(self) -> None:
        self._processor.force_flush(5000)
        self._processor.shutdown()
