"""Route decorators that take the endpoint, so that its policy shows in OpenAPI: security, keys, rates, failures."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar import delete as _delete
from litestar import get as _get
from litestar import patch as _patch
from litestar import post as _post
from litestar import put as _put
from litestar.handlers import HTTPRouteHandler

from estore.kit.endpoint import ANYONE, NEVER, Endpoint
from estore.kit.errors import Fault, Malformed
from estore.kit.http.decoding import Strict
from estore.kit.http.responses import ParameterInvalid

# Typed, so that mypy's strict mode takes a decorated route for a typed one.
Route = Callable[[Callable[..., Awaitable[Any]]], HTTPRouteHandler]
Options = dict[str, Any]
_INTEGER = re.compile(r"-?[0-9]+")


class UnknownParameter(Malformed):
    code, title = "request.parameter_unknown", "There is no such query parameter"


async def refuse_odd_parameters(request: Request[Any, Any, Any]) -> None:
    """Refuse query parameters that the route does not declare: a typo must not widen a search. And one that is there
    twice where it has one value, of which nobody knows which is meant; and `1e3` or `2.0` for a whole number, which the
    decoder would take: what one parameter says has one spelling."""
    if not request.scope["query_string"]:
        return
    known: set[str] = request.route_handler.opt["parameters"]
    families: tuple[str, ...] = request.route_handler.opt["families"]
    unknown = [name for name in request.query_params if name not in known and not name.startswith(families)]
    if unknown:
        faults = [Fault(f"known are {', '.join(sorted(known)) or 'none'}", parameter=name) for name in unknown]
        raise UnknownParameter(f"unknown: {', '.join(unknown)}", errors=faults)
    single: set[str] = request.route_handler.opt["single"]
    times = Counter(name for name, _ in request.query_params.multi_items() if name in single)
    if repeated := [name for name, count in times.items() if count > 1]:
        raise ParameterInvalid(errors=[Fault("given more than once", parameter=name) for name in repeated])
    integers: set[str] = request.route_handler.opt["integers"]
    odd = [n for n, value in request.query_params.multi_items() if n in integers and not _INTEGER.fullmatch(value)]
    if odd:
        raise ParameterInvalid(errors=[Fault("a whole number in digits", parameter=name) for name in odd])


def _route(make: Callable[..., Any], path: str, endpoint: Endpoint[Any, Any], status: int, options: Options) -> Route:
    """Return the decorator. What it declares beside the policy is what a route can really answer."""
    errors = set(options.pop("errors", ()))
    opt = {
        "endpoint": endpoint,
        "errors": errors,
        "if_match": _if_match(endpoint, errors, options.pop("if_match", False)),
        "bodies": tuple(options.pop("bodies", ())),
        "also": tuple(options.pop("also", ())),
        "families": tuple(options.pop("families", ())),
    } | options.pop("opt", {})

    def declare(fn: Callable[..., Awaitable[Any]]) -> HTTPRouteHandler:
        takes = "data" in inspect.signature(fn).parameters
        opt["failures"] = _failures(make, path, endpoint, opt, takes) | errors
        handler: HTTPRouteHandler = make(
            path,
            status_code=status,
            dto=Strict,
            return_dto=None,
            opt=opt,
            operation_id=options.pop("operation_id", endpoint.name),
            before_request=refuse_odd_parameters,
            **options,
        )(fn)
        return handler

    return declare


def _if_match(endpoint: Endpoint[Any, Any], errors: set[int], versioned: bool) -> bool | None:
    """True: If-Match must be there. False: it is looked at when it is. None: it is not looked at."""
    if versioned:
        return endpoint.once is NEVER
    return False if 412 in errors else None


def _failures(make: Any, path: str, endpoint: Endpoint[Any, Any], opt: Options, takes: bool) -> set[int]:
    found = {400, 401, 429, 503}
    if "{" in path:
        found.add(404)
    if endpoint.who is not ANYONE:
        found.add(403)
    if endpoint.once is not NEVER:
        found |= {409, 422}
    if make in (_post, _put, _patch):
        found.add(413)
    if takes:
        found |= {415, 422}
    if opt["if_match"] is not None:
        found.add(412)
    if opt["if_match"] is True or (opt["if_match"] is False and 412 not in opt["errors"]):
        found |= {409, 428}
    return found


def get(path: str, endpoint: Endpoint[Any, Any], *, status: int = 200, **options: Any) -> Route:
    """Declare a GET route.

    errors: further statuses it answers. also: further media types of its answer. families: beginnings of query
    parameters that the route reads itself, such as `attr.`. Other options are Litestar's.
    """
    return _route(_get, path, endpoint, status, options)


def post(path: str, endpoint: Endpoint[Any, Any], *, status: int = 201, **options: Any) -> Route:
    """Declare a POST route.

    if_match: it needs If-Match (412, 428). bodies: media types of a body that it reads itself.
    """
    return _route(_post, path, endpoint, status, options)


def put(path: str, endpoint: Endpoint[Any, Any], *, status: int = 200, **options: Any) -> Route:
    """Declare a PUT route."""
    return _route(_put, path, endpoint, status, options)


def patch(path: str, endpoint: Endpoint[Any, Any], *, status: int = 200, **options: Any) -> Route:
    """Declare a PATCH route; the body is a JSON merge patch (RFC 7396)."""
    return _route(_patch, path, endpoint, status, options)


def delete(path: str, endpoint: Endpoint[Any, Any], *, status: int = 204, **options: Any) -> Route:
    """Declare a DELETE route."""
    return _route(_delete, path, endpoint, status, options)
