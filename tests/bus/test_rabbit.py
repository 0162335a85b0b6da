"""RabbitMQ keeps every promise of the suite, and those that only a broker can break."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit, urlunsplit

import aiormq
import pytest
from pamqp.commands import Basic
from structlog.testing import capture_logs

from bus.suite import BusSuite, expire_claims
from bus.world import LADDER, SERVICES, Echoed, Made, MakeBus, Moved, Whispered, World, envelope, keys, once
from estore.kit.bus import consumer, publisher
from estore.kit.bus.amqp import FastChannel
from estore.kit.bus.base import UNROUTABLE, Subscription, heard_by
from estore.kit.bus.rabbitmq import RabbitBus
from estore.kit.bus.topology import dead_queue, declare, events_exchange
from estore.kit.db import Database
from estore.kit.errors import Transient
from support.brokers import Rabbit
from support.ports import reserved_port


@asynccontextmanager
async def forwarding(port: int, target: int) -> AsyncIterator[None]:
    """A broker that appears at `port`."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    yield
    server.close()


class RabbitWorld:
    """How a test class makes its bus: on a virtual host of its own."""

    url = ""
    heard: frozenset[str] = frozenset()

    @pytest.fixture
    async def make_bus(self, rabbit: Rabbit, bus_vhost: str) -> AsyncIterator[MakeBus]:
        self.url = bus_vhost
        self.queues = {"spy", "gamma.late", "beta.work", "beta.work.dead"}
        yield self.make
        await rabbit.start()
        async with aiormq.connect(self.url) as connection:
            channel = await connection.channel()
            for queue in self.queues:
                await channel.queue_delete(queue)

    def make(self, subscriptions: Sequence[Subscription], _databases: Mapping[str, Database]) -> RabbitBus:
        self.queues |= {name for s in subscriptions for name in (s.queue, dead_queue(s.queue))}
        return RabbitBus(
            self.url, subscriptions, heard=self.heard | heard_by(subscriptions), publishes=SERVICES, ladder=LADDER
        )


class TestRabbitBus(RabbitWorld, BusSuite):
    repeats = False


