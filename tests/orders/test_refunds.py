"""Refunds: by people, by payments, by disputes; who bears each is told once, and nothing is given back twice."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from typing import Any

import pytest

from estore.contracts.orders import RefundRequested
from estore.kit.db import statements
from orders.factories import Shop, key
from orders.giving_back import (
    allocations,
    buyer,
    cancel,
    deliver,
    dispute_closed,
    eur,
    line,
    member,
    operator,
    refund,
    refund_failed,
    run_jobs,
)


async def a_mug_and_a_lamp(shop: Shop) -> dict[str, Any]:
    """Two mugs of vnd_1 (48.00, commission 6.00, shipping 4.90), a lamp of vnd_2 (89.00, 7.12, free): 141.90."""
    return await shop.confirmed(("MUG", 2), ("LAMP", 1))


# --- by people ----------------------------------------------------------------------------------------------------


async def test_an_operator_gives_lines_back_with_shipping(shop: Shop) -> None:
    order = await a_mug_and_a_lamp(shop)
    answer = await refund(operator(shop), order, lines=[line(order, 0)], shipping=True)

    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["status"], made["cause"], made["amount"]) == ("requested", "goodwill", eur(2890))
    assert [
        (one["line_id"], one["quantity"], one["amount"]["amount"], one["tax"]["amount"]) for one in made["lines"]
    ] == [
        (order["lines"][0]["id"], 1, 2400, 383),
        (None, 0, 490, 78),
    ]
    [share] = made["shares"]
    assert (share["vendor_id"], share["commission"], share["borne"]) == ("vnd_1", eur(300), eur(2590))
    [told], [asked] = await allocations(shop), await shop.world.emitted("orders", RefundRequested)
    assert (told.refund_id, told.amount, told.cause, told.platform, told.unearned) == (
        asked.refund_id,
        asked.amount,
        "goodwill",
        0,
        0,
    )
    assert [(one.line_id, one.commission) for one in told.shares[0].lines] == [
        (order["lines"][0]["id"], 300),
        (None, 0),
    ]

    shown = await shop.show(order)
    assert (shown["payment_status"], shown["refunded"]) == ("refund_pending", eur(0))
    await shop.hear(shop.refunded(order, made["id"], 2890))
    shown = await shop.show(order)
    assert (shown["status"], shown["payment_status"], shown["refunded"]) == (
        "confirmed",
        "partially_refunded",
        eur(2890),
    )


async def test_an_amount_is_spread_over_all_that_is_left(shop: Shop) -> None:
    order = await a_mug_and_a_lamp(shop)
    made = (await refund(operator(shop), order, amount=eur(1000))).json()
    assert [(one["parcel_id"], one["amount"]["amount"]) for one in made["lines"]] == [
        (order["parcels"][0]["id"], 338),
        (order["parcels"][0]["id"], 35),
        (order["parcels"][1]["id"], 627),
    ]

    rest = (await refund(operator(shop), order, amount=eur(13190))).json()
    everything = await allocations(shop)
    assert sum(share.commission for one in everything for share in one.shares) == 600 + 712
    assert rest["amount"] == eur(13190)
    assert (await refund(operator(shop), order, amount=eur(1))).json()["code"] == "orders.nothing_left"


async def test_three_of_a_line_one_by_one_are_the_line(shop: Shop) -> None:
    order = await shop.confirmed(("MUG", 3))
    answers = [await refund(operator(shop), order, lines=[line(order, 0)]) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [201, 201, 201, 409]
    assert (answers[3].json()["code"], answers[3].json()["left"]) == ("orders.quantity_too_high", 0)
    told = [one.shares[0] for one in await allocations(shop)]
    assert (sum(s.amount for s in told), sum(s.tax for s in told), sum(s.commission for s in told)) == (7200, 1150, 900)


async def test_a_vendor_gives_back_of_its_own_parcel_and_sees_only_that(shop: Shop) -> None:
    order = await a_mug_and_a_lamp(shop)
    vendor = member(shop)
    made = (await refund(vendor, order, amount=eur(5290))).json()
    assert ({one["vendor_id"] for one in made["shares"]}, made["amount"]) == ({"vnd_1"}, eur(5290))
    assert "platform" not in made

    others = [
        await refund(vendor, order, amount=eur(1)),
        await refund(vendor, order, lines=[line(order, 1)]),
        await refund(vendor, order, amount=eur(1), vendor_id="vnd_2"),
        await refund(member(shop, "vnd_9"), order, amount=eur(1)),
        await refund(member(shop, role="catalog"), order, amount=eur(1)),
        await refund(shop.client(shop.world.token("acc_9")), order, amount=eur(1)),
        await refund(buyer(shop, order), order, amount=eur(1)),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in others[:4]] == [
        (409, "orders.nothing_left"),
        (422, "orders.line_unknown"),
        (422, "orders.refund_vendor_unknown"),
        (404, "orders.order_unknown"),
    ]
    assert [answer.status_code for answer in others[4:]] == [403, 403, 401]


async def test_everybody_sees_their_own_part_of_the_refunds(shop: Shop) -> None:
    order = await a_mug_and_a_lamp(shop)
    await refund(operator(shop), order, amount=eur(1000))
    await refund(operator(shop), order, lines=[line(order, 1)])
    url = f"/v1/orders/{order['id']}/refunds"

    async def seen(client: Any) -> list[dict[str, Any]]:
        answer = await client.get(url)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    first, second, all_of_it, customers = (
        await seen(member(shop)),
        await seen(member(shop, "vnd_2", "catalog")),
        await seen(operator(shop)),
        await seen(buyer(shop, order)),
    )
    assert [one["amount"]["amount"] for one in first] == [373]
    assert [one["amount"]["amount"] for one in second] == [8273, 627]
    assert [one["amount"]["amount"] for one in all_of_it] == [8273, 1000]
    assert [one["amount"]["amount"] for one in customers] == [8273, 1000]
    assert "vnd_2" not in str(first)
    assert "commission" not in str(customers)
    assert {"shares", "platform", "unearned"}.isdisjoint(customers[0])
    assert (await member(shop, "vnd_9").get(url)).status_code == 404
    assert (await shop.guest.get(url)).status_code == 404
    page = (await operator(shop).get(f"{url}?limit=1")).json()
    rest = (await operator(shop).get(f"{url}?cursor={page['next_cursor']}")).json()
    assert [one["id"] for one in page["data"] + rest["data"]] == [one["id"] for one in all_of_it]


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({"amount": eur(99_999)}, 409, "orders.refund_too_high", "/amount/amount"),
        ({"amount": eur(0)}, 422, "orders.amount_not_positive", "/amount/amount"),
        ({"amount": eur(-5)}, 422, "orders.amount_not_positive", "/amount/amount"),
        ({"amount": {"amount": 5, "currency": "USD"}}, 422, "orders.currency_wrong", "/amount/currency"),
        ({"amount": {"amount": 1.5, "currency": "EUR"}}, 422, "request.invalid", "/amount/amount"),
        ({"amount": eur(5), "shipping": True}, 422, "orders.lines_or_amount", ""),
        ({}, 422, "orders.lines_or_amount", ""),
        ({"lines": [], "shipping": True}, 422, "request.invalid", "/lines"),
        ({"lines": [{"line_id": "lin_1-1", "quantity": 1}]}, 422, "orders.line_unknown", "/lines/0/line_id"),
        ({"lines": [{"line_id": "x", "quantity": 0}]}, 422, "request.invalid", "/lines/0/quantity"),
        ({"amount": eur(5), "vendor_id": "vnd_9"}, 422, "orders.refund_vendor_unknown", "/vendor_id"),
        ({"amount": eur(5), "reason": " "}, 422, "request.invalid", "/reason"),
        ({"amount": eur(5), "surprise": 1}, 422, "request.invalid", "/surprise"),
    ],
)
async def test_what_is_wrong_is_refused_with_a_pointer(
    shop: Shop, body: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    order = await shop.confirmed()
    answer = await refund(operator(shop), order, **body)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert [fault.get("pointer") for fault in answer.json()["errors"]] == [pointer]
    assert await allocations(shop) == []


async def test_what_was_never_paid_or_confirmed_cannot_be_given_back_by_line(shop: Shop) -> None:
    placed, late = await shop.place(), await shop.awaiting()
    assert (await refund(operator(shop), placed, amount=eur(5))).json()["code"] == "orders.not_confirmed"
    await cancel(shop, late)
    assert (await refund(operator(shop), late, amount=eur(5))).json()["code"] == "orders.not_captured"

    await shop.hear(shop.captured(late))
    [told] = await allocations(shop)
    assert (told.cause, told.amount, told.unearned, told.shares) == ("cancelled", 2890, 2890, ())
    await shop.hear(refund_failed(late, told.refund_id, 2890))
    assert (await refund(operator(shop), late, lines=[line(late, 0)])).json()["code"] == "orders.not_confirmed"
    again = (await refund(operator(shop), late, amount=eur(2890))).json()
    assert (again["cause"], again["unearned"], again["shares"]) == ("cancelled", eur(2890), [])


async def test_a_key_gives_back_once(shop: Shop) -> None:
    order = await shop.confirmed()
    url, body, same = f"/v1/orders/{order['id']}/refunds", {"amount": eur(500), "reason": "late"}, key()
    client = operator(shop)
    first, again = [await client.post(url, json=body, headers=same) for _ in range(2)]
    other = await client.post(url, json=body | {"reason": "later"}, headers=same)

    assert (first.status_code, again.json(), again.headers["idempotency-replayed"]) == (201, first.json(), "true")
    assert (other.status_code, (await client.post(url, json=body)).status_code) == (422, 400)
    assert len(await shop.world.emitted("orders", RefundRequested)) == 1


# --- races ----------------------------------------------------------------------------------------------------------


async def test_many_at_once_give_back_only_what_is_left(shop: Shop) -> None:
    order = await shop.confirmed(("MUG", 2))
    answers = await asyncio.gather(
        *(refund(operator(shop), order, amount=eur(1000)) for _ in range(5)),
        *(refund(operator(shop), order, lines=[line(order, 0)]) for _ in range(3)),
        *(refund(member(shop), order, amount=eur(900), vendor_id="vnd_1") for _ in range(3)),
    )

    assert {answer.status_code for answer in answers} <= {201, 409}
    told = await allocations(shop)
    assert len(told) == sum(answer.status_code == 201 for answer in answers)
    assert 0 < sum(one.amount for one in told) <= 5290


async def test_a_refund_against_a_cancellation_gives_all_of_it_back_once(shop: Shop) -> None:
    orders = [await shop.confirmed() for _ in range(8)]
    await asyncio.gather(
        *(cancel(shop, order) for order in orders),
        *(refund(operator(shop), order, amount=eur(1000)) for order in orders),
    )

    sums: Counter[str] = Counter()
    for one in await allocations(shop):
        sums[one.order_id] += one.amount
        assert one.amount == sum(share.amount for share in one.shares)
    assert sums == {order["id"]: 2890 for order in orders}


# --- what payments tells ------------------------------------------------------------------------------------------


async def test_cancelling_takes_from_every_vendor_its_share(shop: Shop) -> None:
    order = await a_mug_and_a_lamp(shop)
    await cancel(shop, order)
    [told] = await allocations(shop)

    assert (told.cause, told.amount, told.platform, told.unearned) == ("cancelled", 14190, 0, 0)
    assert [(s.vendor_id, s.amount, s.commission) for s in told.shares] == [("vnd_1", 5290, 600), ("vnd_2", 8900, 712)]


async def test_a_refund_made_without_us_is_told_once_and_beyond_what_is_left_the_platforms(shop: Shop) -> None:
    order = await shop.confirmed()
    first, second = shop.refunded(order, "rfd_a", 2000), shop.refunded(order, "rfd_b", 890)
    await shop.world.deliver_batch("orders", [first, first, second])
    await shop.hear(first, dispute_closed(shop, order, 500), dispute_closed(shop, order, 500))

    told = {one.refund_id: one for one in await allocations(shop)}
    assert [(one.cause, one.amount, one.platform) for one in told.values()] == [
        ("provider", 2000, 0),
        ("provider", 890, 0),
        ("dispute", 500, 500),
    ]
    shown = await shop.show(order)
    assert (shown["payment_status"], shown["refunded"]) == ("refunded", eur(2890))


async def test_a_lost_dispute_is_borne_like_a_refund_and_a_won_one_is_nothing(shop: Shop) -> None:
    order = await a_mug_and_a_lamp(shop)
    await deliver(shop, order)
    await shop.hear(dispute_closed(shop, order, 14190, won=True, dispute_id="dsp_0"))
    assert await allocations(shop) == []

    await shop.hear(dispute_closed(shop, order, 14190), dispute_closed(shop, order, 14190))
    [told] = await allocations(shop)
    assert (told.refund_id, told.cause, told.amount, told.platform) == ("dsp_1", "dispute", 14190, 0)
    assert {share.vendor_id: share.amount for share in told.shares} == {"vnd_1": 5290, "vnd_2": 8900}
    assert await shop.world.emitted("orders", RefundRequested) == []
    shown = await shop.show(order)
    assert (shown["status"], shown["payment_status"]) == ("delivered", "refunded")


async def test_a_refund_that_failed_is_seen_and_what_it_took_is_free(shop: Shop) -> None:
    order = await shop.confirmed()
    await cancel(shop, order)
    [asked] = await shop.world.emitted("orders", RefundRequested)
    message = shop.world.envelope(refund_failed(order, asked.refund_id, 2890))
    await shop.world.deliver_batch("orders", [message, message])
    await shop.hear(refund_failed(order, asked.refund_id, 2890))

    shown = await shop.show(order)
    assert (shown["status"], shown["payment_status"], shown["refunded"]) == ("cancelled", "captured", eur(0))
    [seen] = (await buyer(shop, order).get(f"/v1/orders/{order['id']}/refunds")).json()["data"]
    assert (seen["status"], seen["failure"]) == ("failed", "declined")

    again = (await refund(operator(shop), order, amount=eur(2890))).json()
    assert (again["status"], again["cause"], again["shares"][0]["borne"]) == ("requested", "cancelled", eur(2590))
    await shop.hear(shop.refunded(order, again["id"], 2890), refund_failed(order, again["id"], 2890))
    assert (await shop.show(order))["payment_status"] == "refunded"


async def test_a_refund_of_an_order_that_was_not_captured_yet_is_tried_again(shop: Shop) -> None:
    order = await shop.awaiting()
    early = shop.refunded(order, "rfd_a", 500)
    with pytest.raises(Exception, match="cannot take"):
        await shop.hear(early)

    await shop.hear(shop.captured(order), early)
    [told] = await allocations(shop)
    assert (told.amount, told.platform, told.unearned, [s.amount for s in told.shares]) == (500, 0, 0, [500])


@pytest.mark.parametrize("first", ["by hand", "ours"])
async def test_what_payments_cut_because_of_another_refund_is_borne_once(shop: Shop, first: str) -> None:
    """An operator gave 1000 back at payments while the customer cancelled: payments gives back 1890 of our 2890."""
    order = await shop.confirmed()
    await cancel(shop, order)
    [asked] = await shop.world.emitted("orders", RefundRequested)
    heard = [shop.refunded(order, "rfd_by_hand", 1000), shop.refunded(order, asked.refund_id, 1890)]
    await shop.hear(*(heard if first == "by hand" else reversed(heard)))

    told = await allocations(shop)
    assert [(one.refund_id, one.amount, one.platform, one.unearned) for one in told] == [
        (asked.refund_id, 2890, 0, 0),
        ("rfd_by_hand", 1000, 0, 1000),
    ]
    assert ((await shop.show(order))["payment_status"], (await shop.show(order))["refunded"]) == ("refunded", eur(2890))


@pytest.mark.parametrize("first", ["by hand", "failure"])
async def test_what_fails_because_of_another_refund_leaves_that_one_to_the_vendor(shop: Shop, first: str) -> None:
    """An operator gave everything back at payments while the customer cancelled: payments refuses ours."""
    order = await shop.confirmed()
    await cancel(shop, order)
    [asked] = await shop.world.emitted("orders", RefundRequested)
    heard = [shop.refunded(order, "rfd_by_hand", 2890), refund_failed(order, asked.refund_id, 2890)]
    await shop.hear(*(heard if first == "by hand" else reversed(heard)))

    told = await allocations(shop)
    assert [(one.refund_id, one.platform, one.unearned, one.shares[0].amount) for one in told] == [
        (asked.refund_id, 0, 0, 2890),
        ("rfd_by_hand", 0, 0, 2890),
    ]
    assert (await shop.show(order))["payment_status"] == "refunded"


async def test_reordered_answers_end_the_same(shop: Shop) -> None:
    ends = []
    for order_of in itertools.permutations(range(3)):
        order = await shop.confirmed(("MUG", 2))
        made = [(await refund(operator(shop), order, amount=eur(1000))).json()["id"] for _ in range(2)]
        heard = [
            shop.refunded(order, made[0], 1000),
            refund_failed(order, made[1], 1000),
            shop.refunded(order, f"rfd_{order['id'][4:]}", 700),
        ]
        await shop.hear(*(heard[place] for place in order_of))
        shown = await shop.show(order)
        ends.append((shown["payment_status"], shown["refunded"]["amount"]))

    assert set(ends) == {("partially_refunded", 1700)}


async def test_a_batch_of_refunds_costs_as_many_statements_as_one(shop: Shop) -> None:
    one, *many = [await shop.confirmed() for _ in range(6)]
    with statements() as single:
        await shop.hear(shop.refunded(one, "rfd_0", 100))
    with statements(at_most=single.count):
        await shop.world.deliver_batch(
            "orders", [shop.refunded(order, f"rfd_{number}", 100) for number, order in enumerate(many, 1)]
        )

    assert single.count <= 13
    assert len(await allocations(shop)) == 6


async def test_a_refund_that_the_version_before_asked_for_is_allocated_later_and_once(shop: Shop) -> None:
    order = await shop.confirmed()
    async with shop.world.service("orders").db.transaction() as tx:
        await tx.execute(
            "INSERT INTO refund (refund_id, order_id, amount, currency, reason, requested_at)"
            " VALUES ('rfd_old', $1, 2890, 'EUR', 'customer', $2)",
            order["id"],
            shop.world.clock.now(),
        )
        await tx.execute(
            "UPDATE purchase_order SET refund_requested = 2890, payment_status = 'refund_pending' WHERE order_id = $1",
            order["id"],
        )
    await asyncio.gather(run_jobs(shop), run_jobs(shop))

    [told] = await allocations(shop)
    assert (told.refund_id, told.cause, [share.amount for share in told.shares]) == ("rfd_old", "cancelled", [2890])
