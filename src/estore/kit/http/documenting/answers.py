"""What is answered: bodies, headers and failures."""

from __future__ import annotations

from typing import Any, get_args, get_origin

import msgspec
from litestar.handlers import HTTPRouteHandler

from estore.kit.endpoint import NEVER, Endpoint
from estore.kit.http.documenting.components import headers_named
from estore.kit.http.documenting.schemas import JSON, Node, Types
from estore.kit.http.pages import Page


def answer_type(handler: HTTPRouteHandler) -> Any:
    """Return X of `-> Response[X]`, None for nothing."""
    inner = get_args(handler.parsed_fn_signature.return_type.annotation)
    return None if not inner or inner[0] is type(None) else inner[0]


def versioned(kind: Any) -> bool:
    """Tell whether answers of `kind` have an ETag: what has a version is told by its version."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct) and "version" in kind.__struct_fields__


def answers(handler: HTTPRouteHandler, method: str, types: Types) -> Node:
    """Return the answers of `handler` to `method` by status, failures included."""
    endpoint: Endpoint[Any, Any] = handler.opt["endpoint"]
    kind = answer_type(handler)
    status = handler.status_code
    found: Node = {str(status): _success(handler, kind, _SUCCESS[status], types)}
    for other, spec in sorted((handler.responses or {}).items()):
        if other < 400:
            found[str(other)] = _success(handler, spec.data_container, spec.description, types)
    if method == "GET" and versioned(kind):
        found["304"] = {
            "description": "Not changed since the ETag in If-None-Match",
            "headers": headers_named(["ETag"]),
        }
    failures: set[int] = handler.opt["failures"]
    if endpoint.rate is None:
        failures = failures - ({429} - set(handler.opt["errors"]))
    return found | {str(s): {"$ref": f"#/components/responses/Problem{s}"} for s in sorted(failures)}


_SUCCESS = {
    200: "Here it is",
    201: "Made",
    202: "Accepted; it goes on by itself",
    204: "Done; there is nothing to say",
}


def _success(handler: HTTPRouteHandler, kind: Any, description: str, types: Types) -> Node:
    endpoint: Endpoint[Any, Any] = handler.opt["endpoint"]
    answer: Node = {"description": description}
    if kind is not None:
        # Bytes are a file, which has the other media types only
        answer["content"] = {} if kind is bytes else {JSON: {"schema": types.answer(kind)}}
        for media in handler.opt["also"]:
            answer["content"][media] = {}
    headers = []
    if versioned(kind):
        headers.append("ETag")
    if get_origin(kind) is Page:
        headers.append("Link")
    if "POST" in handler.http_methods and handler.status_code in (201, 202):
        headers.append("Location")
    if endpoint.once is not NEVER:
        headers.append("Idempotency-Replayed")
    if endpoint.rate is not None:
        headers += ["RateLimit", "RateLimit-Policy"]
    if headers:
        answer["headers"] = headers_named(headers)
    return answer
