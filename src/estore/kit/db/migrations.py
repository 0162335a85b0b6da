"""A service's schema: who may see it, and the files that make it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import resources

import asyncpg
import msgspec

from estore.kit.db.database import connect


class Migration(msgspec.Struct, frozen=True):
    """One SQL file. name: `0001_start`; of the kit: `kit/0001_messages`."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


class MigrationError(RuntimeError):
    """A migration cannot be applied, or differs from what was applied under its name."""


def migrations_of(service: str) -> list[Migration]:
    """Return the kit's migrations and those of `service`, in the order in which they apply."""
    found: list[Migration] = []
    for package, prefix in (("estore.kit", "kit/"), (f"estore.services.{service}", "")):
        folder = resources.files(package) / "migrations"
        files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
        found += [Migration(f"{prefix}{f.name.removesuffix('.sql')}", f.read_text("utf-8")) for f in files]
    return found


async def migrate(dsn: str, service: str, migrations: Sequence[Migration]) -> list[str]:
    """Apply what is missing, each file in its own transaction, one process at a time. Returns the applied names.

    A lock that cannot be had within 5 s fails the migration instead of stopping the store (deploy-safe).
    Raises MigrationError when an applied file has changed or a file fails.
    """
    conn = await connect(dsn, server_settings={"search_path": service, "lock_timeout": "5s"})
    try:
        await conn.execute("SELECT pg_advisory_lock(hashtext($1))", f"estore-migrate-{service}")
        await conn.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration (name text PRIMARY KEY, checksum text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = {r["name"]: r["checksum"] for r in await conn.fetch("SELECT name, checksum FROM schema_migration")}
        done: list[str] = []
        for migration in migrations:
            if (before := applied.get(migration.name)) is not None:
                if before != migration.checksum:
                    raise MigrationError(f"{service}: {migration.name} was changed after it had been applied")
                continue
            try:
                async with conn.transaction():
                    await conn.execute(migration.sql)
                    await conn.execute(
                        "INSERT INTO schema_migration (name, checksum) VALUES ($1, $2)",
                        migration.name,
                        migration.checksum,
                    )
            except asyncpg.PostgresError as error:
                raise MigrationError(f"{service}: {migration.name} failed: {error}") from error
            done.append(migration.name)
        return done
    finally:
        await conn.close()


async def pending(dsn: str, service: str, migrations: Sequence[Migration]) -> list[str]:
    """Return the names of migrations that this database lacks. All of them when it was never migrated."""
    conn = await connect(dsn, server_settings={"search_path": service})
    try:
        known = await conn.fetchval("SELECT to_regclass($1)", f"{service}.schema_migration")
        applied = {r["name"] for r in await conn.fetch("SELECT name FROM schema_migration")} if known else set()
        return [m.name for m in migrations if m.name not in applied]
    finally:
        await conn.close()


async def provision(admin_dsn: str, service: str, password: str) -> None:
    """Make the service's schema and role: it owns its schema and sees no other. Safe to repeat.

    admin_dsn: a role that may create roles and schemas. password: of the role `estore_<service>`.
    """
    role = f"estore_{service}"
    conn = await asyncpg.connect(admin_dsn)
    try:
        await conn.execute("SELECT pg_advisory_lock(hashtext('estore-provision'))")
        exists = await conn.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
        verb = "ALTER" if exists else "CREATE"
        quoted = password.replace("'", "''")
        await conn.execute(f"{verb} ROLE {role} LOGIN PASSWORD '{quoted}'")
        await conn.execute(f"GRANT {role} TO CURRENT_USER")
        await conn.execute(f"CREATE SCHEMA IF NOT EXISTS {service} AUTHORIZATION {role}")
        await conn.execute(f"REVOKE ALL ON SCHEMA {service} FROM PUBLIC")
        await conn.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await conn.execute(f"ALTER ROLE {role} SET search_path = {service}")
    finally:
        await conn.close()
