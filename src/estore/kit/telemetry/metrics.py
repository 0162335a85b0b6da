"""The kit's series. Names follow Prometheus: `estore_`, the unit at the end, `_total` for what only grows.

Labels are names of ours: services, queues, use cases, routes, events; never an id, an address or a text of a client.
A store of several processes on one port (`estore up --workers N`) shows the sum of them all: `multiprocess_mode`
says how each gauge is joined there.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

# When a series began: one more for each counter and histogram, which nothing here asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONG_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_WAIT_SECONDS = (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)

CALLS = Histogram("estore_calls_seconds", "Duration of use cases", ["name", "kind", "outcome"], buckets=_SECONDS)
HTTP = Histogram(
    "estore_http_request_seconds",
    "Duration of HTTP requests that reached a router, by route and class of status",
    ["service", "method", "route", "status"],
    buckets=_SECONDS,
)
CACHE = Counter("estore_read_cache_total", "Answers of the read cache", ["outcome"])

MESSAGES = Counter("estore_messages_total", "Messages by queue and outcome", ["queue", "outcome"])
MESSAGE_AGE = Histogram(
    "estore_message_age_seconds", "From the event to its first handling", ["queue"], buckets=_LONG_SECONDS
)
EVENTS = Counter("estore_events_total", "Events committed to the outbox", ["event"])
RELAYED = Counter("estore_relayed_total", "Events that the relay handed over", ["service"])
RELAY_LAG = Histogram(
    "estore_relay_lag_seconds", "From the commit of an event to its confirmation", ["service"], buckets=_LONG_SECONDS
)
RELAY_HELD = Gauge(
    "estore_relay_held", "Events that this process has in hand", ["service"], multiprocess_mode="livesum"
)
OUTBOX_AGE = Gauge(
    "estore_outbox_oldest_seconds", "Age of the oldest unpublished outbox row", ["service"], multiprocess_mode="livemax"
)
QUEUE_READY = Gauge("estore_queue_ready", "Messages that wait in a queue", ["queue"], multiprocess_mode="livemax")
QUEUE_HELD = Gauge(
    "estore_queue_held", "Messages that this process was given and has not settled", ["queue"],
    multiprocess_mode="livesum",
)  # fmt: skip
QUEUE_OLDEST = Gauge(
    "estore_queue_oldest_seconds", "Age of the oldest message that this process was given", ["queue"],
    multiprocess_mode="livemax",
)  # fmt: skip
DEAD_LETTERS = Gauge("estore_dead_letters", "Messages that a queue gave up on", ["queue"], multiprocess_mode="livemax")
BUS_UP = Gauge("estore_bus_up", "Whether messages flow: 1 or 0", multiprocess_mode="livemin")

POOL_WAIT = Histogram(
    "estore_db_pool_wait_seconds", "Wait for a database connection", ["service"], buckets=_WAIT_SECONDS
)
POOL = Gauge(
    "estore_db_pool_connections", "Connections by state: busy or idle", ["service", "state"],
    multiprocess_mode="livesum",
)  # fmt: skip
POOL_MAX = Gauge("estore_db_pool_connections_max", "Connections at most", ["service"], multiprocess_mode="livesum")
DB_UP = Gauge(
    "estore_db_up", "Whether the database answered last time: 1 or 0", ["service"], multiprocess_mode="livemin"
)
MEASURED = Gauge(
    "estore_measured_timestamp_seconds", "When the gauges of a service were last read from its database", ["service"],
    multiprocess_mode="livemax",
)  # fmt: skip

LOOP_LAG = Histogram("estore_event_loop_lag_seconds", "How late the event loop was", buckets=_WAIT_SECONDS)
MEMORY = Gauge("estore_memory_bytes", "Resident memory of the process", multiprocess_mode="livesum")
BUILD = Gauge(
    "estore_build_info", "1, with the version of the store", ["version", "python"], multiprocess_mode="livemax"
)


def build_version() -> str:
    """Return the version of the installed store."""
    try:
        return version("estore")
    except PackageNotFoundError:
        return "0"


def exposed() -> bytes:
    """Return all series in Prometheus' text format: of this process, or joined with those that share its port."""
    BUILD.labels(build_version(), platform.python_version()).set(1)
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
