"""How a batch becomes outcomes, without a bus."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec
import pytest

from bus.world import Made, Moved, envelope
from estore.kit.bus import base
from estore.kit.bus.base import ACK, Dead, Hold, Retry, Subscription, handle, handle_through, heard_by
from estore.kit.clock import ManualClock
from estore.kit.db import Database, Tx
from estore.kit.endpoint import Edge, Handler
from estore.kit.envelope import Message
from estore.kit.errors import Conflict, Transient

LADDER = (1.0, 5.0)


class Spy:
    """A handler that raises what `fail` says about a batch."""

    def __init__(self, fail: Any = lambda keys: None) -> None:
        self.fail = fail
        self.calls: list[list[str]] = []

    async def run(self, _queue: str, messages: Sequence[Message[Any]]) -> None:
        keys = [message.data.key for message in messages]
        self.calls.append(keys)
        if error := self.fail(keys):
            raise error

    def subscription(self, **options: Any) -> Subscription:
        return Subscription("beta.work", {Made: Handler("spy", self.run), Moved: Handler("spy", self.run)}, **options)


def away(cause: Exception) -> Transient:
    failure = Transient("the database of beta is away")
    failure.__cause__ = cause
    return failure


async def outcomes_of(spy: Spy, batch: Sequence[Any], **options: Any) -> list[Any]:
    found = await handle(spy.subscription(**options), batch, ManualClock(), LADDER)
    return [found[each.id] for each in batch]


async def test_types_are_handled_in_the_subscriptions_order() -> None:
    spy = Spy()

    await outcomes_of(spy, [envelope(Moved(key="b")), envelope(Made(key="a")), envelope(Moved(key="c"))])

    assert spy.calls == [["a"], ["b", "c"]]


async def test_halving_finds_the_poison_and_keeps_the_order() -> None:
    spy = Spy(lambda keys: ValueError("poison") if "5" in keys else None)

    outcomes = await outcomes_of(spy, [envelope(Made(key=str(number))) for number in range(8)])

    assert [ACK] * 5 + [Retry(1.0, "ValueError: poison")] + [ACK] * 2 == outcomes
    assert list("01234567") == [key for call in spy.calls if "5" not in call or len(call) == 1 for key in call]


@pytest.mark.parametrize(("attempt", "outcome"), [(1, Retry(1.0, "E")), (2, Retry(5.0, "E")), (7, Retry(5.0, "E"))])
async def test_the_ladder_is_climbed_and_its_last_step_repeated(attempt: int, outcome: Retry) -> None:
    spy = Spy(lambda keys: RuntimeError("no"))
    tried = msgspec.structs.replace(envelope(Made(key="a")), attempt=attempt)

    [found] = await outcomes_of(spy, [tried])

    assert outcome.delay == found.delay


async def test_a_domain_error_is_never_retried_and_a_transient_one_is() -> None:
    conflict, transient = Spy(lambda keys: Conflict("no")), Spy(lambda keys: Transient("later"))

    assert await outcomes_of(conflict, [envelope(Made(key="a"))]) == [ACK]
    assert [Retry(1.0, "Transient: later")] == await outcomes_of(transient, [envelope(Made(key="a"))])


async def test_too_many_attempts_are_dead() -> None:
    tried = msgspec.structs.replace(envelope(Made(key="a")), attempt=3)

    assert [Dead("KeyError: 'x'")] == await outcomes_of(Spy(lambda keys: KeyError("x")), [tried], attempts=3)


@pytest.mark.parametrize(
    "error",
    [
        away(asyncpg.CannotConnectNowError("starting up")),
        away(asyncpg.AdminShutdownError("terminated")),
        away(asyncpg.InterfaceError("connection is closed")),
        asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
    ],
)
async def test_an_outage_holds_the_whole_batch_at_once(error: Exception) -> None:
    spy = Spy(lambda keys: error)

    outcomes = await outcomes_of(spy, [envelope(Made(key=str(number))) for number in range(50)])

    assert all(isinstance(outcome, Hold) for outcome in outcomes)
    assert len(spy.calls) == 1


@pytest.mark.parametrize(
    "error",
    [
        away(asyncpg.DataError("invalid input for query argument $1: 'x' (expected int)")),
        away(TimeoutError("the handler's own")),
        away(ConnectionResetError("of the handler's own client")),
        TimeoutError(),
    ],
)
async def test_what_only_looks_like_an_outage_goes_up_the_ladder(error: Exception) -> None:
    assert isinstance((await outcomes_of(Spy(lambda keys: error), [envelope(Made(key="a"))]))[0], Retry)


async def test_an_outage_that_never_ends_is_the_messages_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "HOLD_SECONDS", (0.001,))
    monkeypatch.setattr(base, "HOLD_LIMIT", 0.05)
    spy, sent = Spy(lambda keys: away(asyncpg.CrashShutdownError("crash"))), envelope(Made(key="a"))

    found = await handle_through(spy.subscription(), [sent], ManualClock(), LADDER, asyncio.Event())

    assert isinstance(found[sent.id], Retry)


async def test_a_stop_ends_the_wait_for_a_database() -> None:
    stopping, sent = asyncio.Event(), envelope(Made(key="a"))
    stopping.set()
    spy = Spy(lambda keys: away(asyncpg.CrashShutdownError("crash")))

    found = await handle_through(spy.subscription(), [sent], ManualClock(), LADDER, stopping)

    assert isinstance(found[sent.id], Hold)


async def test_heard_is_what_some_queue_handles() -> None:
    assert {"thing.made.v1", "thing.moved.v1"} == heard_by([Spy().subscription()])


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT $1::int", 2**40),
        ("SELECT $1::bigint::int", 2**40),
        ("SELECT $1::text", "NUL \x00"),
        ("INSERT INTO once (scope, key) VALUES ($1, 'a'), ($1, 'a')", "twice"),
    ],
)
async def test_what_a_table_cannot_hold_is_no_answer(bus_dsn: str, sql: str, value: object) -> None:
    async def store(tx: Tx, _messages: Sequence[Message[Any]]) -> None:
        await tx.execute(sql, value)

    db = Database(bus_dsn, "beta")
    await db.open()
    try:
        handler = Edge(db).consumer(store)
        sent = [envelope(Made(key="a")), msgspec.structs.replace(envelope(Made(key="b")), attempt=8)]
        outcomes = await handle(Subscription("beta.work", {Made: handler}), sent, ManualClock(), LADDER)
    finally:
        await db.close()

    assert [Retry, Dead] == [type(outcomes[each.id]) for each in sent]


async def test_two_processes_with_the_same_messages_do_not_deadlock(bus_dsn: str) -> None:
    acted: list[str] = []

    async def act(_tx: Tx, messages: Sequence[Message[Any]]) -> None:
        acted.extend(message.data.key for message in messages)

    db = Database(bus_dsn, "beta")
    await db.open()
    try:
        handler = Edge(db).consumer(act)
        sent = [
            Message(envelope(Made(key=str(number))), Made(key=str(number)), ManualClock().now())
            for number in range(4000)
        ]
        await asyncio.gather(handler("beta.work", sent), handler("beta.work", sent[::-1]))
    finally:
        await db.close()

    assert sorted(acted) == sorted(message.data.key for message in sent)
