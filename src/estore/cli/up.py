"""`estore up`: the whole store on one machine.

This process owns the database, the broker if there is one, and the listening socket; the services run in worker
processes that inherit the socket. A worker that dies is started again; when this process dies, the workers see
the end of their guard, drain and end, and the database's own guard stops the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from estore.cli import store, welcome
from estore.cli.compose import SERVICES, prepare, release_claims
from estore.cli.progress import Progress
from estore.kit.clock import monotonic
from estore.kit.db import MigrationError
from estore.kit.embedded import EmbeddedError, EmbeddedPostgres
from estore.kit.processes import listening_socket, take_folder
from estore.kit.rabbit_node import RabbitNode
from estore.kit.settings import Settings, load, with_files

READY_SECONDS = 60.0
DRAIN_SECONDS = 20.0
RESTART_SECONDS = 1.0
PORT_SECONDS = 5.0
READY = b"r"


class CannotStart(RuntimeError):
    """One readable line that says why."""


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line. workers: 0 means one per core but one, the database's; at most four."""

    port: int
    host: str
    data: Path
    fresh: bool
    seed: bool
    amqp: str
    database: str
    workers: int

    @property
    def processes(self) -> int:
        return self.workers or max(1, min((os.cpu_count() or 1) - 1, 4))


class Worker:
    """One worker process and the socket pair that ties it to us."""

    def __init__(self, listener: socket.socket, environment: dict[str, str]) -> None:
        ours, theirs = socket.socketpair()
        theirs.set_inheritable(True)
        ours.setblocking(False)
        self.link = ours
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            [
                *(sys.executable, "-P", "-m", "estore.cli", "serve", "all"),
                *("--fd", str(listener.fileno()), "--guard", str(theirs.fileno())),
            ],
            env=environment,
            pass_fds=(listener.fileno(), theirs.fileno()),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()

    async def trouble(self) -> str:
        """Wait until it serves: empty. When it does not, the line that says why."""
        try:
            loop = asyncio.get_running_loop()
            told = await asyncio.wait_for(loop.sock_recv(self.link, 4096), READY_SECONDS)
        except TimeoutError:
            return f"no service was ready after {READY_SECONDS:g} s"
        except OSError as error:
            return str(error)
        return "" if told == READY else told.decode("utf-8", "replace") or "a service ended; the lines above say why"

    def last_words(self) -> str:
        """What it told before it ended, if anything."""
        with contextlib.suppress(OSError):
            return self.link.recv(4096).removeprefix(READY).decode("utf-8", "replace")
        return ""

    async def end(self) -> None:
        """Ask it to drain, insist after DRAIN_SECONDS."""
        if self.process.poll() is None:
            self.process.terminate()
            deadline = monotonic() + DRAIN_SECONDS
            while self.process.poll() is None and monotonic() < deadline:  # noqa: ASYNC110 - a child is no event
                await asyncio.sleep(0.02)
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        self.link.close()


def run(options: Options) -> int:
    """Open the store and keep it open until Ctrl-C or SIGTERM. Returns the exit code."""
    progress = Progress()
    try:
        return asyncio.run(_run(options, progress))
    except (CannotStart, EmbeddedError, MigrationError) as error:
        progress.failed(str(error))
        return 1


async def _run(options: Options, progress: Progress) -> int:
    began = monotonic()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    data = options.data.expanduser().absolute()
    folder_lock = take_folder(data)
    try:
        listener = await _listen(options, patient=(data / "running.json").exists())
        if options.fresh:
            _forget(data, progress)
        async with _database(options, data, progress) as (admin_url, url), _broker(options, data, progress) as amqp_url:
            settings = load(
                Settings,
                with_files(os.environ),
                database_url=admin_url,
                amqp_url=amqp_url,
                data=data,
                secret=store.secret_of(data),
                public_url=f"http://{_shown(options.host)}:{listener.getsockname()[1]}",
            )
            await _open(options, settings, url, data, listener, progress, began, stop)
    finally:
        store.retract(data)
        folder_lock.close()
    progress.done("closed; nothing is lost, `./estore up` opens it again")
    return 0


async def _listen(options: Options, *, patient: bool) -> socket.socket:
    """Return the listener. patient: this store was killed, and its workers may need a moment to let go of the port."""
    deadline = monotonic() + (PORT_SECONDS if patient else 0)
    while True:
        try:
            return listening_socket(options.host, options.port)
        except OSError as error:
            if monotonic() >= deadline:
                raise CannotStart(
                    f"port {options.port} on {options.host} cannot be used: {error.strerror}; try another with --port"
                ) from None
        await asyncio.sleep(0.05)


def _forget(data: Path, progress: Progress) -> None:
    for name in ("postgres", "rabbitmq", "secret", "seeded"):
        path = data / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    progress.done("old store deleted")


