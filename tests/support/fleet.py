"""The store as it runs in production: real processes of `estore serve`, which tests kill and start as they like."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx

from estore.cli.compose import SERVICES, build, prepare
from estore.kit.auth import PublicKey, new_key, sign, store_keys
from estore.kit.clock import SystemClock
from estore.kit.context import Principal, Role
from estore.kit.settings import Settings
from support.market import until
from support.ports import reserved_port
from support.warm import Warm, warm_estore

ROOT = Path(__file__).parents[2]
MISSES = 3
SECRET = "a secret for fleets"  # one for all stores of a test process: roles belong to the whole server


class Process:
    """One `estore serve`. names: its services."""

    def __init__(self, names: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.names = names
        self.port = reserved_port()
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | Warm | None = None

    def start(self) -> None:
        arguments = ("serve", *self.names, "--port", str(self.port))
        if self._environment["PYTHONPATH"] == str(ROOT / "src"):
            self._process = Warm(arguments, self._environment, self._log, self._log)
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "estore.cli", *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def ready(self, seconds: float = 180.0) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=30) as client:

            async def healthy() -> bool:
                with suppress(httpx.TransportError):
                    return (await client.get("/healthz")).status_code == 200
                assert self._process is not None and self._process.poll() is None, self._log.read_text()[-2000:]
                return False

            await until(f"{self.names} serves", healthy, seconds, 0.1)

    def kill9(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    async def stop(self, seconds: float = 90.0) -> int | None:
        """Ask it to drain and end. Returns its exit code."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.to_thread(self._process.wait), seconds)
        self.kill9()
        return None if self._process is None else self._process.returncode

    def upgraded(self, sources: Path, **environment: str) -> Process:
        """Return the same process with other code, on the same port; start only one of them."""
        other = Process(self.names, self._environment | {"PYTHONPATH": str(sources)} | environment, self._log)
        other.port = self.port
        return other

    def said(self) -> str:
        """Its log."""
        return self._log.read_text()

    async def has_said(self, text: str) -> bool:
        """Whether its log has `text`."""
        return text in self.said()

    @property
    def pid(self) -> int | None:
        """Of the process that runs now or ran last."""
        return None if self._process is None else self._process.pid


class Gateway(httpx.AsyncBaseTransport):
    """Sends each request to a process that has its prefix; to the next one when it cannot be connected to.

    ready: the ports that may be sent requests, as `Probes` keeps them: with it nothing is tried twice.
    """

    def __init__(self, routes: dict[str, list[int]], ready: set[int] | None = None) -> None:
        self._routes = routes
        self._ready = ready
        self._http = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=200))
        self._turn = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        ports = self._routes["/".join(request.url.path.split("/", 3)[:3])]
        self._turn += 1
        if self._ready is not None:
            ports = [port for port in ports if port in self._ready]
            assert ports, f"no process is ready for {request.url.path}"
            request.url = request.url.copy_with(port=ports[self._turn % len(ports)])
            return await self._http.handle_async_request(request)
        for attempt in range(len(ports)):
            request.url = request.url.copy_with(port=ports[(self._turn + attempt) % len(ports)])
            try:
                return await self._http.handle_async_request(request)
            except httpx.ConnectError:
                if attempt == len(ports) - 1:
                    raise
        raise AssertionError("no process")

    async def aclose(self) -> None:
        await self._http.aclose()


class Probes:
    """Asks processes whether they are ready, as Kubernetes does; `ready` has the ports of those that say so.

    A database that does not answer in time is no reason before the third time in a row: as in deploy/kubernetes.
    """

    def __init__(self, processes: Sequence[Process], every: float = 0.1) -> None:
        self.ready: set[int] = set()
        self._processes = processes
        self._every = every

    async def watch(self) -> None:
        """Ask until cancelled."""
        async with httpx.AsyncClient(timeout=30) as client:
            await asyncio.gather(*(self._watch(client, process.port) for process in self._processes))

    async def _watch(self, client: httpx.AsyncClient, port: int) -> None:
        missed = 0
        while True:
            try:
                answer = await client.get(f"http://127.0.0.1:{port}/readyz")
                slow = answer.status_code == 503 and "does not answer" in answer.text
                missed = 0 if answer.status_code == 200 else missed + 1 if slow else MISSES
            except httpx.TransportError:
                missed = MISSES
            if missed == 0:
                self.ready.add(port)
            elif missed >= MISSES:
                self.ready.discard(port)
            await asyncio.sleep(self._every)


