"""A process that is told to wait for its database waits, wherever between the first look and the pool it goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from urllib.parse import urlsplit, urlunsplit

import pytest

from estore.cli.serve import _startable
from estore.kit.errors import Transient
from estore.kit.runtime import Runtime, local_bus
from estore.services.vendors.app import build
from support.databases import Databases
from support.world import migrate_services, settings_for


class Door:
    """The way to a database. It lets the first connection in, `shut` times nobody, then everybody."""

    def __init__(self, dsn: str, shut: int) -> None:
        self.shut = shut
        self._first = True
        self._dsn = urlsplit(dsn)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        where = f"{self._dsn.netloc.rpartition('@')[0]}@127.0.0.1:{port}".removeprefix("@")
        try:
            yield urlunsplit(self._dsn._replace(netloc=where))
        finally:
            server.close()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._first and self.shut:
            self.shut -= 1
            writer.close()
            return
        self._first = False
        inner, outer = await asyncio.open_connection(self._dsn.hostname, self._dsn.port)
        await asyncio.gather(_pass_on(reader, outer), _pass_on(inner, writer), return_exceptions=True)


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with closing(sink):
        while some := await source.read(65536):
            sink.write(some)
            await sink.drain()


@asynccontextmanager
async def behind(databases: Databases, door_shut: int) -> AsyncIterator[tuple[Door, Runtime]]:
    dsn = await databases.fresh(await databases.template("vendors", lambda dsn: migrate_services(dsn, ["vendors"])))
    door = Door(dsn, door_shut)
    async with door.open() as through:
        service = build(settings_for(through, ["vendors"]))
        runtime = Runtime([service], local_bus([service]))
        try:
            yield door, runtime
        finally:
            await runtime.stop()
    await databases.drop(dsn)


async def test_a_database_that_goes_away_after_the_first_look_is_waited_for(databases: Databases) -> None:
    async with behind(databases, door_shut=3) as (door, runtime):
        await _startable(runtime, 3600, asyncio.Event())
        await runtime.start()

        assert door.shut == 0
        assert await runtime.services[0].db.pool.fetchval("SELECT 1") == 1


async def test_what_was_stopped_connects_anew(databases: Databases) -> None:
    async with behind(databases, door_shut=0) as (_, runtime):
        await runtime.start()
        await runtime.stop()
        await runtime.start()

        assert await runtime.services[0].db.pool.fetchval("SELECT 1") == 1


async def test_who_is_not_told_to_wait_does_not(databases: Databases) -> None:
    async with behind(databases, door_shut=1_000) as (_, runtime):
        with pytest.raises(Transient, match="the database of vendors cannot be reached"):
            await _startable(runtime, 0, asyncio.Event())
