"""PostgreSQL: pools, transactions that the edge owns, statement counting, migrations.

Prevents: business code that commits half of its work, a use case whose statements grow with its data, and a
schema that depends on who deployed last. Every service has its own schema and role (often its own database).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from importlib import resources
from typing import Any

import asyncpg
import msgspec
from prometheus_client import Counter

from estore.kit.clock import monotonic
from estore.kit.contract import Event
from estore.kit.envelope import Cause, Envelope
from estore.kit.errors import Conflict, Invalid, Transient
from estore.kit.telemetry import tracing
from estore.kit.telemetry.metrics import EVENTS, POOL_WAIT

Record = asyncpg.Record
_counter: ContextVar[StatementCount | None] = ContextVar("estore_statements", default=None)
_json_encode = msgspec.json.encode
_json_decode = msgspec.json.decode
# To find a series by its labels takes longer than to count.
_emitted: dict[str, Counter] = {}


class ValueUnacceptable(Invalid):
    """The last net: a value that the database cannot hold, such as NUL in a text, got past the decoder."""

    code, title = "request.value_unacceptable", "A value cannot be stored"


class StatementCount:
    """Statements sent to the database within a `statements` block; BEGIN and COMMIT included."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    @property
    def count(self) -> int:
        return len(self.sent)


@contextmanager
def statements(at_most: int | None = None) -> Iterator[StatementCount]:
    """Count the statements of this task and those it starts. Raises AssertionError past `at_most`."""
    counter = StatementCount()
    token = _counter.set(counter)
    try:
        yield counter
    finally:
        _counter.reset(token)
    if at_most is not None and counter.count > at_most:
        listing = "\n".join(f"  {number}. {' '.join(sql.split())[:140]}" for number, sql in enumerate(counter.sent, 1))
        raise AssertionError(f"{counter.count} statements, at most {at_most} expected:\n{listing}")


def _count(sql: str) -> None:
    if (counter := _counter.get()) is not None:
        counter.sent.append(sql)


