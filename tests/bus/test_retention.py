"""The message tables forget what is past its time, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from bus.world import Made, MakeBus, World, envelope
from estore.kit.bus.retention import Purged, purge
from estore.kit.db import insert_outbox
from estore.kit.ids import new_message_id

NOW = datetime.now(UTC)


class TestRetention:
    @pytest.fixture
    def make_bus(self) -> MakeBus:
        return lambda *_: None  # No bus here.

    async def test_old_published_rows_and_old_keys_go_in_chunks(self, world: World) -> None:
        await self.outbox_row(world, days=9, published=True)
        await self.outbox_row(world, days=8, published=True)
        kept = [
            await self.outbox_row(world, days=30, published=False),
            await self.outbox_row(world, days=6, published=True),
            await self.outbox_row(world, days=0, published=True),
        ]
        async with world.alpha.read() as tx:
            for key, days in (("old", 31), ("new", 29)):
                created = NOW - timedelta(days=days)
                await tx.execute("INSERT INTO once (scope, key, created_at) VALUES ('s', $1, $2)", key, created)

        rounds = []
        for _ in range(3):
            async with world.alpha.transaction() as tx:
                rounds.append(await purge(tx, NOW, chunk=1))

        assert [Purged(1, 1, more=True), Purged(1, 0, more=True), Purged(0, 0, more=False)] == rounds
        async with world.alpha.read() as tx:
            assert set(kept) == {row["id"] for row in await tx.fetch("SELECT id FROM outbox")}
            assert await tx.fetchval("SELECT key FROM once") == "new"

    @staticmethod
    async def outbox_row(world: World, days: int, published: bool) -> UUID:
        moment = NOW - timedelta(days=days, seconds=5)
        random = new_message_id().int & ((1 << 80) - 1)
        message_id = UUID(int=(int(moment.timestamp() * 1000) << 80) | random)
        async with world.alpha.read() as tx:
            await insert_outbox(tx, [msgspec.structs.replace(envelope(Made(key="a")), id=message_id)])
            if published:
                await tx.execute("UPDATE outbox SET published_at = $2 WHERE id = $1", message_id, moment)
        return message_id
