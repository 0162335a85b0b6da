"""A whole marketplace as its people meet it: over HTTP only, so that it may run in this process or in many."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import httpx
import pytest

from estore.cli.compose import SERVICES
from estore.cli.doctor import Finding, examine, examine_open
from estore.cli.serve import front_for
from estore.kit.bus.base import Bus, heard_by
from estore.kit.bus.rabbitmq import RabbitBus
from estore.kit.clock import monotonic
from estore.kit.errors import Transient
from estore.kit.http.cache import ReadCache
from estore.kit.http.server import listening_socket, server
from estore.kit.runtime import all_subscriptions
from estore.kit.settings import Settings
from estore.services.identity.service import keyring
from estore.services.orders.service import placing, reading
from support.databases import Databases
from support.waiting import until
from support.world import World, world

JSON = dict[str, Any]
ADDRESS = {"name": "Ada Lovelace", "line1": "Ringstrasse 1", "postal_code": "04109", "city": "Leipzig", "country": "DE"}
FINAL = frozenset({"confirmed", "cancelled", "rejected"})
UNPAID = frozenset({"pending", "refund_pending", "partially_refunded"})
# So that a purchase that waits for something does so for seconds; what a busy machine may delay has minutes.
HASTY = {
    "ESTORE_ORDERS_RESERVATION_SECONDS": "600",
    "ESTORE_ORDERS_PAYMENT_SECONDS": "600",
    "ESTORE_ORDERS_ACTION_SECONDS": "4",
    "ESTORE_ORDERS_GRACE_SECONDS": "1",
    "ESTORE_PAYMENTS_CALL_TIMEOUT": "3",
    "ESTORE_PAYMENTS_FIRST_LOOK": "0.3",
    "ESTORE_PAYMENTS_LONGEST_LOOK": "1",
    "ESTORE_PAYMENTS_LEASE": "8",
    "ESTORE_PAYMENTS_SANDBOX_SLOW_SECONDS": "1",
}
_numbers = itertools.count(1)


def key() -> dict[str, str]:
    """A fresh Idempotency-Key."""
    return {"Idempotency-Key": secrets.token_hex(12)}


def eur(amount: int) -> JSON:
    return {"amount": amount, "currency": "EUR"}


class Store(Protocol):
    """Where the marketplace runs."""

    settings: Settings

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient: ...

    def token(self, account_id: str, *, operator: bool = False, vendors: dict[str, str] | None = None) -> str: ...


@dataclass(frozen=True)
class Vendor:
    """An approved vendor, and what its owner signs in with."""

    id: str
    client: httpx.AsyncClient


class Market:
    """Vendors, products and buyers in a running store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.guest = store.client()
        self.operator = store.client(store.token("acc_operator", operator=True))

    async def open(self) -> Market:
        """One category, two vendors."""
        await ok(self.operator.post("/v1/categories", json={"name": "Mugs"}, headers=key()), 201)
        self.tonwerk, self.holzig = await asyncio.gather(self.vendor("Tonwerk"), self.vendor("Holzig"))
        return self

    def buyer(self, account_id: str) -> httpx.AsyncClient:
        """A client that is signed in as an account."""
        return self.store.client(self.store.token(account_id))

    async def vendor(
        self, name: str, prepare: Callable[[httpx.AsyncClient, JSON], Awaitable[None]] | None = None
    ) -> Vendor:
        """Apply, approve. prepare: what the applicant does in between, with its application."""
        account = f"acc_{name.lower()}_{next(_numbers)}"
        applicant = self.buyer(account)
        made = await ok(applicant.post("/v1/vendors", json={"name": name, "country": "DE"}, headers=key()), 201)
        if prepare is not None:
            await prepare(applicant, made)
        await ok(self.operator.post(f"/v1/vendors/{made['id']}/approve", json={}, headers=key()), 200)
        token = self.store.token(account, vendors={made["id"]: "owner"})
        vendor = Vendor(made["id"], self.store.client(token))

        async def may_sell() -> bool:
            draft = {"title": "Probe", "category": "mugs", "variants": [self.variant(f"PROBE-{made['id']}", 100)]}
            answer = await vendor.client.post("/v1/products", json=draft, headers=key())
            if answer.status_code == 201:
                url = f"/v1/products/{answer.json()['id']}"
                answer = await vendor.client.post(f"{url}/publish", headers=key())
                if answer.status_code == 200:
                    await ok(vendor.client.post(f"{url}/archive", headers=key()), 200)
                    return True
                await ok(vendor.client.delete(url, headers={"If-Match": '"v1"'}), 204)
            return False

        await until("the catalog knows the vendor", may_sell, pause=0.1)
        return vendor

    @staticmethod
    def variant(sku: str, price: int) -> JSON:
        return {"sku": sku, "title": sku, "price": eur(price), "weight_grams": 300}

    async def product(self, stock: int, price: int = 2400, vendor: Vendor | None = None) -> str:
        """A published product with `stock` pieces, that can be ordered. Returns its SKU, which is its slug as well."""
        vendor = vendor or self.tonwerk
        sku = f"mug-{next(_numbers)}-{secrets.token_hex(3)}"
        body = {"title": f"Mug {sku}", "slug": sku, "category": "mugs", "variants": [self.variant(sku, price)]}
        made = await ok(vendor.client.post("/v1/products", json=body, headers=key()), 201)
        await ok(vendor.client.post(f"/v1/products/{made['id']}/publish", headers=key()), 200)
        await until("inventory knows the SKU", lambda: self.has(vendor.client.get(f"/v1/stock/{sku}"), 200))
        if stock:
            receipt = {"location": "MAIN", "quantity": stock}
            await ok(vendor.client.post(f"/v1/stock/{sku}/receipts", json=receipt, headers=key()), 201)

        async def everybody_knows() -> bool:
            quote = await self.quote((sku, 1))
            page = (await self.guest.get(f"/v1/products/{sku}")).json()
            return quote.status_code == 200 and bool(page["variants"][0]["available"]) == bool(stock)

        await until("the product is for sale", everybody_knows)
        return sku

    @staticmethod
    async def has(request: Awaitable[httpx.Response], status: int) -> bool:
        return (await request).status_code == status

    @staticmethod
    async def in_cart(client: httpx.AsyncClient, cart_id: str, sku: str, quantity: int = 1) -> JSON:
        """Put pieces of a product into a cart, once carts know it. Returns the cart."""

        async def is_in() -> JSON | None:
            answer = await client.put(f"/v1/carts/{cart_id}/lines/{sku}", json={"quantity": quantity})
            if answer.status_code == 422 and answer.json()["code"] == "cart.not_for_sale":
                return None
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

        return dict(await until("carts know the product", is_in))

    async def available(self, sku: str) -> int:
        return int((await ok(self.guest.get(f"/v1/stock/{sku}"), 200))["available"])

    async def stock(self, sku: str) -> tuple[int, int]:
        """(on hand, reserved) as the operator sees it."""
        [row] = (await ok(self.operator.get("/v1/stock", params={"sku": sku}), 200))["data"]
        return row["on_hand"], row["reserved"]

    async def quote(self, *lines: tuple[str, int]) -> httpx.Response:
        body = {"lines": lines_of(lines), "shipping_address": {"country": "DE"}}
        return await self.guest.post("/v1/quotes", json=body)

    async def place(
        self,
        *lines: tuple[str, int],
        client: httpx.AsyncClient | None = None,
        wait: float = 0,
        headers: dict[str, str] | None = None,
        **values: Any,
    ) -> httpx.Response:
        """POST an order of `lines`; what is None is left out."""
        body = {
            "lines": lines_of(lines),
            "email": "ada@example.com",
            "shipping_address": ADDRESS,
            "shipping_method": "standard",
            "payment_method": "pm_ok",
        } | values
        sent = (headers or key()) | ({"Prefer": f"wait={wait:g}"} if wait else {})
        clean = {name: value for name, value in body.items() if value is not None}
        return await (client or self.guest).post("/v1/orders", json=clean, headers=sent)

    async def order(self, *lines: tuple[str, int], client: httpx.AsyncClient | None = None, **values: Any) -> Bought:
        """Place an order that is accepted."""
        answer = await self.place(*lines, client=client, **values)
        assert answer.status_code in (201, 202), answer.text
        body = answer.json()
        reader = client or self.store.client(order_secret=body["secret"])
        return Bought(self, reader, body["id"], body)

    async def bought(self, *lines: tuple[str, int], **values: Any) -> Bought:
        """Place an order, and see it confirmed."""
        order = await self.order(*lines, **values)
        await order.settled("confirmed")
        return order

    async def examined(self, grace: float) -> list[Finding]:
        """What doctor finds; over the store's own connections where it runs in this process."""
        if isinstance(self.store, InProcess):
            return await examine_open(list(self.store.world.services.values()), grace=timedelta(seconds=grace))
        return await examine(self.store.settings, grace=timedelta(seconds=grace))

    async def proved(self, seconds: float = 90.0, grace: float = 0.0) -> list[Finding]:
        """Doctor finds nothing wrong, once everything has come to rest."""
        deadline = monotonic() + seconds
        while True:
            try:
                findings = await self.examined(grace)
            except Transient as failure:  # Doctor gives each database five seconds.
                assert monotonic() < deadline, failure.detail
                continue
            broken = [finding for finding in findings if not finding.holds]
            if not broken:
                return findings
            assert monotonic() < deadline, "\n".join(f"{f.service}: {f.name}: {f.broken}" for f in broken)
            await asyncio.sleep(0.3)


