"""What a vendor's status and its API keys mean to the services that are not vendors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from support.databases import Databases
from support.market import InProcess, Market, in_process, key, ok, until


@pytest.fixture(scope="module")
async def store(databases: Databases) -> AsyncIterator[InProcess]:
    async with in_process(databases) as store:
        yield store


@pytest.fixture(scope="module")
async def market(store: InProcess) -> Market:
    return await Market(store).open()


async def test_a_suspended_vendor_is_off_every_shelf_and_its_open_parcels_stay(market: Market) -> None:
    vendor = await market.vendor("Kurz")
    sku = await market.product(stock=5, vendor=vendor)
    buyer = market.buyer("acc_regular")
    cart = await ok(buyer.post("/v1/carts", headers=key()), 201)
    url = f"/v1/carts/{cart['id']}"
    await market.in_cart(buyer, cart["id"], sku)
    before = await market.bought((sku, 1))
    await ok(market.operator.post(f"/v1/vendors/{vendor.id}/suspend", json={"reason": "no"}, headers=key()), 200)

    async def unlisted() -> bool:
        listed = (await market.guest.get("/v1/products", params={"category": "mugs", "limit": 100})).json()["data"]
        return sku not in [product["slug"] for product in listed]

    async def not_in_cart() -> bool:
        [line] = (await buyer.get(url)).json()["lines"]
        return line["available"] is False

    await until("it is not listed", unlisted)
    await until("carts say that it cannot be bought", not_in_cart)
    await until("it cannot be quoted", lambda: market.has(market.quote((sku, 1)), 422))
    assert (await market.place((sku, 1))).status_code == 422
    assert (await buyer.put(f"{url}/lines/{sku}", json={"quantity": 2})).status_code in (409, 422)
    # what was bought before is still the vendor's to send
    [parcel] = (await ok(vendor.client.get("/v1/parcels", params={"status": "open"}), 200))["data"]
    shipped = {"carrier": "DHL", "tracking": "00340434161094042557"}
    await ok(vendor.client.post(f"/v1/parcels/{parcel['id']}/ship", json=shipped, headers=key()), 200)
    assert (await before.show())["parcels"][0]["status"] == "shipped"

    await ok(market.operator.post(f"/v1/vendors/{vendor.id}/reinstate", headers=key()), 200)
    await until("it is for sale again", lambda: market.has(market.quote((sku, 1)), 200))


async def test_an_api_key_works_everywhere_within_its_scopes_and_nowhere_a_second_after_it_was_revoked(
    market: Market,
) -> None:
    vendor, other = await market.vendor("Lang"), market.tonwerk
    sku = await market.product(stock=5, vendor=vendor)
    foreign = await market.product(stock=5, vendor=other)
    await market.bought((sku, 1))
    path = f"/v1/vendors/{vendor.id}/api-keys"
    form = {"name": "shop system", "scopes": ["catalog", "fulfilment"]}
    made = await ok(vendor.client.post(path, json=form, headers=key()), 201)
    program = market.store.client(made["key"])

    await until("orders know the key", lambda: market.has(program.get("/v1/parcels"), 200))
    await until("catalog knows the key", lambda: market.has(program.get("/v1/products?status=published"), 200))
    await until("inventory knows the key", lambda: market.has(program.get("/v1/stock"), 200))
    draft = {"title": "Bowl", "category": "mugs", "variants": [market.variant(f"BOWL-{vendor.id}", 900)]}
    receipt = {"location": "MAIN", "quantity": 3}
    parcels = (await program.get("/v1/parcels")).json()["data"]
    answers = {
        "draft": await program.post("/v1/products", json=draft, headers=key()),
        "receipt": await program.post(f"/v1/stock/{sku}/receipts", json=receipt, headers=key()),
        "ship": await program.post(f"/v1/parcels/{parcels[0]['id']}/ship", json={"carrier": "DHL"}, headers=key()),
        "foreign receipt": await program.post(f"/v1/stock/{foreign}/receipts", json=receipt, headers=key()),
        "keys": await program.get(path),
        "me": await program.get("/v1/me"),
    }

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "draft": 201,
        "receipt": 201,
        "ship": 200,
        "foreign receipt": 404,
        "keys": 403,
        "me": 401,
    }

    await ok(vendor.client.delete(f"{path}/{made['id']}"), 204)
    addresses = ("/v1/parcels", "/v1/products?status=published", "/v1/stock", f"/v1/vendors/{vendor.id}/plan")

    async def nowhere() -> bool:
        return {(await program.get(address)).status_code for address in addresses} == {401}

    # That nobody goes by what it knows of a key for a second, tests/kit/test_api_keys.py holds.
    await until("the key is refused by everybody", nowhere, pause=0.05)


async def test_a_burst_of_forged_keys_leaves_a_good_one_working(market: Market) -> None:
    form = {"name": "burst", "scopes": ["fulfilment"]}
    path = f"/v1/vendors/{market.tonwerk.id}/api-keys"
    made = await ok(market.tonwerk.client.post(path, json=form, headers=key()), 201)
    good = market.store.client(made["key"])
    await until("orders know the key", lambda: market.has(good.get("/v1/parcels"), 200))
    forged = [market.store.client(f"esk_{number:026d}_{'x' * 43}") for number in range(100)]

    answers = await asyncio.gather(*(client.get("/v1/parcels") for client in (*forged, good)))

    assert [answer.status_code for answer in answers] == [401] * 100 + [200]
