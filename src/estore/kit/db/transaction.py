"""A unit of work: statements on one connection, and the events that are published if it commits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import asyncpg
from asyncpg import Record

from estore.kit.contract import Event
from estore.kit.db.counting import count
from estore.kit.envelope import Cause, Envelope
from estore.kit.telemetry import tracing

_OUTBOX_INSERT = """
INSERT INTO outbox
    (id, name, subject, version, occurred_at, correlation_id, causation_id, traceparent, body, claimed_until)
SELECT *, clock_timestamp() + interval '15 seconds'
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[],
            $9::bytea[])
"""


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
        count(sql)
        if tracing.tracer is not None:
            return await _traced(self.service, sql, self.conn.fetch, args)  # type: ignore[no-any-return]
        return await self.conn.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        count(sql)
        if tracing.tracer is not None:
            return await _traced(self.service, sql, self.conn.fetchrow, args)  # type: ignore[no-any-return]
        return await self.conn.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        count(sql)
        if tracing.tracer is not None:
            return await _traced(self.service, sql, self.conn.fetchval, args)
        return await self.conn.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        count(sql)
        if tracing.tracer is not None:
            return await _traced(self.service, sql, self.conn.execute, args)  # type: ignore[no-any-return]
        return await self.conn.execute(sql, *args)

    async def stream(self, sql: str, *args: Any, prefetch: int = 500) -> AsyncIterator[Record]:
        """Yield rows through a cursor, in bounded memory. Needs a transaction."""
        count(sql)
        async for row in self.conn.cursor(sql, *args, prefetch=prefetch):
            yield row

    async def copy(self, table: str, columns: Sequence[str], rows: Any) -> None:
        """COPY rows (an iterable or async iterable of tuples) into `table`."""
        count(f"COPY {table}")
        await self.conn.copy_records_to_table(table, columns=list(columns), records=rows)

    def emit(self, event: Event, cause: Cause) -> None:
        """Publish `event` if and only if this transaction commits. `cause`: the Context or message it follows from."""
        self.outgoing.append(Envelope.of(event, self.service, cause))

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once the change is durable: wake a waiter, drop a cache entry. Never what must happen."""
        self._after.append(action)


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
