"""The observing layer of every endpoint and consumer: metrics, spans, log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from estore.kit.clock import monotonic
from estore.kit.context import Context, current, trace_id_of
from estore.kit.envelope import Envelope, Message
from estore.kit.errors import Failure, Transient
from estore.kit.telemetry import tracing
from estore.kit.telemetry.logs import about, log
from estore.kit.telemetry.metrics import CALLS
from estore.kit.telemetry.private import told

P = ParamSpec("P")
R = TypeVar("R")
SLOW_SECONDS = 1.0
ORDER = "ord_"
_log = log(__name__)


def observed(call: Callable[P, Awaitable[R]], name: str, kind: str) -> Callable[P, Awaitable[R]]:
    """Measure and trace `call`, and log it when it is unavailable or slow. A Failure is an outcome, not an error.

    call: takes a Context and a request, or (a consumer) a queue and its messages.
    """
    series = {outcome: CALLS.labels(name, kind, outcome) for outcome in ("ok", "refused", "unavailable", "error")}
    service = name.partition(".")[0]

    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        ctx = args[0] if isinstance(args[0], Context) else None
        token = current.set(ctx) if ctx is not None else None
        ids = about.set(_ids(args))
        tracer, span, given = tracing.tracer, None, args
        if tracer is not None:
            if ctx is not None:
                span = tracer.call(service, name, ctx)
            else:
                queue, messages = args
                span, messages = tracer.batch(service, queue, messages)  # type: ignore[arg-type]
                given = (queue, messages)  # type: ignore[assignment]
        started = monotonic()
        outcome = "error"
        failed: BaseException | None = None
        try:
            result = await call(*given, **kwargs)
            outcome = "ok"
            return result
        except Transient as failure:
            outcome, failed = "unavailable", failure
            _log.warning("unavailable", name=name, detail=failure.detail)
            raise
        except Failure:
            outcome = "refused"
            raise
        except BaseException as error:
            failed = error
            raise
        finally:
            seconds = monotonic() - started
            series[outcome].observe(seconds)
            if seconds > SLOW_SECONDS and (ctx is None or not ctx.wait):
                _log.warning("slow", name=name, seconds=round(seconds, 3), outcome=outcome)
            if span is not None:
                span.end(failed)
            about.reset(ids)
            if token is not None:
                current.reset(token)

    return run


def _ids(args: Sequence[Any]) -> dict[str, str] | None:
    """What the lines of this call are about: a request's order, a lone message."""
    given = args[1] if len(args) > 1 else None
    if isinstance(given, Sequence) and not isinstance(given, str):
        if len(given) == 1 and isinstance(given[0], Message):
            return ids_of(given[0].envelope)
        return {"messages": str(len(given))}
    order_id = getattr(given, "order_id", None) or getattr(given, "name", None)
    return {"order_id": order_id} if isinstance(order_id, str) and order_id.startswith(ORDER) else None


def ids_of(envelope: Envelope) -> dict[str, str]:
    """Return what a log line about a message carries: its event, its trace, its order where it is about one."""
    ids = {"event_id": str(envelope.id), "event_name": envelope.name, "correlation_id": envelope.correlation_id}
    if envelope.traceparent:
        ids["trace_id"] = trace_id_of(envelope.traceparent)
    if envelope.subject.startswith(ORDER):
        ids["order_id"] = envelope.subject
    elif envelope.subject:
        ids["subject"] = envelope.subject
    return ids


__all__ = ["ids_of", "observed", "told"]
