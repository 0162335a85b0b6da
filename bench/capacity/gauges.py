"""What the machine says a store has used: processor time by process and by database role, WAL, rows, bytes on disk."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from estore.cli.compose import SERVICES
from estore.kit.rabbit_node import RabbitNode

_TICKS = os.sysconf("SC_CLK_TCK")
_BACKENDS = """
SELECT pid, coalesce(usename, '') AS role, backend_type AS kind,
    coalesce((pg_stat_get_backend_wal(pid)).wal_bytes, 0)::bigint AS wal
FROM pg_stat_activity WHERE pid <> pg_backend_pid()
"""
_SIZES = """
SELECT n.nspname AS schema, CASE WHEN c.relname IN ('outbox', 'once') THEN c.relname ELSE 'rest' END AS part,
    sum(pg_total_relation_size(c.oid))::bigint AS bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = ANY($1::text[]) GROUP BY 1, 2
"""
_SERVER = """
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS wal,
    (SELECT sum(xact_commit) FROM pg_stat_database)::bigint AS commits,
    (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal')::bigint AS wal_syncs
"""


def seconds_of(pid: int) -> float:
    """Return the processor time of a process, all of its threads; 0 when it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / _TICKS


def resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


@dataclass
class Reading:
    """Totals since the start. cpu: by service, `rabbitmq`, and `postgres:<service>`, in seconds."""

    cpu: dict[str, float] = field(default_factory=dict)
    wal: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    events: dict[str, float] = field(default_factory=dict)
    event_bytes: float = 0.0
    heard: dict[str, float] = field(default_factory=dict)
    server: dict[str, float] = field(default_factory=dict)
    broker_bytes: float = 0.0


class Gauges:
    """Reads a running store. `look` often: what a connection that ends has used is known up to the last look."""

    def __init__(self, conn: asyncpg.Connection, processes: dict[str, int], node: RabbitNode) -> None:
        self._conn = conn
        self._processes = processes
        self._node = node
        self._cpu: dict[int, tuple[str, float]] = {}
        self._wal: dict[int, tuple[str, float]] = {}
        self._turn = asyncio.Lock()

    async def look(self) -> None:
        """Note what each database connection has used so far."""
        async with self._turn:
            await self._look()

    async def _look(self) -> None:
        for row in await self._conn.fetch(_BACKENDS):
            role = row["role"].removeprefix("estore_")
            name = role if role in SERVICES else "server" if row["kind"] != "client backend" else ""
            if name:
                self._cpu[row["pid"]] = (f"postgres:{name}", seconds_of(row["pid"]))
                self._wal[row["pid"]] = (name, row["wal"])

    async def read(self) -> Reading:
        """Return the totals."""
        async with self._turn:
            return await self._read()

    async def _read(self) -> Reading:
        await self._look()
        reading = Reading(cpu={name: seconds_of(pid) for name, pid in self._processes.items()})
        for name, used in self._cpu.values():
            reading.cpu[name] = reading.cpu.get(name, 0.0) + used
        for name, used in self._wal.values():
            reading.wal[name] = reading.wal.get(name, 0.0) + used
        assert self._node.pid is not None
        reading.cpu["rabbitmq"] = seconds_of(self._node.pid)
        for row in await self._conn.fetch(_SIZES, list(SERVICES)):
            reading.sizes[f"{row['schema']}.{row['part']}"] = row["bytes"]
        for name in SERVICES:
            counted = await self._conn.fetchrow(f"SELECT count(*), coalesce(sum(length(body)), 0) FROM {name}.outbox")
            assert counted is not None
            reading.events[name] = counted[0]
            reading.event_bytes += counted[1]
            for row in await self._conn.fetch(
                f"SELECT scope, count(*) FROM {name}.once WHERE fingerprint IS NULL GROUP BY 1"
            ):
                reading.heard[row["scope"]] = row["count"]
        reading.heard["ledger journal lines"] = await self._conn.fetchval("SELECT count(*) FROM ledger.line")
        reading.heard["ledger journal entries"] = await self._conn.fetchval("SELECT count(*) FROM ledger.entry")
        server = await self._conn.fetchrow(_SERVER)
        assert server is not None
        reading.server = {key: float(value or 0) for key, value in server.items()}
        octets = await self._node.ctl("list_connections", "recv_oct", "send_oct")
        reading.broker_bytes = float(sum(int(word) for word in octets.split() if word.isdigit()))
        return reading

    async def settled(self) -> tuple[int, int]:
        """Return (events that wait in an outbox, rows of messages that were heard)."""
        waiting = heard = 0
        async with self._turn:
            for name in SERVICES:
                waiting += await self._conn.fetchval(f"SELECT count(*) FROM {name}.outbox WHERE published_at IS NULL")
                heard += await self._conn.fetchval(f"SELECT count(*) FROM {name}.once")
        return waiting, heard

    async def connections(self) -> dict[str, int]:
        """Return service -> connections to the database."""
        rows = await self._conn.fetch(
            "SELECT usename, count(*) FROM pg_stat_activity WHERE usename LIKE 'estore%' GROUP BY 1"
        )
        return {row["usename"].removeprefix("estore_"): row["count"] for row in rows}