class TestBroker(RabbitWorld):
    """What a broker does to a bus."""

    async def stream(self, world: World, rounds: int, disturb, at: int) -> list[str]:
        """Emit in rounds, with a disturbance in one of them; return all keys."""
        names: list[str] = []
        for round_ in range(rounds):
            names += (fresh := keys(20, f"r{round_}-"))
            await world.emit(*(Made(key=key) for key in fresh))
            if round_ == at:
                await disturb()
            await asyncio.sleep(0.02)
        return names

    async def test_killed_and_restarted_it_loses_nothing_and_repeats_nothing(
        self, world: World, rabbit: Rabbit
    ) -> None:
        actor, end = world.actor(batch=10), world.actor("gamma.end", [Echoed])
        actor.echoes, actor.slow = True, 0.01
        await world.up()

        names = await self.stream(world, 20, rabbit.kill9, at=7)
        await world.until(lambda: not world.bus.ready)
        assert await world.unpublished() > 0
        await rabbit.start()

        assert once(names) == await world.acted(actor, len(names))
        assert once(names) == await world.acted(end, len(names))
        await world.drained()
        await world.until(lambda: world.bus.ready)
        assert await world.bus.dead_letters(actor.queue) == []

    async def test_cut_connections_lose_nothing(self, world: World, rabbit: Rabbit) -> None:
        actor = world.actor(batch=10)
        actor.slow = 0.005
        actor.fails = {"r3-0007": 2}
        await world.up()

        names = await self.stream(world, 12, partial(rabbit.ctl, "close_all_connections", "test"), at=4)

        assert once(names) == await world.acted(actor, len(names))
        await world.drained()
        await world.until(lambda: world.bus.ready)
        # What was cut off between its retry and its ack is retried twice: the second copy may still wait there.
        self.queues |= {f"beta.retry.{round(delay * 1000)}" for delay in LADDER}

    async def test_a_deleted_queue_is_made_again_and_consumed(self, world: World) -> None:
        actor = world.actor()
        await world.up()
        await world.emit(Made(key="before"))
        await world.acted(actor, 1)

        async with aiormq.connect(self.url) as connection:
            channel = await connection.channel()
            await channel.queue_delete(actor.queue)
        await world.until(lambda: not world.bus.ready)
        await world.until(lambda: world.bus.ready)
        await world.emit(Made(key="after"))

        assert once(["before", "after"]) == await world.acted(actor, 2)

    async def test_a_consumer_lost_without_a_word_is_noticed(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(consumer, "WATCH_SECONDS", 0.2)
        actor = world.actor()
        await world.up()

        await world.bus._consumers[0]._channel.basic_cancel(actor.queue)
        await world.emit(Made(key="a"))

        assert once(["a"]) == await world.acted(actor, 1)

    async def test_a_channel_closed_by_an_error_is_opened_again(self, world: World) -> None:
        actor = world.actor()
        await world.up()

        for channel in (world.bus._consumers[0]._channel, world.bus._publisher._channel):
            with pytest.raises(aiormq.exceptions.ChannelNotFoundEntity):
                await channel.queue_declare("no.such.queue", passive=True)
        await world.emit(Made(key="a"))

        assert once(["a"]) == await world.acted(actor, 1)
        await world.drained()

    async def test_a_message_that_is_not_ours_is_a_dead_letter(self, world: World) -> None:
        actor = world.actor()
        await world.up()

        async with aiormq.connect(self.url) as connection:
            channel = await connection.channel()
            for headers in ({}, {"cloudEvents:id": "not an id"}):
                properties = Basic.Properties(headers=headers)
                await channel.basic_publish(
                    b"hello", exchange="alpha.events", routing_key=Made.event_name, properties=properties
                )
        letters = await world.dead(count=2)

        assert [letter.envelope.body for letter in letters] == [b"hello", b"hello"]
        assert all("foreign:thing.made.v1" in letter.error for letter in letters)
        await world.emit(Made(key="a"))
        assert once(["a"]) == await world.acted(actor, 1)

    async def test_an_event_type_that_is_no_longer_handled_is_a_dead_letter(self, world: World) -> None:
        actor = world.actor()
        await world.up()
        async with aiormq.connect(self.url) as connection:
            channel = await connection.channel()
            await channel.queue_bind(actor.queue, "alpha.events", Moved.event_name)

        await world.emit(Moved(key="a"))

        [letter] = await world.dead()
        assert "does not handle" in letter.error

    async def test_on_the_wire_it_is_a_cloud_event(self, world: World) -> None:
        world.actor()
        await world.up()
        async with aiormq.connect(self.url) as connection:
            channel = await connection.channel()
            await channel.queue_declare("spy", durable=True)
            await channel.queue_bind("spy", "alpha.events", "#")
            [sent] = await world.emit(Made(key="a", version=4))
            await world.drained()
            message = await channel.basic_get("spy")

        properties = message.header.properties
        assert (2, "application/json", str(sent.id)) == (
            properties.delivery_mode,
            properties.content_type,
            properties.message_id,
        )
        assert {
            "cloudEvents:specversion": "1.0",
            "cloudEvents:id": str(sent.id),
            "cloudEvents:source": "alpha",
            "cloudEvents:type": "thing.made.v1",
            "cloudEvents:time": sent.time.isoformat(),
            "cloudEvents:subject": "a",
            "cloudEvents:dataschema": "urn:estore:thing.made.v1",
            "cloudEvents:correlationid": sent.correlation_id,
            "cloudEvents:causationid": sent.causation_id,
            "cloudEvents:traceparent": sent.traceparent,
            "cloudEvents:aggregateversion": 4,
            "estore-attempt": 1,
        } == properties.headers


class TestUnroutable(RabbitWorld):
    """RabbitMQ confirms what it drops; the outbox must not believe it."""

    heard = frozenset({Whispered.event_name})

    async def test_an_event_that_somebody_should_hear_stays_in_the_outbox_until_they_do(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publisher, "UNROUTABLE_SECONDS", 0.2)
        actor = world.actor()
        await world.up()
        before = UNROUTABLE.labels(Whispered.event_name)._value.get()

        await world.emit(Whispered(key="a"), Made(key="b"), Whispered(key="c"))
        await world.until(lambda: UNROUTABLE.labels(Whispered.event_name)._value.get() >= before + 4)
        assert once(["b"]) == await world.acted(actor, 1)
        await world.until(partial(self.unpublished_at_most, world, 2))
        assert await world.unpublished() == 2
        late = world.actor("gamma.late", [Whispered])
        await declare(self.url, [late.subscription], LADDER)

        await world.drained()
        async with aiormq.connect(self.url) as connection:
            channel = await connection.channel()
            assert (await channel.queue_declare("gamma.late", passive=True)).message_count == 2

    @staticmethod
    async def unpublished_at_most(world: World, count: int) -> bool:
        return await world.unpublished() <= count

    async def test_a_stop_does_not_wait_for_a_listener(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(publisher, "UNROUTABLE_SECONDS", 600.0)
        world.actor()
        await world.up()
        await world.emit(Whispered(key="a"))
        await asyncio.sleep(0.1)

        async with asyncio.timeout(60):
            await world.down(drain=0.5)

        assert await world.unpublished() == 1


class TestConnecting(RabbitWorld):
    """A broker that cannot be used is named, and stops nothing but delivery."""

    async def test_a_service_starts_without_its_broker(self, world: World) -> None:
        actor = world.actor()
        parts, port = urlsplit(self.url), reserved_port()
        netloc = f"{parts.username}:{parts.password}@127.0.0.1:{port}"
        self.url, real = urlunsplit(parts._replace(netloc=netloc)), self.url

        starting = asyncio.create_task(world.up())
        await world.emit(Made(key="a"))
        await asyncio.sleep(0.3)
        assert (world.bus.ready, world.bus.accepts) == (False, False)
        assert await world.publish(envelope(Made(key="refused"))) == {"refused": 1}
        async with forwarding(port, parts.port):
            await starting
            await expire_claims(world)

            assert once(["a"]) == await world.acted(actor, 1)
            await world.down()
        self.url = real

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"password": "wrong"}, "refuses the user name 'estore' or its password"),
            ({"path": "/nowhere"}, "refuses the virtual host 'nowhere'"),
            ({"port": 1}, "nothing listens there"),
            ({"host": "broker.invalid"}, "the host name is not known"),
        ],
    )
    async def test_the_log_says_what_is_wrong(
        self, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch, change: dict, said: str
    ) -> None:
        # How long a name server takes to say that it knows no such name is its own affair.
        real = socket.getaddrinfo

        def resolve(host: str, *args: object, **options: object) -> object:
            if host == "broker.invalid":
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return real(host, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        parts = urlsplit(rabbit.url)
        host, port = change.get("host", parts.hostname), change.get("port", parts.port)
        password = change.get("password", parts.password)
        netloc = f"{parts.username}:{password}@{host}:{port}"
        url = urlunsplit(parts._replace(netloc=netloc, path=change.get("path", parts.path)))
        bus = RabbitBus(url)

        with capture_logs() as logs:
            await bus.start()
            async with asyncio.timeout(60):
                while not (reasons := [line["reason"] for line in logs if "reason" in line]):
                    await asyncio.sleep(0.02)
        await bus.stop()

        assert said in reasons[0]
        assert not re.search(re.escape(str(password)), str(logs))
        with pytest.raises(Transient, match=re.escape(said)):
            await bus.dead_letters("beta.work")

    async def test_a_queue_with_other_properties_is_named(self, world: World) -> None:
        actor, other = world.actor(), world.actor("gamma.other")
        async with aiormq.connect(self.url) as connection:
            channel = await connection.channel()
            await channel.queue_declare(actor.queue, durable=True)
        bus = self.make([actor.subscription, other.subscription], world.databases)
        world.bus, world.running = bus, True

        with capture_logs() as logs:
            await bus.start()
            await world.until(lambda: bus.accepts and bus._consumers[1].alive)
            await world.until(lambda: any("beta.work" in line.get("reason", "") for line in logs))

        assert not bus.ready
        assert await world.publish(envelope(Made(key="a"))) == {"confirmed": 1}
        assert once(["a"]) == await world.acted(other, 1)

    async def test_a_user_may_be_limited_to_what_is_its_own(self, world: World, rabbit: Rabbit) -> None:
        parts = urlsplit(self.url)
        vhost = parts.path[1:]
        urls, may = {}, {}
        for service in ("alpha", "beta"):
            name = f"{service}-{vhost}"
            own, reach = rf"^{service}\.", rf"^{service}\.|\.events$"
            may[name] = (own, own, reach)
            urls[service] = urlunsplit(parts._replace(netloc=f"{name}:pw@{parts.hostname}:{parts.port}"))
        await rabbit.add_users(vhost, may)
        actor = world.actor()
        actor.fails = {"retried": 1, "dead": 99}
        hearer = RabbitBus(urls["beta"], [actor.subscription], ladder=LADDER)
        teller = RabbitBus(urls["alpha"], publishes=["alpha"])
        for bus in (teller, hearer):
            await bus.start()
            await world.until(lambda bus=bus: bus.ready)
        world.bus = teller

        sent = [envelope(Made(key=key)) for key in ("fine", "retried", "dead")]
        assert await world.publish(*sent) == {"confirmed": 3}

        assert once(["fine", "retried"]) == await world.acted(actor, 2)
        world.bus = hearer
        [letter] = await world.dead()
        assert sent[2].id == letter.envelope.id
        assert await world.publish(envelope(Made(key="forged"))) == {"refused": 1}
        await asyncio.gather(teller.stop(), hearer.stop())
        assert once(["fine", "retried"]) == await actor.acted()


class TestDeadLetterTool(RabbitWorld):
    """The tool may be interrupted anywhere."""

    async def killed(self, world: World):
        actor = world.actor()
        actor.fails = dict.fromkeys(keys(3), 99)
        await world.up()
        await world.emit(*(Made(key=key) for key in keys(3)))
        await world.dead(count=3)
        actor.fails = {}
        return actor

    async def test_a_requeue_that_dies_before_its_ack_loses_nothing(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        actor = await self.killed(world)
        real = aiormq.channel.Channel.basic_ack

        async def dies(self, *args, **kwargs):
            if isinstance(self, FastChannel):  # The bus lives on.
                await real(self, *args, **kwargs)
                return
            raise ConnectionAbortedError("the tool died")

        dead = world.bus._dead
        monkeypatch.setattr(aiormq.channel.Channel, "basic_ack", dies)
        with pytest.raises(Transient):
            await dead.requeue(actor.queue)
        monkeypatch.setattr(aiormq.channel.Channel, "basic_ack", real)
        await world.until(partial(self.letters, world, actor.queue, 3))
        assert await dead.requeue(actor.queue) == 3

        assert once(keys(3)) == await world.acted(actor, 3)
        assert await dead.list(actor.queue) == []

    async def test_a_drop_that_dies_half_way_leaves_the_rest(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        actor = await self.killed(world)
        real, acked = aiormq.channel.Channel.basic_ack, []

        async def dies(self, tag, *args, **kwargs):
            if not isinstance(self, FastChannel):  # The bus may have yet to ack what died.
                if acked:
                    raise ConnectionAbortedError("the tool died")
                acked.append(tag)
            await real(self, tag, *args, **kwargs)

        monkeypatch.setattr(aiormq.channel.Channel, "basic_ack", dies)
        with pytest.raises(Transient):
            await world.bus.drop(actor.queue)
        monkeypatch.setattr(aiormq.channel.Channel, "basic_ack", real)

        await world.until(partial(self.letters, world, actor.queue, 2))

    async def letters(self, world: World, queue: str, count: int) -> bool:
        return count == len(await world.bus.dead_letters(queue))


async def test_an_exchange_has_the_publishers_name() -> None:
    assert events_exchange("orders") == "orders.events"