async def _traced(service: str, sql: str, run: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> Any:
    span = tracing.tracer.statement(service, sql) if tracing.tracer is not None else None
    if span is None:
        return await run(sql, *args)
    try:
        answer = await run(sql, *args)
    except BaseException as error:
        span.end(error)
        raise
    span.end()
    return answer


class Tx:
    """One unit of work on one connection. Only the edge makes one, only the edge commits it.

    `emit` puts an event on the outbox of the same transaction. `after_commit` runs when the change is durable.
    """

    __slots__ = ("_after", "conn", "outgoing", "service")

    def __init__(self, conn: asyncpg.Connection, service: str) -> None:
        self.conn = conn
        self.service = service
        self.outgoing: list[Envelope] = []
        self._after: list[Callable[[], None]] = []

    async def fetch(self, sql: str, *args: Any) -> list[Record]:
        _count(sql)
        if tracing.tracer is not None:
            return await _traced(self.service, sql, self.conn.fetch, args)  # type: ignore[no-any-return]
        return await self.conn.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        _count(sql)
        if tracing.tracer is not None:
            return await _traced(self.service, sql, self.conn.fetchrow, args)  # type: ignore[no-any-return]
        return await self.conn.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        _count(sql)
        if tracing.tracer is not None:
            return await _traced(self.service, sql, self.conn.fetchval, args)
        return await self.conn.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        _count(sql)
        if tracing.tracer is not None:
            return await _traced(self.service, sql, self.conn.execute, args)  # type: ignore[no-any-return]
        return await self.conn.execute(sql, *args)

    async def stream(self, sql: str, *args: Any, prefetch: int = 500) -> AsyncIterator[Record]:
        """Yield rows through a cursor, in bounded memory. Needs a transaction."""
        _count(sql)
        async for row in self.conn.cursor(sql, *args, prefetch=prefetch):
            yield row

    async def copy(self, table: str, columns: Sequence[str], rows: Any) -> None:
        """COPY rows (an iterable or async iterable of tuples) into `table`."""
        _count(f"COPY {table}")
        await self.conn.copy_records_to_table(table, columns=list(columns), records=rows)

    def emit(self, event: Event, cause: Cause) -> None:
        """Publish `event` if and only if this transaction commits. `cause`: the Context or message it follows from."""
        self.outgoing.append(Envelope.of(event, self.service, cause))

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once the change is durable: wake a waiter, drop a cache entry. Never what must happen."""
        self._after.append(action)


# Until a request is told that no connection is free, and until a server that answers no more is left alone.
ACQUIRE_SECONDS, GIVE_UP_SECONDS = 5.0, 1.0
# After a fail-over an address may lead to what was the primary: it answers, and takes nothing.
_IS_STANDBY = "SELECT pg_is_in_recovery()"
Flush = Callable[["Tx"], Awaitable[None]]
Committed = Callable[[list[Envelope]], None]


async def connect(dsn: str, **options: Any) -> asyncpg.Connection:
    """Connect as `asyncpg.connect` does, with another password of a `Login` where the first is refused."""
    for each in (dsn, *getattr(dsn, "also", ())):
        try:
            return await asyncpg.connect(each, **options)
        except asyncpg.InvalidPasswordError as error:
            refused = error
    raise refused


class Database:
    """One service's database.

    dsn: where it is; `service` names the schema that holds all its tables. command_timeout: seconds that one
    statement may take, None for as long as it takes (a bulk load); change it before `open`.
    Before commit `outbox.flush` writes what was emitted; after it `on_committed` (the relay) is handed the envelopes.
    """

    def __init__(self, dsn: str, service: str, *, min_size: int = 1, max_size: int = 8) -> None:
        self.dsn = dsn
        self.service = service
        self._sizes = (min_size, max_size)
        self._pool: asyncpg.Pool | None = None
        self.on_committed: Committed | None = None
        self._waits = POOL_WAIT.labels(service)
        self.command_timeout: float | None = 60.0

    async def open(self) -> None:
        """Connect. Raises Transient when the server cannot be reached."""
        try:
            self._pool = await asyncpg.create_pool(  # type: ignore[call-overload]  # its protocol names all options
                self.dsn,
                connect=connect,
                min_size=self._sizes[0],
                max_size=self._sizes[1],
                init=_prepare_connection,
                reset=_no_reset,
                statement_cache_size=300,
                max_inactive_connection_lifetime=120.0,
                command_timeout=self.command_timeout,
                timeout=10,
                server_settings={
                    "search_path": self.service,
                    "application_name": f"estore-{self.service}",
                    "jit": "off",
                    "timezone": "UTC",
                    "idle_in_transaction_session_timeout": "60s",
                },
            )
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            raise Transient(f"the database of {self.service} cannot be reached: {error}") from error

    async def close(self) -> None:
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 10)
            except TimeoutError:
                self._pool.terminate()
            self._pool = None

    @property
    def connections(self) -> tuple[int, int, int]:
        """Connections (busy, idle, at most)."""
        if self._pool is None:
            return 0, 0, self._sizes[1]
        idle = self._pool.get_idle_size()
        return self._pool.get_size() - idle, idle, self._sizes[1]

    async def answers(self, seconds: float) -> bool:
        """Whether this database takes changes now, asked for `seconds` at most. Never raises.

        Asked over a connection of its own while the pool is all in use: a busy service is no reason to say no.
        """
        try:
            async with asyncio.timeout(seconds):
                if self.pool.get_idle_size() or self.pool.get_size() < self.pool.get_max_size():
                    async with self.pool.acquire() as conn:
                        return not await conn.fetchval(_IS_STANDBY)
                spare = await connect(self.dsn)
                try:
                    return not await spare.fetchval(_IS_STANDBY)
                finally:
                    await spare.close()
        except (
            OSError,
            TimeoutError,
            RuntimeError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ):
            return False

    @property
    def pool(self) -> asyncpg.Pool:
        if self._pool is None:
            raise RuntimeError(f"the database of {self.service} is not open")
        return self._pool

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """A connection without a transaction: each statement sees its own snapshot. Nothing can be emitted."""
        async with self._connection() as conn:
            tx = Tx(conn, self.service)
            yield tx
            if tx.outgoing:
                raise RuntimeError("an event was emitted outside a write transaction")

    @asynccontextmanager
    async def transaction(self, *, snapshot: bool = False) -> AsyncIterator[Tx]:
        """BEGIN; the block; the outbox; COMMIT. Rolls back when the block raises.

        snapshot: read-only and REPEATABLE READ, for several reads that must agree with each other.
        """
        async with self._connection() as conn:
            tx = Tx(conn, self.service)
            await tx.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else "BEGIN")
            try:
                yield tx
                if tx.outgoing:
                    await insert_outbox(tx, tx.outgoing)
                await tx.execute("COMMIT")
            except BaseException:
                if not conn.is_closed():
                    await asyncio.shield(_rollback(conn))
                raise
        self.committed(tx)

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[Tx]:
        """A connection for ONE statement that is its own transaction: no BEGIN, no COMMIT, one round trip.

        That statement writes the outbox itself; the block leaves in `tx.outgoing` what it published.
        """
        async with self._connection() as conn:
            tx = Tx(conn, self.service)
            yield tx
        self.committed(tx)

    def committed(self, tx: Tx) -> None:
        """Tell those who wait for this commit. Called by the edge, once, after the change is durable."""
        for action in tx._after:
            action()
        if not tx.outgoing:
            return
        for envelope in tx.outgoing:
            if (count := _emitted.get(envelope.name)) is None:
                count = _emitted[envelope.name] = EVENTS.labels(envelope.name)
            count.inc()
        if self.on_committed is not None:
            self.on_committed(tx.outgoing)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Borrow a connection; answers of the server that mean "try again" become Transient or Conflict."""
        try:
            asked = monotonic()
            conn = await self.pool.acquire(timeout=ACQUIRE_SECONDS)
            try:
                self._waits.observe(monotonic() - asked)
                yield conn  # type: ignore[misc]  # the pool's proxy is a Connection in all but name
            except asyncpg.PostgresError as error:
                forget_values(error)
                raise
            finally:
                # A statement that was given up is taken back first; where nobody answers, the connection is cut.
                with suppress(TimeoutError):
                    await self.pool.release(conn, timeout=GIVE_UP_SECONDS)
        except asyncpg.DataError as error:
            raise ValueUnacceptable(str(error).partition("\n")[0][:200]) from error
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError) as error:
            raise Transient(f"the database asked to try again: {error}") from error
        except _AWAY as error:
            raise Transient(f"the database of {self.service} is away") from error
        except asyncpg.UniqueViolationError as error:
            raise Conflict(f"exists already ({error.constraint_name})") from error


