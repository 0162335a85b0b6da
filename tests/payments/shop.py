"""A world of payments, its provider within reach, and the events that orders would send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx

from estore.contracts.orders import OrderCancelled, OrderPaymentRequested, RefundRequested
from estore.contracts.payments import PaymentCaptured, PaymentFailed
from estore.kit.ids import new_id
from estore.services.payments.gateways import SandboxProvider
from estore.services.payments.jobs import Pump, Reports
from support.world import World

QUICK = {
    "ESTORE_PAYMENTS_CALL_TIMEOUT": "10",
    "ESTORE_PAYMENTS_PROVIDERS": "sandbox,invoice",
    "ESTORE_PAYMENTS_INVOICE_IBAN": "DE89 3704 0044 0532 0130 00",
    "ESTORE_PAYMENTS_INVOICE_BIC": "COBADEFFXXX",
    "ESTORE_PAYMENTS_INVOICE_HOLDER": "Estore <Ltd>",
}


class Shop:
    """Payments on a fresh database. The sandbox's webhooks go to its own routes, through no network."""

    def __init__(self, made: World) -> None:
        self.world = made
        service = made.service("payments")
        timers: dict[str, Any] = {job.name: job.run for job in service.jobs}
        self.pump: Pump = timers["payments.sweep"].__self__
        self.reports: Reports = timers["payments.reports"].__self__
        self.sandbox: SandboxProvider = timers["payments.sandbox"].__self__
        self.sandbox.client = made.http("payments")

    def request(self, method: str = "pm_ok", **values: Any) -> OrderPaymentRequested:
        defaults: dict[str, Any] = {
            "order_id": new_id("ord"),
            "number": "1000-0001",
            "account_id": "acc_01",
            "amount": 1999,
            "currency": "EUR",
            "payment_method": method,
            "expires_at": self.world.clock.now() + timedelta(minutes=15),
            "version": 2,
        }
        return OrderPaymentRequested(**defaults | values)

    def cancel(self, order_id: str) -> OrderCancelled:
        return OrderCancelled(order_id=order_id, reason="customer", version=3)

    def refund(self, order_id: str, amount: int = 500, **values: Any) -> RefundRequested:
        defaults = {"refund_id": new_id("rfd"), "currency": "EUR", "reason": "return"}
        return RefundRequested(order_id=order_id, amount=amount, **defaults | values)

    async def hear(self, *events: Any) -> None:
        """Deliver events and let the pump finish what they start."""
        await self.world.deliver("payments", *events)
        await self.pump.idle()

    async def pay(self, method: str = "pm_ok", **values: Any) -> str:
        """Request a payment and let the pump finish; returns the order's id."""
        request = self.request(method, **values)
        await self.hear(request)
        return request.order_id

    async def later(self, **delta: float) -> None:
        """Let time pass, then run the timers of service and provider until they have nothing left to do."""
        self.world.clock.advance(**delta)  # type: ignore[union-attr]
        await self.sandbox.tick()
        await self.pump.sweep()
        await self.pump.idle()

    @property
    def operator(self) -> httpx.AsyncClient:
        """A client of somebody who runs the store, signed in just now."""
        return self.world.http("payments", self.world.token("acc_op", operator=True))

    async def post(self, path: str, body: Any, key: str | None = None) -> httpx.Response:
        """Ask as an operator. key: the Idempotency-Key, a new one unless given."""
        return await self.operator.post(path, json=body, headers={"idempotency-key": key or new_id("key")})

    async def about(self, order_id: str, kind: type[Any]) -> list[Any]:
        """The events of one type about an order."""
        return [e for e in await self.world.emitted("payments", kind) if e.order_id == order_id]

    async def intent(self, order_id: str) -> dict[str, Any]:
        rows = await self.world.fetch("payments", "SELECT * FROM payment_intent WHERE order_id = $1", order_id)
        return rows[0]

    async def status(self, order_id: str) -> str:
        return str((await self.intent(order_id))["status"])

    async def charges(self, order_id: str) -> list[dict[str, Any]]:
        """The provider's side."""
        return await self.world.fetch("payments", "SELECT * FROM sandbox_charge WHERE order_id = $1", order_id)

    async def told(self, order_id: str) -> list[str]:
        """The names of the events about an order, oldest first."""
        events = await self.world.emitted("payments")
        return [type(e).__name__.removeprefix("Payment") for e in events if getattr(e, "order_id", "") == order_id]

    async def failure(self, order_id: str) -> str:
        (failed,) = [e for e in await self.world.emitted("payments", PaymentFailed) if e.order_id == order_id]
        return str(failed.code)

    async def captured(self, order_id: str) -> list[int]:
        return [e.amount for e in await self.world.emitted("payments", PaymentCaptured) if e.order_id == order_id]


_EMPTY = (
    "TRUNCATE payment_intent, dispute, payment_history, refund, webhook_event, outbox, once,"
    " sandbox_charge, sandbox_refund, sandbox_webhook, sandbox_dispute, payment_mark, report_cursor, provider_report"
)


@asynccontextmanager
async def opened(made: World) -> AsyncIterator[Shop]:
    """A shop with empty tables, whose books must agree with the provider's when the block ends."""
    async with made.service("payments").db.transaction() as tx:
        await tx.execute(_EMPTY)
    shop = Shop(made)
    settings = shop.sandbox.settings
    yield shop
    await shop.pump.stop(0.1)
    await shop.sandbox.stop()
    shop.pump._stopping = shop.pump._more = False
    shop.sandbox.settings = settings
    broken = await made.broken("payments")
    # That rule reads the real clock, and time stands still here.
    broken.pop("no payment is unsettled minutes after its deadline", None)
    assert broken == {}


async def all_at_once(*work: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*work, return_exceptions=True)