class Fleet:
    """Processes on one database. layout: which services run in each process."""

    def __init__(self, settings: Settings, layout: Sequence[Sequence[str]], folder: Path) -> None:
        self.settings = settings
        self.probes: Probes | None = None
        parts = urlsplit(settings.database_url)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ESTORE_")}
        environment |= dict(settings.environment) | {
            "ESTORE_DATABASE_URL": urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])),
            "ESTORE_AMQP_URL": settings.amqp_url,
            "ESTORE_SECRET": settings.secret,
            "ESTORE_RATE_FACTOR": "0",
            "ESTORE_LOG_LEVEL": "warning",
            "ESTORE_IDENTITY_ARGON2_MEMORY": "1024",
            "PYTHONPATH": str(ROOT / "src"),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, not at every start
        self.processes = [
            Process(names, environment, folder / f"{'-'.join(names)}-{n}.log") for n, names in enumerate(layout)
        ]
        prefixes = {service.name: service.prefixes for service in build(settings)}
        self._routes = {
            prefix: [p.port for p in self.processes if name in p.names or "all" in p.names]
            for name in SERVICES
            for prefix in prefixes[name]
        }
        self._environment = environment
        # The provider sends its webhooks to whatever serves payments.
        hooks = f"http://127.0.0.1:{self._routes['/v1/payments'][0]}/v1/payments/webhooks/sandbox"
        environment["ESTORE_PAYMENTS_SANDBOX_WEBHOOK_URL"] = hooks
        self._key = new_key()

    async def open(self) -> Fleet:
        """Make the schemas, trust the key that signs the tests' tokens, and start every process."""
        await prepare(self.settings, SERVICES)
        now = SystemClock().now()
        key = PublicKey(str(self._key.kid), self._key.as_dict(private=False), now + timedelta(days=1))
        for service in build(self.settings):
            await service.db.open()
            async with service.db.transaction() as tx:
                await store_keys(tx, [key], now)
            await service.db.close()
        for process in self.processes:
            process.start()
        await asyncio.gather(*(process.ready() for process in self.processes))
        return self

    async def command(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run `estore` with the settings of the processes. Returns its exit code and what it printed."""
        told = await asyncio.to_thread(warm_estore, arguments, self._environment | environment, 300)
        return told.returncode, told.stdout + told.stderr

    def tell(self, **environment: str) -> None:
        """Give other settings to processes that start from now on."""
        self._environment |= environment

    async def close(self) -> None:
        await asyncio.gather(*(process.stop() for process in self.processes))

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["authorization"] = f"Bearer {token}"
        transport = Gateway(self._routes, self.probes.ready if self.probes else None)
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=sent, timeout=90)

    def token(self, account_id: str, *, operator: bool = False, vendors: dict[str, str] | None = None) -> str:
        principal = Principal(
            account_id=account_id,
            email=f"{account_id}@example.com",
            roles=frozenset({Role.OPERATOR} if operator else ()),
            vendors=vendors or {},
            session_id="ses_01",
        )
        return sign(principal, self._key, SystemClock().now(), seconds=3600)


async def fresh_store(admin_dsn: str, name: str, amqp_url: str = "", **environment: str) -> Settings:
    """Make a database for a store of its own, with a role for each service."""
    conn = await asyncpg.connect(admin_dsn)
    try:
        await conn.execute(f'CREATE DATABASE "{name}"')
    finally:
        await conn.close()
    url = urlunsplit(urlsplit(admin_dsn)._replace(path=f"/{name}"))
    return Settings(database_url=url, amqp_url=amqp_url, secret=SECRET, rate_factor=0.0, environment=environment)
