"""API keys of vendors over HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from estore.contracts.vendors import ApiKeyChanged
from estore.services.vendors.domain import MAX_KEYS
from vendors.conftest import Vendors

BODY = {"name": "warehouse", "scopes": ["fulfilment", "catalog"]}


async def make(vendors: Vendors, vendor: Any, **values: Any) -> Any:
    answer = await vendors.person().post(f"/v1/vendors/{vendor['id']}/api-keys", json=BODY | values)
    assert answer.status_code == 201, answer.text
    return answer.json()


def program(vendors: Vendors, made: Any) -> httpx.AsyncClient:
    return vendors.world.http("vendors", made["key"])


async def test_its_secret_is_shown_once_and_kept_nowhere(vendors: Vendors) -> None:
    vendor = await vendors.approved()

    made = await make(vendors, vendor)
    listed = (await vendors.person().get(f"/v1/vendors/{vendor['id']}/api-keys")).json()["data"]

    secret = made["key"].split("_", 2)[2]
    assert made["key"].startswith(f"esk_{made['id'].removeprefix('key_')}_")
    assert len(secret) == 43
    assert listed == [{name: value for name, value in made.items() if name != "key"}]
    assert (listed[0]["last4"], listed[0]["scopes"], listed[0]["created_by"]) == (
        secret[-4:],
        ["catalog", "fulfilment"],
        "acc_mia",
    )
    for table in ("api_key", "trusted_api_key", "vendor_history", "once", "outbox"):
        rows = await vendors.world.fetch("vendors", f"SELECT t::text AS row FROM {table} t")
        assert not [row for row in rows if secret in row["row"]], table
    for row in await vendors.world.fetch("vendors", "SELECT body FROM outbox"):
        assert secret.encode() not in row["body"]


async def test_the_same_idempotency_key_makes_one_and_shows_it_again_though_it_was_not_kept(vendors: Vendors) -> None:
    vendor = await vendors.approved()
    path, once = f"/v1/vendors/{vendor['id']}/api-keys", {"idempotency-key": "k"}

    first = await vendors.person().post(path, json=BODY, headers=once)
    again = await vendors.person().post(path, json=BODY, headers=once)

    [stored] = await vendors.world.fetch("vendors", "SELECT response FROM once WHERE key = 'k'")
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json()["key"].split("_", 2)[2].encode() not in stored["response"]
    assert len(await vendors.world.emitted("vendors", ApiKeyChanged)) == 1


async def test_its_whole_state_is_told_and_a_revocation_once(vendors: Vendors) -> None:
    vendor = await vendors.approved()
    expires = vendors.world.clock.now() + timedelta(days=30)
    made = await make(vendors, vendor, expires_at=expires.isoformat())
    path = f"/v1/vendors/{vendor['id']}/api-keys/{made['id']}"

    answers = await asyncio.gather(*(vendors.person().delete(path) for _ in range(3)))

    events = await vendors.world.emitted("vendors", ApiKeyChanged)
    [seen] = (await vendors.operator.get(f"/v1/vendors/{vendor['id']}/api-keys")).json()["data"]
    assert [answer.status_code for answer in answers] == [204] * 3
    assert [(e.version, e.revoked, e.vendor_id, e.scopes, e.expires_at) for e in events] == [
        (1, False, vendor["id"], ("catalog", "fulfilment"), expires),
        (2, True, vendor["id"], ("catalog", "fulfilment"), expires),
    ]
    assert seen["revoked_by"] == "acc_mia"
    assert await vendors.world.broken("vendors") == {}


async def test_a_key_speaks_for_its_vendor_until_it_is_revoked(vendors: Vendors) -> None:
    vendor = await vendors.approved()
    await vendors.approved("eve@example.com", name="Other")
    made = await make(vendors, vendor, scopes=["finance"])
    path = f"/v1/vendors/{vendor['id']}"
    client = program(vendors, made)

    plan = await client.get(f"{path}/plan")
    mine = (await client.get("/v1/vendors?mine=true")).json()["data"]
    seen = (await client.get(path)).json()
    await vendors.person().delete(f"{path}/api-keys/{made['id']}")
    await asyncio.sleep(0.6)
    after = await client.get(f"{path}/plan")

    assert plan.status_code == 200
    assert [one["id"] for one in mine] == [vendor["id"]]
    assert seen["status"] == "approved"
    assert "checklist" not in seen
    assert (after.status_code, after.json()["code"]) == (401, "auth.api_key_invalid")


async def test_a_key_never_does_what_is_an_owners_to_do(vendors: Vendors) -> None:
    vendor = await vendors.approved()
    made = await make(vendors, vendor, scopes=["catalog", "fulfilment", "finance"])
    path, client = f"/v1/vendors/{vendor['id']}", program(vendors, made)

    answers = {
        "keys": await client.post(f"{path}/api-keys", json=BODY),
        "list": await client.get(f"{path}/api-keys"),
        "revoke": await client.delete(f"{path}/api-keys/{made['id']}"),
        "member": await client.post(f"{path}/members", json={"email": "x@x.example", "role": "owner"}),
        "members": await client.get(f"{path}/members"),
        "bank": await client.put(f"{path}/bank-account", json={"token": "bat_1"}),
        "history": await client.get(f"{path}/history"),
        "patch": await client.patch(path, json={"name": "X"}, headers={"if-match": '"v2"'}),
        "apply": await client.post("/v1/vendors", json={"name": "X", "country": "DE"}),
        "suspend": await client.post(f"{path}/suspend", json={"reason": "x"}),
    }

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 403)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"scopes": []}, 422, "request.invalid"),
        ({"scopes": ["owner"]}, 422, "request.invalid"),
        ({"scopes": ["catalog", "operator"]}, 422, "request.invalid"),
        ({"name": ""}, 422, "request.invalid"),
        ({"secret": "mine"}, 422, "request.invalid"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "vendors.api_key_expiry_invalid"),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, 422, "vendors.api_key_expiry_invalid"),
        ({"expires_at": "0001-01-01T00:00:00+23:59"}, 422, "vendors.api_key_expiry_invalid"),
    ],
)
async def test_a_wrong_wish_is_refused(anywhere: Vendors, change: dict[str, Any], status: int, code: str) -> None:
    vendor = await anywhere.approved()

    answer = await anywhere.person().post(f"/v1/vendors/{vendor['id']}/api-keys", json=BODY | change)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_only_owners_of_an_approved_vendor_make_them(vendors: Vendors) -> None:
    vendor = await vendors.applied()
    path = f"/v1/vendors/{vendor['id']}/api-keys"
    await vendors.person().post(f"/v1/vendors/{vendor['id']}/members", json={"email": "c@x.example", "role": "catalog"})

    early = await vendors.person().post(path, json=BODY)
    await vendors.decide(vendor, "approve")
    others = [await one.post(path, json=BODY) for one in (vendors.person("c@x.example"), vendors.operator)]

    assert early.json()["code"] == "vendors.status_forbids"
    assert [answer.status_code for answer in others] == [403, 403]
    assert await vendors.world.emitted("vendors", ApiKeyChanged) == []


async def test_however_many_ask_at_once_a_vendor_has_so_many_keys_and_no_more(vendors: Vendors) -> None:
    vendor = await vendors.approved()
    path = f"/v1/vendors/{vendor['id']}/api-keys"
    for _ in range(MAX_KEYS - 3):
        await make(vendors, vendor)

    answers = await asyncio.gather(*(vendors.person().post(path, json=BODY) for _ in range(8)))
    newest = (await vendors.person().get(f"{path}?limit=1")).json()["data"][0]
    await vendors.person().delete(f"{path}/{newest['id']}")

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    assert (await vendors.person().post(path, json=BODY)).status_code == 201


async def test_the_list_comes_in_pages(vendors: Vendors) -> None:
    vendor = await vendors.approved()
    made = [(await make(vendors, vendor))["id"] for _ in range(3)]
    path = f"/v1/vendors/{vendor['id']}/api-keys"

    first = (await vendors.person().get(f"{path}?limit=2")).json()
    rest = (await vendors.person().get(f"{path}?limit=2&cursor={first['next_cursor']}")).json()

    assert [key["id"] for key in first["data"] + rest["data"]] == sorted(made, reverse=True)


async def test_all_keys_are_told_again_with_their_vendors(vendors: Vendors) -> None:
    vendor = await vendors.approved()
    made = await make(vendors, vendor)
    await vendors.person().delete(f"/v1/vendors/{vendor['id']}/api-keys/{made['id']}")

    await vendors.operator.post("/v1/vendors/republish")

    assert [event.version for event in await vendors.world.emitted("vendors", ApiKeyChanged)] == [1, 2, 2]


@pytest.mark.parametrize("key_id", ["key_x", "key_01JD5Z1N8RZ3Q9K7V4M2W6X0YB", "%00", "key_%27"])
async def test_a_key_that_is_not_there_is_404(anywhere: Vendors, key_id: str) -> None:
    vendor = await anywhere.approved()

    assert (await anywhere.person().delete(f"/v1/vendors/{vendor['id']}/api-keys/{key_id}")).status_code == 404
