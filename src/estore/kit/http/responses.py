"""Responses: policy headers, ETag and 304, problem+json (RFC 9457)."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from estore.kit.context import Context
from estore.kit.errors import Failure, Fault, TooLarge
from estore.kit.http.decoding import BodyMalformed
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


def problem(request: Request[Any, Any, Any], failure: Failure) -> Response[bytes]:
    """Encode a failure as problem+json."""
    ctx: Context | None = request.scope.get("state", {}).get("ctx")
    document: dict[str, Any] = {
        "type": f"/docs/problems#{failure.code}",
        "title": failure.title,
        "status": failure.status,
        "code": failure.code,
        "detail": failure.detail,
        "errors": failure.errors,
        "trace_id": ctx.trace_id if ctx else "",
    } | failure.extra
    headers = dict(failure.headers)
    if failure.status == 401:
        headers["www-authenticate"] = "Bearer"
    if ctx is not None and ctx.rate_headers:
        headers = ctx.rate_headers | headers
    return Response(msgspec.json.encode(document), status_code=failure.status, headers=headers, media_type=PROBLEM)


def on_failure(request: Request[Any, Any, Any], error: Failure) -> Response[bytes]:
    return problem(request, error)


_CODES = {
    401: "kit.unauthenticated",
    403: "kit.denied",
    404: "request.no_such_resource",
    405: "request.method_not_allowed",
    413: "kit.too_large",
}


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Translate what the framework refuses: unknown path, wrong method, wrong parameter, huge body."""
    failure = TooLarge() if error.status_code == 413 else Failure(error.detail or "")
    if isinstance(error, ValidationException):
        if any(isinstance(item, dict) and item.get("key") == "data" for item in error.extra or []):
            return problem(request, BodyMalformed("the body is missing", pointer=""))
        faults = [
            Fault(str(item.get("message", "")), parameter=str(item.get("key", "")))
            for item in error.extra or []
            if isinstance(item, dict)
        ]
        failure = Failure("a parameter is missing or wrong", errors=faults)
        failure.code = "request.parameter_invalid"  # type: ignore[misc]
        failure.title = "A parameter cannot be read"  # type: ignore[misc]
    elif error.status_code != 413:
        failure.code = _CODES.get(error.status_code, "request.refused")  # type: ignore[misc]
        failure.title = error.detail or "The request was refused"  # type: ignore[misc]
    failure.status = error.status_code  # type: ignore[misc]
    failure.headers = {k: v for k, v in (error.headers or {}).items() if k.lower() in ("allow", "retry-after")}
    return problem(request, failure)


def on_defect(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Anything unexpected is our fault: logged with its stack, told without it."""
    _log.error("defect", path=request.url.path, method=request.method, exc_info=error)
    failure = Failure("this is our fault; quote the trace_id when you report it")
    failure.code = "kit.defect"  # type: ignore[misc]
    failure.title = "Something broke on our side"  # type: ignore[misc]
    return problem(request, failure)


def documented(statuses: set[int]) -> dict[int, ResponseSpec]:
    """Return the OpenAPI answers for `statuses`, each a problem document."""
    return {
        status: ResponseSpec(Problem, description=_TITLES[status], media_type=PROBLEM, generate_examples=False)
        for status in sorted(statuses)
    }


_TITLES = {
    400: "Malformed: unreadable body, header or parameter",
    401: "Not signed in, or the token is expired or forged",
    403: "Not allowed",
    404: "No such thing, or not yours",
    405: "Method not allowed",
    409: "The state of the thing does not allow it",
    412: "It has changed since you read it",
    413: "Too large",
    415: "Media type not understood",
    422: "Readable but wrong",
    428: "If-Match is missing",
    429: "Too many requests",
    503: "Not possible right now; see Retry-After",
}
