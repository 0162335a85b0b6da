"""The read cache answers what is current, and steps aside whenever it is not sure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import asyncpg
import pytest

from estore.kit.http.cache import ReadCache
from estore.kit.http.front import Front
from estore.kit.http.server import listening_socket, server


class Shop:
    """An application that counts how often it is asked, and a server in front of it."""

    def __init__(self) -> None:
        self.asked = 0
        self.price = 100
        self.gate: asyncio.Event | None = None
        self.cache = ReadCache()
        self.cache.listening = True
        self.port = 0

    async def app(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        self.asked += 1
        body = f'{{"price":{self.price}}}'.encode()
        if self.gate is not None:
            await self.gate.wait()
        if scope["method"] == "POST":
            body = (await receive())["body"]
        public = b"public, max-age=0" if scope["path"] != "/v1/products/private" else b"no-store"
        headers = [(b"content-length", str(len(body)).encode()), (b"cache-control", public), (b"etag", b'"v1"')]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def ask(self, *requests: str) -> list[str]:
        """Send raw requests over one connection, one after the other; returns the bodies."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        bodies = [await self.exchange(reader, writer, request) for request in requests]
        writer.close()
        return bodies

    @staticmethod
    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: str) -> str:
        writer.write(request.encode())
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        return (await reader.readexactly(length)).decode()


def get(path: str, *headers: str) -> str:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""])


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    made = Shop()
    front = Front({"/v1/products": made.cache.filling(made.app)}, lambda: True)
    http = server(front, made.cache)
    sock = listening_socket("127.0.0.1", 0)
    made.port = sock.getsockname()[1]
    serving = asyncio.create_task(http.serve(sockets=[sock]))
    while not http.started:
        await asyncio.sleep(0.01)
    yield made
    http.should_exit = True
    await serving


async def test_the_second_look_costs_the_application_nothing(shop: Shop) -> None:
    bodies = await shop.ask(*[get("/v1/products/a")] * 5)

    assert bodies == ['{"price":100}'] * 5
    assert shop.asked == 1


async def test_an_invalidated_page_is_read_again(shop: Shop) -> None:
    await shop.ask(get("/v1/products/a"), get("/v1/products?limit=2"), get("/v1/products/b"))
    shop.price = 200
    shop.cache.invalidate({"a"})

    assert await shop.ask(get("/v1/products/a"), get("/v1/products?limit=2")) == ['{"price":200}'] * 2
    assert await shop.ask(get("/v1/products/b")) == ['{"price":100}']


async def test_what_was_being_read_while_it_changed_is_not_kept(shop: Shop) -> None:
    shop.gate = asyncio.Event()
    reading = asyncio.create_task(shop.ask(get("/v1/products/a")))
    while not shop.asked:
        await asyncio.sleep(0.005)
    shop.cache.invalidate({"a"})
    shop.gate.set()
    await reading
    shop.price = 200

    assert await shop.ask(get("/v1/products/a")) == ['{"price":200}']


@pytest.mark.parametrize(
    "header", ["Authorization: Bearer x", 'If-None-Match: "v1"', "authorization: Bearer x", "Cache-Control: no-cache"]
)
async def test_a_request_with_credentials_or_conditions_reaches_the_application(shop: Shop, header: str) -> None:
    await shop.ask(get("/v1/products/a"), get("/v1/products/a", header))

    assert shop.asked == 2


async def test_private_answers_are_never_kept(shop: Shop) -> None:
    await shop.ask(get("/v1/products/private"), get("/v1/products/private"))

    assert shop.asked == 2


async def test_a_body_that_looks_like_a_request_is_a_body(shop: Shop) -> None:
    await shop.ask(get("/v1/products/a"))
    smuggled = get("/v1/products/a")
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.port)
    writer.write(f"POST /v1/products/b HTTP/1.1\r\nHost: x\r\nContent-Length: {len(smuggled)}\r\n\r\n".encode())
    await asyncio.sleep(0.1)
    body = await shop.exchange(reader, writer, smuggled)
    writer.close()

    assert body == smuggled


async def test_a_request_in_two_pieces_is_still_answered(shop: Shop) -> None:
    await shop.ask(get("/v1/products/a"))
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.port)
    whole = get("/v1/products/a")
    writer.write(whole[:20].encode())
    await asyncio.sleep(0.05)
    body = await shop.exchange(reader, writer, whole[20:])
    writer.close()

    assert body == '{"price":100}'


async def test_two_requests_in_one_piece_are_both_answered_in_order(shop: Shop) -> None:
    await shop.ask(get("/v1/products/a"))
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.port)
    first = await shop.exchange(reader, writer, get("/v1/products/a") + get("/v1/products/private"))
    second = await shop.exchange(reader, writer, "")
    writer.close()

    assert [first, second] == ['{"price":100}'] * 2


async def test_the_oldest_entries_leave_when_memory_is_short() -> None:
    cache = ReadCache(max_bytes=100)
    cache.listening = True
    for name in (b"/v1/products/a", b"/v1/products/b", b"/v1/products/c"):
        cache.put(name, b"x" * 40, cache.generation)

    assert [cache.get(b"/v1/products/" + n) is not None for n in (b"a", b"b", b"c")] == [False, True, True]


async def test_a_notification_of_the_database_empties_the_page(worker_database: str) -> None:
    cache = ReadCache()
    listening = asyncio.create_task(cache.listen(worker_database, "test_cache"))
    while not cache.listening:
        await asyncio.sleep(0.01)
    cache.put(b"/v1/products/a", b"answer", cache.generation)
    conn = await asyncpg.connect(worker_database)
    await conn.execute("SELECT pg_notify('test_cache', 'prd_1,a')")
    async with asyncio.timeout(60):
        while cache.get(b"/v1/products/a"):
            await asyncio.sleep(0.005)
    listening.cancel()
    await conn.close()

    assert cache.get(b"/v1/products/a") is None


async def test_a_cache_that_cannot_hear_is_off(fresh_database: Any) -> None:
    dsn = await fresh_database()
    cache = ReadCache()
    listening = asyncio.create_task(cache.listen(dsn, "test_deaf"))
    while not cache.listening:
        await asyncio.sleep(0.01)
    cache.put(b"/v1/products/a", b"answer", cache.generation)
    conn = await asyncpg.connect(dsn)
    await conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with asyncio.timeout(60):
        while cache.get(b"/v1/products/a"):
            await asyncio.sleep(0.01)
        while not cache.listening:
            await asyncio.sleep(0.01)
    listening.cancel()
    await conn.close()

    assert cache.get(b"/v1/products/a") is None
