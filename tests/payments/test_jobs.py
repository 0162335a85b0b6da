"""The timers with real time, real HTTP and a process that is killed."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

import pytest
import uvicorn

from estore.kit.db import statements
from estore.kit.http import application
from estore.kit.http.server import listening_socket
from estore.services.payments import app
from payments.shop import Shop
from support.databases import Databases
from support.world import settings_for, world

QUICK = {
    "ESTORE_PAYMENTS_CALL_TIMEOUT": "0.3",
    "ESTORE_PAYMENTS_LEASE": "20",
    "ESTORE_PAYMENTS_FIRST_LOOK": "0.2",
    "ESTORE_PAYMENTS_SANDBOX_SLOW_SECONDS": "0.3",
}

# Charges 50 orders, and never gets to record what came of them.
VICTIM = """
import asyncio, sys
from payments.shop import Shop
from support.world import World, settings_for, unhurried
from estore.kit.clock import SystemClock
from estore.services.payments import app

async def main():
    settings = settings_for(sys.argv[1], ["payments"], ESTORE_PAYMENTS_CALL_TIMEOUT="60")
    with unhurried():
        service = app.build(settings)
    await service.db.open()
    shop = Shop(World({"payments": service}, sys.argv[1], SystemClock()))

    async def hang(found):
        print(len(found), flush=True)
        await asyncio.Event().wait()

    shop.pump._outcomes._flush = hang
    await shop.world.deliver_batch("payments", [shop.request(order_id=f"ord_{n}") for n in range(50)])
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def until(shop: Shop, sql: str) -> None:
    """Wait for a query to answer true."""
    async with asyncio.timeout(90):
        while not (await shop.world.fetch("payments", sql))[0]["done"]:
            await asyncio.sleep(0.05)


async def test_what_a_killed_process_charged_is_recorded_by_the_next_and_charged_once(databases: Databases) -> None:
    async with world(databases, "payments", real_time=True, **QUICK) as made:
        shop = Shop(made)
        victim = await asyncio.create_subprocess_exec(
            sys.executable, "-c", VICTIM, made.dsn, stdout=-1, env={"PYTHONPATH": ":".join(sys.path)}
        )
        assert victim.stdout is not None
        while not (line := await victim.stdout.readline()).strip().isdigit():
            assert line, "it ended before it charged"  # a busy machine says before that it was slow
        charged = int(line)
        victim.kill()
        await victim.wait()
        left = await made.fetch("payments", "SELECT status, count(*) FROM payment_intent GROUP BY 1")
        # It claimed them for as long as a busy machine may take.
        await made.fetch("payments", "UPDATE payment_intent SET due_at = now() RETURNING 1")
        await made.run()
        await until(shop, "SELECT bool_and(status = 'captured') AS done FROM payment_intent")

        assert charged > 0
        assert left == [{"status": "created", "count": 50}]
        assert (await made.fetch("payments", "SELECT count(*) FROM sandbox_charge")) == [{"count": 50}]
        assert [len(await shop.captured(f"ord_{n}")) for n in range(50)] == [1] * 50
        assert await made.broken("payments") == {}


async def test_everything_settles_by_itself_over_real_http(databases: Databases) -> None:
    listening = listening_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    hook = f"http://127.0.0.1:{port}/v1/payments/webhooks/sandbox"
    async with world(databases, "payments", real_time=True, ESTORE_PAYMENTS_SANDBOX_WEBHOOK_URL=hook, **QUICK) as made:
        shop, service = Shop(made), made.service("payments")
        shop.sandbox.client = None
        asgi = application("payments", service.routes, verifier=service.verifier, clock=service.clock)
        server = uvicorn.Server(uvicorn.Config(asgi, log_config=None, lifespan="off"))
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        serving = asyncio.create_task(server.serve([listening]))
        await made.run()
        methods = {
            "pm_ok": "captured",
            "pm_declined": "failed",
            "pm_slow": "captured",
            "pm_timeout_after_charge": "captured",
            "pm_duplicate_webhooks": "captured",
            "pm_never_answers": "failed",
            "pm_requires_action": "requires_action",
        }
        await made.deliver_batch("payments", [shop.request(m, order_id=f"ord_{m}") for m in methods])
        await until(shop, "SELECT count(*) FILTER (WHERE due_at IS NOT NULL) <= 1 AS done FROM payment_intent")
        await until(shop, "SELECT count(*) FILTER (WHERE due_at IS NOT NULL) = 0 AS done FROM sandbox_webhook")
        statuses = {m: await shop.status(f"ord_{m}") for m in methods}
        delivered = await made.fetch("payments", "SELECT count(*) FROM sandbox_webhook WHERE delivered_at IS NULL")
        server.should_exit = True
        await serving

        assert statuses == methods
        assert delivered == [{"count": 0}]
        assert await made.broken("payments") == {}


async def test_old_webhooks_are_forgotten_and_recent_ones_are_not(shop: Shop) -> None:
    await shop.pay("pm_duplicate_webhooks")
    await shop.later(seconds=5)

    async def kept() -> list[int]:
        for job in shop.world.service("payments").jobs:
            await job.run()
        tables = ("webhook_event", "sandbox_webhook")
        return [len(await shop.world.fetch("payments", f"SELECT 1 FROM {table}")) for table in tables]

    now = await kept()
    await shop.later(days=10)
    later = await kept()
    await shop.later(days=21)

    assert (now, later, await kept()) == ([3, 4], [3, 0], [0, 0])


async def test_the_claim_outlives_the_call_however_it_is_configured(databases: Databases) -> None:
    settings = settings_for("postgresql://nowhere", ["payments"], **QUICK | {"ESTORE_PAYMENTS_CALL_TIMEOUT": "40"})
    pump = app.build(settings).jobs[0].run.__self__  # type: ignore[attr-defined]

    assert pump._pace.lease > 2 * pump._timeout


async def test_a_look_that_a_later_one_overtook_asks_for_no_third(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    real, held, gate = shop.pump._e, asyncio.Event(), asyncio.Event()

    class Held:
        """The first who claims is kept waiting for what it claimed."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        async def claim(self, *given: Any) -> Any:
            claimed = await real.claim(*given)
            if not held.is_set():
                held.set()
                await gate.wait()
            return claimed

    monkeypatch.setattr(shop.pump, "_e", Held())
    first = asyncio.create_task(shop.pump.sweep())
    await held.wait()
    await shop.pump.sweep()
    gate.set()
    await first
    with statements() as counted:
        await shop.pay()

    assert not [sql for sql in counted.sent if "SKIP LOCKED" in sql]


async def test_more_than_a_process_has_room_for_is_charged_as_room_comes_free(shop: Shop) -> None:
    shop.pump._concurrency, usual = 4, shop.pump._concurrency
    batches = [[shop.request() for _ in range(20)] for _ in range(10)]
    await asyncio.gather(*(shop.world.deliver_batch("payments", batch) for batch in batches))
    await shop.pump.idle()
    shop.pump._concurrency = usual

    assert await shop.world.fetch("payments", "SELECT status, count(*) FROM payment_intent GROUP BY 1") == [
        {"status": "captured", "count": 200}
    ]
