"""Orders that gift cards and store credit pay, all of it or a part: asked of the ledger first, given back last."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from estore.contracts.ledger import CreditHeld, CreditRefused
from estore.contracts.orders import (
    CreditUse,
    OrderCancelled,
    OrderConfirmed,
    OrderCreditRequested,
    OrderPaymentRequested,
    RefundAllocated,
    RefundCredited,
    RefundRequested,
    gift_card_hash,
)
from estore.kit.db import statements
from orders.factories import Shop, key
from orders.giving_back import buyer, cancel, deliver, dispute_closed, eur, line, operator, refund, refund_failed

CARD = "gift-7k3m-92qx"
CREDIT: list[dict[str, Any]] = [{"gift_card": CARD, "amount": eur(1000)}]
ALL_OF_IT = [{"gift_card": CARD, "amount": eur(2000)}, {"gift_card": "OTHER 1", "amount": eur(890)}]


def held(order: dict[str, Any], amount: int = 1000) -> CreditHeld:
    return CreditHeld(order_id=order["id"], amount=amount, currency="EUR")


def refused(order: dict[str, Any]) -> CreditRefused:
    return CreditRefused(order_id=order["id"], code="insufficient", detail="12.00 are left")


async def asked(shop: Shop, **values: Any) -> dict[str, Any]:
    """An order of a mug, 28.90 with shipping, whose credit the ledger was asked for."""
    return await shop.awaiting(**{"credits": CREDIT} | values)


async def paid(shop: Shop) -> dict[str, Any]:
    """One of which 10.00 were paid by credit and 18.90 captured."""
    order = await asked(shop)
    await shop.hear(held(order), shop.captured(order, 1890))
    return order


async def credited(shop: Shop) -> list[int]:
    return [one.amount for one in await shop.world.emitted("orders", RefundCredited)]


async def requested(shop: Shop) -> list[int]:
    return [one.amount for one in await shop.world.emitted("orders", RefundRequested)]


# --- buying -------------------------------------------------------------------------------------------------------


async def test_credit_is_asked_first_and_only_the_rest_of_payments(shop: Shop) -> None:
    token = shop.world.token("acc_1")
    credits = [*CREDIT, {"store_credit": True, "amount": eur(500)}]
    order = await shop.place(client=shop.client(token), credits=credits)
    assert order["credit"] == [
        {"kind": "gift_card", "amount": eur(1000)},
        {"kind": "store_credit", "amount": eur(500)},
    ]
    assert order["to_pay"] == eur(1390)

    await shop.hear(shop.reserved(order))
    [told] = await shop.world.emitted("orders", OrderCreditRequested)
    assert told.uses == (
        CreditUse(kind="gift_card", amount=1000, gift_card_hash=gift_card_hash("GIFT7K3M92QX")),
        CreditUse(kind="store_credit", amount=500),
    )
    assert (told.account_id, await shop.world.emitted("orders", OrderPaymentRequested)) == ("acc_1", [])

    await shop.hear(held(order, 1500))
    [charge] = await shop.world.emitted("orders", OrderPaymentRequested)
    assert (charge.amount, charge.payment_method) == (1390, "pm_ok")
    await shop.hear(shop.captured(order, 1390))
    [confirmed] = await shop.world.emitted("orders", OrderConfirmed)
    assert (confirmed.credit, confirmed.totals.total, confirmed.payment_id) == (1500, 2890, "pay_1")


async def test_what_credit_pays_alone_is_confirmed_without_payments(shop: Shop) -> None:
    order = await asked(shop, credits=ALL_OF_IT, payment_method=None)
    assert (order["to_pay"], order["payment_method"]) == (eur(0), None)

    await shop.hear(held(order, 2890))
    shown = await shop.show(order)
    assert (shown["status"], shown["payment_status"]) == ("confirmed", "captured")
    [confirmed] = await shop.world.emitted("orders", OrderConfirmed)
    assert (confirmed.credit, confirmed.payment_id) == (2890, "")
    assert await shop.world.emitted("orders", OrderPaymentRequested) == []


async def test_refused_credit_cancels_and_the_customer_sees_why(shop: Shop) -> None:
    order = await asked(shop)
    await shop.hear(refused(order), refused(order))

    shown = await shop.show(order)
    assert (shown["status"], shown["cancel_reason"], shown["credit_refusal"], shown["payment_status"]) == (
        "cancelled",
        "credit_refused",
        "insufficient",
        "failed",
    )
    assert [one.reason for one in await shop.world.emitted("orders", OrderCancelled)] == ["credit_refused"]
    assert await shop.world.emitted("orders", RefundAllocated) == []


@pytest.mark.parametrize("end", ["refused", "failed"])
async def test_who_waits_is_told_why_and_what_came_back(shop: Shop, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("estore.kit.http.requests.MAX_WAIT", 90.0)

    async def follow() -> None:
        while not (rows := await shop.world.fetch("orders", "SELECT order_id FROM purchase_order")):
            await asyncio.sleep(0.01)
        order = {"id": rows[0]["order_id"]}
        await shop.hear(shop.reserved(order))
        await shop.hear(*([refused(order)] if end == "refused" else [held(order), shop.failed(order)]))

    client = shop.client(prefer="wait=90")
    body = shop.body(credits=CREDIT)
    answer, _ = await asyncio.gather(client.post("/v1/orders", json=body, headers=key()), follow())

    order = answer.json()
    assert await shop.show(order) == {name: value for name, value in order.items() if name != "secret"}
    assert order["credit_refusal"] == ("insufficient" if end == "refused" else None)
    assert order["refunded"] == eur(0 if end == "refused" else 1000)


async def test_the_code_of_a_gift_card_is_kept_nowhere(shop: Shop) -> None:
    order = await paid(shop)
    await cancel(shop, order)

    tables = await shop.world.fetch(
        "orders",
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'orders'",
    )
    for table in (row["table_name"] for row in tables):
        rows = await shop.world.fetch("orders", f"SELECT t::text AS text FROM {table} t")
        if table == "outbox":
            rows += await shop.world.fetch("orders", "SELECT convert_from(body, 'UTF8') AS text FROM outbox")
        assert not [row for row in rows if "7k3m" in row["text"].lower()], table


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"credits": [{"amount": eur(1)}]}, "orders.credit_wrong", "/credits/0"),
        (
            {"credits": [{"gift_card": "A1", "store_credit": True, "amount": eur(1)}]},
            "orders.credit_wrong",
            "/credits/0",
        ),
        ({"credits": [{"store_credit": True, "amount": eur(1)}]}, "orders.credit_wrong", "/credits/0/store_credit"),
        (
            {"credits": [*CREDIT, {"gift_card": "GIFT 7K3M 92QX", "amount": eur(1)}]},
            "orders.credit_wrong",
            "/credits/1",
        ),
        ({"credits": [{"gift_card": "A1", "amount": eur(0)}]}, "orders.credit_wrong", "/credits/0/amount/amount"),
        ({"credits": [{"gift_card": "A1", "amount": eur(-5)}]}, "orders.credit_wrong", "/credits/0/amount/amount"),
        (
            {"credits": [{"gift_card": "A1", "amount": {"amount": 1, "currency": "USD"}}]},
            "orders.credit_wrong",
            "/credits/0/amount/currency",
        ),
        ({"credits": [{"gift_card": "A1", "amount": eur(2891)}]}, "orders.credit_too_high", "/credits"),
        ({"credits": CREDIT, "payment_method": None}, "orders.payment_method_missing", "/payment_method"),
        ({"payment_method": None}, "orders.payment_method_missing", "/payment_method"),
        ({"credits": [{"gift_card": "--", "amount": eur(1)}]}, "request.invalid", "/credits/0/gift_card"),
        ({"credits": [{"gift_card": "A" * 65, "amount": eur(1)}]}, "request.invalid", "/credits/0/gift_card"),
        ({"credits": CREDIT * 11}, "request.invalid", "/credits"),
    ],
)
async def test_credit_that_cannot_be_is_pointed_at(
    standing_shop: Shop, change: dict[str, Any], code: str, pointer: str
) -> None:
    shop = standing_shop
    answer = await shop.guest.post("/v1/orders", json=shop.body(**change), headers=key())

    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_a_quote_says_what_credit_would_leave(shop: Shop) -> None:
    body = {"lines": [{"sku": "MUG", "quantity": 1}], "shipping_address": {"country": "DE"}}
    plain = await shop.guest.post("/v1/quotes", json=body)
    answer = await shop.guest.post("/v1/quotes", json=body | {"credits": CREDIT})

    assert (plain.json()["to_pay"], answer.json()["to_pay"]) == (eur(2890), eur(1890))
    assert answer.json()["expected_total"] == eur(2890)


async def test_an_order_with_credit_is_one_statement_too(shop: Shop) -> None:
    await shop.place()
    with statements(at_most=1):
        await shop.place()
    with statements(at_most=1):
        await shop.place(credits=CREDIT)


async def test_the_same_key_answers_the_same_and_asks_once(shop: Shop) -> None:
    body, once = shop.body(credits=CREDIT), key()
    first, second = [await shop.guest.post("/v1/orders", json=body, headers=once) for _ in range(2)]
    await shop.hear(shop.reserved(first.json()), shop.reserved(first.json()))

    assert first.json() == second.json()
    assert len(await shop.world.emitted("orders", OrderCreditRequested)) == 1


# --- ends before it is paid ---------------------------------------------------------------------------------------


async def test_what_was_taken_goes_back_when_the_customer_calls_off_before_the_capture(shop: Shop) -> None:
    order = await asked(shop)
    await shop.hear(held(order), held(order))
    await cancel(shop, order)
    await shop.hear(held(order), refused(order))

    shown = await shop.show(order)
    assert (shown["payment_status"], shown["refunded"]) == ("refunded", eur(1000))
    assert (await credited(shop), await requested(shop)) == ([1000], [])
    [told] = await shop.world.emitted("orders", RefundAllocated)
    assert (told.amount, told.credit, told.unearned, told.shares) == (1000, 1000, 1000, ())

    await shop.hear(shop.captured(order, 1890))
    assert (await credited(shop), await requested(shop)) == ([1000], [1890])


async def test_what_is_taken_after_the_cancellation_goes_back_once(shop: Shop) -> None:
    order = await asked(shop)
    await cancel(shop, order)
    assert (await shop.show(order))["payment_status"] == "voided"

    await shop.hear(held(order), held(order))
    assert (await shop.show(order))["payment_status"] == "refunded"
    assert await credited(shop) == [1000]


@pytest.mark.parametrize("credits", [CREDIT, ALL_OF_IT])
async def test_cancelling_and_taking_at_once_gives_back_whatever_was_taken(shop: Shop, credits: Any) -> None:
    orders = [await asked(shop, credits=credits) for _ in range(6)]
    amount = sum(use["amount"]["amount"] for use in credits)
    await asyncio.gather(*(act for order in orders for act in (shop.hear(held(order, amount)), cancel(shop, order))))

    assert {(await shop.show(order))["status"] for order in orders} == {"cancelled"}
    assert await credited(shop) == [amount] * 6
    # Who was confirmed for a moment is given back as an order of vendors.
    told = await shop.world.emitted("orders", RefundAllocated)
    assert all(one.unearned + sum(share.amount for share in one.shares) == amount for one in told)


async def test_capturing_and_cancelling_at_once_gives_back_both_parts(shop: Shop) -> None:
    orders = [await asked(shop) for _ in range(6)]
    for order in orders:
        await shop.hear(held(order))
    await asyncio.gather(
        *(act for order in orders for act in (shop.hear(shop.captured(order, 1890)), cancel(shop, order)))
    )
    for one in await shop.world.emitted("orders", RefundRequested):
        await shop.hear(shop.refunded({"id": one.order_id}, one.refund_id, one.amount))

    assert {(await shop.show(order))["payment_status"] for order in orders} == {"refunded"}
    assert await requested(shop) == [1890] * 6
    assert await credited(shop) == [1000] * 6


async def test_credit_nobody_answers_for_is_given_up_and_given_back_when_it_comes(shop: Shop) -> None:
    order = await asked(shop)
    shop.world.clock.advance(hours=1)
    for job in shop.world.service("orders").jobs:
        await job.run()
    assert (await shop.show(order))["cancel_reason"] == "overdue"

    await shop.hear(held(order))
    assert await credited(shop) == [1000]


# --- giving back --------------------------------------------------------------------------------------------------


async def test_a_refund_is_money_first_and_then_credit_as_a_whole(shop: Shop) -> None:
    order = await paid(shop)
    first = (await refund(operator(shop), order, amount=eur(1500))).json()
    second = (await refund(operator(shop), order, amount=eur(1000))).json()
    third = (await refund(operator(shop), order, amount=eur(390))).json()
    assert (await refund(operator(shop), order, amount=eur(1))).json()["code"] == "orders.nothing_left"

    assert [one["credit"] for one in (first, second, third)] == [eur(0), eur(610), eur(390)]
    assert [one["status"] for one in (first, second, third)] == ["requested", "requested", "refunded"]
    assert (await requested(shop), await credited(shop)) == ([1500, 390], [390])

    shown = await shop.show(order)
    assert (shown["payment_status"], shown["refunded"]) == ("refund_pending", eur(390))
    await shop.hear(shop.refunded(order, second["id"], 390), shop.refunded(order, second["id"], 390))
    await shop.hear(shop.refunded(order, first["id"], 1500))
    shown = await shop.show(order)
    assert (shown["payment_status"], shown["refunded"]) == ("refunded", eur(2890))
    assert await credited(shop) == [390, 610]


async def test_a_refund_whose_money_fails_credits_nothing_and_is_free_again(shop: Shop) -> None:
    order = await paid(shop)
    made = (await refund(operator(shop), order, amount=eur(2500))).json()
    await shop.hear(refund_failed(order, made["id"], 1890), refund_failed(order, made["id"], 1890))
    assert (await credited(shop), (await shop.show(order))["payment_status"]) == ([], "captured")

    again = (await refund(operator(shop), order, amount=eur(2890))).json()
    await shop.hear(shop.refunded(order, again["id"], 1890))
    assert (await credited(shop), (await shop.show(order))["payment_status"]) == ([1000], "refunded")


async def test_what_payments_cuts_is_money_and_the_credit_goes_back_whole(shop: Shop) -> None:
    order = await paid(shop)
    made = (await refund(operator(shop), order, amount=eur(2890))).json()
    await shop.hear(shop.refunded(order, "rfd_theirs", 500), shop.refunded(order, made["id"], 1390))

    shown = await shop.show(order)
    assert (shown["payment_status"], shown["refunded"]) == ("refunded", eur(2890))
    assert await credited(shop) == [1000]
    told = await shop.world.emitted("orders", RefundAllocated)
    assert sum(share.amount for one in told for share in one.shares) == 2890
    assert [one.platform for one in told] == [0, 0]


async def test_a_lost_dispute_takes_money_only(shop: Shop) -> None:
    order = await paid(shop)
    made = (await refund(operator(shop), order, amount=eur(1890))).json()
    await shop.hear(shop.refunded(order, made["id"], 1890), dispute_closed(shop, order, 1890))

    told = await shop.world.emitted("orders", RefundAllocated)
    assert [(one.cause, one.platform) for one in told] == [("goodwill", 0), ("dispute", 1890)]
    rest = (await refund(operator(shop), order, amount=eur(1000))).json()
    assert (rest["status"], rest["credit"], await credited(shop)) == ("refunded", eur(1000), [1000])


async def test_a_called_off_order_gives_both_back_once_the_money_is(shop: Shop) -> None:
    order = await paid(shop)
    await cancel(shop, order)
    [told] = await shop.world.emitted("orders", RefundAllocated)
    assert (told.amount, told.credit, sum(share.amount for share in told.shares)) == (2890, 1000, 2890)
    assert (await requested(shop), await credited(shop)) == ([1890], [])

    await shop.hear(shop.refunded(order, told.refund_id, 1890))
    assert (await credited(shop), (await shop.show(order))["payment_status"]) == ([1000], "refunded")


async def test_two_refunds_at_once_never_give_back_more_than_was_paid(shop: Shop) -> None:
    order = await paid(shop)
    answers = await asyncio.gather(*(refund(operator(shop), order, amount=eur(1700)) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    answers = await asyncio.gather(*(refund(operator(shop), order, amount=eur(595)) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    assert sum(await requested(shop)) == 1890
    [row] = await shop.world.fetch("orders", "SELECT sum(credit)::bigint AS credit FROM refund")
    assert row["credit"] == 1000


async def test_a_return_of_what_credit_paid_is_refunded_at_once(shop: Shop) -> None:
    order = await asked(shop, credits=ALL_OF_IT, payment_method=None)
    await shop.hear(held(order, 2890))
    await deliver(shop, order)
    asked_for = await buyer(shop, order).post(
        f"/v1/orders/{order['id']}/returns", json={"reason": "other", "lines": [line(order, 0)]}, headers=key()
    )
    one = asked_for.json()["id"]
    await operator(shop).post(f"/v1/returns/{one}/approve", json={}, headers=key())
    lines = [line(order, 0) | {"disposition": "restock"}]
    answer = await operator(shop).post(f"/v1/returns/{one}/receive", json={"lines": lines}, headers=key())

    assert (answer.status_code, answer.json()["status"]) == (200, "refunded"), answer.text
    assert (await credited(shop), await requested(shop)) == ([2400], [])
    assert (await shop.show(order))["payment_status"] == "partially_refunded"
