"""Measures what one operation costs each part of a store that runs one process per service.

Processor seconds, not wall time: they hardly depend on what else a shared machine does. What a process uses at rest is
taken off. Each operation is repeated, and the round that cost least in all counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from bench.capacity.gauges import Gauges, Reading, resident
from bench.capacity.load import Client, times
from estore.cli.compose import SERVICES, build, prepare
from estore.cli.seed import DEMO_LOGINS
from estore.kit.embedded.server import EmbeddedPostgres
from estore.kit.processes import free_port
from estore.kit.rabbit_node import RabbitNode, install_rabbitmq
from estore.kit.settings import Settings, load

PRODUCTS = 10_000
REST_SECONDS = 10.0
ROUNDS = 2
SHOP = "tonwerk"
ADDRESS = {"name": "Ada Byron", "line1": "Torstr. 1", "city": "Berlin", "postal_code": "10119", "country": "DE"}
ALONE = {
    "quote": "orders",
    "order_view": "orders",
    "stock": "inventory",
    "product_miss": "catalog",
    "product_hit": "catalog",
    "search": "search",
    "suggest": "search",
    "sign_in": "identity",
}
"""Operations that one service answers by itself, and which: what others use meanwhile is none of their business."""
Say = Callable[[str], None]
One = Callable[[int], Awaitable[None]]


class Store:
    """PostgreSQL, RabbitMQ and a process per service. processes: service -> process id."""

    def __init__(self, client: Client, gauges: Gauges, processes: dict[str, int], node: RabbitNode) -> None:
        self.client, self.gauges, self.processes, self.node = client, gauges, processes, node
        self.rest: dict[str, float] = {}

    async def settle(self) -> None:
        """Wait until no message is on its way, and what jobs do every two seconds has been done."""
        before = (-1, -1)
        while True:
            await self.gauges.look()
            now = await self.gauges.settled()
            if now[0] == 0 and now == before:
                return
            before = now
            await asyncio.sleep(3)

    async def cost(self, count: int, run: Awaitable[None]) -> dict[str, Any]:
        """Return what each of `count` operations cost, in milliseconds of processor time and in bytes."""
        first, began, load = await self.gauges.read(), time.monotonic(), os.getloadavg()[0]
        over = asyncio.Event()
        looking = asyncio.create_task(self._look(over))
        try:
            await run
            took = time.monotonic() - began
            await self.settle()
        finally:
            over.set()
            await looking
        last, elapsed = await self.gauges.read(), time.monotonic() - began
        return described(count, first, last, {k: v * elapsed for k, v in self.rest.items()}) | {
            "per_second": round(count / took, 1),
            "load": round((load + os.getloadavg()[0]) / 2, 1),
        }

    async def _look(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await asyncio.sleep(0.5)
            await self.gauges.look()


def described(count: int, first: Reading, last: Reading, rest: dict[str, float]) -> dict[str, Any]:
    """Return the difference of two readings for one operation of `count`. rest: seconds that rest alone had taken."""

    def each(
        new: dict[str, float],
        old: dict[str, float],
        scale: float = 1.0,
        digits: int = 4,
        off: dict[str, float] | None = None,
    ) -> dict[str, float]:
        found = {k: (v - old.get(k, 0.0) - (off or {}).get(k, 0.0)) * scale / count for k, v in sorted(new.items())}
        return {k: round(v, digits) for k, v in found.items() if round(v, digits) > 0}

    return {
        "count": count,
        "cpu_ms": each(last.cpu, first.cpu, 1000, 4, rest),
        "wal": each(last.wal, first.wal, digits=0),
        "disk": each(last.sizes, first.sizes, digits=0),
        "events": each(last.events, first.events, digits=3),
        "heard": each(last.heard, first.heard, digits=3),
        "server": each(last.server, first.server, digits=3),
        "event_bytes": round((last.event_bytes - first.event_bytes) / count),
        "broker_bytes": round((last.broker_bytes - first.broker_bytes) / count),
    }


@asynccontextmanager
async def running(folder: Path, say: Say) -> AsyncIterator[Store]:
    """A seeded store of its own, one process per service, on a PostgreSQL that waits for its disk."""
    async with contextlib.AsyncExitStack() as stack:
        await install_rabbitmq(say)
        postgres = EmbeddedPostgres(folder / "postgres", settings={"track_wal_io_timing": "off"})
        await postgres.start()
        stack.push_async_callback(postgres.stop)
        node = await stack.enter_async_context(RabbitNode(folder / "rabbit"))
        environment = _environment(postgres.dsn, node.url, folder)
        settings = load(Settings, environment)
        await prepare(settings, SERVICES)
        # Before anybody else hears: the seed turns its own clocks faster.
        say("seeding")
        seed = [sys.executable, "-m", "estore.cli", "seed", "--quiet", "--products", str(PRODUCTS)]
        await asyncio.to_thread(subprocess.run, seed, env=environment, check=True)
        ports = {name: free_port() for name in SERVICES}
        hooks = f"http://127.0.0.1:{ports['payments']}/v1/payments/webhooks/sandbox"
        parts = urlsplit(postgres.dsn)
        environment["ESTORE_DATABASE_URL"] = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        environment["ESTORE_PAYMENTS_SANDBOX_WEBHOOK_URL"] = hooks
        processes = {name: _serve(name, port, environment) for name, port in ports.items()}
        stack.callback(_end, list(processes.values()))
        prefixes = {prefix: s.name for s in build(settings) for prefix in s.prefixes}
        client = Client(ports, prefixes)
        stack.callback(client.close)
        conn = await asyncpg.connect(postgres.dsn)
        stack.push_async_callback(conn.close)
        pids = {name: process.pid for name, process in processes.items()}
        await _ready(ports)
        yield Store(client, Gauges(conn, pids, node), pids, node)


def _environment(database: str, broker: str, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ESTORE_")}
    return kept | {
        "ESTORE_DATABASE_URL": database,
        "ESTORE_AMQP_URL": broker,
        "ESTORE_SECRET": "measured and thrown away",
        "ESTORE_RATE_FACTOR": "0",
        "ESTORE_LOG_LEVEL": "warning",
        "ESTORE_DATA": str(folder / "data"),
    }


def _serve(name: str, port: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "estore.cli", "serve", name, "--port", str(port)]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)


async def _ready(ports: dict[str, int]) -> None:
    """Wait until each process says that it is. Raises TimeoutError after two minutes."""
    async with asyncio.timeout(120):
        for port in ports.values():
            while True:
                with contextlib.suppress(OSError, IndexError):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    status = (await reader.read()).split(b" ", 2)[1]
                    writer.close()
                    if status == b"200":
                        break
                await asyncio.sleep(0.2)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()


class Operations:
    """What people do. Each is a function of a number, so that no two ask for the same."""

    def __init__(self, client: Client, shop: str, skus: list[str], slugs: list[str], words: list[str]) -> None:
        self._client, self._shop, self._skus, self._slugs, self._words = client, shop, skus, slugs, words
        self._run = time.time_ns()
        self.orders: list[tuple[str, str]] = []
        self.parcels: list[str] = []
        self.carts: list[tuple[str, str]] = []

    def _key(self, *words: object) -> str:
        return "-".join(map(str, ("capacity", self._run, *words, time.monotonic_ns())))

    def _lines(self, number: int) -> list[dict[str, Any]]:
        return [{"sku": self._skus[(2 * number + i) % len(self._skus)], "quantity": 1} for i in range(2)]

    async def order(self, number: int) -> None:
        """Two lines, a guest, answered once it is confirmed."""
        body = {
            "lines": self._lines(number),
            "email": f"ada{number}@example.com",
            "shipping_address": ADDRESS,
            "shipping_method": "standard",
            "payment_method": "pm_ok",
        }
        headers = {"Idempotency_Key": self._key("order", number), "Prefer": "wait=20"}
        made = await self._client.ask("POST", "/v1/orders", body, **headers)
        if made["status"] == "confirmed":
            self.orders.append((made["id"], made["secret"]))

    async def fulfilment(self, number: int) -> None:
        """The vendor ships the parcel, and it arrives."""
        parcel = self.parcels.pop()
        path = f"/v1/parcels/{quote(parcel)}"
        for step, body in (("ship", {"carrier": "DHL", "tracking": f"C{self._run}{number}"}), ("deliver", {})):
            await self._client.ask(
                "POST", f"{path}/{step}", body, Authorization=self._shop, Idempotency_Key=self._key(step, number)
            )

    async def order_view(self, number: int) -> None:
        name, secret = self.orders[number % len(self.orders)]
        await self._client.ask("GET", f"/v1/orders/{name}", Order_Secret=secret)

    async def cart(self, number: int) -> None:
        """A guest's new cart with its first line."""
        made = await self._client.ask("POST", "/v1/carts", {}, Idempotency_Key=self._key("cart", number))
        sku = self._skus[number % len(self._skus)]
        await self._client.ask(
            "PUT", f"/v1/carts/{made['id']}/lines/{sku}", {"quantity": 1}, Cart_Secret=made["secret"]
        )

    async def quote(self, number: int) -> None:
        body = {"lines": self._lines(number), "shipping_address": {"country": "DE"}}
        await self._client.ask("POST", "/v1/quotes", body)

    async def product_miss(self, number: int) -> None:
        """A page that the read cache does not have."""
        await self._client.ask("GET", f"/v1/products/{self._slugs[number % len(self._slugs)]}")

    async def product_hit(self, number: int) -> None:
        await self._client.ask("GET", f"/v1/products/{self._slugs[number % 50]}")

    async def search(self, number: int) -> None:
        first, second = self._words[number % len(self._words)], self._words[number * 7 % len(self._words)]
        await self._client.ask("GET", f"/v1/search?q={quote(first + ' ' + second)}&limit=24")

    async def suggest(self, number: int) -> None:
        await self._client.ask("GET", f"/v1/search/suggest?q={quote(self._words[number % len(self._words)][:4])}")

    async def stock(self, number: int) -> None:
        await self._client.ask("GET", f"/v1/stock/{self._skus[number % len(self._skus)]}")

    async def sign_in(self, number: int) -> None:
        _, email, password = DEMO_LOGINS[2]
        await self._client.ask("POST", "/v1/sessions", {"email": email, "password": password})

    async def open_parcels(self) -> None:
        """Note the parcels that wait to be shipped."""
        cursor = ""
        while True:
            page = await self._client.ask("GET", f"/v1/parcels?status=open&limit=100{cursor}", Authorization=self._shop)
            self.parcels += [parcel["id"] for parcel in page["data"]]
            if not page["next_cursor"]:
                return
            cursor = f"&cursor={page['next_cursor']}"


