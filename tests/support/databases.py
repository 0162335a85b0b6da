"""Fresh databases within milliseconds, cloned from templates that the real migrations built once per run."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit, urlunsplit

import asyncpg

_CLONE = 'CREATE DATABASE "{}" TEMPLATE "{}" STRATEGY file_copy'
"""With fsync off, files are copied six times faster than PostgreSQL's default, which writes every page to its log."""

_TEMPLATES_LOCK = 0x6573746F7265


def dsn_of(admin_dsn: str, database: str) -> str:
    """Address another database of the same server.

    Args:
        admin_dsn: any address of the server.
        database: the database's name.

    Returns:
        The address of that database.
    """
    return urlunsplit(urlsplit(admin_dsn)._replace(path=f"/{database}"))


class Databases:
    """The databases of one test process on a server that all of them share.

    Args:
        admin_dsn: the server, as an administrator.
        run: names this test run, so that several can share a server.
        worker: names the test process.
    """

    def __init__(self, admin_dsn: str, run: str, worker: str) -> None:
        self.admin_dsn = admin_dsn
        self._run = run
        self._prefix = f"t_{run}_{worker}_{os.getpid()}"
        self._numbers = itertools.count(1)

    async def fresh(self, template: str = "template1") -> str:
        """Make a database that nobody else uses.

        Args:
            template: the name that `template` returned; empty without one.

        Returns:
            Its address.
        """
        name = f"{self._prefix}_{next(self._numbers)}"
        await self.execute(_CLONE.format(name, template))
        return dsn_of(self.admin_dsn, name)

    async def template(self, name: str, build: Callable[[str], Awaitable[object]]) -> str:
        """Build a template once per run, whichever process asks first; the others wait for it.

        Args:
            name: what it holds, such as "orders".
            build: fills the database whose address it is given, and closes its connections.

        Returns:
            The template's name, for `fresh`.
        """
        full = f"tpl_{self._run}_{re.sub('[^a-z0-9]+', '_', name.lower())}"
        admin = await asyncpg.connect(self.admin_dsn)
        try:
            await admin.execute("SELECT pg_advisory_lock($1)", _TEMPLATES_LOCK)
            # renamed once it is whole, so that a build that failed is never taken for a template
            if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", full):
                await admin.execute(f'DROP DATABASE IF EXISTS "{full}_making" WITH (FORCE)')
                await admin.execute(_CLONE.format(f"{full}_making", "template1"))
                await build(dsn_of(self.admin_dsn, f"{full}_making"))
                await admin.execute(f'ALTER DATABASE "{full}_making" RENAME TO "{full}"')
        finally:
            await admin.close()
        return full

    async def drop(self, dsn: str) -> None:
        """Drop a database, cutting whoever is still connected.

        Args:
            dsn: what `fresh` returned.
        """
        await self.execute(f'DROP DATABASE IF EXISTS "{urlsplit(dsn).path[1:]}" WITH (FORCE)')

    async def execute(self, statement: str) -> None:
        """Run one statement as the administrator, outside any transaction.

        Args:
            statement: the SQL.
        """
        admin = await asyncpg.connect(self.admin_dsn)
        try:
            await admin.execute(statement)
        finally:
            await admin.close()


async def drop_all(admin_dsn: str, run: str) -> None:
    """Drop whatever a run left behind on a server that outlives it.

    Args:
        admin_dsn: the server, as an administrator.
        run: as given to `Databases`.
    """
    admin = await asyncpg.connect(admin_dsn)
    try:
        names = await admin.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, $1) OR starts_with(datname, $2)",
            f"t_{run}_",
            f"tpl_{run}_",
        )
        for row in names:
            await admin.execute(f'DROP DATABASE IF EXISTS "{row["datname"]}" WITH (FORCE)')
    finally:
        await admin.close()
