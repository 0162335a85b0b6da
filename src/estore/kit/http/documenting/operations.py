"""Operations: what a handler, its policy and its types say of one method of one path."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from estore.kit.endpoint import ANYONE, Endpoint
from estore.kit.http.documenting.answers import answers
from estore.kit.http.documenting.components import headers_named
from estore.kit.http.documenting.parameters import parameters, request_body
from estore.kit.http.documenting.schemas import Node, Types


def operations(app: Litestar, types: Types) -> Iterator[tuple[str, str, Node]]:
    """Yield (path, method, operation) of every route of `app` that has a policy, the methods of a path by name."""
    for route in app.routes:
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        # They come out of a set of Litestar's, in another order in each process.
        handlers = {
            method: handler
            for handler in getattr(route, "route_handlers", ())
            if "endpoint" in handler.opt
            for method in handler.http_methods
        }
        for method, handler in sorted(handlers.items(), key=itemgetter(0)):
            yield path, method.lower(), _operation(handler, route, method, types)


def _operation(handler: HTTPRouteHandler, route: Any, method: str, types: Types) -> Node:
    endpoint: Endpoint[Any, Any] = handler.opt["endpoint"]
    names = set(handler.parsed_fn_signature.parameters)
    operation: Node = {
        "operationId": handler.operation_id,
        "summary": handler.summary or "",
        "description": _text(inspect.getdoc(handler.fn) or "", endpoint),
        "parameters": parameters(handler, route, method),
        "responses": {},
        "security": [{"bearer": []}] if endpoint.who is not ANYONE else [{}, {"bearer": []}],
    }
    if body := request_body(handler, types):
        operation["requestBody"] = body
    operation["responses"] = answers(handler, method, types)
    if "prefer" in names:
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                answer["headers"] = answer.get("headers", {}) | headers_named(["Preference-Applied"])
    return operation


def _text(doc: str, endpoint: Endpoint[Any, Any]) -> str:
    who = (endpoint.who.__doc__ or "").strip()
    return f"{doc}\n\nWho: {who}".strip() if who else doc
