"""Customer groups and who is in them."""

from __future__ import annotations

import asyncio

import pytest

from estore.contracts.identity import AccountErased
from estore.kit.db import statements
from estore.services.orders import store
from orders.factories import Shop, key
from orders.promoting import TEN_PERCENT, operator, promotion, vendor

URL = "/v1/customer-groups"


async def groups(shop: Shop, *accounts: str) -> dict[str, frozenset[str]]:
    async with shop.world.service("orders").db.read() as tx:
        buyers = [store.Buyer(account, account, "") for account in accounts]
        return dict((await store.load_facts(tx, [], buyers, [], [])).groups)


async def test_a_group_is_made_once_and_deleted_with_its_members(shop: Shop) -> None:
    client = operator(shop)
    first = await client.put(f"{URL}/friends")
    shop.world.clock.advance(hours=1)
    again = await client.put(f"{URL}/friends")
    await client.put(f"{URL}/friends/members/acc_1")
    listed = (await client.get(URL)).json()["data"]
    gone = await client.delete(f"{URL}/friends")

    assert (first.status_code, first.json()) == (200, again.json())
    assert [(group["name"], group["members"]) for group in listed] == [("friends", 1)]
    assert (gone.status_code, (await client.delete(f"{URL}/friends")).status_code) == (204, 404)
    assert await groups(shop, "acc_1") == {}


async def test_accounts_come_and_go(shop: Shop) -> None:
    client = operator(shop)
    for name in ("friends", "staff"):
        await client.put(f"{URL}/{name}")
    members = f"{URL}/friends/members"
    body = {"account_ids": ["acc_1", "acc_2", "acc_2", "acc_3"]}
    added = await client.post(members, json=body, headers=key())
    more = await client.post(members, json={"account_ids": ["acc_3", "acc_4"]}, headers=key())
    puts = [(await client.put(f"{URL}/staff/members/acc_1")).status_code for _ in range(2)]
    gone = [(await client.delete(f"{members}/acc_2")).status_code for _ in range(2)]
    page = await client.get(f"{members}?limit=2")
    rest = await client.get(page.links["next"]["url"])

    assert (added.json(), more.json()) == ({"added": 3, "known": 0}, {"added": 1, "known": 1})
    assert (puts, gone) == ([204, 204], [204, 204])
    assert [one["account_id"] for answer in (page, rest) for one in answer.json()["data"]] == [
        "acc_1",
        "acc_3",
        "acc_4",
    ]
    assert await groups(shop, "acc_1", "acc_2", "acc_3") == {
        "acc_1": frozenset({"friends", "staff"}),
        "acc_3": frozenset({"friends"}),
    }


async def test_ten_thousand_accounts_take_few_statements(shop: Shop) -> None:
    client = operator(shop)
    await client.put(f"{URL}/friends")
    body = {"account_ids": [f"acc_01JD5Z1N8RZ3Q9K7V4M2W{number:05}" for number in range(10_000)]}
    with statements(at_most=7):
        answer = await client.post(f"{URL}/friends/members", json=body, headers=key())
    too_many = await client.post(
        f"{URL}/friends/members", json={"account_ids": [*body["account_ids"], "acc_x"]}, headers=key()
    )
    with statements(at_most=1):
        found = await groups(shop, body["account_ids"][0], body["account_ids"][-1], "acc_none")

    assert answer.json() == {"added": 10_000, "known": 0}
    assert set(found) == {body["account_ids"][0], body["account_ids"][-1]}
    assert (too_many.status_code, too_many.json()["errors"][0]["pointer"]) == (422, "/account_ids")


async def test_bad_names_and_unknown_groups(shop: Shop) -> None:
    client = operator(shop)
    await client.put(f"{URL}/friends")
    wrong = [await client.put(f"{URL}/{name}") for name in ("a b", "%00", "a" * 65, "ä")]
    wrong.append(await client.put(f"{URL}/friends/members/a%00b"))
    unknown = [
        await client.get(f"{URL}/none"),
        await client.get(f"{URL}/%00"),
        await client.get(f"{URL}/none/members"),
        await client.post(f"{URL}/none/members", json={"account_ids": ["acc_1"]}, headers=key()),
        await client.put(f"{URL}/none/members/acc_1"),
        await client.delete(f"{URL}/none/members/acc_1"),
        await client.delete(f"{URL}/none"),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in wrong} == {
        (422, "orders.customer_group_name_wrong")
    }
    assert {(answer.status_code, answer.json()["code"]) for answer in unknown} == {
        (404, "orders.customer_group_not_found")
    }


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_groups_are_the_operators_alone(standing_shop: Shop, method: str) -> None:
    for client in (vendor(standing_shop), standing_shop.client(standing_shop.world.token("acc_1"))):
        for url in (f"{URL}/friends", f"{URL}/friends/members/acc_1"):
            if (method, url.count("/")) != ("GET", 5):
                assert (await client.request(method, url)).status_code == 403
    assert (await standing_shop.guest.get(URL)).status_code == 401


async def test_a_group_that_promotions_are_for_stays(shop: Shop) -> None:
    client = operator(shop)
    await client.put(f"{URL}/friends")
    made = await promotion(client, conditions={"customer_groups": ["friends"]})
    refused = await client.delete(f"{URL}/friends")
    await client.post(f"/v1/promotions/{made['id']}/archive", headers=key())
    gone = await client.delete(f"{URL}/friends")

    assert (refused.status_code, refused.json()["code"]) == (409, "orders.customer_group_in_use")
    assert made["id"] in refused.json()["detail"]
    assert gone.status_code == 204


async def test_a_group_that_is_deleted_and_named_at_once_is_there_or_not_named(shop: Shop) -> None:
    client = operator(shop)
    body = TEN_PERCENT | {"conditions": {"customer_groups": ["friends"]}}
    for _ in range(6):
        await client.put(f"{URL}/friends")
        made, gone = await asyncio.gather(
            client.post("/v1/promotions", json=body, headers=key()), client.delete(f"{URL}/friends")
        )

        assert (made.status_code, gone.status_code) in ((201, 409), (422, 204))
        if made.status_code == 201:
            await client.post(f"/v1/promotions/{made.json()['id']}/archive", headers=key())


async def test_an_erased_account_is_in_no_group(shop: Shop) -> None:
    client = operator(shop)
    await client.put(f"{URL}/friends")
    await client.post(f"{URL}/friends/members", json={"account_ids": ["acc_1", "acc_2"]}, headers=key())
    erased = shop.world.envelope(AccountErased(account_id="acc_1", version=3))
    await shop.world.deliver_batch("orders", [erased, erased])
    await shop.world.deliver_batch("orders", [erased])

    assert await groups(shop, "acc_1", "acc_2") == {"acc_2": frozenset({"friends"})}
