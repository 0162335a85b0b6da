"""The harness itself: databases are apart, templates are built once, the broker is back after a test killed it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aio_pika
import asyncpg

from support.brokers import Rabbit
from support.databases import Databases

FreshDatabase = Callable[..., Awaitable[str]]


async def run(dsn: str, statement: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_two_fresh_databases_do_not_see_each_other(fresh_database: FreshDatabase) -> None:
    one, other = await fresh_database(), await fresh_database()
    await run(one, "CREATE TABLE here (id int)")

    assert await run(one, "SELECT to_regclass('here')::text") == "here"
    assert await run(other, "SELECT to_regclass('here')::text") is None


async def test_a_template_is_built_once_and_cloned(databases: Databases, fresh_database: FreshDatabase) -> None:
    built = []

    async def build(dsn: str) -> None:
        built.append(dsn)
        await run(dsn, "CREATE TABLE marker AS SELECT 42 AS answer")

    names = await asyncio.gather(*(databases.template(f"harness {id(built)}", build) for _ in range(3)))
    clones = [await fresh_database(name) for name in names]

    assert len(built) == 1
    assert [await run(dsn, "SELECT answer FROM marker") for dsn in clones] == [42, 42, 42]


async def test_a_killed_broker_comes_back_with_its_messages(rabbit: Rabbit) -> None:
    url = await rabbit.fresh_vhost()
    connection = await aio_pika.connect(url)
    channel = await connection.channel(publisher_confirms=True)
    queue = await channel.declare_queue("harness", durable=True, arguments={"x-queue-type": "quorum"})
    message = aio_pika.Message(b"kept", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await channel.default_exchange.publish(message, "harness")
    await rabbit.kill9()
    await rabbit.restart()

    connection = await aio_pika.connect(url)
    queue = await (await connection.channel()).get_queue("harness")
    received = await queue.get(timeout=60)
    assert received is not None
    await received.ack()
    await connection.close()

    assert received.body == b"kept"


async def test_a_fresh_vhost_is_empty_and_usable(rabbit: Rabbit) -> None:
    connection = await aio_pika.connect(await rabbit.fresh_vhost())
    channel = await connection.channel()
    await channel.declare_queue("only-here")
    await connection.close()

    assert "only-here" not in await rabbit.ctl("list_queues")
