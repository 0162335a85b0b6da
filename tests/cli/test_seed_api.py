"""The client of the seeds on a machine that has other things to do."""

from __future__ import annotations

import asyncio
import inspect

import httpx
import pytest

from estore.cli.seed import SeedFailed
from estore.cli.seed import api as seed_api
from estore.cli.seed.api import Api, at_once, eventually
from estore.kit.errors import TimedOut

AWAY = (503, {"code": "kit.timed_out", "detail": "no answer within 5 seconds"})


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed_api, "_PAUSE_SECONDS", 0.0)


def answering(*answers: tuple[int, object]) -> tuple[Api, list[httpx.Request]]:
    """Return a client of a store that gives these answers, one after the other, and what it was asked."""
    left, asked = list(answers), list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        status, body = left.pop(0) if len(left) > 1 else left[0]
        return httpx.Response(status, json=body)

    api = Api([])
    api._client = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://estore.invalid")
    return api, asked


async def test_what_is_not_possible_right_now_is_asked_again_as_the_same_request() -> None:
    api, asked = answering(AWAY, AWAY, (201, {"id": "x"}))

    assert await api.post("/v1/orders", {"lines": []}) == {"id": "x"}
    assert len(asked) == 3
    assert len({request.headers["idempotency-key"] for request in asked}) == 1
    assert len({request.content for request in asked}) == 1


async def test_two_requests_have_two_keys() -> None:
    api, asked = answering((201, {}))

    await api.post("/v1/orders", {})
    await api.post("/v1/orders", {})

    assert len({request.headers["idempotency-key"] for request in asked}) == 2


async def test_a_store_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed_api, "PATIENCE_SECONDS", 0.05)
    api, _ = answering(AWAY)

    with pytest.raises(SeedFailed, match=r"503 kit\.timed_out"):
        await api.post("/v1/orders", {})


async def test_who_lost_the_answer_to_a_refresh_signs_in_again() -> None:
    first, used, second = (
        {"access_token": "old", "refresh_token": "1"},
        {"code": "identity.refresh_refused"},
        {"access_token": "new"},
    )
    api, asked = answering((201, first), AWAY, (401, used), (201, second))

    await api.token("hanna@example.com")
    await api.refresh("hanna@example.com")

    assert await api.token("hanna@example.com") == "new"
    tried = ["/v1/sessions", "/v1/sessions/refresh", "/v1/sessions/refresh", "/v1/sessions"]
    assert [request.url.path for request in asked] == tried


async def test_what_takes_too_long_in_this_process_is_tried_again_as_well() -> None:
    outcomes = iter([TimedOut("no answer within 5 seconds"), None, "found"])

    async def look() -> str | None:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert await eventually(look, "what is looked for") == "found"


async def test_what_had_not_begun_when_the_first_failed_is_closed() -> None:
    async def fails() -> None:
        raise SeedFailed("stopped")

    async def never() -> None:
        await asyncio.Event().wait()

    work = [fails(), never(), never()]
    with pytest.raises(SeedFailed):
        await at_once(work, limit=1)

    assert [inspect.getcoroutinestate(each) for each in work] == [inspect.CORO_CLOSED] * 3


async def test_what_is_refused_is_not_asked_again() -> None:
    api, asked = answering((409, {"code": "kit.conflict"}), (201, {}))

    with pytest.raises(SeedFailed, match=r"409 kit\.conflict"):
        await api.post("/v1/orders", {})
    assert len(asked) == 1