async def prepared(client: Client) -> Operations:
    """Sign in, find what one shop sells, and put plenty of it in stock."""
    tokens = []
    for _, email, password in DEMO_LOGINS:
        session = await client.ask("POST", "/v1/sessions", {"email": email, "password": password})
        tokens.append(f"Bearer {session['access_token']}")
    skus: list[str] = []
    slugs: list[str] = []
    words: set[str] = set()
    for query, most in ((f"vendor={SHOP}&", 400), ("", 3000)):
        cursor, seen = "", 0
        while seen < most:
            page = await client.ask("GET", f"/v1/products?{query}limit=100{cursor}")
            for product in page["data"]:
                seen += 1
                if query:
                    skus += [variant["sku"] for variant in product["variants"]]
                slugs.append(product["slug"])
                words |= {word for word in product["title"].split() if word.isalpha() and len(word) > 3}
            if not page["next_cursor"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
    skus = skus[:300]
    for number, sku in enumerate(skus):
        receipt = {"location": "MAIN", "quantity": 100_000, "reference": "capacity"}
        await client.ask(
            "POST", f"/v1/stock/{sku}/receipts", receipt, Authorization=tokens[0], Idempotency_Key=f"capacity-{number}"
        )
    return Operations(client, tokens[1], skus, list(dict.fromkeys(slugs)), sorted(words))


async def measure(folder: Path, say: Say, scale: float = 1.0) -> dict[str, Any]:
    """Return the figures. scale: of the numbers of operations."""
    async with running(folder, say) as store:
        do = await prepared(store.client)
        await times(200, 16, do.order)
        await store.settle()
        say("at rest")
        first = await store.gauges.read()
        await asyncio.sleep(REST_SECONDS)
        last = await store.gauges.read()
        store.rest = {k: max(0.0, v - first.cpu.get(k, 0.0)) / REST_SECONDS for k, v in last.cpu.items()}
        memory = {"rest": _memory(store)}
        seeded = first.sizes
        found: dict[str, Any] = {}
        plan: list[tuple[str, One, int, int]] = [
            ("order_4", do.order, 200, 4),
            ("order_16", do.order, 800, 16),
            ("order", do.order, 1600, 64),
            ("fulfilment", do.fulfilment, 500, 16),
            ("cart", do.cart, 800, 16),
            ("quote", do.quote, 1500, 16),
            ("order_view", do.order_view, 3000, 16),
            ("stock", do.stock, 3000, 16),
            ("product_miss", do.product_miss, 2000, 16),
            ("product_hit", do.product_hit, 20000, 16),
            ("search", do.search, 1500, 16),
            ("suggest", do.suggest, 1500, 16),
            ("sign_in", do.sign_in, 60, 4),
        ]
        for name, one, count, width in plan:
            rounds = []
            for turn in range(1 if name == "product_miss" else ROUNDS):
                if name == "fulfilment" and not turn:
                    await do.open_parcels()
                number = max(20, round(count * scale))
                cost = await store.cost(number, times(number, width, one))
                rounds.append(cost | {"at_once": width})
                say(f"{name}: {sum(cost['cpu_ms'].values()):.2f} ms, {cost['per_second']}/s, load {cost['load']}")
            found[name] = min(rounds, key=lambda cost: sum(cost["cpu_ms"].values()))
            if name in ALONE:
                found[name]["cpu_ms"] = alone(found[name]["cpu_ms"], ALONE[name])
                found[name]["wal"] = alone(found[name]["wal"], ALONE[name])
            # Tables grow by pages, and what vacuum has freed is used again: of all rounds.
            found[name]["disk"] = {
                part: round(sum(cost["disk"].get(part, 0) for cost in rounds) / len(rounds))
                for part in sorted({part for cost in rounds for part in cost["disk"]})
            }
            found[name]["rounds_ms"] = [round(sum(cost["cpu_ms"].values()), 2) for cost in rounds]
        memory["loaded"] = _memory(store)
        queues = (await store.node.ctl("list_queues", "name")).split()
        return {
            "machine": _machine(),
            "rest_cores": {k: round(v, 4) for k, v in sorted(store.rest.items())},
            "memory_mb": memory,
            "connections": await store.gauges.connections(),
            "queues": len([name for name in queues if name != "name"]),
            "seeded_bytes": {k: int(v) for k, v in sorted(seeded.items()) if v},
            "operations": found,
        }


def alone(costs: dict[str, float], service: str) -> dict[str, float]:
    """Return of `costs` what `service` and its database role used."""
    return {name: cost for name, cost in costs.items() if name in (service, f"postgres:{service}")}


def _memory(store: Store) -> dict[str, int]:
    return {name: round(resident(pid)) for name, pid in store.processes.items()} | {
        "rabbitmq": round(resident(store.node.pid or 0))
    }


def _machine() -> dict[str, Any]:
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "cpu": cpu.partition(": ")[2],
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commit.stdout.strip(),
        "products": PRODUCTS,
    }


def run(scale: float, say: Say) -> dict[str, Any]:
    """Measure in a temporary folder."""
    import uvloop

    with tempfile.TemporaryDirectory(prefix="estore-capacity-") as name:
        Path(name).chmod(0o711)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(measure(Path(name), say, scale))
