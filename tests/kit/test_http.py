"""Bad input gets a clear problem document with a stable code and a pointer; never a 500."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

import httpx
import pytest
from litestar import Request, delete, get, put
from structlog.testing import capture_logs

from estore.kit.auth import new_key, sign
from estore.kit.context import Principal
from estore.kit.http.app import application
from estore.kit.http.front import Front
from estore.kit.http.pages import CursorInvalid, Page, cursor_of, decode_cursor, link_header, page_of, text_in
from kit.shop import Shop, open_shop


@pytest.fixture
async def shop(fresh_database: Any) -> AsyncIterator[Shop]:
    made = await open_shop(await fresh_database())
    yield made
    await made.db.close()


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    async with shop.client() as made:
        yield made


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"name": "a", "colour": 1}, 422, "/colour"),
        ({"name": 7}, 422, "/name"),
        ({"by": 1}, 422, "/name"),
        ({"name": "a", "by": "1"}, 422, "/by"),
        ({"name": "a", "by": 1.5}, 422, "/by"),
        ({"name": "a", "lines": [{"sku": "x", "quantity": 1}, {"sku": "x", "quantity": 0}]}, 422, "/lines/1/quantity"),
        ({"name": "a", "lines": [{"sku": "x", "quantity": 1, "a/b": 1}]}, 422, "/lines/0/a~1b"),
        ({"name": "a", "lines": [{"sku": "x"}]}, 422, "/lines/0/quantity"),
        ({"name": "a" * 21}, 422, "/name"),
        ([], 422, ""),
    ],
)
async def test_a_wrong_body_is_told_where(client: httpx.AsyncClient, body: object, status: int, pointer: str) -> None:
    answer = await client.post("/v1/shop", json=body)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == "request.invalid"
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("raw", [b"{", b"", b"\xff\xfe", b'{"name": "a"} trailing', b"[" * 100_000, b'{"name": NaN}'])
async def test_what_is_no_json_is_malformed(client: httpx.AsyncClient, raw: bytes) -> None:
    answer = await client.post("/v1/shop", content=raw, headers={"content-type": "application/json"})

    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_huge_number_is_not_a_500(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/shop", content=b'{"name": "a", "by": 1' + b"0" * 400 + b"}")

    assert answer.status_code == 422


async def test_a_huge_body_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/shop", content=b" " * 300_000)

    assert (answer.status_code, answer.json()["code"]) == (413, "kit.too_large")


async def test_another_media_type_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/shop", data={"name": "a"})

    assert (answer.status_code, answer.json()["code"]) == (415, "kit.unsupported_media_type")


async def test_an_unknown_query_parameter_is_refused_by_name(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/shop/a?dept=2")

    assert (answer.status_code, answer.json()["code"]) == (400, "request.parameter_unknown")
    assert answer.json()["errors"][0]["parameter"] == "dept"


@pytest.mark.parametrize("value", ["0", "6", "x", "", "1.5", "3.0", "3e0", "+3", "99999999999999999999"])
async def test_a_wrong_query_parameter_is_refused_by_name(client: httpx.AsyncClient, value: str) -> None:
    answer = await client.get(f"/v1/shop/a?depth={value}")

    assert (answer.status_code, answer.json()["code"]) == (400, "request.parameter_invalid")
    assert answer.json()["errors"][0]["parameter"] == "depth"


async def test_a_query_parameter_of_one_value_is_given_once(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/shop/a?depth=2&depth=2")

    assert (answer.status_code, answer.json()["code"]) == (400, "request.parameter_invalid")
    assert answer.json()["errors"] == [{"detail": "given more than once", "parameter": "depth"}]


async def test_unknown_paths_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    nowhere, wrong = await client.get("/v1/nowhere"), await client.put("/v1/shop", json={})
    null = await client.get("/v1/shop/a%00b")

    assert (null.status_code, null.json()["code"]) == (404, "request.no_such_resource")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "request.no_such_resource")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "request.method_not_allowed")
    assert "POST" in wrong.headers["allow"]


async def test_options_name_all_methods_of_a_path_whatever_its_parameters_are_called(shop: Shop) -> None:
    @get("/v1/things/{thing:str}/parts/{part:str}")
    async def show(thing: str, part: str) -> str:
        return thing + part

    @delete("/v1/things/{thing_id:str}/parts/{part_id:str}")
    async def drop(thing_id: str, part_id: str) -> None:
        return None

    @put("/v1/things/all/parts/{part:str}")
    async def put_all(part: str) -> str:
        return part

    app = application("shop", [show, drop, put_all], verifier=shop.verifier, clock=shop.clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop.test") as client:
        told = [(await client.options(f"/v1/things/{thing}/parts/1")).headers["allow"] for thing in ("one", "all")]
        refused = await client.post("/v1/things/one/parts/1")

    assert told == ["DELETE, GET, HEAD, OPTIONS", "OPTIONS, PUT"]
    assert refused.headers["allow"] == told[0]


async def test_head_is_answered_as_get_is_and_without_content(shop: Shop) -> None:
    front = httpx.ASGITransport(app=Front({"/v1/shop": shop.app}, lambda: True), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=front, base_url="http://shop.test") as client:
        for path, status in (("/v1/shop/a", 200), ("/v1/shop/a?depth=none", 400), ("/v1/nowhere", 404)):
            get, head = await client.get(path), await client.head(path)

            assert (get.status_code, head.status_code, head.content) == (status, status, b"")
            assert head.headers["content-type"] == get.headers["content-type"]
            assert int(head.headers["content-length"]) > 0
        refused = await client.put("/v1/shop/a", json={})

    assert {"GET", "HEAD"} <= set(refused.headers["allow"].split(", "))


async def test_forged_expired_and_odd_tokens_are_refused(shop: Shop, client: httpx.AsyncClient) -> None:
    old = shop.bearer(seconds=60)
    forged = f"Bearer {sign(Principal('acc_1'), new_key(), shop.clock.now())}"
    shop.clock.advance(minutes=2)
    unsigned = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhY2NfMSJ9."
    # What a good one says, with the signature of another: one in a thousand of ours ends in AAA itself.
    mixed = f"{shop.bearer().rpartition('.')[0]}.{forged.rpartition('.')[2]}"
    for bearer in (old, forged, unsigned, "Bearer", "Bearer x", "Basic YTpi", mixed):
        answer = await client.get("/v1/shop/a", headers={"authorization": bearer})

        assert (answer.status_code, answer.json()["code"]) == (401, "auth.token_invalid"), bearer


async def test_a_token_that_was_accepted_expires_all_the_same(shop: Shop, client: httpx.AsyncClient) -> None:
    headers = {"authorization": shop.bearer(seconds=60)}
    before = await client.get("/v1/shop/a", headers=headers)
    shop.clock.advance(seconds=61)
    after = await client.get("/v1/shop/a", headers=headers)

    assert [before.status_code, after.status_code] == [200, 401]


async def test_an_unchanged_thing_is_a_304(client: httpx.AsyncClient) -> None:
    first = await client.get("/v1/shop/a")
    again = await client.get("/v1/shop/a", headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


async def test_the_trace_of_the_caller_goes_on(client: httpx.AsyncClient) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = await client.post(
        "/v1/shop", json={"name": "a", "by": 1001}, headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    )

    assert answer.json()["trace_id"] == trace


@pytest.mark.parametrize("given", [True, False])
async def test_what_cannot_be_read_has_a_trace_too(shop: Shop, client: httpx.AsyncClient, given: bool) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"} if given else {}
    front = httpx.ASGITransport(app=Front({"/v1/shop": shop.app}, lambda: True), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=front, base_url="http://shop.test") as outside:
        refused = [
            await client.post("/v1/shop", content=b"{", headers=headers),
            await client.post("/v1/shop", json={"name": 7}, headers=headers),
            await client.post("/v1/shop", content=b" " * 300_000, headers=headers),
            await client.post("/v1/shop", data={"name": "a"}, headers=headers),
            await client.get("/v1/shop/a?dept=2", headers=headers),
            await client.get("/v1/shop/a", headers=headers | {"authorization": "Bearer x"}),
            await client.get("/v1/shop/a", headers=headers | {"if-match": "x"}),
            await client.put("/v1/shop", headers=headers),
            await outside.get("/v1/nowhere", headers=headers),
            await outside.post("/nowhere", headers=headers),
        ]
    told = [answer.json()["trace_id"] for answer in refused]

    assert all(answer.status_code >= 400 for answer in refused)
    assert [len(trace_id) for trace_id in told] == [32] * len(refused)
    assert (set(told) == {trace}) is given


async def test_a_defect_is_logged_under_the_trace_that_is_told(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        answer = await client.post("/v1/shop", json={"name": "a", "by": 13})

    assert answer.json()["trace_id"] in [entry.get("trace_id") for entry in logs if entry["event"] == "defect"]


async def test_answers_are_not_sniffed_cached_or_framed(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/v1/shop/a")).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_a_cursor_holds_its_keys() -> None:
    assert decode_cursor(cursor_of("a", 3), str, int) == ("a", 3)


@pytest.mark.parametrize("cursor", ["x", "%%%", "W10", cursor_of(1, 2), cursor_of("a\x00", 3), "é"])
def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        decode_cursor(cursor, str, int)


def test_a_cursor_of_one_text_is_read_as_that() -> None:
    assert text_in(None) is None
    assert text_in(cursor_of("ord_1")) == "ord_1"
    with pytest.raises(CursorInvalid):
        text_in(cursor_of("ord_\x00"))


def test_the_last_page_has_no_cursor() -> None:
    assert page_of([1, 2, 3], 2, lambda n: (n,)).next_cursor is not None
    assert page_of([1, 2], 2, lambda n: (n,)).next_cursor is None


def test_the_link_to_the_next_page_keeps_every_parameter_but_the_old_cursor() -> None:
    scope: dict[str, Any] = {
        "type": "http",
        "path": "/v1/search",
        "headers": [],
        "query_string": b"brand=acme&brand=umbra&cursor=old&q=red+mug",
        "app": None,
    }

    link = link_header(Request(scope), Page([1], "new"))

    assert link == {"link": '</v1/search?brand=acme&brand=umbra&q=red+mug&cursor=new>; rel="next"'}


async def test_a_page_is_made_once_and_beside_what_is_served() -> None:
    made: list[str] = []
    may_end = threading.Event()

    @lru_cache
    def slow() -> bytes:
        made.append("page")
        may_end.wait(20)
        return b"{}"

    front = Front({}, lambda: True, pages={"/openapi.json": (b"application/json", slow)})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://store") as client:
        asked = [asyncio.create_task(client.get("/openapi.json")) for _ in range(2)]
        alive = await client.get("/livez")
        waiting = [task.done() for task in asked]
        may_end.set()
        pages = await asyncio.gather(*asked)

    assert (alive.status_code, waiting, made) == (200, [False, False], ["page"])
    assert [(page.status_code, page.text) for page in pages] == [(200, "{}")] * 2
