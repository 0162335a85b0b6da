"""One OpenAPI 3.1 document for all services, merged from what their routes and policies declare."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from estore.cli import asyncapi, reference
from estore.kit.http import application
from estore.kit.service import Service

JSON = b"application/json"
_HEADERS: dict[str, dict[str, Any]] = {
    "key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Unique per request, the same on a repeat: the repeat gets the same answer and has no effect.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
    },
    "if_match": {
        "name": "If-Match",
        "in": "header",
        "required": True,
        "description": "The ETag of the version that you want to change.",
        "schema": {"type": "string", "pattern": '^"v[0-9]+"$'},
    },
}
Document = dict[str, Any]


def document(services: Sequence[Service]) -> Document:
    """Return the merged document. Schemas of one name that differ get their service's name as a prefix."""
    merged: Document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Estore",
            "version": package_version(),
            "description": "A marketplace backend made of small services. Money is integer minor units; "
            "errors are problem+json (RFC 9457) with a stable `code`; lists are cursor pages.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": service.name} for service in services],
        "paths": {},
        "components": {"schemas": {}, "securitySchemes": {}},
    }
    for service in services:
        app = application(service.name, service.routes, verifier=service.verifier, clock=service.clock)
        part: Document = app.openapi_schema.to_schema()
        _add_policies(part, app)
        part = _renamed(part, _clashes(part, merged), service.name)
        for operations in part["paths"].values():
            for operation in operations.values():
                operation["tags"] = [service.name]
        merged["paths"].update(part["paths"])
        for kind in ("schemas", "securitySchemes"):
            merged["components"][kind].update(part.get("components", {}).get(kind, {}))
    merged["paths"] = dict(sorted(merged["paths"].items()))
    return merged


def pages(services: Sequence[Service]) -> Mapping[str, tuple[bytes, Callable[[], bytes]]]:
    """Return what a process shows of itself: `/openapi.json` and the reference at `/docs`, made on first use."""

    @lru_cache
    def built() -> Document:
        return document(services)

    @lru_cache
    def text() -> bytes:
        return json.dumps(built(), separators=(",", ":")).encode()

    @lru_cache
    def page() -> bytes:
        return reference.render(built()).encode()

    @lru_cache
    def events() -> bytes:
        return json.dumps(asyncapi.document(tuple(s.name for s in services), package_version())).encode()

    return {
        "/openapi.json": (JSON, text),
        "/asyncapi.json": (JSON, events),
        "/docs": (b"text/html; charset=utf-8", page),
    }


def package_version() -> str:
    """Return the version of the installed package, `0` when it is not installed."""
    try:
        return version("estore")
    except PackageNotFoundError:
        return "0"


def _add_policies(part: Document, app: Any) -> None:
    """Write down what the framework does not know: keys, conditions, closed schemas."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
            operations = part["paths"].get(path)
            if not operations:
                continue
            for method in handler.http_methods:
                operation = operations.get(method.lower())
                if operation is None:
                    continue
                for response in operation["responses"].values():
                    response.pop("headers", None)
                parameters = operation.setdefault("parameters", [])
                if handler.opt.get("once", "never") != "never":
                    parameters.append(_HEADERS["key"] | {"required": handler.opt["once_required"]})
                if handler.opt.get("if_match"):
                    parameters.append(_HEADERS["if_match"])


def _clashes(part: Document, merged: Document) -> set[str]:
    known = merged["components"]["schemas"]
    return {n for n, s in part.get("components", {}).get("schemas", {}).items() if n in known and known[n] != s}


def _renamed(part: Document, names: set[str], service: str) -> Document:
    if not names:
        return part
    text = json.dumps(part)
    for name in names:
        fresh = f"{service.capitalize()}{name}"
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{fresh}"')
    out: Document = json.loads(text)
    schemas = out["components"]["schemas"]
    for name in names:
        schemas[f"{service.capitalize()}{name}"] = schemas.pop(name)
    return out
