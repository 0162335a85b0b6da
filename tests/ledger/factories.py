"""Events that reach a ledger, and what it then says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from typing import Any

import asyncpg
import httpx

from estore.contracts.orders import (
    OrderConfirmed,
    OrderLine,
    ParcelDelivered,
    ParcelShare,
    ParcelShipped,
    RefundAllocated,
    RefundLine,
    RefundShare,
    ReturnClosed,
    ReturnRequested,
    Totals,
)
from estore.contracts.payments import (
    PaymentCaptured,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentRefunded,
    PaymentRefundFailed,
)
from estore.contracts.vendors import VendorApproved
from support.waiting import until
from support.world import World

VENDOR, OTHER = "vnd_01", "vnd_02"
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
_SESSIONS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'estore-ledger'
"""


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

    async def hear_together(self, *events: Any) -> None:
        """Hear events of one type as one batch."""
        await self.world.deliver_batch("ledger", list(events))

    async def run(self, job: str) -> None:
        """Let a timer ring, `release_due`."""
        (found,) = [each for each in self.world.service("ledger").jobs if each.name == f"ledger.{job}"]
        await found.run()

    async def ask(self, method: str, path: str, *, who: dict[str, Any] | None = None, **how: Any) -> httpx.Response:
        """Ask as an operator, or as `who` (what World.token takes). key: the Idempotency-Key."""
        headers = how.pop("headers", {}) | ({"idempotency-key": how.pop("key")} if "key" in how else {})
        token = self.world.token(**({"operator": True} if who is None else who))
        async with self.world.http("ledger", token) as client:
            return await client.request(method, path, headers=headers, **how)

    async def fetch(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        return await self.world.fetch("ledger", sql, *args)

    async def deadlocks(self) -> int:
        """How many this database has seen. Sessions tell of theirs within ten seconds, or as they end; so they end."""
        db = self.world.service("ledger").db
        await db.close()
        conn = await asyncpg.connect(self.world.dsn)

        async def ended() -> bool:
            return not await conn.fetchval(_SESSIONS)

        try:
            await until("all sessions have ended", ended)
            found: int = await conn.fetchval(_DEADLOCKS)
        finally:
            await conn.close()
        await db.open()
        return found

    def order_id(self) -> str:
        return f"ord_{next(self._numbers):026d}"

    def vendor(self, vendor_id: str = VENDOR, version: int = 1, **values: Any) -> VendorApproved:
        values = {"slug": vendor_id, "name": "A shop", "country": "DE", "members": (), "commission_bps": 1000} | values
        return VendorApproved(vendor_id=vendor_id, version=version, **values)

    def sale(
        self,
        order_id: str | None = None,
        *,
        earns: Mapping[str, tuple[int, ...]] | None = None,
        currency: str = "EUR",
        credit: int = 0,
    ) -> OrderConfirmed:
        """An order. earns: vendor -> (total, commission, commission_tax[, funded]); one line and one parcel each."""
        order_id = order_id or self.order_id()
        earns = earns or {VENDOR: (10_000, 1_000, 190)}
        lines, parcels = [], []
        for number, (vendor, (total, commission, tax, *rest)) in enumerate(earns.items(), 1):
            funded = sum(rest)
            parcels.append(
                ParcelShare(
                    parcel_id=parcel_of(order_id, number),
                    vendor_id=vendor,
                    items=total + funded,
                    discount=funded,
                    shipping=0,
                    tax=0,
                    total=total,
                    commission=commission,
                    commission_tax=tax,
                    funded=funded,
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
                    unit_price=total + funded,
                    discount=funded,
                    tax=0,
                    total=total,
                    commission=commission,
                    commission_tax=tax,
                    funded=funded,
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
            credit=credit,
        )

    def capture(self, sale: OrderConfirmed) -> PaymentCaptured:
        """The capture that paid for it."""
        return PaymentCaptured(
            order_id=sale.order_id,
            payment_id=sale.payment_id,
            amount=sale.totals.total - sale.credit,
            currency=sale.totals.currency,
            captured_at=self.clock.now() - timedelta(seconds=2),
        )

    def shipped(self, sale: OrderConfirmed, number: int = 1, *, complete: bool = True) -> ParcelShipped:
        share = sale.parcels[number - 1]
        return ParcelShipped(
            parcel_id=share.parcel_id,
            order_id=sale.order_id,
            vendor_id=share.vendor_id,
            lines=(),
            carrier=None,
            tracking=None,
            version=2,
            complete=complete,
        )

    def delivered(self, sale: OrderConfirmed, number: int = 1, *, days: int | None = 14) -> ParcelDelivered:
        """It arrived just now, and may be returned for so many days; None: orders does not say."""
        share, now = sale.parcels[number - 1], self.clock.now()
        return ParcelDelivered(
            parcel_id=share.parcel_id,
            order_id=sale.order_id,
            account_id=None,
            vendor_id=share.vendor_id,
            lines=(),
            delivered_at=now,
            version=3,
            returnable_until=None if days is None else now + timedelta(days=days),
        )

    def refund(
        self,
        sale: OrderConfirmed,
        refund_id: str = "",
        *,
        takes: Mapping[int, tuple[int, ...]] | None = None,
        platform: int = 0,
        cause: str = "goodwill",
        return_id: str | None = None,
        credit: int = 0,
    ) -> RefundAllocated:
        """Who bears a refund. takes: number of the parcel -> (amount, commission, commission_tax[, funded]) given
        back. credit: what of it goes back as credit."""
        if takes is None:
            takes = {n: (p.total, p.commission, p.commission_tax, p.funded) for n, p in enumerate(sale.parcels, 1)}
        shares = tuple(
            RefundShare(
                parcel_id=sale.parcels[number - 1].parcel_id,
                vendor_id=sale.parcels[number - 1].vendor_id,
                amount=amount,
                tax=0,
                commission=commission,
                commission_tax=tax,
                lines=(RefundLine(sale.lines[number - 1].line_id, 1, amount, 0, commission, tax, sum(funded)),),
                funded=sum(funded),
            )
            for number, (amount, commission, tax, *funded) in takes.items()
        )
        return RefundAllocated(
            refund_id=refund_id or f"rfd_{next(self._numbers):026d}",
            order_id=sale.order_id,
            amount=sum(share.amount for share in shares) + platform,
            currency=sale.totals.currency,
            cause=cause,
            reason="asked for",
            return_id=return_id,
            shares=shares,
            platform=platform,
            unearned=0,
            allocated_at=self.clock.now(),
            credit=credit,
        )

    def refund_paid(self, sale: OrderConfirmed, refund: RefundAllocated) -> PaymentRefunded:
        return PaymentRefunded(
            order_id=sale.order_id,
            payment_id=sale.payment_id,
            refund_id=refund.refund_id,
            amount=refund.amount - refund.credit,
            currency=refund.currency,
            refunded_at=self.clock.now(),
        )

    def refund_failed(self, sale: OrderConfirmed, refund: RefundAllocated) -> PaymentRefundFailed:
        return PaymentRefundFailed(
            order_id=sale.order_id,
            payment_id=sale.payment_id,
            refund_id=refund.refund_id,
            amount=refund.amount,
            currency=refund.currency,
            code="refused",
        )

    def dispute(self, sale: OrderConfirmed, amount: int | None = None, dispute_id: str = "") -> PaymentDisputed:
        return PaymentDisputed(
            order_id=sale.order_id,
            payment_id=sale.payment_id,
            dispute_id=dispute_id or f"dsp_{next(self._numbers):026d}",
            amount=sale.totals.total if amount is None else amount,
            currency=sale.totals.currency,
            reason="fraudulent",
        )

    def dispute_closed(self, dispute: PaymentDisputed, *, won: bool) -> PaymentDisputeClosed:
        return PaymentDisputeClosed(
            order_id=dispute.order_id,
            payment_id=dispute.payment_id,
            dispute_id=dispute.dispute_id,
            amount=dispute.amount,
            currency=dispute.currency,
            won=won,
            closed_at=self.clock.now(),
        )

    def return_(self, sale: OrderConfirmed, payable: int, return_id: str = "", number: int = 1) -> ReturnRequested:
        share = sale.parcels[number - 1]
        return ReturnRequested(
            return_id=return_id or f"ret_{next(self._numbers):026d}",
            order_id=sale.order_id,
            parcel_id=share.parcel_id,
            vendor_id=share.vendor_id,
            account_id=None,
            reason="too small",
            lines=(),
            amount=payable,
            payable=payable,
            currency=sale.totals.currency,
            version=1,
        )

    def return_closed(self, asked: ReturnRequested, outcome: str = "refused") -> ReturnClosed:
        return ReturnClosed(
            return_id=asked.return_id,
            order_id=asked.order_id,
            parcel_id=asked.parcel_id,
            vendor_id=asked.vendor_id,
            outcome=outcome,
            refund_id=None,
            closed_at=self.clock.now(),
            version=2,
        )

    async def available(self, **sale: Any) -> OrderConfirmed:
        """A sale whose money is available already."""
        sold = self.sale(**sale)
        await self.hear(self.capture(sold), sold)
        for number in range(1, len(sold.parcels) + 1):
            await self.hear(self.delivered(sold, number, days=0))
        await self.run("release_due")
        return sold


def parcel_of(order_id: str, number: int = 1) -> str:
    return f"pcl_{order_id.removeprefix('ord_')}-{number}"
