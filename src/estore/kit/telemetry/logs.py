"""Logs: one line of JSON each, with the ids of the call or the message that it belongs to."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from typing import Any

import structlog

from estore.kit.context import current
from estore.kit.telemetry.private import clean_fields

# What the log lines of this task belong to, beside its Context: a message's ids, an order.
about: ContextVar[dict[str, str] | None] = ContextVar("estore_about", default=None)


def log(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module: `log(__name__).info("event", order_id=...)`."""
    return structlog.get_logger(name)  # type: ignore[no-any-return]


def configure_logging(*, level: str = "info", as_json: bool = True) -> None:
    """Send structured logs to standard error, one line each, those of libraries included."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_ids,
        clean_fields,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False)
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(_Libraries(shared, renderer))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h.formatter, _Libraries)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(number, logging.WARNING))


class _Libraries(logging.Formatter):
    """Lines of libraries, cleaned and shaped like our own."""

    def __init__(self, processors: list[Any], renderer: Any) -> None:
        super().__init__()
        self._processors = processors
        self._renderer = renderer

    def format(self, record: logging.LogRecord) -> str:
        fields: Any = {"event": record.getMessage(), "logger": record.name}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        for process in (*self._processors, self._renderer):
            fields = process(None, record.levelname.lower(), fields)
        return str(fields)


def _add_ids(_logger: Any, _method: str, fields: dict[str, Any]) -> dict[str, Any]:
    ctx = current.get()
    if ctx is not None:
        fields.setdefault("trace_id", ctx.trace_id)
        fields.setdefault("correlation_id", ctx.correlation_id)
    for name, value in (about.get() or {}).items():
        fields.setdefault(name, value)
    return fields


configure_logging(level="warning", as_json=False)
