"""A store is backed up while orders flow, restored elsewhere, opened and proved: nothing that was accepted is lost."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import msgspec
import pytest

from estore.cli.backup import BackupFailed, backup
from estore.cli.compose import SERVICES, prepare
from estore.cli.restore import republish, restore, restore_embedded
from estore.kit.clock import utc_now
from estore.kit.settings import Settings
from support.brokers import Rabbit
from support.databases import Databases
from support.market import HASTY, Bought, Market, in_process, until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


async def buy(market: Market, sku: str, accepted: list[Bought]) -> None:
    while True:
        accepted.append(await market.order((sku, 1)))
        await asyncio.sleep(0.02)


async def separate_databases(databases: Databases, stack: AsyncExitStack) -> dict[str, str]:
    """The settings of a store whose services have a database each, as in containers."""
    environment = {}
    for service in SERVICES:
        dsn = await databases.fresh()
        stack.push_async_callback(databases.drop, dsn)
        conn = await asyncpg.connect(dsn)
        await conn.execute(f"CREATE SCHEMA {service}")
        await conn.close()
        environment[f"ESTORE_{service.upper()}_DATABASE_URL"] = dsn
    return environment


class TestOneDatabaseEach:
    async def test_a_backup_under_load_loses_nothing_that_was_accepted(
        self, databases: Databases, rabbit: Rabbit, tmp_path: Path
    ) -> None:
        async with AsyncExitStack() as stack:
            here, there = [await separate_databases(databases, stack) for _ in range(2)]
            await prepare(Settings(secret="-", environment=here), SERVICES)
            accepted: list[Bought] = []
            async with in_process(databases, await rabbit.fresh_vhost(), **HASTY, **here) as store:
                market = await Market(store).open()
                ours = msgspec.structs.replace(store.settings, database_url="")
                sku = await market.product(stock=1_000)
                buyers = [asyncio.create_task(buy(market, sku, accepted)) for _ in range(3)]

                async def many() -> bool:
                    return len(accepted) > 20

                await until("orders flow", many)
                before = utc_now()
                known = [order.id for order in accepted]
                made = await backup(ours, tmp_path / "backup")
                await asyncio.sleep(0.3)
                for task in buyers:
                    task.cancel()
                ended = await asyncio.gather(*buyers, return_exceptions=True)
                assert [error for error in ended if not isinstance(error, asyncio.CancelledError)] == []
            assert made.made_at > before

            theirs = Settings(secret=ours.secret, environment=there)
            drill = await restore(theirs, tmp_path / "backup")
            print(f"\n{len(known)} orders, held {made.held_ms} ms, republished {drill.republished}: {drill.seconds}")

            assert drill.holds, [finding for finding in drill.findings if not finding.holds]
            async with in_process(databases, await rabbit.fresh_vhost(), **HASTY, **there) as store:
                again = Market(store)
                for order_id in known:
                    reader = store.client(order_secret=next(o.first["secret"] for o in accepted if o.id == order_id))
                    await Bought(again, reader, order_id, {}).settled("confirmed")
                await again.proved()


class TestEmbedded:
    """One database of all services, restored into a server of its own."""

    @pytest.fixture
    @staticmethod
    async def folder() -> AsyncIterator[Path]:
        # Not in pytest's folder, which is closed to whom PostgreSQL runs as.
        folder = Path(tempfile.mkdtemp(prefix="estore-restore-"))
        folder.chmod(0o711)
        yield folder
        shutil.rmtree(folder, ignore_errors=True)

    async def test_a_store_is_restored_into_a_folder_and_only_into_a_fresh_one_with_its_secret(
        self, databases: Databases, folder: Path
    ) -> None:
        async with in_process(databases, **HASTY) as store:
            market = await Market(store).open()
            sku = await market.product(stock=10)
            for _ in range(3):
                await market.bought((sku, 1))
            made = await backup(store.settings, folder / "backup")
            secret = store.settings.secret
            with pytest.raises(BackupFailed, match="not empty"):
                await backup(store.settings, folder / "backup")
            with pytest.raises(BackupFailed, match="not empty"):
                await restore(store.settings, folder / "backup")
        data = folder / "data"
        with pytest.raises(BackupFailed, match="secret is not in its backup"):
            await restore_embedded(data, folder / "backup")
        data.mkdir(mode=0o711)
        (data / "secret").write_text("another secret")
        with pytest.raises(BackupFailed, match="not the one that its data is sealed with"):
            await restore_embedded(data, folder / "backup")
        (data / "secret").write_text(secret)
        drill = await restore_embedded(data, folder / "backup")

        assert drill.holds, [finding for finding in drill.findings if not finding.holds]
        assert drill.bytes == made.bytes == sum(file.stat().st_size for file in (folder / "backup").glob("*.dump"))
        assert set(drill.seconds) == {"check", "tables", "migrations", "republish", "doctor", "all"}
        assert next(f.over for f in drill.findings if f.service == "orders" and f.over) > 0
        with pytest.raises(BackupFailed, match="there is a store"):
            await restore_embedded(data, folder / "backup")

    async def test_a_damaged_or_unfinished_backup_is_told(self, databases: Databases, folder: Path) -> None:
        async with in_process(databases, **HASTY) as store:
            await backup(store.settings, folder / "backup")
            dump = folder / "backup" / "orders.dump"
            dump.write_bytes(dump.read_bytes()[:-1])
            with pytest.raises(BackupFailed, match=r"orders\.dump is missing or damaged"):
                await restore(store.settings, folder / "backup")
            (folder / "backup" / "manifest.json").unlink()
            with pytest.raises(BackupFailed, match="no whole backup"):
                await restore(store.settings, folder / "backup")


async def test_what_the_broker_forgot_is_published_again_and_acts_once(databases: Databases, rabbit: Rabbit) -> None:
    async with in_process(databases, await rabbit.fresh_vhost(), **HASTY) as store:
        market = await Market(store).open()
        sku = await market.product(stock=10)
        order = await market.bought((sku, 1))
        await market.proved()
        assert await republish(store.settings) == {}
        # As if a queue had been lost with what it held.
        async with store.world.services["reviews"].db.transaction() as tx:
            lost = await tx.fetchval(
                "WITH gone AS (DELETE FROM once WHERE scope LIKE 'reviews.%' RETURNING key) SELECT count(*) FROM gone"
            )
        assert lost > 0
        found = await republish(store.settings)
        assert sum(found.values()) > 0
        await market.proved()

        assert (await order.show())["status"] == "confirmed"
        assert await market.stock(sku) == (10, 1)
