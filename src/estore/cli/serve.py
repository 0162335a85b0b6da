"""`estore serve`: one process with one, several or all services. `estore up` starts such processes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from estore.cli import openapi
from estore.cli.compose import SERVICES, applications, build, bus_for
from estore.cli.deploy import composed
from estore.kit.clock import monotonic
from estore.kit.errors import Transient
from estore.kit.http.cache import ReadCache
from estore.kit.http.front import Front
from estore.kit.http.server import listening_socket, server
from estore.kit.runtime import NotMigrated, Runtime
from estore.kit.service import Service
from estore.kit.settings import Settings
from estore.kit.telemetry import configure_logging, log, tracing

DRAIN_SECONDS = 10.0
# What an orderly end takes at worst, beyond ESTORE_LINGER: requests in hand, the batches in hand (35 s: a statement in
# them may take long), the relays, the broker's confirmations, the pools. Whoever kills must wait longer.
END_SECONDS = DRAIN_SECONDS + 35.0 + DRAIN_SECONDS + 10.0 + 10.0
# Our parent was killed, and the database ends with it: what is in hand is safe there, and the port is wanted again.
ORPHAN_SECONDS = 1.5
LOOK_SECONDS = 0.02
WAIT_SECONDS = 1.0
PICTURES = Path(__file__).parents[3] / "seeds" / "pictures"
_log = log(__name__)


async def serve(
    settings: Settings, names: Sequence[str], *, host: str, port: int, fd: int | None = None, guard: int | None = None
) -> None:
    """Run the services until SIGTERM or SIGINT, then drain.

    fd: an inherited listening socket, instead of host and port. guard: an inherited pipe; its end is our parent's end.
    Raises Transient, NotMigrated, SettingError, OSError when it cannot start.
    """
    configure_logging(level=settings.log_level, as_json=settings.log_format == "json")
    tracing.start(settings.otlp_endpoint, settings.trace_ratio, bus="rabbitmq" if settings.amqp_url else "estore")
    sock = socket.socket(fileno=fd) if fd is not None else listening_socket(host, port)
    services = build(settings, names)
    cache = ReadCache()
    runtime = Runtime(services, bus_for(settings, services))
    front = front_for(services, runtime, cache)
    http = server(front, cache, drain=DRAIN_SECONDS, origins=settings.origins, proxies=settings.proxies)
    stop = asyncio.Event()
    _end_on_signals(stop, guard)
    tasks = [asyncio.create_task(task) for task in _listeners(services, cache)]
    try:
        await _startable(runtime, settings.start_wait, stop)
        if stop.is_set():
            return
        await runtime.start()
        _calm_the_collector()
        serving = asyncio.create_task(http.serve(sockets=[sock]))
        stopping = asyncio.create_task(stop.wait())
        while not (runtime.ready or serving.done() or stop.is_set()):  # noqa: ASYNC110 - readiness is asked, not told
            await asyncio.sleep(LOOK_SECONDS)
        if guard is not None and runtime.ready:
            os.write(guard, b"r")
        _log.info("serving", services=list(names), pid=os.getpid())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        runtime.leave()
        if settings.linger:
            _log.info("leaving", pid=os.getpid(), seconds=settings.linger)
            await asyncio.wait({serving}, timeout=settings.linger)
        http.should_exit = True
        await serving
        _log.info("draining", pid=os.getpid())
    finally:
        for task in tasks:
            task.cancel()
        await runtime.stop(DRAIN_SECONDS)
        await asyncio.to_thread(tracing.stop)


async def _startable(runtime: Runtime, seconds: float, stop: asyncio.Event) -> None:
    """Wait until the databases are there and migrated. Raises Transient, NotMigrated when they are not in time."""
    began = monotonic()
    said = ""
    while not stop.is_set():
        try:
            await runtime.check()
            break
        except (Transient, NotMigrated) as failure:
            if monotonic() - began >= seconds:
                raise
            if str(failure) != said:
                said = str(failure)
                _log.warning("waits to start", reason=said)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), WAIT_SECONDS)


def _calm_the_collector() -> None:
    """Look for reference cycles among a hundred thousand new objects, not seven hundred, and never among what was there
    at the start: a batch of orders lives longer than the default's patience, which cost a quarter of a purchase."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def tell(guard: int, text: str, code: int) -> NoReturn:
    """Hand our parent the line that says why we end, and end."""
    with contextlib.suppress(OSError):
        os.write(guard, text.encode())
    raise SystemExit(code)


def front_for(services: Sequence[Service], runtime: Runtime, cache: ReadCache) -> Front:
    """Return the process's ASGI application."""
    apps = dict(applications(services))
    for service in services:
        if service.announces:
            for prefix in service.prefixes:
                apps[prefix] = cache.filling(apps[prefix])
    return Front(
        apps, lambda: runtime.ready, lacks=runtime.lacks, pages=_pages(services), files={"/pictures": PICTURES}
    )


def _pages(services: Sequence[Service]) -> Mapping[str, tuple[bytes, Callable[[], bytes]]]:
    """Return the documents of the whole store, whatever part of it runs here: a gateway may send anybody to us."""
    return openapi.pages(lambda: services if len(services) == len(SERVICES) else composed())


def _listeners(services: Sequence[Service], cache: ReadCache) -> list[Coroutine[Any, Any, None]]:
    return [cache.listen(service.db.dsn, service.announces) for service in services if service.announces]


def _end_on_signals(stop: asyncio.Event, guard: int | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if guard is not None:
        os.set_blocking(guard, False)

        def ended() -> None:
            try:
                alive = os.read(guard, 1) != b""
            except BlockingIOError:
                return
            except OSError:
                # Reset: it ended without having read what we told
                alive = False
            if not alive:
                loop.remove_reader(guard)
                stop.set()
                loop.call_later(ORPHAN_SECONDS, os._exit, 1)

        loop.add_reader(guard, ended)


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run `coroutine` on uvloop."""
    import uvloop

    if sys.version_info >= (3, 12):
        asyncio.run(coroutine, loop_factory=uvloop.new_event_loop)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(coroutine)
