"""Logs as JSON with ids, metrics, and the observing layer of every endpoint.

Prevents: an outage that nobody can explain. Logs carry ids, never personal data or secrets.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

import structlog
from prometheus_client import Counter, Gauge, Histogram

from estore.kit.clock import monotonic
from estore.kit.context import Context, current
from estore.kit.errors import Failure, Transient

P = ParamSpec("P")
R = TypeVar("R")
SLOW_SECONDS = 1.0

CALLS = Histogram(
    "estore_calls_seconds",
    "Duration of use cases",
    ["name", "kind", "outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
MESSAGES = Counter("estore_messages_total", "Messages by queue and outcome", ["queue", "outcome"])
OUTBOX_AGE = Gauge("estore_outbox_oldest_seconds", "Age of the oldest unpublished outbox row", ["service"])
RELAYED = Counter("estore_relayed_total", "Events that the relay handed over", ["service"])
CACHE = Counter("estore_read_cache_total", "Answers of the read cache", ["outcome"])


def log(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module: `log(__name__).info("event", order_id=...)`."""
    return structlog.get_logger(name)  # type: ignore[no-any-return]


def configure_logging(*, level: str = "info", as_json: bool = True) -> None:
    """Send structured logs to standard error, one line each, with the ids of the call they belong to."""
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_ids,
    ]
    if as_json:
        processors.append(structlog.processors.format_exc_info)
    processors.append(
        structlog.processors.JSONRenderer()
        if as_json
        # Plain tracebacks: the pretty ones print local variables, and with them secrets.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), sort_keys=False, exception_formatter=structlog.dev.plain_traceback
        )
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s")


def _add_ids(_logger: Any, _method: str, fields: dict[str, Any]) -> dict[str, Any]:
    ctx = current.get()
    if ctx is not None:
        fields.setdefault("trace_id", ctx.trace_id)
        fields.setdefault("correlation_id", ctx.correlation_id)
    return fields


_log = log(__name__)
configure_logging(level="warning", as_json=False)


def observed(call: Callable[P, Awaitable[R]], name: str, kind: str) -> Callable[P, Awaitable[R]]:
    """Measure `call`, and log it when it is unavailable or slow. A Failure is an outcome, not an error."""
    series = {outcome: CALLS.labels(name, kind, outcome) for outcome in ("ok", "refused", "unavailable", "error")}

    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        ctx = args[0] if args and isinstance(args[0], Context) else None
        token = current.set(ctx) if ctx is not None else None
        started = monotonic()
        outcome = "error"
        try:
            result = await call(*args, **kwargs)
            outcome = "ok"
            return result
        except Transient as failure:
            outcome = "unavailable"
            _log.warning("unavailable", name=name, detail=failure.detail)
            raise
        except Failure:
            outcome = "refused"
            raise
        finally:
            seconds = monotonic() - started
            series[outcome].observe(seconds)
            if seconds > SLOW_SECONDS and (ctx is None or not ctx.wait):
                _log.warning("slow", name=name, seconds=round(seconds, 3), outcome=outcome)
            if token is not None:
                current.reset(token)

    return run
