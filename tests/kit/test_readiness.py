"""A service says that it is ready when it can tell who asks, and finds new keys without refusing or waiting long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta
from typing import Any

import pytest

from estore.kit.auth import PublicKey, TokenInvalid, Verifier, new_key, sign, store_keys
from estore.kit.clock import utc_now
from estore.kit.context import Principal
from estore.kit.db import Database, Tx, statements
from estore.kit.errors import TimedOut
from estore.kit.runtime import Runtime, local_bus
from estore.services.vendors.app import build
from kit.shop import Shop, open_shop
from support.databases import Databases
from support.market import until
from support.world import migrate_services, settings_for

HOUR = timedelta(hours=1)


def public(key: Any, lasts: timedelta = HOUR) -> PublicKey:
    return PublicKey(str(key.kid), key.as_dict(private=False), utc_now() + lasts)


def bearer(key: Any) -> str:
    return f"Bearer {sign(Principal('acc_1'), key, utc_now())}"


@pytest.fixture
async def db(fresh_database: Any) -> AsyncIterator[Database]:
    shop: Shop = await open_shop(await fresh_database())
    yield shop.db
    await shop.db.close()


async def hear(db: Database, *keys: PublicKey) -> None:
    async with db.transaction() as tx:
        await store_keys(tx, keys, utc_now())


@asynccontextmanager
async def running(databases: Databases, *known: PublicKey) -> AsyncIterator[tuple[Database, Runtime]]:
    dsn = await databases.fresh(
        await databases.template("vendors", lambda dsn: migrate_services(dsn, ["vendors"])),
    )
    service = build(settings_for(dsn, ["vendors"]))
    await service.db.open()
    await hear(service.db, *known)
    await service.db.close()
    runtime = Runtime([service], local_bus([service]))
    await runtime.start()
    try:
        yield service.db, runtime
    finally:
        await runtime.stop()
        await databases.drop(dsn)


async def is_ready(runtime: Runtime) -> None:
    async def look() -> bool:
        return runtime.ready

    await until("it is ready", look)


async def test_it_is_ready_when_it_has_heard_of_a_key_and_not_before(databases: Databases) -> None:
    async with running(databases) as (db, runtime):
        await asyncio.sleep(0.3)
        assert not runtime.ready
        assert (await db.pool.fetchval("SELECT count(*) FROM trusted_key")) == 0

        await hear(db, public(new_key()))
        await is_ready(runtime)


async def test_it_is_ready_with_the_key_of_its_table(databases: Databases) -> None:
    async with running(databases, public(new_key())) as (_, runtime):
        await is_ready(runtime)


@pytest.mark.parametrize(("patience", "tries"), [(3600.0, 3), (0.0, 1)])
async def test_a_start_that_a_busy_machine_was_too_slow_for_is_tried_again(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, patience: float, tries: int
) -> None:
    monkeypatch.setattr("estore.kit.runtime.START_SECONDS", patience)
    monkeypatch.setattr("estore.kit.runtime.START_PAUSE_SECONDS", 0.0)
    tried: list[int] = []

    async def slow() -> None:
        tried.append(1)
        if len(tried) < 3:
            raise TimedOut("no answer within 5 seconds")

    dsn = await databases.fresh(await databases.template("vendors", lambda dsn: migrate_services(dsn, ["vendors"])))
    service = build(settings_for(dsn, ["vendors"]))
    service.start = [slow]
    runtime = Runtime([service], local_bus([service]))
    try:
        with nullcontext() if patience else pytest.raises(TimedOut):
            await runtime.start()
    finally:
        await runtime.stop()
        await databases.drop(dsn)

    assert len(tried) == tries


async def test_a_key_that_has_expired_tells_nobody(databases: Databases) -> None:
    async with running(databases, public(new_key(), -timedelta(minutes=5))) as (_, runtime):
        await asyncio.sleep(0.3)
        assert not runtime.ready


async def test_of_many_first_requests_after_a_rotation_none_is_refused(db: Database) -> None:
    old, new = new_key(), new_key()
    verifier = Verifier(db)
    await hear(db, public(old))
    await verifier.principal(bearer(old), utc_now())
    await hear(db, public(old), public(new))

    with statements(at_most=1):
        found = await asyncio.gather(*(verifier.principal(bearer(new), utc_now()) for _ in range(50)))
    assert {principal.account_id for principal in found} == {"acc_1"}


async def test_a_key_that_comes_while_the_table_is_being_read_is_found(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = new_key()
    verifier = Verifier(db)
    has_read, go_on = asyncio.Event(), asyncio.Event()
    fetch = Tx.fetch

    async def slowly(tx: Tx, sql: str, *args: Any) -> Any:
        rows = await fetch(tx, sql, *args)
        has_read.set()
        await go_on.wait()
        return rows

    monkeypatch.setattr(Tx, "fetch", slowly)
    forged = asyncio.create_task(verifier.principal(bearer(new_key()), utc_now()))
    await has_read.wait()
    await hear(db, public(late))
    honest = asyncio.create_task(verifier.principal(bearer(late), utc_now()))
    await asyncio.sleep(0.05)
    go_on.set()

    assert (await honest).account_id == "acc_1"
    with pytest.raises(TokenInvalid):
        await forged


async def test_forged_tokens_are_little_load_and_wait_for_little(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier(db)
    real, slept = asyncio.sleep, []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real(seconds)

    async def refused() -> None:
        with pytest.raises(TokenInvalid):
            await verifier.principal(bearer(new_key()), utc_now())

    with statements(at_most=2):
        await asyncio.gather(*(refused() for _ in range(100)))
    # Ten one after the other: it was a second each.
    monkeypatch.setattr(asyncio, "sleep", sleep)
    for _ in range(10):
        await refused()

    assert sum(slept) < 2
