"""What is done to a store that runs: replicas are exchanged, the broker goes away, the database restarts or hangs.

Real processes, two of each service, on a PostgreSQL and a RabbitMQ of their own.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import httpx
import msgspec
import pytest

from estore.cli.compose import SERVICES, prepare
from estore.cli.dlq import letters
from estore.kit.clock import monotonic
from estore.kit.db import Migration, migrate, migrations_of
from estore.kit.embedded import EmbeddedPostgres
from support.brokers import Rabbit
from support.fleet import ROOT, Fleet, Probes, fresh_store
from support.market import HASTY, Bought, Market, key, until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
REST = [name for name in SERVICES if name != "orders"]
LINGER = 4.0
SETTLES = 180.0
# Where nobody listens that is known at once. Where nobody answers a request is worked on for as long as its policy
# says, ten seconds at most, and then what hangs is given up.
REFUSED, HANGS = 5.0, 13.0


@pytest.fixture(scope="module")
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A server of our own, to be stopped and frozen."""
    folder = Path(tempfile.mkdtemp(prefix="estore-operations-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data", durable=False, settings={"max_connections": "200"})
    await server.start()
    yield server
    server.kill9()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
async def fleet(
    postgres: EmbeddedPostgres, rabbit_server: Rabbit, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    await rabbit_server.start()
    environment = HASTY | {"ESTORE_LINGER": str(LINGER)}
    settings = await fresh_store(postgres.dsn, "operations", await rabbit_server.fresh_vhost(), **environment)
    fleet = Fleet(settings, [["orders"], REST, ["orders"], REST], tmp_path_factory.mktemp("fleet"))
    fleet.probes = Probes(fleet.processes)
    watching = asyncio.create_task(fleet.probes.watch())
    try:
        await fleet.open()
        await everybody_ready(fleet)
        yield fleet
    finally:
        watching.cancel()
        await fleet.close()


@pytest.fixture(scope="module")
async def market(fleet: Fleet) -> Market:
    return await Market(fleet).open()


async def everybody_ready(fleet: Fleet) -> None:
    probes = fleet.probes
    assert probes is not None

    async def ready() -> bool:
        return len(probes.ready) == len(fleet.processes)

    await until("every process is ready", ready, SETTLES)


async def all_well(market: Market, accepted: list[Bought]) -> None:
    """Each order is confirmed, once; no message is dead; doctor finds nothing."""
    assert len({order.id for order in accepted}) == len(accepted)
    await asyncio.gather(*(order.settled("confirmed", SETTLES) for order in accepted))
    await market.proved(SETTLES)
    assert await letters(market.store.settings, None, 10) == []


class Steady:
    """Buyers who ask once: what is not accepted at once is a failure.

    They look around between two orders. A look meets a process that goes as an order does, for a tenth of the work.
    """

    def __init__(self, market: Market, sku: str) -> None:
        self.market = market
        self.sku = sku
        self.accepted: list[Bought] = []
        self.failed: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def buy(self) -> None:
        market, line = self.market, (self.sku, 1)
        while True:
            if answer := await self.answered(market.place(line, wait=random.choice((0, 2))), 201, 202):
                body = answer.json()
                reader = market.store.client(order_secret=body["secret"])
                self.accepted.append(Bought(market, reader, body["id"], body))
            for _ in range(3):
                await self.answered(market.guest.get(f"/v1/products/{self.sku}"), 200)
                await self.answered(market.quote(line), 200)
                await asyncio.sleep(random.uniform(0.05, 0.2))

    async def answered(self, request: Awaitable[httpx.Response], *wanted: int) -> httpx.Response | None:
        try:
            answer = await request
        except httpx.TransportError as error:
            self.failed.append(repr(error))
            return None
        if answer.status_code in wanted:
            return answer
        self.failed.append(answer.text)
        return None

    async def has(self, accepted: int) -> bool:
        """Whether so many orders were accepted."""
        assert not any(task.done() for task in self.tasks), self.tasks
        return len(self.accepted) >= accepted


@asynccontextmanager
async def steady_purchases(market: Market, buyers: int = 3) -> AsyncIterator[Steady]:
    steady = Steady(market, await market.product(stock=10_000))
    steady.tasks = [asyncio.create_task(steady.buy()) for _ in range(buyers)]
    try:
        yield steady
    finally:
        for task in steady.tasks:
            task.cancel()
        ended = await asyncio.gather(*steady.tasks, return_exceptions=True)
    assert [error for error in ended if not isinstance(error, asyncio.CancelledError)] == []


async def exchange_all(fleet: Fleet) -> None:
    """Restart one process after the other, as a rolling update does."""
    for process in fleet.processes:
        assert await process.stop(seconds=60) == 0, "it ends by itself, and in order"
        process.start()
        await process.ready()
        await everybody_ready(fleet)


async def test_every_replica_is_exchanged_and_no_request_fails(fleet: Fleet, market: Market) -> None:
    async with steady_purchases(market) as steady:
        await exchange_all(fleet)
        await until("orders are accepted", lambda: steady.has(20), SETTLES)
    print(f"\n{len(steady.accepted)} orders while four processes were exchanged")

    assert steady.failed == []
    await all_well(market, steady.accepted)


async def test_orders_are_accepted_while_the_broker_is_stopped(fleet: Fleet, market: Market, rabbit: Rabbit) -> None:
    sku = await market.product(stock=100)
    await rabbit.stop()
    accepted: list[Bought] = []
    began = monotonic()
    while monotonic() < began + 10 or len(accepted) < 10:
        answer = await market.place((sku, 1))
        assert answer.status_code == 202, answer.text
        body = answer.json()
        accepted.append(Bought(market, market.store.client(order_secret=body["secret"]), body["id"], body))
        await asyncio.sleep(0.5)
    assert fleet.probes is not None
    assert len(fleet.probes.ready) == len(fleet.processes), "nobody is turned away for the broker's sake"
    assert {(await order.show())["status"] for order in accepted} == {"placed"}
    await rabbit.start()

    await all_well(market, accepted)


def requests_to(market: Market, sku: str, order: Bought) -> list[httpx.Request]:
    """One at least for each service, reads and writes."""
    build = market.operator.build_request
    place = {
        "lines": [{"sku": sku, "quantity": 1}],
        "email": "ada@example.com",
        "shipping_address": {"name": "A", "line1": "B 1", "postal_code": "04109", "city": "Leipzig", "country": "DE"},
        "shipping_method": "standard",
        "payment_method": "pm_ok",
    }
    login = {"email": "ada@example.com", "password": "correct horse battery staple"}
    vendor = {"name": f"Nord {random.randrange(10**9)}", "country": "DE"}
    return [
        build("POST", "/v1/sessions", json=login),
        build("POST", "/v1/vendors", json=vendor, headers=key()),
        build("GET", f"/v1/products/{sku}"),
        build("POST", "/v1/carts", headers=key()),
        build("POST", "/v1/orders", json=place, headers=key()),
        build("GET", f"/v1/orders/{order.id}"),
        build("GET", "/v1/stock"),
        build("GET", "/v1/payments", params={"order_id": order.id}),
        build("GET", "/v1/ledger/entries"),
        build("GET", "/v1/reviews", params={"product": sku}),
        build("GET", "/v1/reviews/queue"),
        build("GET", "/v1/orders", headers={"authorization": f"Bearer esk_{'0' * 26}_{'a' * 43}"}),
    ]


async def turned_away(market: Market, sku: str, order: Bought, within: float) -> None:
    """Every request is told, soon, that it may be tried again.

    A busy machine keeps every answer back: what needs no database is asked all the while.
    """
    slowest = 0.0

    async def keep_asking(path: str) -> None:
        nonlocal slowest
        while True:
            began = monotonic()
            await market.operator.get(path)
            slowest = max(slowest, monotonic() - began)
            await asyncio.sleep(0.05)

    async def told(request: httpx.Request) -> str:
        began = monotonic()
        answer = await market.operator.send(request)
        seconds = monotonic() - began
        retry = int(answer.headers.get("retry-after", 0)) > 0
        well = answer.status_code == 503 and retry and seconds < within + 5 * slowest
        return "" if well else f"{request.method} {request.url.path}: {answer.status_code} in {seconds:.1f} s"

    nothing = [f"/v1/{each}/no/such/path" for each in ("orders", "products")]
    asking = [asyncio.create_task(keep_asking(path)) for path in nothing]
    try:
        answers = await asyncio.gather(*map(told, requests_to(market, sku, order)))
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    assert [answer for answer in answers if answer] == []


async def served_again(fleet: Fleet, market: Market, sku: str, pids: list[int | None]) -> None:
    await everybody_ready(fleet)
    assert [process.pid for process in fleet.processes] == pids, "nothing was restarted"
    await all_well(market, [await market.order((sku, 1)) for _ in range(5)])


@pytest.fixture
async def ignoring_probes(fleet: Fleet, market: Market) -> AsyncIterator[Market]:
    """The market through a gateway that sends requests to processes that are not ready, too."""
    probes, fleet.probes = fleet.probes, None
    guest, operator = market.guest, market.operator
    market.guest, market.operator = fleet.client(), fleet.client(fleet.token("acc_operator", operator=True))
    fleet.probes = probes
    yield market
    market.guest, market.operator = guest, operator
    await everybody_ready(fleet)


async def test_a_stopped_postgresql_is_told_at_once_and_a_started_one_is_found(
    fleet: Fleet, ignoring_probes: Market, postgres: EmbeddedPostgres
) -> None:
    market = ignoring_probes
    sku = await market.product(stock=100)
    order = await market.bought((sku, 1))
    pids = [process.pid for process in fleet.processes]
    await postgres.stop()
    await turned_away(market, sku, order, REFUSED)
    await asyncio.sleep(3)
    await turned_away(market, sku, order, REFUSED)
    await postgres.start()

    await served_again(fleet, market, sku, pids)


@asynccontextmanager
async def frozen(postgres: EmbeddedPostgres) -> AsyncIterator[None]:
    """The server neither answers nor hangs up, as behind a lost network or on a disk that hangs."""
    pid = postgres.pid
    assert pid is not None
    stopped = [pid]
    os.kill(pid, signal.SIGSTOP)
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGSTOP)
            stopped.append(int(child))
    try:
        yield
    finally:
        for each in reversed(stopped):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


async def test_a_postgresql_that_hangs_hangs_nobody(
    fleet: Fleet, ignoring_probes: Market, postgres: EmbeddedPostgres
) -> None:
    market = ignoring_probes
    sku = await market.product(stock=100)
    order = await market.bought((sku, 1))
    pids = [process.pid for process in fleet.processes]
    async with frozen(postgres):
        await turned_away(market, sku, order, HANGS)

    await served_again(fleet, market, sku, pids)


def newer_code(folder: Path) -> Path:
    """The next version of the store: orders has a column more, and a job that fills it."""
    shutil.copytree(ROOT / "src", folder, ignore=shutil.ignore_patterns("__pycache__"))
    orders = folder / "estore" / "services" / "orders"
    (orders / "migrations" / "9001_gift.sql").write_text("ALTER TABLE purchase_order ADD COLUMN gift text;\n")
    with (orders / "app.py").open("a") as app:
        app.write(NEWER)
    return folder


NEWER = """
from estore.kit.service import Job
_build = build

def build(settings, *, clock=None):
    service = _build(settings, clock=clock)

    async def wrap_gifts():
        async with service.db.transaction() as tx:
            await tx.execute("UPDATE purchase_order SET gift = 'wrapped' WHERE gift IS NULL AND status = 'confirmed'")

    service.jobs = (*service.jobs, Job("gifts", 0.3, wrap_gifts))
    return service
"""


async def test_old_and_new_code_serve_one_database(fleet: Fleet, market: Market, tmp_path: Path) -> None:
    old = fleet.processes[2]
    conn = await asyncpg.connect(fleet.settings.database_of("orders"))

    async def wraps() -> bool:
        return bool(await conn.fetchval("SELECT count(*) > 0 FROM orders.purchase_order WHERE gift = 'wrapped'"))

    async with steady_purchases(market, buyers=2) as steady:
        assert await old.stop(seconds=60) == 0
        new = old.upgraded(newer_code(tmp_path / "src"), ESTORE_START_WAIT="120")
        new.start()
        said = "waits to start"
        await until("new code waits for its migration", lambda: new.has_said(said), SETTLES, 0.2)
        assert "9001_gift" in new.said()
        gift = Migration("9001_gift", "ALTER TABLE purchase_order ADD COLUMN gift text;\n")
        await migrate(fleet.settings.database_of("orders"), "orders", [*migrations_of("orders"), gift])
        await new.ready()
        await everybody_ready(fleet)
        await until("new code does what old code does not", wraps, SETTLES, 0.2)
        enough = len(steady.accepted) + 5
        await until("orders are accepted by both", lambda: steady.has(enough), SETTLES)
        assert await fleet.processes[0].stop(seconds=60) == 0
        fleet.processes[0].start()
        await fleet.processes[0].ready()
        await everybody_ready(fleet)
        assert await new.stop(seconds=60) == 0
        old.start()
        await everybody_ready(fleet)

    assert steady.failed == []
    await all_well(market, steady.accepted)
    await conn.close()


async def test_commands_look_into_the_running_cluster(fleet: Fleet, market: Market) -> None:
    await market.bought((await market.product(stock=10), 1))
    await market.proved(SETTLES)
    code, found = await fleet.command("doctor", "--json")
    assert (code, {finding["broken"] == [] for finding in json.loads(found)}) == (0, {True})
    assert await fleet.command("dlq", "list", "--json") == (0, "[]\n")
    code, found = await fleet.command("events", "order.*", "--no-follow", "--since", "3600", "--json")
    assert code == 0
    assert "order.confirmed.v1" in {json.loads(line)["name"] for line in found.splitlines()}
    assert await fleet.command("republish", "--json") == (0, "{}\n")
    code, found = await fleet.command("dlq", "list", "no.such.queue")
    assert (code, "there is no queue 'no.such.queue'" in found) == (2, True)
    nowhere = {"ESTORE_DATABASE_URL": "postgresql://127.0.0.1:1/nowhere"}
    for command in (["doctor"], ["dlq", "list"], ["events", "--no-follow"]):
        code, found = await fleet.command(*command, **nowhere)
        assert (code, len(found.splitlines())) == (1, 1), (command, found)


async def test_the_master_secret_is_exchanged_and_nobody_is_turned_away(fleet: Fleet, market: Market) -> None:
    sku = await market.product(stock=1_000)
    once = key()
    first = (await market.place((sku, 1), headers=once)).json()
    guest = fleet.client(order_secret=first["secret"])
    person = {"email": "rotating@example.com", "password": "correct horse battery staple"}
    named = person | {"name": "Ada"}
    assert (await market.guest.post("/v1/accounts", json=named, headers=key())).status_code in (201, 202)
    session = (await market.guest.post("/v1/sessions", json=person)).json()
    new = msgspec.structs.replace(fleet.settings, secret="the next secret of fleets")
    async with steady_purchases(market, buyers=2) as steady:
        fleet.tell(ESTORE_SECRET_ACCEPTED=new.secret)
        await exchange_all(fleet)
        fleet.tell(ESTORE_SECRET=new.secret, ESTORE_SECRET_ACCEPTED=fleet.settings.secret)
        await exchange_all(fleet)
        await prepare(new, SERVICES)
        fleet.settings = new
        await asyncio.sleep(1)

    assert steady.failed == []
    repeated = await market.place((sku, 1), headers=once)
    assert repeated.json()["secret"] == first["secret"], "it is told as the first time"
    assert (await guest.get(f"/v1/orders/{first['id']}")).json()["status"] == "confirmed"
    refreshed = await market.guest.post("/v1/sessions/refresh", json={"refresh_token": session["refresh_token"]})
    assert refreshed.status_code in (200, 201), refreshed.text
    await all_well(market, steady.accepted)
