"""Responses: policy headers, ETag and 304, problem+json (RFC 9457)."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from estore.kit.context import Context, trace_id_of
from estore.kit.db.errors import ValueUnacceptable
from estore.kit.errors import Denied, Failure, Fault, Malformed, NotFound, TooLarge, Unauthenticated
from estore.kit.http.decoding import BodyMalformed
from estore.kit.http.requests import traceparent_of
from estore.kit.telemetry import log

T = TypeVar("T")
_log = log(__name__)
PROBLEM = "application/problem+json"


class Problem(msgspec.Struct, omit_defaults=True, kw_only=True):
    """RFC 9457. code: stable, for programs. errors: what is wrong where. trace_id: quote it when you ask for help."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    errors: tuple[Fault, ...] = ()
    trace_id: str = ""


def etag(version: int, revision: int | None = None) -> str:
    """Return the entity tag of a version: `"v3"`; with a revision `"v3.17"`, of which If-Match looks at the 3 only."""
    return f'"v{version}"' if revision is None else f'"v{version}.{revision}"'


def respond(
    request: Request[Any, Any, Any],
    ctx: Context,
    body: T,
    *,
    status: int | None = None,
    version: int | None = None,
    revision: int | None = None,
    location: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response[T]:
    """Encode what an endpoint answered.

    version: becomes the ETag; a GET with a matching If-None-Match is answered 304 without a body.
    revision: of what the answer shows beside the thing itself, such as its stock, which no If-Match is about.
    """
    out = dict(headers or ())
    if ctx.rate_headers:
        out.update(ctx.rate_headers)
    if ctx.replayed:
        out["idempotency-replayed"] = "true"
    if location is not None:
        out["location"] = location
    if version is not None:
        out["etag"] = tag = etag(version, revision)
        wanted = request.headers.get("if-none-match", "")
        if request.method == "GET" and wanted and (wanted == "*" or tag in wanted.replace("W/", "").split(", ")):
            return Response(None, status_code=304, headers=out)  # type: ignore[arg-type]
    return Response(body, status_code=status, headers=out)


def problem_of(failure: Failure, trace_id: str) -> dict[str, Any]:
    """Return the problem document of a failure; its type is the code's place in /docs/problems."""
    return {
        "type": f"/docs/problems#{failure.code}",
        "title": failure.title,
        "status": failure.status,
        "code": failure.code,
        "detail": failure.detail,
        "errors": failure.errors,
        "trace_id": trace_id,
    } | failure.extra


def problem(request: Request[Any, Any, Any], failure: Failure) -> Response[bytes]:
    """Encode a failure as problem+json."""
    ctx: Context | None = request.scope.get("state", {}).get("ctx")
    document = problem_of(failure, trace_id_of(traceparent_of(request.scope)))
    headers = dict(failure.headers)
    if failure.status == 401:
        headers["www-authenticate"] = "Bearer"
    if ctx is not None and ctx.rate_headers:
        headers = ctx.rate_headers | headers
    return Response(msgspec.json.encode(document), status_code=failure.status, headers=headers, media_type=PROBLEM)


def on_failure(request: Request[Any, Any, Any], error: Failure) -> Response[bytes]:
    # What no text of the database can be is the id of nothing, as any other id that nothing has.
    if isinstance(error, ValueUnacceptable) and "\0" in request.url.path:
        error = NoSuchResource()
    return problem(request, error)


class NoSuchResource(NotFound):
    code, title = "request.no_such_resource", "There is nothing at this address"


class MethodNotAllowed(Failure):
    status, code, title = 405, "request.method_not_allowed", "This cannot be done here; see Allow"


class AddressTooLong(TooLarge):
    status, code, title = 414, "request.address_too_long", "The address is too long"


class HeadersTooLarge(TooLarge):
    status, code, title = 431, "request.headers_too_large", "The headers are too large"


class ParameterInvalid(Malformed):
    code, title = "request.parameter_invalid", "A parameter is missing or cannot be read"


class Refused(Failure):
    status, code, title = 400, "request.refused", "The request was refused"


class Defect(Failure):
    status, code, title = 500, "kit.defect", "Something broke on our side"


_REFUSALS: dict[int, type[Failure]] = {
    401: Unauthenticated,
    403: Denied,
    404: NoSuchResource,
    405: MethodNotAllowed,
    413: TooLarge,
}


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Translate what the framework refuses: unknown path, wrong method, wrong parameter, huge body."""
    if isinstance(error, ValidationException):
        items = [item for item in error.extra or [] if isinstance(item, dict)]
        if any(item.get("key") == "data" for item in items):
            return problem(request, BodyMalformed("the body is missing", pointer=""))
        faults = [Fault(str(item.get("message", "")), parameter=str(item.get("key", ""))) for item in items]
        if not faults:  # The framework names what it cannot read, but not what it misses.
            missing = request.route_handler.opt.get("required", set()) - set(request.query_params)
            faults = [Fault("it is required", parameter=name) for name in sorted(missing)]
        return problem(request, ParameterInvalid(errors=faults))
    kind = _REFUSALS.get(error.status_code, Refused)
    failure = kind("" if kind is not Refused else error.detail)
    told = {name.lower(): value for name, value in (error.headers or {}).items()}
    failure.headers = {name: told[name] for name in ("allow", "retry-after") if name in told}
    if "GET" in (allowed := told.get("allow", "").split(", ")):
        failure.headers["allow"] = ", ".join(sorted({*allowed, "HEAD"}))
    return problem(request, failure)


def on_defect(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Anything unexpected is our fault: logged with its stack, told without it."""
    trace_id = trace_id_of(traceparent_of(request.scope))
    route = request.scope.get("path_template") or request.url.path
    ids = {name: value for name, value in request.path_params.items() if str(value).startswith("ord_")}
    _log.error("defect", route=route, method=request.method, trace_id=trace_id, exc_info=error, **ids)
    return problem(request, Defect("this is our fault; quote the trace_id when you report it"))


TITLES = {
    400: "Malformed: unreadable body, header or parameter",
    401: "Not signed in, or the token is expired or forged",
    403: "Not allowed",
    404: "No such thing, or not yours",
    409: "The state of the thing does not allow it",
    412: "It has changed since you read it",
    413: "Too large",
    415: "Media type not understood",
    422: "Readable but wrong",
    428: "If-Match is missing",
    429: "Too many requests",
    503: "Not possible right now; see Retry-After",
}
