"""From headers to a Context: who, since when, with which key, how long they will wait."""

from __future__ import annotations

import hashlib
import re
from collections.abc import MutableMapping
from typing import Any

from litestar import Request
from litestar.types import HTTPScope

from estore.kit.auth import Verifier
from estore.kit.clock import Clock
from estore.kit.context import GUEST, Context, Versions, new_traceparent
from estore.kit.errors import Fault, Malformed

MAX_WAIT = 20.0
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?:\Z|[,;\s])")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'  # an entity-tag (RFC 9110 section 8.8.3), not only one of ours
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
_OURS = re.compile(r'"v([0-9]{1,18})(?:\.[0-9]{1,18})?"')


class HeaderInvalid(Malformed):
    code, title = "request.header_invalid", "A header cannot be read"


def _invalid(name: str, detail: str) -> HeaderInvalid:
    return HeaderInvalid(f"{name}: {detail}", errors=[Fault(detail, parameter=name)])


def traceparent_of(scope: MutableMapping[str, Any] | HTTPScope) -> str:
    """Return the trace of a request (an ASGI scope): the client's, or the one that was begun when first asked for.

    It is there before the request can be read, so that what is answered to an unreadable one can be found again.
    """
    state = scope.setdefault("state", {})
    if (found := state.get("traceparent")) is None:
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), "")
        found = state["traceparent"] = given if _TRACEPARENT.fullmatch(given) else new_traceparent()
    return str(found)


async def context(request: Request[Any, Any, Any], *, streamed: bool = False) -> Context:
    """Return the Context of `request`.

    streamed: the body is left alone; the route reads it and adds its hash to the fingerprint.
    Raises Unauthenticated for a bearer token that is forged or expired, HeaderInvalid (400) for headers that
    cannot be read.
    """
    headers = request.headers
    state = request.app.state
    verifier: Verifier = state.verifier
    clock: Clock = state.clock
    now = clock.now()
    principal = GUEST
    if (authorization := headers.get("authorization")) is not None:
        principal = await verifier.principal(authorization, now)
    client = request.client
    ctx = Context(
        now=now,
        principal=principal,
        traceparent=traceparent_of(request.scope),
        client=client.host if client is not None else "",
        wait=_wait(headers.get("prefer")),
        if_match=_if_match(headers.getall("if-match", [])),
    )
    if (key := headers.get("idempotency-key")) is not None:
        if not _KEY.fullmatch(key):
            raise _invalid("Idempotency-Key", "1 to 255 visible ASCII characters, no spaces")
        ctx.key = key
        ctx.causation_id = key
        digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
        # What proves a guest's right is part of the request: knowing somebody's key must not be enough to be answered.
        for name, value in sorted(request.scope["headers"]):
            if name.endswith(b"-secret"):
                digest.update(name + b": " + value + b"\n")
        if not streamed:
            digest.update(await request.body())
        ctx.fingerprint = digest.digest()
    request.scope["state"]["ctx"] = ctx
    return ctx


def _wait(prefer: str | None) -> float:
    """RFC 7240: a preference that is not understood is ignored."""
    if prefer is None or (match := _WAIT.search(prefer)) is None:
        return 0.0
    return min(float(match[1]), MAX_WAIT)


def _if_match(values: list[str]) -> Versions | None:
    """RFC 9110 section 13.1.1: `*`, or a list, of which tags that are weak or none of ours match nothing."""
    if not values:
        return None
    if (value := ", ".join(values).strip(" \t")) == "*":
        return Versions(None)
    if not _TAGS.fullmatch(value):
        raise _invalid("If-Match", 'send the ETag that you were given, such as "v3", several of them, or *')
    ours = (_OURS.fullmatch(tag) for tag in re.findall(_TAG, value))
    return Versions(tuple(int(tag[1]) for tag in ours if tag is not None))
