"""What tests of refunds and returns say to the API, and what payments would say."""

from __future__ import annotations

from typing import Any

import httpx

from estore.contracts.orders import RefundAllocated
from estore.contracts.payments import PaymentDisputeClosed, PaymentRefundFailed
from orders.factories import Shop, key


def operator(shop: Shop) -> httpx.AsyncClient:
    return shop.client(shop.world.token("acc_op", operator=True))


def member(shop: Shop, vendor: str = "vnd_1", role: str = "owner") -> httpx.AsyncClient:
    return shop.client(shop.world.token(f"acc_{vendor}_{role}", vendors={vendor: role}))


def buyer(shop: Shop, order: dict[str, Any]) -> httpx.AsyncClient:
    return shop.client(order_secret=order["secret"])


def eur(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


def line(order: dict[str, Any], number: int, quantity: int = 1) -> dict[str, Any]:
    return {"line_id": order["lines"][number]["id"], "quantity": quantity}


async def refund(client: httpx.AsyncClient, order: dict[str, Any], **body: Any) -> httpx.Response:
    sent = {"reason": "sorry"} | body
    return await client.post(f"/v1/orders/{order['id']}/refunds", json=sent, headers=key())


async def cancel(shop: Shop, order: dict[str, Any]) -> None:
    answer = await buyer(shop, order).post(f"/v1/orders/{order['id']}/cancel", json={}, headers=key())
    assert answer.status_code == 200, answer.text


async def deliver(shop: Shop, order: dict[str, Any], *, vendors: tuple[str, ...] = ("vnd_1", "vnd_2")) -> None:
    """Ship and deliver the parcels of these vendors."""
    for parcel in order["parcels"]:
        if parcel["vendor_id"] in vendors:
            for step in ("ship", "deliver"):
                url = f"/v1/parcels/{parcel['id']}/{step}"
                answer = await member(shop, parcel["vendor_id"]).post(url, json={}, headers=key())
                assert answer.status_code == 200, answer.text


async def allocations(shop: Shop) -> list[RefundAllocated]:
    return await shop.world.emitted("orders", RefundAllocated)


def refund_failed(order: dict[str, Any], refund_id: str, amount: int) -> PaymentRefundFailed:
    return PaymentRefundFailed(
        order_id=order["id"], payment_id="pay_1", refund_id=refund_id, amount=amount, currency="EUR", code="declined"
    )


def dispute_closed(
    shop: Shop, order: dict[str, Any], amount: int, *, won: bool = False, dispute_id: str = "dsp_1"
) -> PaymentDisputeClosed:
    return PaymentDisputeClosed(
        order_id=order["id"],
        payment_id="pay_1",
        dispute_id=dispute_id,
        amount=amount,
        currency="EUR",
        won=won,
        closed_at=shop.world.clock.now(),
    )


async def run_jobs(shop: Shop) -> None:
    for job in shop.world.service("orders").jobs:
        await job.run()
