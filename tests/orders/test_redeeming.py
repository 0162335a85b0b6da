"""Promotions on quotes and orders: explained, frozen, and never used more often than they may be."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from estore.contracts.catalog import NewPrice, PriceChanged
from estore.contracts.orders import OrderConfirmed, OrderPlaced
from estore.kit.db import statements
from estore.kit.money import Money
from orders.factories import Shop, key, second_process
from orders.promoting import operator, promotion, vendor, with_code
from support.world import World

TEN = {"type": "percentage", "bps": 1000}


async def quote(shop: Shop, *lines: tuple[str, int], client: httpx.AsyncClient | None = None, **values: Any) -> Any:
    body = shop.body(*lines, email=None, payment_method=None, **values)
    answer = await (client or shop.guest).post("/v1/quotes", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def used(shop: Shop, promotion_id: str) -> int:
    """How many orders use a promotion."""
    sql = "SELECT count(*) AS uses FROM promotion_use WHERE promotion_id = $1 AND released_at IS NULL"
    return (await shop.world.fetch("orders", sql, promotion_id))[0]["uses"]


async def counters(shop: Shop) -> Counter[str]:
    rows = await shop.world.fetch("orders", "SELECT scope, uses FROM promotion_counter")
    return Counter({row["scope"]: row["uses"] for row in rows if row["uses"]})


@asynccontextmanager
async def processes(shop: Shop, count: int = 3) -> AsyncIterator[list[World]]:
    """So many processes over one database, each with a memory of its own."""
    others = [await second_process(shop) for _ in range(count - 1)]
    try:
        yield [shop.world, *others]
    finally:
        for other in others:
            await other.service("orders").db.close()


def signed_in(world: World, number: int) -> httpx.AsyncClient:
    return world.http("orders", world.token(f"acc_{number}"))


# --- explained --------------------------------------------------------------------------------------------------


async def test_a_quote_explains_every_discount_and_why_a_code_does_not_apply(shop: Shop) -> None:
    made = await promotion(
        operator(shop), automatic=True, goods={"skus": ["MUG"]}, title="Mugs", stacking={"priority": 1}
    )
    free = await with_code(operator(shop), "SHIP", effect={"type": "free_shipping"}, title="Free shipping")
    more = await with_code(operator(shop), "MORE", conditions={"min_amount": 9000}, title="More")
    shown = await quote(shop, ("MUG", 2), ("BOOK", 1), promotion_codes=["ship", " More ", "NOPE", "SHIP"])

    def money(amount: int) -> dict[str, Any]:
        return {"amount": amount, "currency": "EUR"}

    assert shown["totals"]["discount"] == money(480)
    assert shown["totals"]["shipping_discount"] == money(490)
    assert [line["discount"]["amount"] for line in shown["lines"]] == [480, 0]
    assert shown["expected_total"] == money(5800 - 480)
    assert [one["applied"] for one in shown["promotions"]] == [True, True, False, False]
    mugs, shipping, missing, unknown = shown["promotions"]
    assert (mugs["promotion_id"], mugs["code"], mugs["amount"]) == (made["id"], "", money(480))
    assert mugs["lines"] == [{"line": 0, "amount": money(480)}]
    assert (shipping["promotion_id"], shipping["code"], shipping["shipping"]) == (free["id"], "SHIP", money(490))
    assert (missing["promotion_id"], missing["code"]) == (more["id"], "MORE")
    assert (missing["reason"], missing["missing"]) == ("min_amount", 3200)
    assert missing["detail"] == "32.00 EUR are missing in the goods that it is about"
    assert (unknown["code"], unknown["promotion_id"], unknown["reason"]) == ("NOPE", "", "unknown")
    assert "funded" not in str(shown)


async def test_an_automatic_promotion_says_what_is_missing_for_it(shop: Shop) -> None:
    await promotion(operator(shop), automatic=True, conditions={"min_quantity": 3}, title="Three")
    [one] = (await quote(shop, ("MUG", 2)))["promotions"]

    assert (one["applied"], one["reason"], one["missing"]) == (False, "min_quantity", 1)


async def test_an_order_costs_what_the_quote_said_and_shows_why(shop: Shop) -> None:
    mugs = await promotion(operator(shop), automatic=True, goods={"skus": ["MUG"]}, platform_share=2500)
    own = await with_code(vendor(shop, "vnd_2"), "LAMP", effect={"type": "fixed", "amount": 1000}, title="Lamps")
    lines = (("LAMP", 1), ("MUG", 1), ("MUG", 2))
    asked = await quote(shop, *lines, promotion_codes=["LAMP"])
    order = await shop.confirmed(*lines, promotion_codes=["LAMP"], expected_total=asked["expected_total"])

    assert order["totals"] == asked["totals"]
    assert [(p["promotion_id"], p["code"], p["amount"]["amount"]) for p in order["promotions"]] == [
        (mugs["id"], "", 720),
        (own["id"], "LAMP", 1000),
    ]
    number = order["id"].removeprefix("ord_")
    assert [(one["line_id"], one["amount"]["amount"]) for one in order["promotions"][0]["lines"]] == [
        (f"lin_{number}-2", 240),
        (f"lin_{number}-3", 480),
    ]
    assert (await shop.show(order))["promotions"] == order["promotions"]
    for kind in (OrderPlaced, OrderConfirmed):
        [event] = await shop.world.emitted("orders", kind)
        assert [(line.discount, line.funded) for line in event.lines] == [(1000, 0), (240, 60), (480, 120)]
    assert [(parcel.vendor_id, parcel.funded) for parcel in event.parcels] == [("vnd_1", 180), ("vnd_2", 0)]


async def test_a_vendor_sees_what_it_bears_and_is_paid_for_what_the_marketplace_funds(shop: Shop) -> None:
    await promotion(operator(shop), automatic=True, platform_share=5000)
    await promotion(operator(shop), automatic=True, effect={"type": "free_shipping"}, title="Free")
    order = await shop.confirmed(("MUG", 1))
    seen = await vendor(shop).get(f"/v1/parcels/{order['parcels'][0]['id']}")
    parcel = {name: one["amount"] for name, one in seen.json().items() if isinstance(one, dict) and "amount" in one}

    assert (parcel["discount"], parcel["shipping_discount"], parcel["shipping"], parcel["total"]) == (240, 490, 0, 2160)
    assert (parcel["funded"], parcel["borne"]) == (120 + 490, 120)
    # 12.5 % of what the vendor is paid for the goods: 21.60 by the customer and 1.20 by the marketplace.
    assert parcel["commission"] == 285
    assert parcel["payable"] == 2160 + 610 - 285 - parcel["commission_tax"]
    assert seen.json()["lines"][0]["funded"]["amount"] == 120


# --- refused ----------------------------------------------------------------------------------------------------


async def test_a_code_that_does_not_apply_refuses_the_order_and_says_why(shop: Shop) -> None:
    await with_code(operator(shop), "MORE", conditions={"min_amount": 9000})
    await with_code(operator(shop), "TEN")
    body = shop.body(promotion_codes=["ten", "more", "nope"])
    answer = await shop.guest.post("/v1/orders", json=body, headers=key())

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "orders.promotion_not_applicable")
    assert [fault["pointer"] for fault in problem["errors"]] == ["/promotion_codes/1", "/promotion_codes/2"]
    assert problem["reason"] == "min_amount"
    assert [one["applied"] for one in problem["quote"]["promotions"]] == [True, False, False]
    assert problem["quote"]["expected_total"]["amount"] == 2160 + 490
    assert await shop.world.fetch("orders", "SELECT FROM purchase_order") == []


async def test_a_code_in_any_case_with_blanks_and_twice_is_one_code(shop: Shop) -> None:
    made = await with_code(operator(shop), "TEN")
    order = await shop.place(promotion_codes=[" ten ", "TEN", "tEn"])

    assert order["totals"]["discount"]["amount"] == 240
    assert [one["code"] for one in order["promotions"]] == ["TEN"]
    assert await used(shop, made["id"]) == 1


async def test_a_promotion_that_fell_away_changes_the_total(shop: Shop) -> None:
    made = await promotion(operator(shop), automatic=True, limits={"total": 1})
    expected = (await quote(shop))["expected_total"]
    await shop.place()
    answer = await shop.guest.post("/v1/orders", json=shop.body(expected_total=expected), headers=key())

    assert (answer.status_code, answer.json()["code"]) == (409, "orders.total_changed")
    assert answer.json()["quote"]["expected_total"]["amount"] == expected["amount"] + 240
    assert (await shop.place())["promotions"] == []
    assert await used(shop, made["id"]) == 1


async def test_a_book_that_changed_in_another_process_is_priced_from_here_too(shop: Shop) -> None:
    async with processes(shop, 2) as (_, other):
        client = other.http("orders")
        assert (await shop.place(client=client))["promotions"] == []
        made = await promotion(operator(shop), automatic=True)
        assert (await shop.place(client=client))["totals"]["discount"]["amount"] == 240
        paused = await operator(shop).post(f"/v1/promotions/{made['id']}/pause", json={}, headers=key())
        assert paused.status_code == 200, paused.text
        assert (await shop.place(client=client))["totals"]["discount"]["amount"] == 0


async def test_a_price_that_changed_is_looked_at_before_a_code_is_refused(shop: Shop) -> None:
    async with processes(shop, 2) as (_, other):
        client = other.http("orders")
        await with_code(operator(shop), "MORE", conditions={"min_amount": 2500})
        await shop.place(client=client)
        await shop.hear(PriceChanged(product_id="prd_1", prices=(NewPrice("MUG", Money(2500, "EUR")),), version=2))
        order = await shop.place(client=client, promotion_codes=["MORE"])

    assert order["totals"]["discount"]["amount"] == 250


async def test_groups_and_histories_count_for_who_is_signed_in(shop: Shop) -> None:
    await operator(shop).put("/v1/customer-groups/staff")
    await operator(shop).put("/v1/customer-groups/staff/members/acc_1")
    await with_code(operator(shop), "STAFF", conditions={"customer_groups": ["staff"]})
    await with_code(operator(shop), "FIRST", conditions={"first_order": True}, title="First")
    codes, one = ["STAFF", "FIRST"], signed_in(shop.world, 1)
    first = await quote(shop, client=one, promotion_codes=codes)
    await shop.place(client=one)
    second = await quote(shop, client=one, promotion_codes=codes)
    guest = await quote(shop, promotion_codes=codes)

    assert {p["code"]: p["reason"] for p in first["promotions"]} == {"STAFF": None, "FIRST": None}
    assert {p["code"]: p["reason"] for p in second["promotions"]} == {"STAFF": None, "FIRST": "not_first_order"}
    assert {p["code"]: p["reason"] for p in guest["promotions"]} == {"STAFF": "not_in_group", "FIRST": None}


async def test_a_guest_is_known_by_the_address_whatever_its_case(shop: Shop) -> None:
    await with_code(operator(shop), "FIRST", conditions={"first_order": True})
    await shop.place(email="Ada@example.com")
    body = shop.body(promotion_codes=["FIRST"], email="ada@EXAMPLE.com")
    answer = await shop.guest.post("/v1/orders", json=body, headers=key())

    assert (answer.status_code, answer.json()["reason"]) == (422, "not_first_order")
    assert await shop.place(promotion_codes=["FIRST"], email="bob@example.com")


async def test_a_guest_is_counted_by_what_nobody_finds_by_trying_addresses(shop: Shop) -> None:
    await promotion(operator(shop), automatic=True, limits={"per_customer": 1})
    await shop.place(email="Ada@example.com")
    again = await shop.place(email="ada@EXAMPLE.com")
    (row,) = await shop.world.fetch("orders", "SELECT customer FROM promotion_use")

    assert again["promotions"] == []
    assert row["customer"].startswith("guest:")
    assert hashlib.sha256(b"ada@example.com").hexdigest() not in row["customer"]


async def test_who_guesses_codes_is_stopped_and_learns_nothing_more(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every two seconds another guess is free.
    monkeypatch.setattr("estore.kit.rate.monotonic", lambda: 0.0)
    await with_code(operator(shop), "RIGHT")
    other = await second_process(shop, rate_factor=1.0)
    try:
        client = other.http("orders")
        body = shop.body(email=None, payment_method=None)

        async def ask(*codes: str) -> int:
            return (await client.post("/v1/quotes", json=body | {"promotion_codes": list(codes)})).status_code

        async def order(*codes: str) -> int:
            sent = shop.body(promotion_codes=list(codes))
            return (await client.post("/v1/orders", json=sent, headers=key())).status_code

        assert [await ask(f"A{number}", "RIGHT") for number in range(20)] == [200] * 20
        assert [await order(f"B{number}") for number in range(10)] == [422] * 10
        assert [await ask("RIGHT"), await order("RIGHT"), await ask("C1")] == [429, 429, 429]
        assert [await ask(), await order()] == [200, 202]
    finally:
        await other.service("orders").db.close()


# --- limits -----------------------------------------------------------------------------------------------------


async def buy(shop: Shop, client: httpx.AsyncClient, **values: Any) -> dict[str, Any]:
    """Try to place an order; returns the answer, whatever it is."""
    answer = await client.post("/v1/orders", json=shop.body(**values), headers=key())
    return answer.json() | {"http": answer.status_code}


async def test_fifty_buyers_at_once_get_exactly_what_the_limit_allows(shop: Shop) -> None:
    made = await promotion(operator(shop), automatic=True, limits={"total": 7})
    async with processes(shop) as worlds:
        answers = await asyncio.gather(*(buy(shop, signed_in(worlds[n % 3], n)) for n in range(50)))

    assert Counter(answer["http"] for answer in answers) == {202: 50}
    assert Counter(answer["totals"]["discount"]["amount"] for answer in answers) == {240: 7, 0: 43}
    assert await used(shop, made["id"]) == 7
    assert (await counters(shop))[""] == 7


async def test_who_waits_for_a_counter_reads_what_the_other_left(shop: Shop) -> None:
    made = await promotion(operator(shop), automatic=True, limits={"total": 1})
    await shop.hear(shop.rejected(await shop.place()))
    change = "UPDATE promotion_counter SET uses = $1 WHERE promotion_id = $2 AND scope = ''"
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with shop.world.service("orders").db.transaction() as other:
        await other.execute(change, 1, made["id"])
        placing = asyncio.create_task(shop.place(email="b@example.com"))
        while not await shop.world.fetch("orders", waiting):
            await asyncio.sleep(0.01)
    order = await placing
    await shop.world.fetch("orders", f"{change} RETURNING 1", 0, made["id"])

    assert order["totals"]["discount"]["amount"] == 0


async def test_a_code_for_one_use_is_used_by_one_of_many(shop: Shop) -> None:
    made = await promotion(operator(shop))
    code = await operator(shop).post(
        f"/v1/promotions/{made['id']}/codes", json={"code": "ONCE", "max_uses": 1}, headers=key()
    )
    assert code.status_code == 201, code.text
    async with processes(shop) as worlds:
        answers = await asyncio.gather(
            *(
                buy(shop, worlds[n % 3].http("orders"), promotion_codes=["ONCE"], email=f"a{n}@example.com")
                for n in range(30)
            )
        )

    assert Counter(answer["http"] for answer in answers) == {202: 1, 422: 29}
    assert {answer["reason"] for answer in answers if answer["http"] == 422} == {"used_up"}
    assert await used(shop, made["id"]) == 1


async def test_a_customer_at_many_tills_gets_it_as_often_as_one_may(shop: Shop) -> None:
    made = await promotion(operator(shop), automatic=True, limits={"per_customer": 2, "total": 5})
    async with processes(shop) as worlds:
        answers = await asyncio.gather(*(buy(shop, signed_in(worlds[n % 3], n % 2)) for n in range(30)))

    assert Counter((a["account_id"], a["totals"]["discount"]["amount"]) for a in answers) == {
        ("acc_0", 240): 2,
        ("acc_1", 240): 2,
        ("acc_0", 0): 13,
        ("acc_1", 0): 13,
    }
    assert await used(shop, made["id"]) == 4


async def test_a_first_order_is_one_whatever_promotions_are_for_it(shop: Shop) -> None:
    for code in ("HELLO", "WELCOME"):
        await with_code(operator(shop), code, conditions={"first_order": True}, title=code)
    async with processes(shop) as worlds:
        answers = await asyncio.gather(
            *(buy(shop, signed_in(worlds[n % 3], 1), promotion_codes=[("HELLO", "WELCOME")[n % 2]]) for n in range(12))
        )

    assert Counter(answer["http"] for answer in answers) == {202: 1, 422: 11}
    assert {a["reason"] for a in answers if a["http"] == 422} <= {"not_first_order", "used_by_you"}


async def test_promotions_locked_crosswise_do_not_wait_for_each_other(shop: Shop) -> None:
    one = await with_code(operator(shop), "ONE", limits={"total": 11, "per_customer": 2}, title="One")
    two = await with_code(operator(shop), "TWO", limits={"total": 13, "per_customer": 2}, title="Two")
    ways = (["ONE", "TWO"], ["TWO", "ONE"], ["TWO"], ["ONE"])
    async with processes(shop) as worlds:
        answers = await asyncio.gather(
            *(buy(shop, signed_in(worlds[n % 3], n % 30), promotion_codes=ways[n % 4]) for n in range(60))
        )

    assert {answer["http"] for answer in answers} == {202, 422}
    assert (await used(shop, one["id"]), await used(shop, two["id"])) == (11, 13)


async def test_the_same_key_uses_a_promotion_once_and_is_answered_the_same(shop: Shop) -> None:
    made = await with_code(operator(shop), "TEN", limits={"total": 1})
    sent, body = key(), shop.body(promotion_codes=["TEN"])
    first, *others = await asyncio.gather(*(shop.guest.post("/v1/orders", json=body, headers=sent) for _ in range(5)))
    await shop.hear(shop.reserved(first.json()), shop.captured(first.json()))
    again = await shop.guest.post("/v1/orders", json=body, headers=sent)

    assert {(answer.status_code, answer.content) for answer in (first, *others, again)} == {(202, first.content)}
    assert first.json()["promotions"][0]["amount"]["amount"] == 240
    assert again.headers["idempotency-replayed"] == "true"
    assert await used(shop, made["id"]) == 1


@pytest.mark.parametrize("end", ["rejected", "failed", "cancelled", "called_off"])
async def test_an_order_that_ends_gives_back_what_it_used_once(shop: Shop, end: str) -> None:
    made = await with_code(
        operator(shop), "ONE", limits={"total": 1, "per_customer": 1}, conditions={"first_order": True}
    )
    order = await shop.place(promotion_codes=["ONE"])
    if end == "rejected":
        await shop.hear(shop.rejected(order), shop.rejected(order))
    elif end == "failed":
        await shop.hear(shop.reserved(order), shop.failed(order), shop.failed(order))
    else:
        if end == "called_off":
            await shop.hear(shop.reserved(order), shop.captured(order))
        for _ in range(2):
            client = shop.client(order_secret=order["secret"])
            answer = await client.post(f"/v1/orders/{order['id']}/cancel", json={}, headers=key())
            assert answer.status_code == 200, answer.text

    assert await used(shop, made["id"]) == 0
    assert await counters(shop) == {}
    again = await shop.place(promotion_codes=["ONE"])
    assert again["totals"]["discount"]["amount"] == 240
    assert set((await counters(shop)).values()) == {1}
    assert (await shop.show(order))["promotions"] == order["promotions"]


async def test_uses_given_back_in_a_race_are_counted_right(shop: Shop) -> None:
    made = await promotion(operator(shop), automatic=True, limits={"total": 5})
    orders = [await shop.place() for _ in range(5)]
    async with processes(shop) as worlds:
        await asyncio.gather(
            *(shop.hear(shop.rejected(order)) for order in orders),
            *(buy(shop, worlds[n % 3].http("orders"), email=f"a{n}@example.com") for n in range(30)),
        )
        await asyncio.gather(*(buy(shop, worlds[n % 3].http("orders"), email=f"b{n}@example.com") for n in range(9)))

    assert await used(shop, made["id"]) == 5
    assert (await counters(shop))[""] == 5


async def test_a_limit_that_comes_later_counts_what_was_used_before(shop: Shop) -> None:
    made = await promotion(operator(shop), automatic=True)
    orders = [await shop.place() for _ in range(3)]
    assert await counters(shop) == {}

    async def limit(total: int | None) -> None:
        seen = await operator(shop).get(f"/v1/promotions/{made['id']}")
        rules = {"title": "Ten", "effect": TEN, "automatic": True, "limits": {"total": total} if total else {}}
        answer = await operator(shop).put(
            f"/v1/promotions/{made['id']}", json=rules, headers={"If-Match": seen.headers["etag"]}
        )
        assert answer.status_code == 200, answer.text

    await limit(4)
    assert [(await shop.place())["totals"]["discount"]["amount"] for _ in range(2)] == [240, 0]
    await limit(None)
    assert (await shop.place())["totals"]["discount"]["amount"] == 240
    await shop.hear(*(shop.rejected(order) for order in orders))
    assert (await counters(shop))[""] == await used(shop, made["id"]) == 2
    await limit(2)
    assert (await shop.place())["totals"]["discount"]["amount"] == 0


# --- how much it costs ------------------------------------------------------------------------------------------


async def test_without_limits_and_codes_promotions_cost_no_statement(shop: Shop) -> None:
    await promotion(operator(shop), automatic=True)
    await shop.place()

    with statements(at_most=1):
        assert (await shop.place())["totals"]["discount"]["amount"] == 240


async def test_limits_cost_two_statements_more(shop: Shop) -> None:
    await promotion(operator(shop), automatic=True, limits={"total": 100, "per_customer": 1})
    await with_code(operator(shop), "TWO", title="Two")
    await shop.place(email="a@example.com")

    with statements(at_most=3):
        order = await shop.place(email="b@example.com", promotion_codes=["TWO"])
    assert len(order["promotions"]) == 2


async def test_a_batch_with_limits_costs_no_more_than_an_order(shop: Shop) -> None:
    await promotion(operator(shop), automatic=True, limits={"total": 100, "per_customer": 1})
    await shop.place(email="a@example.com")

    with statements() as sent:
        await asyncio.gather(*(shop.place(email=f"b{n}@example.com") for n in range(30)))
    assert sent.count <= 3 * 3


async def test_ending_an_order_without_promotions_costs_no_statement_more(shop: Shop) -> None:
    plain, await_promotion = await shop.place(), await shop.place()
    with statements() as before:
        await shop.hear(shop.rejected(plain))
    with statements(at_most=before.count):
        await shop.hear(shop.rejected(await_promotion))
    await promotion(operator(shop), automatic=True)
    order = await shop.place()

    with statements(at_most=before.count + 2):
        await shop.hear(shop.rejected(order))


async def test_an_order_costs_what_its_quote_said_whatever_is_in_it(shop: Shop) -> None:
    """The quote is read anew, the order is priced from memory: they never differ."""
    drawn = random.Random(22)
    one = operator(shop)
    await promotion(one, automatic=True, goods={"skus": ["MUG"]}, stacking={"group": "a"}, title="A")
    await promotion(one, automatic=True, effect={"type": "buy_get", "buy": 2, "get": 1}, title="B")
    await promotion(one, automatic=True, effect={"type": "free_shipping"}, conditions={"min_amount": 6000}, title="C")
    await with_code(one, "FIX", effect={"type": "fixed", "amount": 777}, platform_share=3333, stacking={"group": "a"})
    await with_code(one, "ONLY", effect={"type": "percentage", "bps": 2500}, stacking={"exclusive": True}, title="D")
    codes_of: Counter[str] = Counter()
    for number in range(40):
        lines = [(drawn.choice(["MUG", "BOOK", "LAMP"]), drawn.randint(1, 4)) for _ in range(drawn.randint(1, 4))]
        wanted = drawn.sample(["FIX", "ONLY"], drawn.randint(0, 2))
        asked = await quote(shop, *lines, promotion_codes=wanted)
        codes = [p["code"] for p in asked["promotions"] if p["applied"] and p["code"]]
        sent = shop.body(*lines, promotion_codes=codes, expected_total=asked["expected_total"], email=f"{number}@a.eu")
        answer = await shop.guest.post("/v1/orders", json=sent, headers=key())
        order = answer.json()
        codes_of.update(codes)

        assert answer.status_code == 202, answer.text
        assert order["totals"] == asked["totals"]
        assert [p["amount"] for p in order["promotions"]] == [p["amount"] for p in asked["promotions"] if p["applied"]]
        taken = sum(p["amount"]["amount"] for p in order["promotions"])
        assert taken == sum(order["totals"][name]["amount"] for name in ("discount", "shipping_discount"))
    assert all(codes_of[code] for code in ("FIX", "ONLY"))


async def test_an_order_that_promotions_pay_in_full_is_confirmed_and_costs_nothing(shop: Shop) -> None:
    await promotion(operator(shop), automatic=True, effect={"type": "percentage", "bps": 10_000}, title="All")
    await promotion(operator(shop), automatic=True, effect={"type": "free_shipping"}, title="Free")
    order = await shop.awaiting(payment_method=None)

    assert order["totals"]["total"]["amount"] == 0
    assert (await shop.show(order))["status"] == "confirmed"
    parcel = (await vendor(shop).get(f"/v1/parcels/{order['parcels'][0]['id']}")).json()
    assert parcel["funded"]["amount"] == 2400 + 490
    assert parcel["payable"]["amount"] == 2890 - parcel["commission"]["amount"] - parcel["commission_tax"]["amount"]
