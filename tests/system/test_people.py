"""The first day of a marketplace, with nothing but the API: accounts, mails, sign-in, a shop, a purchase."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from support.databases import Databases
from support.market import ADDRESS, HASTY, Bought, InProcess, Market, eur, in_process, key, ok, until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
PASSWORD = "correct horse battery staple"
BOSS = "boss@example.com"


@pytest.fixture(scope="module")
async def store(databases: Databases) -> AsyncIterator[InProcess]:
    first = {"ESTORE_IDENTITY_OPERATOR_EMAIL": BOSS, "ESTORE_IDENTITY_OPERATOR_PASSWORD": PASSWORD}
    async with in_process(databases, **HASTY, **first) as made:
        yield made


async def sign_in(store: InProcess, email: str) -> httpx.AsyncClient:
    answer = await ok(store.client().post("/v1/sessions", json={"email": email, "password": PASSWORD}), 201)
    client = store.client(answer["access_token"])
    client.headers["x-refresh"] = answer["refresh_token"]
    return client


async def refreshed(store: InProcess, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same session with the roles of now."""
    body = {"refresh_token": client.headers["x-refresh"]}
    answer = await ok(store.client().post("/v1/sessions/refresh", json=body), 200)
    again = store.client(answer["access_token"])
    again.headers["x-refresh"] = answer["refresh_token"]
    return again


async def registered(store: InProcess, boss: httpx.AsyncClient, email: str) -> httpx.AsyncClient:
    """Register, answer the mail, sign in."""
    guest = store.client()
    await ok(guest.post("/v1/accounts", json={"email": email, "password": PASSWORD, "name": "Ada"}, headers=key()), 201)

    async def mail() -> Any:
        page = await ok(boss.get("/v1/accounts/mails", params={"email": email}), 200)
        return page["data"]

    [sent] = await until("the mail is there", mail)
    await ok(guest.post("/v1/accounts/verify", json={"token": sent["token"]}), 200)
    return await sign_in(store, email)


async def test_a_shop_opens_and_sells(store: InProcess) -> None:
    boss = await sign_in(store, BOSS)
    await ok(boss.post("/v1/categories", json={"name": "Mugs"}, headers=key()), 201)
    owner = await registered(store, boss, "ton@example.com")
    shop = await ok(owner.post("/v1/vendors", json={"name": "Tonwerk", "country": "DE"}, headers=key()), 201)
    draft = {"title": "Oat mug", "category": "mugs", "variants": [Market.variant("OAT", 2400)]}
    assert (await owner.post("/v1/products", json=draft, headers=key())).status_code == 403
    await ok(boss.post(f"/v1/vendors/{shop['id']}/approve", json={}, headers=key()), 200)

    async def is_member() -> bool:
        return shop["id"] in (await ok(owner.get("/v1/me"), 200))["vendors"]

    await until("the owner is a member", is_member)
    owner = await refreshed(store, owner)

    mug = await ok(owner.post("/v1/products", json=draft, headers=key()), 201)
    publish = f"/v1/products/{mug['id']}/publish"
    await until("catalog knows the shop", lambda: Market.has(owner.post(publish, headers=key()), 200))
    await until("inventory knows it", lambda: Market.has(owner.get("/v1/stock/OAT"), 200))
    receipt = {"location": "MAIN", "quantity": 3}
    await ok(owner.post("/v1/stock/OAT/receipts", json=receipt, headers=key()), 201)

    ada = await registered(store, boss, "ada@example.com")
    order = {
        "lines": [{"sku": "OAT", "quantity": 1}],
        "email": "ada@example.com",
        "shipping_address": ADDRESS,
        "payment_method": "pm_ok",
    }

    async def placed() -> Any:
        answer = await ada.post("/v1/orders", json=order, headers=key() | {"Prefer": "wait=20"})
        return answer.json() if answer.status_code in (201, 202) else None

    bought = Bought(Market(store), ada, (await until("orders knows the offer", placed))["id"], {})
    done = await bought.settled("confirmed")
    assert (done["status"], done["totals"]["total"]) == ("confirmed", eur(2890))
    [parcel] = (await ok(owner.get("/v1/parcels"), 200))["data"]
    assert (parcel["order_id"], parcel["status"]) == (done["id"], "open")
    assert (await ok(boss.get(f"/v1/orders/{done['id']}"), 200))["email"] == "ada@example.com"
    assert (await owner.get(f"/v1/orders/{done['id']}")).status_code == 404


@pytest.mark.parametrize("why", ["early", "compromised"])
async def test_keys_are_rotated_and_everybody_can_still_sign_in(store: InProcess, why: str) -> None:
    boss = await sign_in(store, BOSS)
    before = await key_ids(store)
    await ok(boss.post("/v1/accounts/keys", json={why: True}, headers=key()), 202)

    assert await key_ids(store) - before, "there is no new key"
    again = await sign_in(store, BOSS)
    for path in ("/v1/me", "/v1/orders", "/v1/parcels", "/v1/stock", "/v1/vendors?mine=true"):

        async def is_let_in(path: str = path) -> bool:
            return (await again.get(path)).status_code == 200

        await until(f"{path} knows the new key", is_let_in)
    for path in ("/v1/me", "/v1/orders"):

        async def is_as_it_should(path: str = path) -> bool:
            return (await boss.get(path)).status_code == (401 if why == "compromised" else 200)

        await until(f"{path} treats the old key as it should", is_as_it_should)


async def key_ids(store: InProcess) -> set[str]:
    """What the store says signs its tokens."""
    return {jwk["kid"] for jwk in (await ok(store.client().get("/v1/accounts/jwks.json"), 200))["keys"]}


async def test_the_store_is_sound(store: InProcess) -> None:
    await Market(store).proved()
