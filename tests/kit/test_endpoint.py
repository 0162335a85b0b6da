"""What every endpoint promises, whatever the use case: who, once, how long, all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from estore.kit.context import Context
from estore.kit.db import statements
from kit.shop import Add, Shop, TooMany, gate, open_shop
from support.waiting import until


@pytest.fixture
async def shop(fresh_database) -> AsyncIterator[Shop]:  # type: ignore[no-untyped-def]
    made = await open_shop(await fresh_database())
    yield made
    await made.db.close()


def keyed(key: str = "k-1") -> dict[str, str]:
    return {"Idempotency-Key": key}


async def test_a_repeat_gets_the_same_answer_and_has_no_effect(shop: Shop) -> None:
    async with shop.client() as client:
        first = await client.post("/v1/shop", json={"name": "a"}, headers=keyed())
        again = await client.post("/v1/shop", json={"name": "a"}, headers=keyed())

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert await shop.count("a") == 1


async def test_a_key_with_another_body_is_refused(shop: Shop) -> None:
    async with shop.client() as client:
        await client.post("/v1/shop", json={"name": "a"}, headers=keyed())
        other = await client.post("/v1/shop", json={"name": "b"}, headers=keyed())

    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")


async def test_of_twenty_at_once_with_one_key_one_acts(shop: Shop) -> None:
    gate.clear()
    async with shop.client() as client:
        asked = [
            asyncio.ensure_future(client.post("/v1/shop", json={"name": "slow"}, headers=keyed())) for _ in range(20)
        ]

        async def one_is_left() -> bool:
            return sum(not task.done() for task in asked) <= 1

        await until("the others are answered", one_is_left)
        gate.set()
        answers = await asyncio.gather(*asked)

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] + [409] * 19
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"idempotency.in_flight"}
    assert await shop.count("slow") == 1


async def test_a_failure_leaves_nothing_and_the_key_can_be_used_again(shop: Shop) -> None:
    async with shop.client() as client:
        refused = await client.post("/v1/shop", json={"name": "a", "by": 1001}, headers=keyed())
        retried = await client.post("/v1/shop", json={"name": "a", "by": 1001}, headers=keyed())

    assert (refused.status_code, refused.json()["code"], refused.json()["limit"]) == (409, "shop.too_many", 1000)
    assert retried.status_code == 409
    assert await shop.count("a") == 0


async def test_a_required_key_that_is_missing_is_named(shop: Shop) -> None:
    async with shop.client(authorization=shop.bearer()) as client:
        answer = await client.post("/v1/shop/keyed", json={"name": "a"})

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key_missing")


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "ü"])
async def test_a_key_that_is_none_is_refused(shop: Shop, key: str) -> None:
    async with shop.client() as client:
        answer = await client.post("/v1/shop", json={"name": "a"}, headers={b"Idempotency-Key": key.encode()})

    assert (answer.status_code, answer.json()["code"]) == (400, "request.header_invalid")


async def test_two_accounts_keys_never_meet(shop: Shop) -> None:
    async with shop.client() as client:
        await client.post("/v1/shop", json={"name": "a"}, headers=keyed())
        other = await client.post("/v1/shop", json={"name": "a"}, headers=keyed() | {"authorization": shop.bearer()})

    assert "idempotency-replayed" not in other.headers
    assert await shop.count("a") == 2


async def test_who_may_not_is_told_why(shop: Shop) -> None:
    async with shop.client() as client:
        guest = await client.post("/v1/shop/operate", json={"name": "a"})
        account = await client.post("/v1/shop/operate", json={"name": "a"}, headers={"authorization": shop.bearer()})
        operator = await client.post(
            "/v1/shop/operate", json={"name": "a"}, headers={"authorization": shop.bearer(operator=True)}
        )

    assert [guest.status_code, account.status_code, operator.status_code] == [401, 403, 201]
    assert guest.headers["www-authenticate"] == "Bearer"


async def test_a_defect_is_a_500_that_leaves_nothing_and_tells_nothing(shop: Shop) -> None:
    async with shop.client() as client:
        answer = await client.post("/v1/shop", json={"name": "a", "by": 13})

    assert (answer.status_code, answer.json()["code"]) == (500, "kit.defect")
    assert "a defect" not in answer.text
    assert len(answer.json()["trace_id"]) == 32
    assert await shop.count("a") == 0


async def test_too_slow_is_stopped_and_rolled_back(shop: Shop) -> None:
    gate.clear()
    async with shop.client() as client:
        answer = await client.post("/v1/shop/hasty", json={"name": "slow"})

    assert (answer.status_code, answer.json()["code"]) == (503, "kit.timed_out")
    assert int(answer.headers["retry-after"]) > 0
    assert await shop.count("slow") == 0


async def test_a_rate_is_told_and_kept(shop: Shop) -> None:
    async with shop.client() as client:
        answers = [await client.post("/v1/shop/limited", json={"name": "a"}) for _ in range(3)]

    assert [a.status_code for a in answers] == [201, 201, 429]
    assert answers[0].headers["ratelimit"].startswith('"default";r=1;')
    assert int(answers[2].headers["retry-after"]) > 0


async def test_requests_of_the_moment_share_a_statement(shop: Shop) -> None:
    ctx = Context(now=shop.clock.now())
    with statements() as sent:
        answers = await asyncio.gather(*(shop.endpoints.many(ctx, Add(f"n{i % 3}")) for i in range(60)))

    assert sent.count <= 2
    assert {a.count for a in answers} <= {1, 19, 20}
    assert [await shop.count(f"n{i}") for i in range(3)] == [20, 20, 20]


async def test_in_a_batch_one_failure_is_its_own(shop: Shop) -> None:
    ctx = Context(now=shop.clock.now())
    answers = await asyncio.gather(
        shop.endpoints.many(ctx, Add("a")), shop.endpoints.many(ctx, Add("b", by=51)), return_exceptions=True
    )

    assert answers[0].count == 1  # type: ignore[union-attr]
    assert isinstance(answers[1], TooMany)


async def test_a_database_that_is_away_is_a_503_and_comes_back(shop: Shop) -> None:
    async with shop.client() as client:
        await client.post("/v1/shop", json={"name": "a"})
        async with shop.db.read() as tx:
            await tx.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'estore-shop' AND pid <> pg_backend_pid() AND datname = current_database()"
            )
        codes = [(await client.post("/v1/shop", json={"name": "a"})).status_code for _ in range(10)]

    assert set(codes) <= {201, 503}
    assert codes[-1] == 201
    assert await shop.count("a") == 1 + codes.count(201)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_transaction_cancelled_at_any_moment_leaves_none_open(
    shop: Shop, caplog: pytest.LogCaptureFixture, times: int
) -> None:
    async def write() -> None:
        async with shop.db.transaction() as tx:
            await tx.execute("SELECT 1")

    ends = []
    for turns in range(60):
        task = asyncio.create_task(write())
        for _ in range(turns):
            await asyncio.sleep(0)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        ends += await asyncio.gather(task, return_exceptions=True)
        async with shop.db.read() as tx:
            assert not tx.conn.is_in_transaction()

    assert any(isinstance(end, asyncio.CancelledError) for end in ends)
    assert "active transaction" not in caplog.text
