"""What every driver must do: one suite over `local` and `rabbitmq`, on real databases, with relay, outbox and once."""

from __future__ import annotations

import asyncio
from functools import partial
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from bus.world import ATTEMPTS, Actor, Echoed, Made, Moved, Whispered, World, cause, envelope, keys, once
from estore.kit.bus import base, relay
from estore.kit.clock import monotonic
from estore.kit.db import Tx, insert_outbox, transaction
from estore.kit.envelope import MAX_BODY
from estore.kit.errors import TooLarge, Transient


class Delivery:
    """The normal way."""

    repeats = False

    async def test_an_event_reaches_every_queue_that_hears_it(self, world: World) -> None:
        work, audit = world.actor("beta.work"), world.actor("gamma.audit", [Made, Moved])
        deaf = world.actor("gamma.other", [Moved])
        await world.up()

        await world.emit(Made(key="a"), Made(key="b"))

        assert once(["a", "b"]) == await world.acted(work, 2)
        assert once(["a", "b"]) == await world.acted(audit, 2)
        await world.drained()
        assert once([]) == await deaf.acted()

    async def test_what_travels_with_an_event_arrives_with_it(self, world: World) -> None:
        actor = world.actor()
        await world.up()

        [sent] = await world.emit(Made(key="größe/1", value=7, version=3))
        await world.acted(actor, 1)

        assert sent == actor.seen[0].envelope
        assert Made(key="größe/1", value=7, version=3) == actor.seen[0].data

    async def test_a_chain_of_events_goes_through_three_services(self, world: World) -> None:
        middle, end = world.actor("beta.work"), world.actor("gamma.end", [Echoed])
        middle.echoes = True
        await world.up()

        await world.emit(*(Made(key=key) for key in keys(20)))

        assert once(keys(20)) == await world.acted(end, 20)
        await world.drained()

    async def test_what_has_arrived_is_handled_as_one_batch(self, world: World) -> None:
        actor = world.actor(batch=50)
        actor.gate.clear()
        await world.up()

        await world.emit(*(Made(key=key) for key in keys(120)))
        await world.arrived(actor, 120)
        actor.gate.set()

        assert once(keys(120)) == await world.acted(actor, 120)
        assert max(actor.batches) == 50
        assert len(actor.batches) <= 6

    async def test_an_event_that_nobody_hears_is_counted_and_leaves_the_outbox(self, world: World) -> None:
        world.actor()
        await world.up()
        before = base.UNROUTABLE.labels(Whispered.event_name)._value.get()

        await world.emit(Whispered(key="a"))

        await world.drained()
        assert before + 1 == base.UNROUTABLE.labels(Whispered.event_name)._value.get()

    async def test_an_older_version_never_overwrites_a_newer_one(self, world: World) -> None:
        actor = world.actor()
        await world.up()

        await world.emit(Made(key="a", value=2, version=2))
        await world.acted(actor, 1)
        await world.emit(Made(key="a", value=1, version=1))
        await world.drained()
        await world.until(lambda: actor.deliveries["a"] >= 2)

        async with actor.db.read() as tx:
            assert tuple(await tx.fetchrow("SELECT version, value FROM model WHERE key = 'a'")) == (2, 2)


class Repetition:
    """At least once on the wire, exactly once in effect."""

    async def test_the_same_message_twice_in_one_batch_acts_once(self, world: World) -> None:
        actor = world.actor()
        actor.gate.clear()
        await world.up()
        twice, other = envelope(Made(key="a")), envelope(Made(key="b"))

        sent = asyncio.ensure_future(world.publish(twice, other, twice))
        await world.arrived(actor, 3)
        actor.gate.set()

        assert await sent == {"confirmed": 3}
        assert once(["a", "b"]) == await world.acted(actor, 2)

    async def test_the_same_message_in_two_batches_acts_once(self, world: World) -> None:
        actor = world.actor()
        await world.up()
        twice = envelope(Made(key="a"))

        for _ in range(3):
            assert await world.publish(twice) == {"confirmed": 1}
            await world.acted(actor, 1)
        await world.publish(envelope(Made(key="end")))

        assert once(["a", "end"]) == await world.acted(actor, 2)

    async def test_a_consumer_that_dies_after_its_commit_acts_once(self, world: World) -> None:
        actor = world.actor()
        actor.dies_after_commit = {"k0003"}
        await world.up()

        await world.emit(*(Made(key=key) for key in keys(8)))
        await world.acted(actor, 8)
        await world.drained()
        await world.until(lambda: not actor.dies_after_commit)
        await world.publish(envelope(Made(key="end")))

        assert once([*keys(8), "end"]) == await world.acted(actor, 9)
        assert await world.bus.dead_letters(actor.queue) == []


