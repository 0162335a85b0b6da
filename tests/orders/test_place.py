"""Placing: one round trip, once per key, at the price that the customer saw."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from estore.contracts.catalog import NewPrice, PriceChanged
from estore.contracts.orders import OrderPlaced
from estore.contracts.vendors import VendorSuspended
from estore.kit.db import statements
from estore.kit.money import Money
from orders.factories import Shop, key, second_process


async def test_a_guest_gets_an_order_with_a_secret_and_everybody_else_hears_of_it(shop: Shop) -> None:
    answer = await shop.guest.post("/v1/orders", json=shop.body(("MUG", 2), ("LAMP", 1)), headers=key())

    order = answer.json()
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/orders/{order['id']}"
    assert order["status"] == "placed"
    assert order["totals"]["items"] == {"amount": 13700, "currency": "EUR"}
    assert order["totals"]["shipping"] == {"amount": 490, "currency": "EUR"}
    assert len(order["parcels"]) == 2
    [event] = await shop.world.emitted("orders", OrderPlaced)
    assert event.order_id == order["id"]
    assert event.totals.total == 14190
    assert await shop.show(order) == {name: value for name, value in order.items() if name != "secret"}


async def test_placing_is_one_statement_once_the_offers_are_known(shop: Shop) -> None:
    await shop.place(("MUG", 1), ("LAMP", 1))

    with statements(at_most=1):
        await shop.place(("MUG", 2), ("LAMP", 1))


async def test_a_batch_of_orders_is_one_statement(shop: Shop) -> None:
    await shop.place(("MUG", 1), ("LAMP", 1))

    with statements() as sent:
        await asyncio.gather(*(shop.place(("MUG", 1)) for _ in range(40)))
    assert sent.count <= 4


async def test_an_account_sees_its_order_without_a_secret(shop: Shop) -> None:
    client = shop.client(shop.world.token("acc_1"))
    order = await shop.place(client=client)

    assert "secret" not in order
    assert (await client.get(f"/v1/orders/{order['number']}")).json()["id"] == order["id"]
    assert (await shop.client(shop.world.token("acc_2")).get(f"/v1/orders/{order['id']}")).status_code == 404
    assert (await shop.guest.get(f"/v1/orders/{order['id']}")).status_code == 404


# --- once ---------------------------------------------------------------------------------------------------


async def test_the_same_key_gets_the_same_answer_and_buys_once(shop: Shop) -> None:
    sent, body = key(), shop.body(("MUG", 2), ("LAMP", 1), ("MUG", 1))
    first = await shop.guest.post("/v1/orders", json=body, headers=sent)
    await shop.hear(shop.reserved(first.json()), shop.captured(first.json()))
    again = await shop.guest.post("/v1/orders", json=body, headers=sent)

    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await shop.world.emitted("orders", OrderPlaced)) == 1


async def test_a_replay_tells_the_secret_which_is_kept_nowhere(shop: Shop) -> None:
    sent, body = key(), shop.body()
    first = await shop.guest.post("/v1/orders", json=body, headers=sent)
    again = await shop.guest.post("/v1/orders", json=body, headers=sent)
    order = first.json()
    kept = "SELECT convert_from(response, 'UTF8') AS answer FROM once WHERE key = $1"
    [row] = await shop.world.fetch("orders", kept, sent["Idempotency-Key"])

    assert again.content == first.content
    assert (await shop.client(order_secret=order["secret"]).get(f"/v1/orders/{order['id']}")).status_code == 200
    assert order["id"] in row["answer"]
    assert order["secret"] not in row["answer"]


async def test_a_secret_that_was_kept_is_told_until_it_is_forgotten(shop: Shop) -> None:
    """Orders of before: their secrets were drawn by lot, and follow from nothing."""
    sent, body = key(), shop.body()
    first = await shop.guest.post("/v1/orders", json=body, headers=sent)
    kept = json.dumps([first.json()["id"], "drawn-by-lot"]).encode()
    update = "UPDATE once SET response = $1 WHERE key = $2 RETURNING 1"
    await shop.world.fetch("orders", update, kept, sent["Idempotency-Key"])
    again = await shop.guest.post("/v1/orders", json=body, headers=sent)

    assert again.json() == first.json() | {"secret": "drawn-by-lot"}


async def test_a_key_is_answered_the_same_after_the_price_has_changed(shop: Shop) -> None:
    sent, body = key(), shop.body(expected_total={"amount": 2890, "currency": "EUR"})
    first = await shop.guest.post("/v1/orders", json=body, headers=sent)
    await shop.hear(PriceChanged(product_id="prd_1", prices=(NewPrice("MUG", Money(2500, "EUR")),), version=2))
    again = await shop.guest.post("/v1/orders", json=body, headers=sent)

    assert first.status_code == 202
    assert first.content == again.content


async def test_a_key_with_another_body_is_refused(shop: Shop) -> None:
    sent = key()
    await shop.guest.post("/v1/orders", json=shop.body(("MUG", 1)), headers=sent)
    other = await shop.guest.post("/v1/orders", json=shop.body(("MUG", 2)), headers=sent)

    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")


async def test_a_double_click_buys_once(shop: Shop) -> None:
    sent = key()
    answers = await asyncio.gather(*(shop.guest.post("/v1/orders", json=shop.body(), headers=sent) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert len(await shop.world.emitted("orders", OrderPlaced)) == 1


async def test_two_processes_with_one_key_buy_once(shop: Shop) -> None:
    """The second process is a second composition over the same database, with a memory of its own."""
    sent = [key() for _ in range(10)]
    other = await second_process(shop)
    try:
        bodies = [(client, header) for header in sent for client in (shop.guest, other.http("orders"), shop.guest)]
        answers = await asyncio.gather(
            *(client.post("/v1/orders", json=shop.body(), headers=header) for client, header in bodies)
        )
    finally:
        await other.service("orders").db.close()

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 10
    assert len(await shop.world.emitted("orders", OrderPlaced)) == 10


async def test_a_key_is_required(standing_shop: Shop) -> None:
    answer = await standing_shop.guest.post("/v1/orders", json=standing_shop.body())

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key_missing")


# --- prices that move -----------------------------------------------------------------------------------------


async def test_another_total_is_refused_with_the_new_quote(shop: Shop) -> None:
    await shop.place()
    await shop.hear(PriceChanged(product_id="prd_1", prices=(NewPrice("MUG", Money(2500, "EUR")),), version=2))
    body = shop.body(expected_total={"amount": 2890, "currency": "EUR"})
    answer = await shop.guest.post("/v1/orders", json=body, headers=key())

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "orders.total_changed")
    assert problem["quote"]["expected_total"] == {"amount": 2990, "currency": "EUR"}
    body["expected_total"] = problem["quote"]["expected_total"]
    assert (await shop.guest.post("/v1/orders", json=body, headers=key())).status_code == 202


async def test_a_price_that_another_process_heard_of_is_charged_here_too(shop: Shop) -> None:
    other = await second_process(shop)
    try:
        client = other.http("orders")
        body = shop.body()
        assert (await client.post("/v1/orders", json=body, headers=key())).status_code == 202
        await shop.hear(PriceChanged(product_id="prd_1", prices=(NewPrice("MUG", Money(2500, "EUR")),), version=2))

        old = shop.body(expected_total={"amount": 2890, "currency": "EUR"})
        new = shop.body(expected_total={"amount": 2990, "currency": "EUR"})
        answers = await asyncio.gather(
            *(client.post("/v1/orders", json=sent, headers=key()) for sent in (body, old, new))
        )
    finally:
        await other.service("orders").db.close()

    assert [answer.status_code for answer in answers] == [202, 409, 202]
    assert answers[0].json()["totals"]["total"]["amount"] == 2990


async def test_a_vendor_suspended_elsewhere_sells_nothing_more(shop: Shop) -> None:
    other = await second_process(shop)
    try:
        client = other.http("orders")
        assert (await client.post("/v1/orders", json=shop.body(), headers=key())).status_code == 202
        await shop.hear(VendorSuspended(vendor_id="vnd_1", reason="no", version=2))
        mug, lamp = await asyncio.gather(
            *(client.post("/v1/orders", json=shop.body((sku, 1)), headers=key()) for sku in ("MUG", "LAMP"))
        )
    finally:
        await other.service("orders").db.close()

    assert (mug.status_code, mug.json()["errors"][0]["pointer"]) == (422, "/lines/0/sku")
    assert lamp.status_code == 202


async def test_one_bad_request_of_a_batch_fails_alone(shop: Shop) -> None:
    bodies = [
        shop.body(),
        shop.body(("GONE", 1)),
        shop.body(expected_total={"amount": 1, "currency": "EUR"}),
        shop.body(promotion_codes=["SPRING"]),
        shop.body(shipping_method="teleport"),
        shop.body(),
    ]
    answers = await asyncio.gather(*(shop.guest.post("/v1/orders", json=body, headers=key()) for body in bodies))

    assert [answer.status_code for answer in answers] == [202, 422, 409, 422, 422, 202]


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "status", "code", "pointer"),
    [
        ({"promotion_codes": ["SPRING"]}, 422, "orders.promotion_not_applicable",
         "/promotion_codes/0"),
        ({"shipping_method": "teleport"}, 422, "orders.method_unknown", "/shipping_method"),
        ({"shipping_address": {"name": "A", "line1": "1", "city": "B", "country": "ZZ"}}, 422, "orders.country_unknown",
         "/shipping_address/country"),
        ({"lines": [{"sku": "MUG", "quantity": 1}, {"sku": "NOPE", "quantity": 1}]}, 422, "orders.not_sellable",
         "/lines/1/sku"),
        ({"lines": [{"sku": "MUG", "quantity": 0}]}, 422, "request.invalid", "/lines/0/quantity"),
        ({"lines": [{"sku": "MUG", "quantity": 10**30}]}, 422, "request.invalid", "/lines/0/quantity"),
        ({"lines": [{"sku": "MUG", "quantity": "1"}]}, 422, "request.invalid", "/lines/0/quantity"),
        ({"lines": [{"sku": "MU\u0000G", "quantity": 1}]}, 422, "request.invalid", "/lines/0/sku"),
        ({"lines": []}, 422, "request.invalid", "/lines"),
        ({"email": "ada"}, 422, "request.invalid", "/email"),
        ({"email": "a\u0000@b.c"}, 422, "request.invalid", "/email"),
        ({"shipping_address": {"name": "\u0000", "line1": "1", "city": "B", "country": "DE"}}, 422, "request.invalid",
         "/shipping_address/name"),
        ({"cart_id": "crt_1"}, 422, "orders.cart_or_lines", "/cart_id"),
        ({"lines": None}, 422, "orders.cart_or_lines", "/lines"),
        ({"surprise": 1}, 422, "request.invalid", "/surprise"),
        ({"expected_total": {"amount": 1.5, "currency": "EUR"}}, 422, "request.invalid", "/expected_total/amount"),
        ({"expected_total": {"amount": 2890, "currency": "USD"}}, 409, "orders.total_changed", "/expected_total"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_pointed_at(
    standing_shop: Shop, change: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    answer = await standing_shop.guest.post("/v1/orders", json=standing_shop.body(**change), headers=key())

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["errors"][0]["pointer"]) == (status, code, pointer)


async def test_a_number_that_is_taken_is_drawn_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([7, 7, 8])
    monkeypatch.setattr("estore.services.orders.service.placing.secrets.randbits", lambda _bits: next(drawn))
    first, second = await shop.place(), await shop.place()

    assert (first["number"], second["number"]) == ("E-0000-0007", "E-0000-0008")
