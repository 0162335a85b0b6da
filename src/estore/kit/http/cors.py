"""CORS (the Fetch standard, section 3.3): which pages of other origins may call the API from a browser.

Prevents: a storefront on a domain of its own that cannot use the API, and one that can though nobody allowed it.
Tokens and guests' secrets travel in headers that a page sets itself, never in cookies, so credentials are not allowed
to anybody: a browser adds nothing of its own accord that could be abused.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from estore.kit.http.cache import App, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
ACCEPTED = (
    b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, Cart-Secret, Order-Secret,"
    b" Traceparent"
)
EXPOSED = (
    b"Location, ETag, Link, Idempotency-Replayed, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After,"
    b" WWW-Authenticate, Content-Disposition"
)
# How long a browser may remember what a preflight was answered: the longest that Chromium does.
MAX_AGE = b"7200"
_ORIGIN = re.compile(rb"\r\norigin:[ \t]*([^\r]*?)[ \t]*\r\n", re.IGNORECASE)


class Cors:
    """origins: those that may call, such as `https://shop.example`; `*` for all of them; none turns it off."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)
        self._everybody = b"*" in self._origins

    def around(self, app: App) -> App:
        """Return `app` with preflights answered and its answers marked as readable for the origins."""
        if not self._origins:
            return app

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            asked = dict(scope["headers"])
            origin = asked.get(b"origin", b"")
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in asked and self._allows(origin):
                await send({"type": "http.response.start", "status": 204, "headers": self._preflight(origin)})
                await send({"type": "http.response.body", "body": b""})
                return
            added = self.headers(origin)

            async def mark(message: Scope) -> None:
                if message["type"] == "http.response.start":
                    message = dict(message) | {"headers": [*message["headers"], *added]}
                await send(message)

            await app(scope, receive, mark)

        return run

    def lines(self, request: bytes) -> bytes:
        """Return the header lines for an answer to the encoded `request`, each with its end of line."""
        if not self._origins:
            return b""
        found = _ORIGIN.search(request)
        return b"".join(b"%b: %b\r\n" % pair for pair in self.headers(found[1] if found else b""))

    def headers(self, origin: bytes) -> Headers:
        """Return what an answer to a page of `origin` says; empty for a request that no page sent."""
        if self._everybody:
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", EXPOSED)]
        # Also of what others are answered: a cache between us must not hand it to a page that may read it, or back.
        vary = [(b"vary", b"Origin")]
        if not self._allows(origin):
            return vary
        return [*vary, (b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED)]

    def _allows(self, origin: bytes) -> bool:
        return self._everybody or origin in self._origins

    def _preflight(self, origin: bytes) -> Headers:
        return [
            (b"access-control-allow-origin", b"*" if self._everybody else origin),
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", ACCEPTED),
            (b"access-control-max-age", MAX_AGE),
            (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        ]
