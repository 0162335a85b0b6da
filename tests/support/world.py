"""A world of one or more services on a fresh, migrated database, for tests that need the real thing."""

from __future__ import annotations

import importlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from litestar import Litestar

from estore.contracts import REGISTRY
from estore.kit.auth import new_key, sign
from estore.kit.bus.base import Bus, Subscription
from estore.kit.bus.local import LocalBus
from estore.kit.clock import ManualClock, SystemClock
from estore.kit.context import SYSTEM, Context, Principal, Role
from estore.kit.contract import Event
from estore.kit.db import database, migrate, migrations_of
from estore.kit.endpoint import Edge
from estore.kit.envelope import Envelope, Message
from estore.kit.http import application
from estore.kit.runtime import Runtime, all_subscriptions
from estore.kit.service import Service
from estore.kit.settings import Settings
from support.databases import Databases, dsn_of


async def migrate_services(dsn: str, services: Sequence[str]) -> None:
    """Make each service's schema in the database `dsn` and apply its migrations."""
    conn = await asyncpg.connect(dsn)
    try:
        for name in services:
            await conn.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
    finally:
        await conn.close()
    for name in services:
        await migrate(dsn, name, migrations_of(name))


def settings_for(dsn: str, services: Sequence[str], *, currency: str = "EUR", **environment: str) -> Settings:
    """Return settings in which every service uses the database `dsn`; further ESTORE_* variables as arguments."""
    variables = {f"ESTORE_{name.upper()}_DATABASE_URL": dsn for name in services} | environment
    return Settings(
        database_url=dsn,
        secret="a secret for tests",
        currency=currency,
        rate_factor=0.0,
        environment=variables,
        data=Path(tempfile.gettempdir()) / f"estore-data-{urlsplit(dsn).path[1:]}",
    )


class Routes:
    """The ASGI application of one service, made for each path as it is asked for, of the routes that it may mean.

    The whole of it takes longer to make than most tests take; a path that means none of them is asked of the whole.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._made: dict[tuple[Any, ...], Litestar] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        meant = tuple(r for r in self._service.routes if any(_pattern(own).fullmatch(path) for own in r.paths))
        if meant not in self._made:
            service = self._service
            self._made[meant] = application(
                service.name, meant or service.routes, verifier=service.verifier, clock=service.clock
            )
        await self._made[meant](scope, receive, send)


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(map(re.escape, re.split(r"{\w+:str}", path))))


class World:
    """Services on one database. Time stands still at `clock` unless the world was made with `real_time`."""

    def __init__(
        self,
        services: dict[str, Service],
        dsn: str,
        clock: ManualClock | SystemClock,
        settings: Settings | None = None,
    ) -> None:
        self.services = services
        self.dsn = dsn
        self.settings = settings or settings_for(dsn, list(services))
        self.clock = clock
        self.key = new_key()
        self.runtime: Runtime | None = None
        self._apps = {name: Routes(service) for name, service in services.items()}
        for service in services.values():
            service.verifier.trust(self.key.as_dict(private=False), clock.now() + timedelta(days=3650))

    def service(self, name: str) -> Service:
        return self.services[name]

    def app(self, name: str) -> Routes:
        """The ASGI application of one service."""
        return self._apps[name]

    def http(self, service: str, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """A client of one service's routes, in process. headers: `cart_secret="..."` becomes `Cart-Secret`."""
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        if token:
            sent["authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(app=self.app(service), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://estore.test", headers=sent)

    def token(
        self,
        account_id: str = "acc_01",
        *,
        operator: bool = False,
        vendors: dict[str, str] | None = None,
        email: str | None = None,
    ) -> str:
        """An access token of an account, an operator, or a member of vendors {vendor_id: role}."""
        return sign(
            self.principal(account_id, operator=operator, vendors=vendors, email=email),
            self.key,
            self.clock.now(),
            seconds=86_400,
        )

    def principal(
        self,
        account_id: str = "acc_01",
        *,
        operator: bool = False,
        vendors: dict[str, str] | None = None,
        email: str | None = None,
    ) -> Principal:
        return Principal(
            account_id=account_id,
            email=email or f"{account_id}@example.com",
            roles=frozenset({Role.OPERATOR} if operator else ()),
            vendors=vendors or {},
            session_id="ses_01",
        )

    def ctx(self, principal: Principal = SYSTEM, **values: Any) -> Context:
        """A context at the world's time, of the system unless told otherwise."""
        return Context(now=self.clock.now(), principal=principal, **values)

    def envelope(self, event: Event) -> Envelope:
        """The event as its publisher would send it."""
        return Envelope.of(event, event.publisher, self.ctx())

    def subscriptions(self, service: str, event: type[Event]) -> list[Subscription]:
        """The queues of `service` that take `event`."""
        return [s for s in self.service(service).subscriptions if event in s.handlers]

    async def deliver(self, service: str, *events: Event | Envelope) -> None:
        """Hand events to the consumers of `service`, one after the other (their failures are raised)."""
        for event in events:
            await self.deliver_batch(service, [event])

    async def deliver_batch(self, service: str, events: Sequence[Event | Envelope]) -> None:
        """Hand events of one type to the consumers of `service` as one batch. Envelopes may repeat: a redelivery."""
        envelopes = [e if isinstance(e, Envelope) else self.envelope(e) for e in events]
        cls = REGISTRY[envelopes[0].name]
        queues = self.subscriptions(service, cls)
        assert queues, f"{service} does not hear {cls.event_name}"
        messages = [Message(e, cls.decode(e.body), self.clock.now()) for e in envelopes]
        for subscription in queues:
            await subscription.handlers[cls](subscription.queue, messages)

    async def emitted(self, service: str, kind: type[Event] | None = None) -> list[Any]:
        """The events that `service` has put on its outbox, oldest first."""
        async with self.service(service).db.read() as tx:
            rows = await tx.fetch("SELECT name, body FROM outbox ORDER BY id")
        events = [REGISTRY[row["name"]].decode(row["body"]) for row in rows]
        return [e for e in events if kind is None or isinstance(e, kind)]

    async def fetch(self, service: str, sql: str, *args: Any) -> list[dict[str, Any]]:
        """Rows of a service's own tables."""
        async with self.service(service).db.read() as tx:
            return [dict(row) for row in await tx.fetch(sql, *args)]

    async def broken(self, service: str) -> dict[str, list[dict[str, Any]]]:
        """The invariants of `service` that do not hold, with the rows that break them. Empty is good."""
        found = {i.name: await self.fetch(service, i.sql) for i in self.service(service).invariants}
        return {name: rows for name, rows in found.items() if rows}

    async def run(self, bus: Bus | None = None) -> Runtime:
        """Start relays, `bus` (the local one unless given) and jobs: events travel by themselves from here on."""
        services = list(self.services.values())
        for service in services:
            await service.db.close()
        if bus is None:
            bus = LocalBus(all_subscriptions(services), {s.name: s.db for s in services}, clock=self.clock)
        self.runtime = Runtime(services, bus)
        await self.runtime.start()
        return self.runtime