# What says nothing of the statement: the server ends, starts, is full, is a standby, or does not let us in (any more).
_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
_VALUE = re.compile(r": .*?(?P<why> \([^()'\"]*\))?\Z", re.DOTALL)


def forget_values(error: asyncpg.PostgresError) -> None:
    """Take from `error` the row or value that it quotes: it would end in logs and dead letters, with people's data.

    What is left names the rule that was broken, and the place.
    """
    for field in ("detail", "where", "internal_query"):
        setattr(error, field, None)
    if isinstance(error, asyncpg.DataError) and error.args:
        message = str(error.args[0]).partition("\n")[0]
        error.args = (_VALUE.sub(lambda found: found["why"] or "", message),)
        error.__cause__ = error.__context__ = None


async def _rollback(conn: asyncpg.Connection) -> None:
    try:
        _count("ROLLBACK")
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await conn.execute("ROLLBACK")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        conn.terminate()


async def _no_reset(_conn: asyncpg.Connection) -> None:
    """Save the round trip that a pool spends on resetting a connection: nothing here sets session state."""


async def _prepare_connection(conn: asyncpg.Connection) -> None:
    await conn.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + _json_encode(value),
        decoder=lambda raw: _json_decode(raw[1:]),
    )


_OUTBOX_INSERT = """
INSERT INTO outbox
    (id, name, subject, version, occurred_at, correlation_id, causation_id, traceparent, body, claimed_until)
SELECT *, clock_timestamp() + interval '15 seconds'
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[],
            $9::bytea[])
"""


def outbox_columns(envelopes: Sequence[Envelope]) -> tuple[list[Any], ...]:
    """Return the nine arrays of `envelopes` that an outbox INSERT takes."""
    return (
        [e.id for e in envelopes],
        [e.name for e in envelopes],
        [e.subject for e in envelopes],
        [e.version for e in envelopes],
        [e.time for e in envelopes],
        [e.correlation_id for e in envelopes],
        [e.causation_id for e in envelopes],
        [e.traceparent for e in envelopes],
        [e.body for e in envelopes],
    )


async def insert_outbox(tx: Tx, envelopes: Sequence[Envelope]) -> None:
    """Write `envelopes` into the outbox, claimed for the relay of this process, in one statement."""
    await tx.execute(_OUTBOX_INSERT, *outbox_columns(envelopes))


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
