"""Parcels: each vendor sends its own, and sees nothing of the others'."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from estore.contracts.orders import ParcelDelivered, ParcelShipped
from orders.factories import Shop, approved, key, published, variant


def member(shop: Shop, vendor: str = "vnd_1", role: str = "owner") -> httpx.AsyncClient:
    return shop.client(shop.world.token(f"acc_{vendor}_{role}", vendors={vendor: role}))


async def parcels(client: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/parcels{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_a_vendor_sees_its_own_lines_address_and_share_once_it_is_paid(shop: Shop) -> None:
    order = await shop.awaiting(("MUG", 2), ("LAMP", 1))
    assert await parcels(member(shop)) == []

    await shop.hear(shop.captured(order))
    [mine] = await parcels(member(shop))
    assert [line["sku"] for line in mine["lines"]] == ["MUG"]
    assert mine["shipping_address"]["city"] == "Leipzig"
    assert (mine["total"]["amount"], mine["commission"]["amount"], mine["payable"]["amount"]) == (5290, 600, 4690)
    assert "vnd_2" not in str(mine)
    assert "14190" not in str(mine)
    assert (await member(shop, "vnd_2").get(f"/v1/parcels/{mine['id']}")).status_code == 404
    assert (await member(shop).get(f"/v1/orders/{order['id']}")).status_code == 404


async def test_parcels_are_shipped_one_by_one_and_then_the_order_is(shop: Shop) -> None:
    order = await shop.confirmed(("MUG", 1), ("LAMP", 1))
    [mug], [lamp] = await parcels(member(shop)), await parcels(member(shop, "vnd_2"))
    states = []
    for vendor, parcel in (("vnd_1", mug), ("vnd_2", lamp)):
        answer = await member(shop, vendor).post(
            f"/v1/parcels/{parcel['id']}/ship", json={"carrier": "DHL", "tracking": "123"}, headers=key()
        )
        assert (answer.status_code, answer.json()["status"]) == (200, "shipped"), answer.text
        states.append((await shop.show(order))["status"])
    for vendor, parcel in (("vnd_1", mug), ("vnd_2", lamp)):
        answer = await member(shop, vendor).post(f"/v1/parcels/{parcel['id']}/deliver", json={}, headers=key())
        assert (answer.status_code, answer.json()["status"]) == (200, "delivered"), answer.text
        states.append((await shop.show(order))["status"])

    assert states == ["partly_shipped", "shipped", "shipped", "delivered"]
    shipped = await shop.world.emitted("orders", ParcelShipped)
    assert [(e.vendor_id, [line.sku for line in e.lines], e.tracking) for e in shipped] == [
        ("vnd_1", ["MUG"], "123"),
        ("vnd_2", ["LAMP"], "123"),
    ]
    assert len(await shop.world.emitted("orders", ParcelDelivered)) == 2


async def test_what_was_shipped_cannot_be_cancelled(shop: Shop) -> None:
    order = await shop.confirmed(("MUG", 1), ("LAMP", 1))
    [mug] = await parcels(member(shop))
    await member(shop).post(f"/v1/parcels/{mug['id']}/ship", json={}, headers=key())
    answer = await shop.client(order_secret=order["secret"]).post(
        f"/v1/orders/{order['id']}/cancel", json={}, headers=key()
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "orders.too_late_to_cancel")


async def test_what_nobody_said_was_delivered_is_taken_for_delivered_and_completed(shop: Shop) -> None:
    order = await shop.confirmed()
    [mug] = await parcels(member(shop))
    await member(shop).post(f"/v1/parcels/{mug['id']}/ship", json={}, headers=key())
    states = []
    for days in (31, 31):
        shop.world.clock.advance(days=days)
        for job in shop.world.service("orders").jobs:
            await job.run()
        states.append((await shop.show(order))["status"])

    assert states == ["delivered", "completed"]
    assert [e.parcel_id for e in await shop.world.emitted("orders", ParcelDelivered)] == [mug["id"]]


async def test_a_version_or_a_key_guards_a_parcel(shop: Shop) -> None:
    await shop.confirmed()
    [mug] = await parcels(member(shop))
    url, client, sent = f"/v1/parcels/{mug['id']}/ship", member(shop), key()
    tag = (await client.get(f"/v1/parcels/{mug['id']}")).headers["etag"]

    assert (await client.post(url, json={})).status_code == 428
    assert (await client.post(url, json={}, headers={"if-match": '"v99"'})).status_code == 412
    assert (await client.post(url, json={}, headers={"if-match": tag} | sent)).status_code == 200
    again = await client.post(url, json={}, headers={"if-match": tag} | sent)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert (await client.post(url, json={}, headers=key())).json()["code"] == "orders.parcel_not_open"
    assert len(await shop.world.emitted("orders", ParcelShipped)) == 1


@pytest.mark.parametrize(("role", "status"), [("owner", 200), ("fulfilment", 200), ("catalog", 403), ("finance", 403)])
async def test_only_owners_and_fulfilment_ship(shop: Shop, role: str, status: int) -> None:
    await shop.confirmed()
    [mug] = await parcels(member(shop, role=role))
    answer = await member(shop, role=role).post(f"/v1/parcels/{mug['id']}/ship", json={}, headers=key())

    assert answer.status_code == status


async def test_lists_are_filtered_and_paged_over_several_vendors(shop: Shop) -> None:
    for _ in range(3):
        await shop.confirmed(("MUG", 1), ("LAMP", 1))
    both = shop.client(shop.world.token("acc_b", vendors={"vnd_1": "owner", "vnd_2": "owner"}))
    operator = shop.client(shop.world.token("acc_o", operator=True))
    everything = [p["id"] for p in await parcels(both)]
    await both.post(f"/v1/parcels/{everything[0]}/ship", json={}, headers=key())
    paged: list[str] = []
    url = "/v1/parcels?limit=4"
    while url:
        page = (await both.get(url)).json()
        paged += [p["id"] for p in page["data"]]
        url = f"/v1/parcels?limit=4&cursor={page['next_cursor']}" if page["next_cursor"] else ""

    assert everything == paged == [p["id"] for p in await parcels(operator)]
    assert [p["id"] for p in await parcels(both, "?status=shipped")] == everything[:1]
    assert (
        len(await parcels(both, "?status=open&vendor=vnd_1")) + len(await parcels(both, "?status=open&vendor=vnd_2"))
        == 5
    )
    assert await parcels(member(shop), "?vendor=vnd_2") == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/parcels?status=pending", 400),
        ("/v1/parcels?status=lost", 400),
        ("/v1/parcels?cursor=WyJhIiwwXQ", 400),
        ("/v1/parcels?vendor=%00", 400),
        ("/v1/parcels/pcl_1-1", 404),
        ("/v1/parcels/nonsense", 404),
        ("/v1/parcels/pcl_%00-1", 404),
        ("/v1/parcels/pcl_x-999", 404),
    ],
)
async def test_what_is_wrong_is_refused(standing_shop: Shop, path: str, status: int) -> None:
    assert (await member(standing_shop).get(path)).status_code == status


async def test_a_consumer_sees_no_parcels(standing_shop: Shop) -> None:
    assert (await standing_shop.client(standing_shop.world.token("acc_1")).get("/v1/parcels")).status_code == 403
    assert (await standing_shop.guest.get("/v1/parcels")).status_code == 401


@pytest.mark.parametrize("ending", ["rejected", "failed", "cancelled"])
async def test_a_vendor_never_sees_the_address_of_an_order_that_was_not_paid(shop: Shop, ending: str) -> None:
    order = await shop.awaiting()
    if ending == "cancelled":
        client = shop.client(order_secret=order["secret"])
        await client.post(f"/v1/orders/{order['id']}/cancel", json={}, headers=key())
    else:
        await shop.hear(getattr(shop, ending)(order))
    shown = await shop.show(order)
    [parcel] = shown["parcels"]

    assert parcel["status"] == "cancelled"
    assert await parcels(member(shop)) == []
    assert (await member(shop).get(f"/v1/parcels/{parcel['id']}")).status_code == 404


async def test_a_vendor_still_sees_what_was_cancelled_after_it_was_paid(shop: Shop) -> None:
    order = await shop.confirmed()
    client = shop.client(order_secret=order["secret"])
    await client.post(f"/v1/orders/{order['id']}/cancel", json={}, headers=key())

    assert [parcel["status"] for parcel in await parcels(member(shop))] == ["cancelled"]


async def test_an_order_is_shown_anew_whenever_one_of_its_parcels_moved(shop: Shop) -> None:
    await shop.hear(approved("vnd_3"), published("prd_9", variant("RUG", 4000), vendor_id="vnd_3"))
    order = await shop.confirmed(("MUG", 1), ("LAMP", 1), ("RUG", 1))
    buyer = shop.client(order_secret=order["secret"])
    tags = [(await buyer.get(f"/v1/orders/{order['id']}")).headers["etag"]]
    for step in ("ship", "deliver"):
        for vendor in ("vnd_1", "vnd_2", "vnd_3"):
            [parcel] = await parcels(member(shop, vendor))
            moved = await member(shop, vendor).post(f"/v1/parcels/{parcel['id']}/{step}", json={}, headers=key())
            assert moved.status_code == 200, moved.text
            shown = await buyer.get(f"/v1/orders/{order['id']}", headers={"If-None-Match": tags[-1]})
            assert shown.status_code == 200, f"{step} by {vendor} is not shown"
            tags.append(shown.headers["etag"])

    assert len(set(tags)) == len(tags)