@dataclass
class Bought:
    """An order, and its buyer."""

    market: Market
    client: httpx.AsyncClient
    id: str
    first: JSON

    @property
    def total(self) -> int:
        return int(self.first["totals"]["total"]["amount"])

    async def show(self) -> JSON:
        return await ok(self.client.get(f"/v1/orders/{self.id}"), 200)

    async def settled(self, status: str | None = None, seconds: float = 90.0) -> JSON:
        """Wait until it is confirmed, cancelled or rejected, and its money is where it belongs."""
        seen: JSON = {}

        async def is_settled() -> bool:
            seen.update(await self.show())
            moving = UNPAID if seen["status"] == "confirmed" else UNPAID | {"captured"}
            return seen["status"] in FINAL and seen["payment_status"] not in moving

        await until(f"order {self.id} is settled", is_settled, seconds, 0.05)
        assert status is None or seen["status"] == status, seen
        return seen

    async def cancel(self) -> httpx.Response:
        return await self.client.post(f"/v1/orders/{self.id}/cancel", headers=key())

    async def payment(self) -> JSON | None:
        """As the operator sees it; None when nothing was ever asked for."""
        found = await ok(self.market.operator.get("/v1/payments", params={"order_id": self.id}), 200)
        return found["data"][0] if found["data"] else None

    async def action(self) -> str:
        """Where the customer has to act."""

        async def told() -> Any:
            return (await self.show())["requires_action_url"]

        return str(await until("the customer is told where to act", told))


