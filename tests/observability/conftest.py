"""A whole store whose traces are kept in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from estore.kit.telemetry import tracing


@pytest.fixture(scope="module")
def exporter() -> Iterator[InMemorySpanExporter]:
    """What is traced from here on, all of it."""
    kept = InMemorySpanExporter()
    tracing.start("", 1.0, bus="test", exporter=kept)
    yield kept
    tracing.stop()