@contextlib.asynccontextmanager
async def _database(options: Options, data: Path, progress: Progress) -> AsyncIterator[tuple[str, str]]:
    """Yield the administrator's address and the services' one, which are logged in by role.

    Services of an embedded server use its unix socket: half the system time of TCP, and as private as its folder.
    """
    if options.database:
        try:
            conn = await asyncpg.connect(options.database, timeout=10)
            await conn.close()
        except (OSError, asyncpg.PostgresError, ValueError, TimeoutError) as error:
            raise CannotStart(f"the database of --database cannot be reached: {error}") from None
        yield options.database, options.database
        return
    with progress.step("PostgreSQL"):
        postgres = EmbeddedPostgres(data / "postgres")
        await postgres.start()
    try:
        yield postgres.dsn, postgres.socket_dsn
    finally:
        await postgres.stop()


@contextlib.asynccontextmanager
async def _broker(options: Options, data: Path, progress: Progress) -> AsyncIterator[str]:
    if options.amqp != "embedded":
        yield options.amqp
        return
    with progress.step("RabbitMQ"):
        node = RabbitNode(data / "rabbitmq")
        await node.start()
    try:
        yield node.url
    finally:
        await node.stop()


async def _open(
    options: Options,
    settings: Settings,
    services_url: str,
    data: Path,
    listener: socket.socket,
    progress: Progress,
    began: float,
    stop: asyncio.Event,
) -> None:
    with progress.step("schemas and roles"):
        await prepare(settings, SERVICES)
        await release_claims(settings, SERVICES)
    environment = _environment(settings, services_url)
    if options.seed and not (data / "seeded").exists():
        await _seed(environment, data, progress)
    if options.processes > 1:
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(_shared_metrics(data))
    with progress.step(f"{len(SERVICES)} services in {options.processes} worker{'s' * (options.processes > 1)}"):
        workers = [Worker(listener, environment) for _ in range(options.processes)]
        troubles = await asyncio.gather(*(worker.trouble() for worker in workers))
        if any(troubles):
            await asyncio.gather(*(worker.end() for worker in workers))
            raise CannotStart("; ".join(sorted({trouble for trouble in troubles if trouble})))
    try:
        store.announce(data, store.Running(os.getpid(), settings.database_url, settings.amqp_url, settings.public_url))
        await welcome.show(settings.public_url, monotonic() - began, seeded=(data / "seeded").exists())
        await _watch(workers, listener, environment, progress, stop)
        progress.done("draining")
    finally:
        await asyncio.gather(*(worker.end() for worker in workers))


async def _watch(
    workers: list[Worker], listener: socket.socket, environment: dict[str, str], progress: Progress, stop: asyncio.Event
) -> None:
    """Until `stop`: start again what died."""
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.25)
        for index, worker in enumerate(workers):
            if not stop.is_set() and (code := worker.process.poll()) is not None:
                words = worker.last_words()
                progress.warn(f"process {worker.process.pid} ended ({words or code}); starting another")
                worker.link.close()
                _forget_gauges(environment, worker.process.pid)
                await asyncio.sleep(RESTART_SECONDS)
                workers[index] = Worker(listener, environment)


def _shared_metrics(data: Path) -> Path:
    """Return an empty folder in which workers on one port keep their metrics, so that each can show those of all."""
    folder = data / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _forget_gauges(environment: dict[str, str], pid: int) -> None:
    """What a dead worker counted stays counted; how it stood does not stand any more."""
    if folder := environment.get("PROMETHEUS_MULTIPROC_DIR"):
        for gauge in Path(folder).glob(f"gauge_live*_{pid}.db"):
            gauge.unlink(missing_ok=True)


async def _seed(environment: dict[str, str], data: Path, progress: Progress) -> None:
    """Fill the store in a process of its own, so that its memory is given back."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "estore.cli", "seed"), env=environment, stdin=subprocess.DEVNULL
    )
    if await process.wait() != 0:
        raise CannotStart(
            "the demo marketplace could not be made; the lines above say why (--no-seed opens an empty one)"
        )
    (data / "seeded").touch()


def _environment(settings: Settings, services_url: str) -> dict[str, str]:
    """Return what a worker is told: logins are derived from the secret, the administrator's stays here."""
    parts = urlsplit(services_url)
    url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return with_files(os.environ) | {
        "ESTORE_DATABASE_URL": url,
        "ESTORE_AMQP_URL": settings.amqp_url,
        "ESTORE_DATA": str(settings.data),
        "ESTORE_SECRET": settings.secret,
        "ESTORE_PUBLIC_URL": settings.public_url,
        # Here all clients share one address: limits per address would be limits for everybody.
        "ESTORE_RATE_FACTOR": os.environ.get("ESTORE_RATE_FACTOR", "1000"),
        "ESTORE_LOG_FORMAT": os.environ.get("ESTORE_LOG_FORMAT", "console" if sys.stderr.isatty() else "json"),
        "ESTORE_LOG_LEVEL": os.environ.get("ESTORE_LOG_LEVEL", "warning"),
    }


def _shown(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
