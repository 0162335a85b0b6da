"""Products, orders and a stockroom: a test says only what it is about."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import httpx

from estore.contracts.catalog import Product, ProductPublished, Variant
from estore.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderPlaced,
    ParcelLine,
    ParcelShipped,
    ReturnLine,
    ReturnReceived,
)
from estore.kit.context import system_context
from estore.kit.contract import Event
from estore.kit.money import Money
from support.sales import NO_TOTALS, VENDOR, sold
from support.world import World

_numbers = itertools.count(1)


def published(*skus: str, product_id: str = "prd_mug", vendor_id: str = VENDOR, version: int = 1) -> ProductPublished:
    variants = tuple(Variant(sku=sku, title=sku, price=Money(1000, "EUR")) for sku in skus)
    product = Product(
        product_id=product_id, slug="mug", title="Mug", vendor_id=vendor_id, category="mugs", variants=variants
    )
    return ProductPublished(product_id=product_id, product=product, version=version)


def placed(order_id: str, *lines: tuple[str, int], deadline: datetime) -> OrderPlaced:
    return OrderPlaced(
        order_id=order_id,
        number="E-1",
        account_id=None,
        email="a@example.com",
        lines=tuple(sold(*each) for each in lines),
        totals=NO_TOTALS,
        cart_id=None,
        cart_version=None,
        deadline=deadline,
        version=1,
    )


def confirmed(order_id: str, *lines: tuple[str, int]) -> OrderConfirmed:
    return OrderConfirmed(
        order_id=order_id,
        number="E-1",
        account_id=None,
        email="a@example.com",
        lines=tuple(sold(*each) for each in lines),
        totals=NO_TOTALS,
        payment_id="pay_1",
        version=3,
    )


def cancelled(order_id: str) -> OrderCancelled:
    return OrderCancelled(order_id=order_id, reason="customer", version=4)


def shipped(
    order_id: str, *lines: tuple[str, int], parcel_id: str = "pcl_1", shipment_id: str = "", complete: bool = True
) -> ParcelShipped:
    return ParcelShipped(
        parcel_id=parcel_id,
        order_id=order_id,
        vendor_id=VENDOR,
        lines=tuple(ParcelLine(f"lin_{n}", sku, quantity) for n, (sku, quantity) in enumerate(lines)),
        carrier=None,
        tracking=None,
        version=1,
        shipment_id=shipment_id,
        complete=complete,
    )


def returned(return_id: str, *lines: tuple[str, int, str], order_id: str = "ord_1") -> ReturnReceived:
    """What came back: (sku, pieces, disposition)."""
    return ReturnReceived(
        return_id=return_id,
        order_id=order_id,
        vendor_id=VENDOR,
        lines=tuple(ReturnLine(f"lin_{n}", *each) for n, each in enumerate(lines)),
        version=1,
    )


class Stockroom:
    """The service inventory, with hands."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.fetch = world.fetch

    @property
    def deadline(self) -> datetime:
        return self.world.clock.now() + timedelta(minutes=15)

    async def hear(self, *events: Event) -> None:
        """One after the other."""
        await self.world.deliver("inventory", *events)

    async def hear_together(self, *events: Event) -> None:
        """As one batch."""
        await self.world.deliver_batch("inventory", events)

    async def place(self, order_id: str, *lines: tuple[str, int]) -> None:
        await self.hear(placed(order_id, *lines, deadline=self.deadline))

    async def told(self, kind: type[Event]) -> list[Any]:
        return await self.world.emitted("inventory", kind)

    async def stocked(self, sku: str, **quantities: int) -> None:
        """Publish a SKU, and receive pieces at each location (made where it is missing)."""
        await self.hear(published(sku, product_id=f"prd_{sku}"))
        async with self.operator() as client:
            for code, quantity in quantities.items():
                place = {"code": code, "name": code, "country": "NL"}
                await client.post("/v1/stock/locations", json=place, headers=key())
                answer = await client.post(
                    f"/v1/stock/{sku}/receipts", json={"location": code, "quantity": quantity}, headers=key()
                )
                assert answer.status_code == 201, answer.text

    async def levels(self, sku: str) -> dict[str, tuple[int, int]]:
        """{location code: (on_hand, reserved)}."""
        rows = await self.fetch(
            "inventory",
            "SELECT l.code, s.on_hand, s.reserved FROM stock s JOIN location l ON l.id = s.location_id"
            " WHERE sku = $1 ORDER BY 1",
            sku,
        )
        return {row["code"]: (row["on_hand"], row["reserved"]) for row in rows}

    async def states(self) -> dict[str, str]:
        rows = await self.fetch("inventory", "SELECT order_id, state FROM reservation ORDER BY 1")
        return {row["order_id"]: row["state"] for row in rows}

    async def expire(self) -> None:
        """Run the timer once."""
        (job,) = (job for job in self.world.service("inventory").jobs if job.name == "release-expired")
        await job.run()

    def operator(self) -> httpx.AsyncClient:
        return self.world.http("inventory", self.world.token("acc_op", operator=True))

    def member(self, vendor_id: str = VENDOR, role: str = "owner") -> httpx.AsyncClient:
        return self.world.http("inventory", self.world.token("acc_member", vendors={vendor_id: role}))

    def guest(self) -> httpx.AsyncClient:
        return self.world.http("inventory")

    def context(self) -> Any:
        return system_context(self.world.clock.now())


def key() -> dict[str, str]:
    """A fresh Idempotency-Key."""
    return {"idempotency-key": f"key-{next(_numbers)}"}
