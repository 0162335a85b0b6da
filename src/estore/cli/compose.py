"""Which services there are, and how they are put together in one process.

Light to import: `estore up` stays small beside its workers.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from estore.kit.db import connect, migrate, migrations_of, provision
from estore.kit.settings import SettingError, Settings

if TYPE_CHECKING:
    from estore.kit.bus.base import Bus
    from estore.kit.service import Service

SERVICES = ("identity", "vendors", "catalog", "cart", "orders", "inventory", "payments", "ledger", "reviews", "search")


def check_names(names: Sequence[str]) -> list[str]:
    """Return `names`, all of them for none or `all`. Raises SettingError for an unknown one."""
    if not names or "all" in names:
        return list(SERVICES)
    for name in names:
        if name not in SERVICES:
            raise SettingError(f"there is no service {name!r}; there are {', '.join(SERVICES)}")
    return list(dict.fromkeys(names))


def build(settings: Settings, names: Sequence[str] = SERVICES) -> list[Service]:
    """Compose the services `names`."""
    return [importlib.import_module(f"estore.services.{name}.app").build(settings) for name in names]


def bus_for(settings: Settings, services: Sequence[Service]) -> Bus:
    """Return RabbitMQ where the settings name it, else the local bus. Raises SettingError for a part of the
    services on the local bus: their events would reach nobody."""
    from estore.kit.bus.rabbitmq import RabbitBus
    from estore.kit.runtime import all_subscriptions, local_bus

    if settings.amqp_url:
        return RabbitBus(
            settings.amqp_url,
            all_subscriptions(services),
            heard=_heard(),
            publishes=[service.name for service in services],
        )
    if len(services) < len(SERVICES):
        raise SettingError("ESTORE_AMQP_URL must be set: without RabbitMQ all services run in one process")
    return local_bus(services)


def _heard() -> frozenset[str]:
    """Return the events that some service of the store hears, whichever run in this process."""
    from estore.kit.auth import HEARD

    charters = [importlib.import_module(f"estore.services.{name}") for name in SERVICES]
    return frozenset(cls.event_name for hears in (HEARD, *(c.HEARS for c in charters)) for cls in hears)


def applications(services: Sequence[Service]) -> Mapping[str, Any]:
    """Return prefix -> ASGI application."""
    from estore.kit.http import application
    from estore.kit.http.observing import observing

    return {
        prefix: app
        for service in services
        for app in [
            observing(
                application(service.name, service.routes, verifier=service.verifier, clock=service.clock), service.name
            )
        ]
        for prefix in service.prefixes
    }


async def prepare(settings: Settings, names: Sequence[str]) -> dict[str, list[str]]:
    """Make roles and schemas where we may, migrate, declare queues. Returns service -> applied migrations.

    A service with a database URL of its own is only migrated: its role and schema are the operator's business.
    Raises SettingError, MigrationError, OSError.
    """
    await provision_roles(settings, names)
    results = await asyncio.gather(*(_migrate(settings, name) for name in names))
    if settings.amqp_url:
        from estore.kit.bus.topology import declare
        from estore.kit.runtime import all_subscriptions

        await declare(settings.amqp_url, all_subscriptions(build(settings, names)))
    return dict(zip(names, results, strict=True))


async def provision_roles(settings: Settings, names: Sequence[str]) -> None:
    """Make roles and schemas of those services that have no database URL of their own."""
    if settings.database_url:
        for name in names:
            if not settings.environment.get(f"ESTORE_{name.upper()}_DATABASE_URL"):
                await provision(settings.database_url, name, settings.derived(f"role {name}"))


async def _migrate(settings: Settings, name: str) -> list[str]:
    return await migrate(settings.database_of(name), name, migrations_of(name))


async def release_claims(settings: Settings, names: Sequence[str]) -> None:
    """Free outbox rows that a store which is certainly not running any more had claimed."""
    for name in names:
        conn = await connect(settings.database_of(name), server_settings={"search_path": name})
        try:
            await conn.execute("UPDATE outbox SET claimed_until = NULL WHERE published_at IS NULL")
        finally:
            await conn.close()
