"""The HTTP server of a process: uvicorn, with the read cache in its protocol and signals left to the process."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

import uvicorn

from estore.kit.http.cache import App, ReadCache, caching_protocol
from estore.kit.http.cors import Cors
from estore.kit.processes import BACKLOG, listening_socket

KEEP_ALIVE_SECONDS = 75
__all__ = ["Server", "listening_socket", "server"]


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: who composes the process decides when it ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(
    app: App, cache: ReadCache, *, drain: float = 10.0, origins: Collection[str] = (), proxies: str = "127.0.0.1,::1"
) -> Server:
    """Return a server for `app`; `await server.serve(sockets=[...])` runs it until `should_exit` is set.

    drain: seconds that requests in hand are given at the end. origins: whose pages may call it from a browser.
    proxies: addresses and networks whose X-Forwarded-For tells who the client is.
    """
    cors = Cors(origins)
    config = uvicorn.Config(
        cors.around(app),
        http=caching_protocol(cache, cors.lines),
        ws="none",
        loop="uvloop",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=proxies,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(drain),
        backlog=BACKLOG,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return Server(config)
