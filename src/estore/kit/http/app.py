"""The app factory: one Litestar application per service."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException, LitestarDeprecationWarning

from estore.kit.auth import Verifier
from estore.kit.clock import Clock
from estore.kit.errors import Failure
from estore.kit.http.responses import on_defect, on_failure, on_http_exception

MAX_BODY = 256 * 1024
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


def application(service: str, handlers: Sequence[Any], *, verifier: Verifier, clock: Clock) -> Litestar:
    """Return the ASGI application of a service with its route `handlers`."""
    # The styles it warns of go with Litestar 3; the lock keeps us on 2.
    warnings.filterwarnings("ignore", category=LitestarDeprecationWarning)
    app = Litestar(
        route_handlers=list(handlers),
        state=State({"verifier": verifier, "clock": clock}),
        exception_handlers={HTTPException: on_http_exception, Failure: on_failure, Exception: on_defect},
        request_max_body_size=MAX_BODY,
        # The document is ours (documenting/): of the types that decode, not of what a generator makes of them.
        openapi_config=None,
        response_headers=SECURITY_HEADERS,
        logging_config=None,
    )
    _tell_methods(app)
    for route in app.routes:
        for handler, model in getattr(route, "route_handler_map", {}).values():
            handler.opt["parameters"] = {p.field_alias for p in model.expected_query_params}
            handler.opt["single"] = {p.field_alias for p in model.expected_query_params if not p.is_sequence}
            handler.opt["required"] = {p.field_alias for p in model.expected_query_params if p.is_required}
            declared = handler.parsed_fn_signature.parameters
            handler.opt["integers"] = {
                p.field_alias
                for p in model.expected_query_params
                if declared[p.field_name].annotation in (int, int | None)
            }
    return app


def _tell_methods(app: Litestar) -> None:
    """Have OPTIONS answer with all methods of a path: the framework parts them by what their parameters are called."""
    together: dict[str, set[str]] = defaultdict(set)
    for route in app.routes:
        methods = together[re.sub(r"{.*?}", "{}", route.path)]
        methods |= route.methods
        if "GET" in methods:
            methods.add("HEAD")
        route.methods = methods  # type: ignore[assignment]
