"""The front of a process: sends each request to the service whose prefix it has; health, metrics, files.

Prevents: a process that hosts all services paying for a router each on every request.
"""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST

from estore.kit.context import trace_id_of
from estore.kit.errors import Failure
from estore.kit.http.cache import App, Receive, Scope, Send
from estore.kit.http.requests import traceparent_of
from estore.kit.http.responses import PROBLEM, NoSuchResource, problem_of
from estore.kit.telemetry import metrics

JSON = b"application/json"
Answer = tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]


class Front:
    """An ASGI application.

    apps: prefix such as `/v1/orders` -> the application of its service. ready: whether requests can be served.
    lacks: what keeps them from being served now, asked anew each time; `ready` answers where it is not given.
    pages: path -> (content type, maker of the body), such as `/openapi.json`. files: URL prefix -> folder.

    Three probes that mean three things, as Kubernetes asks them. `/startupz`: it has begun; nothing answers here before
    the databases are open and migrated. `/readyz`: it can serve now. `/livez`: its event loop turns; nothing outside of
    the process may make this one fail, or an outage of PostgreSQL would restart everything. `/healthz` says whether it
    has become ready, and asks nobody.
    """

    def __init__(
        self,
        apps: Mapping[str, App],
        ready: Callable[[], bool],
        *,
        lacks: Callable[[], Awaitable[Sequence[str]]] | None = None,
        pages: Mapping[str, tuple[bytes, Callable[[], bytes]]] | None = None,
        files: Mapping[str, Path] | None = None,
    ) -> None:
        self._apps = dict(apps)
        self._ready = ready
        self._lacks = lacks
        self._pages = dict(pages or {})
        self._making = asyncio.Lock()
        self._files = dict(files or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        parts = path.split("/", 3)
        app = self._apps.get("/".join(parts[:3]))
        if app is not None:
            if scope["method"] == "HEAD":
                # RFC 9110, 9.3.2: what GET answers, without its content
                scope, send = {**scope, "method": "GET"}, _without_content(send)
            await app(scope, receive, send)
            return
        status, kind, body, extra = (
            await self._probed(path, scope) or await self._paged(path, scope) or self._own(path, scope)
        )
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"x-content-type-options", b"nosniff"),
            *extra,
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _probed(self, path: str, scope: Scope) -> Answer | None:
        if scope["method"] not in ("GET", "HEAD"):
            return None
        match path:
            case "/livez":
                return _told(200, "alive")
            case "/startupz":
                return _told(200, "started")
            case "/readyz" if self._lacks is not None:
                lacks = await self._lacks()
                return _told(503, "not ready", lacks) if lacks else _told(200, "ready")
            case "/healthz" | "/readyz":
                return _told(200, "ready") if self._ready() else _told(503, "starting")
        return None

    async def _paged(self, path: str, scope: Scope) -> Answer | None:
        page = self._pages.get(path)
        if page is None or scope["method"] not in ("GET", "HEAD"):
            return None
        # A page is made on its first use, which takes a second or more: beside what is served, and once.
        async with self._making:
            body = await asyncio.to_thread(page[1])
        return 200, page[0], body, [(b"cache-control", b"no-cache")]

    def _own(self, path: str, scope: Scope) -> Answer:
        if scope["method"] not in ("GET", "HEAD"):
            return self._problem(NoSuchResource(), scope)
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST.encode(), metrics.exposed(), []
        for prefix, folder in self._files.items():
            if path.startswith(prefix + "/"):
                found = (folder / path[len(prefix) + 1 :]).resolve()
                if found.is_file() and found.is_relative_to(folder.resolve()):
                    kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
                    # Pictures are drawn by us; a script inside one must still never run.
                    policy = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox")
                    return 200, kind.encode(), found.read_bytes(), [(b"cache-control", b"public, max-age=3600"), policy]
        return self._problem(NoSuchResource(), scope)

    @staticmethod
    def _problem(failure: Failure, scope: Scope) -> Answer:
        trace_id = trace_id_of(traceparent_of(scope))
        return failure.status, PROBLEM.encode(), msgspec.json.encode(problem_of(failure, trace_id)), []


def _without_content(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return sending


def _told(status: int, word: str, lacks: Sequence[str] = ()) -> Answer:
    said: dict[str, object] = {"status": word} | ({"lacks": list(lacks)} if lacks else {})
    return status, JSON, msgspec.json.encode(said), [(b"cache-control", b"no-store")]
