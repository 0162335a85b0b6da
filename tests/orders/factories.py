"""A shop whose read models are filled by events, and a customer in front of it."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import httpx
import msgspec

from estore.contracts.catalog import Product, ProductPublished, Variant
from estore.contracts.inventory import Shortage, StockRejected, StockReserved
from estore.contracts.payments import PaymentCaptured, PaymentFailed, PaymentRefunded, PaymentRequiresAction
from estore.contracts.vendors import VendorApproved
from estore.kit.money import Money
from estore.services.orders.app import build
from estore.services.orders.domain import Offer
from support.world import World, settings_for, unhurried

ADDRESS = {"name": "Ada Lovelace", "line1": "Ringstrasse 1", "postal_code": "04109", "city": "Leipzig", "country": "DE"}
_keys = itertools.count(1)


def key() -> dict[str, str]:
    """A fresh Idempotency-Key."""
    return {"Idempotency-Key": f"key-{next(_keys)}"}


def offer(sku: str = "MUG", price: int = 2400, **values: Any) -> Offer:
    """An offer, for tests of prices."""
    given = {
        "product_id": "prd_1",
        "vendor_id": "vnd_1",
        "title": sku,
        "currency": "EUR",
        "tax_class": "standard",
        "weight_grams": 400,
        "sellable": True,
        "revision": 1,
        "vendor_revision": 1,
        "commission_bps": 1000,
    }
    return Offer(sku=sku, price=price, **(given | values))


def product(product_id: str = "prd_1", *variants: Variant, vendor_id: str = "vnd_1", title: str = "Mug") -> Product:
    return Product(
        product_id=product_id,
        slug=product_id.replace("_", "-"),
        title=title,
        vendor_id=vendor_id,
        category="mugs",
        variants=variants,
    )


def variant(sku: str = "MUG", price: int = 2400, **values: Any) -> Variant:
    return Variant(sku=sku, title="", price=Money(price, "EUR"), weight_grams=400, **values)


class Shop:
    """Orders alone: what other services would say is said by the test."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.guest = world.http("orders")

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        return self.world.http("orders", token, **headers)

    async def hear(self, *events: Any) -> None:
        await self.world.deliver("orders", *events)

    async def open(self) -> Shop:
        """Two vendors: vnd_1 sells MUG (24.00, 12.5 %) and BOOK (10.00, reduced), vnd_2 sells LAMP (89.00, 8 %)."""
        await self.hear(
            approved("vnd_1", 1250),
            approved("vnd_2", 800),
            published("prd_1", variant("MUG", 2400)),
            published("prd_2", variant("BOOK", 1000, tax_class="reduced")),
            published("prd_3", variant("LAMP", 8900), vendor_id="vnd_2"),
        )
        return self

    @staticmethod
    def body(*lines: tuple[str, int], **values: Any) -> dict[str, Any]:
        """A body for POST /v1/orders: one mug unless told otherwise."""
        given = {
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines or (("MUG", 1),)],
            "email": "ada@example.com",
            "shipping_address": ADDRESS,
            "shipping_method": "standard",
            "payment_method": "pm_ok",
        }
        return {name: value for name, value in (given | values).items() if value is not None}

    async def place(self, *lines: tuple[str, int], client: httpx.AsyncClient | None = None, **values: Any) -> Any:
        """Place an order and return it."""
        answer = await (client or self.guest).post("/v1/orders", json=self.body(*lines, **values), headers=key())
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def show(self, order: dict[str, Any]) -> dict[str, Any]:
        """The order as its guest sees it."""
        answer = await self.client(order_secret=order["secret"]).get(f"/v1/orders/{order['id']}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def awaiting(self, *lines: tuple[str, int], **values: Any) -> dict[str, Any]:
        """An order whose stock is held."""
        order = await self.place(*lines, **values)
        await self.hear(self.reserved(order))
        return order

    async def confirmed(self, *lines: tuple[str, int], **values: Any) -> dict[str, Any]:
        """An order that was paid."""
        order = await self.awaiting(*lines, **values)
        await self.hear(self.captured(order))
        return order

    def reserved(self, order: dict[str, Any]) -> StockReserved:
        return StockReserved(order_id=order["id"], expires_at=self.world.clock.now() + timedelta(hours=1))

    def rejected(self, order: dict[str, Any]) -> StockRejected:
        return StockRejected(order_id=order["id"], shortages=(Shortage("MUG", 1, 0),))

    def captured(self, order: dict[str, Any], amount: int | None = None) -> PaymentCaptured:
        return PaymentCaptured(
            order_id=order["id"],
            payment_id="pay_1",
            amount=order["totals"]["total"]["amount"] if amount is None else amount,
            currency="EUR",
            captured_at=self.world.clock.now(),
        )

    def needs_action(self, order: dict[str, Any]) -> PaymentRequiresAction:
        return PaymentRequiresAction(
            order_id=order["id"],
            payment_id="pay_1",
            action_url="http://bank.test/act",
            expires_at=self.world.clock.now() + timedelta(minutes=30),
        )

    def failed(self, order: dict[str, Any]) -> PaymentFailed:
        return PaymentFailed(order_id=order["id"], payment_id="pay_1", code="declined", detail="no")

    def refunded(self, order: dict[str, Any], refund_id: str = "rfd_1", amount: int | None = None) -> PaymentRefunded:
        return PaymentRefunded(
            order_id=order["id"],
            payment_id="pay_1",
            refund_id=refund_id,
            amount=order["totals"]["total"]["amount"] if amount is None else amount,
            currency="EUR",
            refunded_at=self.world.clock.now(),
        )


def approved(vendor_id: str, bps: int = 1000, version: int = 1) -> VendorApproved:
    return VendorApproved(
        vendor_id=vendor_id,
        slug=vendor_id,
        name=vendor_id,
        country="DE",
        members=(),
        commission_bps=bps,
        version=version,
    )


def published(
    product_id: str, *variants: Variant, version: int = 1, vendor_id: str = "vnd_1", title: str = "Mug"
) -> ProductPublished:
    return ProductPublished(
        product_id=product_id,
        product=product(product_id, *variants, vendor_id=vendor_id, title=title),
        version=version,
    )


async def second_process(shop: Shop, **changed: Any) -> World:
    """The same service composed again over the same database, with a memory of its own. changed: of its settings."""
    settings = msgspec.structs.replace(settings_for(shop.world.dsn, ["orders"]), **changed)
    with unhurried():
        service = build(settings, clock=shop.world.clock)
    await service.db.open()
    return World({"orders": service}, shop.world.dsn, shop.world.clock)
