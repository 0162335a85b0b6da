"""What people told us stays out of logs, answers and dead letters when the database refuses it."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from bus.world import LADDER, Made, envelope
from estore.kit.bus.base import Dead, Retry, Subscription, handle
from estore.kit.clock import SystemClock
from estore.kit.db import Database, Tx, ValueUnacceptable
from estore.kit.endpoint import Edge
from estore.kit.envelope import Message
from estore.kit.errors import Conflict
from kit.shop import Shop, open_shop

CANARY = "ada.byron@example.com"
REFUSED = {
    "a check": ("INSERT INTO counted VALUES ($1, -1)", CANARY),
    "a unique key": ("INSERT INTO counted VALUES ($1, 1), ($1, 2)", CANARY),
    "a missing value": ("INSERT INTO counted VALUES ($1, NULL)", CANARY),
    "a text that is no number": ("INSERT INTO counted VALUES ('x', ($1::text)::bigint)", CANARY),
    "an argument of another type": ("INSERT INTO counted VALUES ('x', $1)", CANARY),
    "an id that is none": ("INSERT INTO outbox (id) VALUES ($1)", CANARY),
    "a text in a procedure": (
        "SELECT set_config('estore.canary', $1, true), query_to_xml('SELECT ' || quote_literal($1) || '::int', true,"
        " true, '')",
        CANARY,
    ),
}


@pytest.fixture
async def shop(fresh_database: Any) -> AsyncIterator[Shop]:
    made = await open_shop(await fresh_database())
    yield made
    await made.db.close()


def told(logs: Sequence[Any]) -> str:
    """All that a log says, tracebacks with their causes included."""
    errors = [entry["exc_info"] for entry in logs if isinstance(entry.get("exc_info"), BaseException)]
    return "\n".join([str(logs), *("".join(traceback.format_exception(error)) for error in errors)])


async def test_an_answer_and_its_log_do_not_quote_the_row(shop: Shop) -> None:
    with capture_logs() as logs:
        async with shop.client() as client:
            answer = await client.post("/v1/shop", json={"name": CANARY[:20], "by": -1})

    assert (answer.status_code, answer.json()["code"]) == (500, "kit.defect")
    assert "counted_count_check" in told(logs)
    assert CANARY[:20] not in answer.text + told(logs)


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("attempts", [1, 5])
async def test_a_message_and_its_log_do_not_quote_what_was_refused(shop: Shop, case: str, attempts: int) -> None:
    sql, value = REFUSED[case]

    async def use_case(tx: Tx, messages: Sequence[Message[Made]]) -> None:
        await tx.execute(sql, value)

    handler = Edge(shop.db).consumer(use_case)
    queue = Subscription("shop.work", {Made: handler}, attempts=attempts)
    with capture_logs() as logs:
        [outcome] = (await handle(queue, [envelope(Made(key="a"))], SystemClock(), LADDER)).values()

    assert isinstance(outcome, Dead if attempts == 1 else Retry)
    assert CANARY not in outcome.error + told(logs)


async def test_what_broke_is_still_named(shop: Shop) -> None:
    async def refused(db: Database, sql: str, *args: object) -> Exception:
        with pytest.raises((asyncpg.PostgresError, ValueUnacceptable, Conflict)) as caught:
            async with db.transaction() as tx:
                await tx.execute(sql, *args)
        return caught.value

    check = await refused(shop.db, *REFUSED["a check"])
    assert 'violates check constraint "counted_count_check"' in str(check)
    assert str(await refused(shop.db, *REFUSED["a unique key"])) == "exists already (counted_pkey)"
    number = await refused(shop.db, *REFUSED["a text that is no number"])
    assert str(number) == "invalid input syntax for type bigint"
    argument = await refused(shop.db, "SELECT 1 FROM outbox WHERE id = $1 OR version = $2", uuid4(), 2**70)
    assert str(argument) == "invalid input for query argument $2 (value out of int64 range)"