async def ok(request: Awaitable[httpx.Response], status: int) -> Any:
    """Send a request that must be answered with `status`; returns its body."""
    answer = await request
    assert answer.status_code == status, f"{answer.request.method} {answer.request.url}: {answer.text}"
    return answer.json() if answer.content else None


def lines_of(lines: Sequence[tuple[str, int]]) -> list[JSON] | None:
    return [{"sku": sku, "quantity": quantity} for sku, quantity in lines] or None


class InProcess:
    """All services in this process, with a real listener that the payment provider's webhooks reach."""

    def __init__(self, made: World, port: int) -> None:
        self.world = made
        self.settings = made.settings
        self.url = f"http://127.0.0.1:{port}"
        self.cache = ReadCache()
        self._clients: list[httpx.AsyncClient] = []

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """A client of all services, through the front, in process."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(app=self.front, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://estore.test", headers=sent, timeout=60)

    def token(self, account_id: str, *, operator: bool = False, vendors: dict[str, str] | None = None) -> str:
        return self.world.token(account_id, operator=operator, vendors=vendors)

    @asynccontextmanager
    async def running(self, sock: Any, bus: Bus | None) -> AsyncIterator[InProcess]:
        services = list(self.world.services.values())
        runtime = await self.world.run(bus)
        self.front = front_for(services, runtime, self.cache)
        http = server(self.front, self.cache, drain=1)
        tasks = [
            asyncio.create_task(self.cache.listen(service.db.dsn, service.announces))
            for service in services
            if service.announces
        ]
        serving = asyncio.create_task(http.serve(sockets=[sock]))

        async def is_ready() -> bool:
            return runtime.ready

        try:
            await until("the store is ready", is_ready, 60)
            yield self
        finally:
            http.should_exit = True
            with suppress(TimeoutError):
                await asyncio.wait_for(serving, 30)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def carts_within(seconds: float) -> Iterator[None]:
    """Let orders wait so long for a cart that it does not know: long for one that is on its way on a busy machine,
    and not at all where many are asked for that nobody has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "CART_SECONDS", seconds)
        patch.setattr(placing, "CART_LATE_SECONDS", seconds)
        yield


@contextmanager
def lasting_tokens() -> Iterator[None]:
    """What identity signs is good for a day: on a busy machine a test may take longer than the usual ten minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyring, "ACCESS_SECONDS", 86_400)
        yield


@asynccontextmanager
async def in_process(
    databases: Databases, amqp_url: str = "", dsn: str | None = None, **environment: str
) -> AsyncIterator[InProcess]:
    """Run the whole store in this process, on RabbitMQ where a URL is given. dsn: of a store that runs already."""
    sock = listening_socket("127.0.0.1", 0)
    port = sock.getsockname()[1]
    environment = {
        "ESTORE_PAYMENTS_SANDBOX_WEBHOOK_URL": f"http://127.0.0.1:{port}/v1/payments/webhooks/sandbox",
        "ESTORE_IDENTITY_ARGON2_MEMORY": "1024",
        **environment,
    }
    async with AsyncExitStack() as stack:
        stack.enter_context(lasting_tokens())
        opening = world(databases, *SERVICES, real_time=True, dsn=dsn, **environment)
        made = await stack.enter_async_context(opening)
        services = list(made.services.values())
        bus = None
        if amqp_url:
            queues = all_subscriptions(services)
            bus = RabbitBus(amqp_url, queues, heard=heard_by(queues), publishes=SERVICES)
        async with InProcess(made, port).running(sock, bus) as store:
            yield store
