"""Traces are not there unless they are wanted, begin once, and tell of an error only its type."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from asyncpg import UniqueViolationError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from estore.kit.context import SYSTEM, Context, new_traceparent, trace_id_of
from estore.kit.envelope import Envelope, Message
from estore.kit.telemetry import observed, tracing
from estore.kit.telemetry.otel import OpenTelemetry
from estore.kit.telemetry.private import cleaned, told

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FROM_OUTSIDE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def envelope(traceparent: str) -> Envelope:
    return Envelope(
        id=uuid4(),
        name="thing.made.v1",
        source="shop",
        subject="a",
        version=1,
        time=NOW,
        correlation_id="cor_1",
        causation_id="somebody@example.com",
        traceparent=traceparent,
        body=b"{}",
    )


@pytest.fixture
def kept() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.start("", 1.0, bus="test", exporter=exporter)
    yield exporter
    tracing.stop()


def tracer(ratio: float) -> OpenTelemetry:
    return OpenTelemetry("", ratio, bus="test", exporter=InMemorySpanExporter())


def test_a_process_without_a_collector_does_not_even_load_opentelemetry() -> None:
    program = (
        "import sys; from estore.cli import serve; from estore.kit.telemetry import tracing;"
        "tracing.start('', 1.0, bus='estore');"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.protobuf'))])"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)

    assert said.stdout.strip() == "[]"


def test_the_trace_that_was_told_before_its_first_span_is_its_trace(kept: InMemorySpanExporter) -> None:
    assert tracing.tracer is not None
    before = new_traceparent()
    span = tracing.tracer.request("shop", "GET", before)
    span.end("/v1/shop", 503)
    [found] = kept.get_finished_spans()

    assert found.parent is None
    assert found.context is not None
    assert trace_id_of(before) == trace_id_of(span.traceparent) == f"{found.context.trace_id:032x}"
    assert (found.status.status_code, (found.attributes or {})["error.type"]) == (StatusCode.ERROR, "503")


@given(st.floats(0, 1))
def test_a_trace_is_kept_by_all_who_see_it_or_by_nobody(ratio: float) -> None:
    both = [tracer(ratio), tracer(ratio)]
    for _ in range(20):
        begun = new_traceparent()
        answers = [int(each.request("shop", "GET", begun).traceparent[-2:], 16) & 1 for each in both]
        sent = [each.sending("shop", [envelope(begun)])[0].traceparent for each in both]

        assert len(set(answers)) == 1
        assert {trace_id_of(one) for one in sent} == {trace_id_of(begun)}
        assert {one != begun for one in sent} == {answers[0] == 1}


def test_a_batch_of_which_nothing_is_kept_is_not_kept() -> None:
    never, messages = tracer(0.0), [Message(envelope(new_traceparent()), None, NOW) for _ in range(3)]
    span, same = never.batch("shop", "shop.work", messages)  # type: ignore[arg-type]
    inside = never.statement("shop", "SELECT 1")
    span.end()

    assert (same, inside) == (messages, None)


def test_what_a_caller_traces_is_followed_and_what_it_does_not_is_not() -> None:
    never, always = tracer(0.0), tracer(1.0)

    assert never.request("shop", "GET", FROM_OUTSIDE).traceparent.endswith("-01")
    assert always.request("shop", "GET", f"{FROM_OUTSIDE[:-2]}00").traceparent.endswith("-00")
    assert never.request("shop", "GET", new_traceparent()).traceparent.endswith("-00")


async def test_of_an_error_only_its_type_is_told(kept: InMemorySpanExporter) -> None:
    async def use_case(_ctx: Context, _request: None) -> None:
        raise RuntimeError("somebody@example.com")

    ctx = Context(now=NOW, traceparent=FROM_OUTSIDE)
    with pytest.raises(RuntimeError):
        await observed(use_case, "shop.buy", "endpoint")(ctx, None)
    [span] = kept.get_finished_spans()

    assert (span.name, span.attributes, span.events) == ("shop.buy", {"error.type": "RuntimeError"}, ())
    assert span.status.description is None
    assert ctx.traceparent == FROM_OUTSIDE


async def test_a_timer_that_finds_nothing_begins_no_trace(kept: InMemorySpanExporter) -> None:
    async def use_case(_ctx: Context, _request: None) -> None:
        pass

    await observed(use_case, "shop.look", "endpoint")(Context(now=NOW, principal=SYSTEM), None)

    assert kept.get_finished_spans() == ()


def test_an_idempotency_key_that_is_an_address_is_in_no_span(kept: InMemorySpanExporter) -> None:
    assert tracing.tracer is not None
    [sent] = tracing.tracer.sending("shop", [envelope(new_traceparent())])
    tracing.tracer.sent(sent.id, taken=True)

    assert "somebody" not in str([dict(span.attributes or {}) for span in kept.get_finished_spans()])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail to ada@example.com failed", "mail to [left out] failed"),
        ("postgresql://estore:s3cret@db/estore", "postgresql://[left out]@db/estore"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer [left out]"),
        ("account DE89 3704 0044 0532 0130 00", "account [left out]"),
        ("card 4242 4242 4242 4242 declined", "card [left out] declined"),
        ("call +49 (341) 123-4567 or +493411234567.", "call [left out] or [left out]."),
        ("2026-11-23T07:25:33.098200+00:00", "2026-11-23T07:25:33.098200+00:00"),
        ("order ord_01M830AGE0Z28VQBEJQGY7S16E of 2026-11-23", "order ord_01M830AGE0Z28VQBEJQGY7S16E of 2026-11-23"),
        ("0af7651916cd43dd8448eb211c80319c", "0af7651916cd43dd8448eb211c80319c"),
    ],
)
def test_what_is_private_is_left_out_and_ids_are_not(text: str, left: str) -> None:
    assert cleaned(text) == left


def refusal() -> Exception:
    """As PostgreSQL refuses a row, where nobody has made it forget the values."""
    error = UniqueViolationError('"one_name" is violated')
    error.detail = "Key (name)=(Ada Lovelace) already exists."
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("Ada Lovelace"), "KeyError: [left out]"),
        (KeyError("order_line"), "KeyError: 'order_line'"),
        (ValueError("'name' is 'Ada Lovelace', not \"Grace H.\""), "ValueError: 'name' is [left out], not [left out]"),
        (RuntimeError("can't write to 'Ada Lovelace'"), "RuntimeError: can't write to [left out]"),
        (ValueError("$1: 'Ada Lovelace, Ringstra..."), "ValueError: $1: [left out]"),
        (ValueError("name=b'Ada O\\'Hara', by=\"Ada's\""), "ValueError: name=b[left out], by=[left out]"),
        (refusal(), 'UniqueViolationError: "one_name" is violated'),
        (
            AttributeError("'NoneType' object has no attribute 'id'"),
            "AttributeError: 'NoneType' object has no attribute 'id'",
        ),
    ],
)
def test_an_error_keeps_our_names_and_loses_what_it_quotes(error: Exception, text: str) -> None:
    assert told(error) == text
