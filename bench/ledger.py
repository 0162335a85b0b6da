"""The ledger: journal lines per second through the consumers' use case, beside the bare insert of the same rows.

It starts the embedded PostgreSQL, with fsync on. The two kinds of load take turns; the ratio is what counts. Then four
posters at once, all of whose sales meet on the platform's accounts; and a balance read with 1 and 1,000,000 lines.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import time
from collections.abc import Sequence
from typing import Any

import asyncpg
import uvloop

from bench.hot_sku import database, server
from estore.contracts.orders import OrderConfirmed, OrderLine, ParcelShare, Totals
from estore.kit.clock import SystemClock
from estore.kit.context import system_context
from estore.kit.db import migrate, migrations_of
from estore.kit.envelope import Envelope, Message
from estore.kit.ids import new_id
from estore.kit.service import Service
from estore.kit.settings import Settings
from estore.services.ledger import store
from estore.services.ledger.app import build

BATCH, BATCHES, ROUNDS, POSTERS = 1_000, 4, 3, 4
VENDORS = 300
HISTORY = 1_000_000
_numbers = itertools.count()


def sale() -> Message[OrderConfirmed]:
    """One order of one vendor: four journal lines."""
    order_id, vendor_id = new_id("ord"), f"vnd_{next(_numbers) % VENDORS:03}"
    share = ParcelShare(
        parcel_id=f"pcl_{order_id[4:]}-1",
        vendor_id=vendor_id,
        items=5_000,
        discount=0,
        shipping=0,
        tax=0,
        total=5_000,
        commission=500,
        commission_tax=95,
    )
    line = OrderLine(
        line_id=f"{order_id}-1",
        sku="SKU",
        product_id="prd",
        vendor_id=vendor_id,
        title="A thing",
        quantity=1,
        unit_price=5_000,
        discount=0,
        tax=0,
        total=5_000,
        commission=500,
        commission_tax=95,
    )
    event = OrderConfirmed(
        order_id=order_id,
        number="E-7K3M-92QX",
        account_id=None,
        email="ada@example.com",
        lines=(line,),
        totals=Totals(items=5_000, discount=0, shipping=0, tax=0, total=5_000, currency="EUR"),
        payment_id=new_id("pay"),
        version=1,
        parcels=(share,),
    )
    now = SystemClock().now()
    return Message(Envelope.of(event, "orders", system_context(now)), event, now)


async def post(service: Service, batches: Sequence[list[Message[OrderConfirmed]]]) -> None:
    """Post batches through the consumer, one transaction each."""
    (queue,) = [s for s in service.subscriptions if OrderConfirmed in s.handlers]
    for batch in batches:
        await queue.handlers[OrderConfirmed](queue.queue, batch)


async def posting(service: Service, posters: int) -> float:
    """Return journal lines per second with so many posters at once."""
    work = [[[sale() for _ in range(BATCH)] for _ in range(BATCHES)] for _ in range(posters)]
    began = time.perf_counter()
    await asyncio.gather(*(post(service, batches) for batches in work))
    return posters * BATCHES * BATCH * 4 / (time.perf_counter() - began)


async def bare(service: Service) -> float:
    """Return lines per second when the last rows that were posted go into bare copies of the two tables."""
    async with service.db.read() as tx:
        for table in ("entry", "line"):
            await tx.execute(f"DROP TABLE IF EXISTS bare_{table}")
            await tx.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")
        entries = await tx.fetch("SELECT * FROM entry ORDER BY id DESC LIMIT $1", BATCH * BATCHES)
        lines = await tx.fetch("SELECT * FROM line WHERE entry_id = ANY($1::uuid[])", [row["id"] for row in entries])
        types = {
            table: [
                row[0]
                for row in await tx.fetch(
                    "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
                    " WHERE attrelid = $1::text::regclass AND attnum > 0 ORDER BY attnum",
                    table,
                )
            ]
            for table in ("entry", "line")
        }
    inserts = {
        table: f"INSERT INTO bare_{table} SELECT * FROM unnest("
        + ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(kinds, 1))
        + ")"
        for table, kinds in types.items()
    }
    began = time.perf_counter()
    for batch in range(BATCHES):
        async with service.db.transaction() as tx:
            for table, rows, size in (("entry", entries, BATCH), ("line", lines, 4 * BATCH)):
                part = rows[batch * size : (batch + 1) * size]
                await tx.execute(inserts[table], *(list(column) for column in zip(*part, strict=True)))
    return len(lines) / (time.perf_counter() - began)


async def reading(service: Service, dsn: str) -> dict[str, float]:
    """Return the median milliseconds of a balance read, now and as of a moment, with a short and a long history."""
    conn = await asyncpg.connect(dsn, server_settings={"search_path": "ledger", "session_replication_role": "replica"})
    ids = {}
    for vendor, lines in (("vnd_short", 1), ("vnd_long", HISTORY)):
        ids[vendor] = await conn.fetchval(
            "INSERT INTO account (kind, owner, currency) VALUES ('pending', $1, 'EUR') RETURNING id", vendor
        )
        await conn.execute(
            "INSERT INTO line SELECT gen_random_uuid(), 1, $1, -1, now() - (($2 - n) || ' s')::interval, n, -n"
            " FROM generate_series(1, $2) n",
            ids[vendor],
            lines,
        )
        await conn.execute("INSERT INTO balance VALUES ($1, $2, $3, now())", ids[vendor], -lines, lines)
    await conn.execute("VACUUM ANALYZE line")
    await conn.close()
    found: dict[str, float] = {}
    now = SystemClock().now()
    async with service.db.read() as tx:
        for vendor in ids:
            for name, at in (("now", None), ("at", now)):
                took = []
                for _ in range(300):
                    began = time.perf_counter()
                    await store.balances(tx, [vendor], ("", ""), 2, at)
                    took.append(time.perf_counter() - began)
                found[f"{vendor}_{name}_ms"] = round(statistics.median(took) * 1000, 3)
    return found


async def measure(url: str) -> dict[str, Any]:
    async with server(url) as admin, database(admin) as dsn:
        conn = await asyncpg.connect(dsn)
        await conn.execute("CREATE SCHEMA ledger")
        await conn.close()
        await migrate(dsn, "ledger", migrations_of("ledger"))
        environment = {"ESTORE_LEDGER_DATABASE_URL": dsn}
        service = build(Settings(database_url=dsn, secret="bench", environment=environment))
        await service.db.open()
        try:
            await posting(service, 1)
            rounds = [(await posting(service, 1), await bare(service)) for _ in range(ROUNDS)]
            many = await posting(service, POSTERS)
            one = statistics.median(ours for ours, _ in rounds)
            return {
                "lines_per_s": round(one),
                "bare_lines_per_s": round(statistics.median(bare for _, bare in rounds)),
                "ratio": round(statistics.median(ours / bare for ours, bare in rounds), 2),
                f"{POSTERS}_posters_lines_per_s": round(many),
                **await reading(service, dsn),
            }
        finally:
            await service.db.close()


def run() -> dict[str, Any]:
    """Run the bench. ESTORE_BENCH_DATABASE_URL names a running server instead of the embedded one."""
    return uvloop.run(measure(os.environ.get("ESTORE_BENCH_DATABASE_URL", "")))
