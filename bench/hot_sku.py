"""One hot SKU: reservations per second through the consumer, beside pgbench on one hot row of the same PostgreSQL.

It starts the embedded PostgreSQL, with fsync on. The two kinds of load take turns, so that both meet the same
machine; the ratio is what counts.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import uvloop

from estore.contracts.orders import OrderLine, OrderPlaced, Totals
from estore.kit.bus.base import handle
from estore.kit.clock import SystemClock
from estore.kit.context import system_context
from estore.kit.db import migrate, migrations_of
from estore.kit.embedded import EmbeddedPostgres, programs
from estore.kit.envelope import Envelope
from estore.kit.ids import new_id
from estore.kit.service import Service
from estore.kit.settings import Settings
from estore.services.inventory import store
from estore.services.inventory.app import build

SUPPLY = 900_000_000
SINGLE = "UPDATE hot SET reserved = reserved + 1 WHERE id = 1 AND on_hand - reserved >= 1;\n"
CTE = """WITH held AS (
    UPDATE hot SET reserved = reserved + 1 WHERE id = 1 AND on_hand - reserved >= 1 RETURNING id
)
INSERT INTO hot_hold (order_id, hot_id) SELECT gen_random_uuid(), id FROM held;
"""


@asynccontextmanager
async def server(url: str) -> AsyncIterator[str]:
    """A running PostgreSQL: the one that is named, or our own."""
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="estore-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        async with EmbeddedPostgres(Path(folder) / "postgres") as postgres:
            yield postgres.dsn


@asynccontextmanager
async def database(url: str) -> AsyncIterator[str]:
    """A database of our own on that server."""
    name = f"estore_bench_{os.getpid()}"
    admin = await asyncpg.connect(url)
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


def order() -> Envelope:
    """One order of one piece, as it comes from the broker."""
    now = datetime.now(UTC)
    line = OrderLine(
        line_id=new_id("lin"),
        sku="HOT",
        product_id="prd_hot",
        vendor_id="vnd_hot",
        title="The one that everybody wants",
        quantity=1,
        unit_price=1999,
        discount=0,
        tax=319,
        total=1999,
        commission=200,
    )
    event = OrderPlaced(
        order_id=new_id("ord"),
        number="E-1",
        account_id=None,
        email="a@example.com",
        lines=(line,),
        totals=Totals(items=1999, discount=0, shipping=490, tax=397, total=2489, currency="EUR"),
        cart_id=None,
        cart_version=None,
        deadline=now + timedelta(minutes=15),
        version=1,
    )
    return Envelope.of(event, "orders", system_context(now))


async def consume(service: Service, seconds: float, batch: int, tasks: int) -> tuple[float, float]:
    """Reserve through the queue's own path: decode, once, reserve, outbox, commit.

    Returns reservations per second, and the share of that time in which this process used the CPU.
    """
    (subscription,) = (s for s in service.subscriptions if s.queue == "inventory.reservations")
    clock = SystemClock()
    # made beforehand: orders makes them, not inventory
    ready = [[order() for _ in range(batch)] for _ in range(int(seconds * 20_000 / batch) + tasks)]
    done = 0
    end = time.monotonic() + seconds

    async def worker() -> None:
        nonlocal done
        while ready and time.monotonic() < end:
            outcomes = await handle(subscription, ready.pop(), clock)
            done += len(outcomes)

    started, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(tasks)))
    wall = time.monotonic() - started
    return done / wall, (time.process_time() - cpu) / wall


async def pgbench(url: str, script: str, seconds: float, clients: int) -> float:
    """Transactions per second of pgbench with prepared statements."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        path.write_text(script)
        command = [str(programs() / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "2"]
        process = await asyncio.create_subprocess_exec(
            *command, "-T", str(max(1, round(seconds))), "-f", str(path), url, stdout=subprocess.PIPE
        )
        output, _ = await process.communicate()
    found = re.search(r"tps = ([\d.]+)", output.decode())
    assert found is not None, output
    return float(found[1])


async def prepare(url: str) -> Service:
    """Migrate, stock the hot SKU, make pgbench's hot row."""
    conn = await asyncpg.connect(url)
    await conn.execute("CREATE SCHEMA inventory")
    await conn.execute("CREATE TABLE hot (id int PRIMARY KEY, on_hand int, reserved int) WITH (fillfactor = 50)")
    await conn.execute("CREATE TABLE hot_hold (order_id uuid PRIMARY KEY, hot_id int)")
    await conn.execute(f"INSERT INTO hot VALUES (1, {SUPPLY}, 0)")
    await conn.close()
    await migrate(url, "inventory", migrations_of("inventory"))
    service = build(Settings(environment={"ESTORE_INVENTORY_DATABASE_URL": url}))
    await service.db.open()
    async with service.db.transaction() as tx:
        rows = [store.SeedRow("HOT", "prd_hot", "vnd_hot", 1, SUPPLY)]
        await store.copy_stock(tx, rows, datetime.now(UTC))
    return service


async def measure(
    *,
    seconds: float = 5.0,
    rounds: int = 3,
    batch: int = 200,
    tasks: int = 2,
    clients: int = 16,
    url: str | None = None,
) -> dict[str, Any]:
    """Measure `rounds` times, turn by turn; returns medians. tasks: batches under way at the same time."""
    async with server(url) as given, database(given) as own:
        service = await prepare(own)
        await consume(service, 1.0, batch, tasks)
        ours, single, cte = [], [], []
        for _ in range(rounds):
            ours.append((await consume(service, seconds, batch, tasks))[0])
            single.append(await pgbench(own, SINGLE, seconds, clients))
            cte.append(await pgbench(own, CTE, seconds, clients))
        async with service.db.read() as tx:
            held = await tx.fetchval("SELECT sum(reserved) FROM stock")
            orders = await tx.fetchval("SELECT count(*) FROM reservation")
        await service.db.close()
    if held != orders:
        raise RuntimeError(f"{held} pieces held for {orders} orders")
    rates = {"reservations": ours, "pgbench_one_row": single, "pgbench_one_row_as_cte": cte}
    best = [max(pair) for pair in zip(single, cte, strict=True)]
    return {f"{name}_per_second": round(statistics.median(found)) for name, found in rates.items()} | {
        "ratio": round(statistics.median(o / b for o, b in zip(ours, best, strict=True)), 1)
    }


def run() -> dict[str, Any]:
    """Return reservations per second on one SKU, pgbench's rates on one row, and the ratio to the better of them."""
    return uvloop.run(measure())
