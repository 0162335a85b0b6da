"""/v1/carts: what a storefront does, and what is refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from cart.factories import Floor, repriced, stock
from estore.contracts.cart import CartChanged, CartLine
from estore.kit.db import statements


async def test_a_guest_gets_an_empty_cart_and_a_secret(floor: Floor) -> None:
    async with floor.world.http("cart") as client:
        answer = await client.post("/v1/carts")

    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/carts/{made['id']}"
    assert made | {"id": "", "secret": ""} == {
        "id": "",
        "secret": "",
        "lines": [],
        "subtotal": {"amount": 0, "currency": "EUR"},
        "version": 1,
    }
    assert len(made["secret"]) >= 32
    (row,) = await floor.world.fetch("cart", "SELECT * FROM cart")
    assert made["secret"] not in str(row)


async def test_a_line_shows_what_it_costs_now(floor: Floor) -> None:
    await floor.sell("mug", price=1250)
    cart = await floor.guest_cart(mug=2)
    await floor.hear(repriced("mug", 1500, 2))

    assert (await cart.read()) | {"id": ""} == {
        "id": "",
        "lines": [
            {
                "sku": "mug",
                "product_id": "prd_mug",
                "title": "Mug",
                "picture": None,
                "quantity": 2,
                "unit_price": {"amount": 1500, "currency": "EUR"},
                "line_total": {"amount": 3000, "currency": "EUR"},
                "available": True,
                "price_changed": True,
            }
        ],
        "subtotal": {"amount": 3000, "currency": "EUR"},
        "version": 2,
    }


async def test_every_change_is_told_with_the_whole_cart(floor: Floor) -> None:
    await floor.sell("mug", "cup")
    cart = await floor.guest_cart(mug=2, cup=1)
    await cart.put("mug", 2)
    await cart.client.delete(f"{cart.path}/lines/cup")
    await cart.client.delete(f"{cart.path}/lines/cup")
    emptied = await cart.client.delete(f"{cart.path}/lines")

    told: list[CartChanged] = await floor.told(CartChanged)
    assert emptied.json()["lines"] == []
    assert [(e.version, e.lines) for e in told] == [
        (2, (CartLine("mug", 2),)),
        (3, (CartLine("mug", 2), CartLine("cup", 1))),
        (4, (CartLine("mug", 2),)),
        (5, ()),
    ]
    assert {(e.cart_id, e.account_id, len(e.secret_hash or "")) for e in told} == {(cart.id, None, 64)}


async def test_a_change_costs_two_statements_whatever_the_cart_holds(floor: Floor) -> None:
    skus = [f"s{number}" for number in range(20)]
    await floor.sell(*skus)
    cart = await floor.guest_cart(**dict.fromkeys(skus, 1))

    with statements(at_most=5) as counted:
        await cart.put("s7", 3)
    with statements(at_most=1):
        await cart.read()

    assert len([sql for sql in counted.sent if "FROM cart" in sql or "UPDATE cart" in sql]) == 2


async def test_changes_at_once_are_all_kept(floor: Floor) -> None:
    skus = [f"s{number}" for number in range(12)]
    await floor.sell(*skus)
    cart = await floor.guest_cart()

    answers = await asyncio.gather(*(cart.put(sku, 1) for sku in skus))

    assert {a.status_code for a in answers} == {200}
    assert await cart.quantities() == dict.fromkeys(skus, 1)
    assert sorted(e.version for e in await floor.told(CartChanged)) == list(range(2, 14))


@pytest.mark.parametrize("sku", ["unheard", "no%20sku", "x" * 200, "a%00b"])
async def test_what_is_not_for_sale_is_a_422_that_says_where(floor: Floor, sku: str) -> None:
    cart = await floor.guest_cart()
    answer = await cart.put(sku, 1)

    assert (answer.status_code, answer.json()["code"]) == (422, "cart.not_for_sale")
    assert answer.json()["errors"][0]["parameter"] == "sku"


async def test_a_known_shortage_is_a_409_that_says_how_many_there_are(floor: Floor) -> None:
    await floor.sell("mug", available=3)
    cart = await floor.guest_cart()
    answer = await cart.put("mug", 4)

    assert (answer.status_code, answer.json()["code"], answer.json()["available"]) == (409, "cart.not_enough_stock", 3)


async def test_what_sold_out_later_stays_and_says_so(floor: Floor) -> None:
    await floor.sell("mug", available=3)
    cart = await floor.guest_cart(mug=3)
    await floor.hear(stock("mug", 1, version=2))

    assert [(line["quantity"], line["available"]) for line in (await cart.read())["lines"]] == [(3, False)]


async def test_a_cart_of_somebody_else_does_not_exist(floor: Floor) -> None:
    await floor.sell("mug")
    guests, mine = await floor.guest_cart(mug=1), await floor.account_cart("acc_01", mug=1)
    http, token = floor.world.http, floor.world.token
    strangers = [http("cart"), http("cart", cart_secret="wrong"), http("cart", token("acc_02")), mine.client]
    answers = [await client.get(guests.path) for client in strangers]
    answers += [await client.get(mine.path) for client in (*strangers[:3], guests.client)]
    answers += [await strangers[1].put(f"{guests.path}/lines/mug", json={"quantity": 9})]
    answers += [await strangers[2].delete(f"{mine.path}/lines"), await strangers[1].delete(f"{guests.path}/lines/mug")]
    answers += [await guests.client.get(path) for path in ("/v1/carts/crt_01", "/v1/carts/%00", "/v1/carts/ord_1")]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(404, "cart.unknown")] * len(answers)
    assert await guests.quantities() == {"mug": 1}


async def test_a_wrong_secret_and_an_unknown_cart_run_the_same_statement(floor: Floor) -> None:
    cart = await floor.guest_cart()
    async with floor.world.http("cart", cart_secret="wrong") as stranger:
        with statements() as wrong:
            await stranger.get(cart.path)
        with statements() as unknown:
            await stranger.get(f"/v1/carts/crt_{'0' * 26}")

    assert wrong.sent == unknown.sent


async def test_an_account_has_one_cart(floor: Floor) -> None:
    await floor.sell("mug")
    carts = await asyncio.gather(*(floor.account_cart("acc_01") for _ in range(5)))
    await carts[0].put("mug", 2)
    async with floor.world.http("cart", floor.world.token("acc_01")) as client:
        again = await client.post("/v1/carts")

    assert len({cart.id for cart in carts}) == 1
    assert (again.status_code, again.json()["secret"], again.json()["lines"][0]["quantity"]) == (200, None, 2)


async def test_a_guests_cart_is_merged_into_the_accounts_once(floor: Floor) -> None:
    await floor.sell("mug", "cup")
    guests, mine = await floor.guest_cart(mug=2, cup=1), await floor.account_cart(mug=3)
    headers = {"cart-secret": guests.secret or ""}

    answers = await asyncio.gather(*(mine.client.post(f"{guests.path}/claim", headers=headers) for _ in range(4)))

    assert {a.status_code for a in answers} == {200}
    assert {a.json()["id"] for a in answers} == {mine.id}
    assert await mine.quantities() == {"mug": 5, "cup": 1}
    assert (await guests.client.get(guests.path)).status_code == 404
    assert sorted((e.cart_id, e.version, e.lines) for e in (await floor.told(CartChanged))[3:]) == sorted(
        [(guests.id, 4, ()), (mine.id, 3, (CartLine("mug", 5), CartLine("cup", 1)))]
    )


async def test_claiming_needs_the_secret_and_an_account(floor: Floor) -> None:
    await floor.sell("mug")
    guests, other = await floor.guest_cart(mug=2), await floor.account_cart("acc_02", mug=1)
    async with floor.world.http("cart", floor.world.token("acc_01")) as client:
        headers = {"cart-secret": guests.secret or ""}
        refused = [
            await guests.client.post(f"{guests.path}/claim"),
            await client.post(f"{guests.path}/claim"),
            await client.post(f"{other.path}/claim", headers=headers),
        ]
        accepted = await client.post(f"{guests.path}/claim", headers=headers)
    stolen = await other.client.post(f"{guests.path}/claim", headers=headers)

    assert [a.status_code for a in [*refused, accepted, stolen]] == [401, 404, 404, 200, 404]
    assert accepted.json()["lines"][0]["quantity"] == 2


async def test_one_guests_key_never_answers_another(floor: Floor) -> None:
    async with floor.world.http("cart", user_agent="one") as one, floor.world.http("cart", user_agent="two") as two:
        first = await one.post("/v1/carts", headers={"idempotency-key": "1"})
        again = await one.post("/v1/carts", headers={"idempotency-key": "1"})
        other = await two.post("/v1/carts", headers={"idempotency-key": "1"})

    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")


async def test_a_replay_tells_the_secret_which_is_kept_nowhere(floor: Floor) -> None:
    async with floor.world.http("cart") as client:
        first = await client.post("/v1/carts", headers={"idempotency-key": "1"})
        again = await client.post("/v1/carts", headers={"idempotency-key": "1"})
        found = await client.get(f"/v1/carts/{first.json()['id']}", headers={"cart-secret": again.json()["secret"]})
    [kept] = await floor.world.fetch("cart", "SELECT convert_from(response, 'UTF8') AS answer FROM once")

    assert (again.content, found.status_code) == (first.content, 200)
    assert first.json()["id"] in kept["answer"]
    assert first.json()["secret"] not in kept["answer"]


async def test_a_secret_that_was_kept_is_told_until_it_is_forgotten(floor: Floor) -> None:
    """Carts of before: their secrets were drawn by lot, and follow from nothing."""
    async with floor.world.http("cart") as client:
        first = await client.post("/v1/carts", headers={"idempotency-key": "1"})
        before = {"id": first.json()["id"], "secret": "drawn-by-lot", "lines": [], "version": 1, "created": True}
        answer = json.dumps(before | {"subtotal": {"amount": 0, "currency": "EUR"}}).encode()
        await floor.world.fetch("cart", "UPDATE once SET response = $1 RETURNING 1", answer)
        again = await client.post("/v1/carts", headers={"idempotency-key": "1"})

    assert again.json() == first.json() | {"secret": "drawn-by-lot"}


async def test_no_two_carts_have_one_secret(floor: Floor) -> None:
    async with floor.world.http("cart") as client:
        made = [(await client.post("/v1/carts")).json() for _ in range(5)]

    assert len({cart["secret"] for cart in made}) == 5


async def test_if_match_guards_and_if_none_match_saves(floor: Floor) -> None:
    await floor.sell("mug")
    cart = await floor.guest_cart(mug=1)
    tag = (await cart.client.get(cart.path)).headers["etag"]
    same = await cart.client.get(cart.path, headers={"if-none-match": tag})
    changed = await cart.put("mug", 2, **{"if-match": tag})
    stale = await cart.put("mug", 3, **{"if-match": tag})
    either = await cart.put("mug", 3, **{"if-match": f"{tag}, {changed.headers['etag']}"})
    any_ = await cart.put("mug", 4, **{"if-match": "*"})

    assert [a.status_code for a in (same, changed, stale, either, any_)] == [304, 200, 412, 200, 200]


async def test_a_new_price_changes_the_etag_but_not_the_version(floor: Floor) -> None:
    await floor.sell("mug")
    cart = await floor.guest_cart(mug=1)
    tag = (await cart.client.get(cart.path)).headers["etag"]
    await floor.hear(repriced("mug", 1500, 2))

    assert (await cart.client.get(cart.path, headers={"if-none-match": tag})).status_code == 200
    assert (await cart.put("mug", 2, **{"if-match": tag})).status_code == 200


BAD_BODIES: list[tuple[Any, str]] = [
    ({"quantity": -1}, "/quantity"),
    ({"quantity": 10**20}, "/quantity"),
    ({"quantity": 100}, "/quantity"),
    ({"quantity": "2"}, "/quantity"),
    ({"quantity": 1.5}, "/quantity"),
    ({"quantity": None}, "/quantity"),
    ({"quantity": 1, "price": 1}, "/price"),
    ({}, "/quantity"),
    ([], ""),
]


async def test_bad_bodies_are_pointed_at(floor: Floor) -> None:
    await floor.sell("mug", available=1000)
    cart = await floor.guest_cart()
    answers = [await cart.client.put(f"{cart.path}/lines/mug", json=body) for body, _ in BAD_BODIES]

    assert [(a.status_code, [e["pointer"] for e in a.json()["errors"]]) for a in answers] == [
        (422, [pointer]) for _, pointer in BAD_BODIES
    ]


async def test_unknown_parameters_and_unreadable_bodies_are_refused(floor: Floor) -> None:
    await floor.sell("mug")
    cart = await floor.guest_cart()
    answers = [
        await cart.client.get(f"{cart.path}?expand=all"),
        await cart.client.put(f"{cart.path}/lines/mug", content=b"{"),
        await cart.client.put(f"{cart.path}/lines/mug", json={"quantity": 1}, headers={"if-match": "nonsense"}),
    ]

    assert [a.status_code for a in answers] == [400, 400, 400]
