"""Who makes promotions in a test, and how."""

from __future__ import annotations

from typing import Any

import httpx

from orders.factories import Shop, key

TEN_PERCENT: dict[str, Any] = {"title": "Ten percent", "effect": {"type": "percentage", "bps": 1000}}


def operator(shop: Shop) -> httpx.AsyncClient:
    return shop.client(shop.world.token("acc_op", operator=True))


def vendor(shop: Shop, vendor_id: str = "vnd_1", role: str = "owner") -> httpx.AsyncClient:
    return shop.client(shop.world.token(f"acc_{vendor_id}_{role}", vendors={vendor_id: role}))


async def promotion(client: httpx.AsyncClient, **values: Any) -> dict[str, Any]:
    """Make a promotion: ten percent off everything, by code, unless told otherwise."""
    answer = await client.post("/v1/promotions", json=TEN_PERCENT | values, headers=key())
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def with_code(client: httpx.AsyncClient, code: str, **values: Any) -> dict[str, Any]:
    """Make a promotion that takes a code."""
    made = await promotion(client, **values)
    answer = await client.post(f"/v1/promotions/{made['id']}/codes", json={"code": code}, headers=key())
    assert answer.status_code == 201, answer.text
    return made


async def revision(shop: Shop) -> int:
    """The revision of the book of promotions."""
    (row,) = await shop.world.fetch("orders", "SELECT revision FROM promotion_book")
    found: int = row["revision"]
    return found
