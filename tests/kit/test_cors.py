"""Pages of the origins that were named may call the API from a browser, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from estore.kit.http.cache import ReadCache
from estore.kit.http.front import Front
from estore.kit.http.server import listening_socket, server
from estore.kit.settings import SettingError, Settings, load
from kit.shop import Shop, open_shop

OURS, THEIRS = "https://shop.example", "https://thief.example"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "idempotency-key,content-type"}
Ask = Callable[..., Any]


@asynccontextmanager
async def serving(dsn: str, *origins: str) -> AsyncIterator[tuple[httpx.AsyncClient, ReadCache]]:
    shop: Shop = await open_shop(dsn)
    cache = ReadCache()
    cache.listening = True
    http = server(
        Front({"/v1/shop": shop.app, "/v1/public": cache.filling(public)}, lambda: True), cache, origins=origins
    )
    sock = listening_socket("127.0.0.1", 0)
    running = asyncio.create_task(http.serve(sockets=[sock]))
    while not http.started:
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{sock.getsockname()[1]}") as client:
        yield client, cache
    http.should_exit = True
    await running
    await shop.db.close()


async def public(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"2"), (b"cache-control", b"public, max-age=0"), (b"vary", b"Accept")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


def allowed(answer: httpx.Response) -> str | None:
    found: str | None = answer.headers.get("access-control-allow-origin")
    return found


@pytest.fixture
async def client(fresh_database: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(await fresh_database(), OURS, "http://localhost:5173") as (made, _):
        yield made


async def test_a_preflight_of_an_origin_that_was_named_is_answered(client: httpx.AsyncClient) -> None:
    answer = await client.options("/v1/shop", headers={"origin": OURS} | PREFLIGHT)

    assert (answer.status_code, answer.content, allowed(answer)) == (204, b"", OURS)
    assert {"POST", "PATCH", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    accepted = {name.lower() for name in answer.headers["access-control-allow-headers"].split(", ")}
    assert {"authorization", "content-type", "idempotency-key", "if-match", "prefer", "order-secret"} <= accepted
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("origin", [THEIRS, OURS + ".thief.example", "null", OURS.upper(), "http://shop.example", ""])
async def test_other_origins_are_told_nothing(client: httpx.AsyncClient, origin: str) -> None:
    answers = [
        await client.options("/v1/shop", headers={"origin": origin} | PREFLIGHT),
        await client.get("/v1/shop/a", headers={"origin": origin}),
        await client.get("/v1/public/a", headers={"origin": origin}),
        await client.get("/v1/public/a", headers={"origin": origin}),
    ]

    assert [allowed(answer) for answer in answers] == [None] * 4
    assert all("Origin" in answer.headers["vary"] for answer in answers)
    assert "access-control" not in str(answers[0].headers)


async def test_a_page_may_read_answers_and_failures_and_their_headers(client: httpx.AsyncClient) -> None:
    answers = [
        await client.get("/v1/shop/a", headers={"origin": OURS}),
        await client.post("/v1/shop", json={"name": 7}, headers={"origin": OURS}),
        await client.get("/v1/shop/a", headers={"origin": OURS, "authorization": "Bearer x"}),
        await client.get("/nowhere", headers={"origin": OURS}),
        await client.get("/healthz", headers={"origin": OURS}),
    ]

    assert [answer.status_code for answer in answers] == [200, 422, 401, 404, 200]
    for answer in answers:
        assert allowed(answer) == OURS
        exposed = {name.lower() for name in answer.headers["access-control-expose-headers"].split(", ")}
        assert {"location", "etag", "link", "idempotency-replayed", "ratelimit", "retry-after"} <= exposed
        assert "access-control-allow-credentials" not in answer.headers


async def test_what_the_read_cache_hands_out_is_each_origins_own(fresh_database: Any) -> None:
    async with serving(await fresh_database(), OURS, "http://localhost:5173") as (client, cache):
        asked = [None, OURS, "http://localhost:5173", THEIRS, None]
        answers = [await client.get("/v1/public/a", headers={"origin": origin} if origin else {}) for origin in asked]

    assert [allowed(answer) for answer in answers] == [None, OURS, "http://localhost:5173", None, None]
    assert all("Origin" in answer.headers["vary"] for answer in answers)
    assert cache.hits == 4


async def test_for_everybody_there_is_a_star_and_no_credentials(fresh_database: Any) -> None:
    async with serving(await fresh_database(), "*") as (client, _):
        preflight = await client.options("/v1/shop", headers={"origin": THEIRS} | PREFLIGHT)
        answer = await client.get("/v1/shop/a", headers={"origin": THEIRS})

    assert [allowed(preflight), allowed(answer)] == ["*", "*"]
    assert "access-control-allow-credentials" not in {**preflight.headers, **answer.headers}


async def test_it_is_off_unless_somebody_turns_it_on(fresh_database: Any) -> None:
    async with serving(await fresh_database()) as (client, _):
        preflight = await client.options("/v1/shop", headers={"origin": OURS} | PREFLIGHT)
        answer = await client.get("/v1/shop/a", headers={"origin": OURS})

    assert "access-control" not in str({**preflight.headers, **answer.headers})
    assert "vary" not in answer.headers


def test_origins_are_read_from_the_environment() -> None:
    settings = load(Settings, {"ESTORE_CORS_ORIGINS": f" {OURS}, http://[::1]:8080,"})

    assert settings.origins == (OURS, "http://[::1]:8080")
    assert load(Settings, {}).origins == ()


@pytest.mark.parametrize("wrong", ["shop.example", f"{OURS}/", f"{OURS},https://*.example", "HTTPS://SHOP.EXAMPLE"])
def test_what_is_no_origin_is_named(wrong: str) -> None:
    with pytest.raises(SettingError, match=r"^ESTORE_CORS_ORIGINS=.* is no origin; "):
        load(Settings, {"ESTORE_CORS_ORIGINS": wrong})
