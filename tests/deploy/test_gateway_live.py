"""What the gateway does with requests, hostile ones included: nginx itself, in front of a service that echoes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.nginx import Echo, Names, gateway, said
from estore.cli.deploy.gateway import fresh, kept
from estore.cli.problems import codes

LINES = "Host: store.example\r\nConnection: close\r\n"
LONG = "a" * 9000


WAYS = {"kept": kept(), "fresh": fresh()}


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    async with Echo().serving() as opened:
        yield opened


@pytest.fixture(params=WAYS)
def services(request: pytest.FixtureRequest) -> str:
    return WAYS[request.param]


@pytest.fixture
async def port(tmp_path: Path, echo: Echo, services: str) -> AsyncIterator[int]:
    async with gateway(tmp_path, echo, Names("127.0.0.1"), services=services) as opened:
        yield opened


def request(line: str, *headers: str, body: str = "") -> str:
    more = "".join(f"{header}\r\n" for header in headers)
    return f"{line} HTTP/1.1\r\n{LINES}{more}\r\n{body}"


REFUSED = {
    "an unknown path": (request("GET /nope"), 404),
    "metrics": (request("GET /metrics"), 404),
    "a probe": (request("GET /readyz"), 404),
    "metrics, up from a service": (request("GET /v1/orders/../../metrics"), 404),
    "metrics, up in disguise": (request("GET /v1/orders/%2e%2e/%2E%2E/metrics"), 404),
    "metrics, with slashes in disguise": (request("GET /v1/orders%2f..%2f..%2fmetrics"), 404),
    "metrics behind two slashes": (request("GET //metrics"), 404),
    "a service behind two slashes": (request("GET //v1/orders"), 404),
    "a service in capitals": (request("GET /V1/orders"), 404),
    "what the gateway keeps for itself": (request("GET /_away"), 404),
    "above the root": (request("GET /../../etc/passwd"), 400),
    "no host": ("GET /v1/orders HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
    "two hosts": (request("GET /v1/orders", "Host: other.example"), 400),
    "a null in the path": (request("GET /v1/orders/%00"), 400),
    "a null in a header": (request("GET /v1/orders", "X-A: a\0b"), 400),
    "two lengths": (request("POST /v1/orders", "Content-Length: 2", "Content-Length: 3", body="{}"), 400),
    "a length and chunks": (
        request("POST /v1/orders", "Content-Length: 6", "Transfer-Encoding: chunked", body="0\r\n\r\nG"),
        400,
    ),
    "chunks of another kind": (request("POST /v1/orders", "Transfer-Encoding: xchunked", body="0\r\n\r\n"), 400),
    "chunks that are none": (request("POST /v1/orders", "Transfer-Encoding: chunked", body="zz\r\n{}\r\n"), 400),
    "another HTTP": ("GET /v1/orders HTTP/3.0\r\nHost: x\r\n\r\n", 400),
    "no HTTP at all": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "TRACE": (request("TRACE /v1/orders"), 405),
    "a method that nobody knows": (request("BREW /v1/orders"), 405),
    "a method that nobody knows, of imports": (request("BREW /v1/imports"), 405),
    "a body beyond the limit": (request("POST /v1/orders", "Content-Length: 99999999"), 413),
    "a body beyond it, by way of the imports": (request("POST /v1/imports/../orders", "Content-Length: 99999999"), 413),
    "a long address": (request(f"GET /v1/orders?q={LONG}"), 414),
    "a long header": (request("GET /v1/orders", f"X-A: {LONG}"), 431),
    "many headers": (request("GET /v1/orders", *(f"X-{n}: {'a' * 4000}" for n in range(10))), 431),
}


async def test_what_the_gateway_refuses_is_a_problem_that_is_documented(port: int, echo: Echo) -> None:
    known = {(code.code, code.status, code.title) for code in codes()}

    for what, (sent, expected) in REFUSED.items():
        status, headers, body = await said(port, sent)

        document = json.loads(body)
        assert (status, document["status"]) == (expected, expected), what
        assert headers["content-type"] == "application/problem+json"
        assert (document["code"], document["status"], document["title"]) in known
        assert ("allow" in headers) == (expected == 405)
    assert echo.asked == []


async def test_a_refusal_of_head_has_no_body(port: int) -> None:
    status, headers, body = await said(port, request("HEAD /nope"))

    assert (status, headers["content-type"], body) == (404, "application/problem+json", b"")


@pytest.mark.parametrize("names", [Names("127.0.0.1"), Names()], ids=["nobody listens", "nobody has the name"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_service_that_is_away_is_503_with_the_time_to_wait(
    tmp_path: Path, services: str, names: Names, method: str
) -> None:
    async with gateway(tmp_path, Echo(), names, services=services) as port:
        status, headers, body = await said(port, request(f"{method} /v1/orders", "Content-Length: 2", body="{}"))

    assert (status, json.loads(body)["code"]) == (503, "kit.unavailable")
    assert headers["retry-after"] == "1"


async def test_what_reads_shares_a_connection_and_what_changes_something_has_its_own(
    tmp_path: Path, echo: Echo
) -> None:
    async with gateway(tmp_path, echo, Names("127.0.0.1"), services=kept()) as port:
        for line in ("GET /v1/orders", "POST /v1/orders", "HEAD /v1/orders", "DELETE /v1/orders", "GET /v1/orders"):
            await said(port, request(line))

    over = {asked["connection"]: [] for asked in echo.asked}
    for asked in echo.asked:
        over[asked["connection"]].append(asked["method"])
    assert sorted(over.values()) == [["DELETE"], ["GET", "HEAD", "GET"], ["POST"]]
    assert [asked["headers"].get("connection") for asked in echo.asked] == [None, "close", None, "close", None]


async def test_a_kept_connection_that_the_service_closed_fails_nobody(tmp_path: Path, echo: Echo) -> None:
    async with gateway(tmp_path, echo, Names("127.0.0.1"), services=kept()) as port:
        statuses = []
        for _ in range(20):
            statuses.append((await said(port, request("GET /v1/orders")))[0])
            echo.hang_up()

    assert set(statuses) == {200}


async def test_a_service_that_moves_is_found_and_many_replicas_share(tmp_path: Path, echo: Echo) -> None:
    names = Names("127.0.0.1")
    async with (
        Echo().serving("127.0.0.2", echo.port) as second,
        gateway(tmp_path, echo, names, services=kept()) as port,
    ):
        await said(port, request("GET /v1/orders"))
        names.addresses = ["127.0.0.2"]
        async with asyncio.timeout(90):
            while not second.asked:
                assert (await said(port, request("GET /v1/orders")))[0] == 200
                await asyncio.sleep(0.05)
        names.addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]  # nobody is at the third
        echo.asked.clear()
        async with asyncio.timeout(90):
            while not echo.asked:
                assert (await said(port, request("GET /v1/orders")))[0] == 200
                await asyncio.sleep(0.05)
        assert {(await said(port, request(f"{method} /v1/orders")))[0] for method in ("GET", "POST") * 10} == {200}


async def test_what_a_client_says_of_itself_is_not_passed_on(port: int, echo: Echo) -> None:
    await said(
        port,
        request("GET /v1/orders", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "Idempotency_Key: forged"),
    )

    [asked] = echo.asked
    assert asked["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert asked["headers"]["x-forwarded-proto"] == "http"
    assert "idempotency_key" not in asked["headers"]


async def test_nobody_gets_a_connection_of_another_protocol(port: int, echo: Echo) -> None:
    sent = "GET /v1/orders HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"

    status, _, _ = await said(port, sent)

    assert status == 200
    assert "upgrade" not in echo.asked[0]["headers"]


async def test_a_client_of_the_last_century_is_answered(port: int, echo: Echo) -> None:
    status, _, _ = await said(port, "GET /v1/orders HTTP/1.0\r\n\r\n")

    assert status == 200
    assert [asked["path"] for asked in echo.asked] == ["/v1/orders"]


async def test_the_log_names_no_id_and_no_query(port: int, tmp_path: Path) -> None:
    await said(port, request("GET /v1/orders/ord_1?email=ada@example.com"))
    await said(port, request("GET /ada@example.com"))

    log = (tmp_path / "access.log").read_text()
    assert [json.loads(line)["place"] for line in log.splitlines()] == ["/v1/orders", "-"]
    assert "ord_1" not in log and "example" not in log
