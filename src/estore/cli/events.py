"""`estore events`: follow what happens, one readable line per event, oldest first.

It reads the outboxes, so it works on either bus and disturbs nobody. Late commits are found too: it looks back
over a window and prints what it has not printed yet, instead of trusting the highest id.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from rich.console import Console

from estore.kit.db import connect
from estore.kit.settings import Settings

POLL_SECONDS = 0.25
WINDOW_SECONDS = 30
_READ = """
SELECT id, name, subject, version, occurred_at, correlation_id, body, published_at IS NOT NULL AS published FROM outbox
WHERE occurred_at > now() - make_interval(secs => $1) AND ($2::text IS NULL OR name LIKE $2)
  AND ($3::text IS NULL OR subject = $3 OR correlation_id = $3)
ORDER BY id LIMIT 5000
"""


class Line(msgspec.Struct, frozen=True):
    """One event as it is shown."""

    time: datetime
    id: UUID
    service: str
    name: str
    subject: str
    version: int
    correlation_id: str
    body: msgspec.Raw


async def follow(
    settings: Settings,
    names: Sequence[str],
    *,
    since: float = 0.0,
    pattern: str | None = None,
    about: str | None = None,
    forever: bool = True,
) -> AsyncIterator[Line]:
    """Yield events of the services `names`, first those of the last `since` seconds.

    pattern: event name with `*`, such as `order.*`. about: only this subject or correlation id.
    """
    like = pattern.replace("_", r"\_").replace("*", "%") if pattern else None
    async with AsyncExitStack() as stack:
        connections: dict[str, asyncpg.Connection[Any]] = {}
        for name in names:
            conn = await connect(settings.database_of(name), server_settings={"search_path": name})
            stack.push_async_callback(conn.close)
            connections[name] = conn
        seen: dict[UUID, None] = {}
        if since == 0.0:
            for conn in connections.values():
                seen.update(dict.fromkeys(row["id"] for row in await conn.fetch(_READ, WINDOW_SECONDS, None, None)))
        window = max(since, WINDOW_SECONDS)
        while True:
            fresh: list[Line] = []
            for name, conn in connections.items():
                rows = await conn.fetch(_READ, window, like, about)
                fresh += [_line(name, row) for row in rows if row["id"] not in seen]
            for line in sorted(fresh, key=lambda line: line.id):
                seen[line.id] = None
                yield line
            if not forever:
                return
            window = WINDOW_SECONDS
            while len(seen) > 50_000:
                del seen[next(iter(seen))]
            await asyncio.sleep(POLL_SECONDS)


def _line(service: str, row: asyncpg.Record) -> Line:
    return Line(
        time=row["occurred_at"],
        id=row["id"],
        service=service,
        name=row["name"],
        subject=row["subject"],
        version=row["version"],
        correlation_id=row["correlation_id"],
        body=msgspec.Raw(row["body"]),
    )


async def show(lines: AsyncIterator[Line], *, as_json: bool, bodies: bool) -> None:
    """Print `lines`: JSON Lines, or columns."""
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    async for line in lines:
        if as_json:
            print(msgspec.json.encode(line).decode(), flush=True)
            continue
        body = f"  {bytes(line.body).decode()}" if bodies else ""
        console.print(
            f"[dim]{line.time:%H:%M:%S.%f}[/] {line.name:<32} {line.subject:<32} [dim]{line.correlation_id}[/]{body}",
            markup=not bodies,
        )
