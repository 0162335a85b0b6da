"""The read cache: encoded answers, handed out before the router, before even the HTTP parser.

Prevents: a hot product page that costs a query, an encoder and a router each time it is looked at.
Only answers that say `Cache-Control: public` to requests without credentials are kept. A commit that changes them
notifies every process (PostgreSQL NOTIFY, sent in the same transaction); what was being read meanwhile is not kept.
While the notifications cannot be heard the cache is off.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import asyncpg
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from estore.kit.db import connect
from estore.kit.telemetry import log
from estore.kit.telemetry.metrics import CACHE

_log = log(__name__)
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

EVERYTHING = "*"
MAX_ENTRY = 256 * 1024
PING_SECONDS = 2.0
# A request with one of these is not for the cache: it has credentials, conditions, a body, or ends the connection.
_SPECIAL = re.compile(
    rb"\r\n(?:authorization|if-|connection:[^\r]*close|connection:[^\r]*upgrade|content-length|transfer-encoding|expect"
    rb"|range|prefer|cache-control|cart-secret|order-secret)",
    re.IGNORECASE,
)
_END = b"\r\n\r\n"


class ReadCache:
    """Answers by request target, least recently used out first. max_bytes: of all entries together."""

    def __init__(self, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0
        self._max = max_bytes
        self.generation = 0
        self.listening = False
        self.hits = 0
        self.misses = 0
        self._told = (0, 0)

    def get(self, target: bytes) -> bytes | None:
        """Return the whole encoded response after its Date header, or None."""
        return self._entries.get(target) if self.listening else None

    def put(self, target: bytes, answer: bytes, generation: int) -> None:
        """Keep `answer`, unless something was invalidated since `generation`, when its reading began."""
        if not self.listening or generation != self.generation or len(answer) > MAX_ENTRY:
            return
        self._bytes += len(answer) - len(self._entries.pop(target, b""))
        self._entries[target] = answer
        while self._bytes > self._max:
            _, old = self._entries.popitem(last=False)
            self._bytes -= len(old)

    def invalidate(self, names: set[str]) -> None:
        """Forget the resources called `names` (last part of their path, id or slug), and every list."""
        self.generation += 1
        if EVERYTHING in names:
            self._entries.clear()
            self._bytes = 0
            return
        for target in list(self._entries):
            path = target.partition(b"?")[0].decode("latin-1")
            last = path.rpartition("/")[2]
            if last in names or path.count("/") < 3 or "/categories" in path:
                self._bytes -= len(self._entries.pop(target))

    def clear(self) -> None:
        self.invalidate({EVERYTHING})

    def filling(self, app: App) -> App:
        """Wrap `app` so that its public answers are kept."""

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            if not self.listening or scope["type"] != "http" or scope["method"] != "GET" or _has_credentials(scope):
                await app(scope, receive, send)
                return
            generation = self.generation
            self.misses += 1
            start: MutableMapping[str, Any] = {}
            body = bytearray()

            async def keep(message: MutableMapping[str, Any]) -> None:
                nonlocal start
                if message["type"] == "http.response.start":
                    start = message
                elif message["type"] == "http.response.body":
                    body.extend(message.get("body", b""))
                    if not message.get("more_body", False) and _is_public(start):
                        self.put(_target(scope), _encode(start, bytes(body)), generation)
                await send(message)

            await app(scope, receive, keep)

        return run

    async def listen(self, dsn: str, channel: str) -> None:
        """Hear invalidations on `channel` for ever. Whenever the connection is lost the cache is off and emptied."""
        while True:
            conn: asyncpg.Connection | None = None
            try:
                conn = await connect(dsn, timeout=5, command_timeout=5)
                await conn.add_listener(channel, lambda *args: self.invalidate(set(str(args[3]).split(","))))
                conn.add_termination_listener(lambda _conn: self._deaf())
                self.clear()
                self.listening = True
                while not conn.is_closed():
                    await asyncio.sleep(PING_SECONDS)
                    await conn.execute("SELECT 1")
                    self._tell()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                _log.warning("read cache is off", channel=channel, error=str(error))
            finally:
                self._deaf()
                if conn is not None:
                    conn.terminate()
            await asyncio.sleep(0.5)

    def _tell(self) -> None:
        """Add what was counted since the last time: a counter's lock on every hit would cost more than the answer."""
        hits, misses = self.hits, self.misses
        CACHE.labels("hit").inc(hits - self._told[0])
        CACHE.labels("miss").inc(misses - self._told[1])
        self._told = (hits, misses)

    def _deaf(self) -> None:
        self.listening = False
        self.clear()


def _has_credentials(scope: Scope) -> bool:
    return any(
        name in (b"authorization", b"cart-secret", b"order-secret", b"if-none-match") for name, _ in scope["headers"]
    )


def _is_public(start: MutableMapping[str, Any]) -> bool:
    return start["status"] == 200 and any(
        n == b"cache-control" and v.startswith(b"public") for n, v in start["headers"]
    )


def _target(scope: Scope) -> bytes:
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return path + b"?" + query if query else path


def _encode(start: MutableMapping[str, Any], body: bytes) -> bytes:
    headers = [b"%b: %b\r\n" % (name, value) for name, value in start["headers"] if name != b"date"]
    return b"".join(headers) + b"\r\n" + body


def caching_protocol(cache: ReadCache, lines: Callable[[bytes], bytes]) -> type[HttpToolsProtocol]:
    """Return uvicorn's HTTP protocol, answering plain GETs that `cache` holds before parsing them.

    lines: returns the header lines that the answer to a request (its bytes) has besides, which are not kept.
    """

    class CachingProtocol(HttpToolsProtocol):
        # Requests begun and completed: the shortcut is taken between requests only, never inside a body.
        _begun = 0
        _complete = 0
        _active = False

        def data_received(self, data: bytes) -> None:
            if (
                self._begun == self._complete
                and data.startswith(b"GET /v1/")
                and (self.cycle is None or self.cycle.response_complete)
                and data.find(_END) == len(data) - 4
            ):
                end = data.find(b" HTTP/1.1\r\n", 4, 4096)
                answer = cache.get(data[4:end]) if end > 0 else None
                if answer is not None and _SPECIAL.search(data, end) is None:
                    self._answer(lines(data) + answer)
                    return
            super().data_received(data)

        def _answer(self, answer: bytes) -> None:
            cache.hits += 1
            if self.timeout_keep_alive_task is None:
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )
            self._active = True
            dates = [b"%b: %b\r\n" % pair for pair in self.server_state.default_headers]
            self.transport.write(b"HTTP/1.1 200 OK\r\n" + b"".join(dates) + answer)

        def timeout_keep_alive_handler(self) -> None:
            """Close what is idle; a connection that took the shortcut since is not."""
            self.timeout_keep_alive_task = None
            if self._active:
                self._active = False
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )
                return
            super().timeout_keep_alive_handler()

        def on_message_begin(self) -> None:
            self._begun += 1
            super().on_message_begin()

        def on_message_complete(self) -> None:
            self._complete += 1
            super().on_message_complete()

    return CachingProtocol