@contextmanager
def unhurried() -> Iterator[None]:
    """Services that are built here give up after minutes: how long they take says how busy the machine is."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("endpoint", "batched", "consumer"):
            real = getattr(Edge, name)

            def patient(*given: Any, real: Any = real, timeout: float = 5.0, **policy: Any) -> Any:
                return real(*given, timeout=20 * timeout, **policy)

            patched.setattr(Edge, name, patient)
        yield


@asynccontextmanager
async def world(
    databases: Databases,
    *names: str,
    real_time: bool = False,
    dsn: str | None = None,
    currency: str = "EUR",
    **environment: str,
) -> AsyncIterator[World]:
    """Make a world of the services `names`; `environment` are ESTORE_* variables. dsn: of another world, to share."""
    shared = dsn is not None
    if dsn is None:
        title = "_".join(names) if len(names) < 4 else "".join(name[:3] for name in names)
        dsn = await databases.lend(await databases.template(title, lambda dsn: migrate_services(dsn, names)))
    clock: ManualClock | SystemClock = SystemClock() if real_time else ManualClock()
    settings = settings_for(dsn, names, currency=currency, **environment)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "ACQUIRE_SECONDS", 90.0)
        with unhurried():
            apps = {name: importlib.import_module(f"estore.services.{name}.app") for name in names}
            services = {name: app.build(settings, clock=clock) for name, app in apps.items()}
        for service in services.values():
            await service.db.open()
        made = World(services, dsn, clock, settings)
        try:
            yield made
        finally:
            if made.runtime is not None:
                await made.runtime.stop(drain=2.0)
            for service in services.values():
                await service.db.close()
            if not shared:
                shutil.rmtree(settings.data, ignore_errors=True)
                await databases.give_back(dsn)


__all__ = ["World", "dsn_of", "world"]
