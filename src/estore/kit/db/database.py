"""A service's database: its connections, and the transactions that the edge opens and commits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import msgspec
from prometheus_client import Counter

from estore.kit.clock import monotonic
from estore.kit.db.counting import count
from estore.kit.db.errors import AWAY, ValueUnacceptable, forget_values
from estore.kit.db.transaction import Tx, insert_outbox
from estore.kit.envelope import Envelope
from estore.kit.errors import Conflict, Transient
from estore.kit.telemetry.metrics import EVENTS, POOL_WAIT

# Until a request is told that no connection is free, and until a server that answers no more is left alone.
ACQUIRE_SECONDS, GIVE_UP_SECONDS = 5.0, 1.0
# After a fail-over an address may lead to what was the primary: it answers, and takes nothing.
_IS_STANDBY = "SELECT pg_is_in_recovery()"
Committed = Callable[[list[Envelope]], None]
_json_encode = msgspec.json.encode
_json_decode = msgspec.json.decode
# To find a series by its labels takes longer than to count.
_emitted: dict[str, Counter] = {}


async def connect(dsn: str, **options: Any) -> asyncpg.Connection:
    """Connect as `asyncpg.connect` does, with another password of a `Login` where the first is refused."""
    for each in (dsn, *getattr(dsn, "also", ())):
        try:
            return await asyncpg.connect(each, **options)
        except asyncpg.InvalidPasswordError as error:
            refused = error
    raise refused


def why(error: Exception) -> str:
    """Return what `error` says, in a line that is never empty: a time limit that ran out says nothing itself."""
    return str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)


class Database:
    """One service's database.

    dsn: where it is; `service` names the schema that holds all its tables. command_timeout: seconds that one
    statement may take, None for as long as it takes (a bulk load); change it before `open`.
    Before commit `insert_outbox` writes what was emitted; after it `on_committed` (the relay) is handed the envelopes.
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
        """Connect, unless it is. Raises Transient when the server cannot be reached."""
        if self._pool is not None:
            return
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
            raise Transient(f"the database of {self.service} cannot be reached: {why(error)}") from error

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
            try:
                await tx.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else "BEGIN")
                yield tx
                if tx.outgoing:
                    await insert_outbox(tx, tx.outgoing)
                await tx.execute("COMMIT")
            except BaseException:
                if not conn.is_closed():
                    await _rolled_back(conn)
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
        except AWAY as error:
            raise Transient(f"the database of {self.service} is away") from error
        except asyncpg.UniqueViolationError as error:
            raise Conflict(f"exists already ({error.constraint_name})") from error


async def _rolled_back(conn: asyncpg.Connection) -> None:
    """Roll back, whoever cancels meanwhile: a connection that is given back in the middle of it is of no use."""
    rolling = asyncio.create_task(_rollback(conn))
    cancelled: asyncio.CancelledError | None = None
    while not rolling.done():
        try:
            await asyncio.shield(rolling)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def _rollback(conn: asyncpg.Connection) -> None:
    try:
        count("ROLLBACK")
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
