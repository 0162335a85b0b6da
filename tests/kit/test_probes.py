"""Three probes that mean three things: it has begun, it can serve now, its event loop turns."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from estore.cli.serve import front_for
from estore.kit.auth import PublicKey, new_key, store_keys
from estore.kit.clock import utc_now
from estore.kit.http.cache import ReadCache
from estore.kit.runtime import Runtime, local_bus
from estore.services.vendors.app import build
from support.databases import Databases
from support.market import until
from support.ports import reserved_port
from support.world import migrate_services, settings_for

ROOT = Path(__file__).parents[2]


class Served:
    """vendors as `estore serve` runs it, without the socket."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.service = build(settings_for(dsn, ["vendors"]))
        self.runtime = Runtime([self.service], local_bus([self.service]))
        front = front_for([self.service], self.runtime, ReadCache())
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=front), base_url="http://vendors")

    async def open(self) -> None:
        await self.service.db.open()
        key = new_key()
        async with self.service.db.transaction() as tx:
            await store_keys(
                tx, [PublicKey(str(key.kid), key.as_dict(private=False), utc_now() + timedelta(hours=1))], utc_now()
            )
        await self.service.db.close()
        await self.runtime.start()

    async def status(self, probe: str) -> int:
        return (await self.http.get(probe)).status_code

    async def becomes(self, probe: str, status: int) -> None:
        async def look() -> bool:
            return await self.status(probe) == status

        await until(f"{probe} is {status}", look)


@pytest.fixture
async def served(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    # A database that is slow is none that is away, however busy the machine is.
    monkeypatch.setattr("estore.kit.runtime.ANSWER_SECONDS", 60.0)
    dsn = await databases.fresh(await databases.template("vendors", lambda dsn: migrate_services(dsn, ["vendors"])))
    it = Served(dsn)
    await it.open()
    yield it
    await it.runtime.stop()
    await databases.drop(dsn)


async def refuse_logins(dsn: str, admin: str, refuse: bool) -> None:
    """Do what an outage does: nobody gets in, and who is in is thrown out."""
    name = dsn.rpartition("/")[2].partition("?")[0]
    conn = await asyncpg.connect(admin)
    try:
        await conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {"false" if refuse else "true"}')
        if refuse:
            await conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    finally:
        await conn.close()


async def test_without_its_database_it_is_not_ready_but_alive_and_recovers(
    served: Served, databases: Databases
) -> None:
    await served.becomes("/readyz", 200)

    await refuse_logins(served.dsn, databases.admin_dsn, True)
    await served.becomes("/readyz", 503)

    answer = await served.http.get("/readyz")
    assert answer.json() == {"status": "not ready", "lacks": ["the database of vendors does not answer"]}
    assert await served.status("/livez") == 200
    assert await served.status("/startupz") == 200

    await refuse_logins(served.dsn, databases.admin_dsn, False)
    await served.becomes("/readyz", 200)


async def test_a_pool_that_is_all_in_use_is_no_reason_to_turn_away(served: Served) -> None:
    await served.becomes("/readyz", 200)
    pool = served.service.db.pool
    held = [await pool.acquire() for _ in range(pool.get_max_size())]
    try:
        assert await served.status("/readyz") == 200
    finally:
        for conn in held:
            await pool.release(conn)


async def test_a_broker_that_goes_away_later_leaves_it_ready(served: Served) -> None:
    await served.becomes("/readyz", 200)

    await served.runtime.bus.pause()

    assert not served.runtime.bus.ready
    assert await served.status("/readyz") == 200


async def test_a_service_may_lack_something_of_its_own(served: Served) -> None:
    await served.becomes("/readyz", 200)

    served.service.lacks = lambda: "the index is being made"

    assert (await served.http.get("/readyz")).json()["lacks"] == ["the index is being made"]
    assert await served.status("/livez") == 200


async def test_what_leaves_says_so_at_once_and_still_serves(served: Served) -> None:
    await served.becomes("/readyz", 200)

    served.runtime.leave()

    assert (await served.http.get("/readyz")).json()["lacks"] == ["this process ends"]
    assert await served.status("/healthz") == 503
    assert await served.status("/livez") == 200
    assert await served.status("/v1/vendors") != 503


async def test_probes_only_answer_reads_and_are_never_kept(served: Served) -> None:
    assert (await served.http.post("/readyz")).status_code == 404
    assert (await served.http.head("/livez")).content == b""
    assert (await served.http.get("/livez")).headers["cache-control"] == "no-store"


class Process:
    """`estore serve all` on a database of its own, as an operator starts it."""

    def __init__(self, dsn: str, log: Path, **environment: str) -> None:
        self.url = f"http://127.0.0.1:{(port := reserved_port())}"
        self._log = log
        settings = settings_for(dsn, ["vendors"])
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ESTORE_")}
        given = dict(settings.environment) | {"ESTORE_SECRET": settings.secret, "PYTHONPATH": str(ROOT / "src")}
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "estore.cli", "serve", "vendors", "--port", str(port)],
                env=kept | given | {"ESTORE_AMQP_URL": "amqp://nobody:x@127.0.0.1:1/", **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )

    def said(self) -> list[dict[str, Any]]:
        whole, _, _begun = self._log.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    async def answers(self, probe: str) -> int:
        async with httpx.AsyncClient(timeout=30) as http:
            with suppress(httpx.TransportError):
                return (await http.get(self.url + probe)).status_code
        return 0

    async def ended(self) -> int:
        return await asyncio.wait_for(asyncio.to_thread(self.process.wait), 120)


async def test_it_waits_for_its_migrations_and_lingers_when_told_to_end(databases: Databases, tmp_path: Path) -> None:
    dsn = await databases.fresh()
    waiting = Process(dsn, tmp_path / "log", ESTORE_START_WAIT="60", ESTORE_LINGER="6")
    try:

        async def has_said_so() -> bool:
            return any("it lacks" in line.get("reason", "") for line in waiting.said())

        await until("it says what it waits for", has_said_so)
        assert await waiting.answers("/startupz") == 0

        await migrate_services(dsn, ["vendors"])

        async def started() -> bool:
            return await waiting.answers("/startupz") == 200

        await until("it has started", started)
        # Its broker does not exist.
        assert await waiting.answers("/readyz") == 503

        waiting.process.send_signal(signal.SIGTERM)

        async def leaving() -> bool:
            return any(line["event"] == "leaving" for line in waiting.said())

        await until("it leaves", leaving)
        assert await waiting.answers("/livez") == 200
        assert await waiting.ended() == 0
    finally:
        waiting.process.kill()
        waiting.process.wait()
        await databases.drop(dsn)


async def test_without_leave_to_wait_it_ends_and_says_what_to_run(databases: Databases, tmp_path: Path) -> None:
    dsn = await databases.fresh()
    hasty = Process(dsn, tmp_path / "log")
    try:
        assert await hasty.ended() == 1
        assert "vendors: run `estore migrate` first, it lacks" in (tmp_path / "log").read_text()
    finally:
        await databases.drop(dsn)