class Failures:
    """A handler that fails."""

    @pytest.mark.parametrize("times", [1, 3])
    async def test_a_handler_that_fails_is_called_again(self, world: World, times: int) -> None:
        actor = world.actor()
        actor.fails = {"bad": times}
        await world.up()

        await world.emit(Made(key="bad"), Made(key="good"))

        assert once(["bad", "good"]) == await world.acted(actor, 2)
        assert await world.bus.dead_letters(actor.queue) == []
        await world.drained()
        await world.until(partial(self.nothing_stored, world))

    @staticmethod
    async def nothing_stored(world: World) -> bool:
        async with world.databases["beta"].read() as tx:
            return await tx.fetchval("SELECT count(*) FROM delivery") == 0

    async def test_a_message_that_fails_too_often_is_a_dead_letter(self, world: World) -> None:
        actor = world.actor()
        actor.fails = {"bad": 99}
        await world.up()

        [sent, _] = await world.emit(Made(key="bad", value=5), Made(key="good"))
        [letter] = await world.dead()

        assert (sent.id, sent.body, ATTEMPTS) == (letter.envelope.id, letter.envelope.body, letter.envelope.attempt)
        assert letter.error == "RuntimeError: told to fail"
        assert letter.failed_at is not None
        assert once(["good"]) == await world.acted(actor, 1)
        await world.drained()
        assert actor.deliveries["bad"] in (ATTEMPTS, ATTEMPTS + 1)

    async def test_a_poisoned_message_in_a_batch_fails_alone(self, world: World) -> None:
        actor = world.actor()
        actor.fails = {"k0042": 99}
        actor.gate.clear()
        await world.up()

        await world.emit(*(Made(key=key) for key in keys(100)))
        await world.arrived(actor, 100)
        actor.gate.set()
        [letter] = await world.dead()

        assert b'"k0042"' in letter.envelope.body
        assert once([key for key in keys(100) if key != "k0042"]) == await world.acted(actor, 99)
        # Halving finds it: a hundred transactions one by one would be a batch that one message slows down tenfold.
        assert len(actor.batches) < 40

    async def test_a_body_that_cannot_be_decoded_is_a_dead_letter(self, world: World) -> None:
        actor = world.actor()
        await world.up()
        [good] = await world.emit(Made(key="good"))
        async with world.alpha.read() as tx:
            for body in (b"{", b'{"key": 5}', b"\xff\xfe", b""):
                await insert_outbox(tx, [replaced(good, id=envelope(Made(key="x")).id, body=body)])
            await tx.execute("UPDATE outbox SET claimed_until = NULL WHERE published_at IS NULL")

        letters = await world.dead(count=4)

        assert all("cannot be decoded" in letter.error for letter in letters)
        assert {b"{", b'{"key": 5}', b"\xff\xfe", b""} == {letter.envelope.body for letter in letters}
        assert once(["good"]) == await world.acted(actor, 1)
        await world.drained()

    async def test_a_domain_error_is_an_answer(self, world: World) -> None:
        actor = world.actor()
        actor.refuses = {"k0001"}
        await world.up()

        await world.emit(*(Made(key=key) for key in keys(3)))
        await world.acted(actor, 2)
        await world.drained()
        await asyncio.sleep(sum((0.02, 0.05)))

        assert once(["k0000", "k0002"]) == await actor.acted()
        assert await world.bus.dead_letters(actor.queue) == []
        assert actor.deliveries["k0001"] <= 3

    async def test_an_outage_of_the_database_costs_no_attempt(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(base, "HOLD_SECONDS", (0.01,))
        actor = world.actor()
        away = [True] * (ATTEMPTS * 3)

        def outage() -> Exception:
            away.pop()
            actor.fails = {"a": 99} if away else {}
            failure = Transient("the database of beta is away")
            failure.__cause__ = asyncpg.CannotConnectNowError("starting up")
            return failure

        actor.error = outage
        actor.fails = {"a": 99}
        await world.up()

        await world.emit(Made(key="a"), Made(key="b"))

        assert once(["a", "b"]) == await world.acted(actor, 2)
        assert away == []
        assert await world.bus.dead_letters(actor.queue) == []

    async def test_an_oversized_event_is_refused_before_the_outbox(self, world: World) -> None:
        actor = world.actor()
        await world.up()

        with pytest.raises(TooLarge):
            await world.emit(Made(key="small"), Made(key="large", padding="x" * MAX_BODY))
        await world.emit(Made(key="fits", padding="y" * (MAX_BODY - 100)))

        assert once(["fits"]) == await world.acted(actor, 1)
        await world.drained()


class DeadLetters:
    """What `estore dlq` does."""

    async def killed(self, world: World, count: int = 3):
        actor = world.actor()
        actor.fails = dict.fromkeys(keys(count), 99)
        await world.up()
        sent = await world.emit(*(Made(key=key, value=9) for key in keys(count)))
        letters = await world.dead(count=count)
        assert {e.id for e in sent} == {letter.envelope.id for letter in letters}
        return actor, sent

    async def test_listing_leaves_them_where_they_are(self, world: World) -> None:
        await self.killed(world)

        looks = [len(await world.bus.dead_letters("beta.work", limit)) for limit in (100, 3, 2, 100) * 10]

        assert looks == [3, 3, 2, 3] * 10

    async def test_one_is_found_by_its_id_however_many_are_before_it(self, world: World) -> None:
        _, sent = await self.killed(world)

        for one in sent:
            [letter] = await world.bus.dead_letters("beta.work", 1, [one.id])
            assert letter.envelope.id == one.id
        assert await world.bus.dead_letters("beta.work", 1, [uuid4()]) == []
        assert len(await world.bus.dead_letters("beta.work")) == 3

    async def test_requeued_they_are_delivered_again_from_attempt_one(self, world: World) -> None:
        actor, _ = await self.killed(world)
        actor.fails = dict.fromkeys(keys(3), ATTEMPTS - 1)

        assert await world.bus.requeue("beta.work") == 3

        assert once(keys(3)) == await world.acted(actor, 3)
        assert await world.bus.dead_letters("beta.work") == []

    async def test_requeued_while_still_poisoned_they_die_again(self, world: World) -> None:
        actor, sent = await self.killed(world, 1)
        actor.deliveries.clear()

        assert await world.bus.requeue("beta.work", [sent[0].id]) == 1
        [letter] = await world.dead()

        assert letter.envelope.attempt == ATTEMPTS
        assert actor.deliveries["k0000"] >= ATTEMPTS

    async def test_one_of_them_is_requeued_and_one_dropped_by_id(self, world: World) -> None:
        actor, sent = await self.killed(world)
        actor.fails = {}

        assert await world.bus.requeue("beta.work", [sent[1].id]) == 1
        assert await world.bus.drop("beta.work", [sent[0].id]) == 1
        assert await world.bus.drop("beta.work", [sent[0].id]) == 0

        assert once(["k0001"]) == await world.acted(actor, 1)
        [left] = await world.bus.dead_letters("beta.work")
        assert sent[2].id == left.envelope.id

    async def test_dropped_they_are_gone(self, world: World) -> None:
        actor, _ = await self.killed(world)

        assert await world.bus.drop("beta.work") == 3

        assert await world.bus.dead_letters("beta.work") == []
        assert once([]) == await actor.acted()


class Outbox:
    """Between the commit and the bus."""

    async def test_a_transaction_that_commits_late_is_not_skipped(self, world: World) -> None:
        actor = world.actor()
        await world.up()
        world.alpha.on_committed = None
        async with world.alpha.transaction() as late:
            late.emit(Made(key="late"), cause())
            await insert_outbox(late, late.outgoing)
            late.outgoing.clear()
            await late.execute("UPDATE outbox SET claimed_until = NULL")
            await world.emit(Made(key="early"))
            await expire_claims(world)
            assert once(["early"]) == await world.acted(actor, 1)
            await world.drained()

        assert once(["early", "late"]) == await world.acted(actor, 2)

    async def test_what_a_dead_process_had_committed_is_found_by_the_poll(self, world: World) -> None:
        actor = world.actor()
        await world.up()
        world.alpha.on_committed = None
        await world.emit(*(Made(key=key) for key in keys(5)))
        await asyncio.sleep(0.2)
        assert once([]) == await actor.acted()

        await expire_claims(world)

        assert once(keys(5)) == await world.acted(actor, 5)
        await world.drained()

    async def test_a_process_that_is_alone_does_not_wait_for_old_claims(self, world: World) -> None:
        actor = world.actor()
        await world.emit(Made(key="a"))
        await hold_claims(world)

        await world.up(alone=True)

        assert once(["a"]) == await world.acted(actor, 1)

    async def test_a_rolled_back_transaction_publishes_nothing(self, world: World) -> None:
        actor = world.actor()
        await world.up()

        with pytest.raises(RuntimeError, match="changed my mind"):
            async with world.alpha.transaction() as tx:
                tx.emit(Made(key="ghost"), cause())
                raise RuntimeError("changed my mind")
        await world.emit(Made(key="real"))

        assert once(["real"]) == await world.acted(actor, 1)

    async def test_a_relay_keeps_no_more_in_memory_than_it_may(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(relay, "MAX_IN_FLIGHT", 40)
        # The claims with which they are inserted outlast the test.
        monkeypatch.setattr(transaction, "_OUTBOX_INSERT", transaction._OUTBOX_INSERT.replace("15 seconds", "1 hour"))
        actor = world.actor(batch=10)
        actor.slow = 0.002
        await world.up(claim=3600.0)
        most = 0

        for start in range(0, 300, 10):
            await world.emit(*(Made(key=key) for key in keys(300)[start : start + 10]))
            most = max(most, len(world.relays[0]._held))

        assert once(keys(300)) == await world.acted(actor, 300)
        # What was offered, with the last batch, and what a sweep had begun to claim before it.
        assert most <= 40 + 10 + 40
        await world.drained()

    async def test_a_mark_that_fails_is_made_again_at_once(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        actor = world.actor()
        await world.up()
        real, failures = Tx.execute, [Transient("the database is away"), Transient("the database is away")]

        async def failing(self: Tx, sql: str, *args: object) -> str:
            if failures and sql == relay._MARK:
                raise failures.pop()
            return await real(self, sql, *args)

        monkeypatch.setattr(Tx, "execute", failing)
        await world.emit(Made(key="a"), Made(key="b"))
        # Not when its claim has ended.
        await hold_claims(world)

        assert once(["a", "b"]) == await world.acted(actor, 2)
        await world.drained()
        assert failures == []

    async def test_while_more_is_on_its_way_marks_are_made_together_and_a_stop_makes_them(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(relay, "MARK_SECONDS_BUSY", 600.0)
        world.actor()
        await world.up()
        on_its_way = envelope(Made(key="never confirmed")).id
        world.relays[0]._held[on_its_way] = monotonic()
        for key in keys(5):
            await world.emit(Made(key=key))
        await world.until(lambda: len(world.relays[0]._confirmed) == 5)
        together = await world.unpublished()

        await world.down(drain=0.2)

        assert (together, await world.unpublished()) == (5, 0)

    async def test_a_relay_survives_what_nobody_foresaw(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        actor = world.actor()
        await world.up()
        real, failures = relay.Relay._write, [RuntimeError("unforeseen"), KeyError("unforeseen")]

        async def failing(self: relay.Relay) -> None:
            if failures and self._confirmed:
                raise failures.pop()
            await real(self)

        monkeypatch.setattr(relay.Relay, "_write", failing)
        monkeypatch.setattr("estore.kit.bus.tasks.RESTART_SECONDS", 0.01)
        await world.emit(Made(key="a"))

        assert once(["a"]) == await world.acted(actor, 1)
        await world.drained()
        assert failures == []


class Pacing:
    """A queue that gathers: what comes between the beginnings of two batches travels together."""

    async def test_what_is_gathered_is_one_batch_and_a_full_one_waits_no_longer(self, world: World) -> None:
        actor = world.actor(pace=600.0, batch=10)
        await self.begun(world, actor)

        for key in keys(10):
            await world.emit(Made(key=key))

        assert once(["first", *keys(10)]) == await world.acted(actor, 11)
        assert actor.batches == [1, 10]

    async def test_a_batch_that_is_not_full_waits_for_the_pace(self, world: World) -> None:
        actor = world.actor(pace=2.0)
        await self.begun(world, actor)

        await world.emit(Made(key="next"))

        assert once(["first", "next"]) == await world.acted(actor, 2)
        # The pace is counted from when the first batch began, which was after its message was emitted. Less by what
        # the clock that tells the time may have been set back meanwhile.
        assert (actor.seen[-1].now - actor.seen[0].envelope.time).total_seconds() > 1.5

    async def test_a_stop_waits_for_no_pace_and_loses_nothing_of_what_was_gathered(self, world: World) -> None:
        actor, other = world.actor(pace=600.0), world.actor("gamma.audit")
        await self.begun(world, actor)
        await world.emit(*(Made(key=key) for key in keys(5)))
        await world.acted(other, 6)

        async with asyncio.timeout(120):
            await world.down()
        assert once(["first"]) == await actor.acted()
        actor.subscription = replaced(actor.subscription, pace=0.0)  # They may come one by one.
        await world.up(alone=True)

        assert once(["first", *keys(5)]) == await world.acted(actor, 6)
        assert once(["first", *keys(5)]) == await other.acted()
        await world.drained()

    async def test_a_kill_while_it_gathers_loses_nothing_and_repeats_nothing(self, world: World) -> None:
        actor, other = world.actor(pace=600.0), world.actor("gamma.audit")
        await self.begun(world, actor)
        await world.emit(*(Made(key=key) for key in keys(5)))
        await world.acted(other, 6)

        await world.die()
        assert once(["first"]) == await actor.acted()
        actor.subscription = replaced(actor.subscription, pace=0.0)  # They may come one by one.
        await world.up(alone=True)

        assert once(["first", *keys(5)]) == await world.acted(actor, 6)
        assert once(["first", *keys(5)]) == await other.acted()

    @staticmethod
    async def begun(world: World, actor: Actor) -> None:
        """Have a first message handled, which waits for nothing."""
        await world.up()
        await world.emit(Made(key="first"))
        assert once(["first"]) == await world.acted(actor, 1)


class Endings:
    """Stops, cuts and restarts."""

    async def test_a_stop_with_work_in_flight_loses_nothing_and_repeats_nothing(self, world: World) -> None:
        actor, end = world.actor(batch=7), world.actor("gamma.end", [Echoed], batch=5)
        actor.echoes = True
        actor.slow = 0.01
        for round_ in range(3):
            await world.up(alone=True)
            await world.emit(*(Made(key=key) for key in keys(100, f"r{round_}-")))
            await world.until(lambda done=round_: actor.batches[3 * done :])
            await world.down()

        actor.slow = 0
        await world.up(alone=True)
        expected = once([key for round_ in range(3) for key in keys(100, f"r{round_}-")])

        assert expected == await world.acted(actor, 300)
        assert expected == await world.acted(end, 300)
        await world.drained()

    async def test_a_stop_finishes_the_batch_in_hand(self, world: World) -> None:
        actor = world.actor()
        actor.slow = 0.3
        await world.up()
        await world.emit(Made(key="a"))
        await world.until(lambda: actor.deliveries["a"])

        await world.down()

        assert once(["a"]) == await actor.acted()
        assert await world.unpublished() == 0
        assert not world.bus.ready

    async def test_a_retry_survives_a_restart(self, world: World) -> None:
        actor = world.actor()
        actor.fails = {"a": 2}
        await world.up()
        await world.emit(Made(key="a"))
        await world.until(lambda: actor.deliveries["a"] >= 1)
        await world.down()

        await world.up(alone=True)

        assert once(["a"]) == await world.acted(actor, 1)

    async def test_cut_database_connections_lose_nothing(self, world: World) -> None:
        actor, end = world.actor(batch=20), world.actor("gamma.end", [Echoed])
        actor.echoes = True
        await world.up()
        names: list[str] = []

        for round_ in range(4):
            for start in range(5):
                names += (fresh := keys(20, f"r{round_}-{start}-"))
                await world.until(partial(self.emitted, world, fresh))
            await self.cut_database(world)
        await expire_claims(world)

        assert once(names) == await world.acted(actor, len(names))
        assert once(names) == await world.acted(end, len(names))
        assert await world.bus.dead_letters(actor.queue) == []
        assert await world.bus.dead_letters(end.queue) == []

    @staticmethod
    async def cut_database(world: World) -> None:
        """Terminate every connection of the services to their database."""
        conn = await asyncpg.connect(world.dsn)
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await conn.close()

    @staticmethod
    async def emitted(world: World, names: list[str]) -> bool:
        try:
            await world.emit(*(Made(key=key) for key in names))
        except (Transient, asyncpg.InternalClientError):
            return False
        return True


class BusSuite(Delivery, Repetition, Failures, DeadLetters, Outbox, Pacing, Endings):
    """All of it. A driver's class has the fixture `make_bus`."""


async def expire_claims(world: World) -> None:
    """Let time pass for the claims on alpha's outbox."""

    async def expired() -> bool:
        try:
            async with world.alpha.read() as tx:
                await tx.execute("UPDATE outbox SET claimed_until = now() - interval '1 s' WHERE published_at IS NULL")
        except (Transient, asyncpg.InternalClientError):
            return False
        return True

    await world.until(expired)


async def hold_claims(world: World) -> None:
    """Let the claims on alpha's outbox outlast the test."""
    async with world.alpha.read() as tx:
        await tx.execute("UPDATE outbox SET claimed_until = now() + interval '1 h' WHERE published_at IS NULL")


def replaced(sent, **changes):
    return msgspec.structs.replace(sent, **changes)
