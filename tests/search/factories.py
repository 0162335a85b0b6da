"""Products, sales, and a shop in which somebody searches: a test says only what it is about."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from estore.contracts.catalog import (
    NewPrice,
    PriceChanged,
    Product,
    ProductArchived,
    ProductChanged,
    ProductPublished,
    Variant,
)
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.orders import OrderConfirmed
from estore.contracts.reviews import ReviewRatingChanged
from estore.contracts.vendors import VendorApproved, VendorSuspended
from estore.kit.contract import Event
from estore.kit.money import Money
from support.sales import NO_TOTALS, VENDOR, sold
from support.world import World

_numbers = itertools.count(1)


def product(name: str, title: str = "", **values: Any) -> Product:
    """The product `prd_<name>` with a variant for each of `skus`, `<name>` alone by default."""
    skus: Sequence[str] = values.pop("skus", (name,))
    price: int = values.pop("price", 1000)
    options: Mapping[str, str] = values.pop("options", {})
    barcode: str | None = values.pop("barcode", None)
    path = values.pop("path", ("kitchen", "mugs"))
    return Product(
        product_id=f"prd_{name}",
        slug=name,
        title=title or name,
        vendor_id=values.pop("vendor_id", VENDOR),
        category=path[-1],
        category_path=tuple(path),
        variants=tuple(
            Variant(sku=sku, title=sku, price=Money(price, "EUR"), options=dict(options), barcode=barcode)
            for sku in skus
        ),
        **values,
    )


def published(name: str, title: str = "", version: int = 1, **values: Any) -> ProductPublished:
    made = product(name, title, **values)
    return ProductPublished(product_id=made.product_id, product=made, version=version)


def changed(name: str, title: str = "", *, version: int, **values: Any) -> ProductChanged:
    made = product(name, title, **values)
    return ProductChanged(product_id=made.product_id, product=made, version=version)


def ranged(name: str, lowest: int, highest: int) -> tuple[ProductPublished, PriceChanged]:
    """A product with two variants, `<name>-a` at the lowest price and `<name>-b` at the highest."""
    made = published(name, skus=(f"{name}-a", f"{name}-b"), price=lowest)
    dearer = PriceChanged(product_id=f"prd_{name}", prices=(NewPrice(f"{name}-b", Money(highest, "EUR")),), version=2)
    return made, dearer


def archived(name: str, version: int) -> ProductArchived:
    return ProductArchived(product_id=f"prd_{name}", skus=(name,), version=version)


def repriced(name: str, price: int, version: int) -> PriceChanged:
    return PriceChanged(product_id=f"prd_{name}", prices=(NewPrice(name, Money(price, "EUR")),), version=version)


def stock(sku: str, available: int, version: int = 1) -> StockAvailabilityChanged:
    return StockAvailabilityChanged(sku=sku, available=available, version=version)


def rated(name: str, votes: int, stars: int, version: int = 1) -> ReviewRatingChanged:
    return ReviewRatingChanged(product_id=f"prd_{name}", votes=votes, stars=stars, version=version)


def approved(vendor_id: str, name: str, version: int = 1) -> VendorApproved:
    return VendorApproved(
        vendor_id=vendor_id,
        slug=name.lower(),
        name=name,
        country="DE",
        members=(),
        commission_bps=1000,
        version=version,
    )


def suspended(vendor_id: str, version: int = 2) -> VendorSuspended:
    return VendorSuspended(vendor_id=vendor_id, reason="fraud", version=version)


def bought(*names: str, quantity: int = 1) -> OrderConfirmed:
    number = next(_numbers)
    return OrderConfirmed(
        order_id=f"ord_{number}",
        number=f"E-{number}",
        account_id=None,
        email="a@example.com",
        lines=tuple(sold(name, quantity) for name in names),
        totals=NO_TOTALS,
        payment_id="pay_1",
        version=1,
    )


class Shop:
    """The service search, with hands."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def hear(self, *events: Event) -> None:
        """Hear events, one after the other, and have them in the index."""
        await self.world.deliver("search", *events)
        await self.index()

    async def sell(self, name: str, title: str = "", *, available: int = 10, **values: Any) -> None:
        made = published(name, title, **values)
        await self.world.deliver("search", made, *(stock(v.sku, available) for v in made.product.variants))

    async def run(self, *names: str) -> None:
        """Run some of the timers once."""
        for job in self.world.service("search").jobs:
            if job.name in names:
                await job.run()

    async def index(self) -> None:
        await self.run("build-index")
        await self.run("tell-sold")
        await self.run("index")

    async def get(self, path: str, *, token: str | None = None, **parameters: Any) -> httpx.Response:
        async with self.world.http("search", token) as client:
            return await client.get(f"/v1/search{path}", params=parameters)

    async def search(self, q: str = "", **parameters: Any) -> dict[str, Any]:
        """What is answered. `attr_colour="Red"` becomes `attr.colour`."""
        sent = {name.replace("attr_", "attr.", 1): value for name, value in parameters.items()}
        token = self.operator_token if "explain" in sent else None
        answer = await self.get("", token=token, q=q, **sent)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def names(self, q: str = "", **parameters: Any) -> list[str]:
        """The slugs that are found, best first."""
        return [hit["slug"] for hit in (await self.search(q, **parameters))["data"]]

    @property
    def operator_token(self) -> str:
        return self.world.token("acc_op", operator=True)

    async def operate(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        async with self.world.http("search", self.operator_token, **headers) as client:
            return await client.request(method, f"/v1/search{path}", json=body)

    async def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.operate(method, path, body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None
