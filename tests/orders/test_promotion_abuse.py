"""What strangers and vendors send to break promotions: an answer or a clear 4xx, and never a harm to others."""

from __future__ import annotations

import pytest

from estore.contracts.catalog import NewPrice, PriceChanged
from estore.kit.money import MAX_AMOUNT, Money
from estore.services.orders.service.promotions import running
from orders.factories import Shop, key, second_process
from orders.promoting import TEN_PERCENT, operator, promotion, vendor, with_code

EDGES = (
    "2099-01-01T00:00:00+23:59",
    "2099-01-01T00:00:00-23:59",
    "0001-01-01T00:00:00-01:00",
    "9999-12-31T23:59:59.999999Z",
)


@pytest.mark.parametrize("moment", EDGES)
@pytest.mark.parametrize("field", ["starts_at", "ends_at"])
async def test_no_date_of_a_vendors_promotion_keeps_others_from_ordering(shop: Shop, field: str, moment: str) -> None:
    made = await promotion(vendor(shop), automatic=True, **{field: moment})
    shown = await vendor(shop).get(f"/v1/promotions/{made['id']}")

    assert made[field].endswith("Z")
    assert shown.json()[field] == made[field]
    assert await shop.place()


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
@pytest.mark.parametrize("field", ["starts_at", "ends_at"])
async def test_a_date_beyond_all_calendars_is_refused(shop: Shop, field: str, moment: str) -> None:
    answer = await vendor(shop).post("/v1/promotions", json=TEN_PERCENT | {field: moment}, headers=key())

    assert (answer.status_code, answer.json()["code"]) == (422, "orders.promotion_dates_wrong")
    assert answer.json()["errors"][0]["pointer"] == f"/{field}"


async def test_goods_for_more_than_there_is_money_are_too_much_also_when_all_of_it_is_taken_off(shop: Shop) -> None:
    dear = NewPrice("MUG", Money(MAX_AMOUNT, "EUR"))
    await shop.hear(PriceChanged(product_id="prd_1", prices=(dear,), version=2))
    await promotion(operator(shop), automatic=True, effect={"type": "percentage", "bps": 10_000})
    lines = [{"sku": "MUG", "quantity": 9999}] * 100
    quoted = await shop.guest.post("/v1/quotes", json=shop.body(email=None, payment_method=None) | {"lines": lines})
    placed = await shop.guest.post("/v1/orders", json=shop.body() | {"lines": lines}, headers=key())

    assert (quoted.status_code, placed.status_code) == (422, 422)
    assert quoted.json()["code"] == placed.json()["code"] == "orders.too_much"


async def test_a_vendor_has_no_more_promotions_than_orders_can_look_at(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "MOST_ACTIVE", 2)
    first, _ = [await promotion(vendor(shop)) for _ in range(2)]
    url = f"/v1/promotions/{first['id']}"
    refused = await vendor(shop).post("/v1/promotions", json=TEN_PERCENT, headers=key())
    await vendor(shop).post(f"{url}/pause", json={}, headers=key())
    await promotion(vendor(shop))
    resumed = await vendor(shop).post(f"{url}/resume", json={}, headers=key())

    assert await promotion(vendor(shop, "vnd_2"))
    for answer in (refused, resumed):
        assert (answer.status_code, answer.json()["code"]) == (409, "orders.promotions_too_many")


async def test_nobody_finds_others_codes_by_taking_them_or_keeps_all_busy_with_changes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every second two more are free.
    monkeypatch.setattr("estore.kit.rate.monotonic", lambda: 0.0)
    made = await with_code(vendor(shop), "MINE")
    await with_code(operator(shop), "THEIRS")
    other = await second_process(shop, rate_factor=1.0)
    try:
        client = other.http("orders", other.token("acc_v", vendors={"vnd_1": "owner"}))
        url = f"/v1/promotions/{made['id']}"
        taken = [await client.post(f"{url}/codes", json={"code": "THEIRS"}, headers=key()) for _ in range(130)]
        paused = [await client.post(f"{url}/pause", json={}, headers=key()) for _ in range(130)]
    finally:
        await other.service("orders").db.close()

    assert [answer.status_code for answer in taken] == [409] * 120 + [429] * 10
    assert [answer.status_code for answer in paused] == [200] * 120 + [429] * 10
