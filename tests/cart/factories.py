"""Products, orders, and a shop floor with carts: a test says only what it is about."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import httpx

from estore.contracts.catalog import NewPrice, PriceChanged, Product, ProductChanged, ProductPublished, Variant
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.orders import OrderPlaced
from estore.kit.contract import Event
from estore.kit.money import Money
from support.sales import NO_TOTALS, VENDOR, sold
from support.world import World

_numbers = itertools.count(1)


def product(*skus: str, price: int = 1000, product_id: str | None = None, currency: str = "EUR") -> Product:
    return Product(
        product_id=product_id or f"prd_{skus[0]}",
        slug=skus[0],
        title="Mug",
        vendor_id=VENDOR,
        category="mugs",
        variants=tuple(Variant(sku=sku, title=sku.title(), price=Money(price, currency)) for sku in skus),
    )


def published(*skus: str, version: int = 1, **values: Any) -> ProductPublished:
    made = product(*skus, **values)
    return ProductPublished(product_id=made.product_id, product=made, version=version)


def changed(*skus: str, version: int, **values: Any) -> ProductChanged:
    made = product(*skus, **values)
    return ProductChanged(product_id=made.product_id, product=made, version=version)


def repriced(sku: str, price: int, version: int) -> PriceChanged:
    return PriceChanged(product_id=f"prd_{sku}", prices=(NewPrice(sku, Money(price, "EUR")),), version=version)


def stock(sku: str, available: int, version: int = 1) -> StockAvailabilityChanged:
    return StockAvailabilityChanged(sku=sku, available=available, version=version)


class Cart:
    """A guest's or an account's cart, with a client that opens it."""

    def __init__(self, client: httpx.AsyncClient, made: dict[str, Any]) -> None:
        self.client = client
        self.made = made
        self.id: str = made["id"]
        self.secret: str | None = made["secret"]
        self.path = f"/v1/carts/{self.id}"

    async def put(self, sku: str, quantity: Any, **headers: str) -> httpx.Response:
        return await self.client.put(f"{self.path}/lines/{sku}", json={"quantity": quantity}, headers=headers)

    async def read(self) -> dict[str, Any]:
        answer = await self.client.get(self.path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def quantities(self) -> dict[str, int]:
        return {line["sku"]: line["quantity"] for line in (await self.read())["lines"]}


class Floor:
    """The service cart, with hands."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def hear(self, *events: Event) -> None:
        await self.world.deliver("cart", *events)

    async def hear_together(self, *events: Event) -> None:
        await self.world.deliver_batch("cart", events)

    async def sell(self, *skus: str, price: int = 1000, available: int = 30) -> None:
        for sku in skus:
            await self.hear(published(sku, price=price), stock(sku, available))

    async def told(self, kind: type[Event]) -> list[Any]:
        return await self.world.emitted("cart", kind)

    async def guest_cart(self, **lines: int) -> Cart:
        async with self.world.http("cart") as client:
            made = (await client.post("/v1/carts")).json()
        cart = Cart(self.world.http("cart", cart_secret=made["secret"]), made)
        for sku, quantity in lines.items():
            assert (await cart.put(sku, quantity)).status_code == 200
        return cart

    async def account_cart(self, account_id: str = "acc_01", **lines: int) -> Cart:
        client = self.world.http("cart", self.world.token(account_id))
        cart = Cart(client, (await client.post("/v1/carts")).json())
        for sku, quantity in lines.items():
            assert (await cart.put(sku, quantity)).status_code == 200
        return cart

    async def run_jobs(self) -> None:
        for job in self.world.service("cart").jobs:
            await job.run()

    def ordered(self, cart_id: str | None, version: int | None, **lines: int) -> OrderPlaced:
        return OrderPlaced(
            order_id=f"ord_{next(_numbers)}",
            number="E-1",
            account_id=None,
            email="a@example.com",
            lines=tuple(sold(sku, quantity) for sku, quantity in lines.items()),
            totals=NO_TOTALS,
            cart_id=cart_id,
            cart_version=version,
            deadline=self.world.clock.now() + timedelta(minutes=15),
            version=1,
        )
