"""Route decorators that take the endpoint, so that its policy shows in OpenAPI: security, keys, rates, failures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from litestar import Request
from litestar import delete as _delete
from litestar import get as _get
from litestar import patch as _patch
from litestar import post as _post
from litestar import put as _put
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import SecurityRequirement

from estore.kit.endpoint import ANYONE, NEVER, REQUIRED, Endpoint
from estore.kit.errors import Fault, Malformed
from estore.kit.http.decoding import Strict
from estore.kit.http.responses import documented

# Typed, so that mypy's strict mode takes a decorated route for a typed one.
Route = Callable[[Callable[..., Awaitable[Any]]], HTTPRouteHandler]


class UnknownParameter(Malformed):
    code, title = "request.parameter_unknown", "There is no such query parameter"


async def refuse_unknown_parameters(request: Request[Any, Any, Any]) -> None:
    """Refuse query parameters that the route does not declare: a typo must not widen a search."""
    if not request.scope["query_string"]:
        return
    known: set[str] = request.route_handler.opt["parameters"]
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        faults = [Fault(f"known are {', '.join(sorted(known)) or 'none'}", parameter=name) for name in unknown]
        raise UnknownParameter(f"unknown: {', '.join(unknown)}", errors=faults)


def _route(
    make: Callable[..., Any], path: str, endpoint: Endpoint[Any, Any], status: int, body: bool, options: dict[str, Any]
) -> Route:
    errors: Iterable[int] = options.pop("errors", ())
    versioned: bool = options.pop("if_match", False)
    statuses = {400, 405, 503, 429, 401} | set(errors)
    if "{" in path:
        statuses.add(404)
    if endpoint.who is not ANYONE:
        statuses |= {401, 403}
    if endpoint.once is not NEVER:
        statuses |= {409, 422}
    if body:
        statuses |= {413, 415, 422}
    if versioned:
        statuses |= {409, 412, 428}
    if endpoint.who is not ANYONE:
        options["security"] = [{"bearer": []}]
    else:
        anonymous: list[SecurityRequirement] = [{}, {"bearer": []}]
        options["security"] = anonymous
    responses = documented(statuses) | options.pop("responses", {})
    opt = {
        "endpoint": endpoint,
        "once": endpoint.once.value,
        "once_required": endpoint.once is REQUIRED,
        "if_match": versioned,
        "operation_name": endpoint.name,
    }
    route: Route = make(
        path,
        status_code=status,
        dto=Strict,
        return_dto=None,
        responses=responses,
        opt=opt | options.pop("opt", {}),
        operation_id=options.pop("operation_id", endpoint.name),
        before_request=refuse_unknown_parameters,
        **options,
    )
    return route


def get(path: str, endpoint: Endpoint[Any, Any], *, status: int = 200, **options: Any) -> Route:
    """Declare a GET route. errors: further statuses it answers; other options are Litestar's."""
    return _route(_get, path, endpoint, status, False, options)


def post(path: str, endpoint: Endpoint[Any, Any], *, status: int = 201, **options: Any) -> Route:
    """Declare a POST route. if_match: it needs If-Match (412, 428)."""
    return _route(_post, path, endpoint, status, True, options)


def put(path: str, endpoint: Endpoint[Any, Any], *, status: int = 200, **options: Any) -> Route:
    """Declare a PUT route."""
    return _route(_put, path, endpoint, status, True, options)


def patch(path: str, endpoint: Endpoint[Any, Any], *, status: int = 200, **options: Any) -> Route:
    """Declare a PATCH route; the body is a JSON merge patch (RFC 7396)."""
    return _route(_patch, path, endpoint, status, True, options)


def delete(path: str, endpoint: Endpoint[Any, Any], *, status: int = 204, **options: Any) -> Route:
    """Declare a DELETE route."""
    return _route(_delete, path, endpoint, status, False, options)
