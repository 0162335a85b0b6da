"""Fresh databases, cloned from templates that the real migrations built once per run.

A clone takes up to half a second when the machine is busy, emptying a used one a few milliseconds: `lend` hands out
used ones, emptied, as long as nothing but rows was changed in them.
"""

from __future__ import annotations

import io
import itertools
import os
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit, urlunsplit

import asyncpg

_CLONE = 'CREATE DATABASE "{}" TEMPLATE "{}" STRATEGY file_copy'
"""With fsync off, files are copied six times faster than PostgreSQL's default, which writes every page to its log."""

_TEMPLATES_LOCK = 0x6573746F7265
_TOO_LARGE = 96 * 2**20

# Everything of a schema that a test could change besides rows, in one hash.
_SHAPE = """
SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (
    SELECT format('r %s %s %s %s', c.oid::regclass, c.relkind, c.relnatts, c.reloptions) AS line
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^(pg_|information_schema)'
        AND c.relkind <> 't'
    UNION ALL SELECT format('c %s %s %s', conrelid::regclass, conname, md5(pg_get_constraintdef(oid)))
    FROM pg_constraint WHERE conrelid <> 0 AND connamespace::regnamespace::text !~ '^(pg_|information_schema)'
    UNION ALL SELECT format('t %s %s %s', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT format('f %s %s', oid::regprocedure, md5(prosrc)) FROM pg_proc
    WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema)'
    UNION ALL SELECT format('a %s %s', attrelid::regclass, md5(string_agg(format('%s %s %s', attname, atttypid,
        attnotnull), ',' ORDER BY attnum))) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE attnum > 0 AND c.relkind = 'r' AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
    GROUP BY attrelid
) AS shape
"""
_TABLES = """
SELECT schemaname, tablename FROM pg_tables
WHERE schemaname !~ '^(pg_|information_schema)' ORDER BY schemaname, tablename
"""
_SEQUENCES = """
SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences
WHERE schemaname !~ '^(pg_|information_schema)' AND last_value IS NOT NULL
"""
_BUSY = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend' AND state <> 'idle'
"""
# By a test that cut all connections to a database.
_CUT = (asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)


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
        self._built: set[str] = set()
        self._idle: dict[str, list[str]] = {}
        self._lent: dict[str, tuple[str, Blank]] = {}

    async def lend(self, template: str) -> str:
        """Hand out a database that is as the template is: a used one, or a fresh one. `give_back` it.

        Args:
            template: the name that `template` returned.

        Returns:
            Its address.
        """
        idle = self._idle.setdefault(template, [])
        if idle:
            return idle.pop()
        dsn = await self.fresh(template)
        self._lent[dsn] = (template, await Blank.of(dsn))
        return dsn

    async def give_back(self, dsn: str) -> None:
        """Empty a database that was lent, for the next; drop one whose tables were changed or have grown large.

        Dropped as well is one in which a statement still runs, of somebody who was cut off: it may yet write.

        Args:
            dsn: what `lend` returned, with no connection to it left.
        """
        template, blank = self._lent[dsn]
        if await blank.is_quiet() and await blank.restore():
            self._idle[template].append(dsn)
            return
        del self._lent[dsn]
        await blank.close()
        await self.drop(dsn)

    async def close(self) -> None:
        """Close what is open between two loans."""
        for _, blank in self._lent.values():
            await blank.close()

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
        if full in self._built:
            return full
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
        self._built.add(full)
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


class Blank:
    """How a database was before anybody used it: its shape, and its rows, mostly the few that migrations put in.

    Args:
        conn: stays open: on a new one, reading the catalogue anew costs three times what there is to do.
        shape: a hash of its tables, constraints, triggers and functions.
        tables: all of them, as (schema, name).
        rows: what is in those that are not empty, in PostgreSQL's COPY format.
        sequences: the last number of those that were used.
    """

    def __init__(
        self,
        conn: asyncpg.Connection,
        shape: str,
        tables: list[tuple[str, str]],
        rows: dict[tuple[str, str], bytes],
        sequences: dict[str, int],
    ) -> None:
        self._conn = conn
        self._shape = shape
        self._tables = tables
        self._rows = rows
        self._sequences = sequences

    @classmethod
    async def of(cls, dsn: str) -> Blank:
        """Look at a database that nobody has used yet."""
        conn = await asyncpg.connect(dsn)
        tables = [(row[0], row[1]) for row in await conn.fetch(_TABLES)]
        rows = {}
        for schema, table in tables:
            out = io.BytesIO()
            await conn.copy_from_table(table, schema_name=schema, output=out)
            if out.getvalue():
                rows[schema, table] = out.getvalue()
        shape = await conn.fetchval(_SHAPE)
        sequences = {row[0]: row[1] for row in await conn.fetch(_SEQUENCES)}
        # As a replica no trigger fires and no foreign key is checked: a journal can be emptied, in any order.
        await conn.execute("SET session_replication_role = replica")
        return cls(conn, shape, tables, rows, sequences)

    async def is_quiet(self) -> bool:
        """Tell whether nobody else is in the middle of something."""
        try:
            return not await self._conn.fetchval(_BUSY)
        except _CUT:
            return False

    async def restore(self) -> bool:
        """Make a used database blank again; tells whether it is."""
        conn = self._conn
        try:
            if await conn.fetchval("SELECT pg_database_size(current_database())") > _TOO_LARGE:
                return False
        except _CUT:
            return False
        if await conn.fetchval(_SHAPE) != self._shape:
            return False
        await conn.execute("; ".join(f'DELETE FROM "{schema}"."{table}"' for schema, table in self._tables))
        for name, last in await conn.fetch(_SEQUENCES):
            if name not in self._sequences:
                await conn.execute(f"ALTER SEQUENCE {name} RESTART")
            elif last != self._sequences[name]:
                await conn.execute("SELECT setval($1::regclass, $2)", name, self._sequences[name])
        for (schema, table), copied in self._rows.items():
            await conn.copy_to_table(table, schema_name=schema, source=io.BytesIO(copied))
        return True

    async def close(self) -> None:
        if not self._conn.is_closed():
            await self._conn.close()


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
