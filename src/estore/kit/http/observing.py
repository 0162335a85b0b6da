"""The observing layer of HTTP: how long each route takes, how it answers, and the trace that a request is in."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from prometheus_client import Histogram

from estore.kit.clock import monotonic
from estore.kit.http.cache import App, Receive, Scope, Send
from estore.kit.http.requests import traceparent_of
from estore.kit.telemetry import tracing
from estore.kit.telemetry.metrics import HTTP

# What reached no route has no name of ours, and a name of the client's would be a series each.
NO_ROUTE = "none"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def observing(app: Any, service: str) -> App:
    """Wrap the ASGI application of `service`. What the read cache answers before the router is counted there."""
    series: dict[tuple[str, str, int], Histogram] = {}

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        status = 500
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        span = None
        if tracing.tracer is not None:
            span = tracing.tracer.request(service, method, traceparent_of(scope))
            scope["state"]["traceparent"] = span.traceparent
        began = monotonic()

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, watched)
        finally:
            route = scope.get("path_template") or NO_ROUTE
            found = series.get(key := (method, route, status // 100))
            if found is None:
                found = series[key] = HTTP.labels(service, method, route, f"{status // 100}xx")
            found.observe(monotonic() - began)
            if span is not None:
                span.end(route, status)

    return run
