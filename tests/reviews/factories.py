"""Buyers who received something, and what they say of it."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import httpx

from estore.contracts.catalog import Product, ProductArchived, ProductPublished, Variant
from estore.contracts.identity import AccountErased
from estore.contracts.orders import ParcelDelivered, ParcelLine
from estore.contracts.reviews import ReviewRatingChanged
from estore.kit.contract import Event
from estore.kit.money import Money
from support.world import World

TONWERK, HOLZIG = "vnd_tonwerk", "vnd_holzig"
MUG, POT = "prd_mug", "prd_pot"
JSON = dict[str, Any]
_numbers = itertools.count(1)


def published(product_id: str, *skus: str, vendor_id: str = TONWERK) -> ProductPublished:
    variants = tuple(Variant(sku=sku, title=sku, price=Money(1000, "EUR")) for sku in skus)
    product = Product(
        product_id=product_id, slug="mug", title="Mug", vendor_id=vendor_id, category="mugs", variants=variants
    )
    return ProductPublished(product_id=product_id, product=product, version=1)


def archived(product_id: str, *skus: str) -> ProductArchived:
    return ProductArchived(product_id=product_id, skus=skus, version=2)


def delivered(
    account_id: str | None, *lines: tuple[str, str], at: datetime, vendor_id: str = TONWERK, quantity: int = 1
) -> ParcelDelivered:
    """A parcel that arrived. lines: (line id, SKU)."""
    number = next(_numbers)
    return ParcelDelivered(
        parcel_id=f"pcl_{number}",
        order_id=f"ord_{number}",
        account_id=account_id,
        vendor_id=vendor_id,
        lines=tuple(ParcelLine(line_id, sku, quantity) for line_id, sku in lines),
        delivered_at=at,
        version=3,
        returnable_until=at + timedelta(days=30),
    )


def erased(account_id: str) -> AccountErased:
    return AccountErased(account_id=account_id, version=9)


def key() -> dict[str, str]:
    """A fresh Idempotency-Key."""
    return {"idempotency-key": f"key-{next(_numbers)}"}


class Desk:
    """The service reviews, with hands."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.fetch = world.fetch
        self.guest = world.http("reviews")
        self.operator = world.http("reviews", world.token("acc_op", operator=True))
        self.tonwerk = self.member(TONWERK, "owner")
        self.holzig = self.member(HOLZIG, "owner")

    async def open(self) -> None:
        await self.hear(published(MUG, "MUG-BLUE", "MUG-RED"), published(POT, "POT", vendor_id=HOLZIG))

    def member(self, vendor_id: str, role: str, account_id: str = "acc_member") -> httpx.AsyncClient:
        return self.world.http("reviews", self.world.token(account_id, vendors={vendor_id: role}))

    def buyer(self, account_id: str) -> httpx.AsyncClient:
        return self.world.http("reviews", self.world.token(account_id))

    async def hear(self, *events: Event) -> None:
        await self.world.deliver("reviews", *events)

    async def arrived(self, account_id: str | None, sku: str = "MUG-BLUE", vendor_id: str = TONWERK) -> str:
        """A parcel with one line arrives. Returns the line's id."""
        line_id = f"lin_{next(_numbers)}"
        now = self.world.clock.now()
        await self.hear(delivered(account_id, (line_id, sku), at=now, vendor_id=vendor_id))
        return line_id

    async def post(self, account_id: str, line_id: str, stars: int = 5, **fields: Any) -> httpx.Response:
        body = {"line_id": line_id, "stars": stars, "title": "Nice mug", "text": "Keeps warm."} | fields
        return await self.buyer(account_id).post("/v1/reviews", json=body, headers=key())

    async def reviewed(self, account_id: str, stars: int = 5, sku: str = "MUG-BLUE", **fields: Any) -> JSON:
        """Something arrives and is reviewed."""
        vendor_id = HOLZIG if sku == "POT" else TONWERK
        answer = await self.post(account_id, await self.arrived(account_id, sku, vendor_id), stars, **fields)
        assert answer.status_code == 201, answer.text
        made: JSON = answer.json()
        return made

    async def edit(self, account_id: str, review: JSON, **fields: Any) -> httpx.Response:
        headers = {"if-match": f'"v{review["version"]}"'}
        return await self.buyer(account_id).patch(f"/v1/reviews/{review['id']}", json=fields, headers=headers)

    async def approve(self, review: JSON) -> httpx.Response:
        return await self.operator.post(f"/v1/reviews/{review['id']}/approve", headers=key())

    async def reject(self, review: JSON, reason: str = "An advertisement") -> httpx.Response:
        return await self.operator.post(f"/v1/reviews/{review['id']}/reject", json={"reason": reason}, headers=key())

    async def summary(self, product_id: str = MUG) -> JSON:
        found: JSON = (await self.guest.get(f"/v1/reviews/summary?product={product_id}")).json()
        return found

    async def listed(self, query: str = f"product={MUG}") -> list[JSON]:
        answer = await self.guest.get(f"/v1/reviews?{query}")
        assert answer.status_code == 200, answer.text
        rows: list[JSON] = answer.json()["data"]
        return rows

    async def told(self, product_id: str = MUG) -> list[tuple[int, int, int]]:
        """What the others heard of a product's rating: (votes, stars, version), by version."""
        events = await self.world.emitted("reviews", ReviewRatingChanged)
        return sorted((e.votes, e.stars, e.version) for e in events if e.product_id == product_id)
