"""A store that ran before disputes had an end: what it had is kept, and adds up."""

from __future__ import annotations

import importlib

import asyncpg

from estore.kit.db import migrate, migrations_of
from support.databases import Databases
from support.world import World, settings_for, world

BEFORE = """
INSERT INTO payment_intent (id, order_id, order_version, amount, currency, method, provider, status, captured,
                            expires_at, correlation_id, causation_id, traceparent, created_at, captured_at, settled_at)
SELECT 'pay_' || n, 'ord_' || n, 1, 1000, 'EUR', 'pm_disputed', 'sandbox', 'captured', 1000, now(), '', '', '', now(),
       now(), now() FROM generate_series(1, 3) AS n;
INSERT INTO sandbox_charge (id, key, order_id, amount, currency, method, status, captured, created_at)
SELECT 'sbx_' || n, 'pay_' || n, 'ord_' || n, 1000, 'EUR', 'pm_disputed', 'captured', 1000, now()
FROM generate_series(1, 3) AS n;
INSERT INTO dispute (id, payment_id, provider, reference, amount, currency, created_at)
SELECT 'dsp_' || n, 'pay_' || n, 'sandbox', 'sbd_pay_' || n, 1000, 'EUR', now() FROM generate_series(1, 2) AS n;
"""


async def test_disputes_from_before_keep_their_money_and_the_books_agree(databases: Databases) -> None:
    async with world(databases, "payments") as made:
        dsn = made.dsn
        conn = await asyncpg.connect(dsn)
        await conn.execute("DROP SCHEMA payments CASCADE; CREATE SCHEMA payments")
        old = [m for m in migrations_of("payments") if not m.name.startswith("0002")]
        await migrate(dsn, "payments", old)
        await conn.execute("SET search_path = payments;" + BEFORE)
        await conn.close()
        applied = await migrate(dsn, "payments", migrations_of("payments"))
        service = importlib.import_module("estore.services.payments.app").build(settings_for(dsn, ["payments"]))
        await service.db.open()
        upgraded = World({"payments": service}, dsn, made.clock)
        rows = await upgraded.fetch("payments", "SELECT disputed FROM payment_intent ORDER BY id")
        broken = await upgraded.broken("payments")
        await service.db.close()

    assert applied == ["0002_providers_disputes_reports"]
    assert [row["disputed"] for row in rows] == [1000, 1000, 0]
    assert broken == {}
