"""Events that reach a ledger, and what it then says."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

from estore.contracts.orders import OrderConfirmed, OrderLine, ParcelShare, Totals
from estore.contracts.payments import PaymentCaptured
from estore.contracts.vendors import VendorApproved
from support.world import World

VENDOR, OTHER = "vnd_01", "vnd_02"


class Ledger:
    """A world of the ledger alone, told what happened elsewhere."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = world.clock
        self._numbers = count(1)

    async def hear(self, *events: Any) -> None:
        await self.world.deliver("ledger", *events)

    async def balances(self, vendor: str = VENDOR, currency: str = "EUR", **query: str) -> dict[str, int]:
        """What the API says the vendor is owed, without the zeros."""
        async with self.world.http("ledger", self.world.token(operator=True)) as client:
            answer = await client.get("/v1/ledger/balances", params={"vendor": vendor, **query})
        assert answer.status_code == 200, answer.text
        for row in answer.json()["data"]:
            if row["currency"] == currency:
                return {k: v["amount"] for k, v in row.items() if isinstance(v, dict) and v["amount"]}
        return {}

    def order_id(self) -> str:
        return f"ord_{next(self._numbers):026d}"

    def vendor(self, vendor_id: str = VENDOR, version: int = 1, **values: Any) -> VendorApproved:
        values = {"slug": vendor_id, "name": "A shop", "country": "DE", "members": (), "commission_bps": 1000} | values
        return VendorApproved(vendor_id=vendor_id, version=version, **values)

    def sale(
        self,
        order_id: str | None = None,
        *,
        earns: dict[str, tuple[int, int, int]] | None = None,
        currency: str = "EUR",
    ) -> OrderConfirmed:
        """An order. earns: vendor -> (total, commission, commission_tax); one line and one parcel each."""
        order_id = order_id or self.order_id()
        earns = earns or {VENDOR: (10_000, 1_000, 190)}
        lines, parcels = [], []
        for number, (vendor, (total, commission, tax)) in enumerate(earns.items(), 1):
            parcels.append(
                ParcelShare(
                    parcel_id=parcel_of(order_id, number),
                    vendor_id=vendor,
                    items=total,
                    discount=0,
                    shipping=0,
                    tax=0,
                    total=total,
                    commission=commission,
                    commission_tax=tax,
                )
            )
            lines.append(
                OrderLine(
                    line_id=f"{order_id}-{number}",
                    sku=f"SKU-{number}",
                    product_id=f"prd_{number}",
                    vendor_id=vendor,
                    title="A thing",
                    quantity=1,
                    unit_price=total,
                    discount=0,
                    tax=0,
                    total=total,
                    commission=commission,
                    commission_tax=tax,
                    category_path=("home", "lamps"),
                )
            )
        total = sum(share.total for share in parcels)
        return OrderConfirmed(
            order_id=order_id,
            number="E-7K3M-92QX",
            account_id="acc_01",
            email="a@example.com",
            lines=tuple(lines),
            totals=Totals(items=total, discount=0, shipping=0, tax=0, total=total, currency=currency),
            payment_id=f"pay_{order_id}",
            version=3,
            parcels=tuple(parcels),
        )

    def capture(self, sale: OrderConfirmed) -> PaymentCaptured:
        """The capture that paid for it."""
        return PaymentCaptured(
            order_id=sale.order_id,
            payment_id=sale.payment_id,
            amount=sale.totals.total,
            currency=sale.totals.currency,
            captured_at=self.clock.now() - timedelta(seconds=2),
        )


def parcel_of(order_id: str, number: int = 1) -> str:
    return f"pcl_{order_id.removeprefix('ord_')}-{number}"
