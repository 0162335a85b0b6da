"""What becomes of an order: the saga on real rows, waiting, cancelling, history."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from typing import Any

import pytest

from estore.contracts.cart import CartChanged, CartLine
from estore.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderPaymentRequested,
    RefundRequested,
)
from estore.kit.clock import monotonic
from estore.kit.db import statements
from estore.kit.ids import new_id
from estore.services.orders import store
from estore.services.orders.service.waiting import POLL_SECONDS, Waiting
from orders.factories import Shop, key, second_process


async def overdue(shop: Shop) -> None:
    for job in shop.world.service("orders").jobs:
        await job.run()


async def test_a_purchase_goes_from_placed_to_confirmed(shop: Shop) -> None:
    order = await shop.place(("MUG", 2), ("LAMP", 1))
    await shop.hear(shop.reserved(order))
    assert (await shop.show(order))["status"] == "awaiting_payment"
    [request] = await shop.world.emitted("orders", OrderPaymentRequested)
    assert (request.amount, request.currency, request.payment_method) == (14190, "EUR", "pm_ok")

    await shop.hear(shop.captured(order))
    shown = await shop.show(order)
    assert (shown["status"], shown["payment_status"], shown["version"]) == ("confirmed", "captured", 3)
    assert [parcel["status"] for parcel in shown["parcels"]] == ["open", "open"]
    [event] = await shop.world.emitted("orders", OrderConfirmed)
    assert (event.totals.total, event.payment_id, [line.sku for line in event.lines]) == (
        14190,
        "pay_1",
        ["MUG", "LAMP"],
    )
    assert [(p.vendor_id, p.total, p.commission) for p in event.parcels] == [("vnd_1", 5290, 600), ("vnd_2", 8900, 712)]


async def test_a_batch_of_captures_costs_as_many_statements_as_one(shop: Shop) -> None:
    one, *many = [await shop.awaiting() for _ in range(9)]
    with statements() as single:
        await shop.hear(shop.captured(one))
    with statements(at_most=single.count):
        await shop.world.deliver_batch("orders", [shop.captured(order) for order in many])

    assert single.count <= 7
    assert len(await shop.world.emitted("orders", OrderConfirmed)) == 9


async def test_a_message_delivered_twice_acts_once(shop: Shop) -> None:
    order = await shop.awaiting()
    message = shop.world.envelope(shop.captured(order))
    await shop.world.deliver_batch("orders", [message, message])
    await shop.hear(message, shop.captured(order))

    assert len(await shop.world.emitted("orders", OrderConfirmed)) == 1
    assert (await shop.show(order))["version"] == 3


async def test_without_stock_an_order_is_rejected(shop: Shop) -> None:
    order = await shop.place()
    await shop.hear(shop.rejected(order), shop.reserved(order))

    shown = await shop.show(order)
    assert (shown["status"], shown["cancel_reason"], shown["payment_status"]) == ("rejected", "out_of_stock", "voided")
    assert [e.reason for e in await shop.world.emitted("orders", OrderCancelled)] == ["out_of_stock"]


async def test_a_declined_payment_cancels(shop: Shop) -> None:
    order = await shop.awaiting()
    await shop.hear(shop.failed(order))

    shown = await shop.show(order)
    assert (shown["status"], shown["cancel_reason"], shown["payment_status"]) == (
        "cancelled",
        "payment_failed",
        "failed",
    )


async def test_a_customer_who_has_to_act_is_told_where_and_then_it_goes_on(shop: Shop) -> None:
    order = await shop.awaiting()
    await shop.hear(shop.needs_action(order))
    shown = await shop.show(order)
    assert (shown["payment_status"], shown["requires_action_url"]) == ("requires_action", "http://bank.test/act")

    await shop.hear(shop.captured(order))
    shown = await shop.show(order)
    assert (shown["status"], shown["requires_action_url"]) == ("confirmed", None)


async def test_a_capture_of_another_amount_is_given_back(shop: Shop) -> None:
    order = await shop.awaiting()
    await shop.hear(shop.captured(order, amount=100))

    assert (await shop.show(order))["status"] == "cancelled"
    assert [e.amount for e in await shop.world.emitted("orders", RefundRequested)] == [100]


@pytest.mark.parametrize("reach", ["place", "awaiting"])
async def test_what_is_overdue_is_cancelled(shop: Shop, reach: str) -> None:
    order = await getattr(shop, reach)()
    await overdue(shop)
    assert (await shop.show(order))["status"] != "cancelled"

    shop.world.clock.advance(minutes=17)
    await overdue(shop)
    shown = await shop.show(order)
    assert (shown["status"], shown["cancel_reason"]) == ("cancelled", "overdue")


async def test_an_order_that_nobody_ships_is_given_back(shop: Shop) -> None:
    order = await shop.confirmed()
    shop.world.clock.advance(days=15)
    await overdue(shop)

    assert (await shop.show(order))["status"] == "cancelled"
    assert [e.amount for e in await shop.world.emitted("orders", RefundRequested)] == [2890]


async def test_two_processes_move_what_is_overdue_once(shop: Shop) -> None:
    for _ in range(30):
        await shop.place()
    shop.world.clock.advance(minutes=17)
    await asyncio.gather(*(overdue(shop) for _ in range(4)))

    assert len(await shop.world.emitted("orders", OrderCancelled)) == 30


async def test_late_reordered_and_repeated_answers_never_break_an_order(shop: Shop) -> None:
    """Each pair of signals, in both orders, on rows; what comes too early is tried again as the bus would."""
    events = {
        "reserved": shop.reserved,
        "rejected": shop.rejected,
        "action": shop.needs_action,
        "captured": shop.captured,
        "failed": shop.failed,
    }
    for first, second, third in itertools.permutations(events, 3):
        order = await shop.place()
        waiting = [events[name](order) for name in (first, second, third)]
        for _ in range(3):
            early = []
            for event in waiting:
                try:
                    await shop.hear(event)
                except Exception as error:
                    assert "cannot take" in str(error)
                    early.append(event)
            waiting = early

    shop.world.clock.advance(minutes=70)
    await overdue(shop)
    rows = await shop.world.fetch("orders", "SELECT DISTINCT status FROM purchase_order ORDER BY 1")
    assert [row["status"] for row in rows] == ["cancelled", "confirmed", "rejected"]


async def test_an_order_that_was_paid_while_it_was_found_overdue_stays_paid(shop: Shop) -> None:
    await shop.awaiting()
    shop.world.clock.advance(minutes=30)
    db = shop.world.service("orders").db
    # It waits between what the statement sees and what it locks: the capture commits in between.
    slow = (
        "ALTER TABLE purchase_order RENAME TO real_order",
        "CREATE FUNCTION pause() RETURNS boolean LANGUAGE plpgsql"
        " AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN true; END'",
        "CREATE VIEW purchase_order AS SELECT * FROM real_order WHERE pause()",
    )
    fast = ("DROP VIEW purchase_order", "DROP FUNCTION pause", "ALTER TABLE real_order RENAME TO purchase_order")
    async with db.transaction() as tx:
        for sql in slow:
            await tx.execute(sql)

    async def look() -> dict[str, Any]:
        async with db.transaction() as tx:
            return await store.lock_due(tx, shop.world.clock.now(), 10)

    waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted"
    async with db.transaction() as gate:
        await gate.execute("SELECT pg_advisory_xact_lock(4711)")
        looking = asyncio.create_task(look())
        while not await shop.world.fetch("orders", waits):
            await asyncio.sleep(0.01)
        async with db.transaction() as tx:
            await tx.execute("UPDATE real_order SET deadline = deadline + interval '14 days'")
    found = await looking
    async with db.transaction() as tx:
        for sql in fast:
            await tx.execute(sql)

    assert found == {}


# --- cancelling -------------------------------------------------------------------------------------------------


async def cancel(shop: Shop, order: dict[str, Any], **headers: str) -> Any:
    sent = {"order_secret": order["secret"]} if "secret" in order else {}
    client = shop.client(headers.pop("token", None), **(sent | headers))
    return await client.post(f"/v1/orders/{order['id']}/cancel", json={}, headers=key())


async def test_a_guest_cancels_before_paying(shop: Shop) -> None:
    order = await shop.awaiting()
    answer = await cancel(shop, order)

    assert (answer.status_code, answer.json()["status"], answer.json()["cancel_reason"]) == (
        200,
        "cancelled",
        "customer",
    )
    assert await shop.world.emitted("orders", RefundRequested) == []


async def test_a_key_alone_opens_nobodys_order(shop: Shop) -> None:
    order = await shop.awaiting()
    same = key()
    path = f"/v1/orders/{order['id']}/cancel"
    first = await shop.client(order_secret=order["secret"]).post(path, json={}, headers=same)
    again = await shop.client(order_secret=order["secret"]).post(path, json={}, headers=same)
    thieves = [await shop.client(**secret).post(path, json={}, headers=same) for secret in ({}, {"order_secret": "x"})]

    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    assert [(thief.status_code, thief.json()["code"]) for thief in thieves] == [(422, "idempotency.key_reused")] * 2


async def test_cancelling_a_paid_order_gives_the_money_back_and_once(shop: Shop) -> None:
    order = await shop.confirmed()
    answers = await asyncio.gather(*(cancel(shop, order) for _ in range(5)))

    assert {(a.status_code, a.json()["status"], a.json()["payment_status"]) for a in answers} == {
        (200, "cancelled", "refund_pending")
    }
    [refund] = await shop.world.emitted("orders", RefundRequested)
    await shop.hear(shop.refunded(order, refund.refund_id), shop.refunded(order, refund.refund_id))
    assert (await shop.show(order))["payment_status"] == "refunded"


async def test_a_refund_counts_with_what_was_really_given_back(shop: Shop) -> None:
    """An operator gave a part back at payments that orders had not heard of when it asked for the whole."""
    order = await shop.confirmed()
    await cancel(shop, order)
    [refund] = await shop.world.emitted("orders", RefundRequested)
    await shop.hear(
        shop.refunded(order, "rfd_operator", 1000), shop.refunded(order, refund.refund_id, refund.amount - 1000)
    )

    assert (await shop.show(order))["payment_status"] == "refunded"


async def test_cancelling_gives_back_what_an_operators_refund_has_left(shop: Shop) -> None:
    order = await shop.confirmed()
    await shop.hear(shop.refunded(order, "rfd_by_hand", 300))
    await cancel(shop, order)
    [asked] = await shop.world.emitted("orders", RefundRequested)

    assert (asked.amount, await shop.world.broken("orders")) == (2590, {})


async def test_cancel_against_capture_ends_paid_back_or_not_charged(shop: Shop) -> None:
    orders = [await shop.awaiting() for _ in range(20)]
    await asyncio.gather(
        *(cancel(shop, order) for order in orders), *(shop.hear(shop.captured(order)) for order in orders)
    )

    assert {(await shop.show(order))["status"] for order in orders} == {"cancelled"}
    assert len(await shop.world.emitted("orders", RefundRequested)) == 20
    assert len(await shop.world.emitted("orders", OrderCancelled)) == 20


async def test_an_operator_cancels_and_a_stranger_does_not(shop: Shop) -> None:
    order = await shop.confirmed()
    stranger = await cancel(shop, {"id": order["id"]}, token=shop.world.token("acc_9"))
    operator = await cancel(shop, {"id": order["id"]}, token=shop.world.token("acc_8", operator=True))

    assert (stranger.status_code, operator.status_code) == (404, 200)
    assert operator.json()["cancel_reason"] == "operator"


@pytest.mark.parametrize("name", ["ord_nope", "E-0000-0000", "nonsense", "%00", "ord_%C3%A9", "ord_" + "9" * 100])
async def test_what_is_no_order_is_a_404(standing_shop: Shop, name: str) -> None:
    assert (await standing_shop.guest.get(f"/v1/orders/{name}")).status_code == 404
    assert (await standing_shop.guest.post(f"/v1/orders/{name}/cancel", json={}, headers=key())).status_code == 404


# --- waiting ------------------------------------------------------------------------------------------------------


@pytest.fixture
def _as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients wait longer than any busy machine takes."""
    monkeypatch.setattr("estore.kit.http.requests.MAX_WAIT", 90.0)


@pytest.mark.usefixtures("_as_long_as_it_takes")
async def test_who_waits_is_answered_once_the_order_is_settled(shop: Shop) -> None:
    async def follow() -> None:
        while not (rows := await shop.world.fetch("orders", "SELECT order_id FROM purchase_order")):
            await asyncio.sleep(0.01)
        order = {"id": rows[0]["order_id"], "totals": {"total": {"amount": 2890}}}
        await shop.hear(shop.reserved(order), shop.captured(order))

    client = shop.client(prefer="wait=90")
    answer, _ = await asyncio.gather(client.post("/v1/orders", json=shop.body(), headers=key()), follow())

    assert (answer.status_code, answer.headers["preference-applied"]) == (201, "wait=90")
    order = answer.json()
    shown = await shop.show(order)
    assert shown == {name: value for name, value in order.items() if name != "secret"}
    assert shown["status"] == "confirmed"


async def test_who_waits_in_vain_is_answered_202(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    wait, heard, asked = Waiting.outcome, asyncio.Event(), []

    async def until_heard(waiting: Waiting, order_id: str, seconds: float) -> Any:
        """Until its stock was heard of, however long that takes, and a moment longer."""
        asked.append(seconds)
        early = asyncio.create_task(wait(waiting, order_id, 90.0))
        await heard.wait()
        late = await wait(waiting, order_id, 10 * POLL_SECONDS)
        early.cancel()
        return early.result() if early.done() else late

    async def follow() -> None:
        while not (rows := await shop.world.fetch("orders", "SELECT order_id FROM purchase_order")):
            await asyncio.sleep(0.01)
        await shop.hear(shop.reserved({"id": rows[0]["order_id"]}))
        heard.set()

    monkeypatch.setattr(Waiting, "outcome", until_heard)
    client = shop.client(prefer="wait=4")
    answer, _ = await asyncio.gather(client.post("/v1/orders", json=shop.body(), headers=key()), follow())

    assert asked == [4.0]
    assert (answer.status_code, answer.json()["status"]) == (202, "awaiting_payment")
    assert (await shop.show(answer.json()))["status"] == "awaiting_payment"


@pytest.mark.usefixtures("_as_long_as_it_takes")
async def test_all_who_wait_share_one_poll(shop: Shop) -> None:
    orders = [await shop.place() for _ in range(20)]
    service = shop.world.service("orders")

    async def settle_elsewhere() -> None:
        await asyncio.sleep(0.2)
        async with service.db.transaction() as tx:
            await tx.execute(
                "UPDATE purchase_order SET status = 'cancelled', cancel_reason = 'customer', deadline = NULL"
            )
            await tx.execute("UPDATE parcel SET status = 'cancelled'")

    began = monotonic()
    with statements() as sent:
        answers, _ = await asyncio.gather(
            asyncio.gather(
                *(shop.client(order_secret=o["secret"], prefer="wait=90").get(f"/v1/orders/{o['id']}") for o in orders)
            ),
            settle_elsewhere(),
        )

    # How often that one asks depends on how busy the machine is.
    polls = (monotonic() - began) / POLL_SECONDS
    assert {answer.json()["status"] for answer in answers} == {"cancelled"}
    assert sent.count < 30 + polls < 20 * polls


# --- history ------------------------------------------------------------------------------------------------------


async def test_an_account_sees_its_own_history_in_pages(shop: Shop) -> None:
    client = shop.client(shop.world.token("acc_1"))
    mine = [(await shop.place(client=client))["id"] for _ in range(5)]
    await shop.place(client=shop.client(shop.world.token("acc_2")))
    seen: list[str] = []
    url = "/v1/orders?limit=2"
    while url:
        with statements(at_most=1):
            page = (await client.get(url)).json()
        seen += [order["id"] for order in page["data"]]
        url = f"/v1/orders?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""

    assert seen == mine[::-1]


async def test_an_operator_looks_for_orders_by_address_and_state(shop: Shop) -> None:
    client = shop.client(shop.world.token("acc_8", operator=True))
    hers = await shop.place(email="Grace@example.com")
    await shop.place()
    await shop.confirmed()

    async def ids(query: str) -> list[str]:
        return [order["id"] for order in (await client.get(f"/v1/orders{query}")).json()["data"]]

    assert await ids("?email=grace@example.com") == [hers["id"]]
    assert len(await ids("?status=placed")) == 2
    assert len(await ids("")) == 3


@pytest.mark.parametrize(
    ("query", "token", "status"),
    [
        ("", None, 401),
        ("?email=a@b.c", "acc_1", 403),
        ("?status=lost", "acc_1", 400),
        ("?cursor=x", "acc_1", 400),
        ("?cursor=WyJcdTAwMDAiXQ", "acc_1", 400),
        ("?page=2", "acc_1", 400),
        ("?limit=0", "acc_1", 400),
    ],
)
async def test_history_refuses_what_it_does_not_know(
    standing_shop: Shop, query: str, token: str | None, status: int
) -> None:
    client = standing_shop.client(standing_shop.world.token(token) if token else None)
    assert (await client.get(f"/v1/orders{query}")).status_code == status


# --- carts --------------------------------------------------------------------------------------------------------

SHA_OF_SESAME = hashlib.sha256(b"sesame").hexdigest()


def cart(version: int = 1, *lines: tuple[str, int], **values: Any) -> CartChanged:
    given = {"cart_id": "crt_1", "account_id": None, "secret_hash": SHA_OF_SESAME}
    return CartChanged(
        lines=tuple(CartLine(sku, quantity) for sku, quantity in lines), version=version, **(given | values)
    )


async def test_a_cart_is_bought_by_who_has_its_secret(shop: Shop) -> None:
    await shop.hear(cart(2, ("MUG", 2)), cart(1, ("LAMP", 1)))
    client = shop.client(cart_secret="sesame")
    sent, body = key(), shop.body(cart_id="crt_1", lines=None, cart_version=2)
    first = await client.post("/v1/orders", json=body, headers=sent)
    await shop.hear(cart(3))
    again = await client.post("/v1/orders", json=body, headers=sent)
    empty = await client.post("/v1/orders", json=body, headers=key())

    assert (first.status_code, [line["quantity"] for line in first.json()["lines"]]) == (202, [2])
    assert first.content == again.content
    assert (empty.status_code, empty.json()["code"]) == (422, "orders.cart_empty")


async def test_an_accounts_cart_is_only_its_own(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("estore.services.orders.service.reading.CART_SECONDS", 0.0)
    await shop.hear(cart(1, ("MUG", 1), account_id="acc_1", secret_hash=None))
    body = shop.body(cart_id="crt_1", lines=None)
    mine, other = [
        await shop.client(shop.world.token(account)).post("/v1/orders", json=body, headers=key())
        for account in ("acc_1", "acc_2")
    ]
    guest = await shop.client(cart_secret="sesame").post("/v1/orders", json=body, headers=key())

    assert [answer.status_code for answer in (mine, other, guest)] == [202, 404, 404]


async def test_a_cart_that_is_on_its_way_is_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("estore.services.orders.service.reading.CART_SECONDS", 90.0)

    async def arrives() -> None:
        await asyncio.sleep(0.15)
        await shop.hear(cart(1, ("LAMP", 1)))
        await asyncio.sleep(0.15)
        await shop.hear(cart(2, ("MUG", 3)))

    body = shop.body(cart_id="crt_1", lines=None, cart_version=2)
    answer, _ = await asyncio.gather(
        shop.client(cart_secret="sesame").post("/v1/orders", json=body, headers=key()), arrives()
    )

    assert answer.status_code == 202, answer.text
    assert answer.json()["lines"][0]["quantity"] == 3


async def test_a_cart_that_changes_while_its_goods_are_read_is_not_refused_for_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.hear(cart(1, ("LAMP", 1)))
    load, read = store.load_offers, list[Any]()

    async def offers(tx: Any, skus: Any) -> Any:
        read.append(skus)
        if len(read) == 2:
            # The first look was from memory, this one is to be believed.
            await shop.hear(cart(2, ("MUG", 3)))
        return await load(tx, skus)

    monkeypatch.setattr(store, "load_offers", offers)
    body = shop.body(cart_id="crt_1", lines=None, cart_version=2)
    answer = await shop.client(cart_secret="sesame").post("/v1/orders", json=body, headers=key())

    assert answer.status_code == 202, answer.text
    assert read == [["LAMP"], ["LAMP"], ["MUG"]]


async def test_a_cart_that_was_made_just_now_is_late_and_not_unknown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("estore.services.orders.service.reading.CART_SECONDS", 0.0)
    monkeypatch.setattr("estore.services.orders.service.placing.CART_LATE_SECONDS", 3600.0)
    client, sent, fresh = shop.client(cart_secret="sesame"), key(), new_id("crt")
    body = shop.body(cart_id=fresh, lines=None)
    late = await client.post("/v1/orders", json=body, headers=sent)
    await shop.hear(cart(1, ("MUG", 1), cart_id=fresh))
    placed = await client.post("/v1/orders", json=body, headers=sent)
    stranger = await shop.client(cart_secret="other").post("/v1/orders", json=body, headers=key())
    old = [
        f"crt_01ARZ3NDEK{fresh[-16:]}",
        f"crt_7ZZZZZZZZZ{fresh[-16:]}",
        f"crt_ZZZZZZZZZZ{fresh[-16:]}",
        fresh.lower(),
    ]
    unknown = [await client.post("/v1/orders", json=body | {"cart_id": one}, headers=key()) for one in old]

    assert (late.status_code, late.json()["code"]) == (503, "orders.cart_late")
    assert int(late.headers["retry-after"]) > 0
    assert (placed.status_code, stranger.status_code) == (202, 404)
    assert {(answer.status_code, answer.json()["code"]) for answer in unknown} == {(404, "orders.cart_unknown")}


async def test_a_cart_that_never_comes_is_told_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("estore.services.orders.service.reading.CART_SECONDS", 0.1)
    client = shop.client(cart_secret="sesame")
    unknown = await client.post("/v1/orders", json=shop.body(cart_id="crt_1", lines=None), headers=key())
    await shop.hear(cart(1, ("MUG", 1)))
    behind = await client.post("/v1/orders", json=shop.body(cart_id="crt_1", lines=None, cart_version=2), headers=key())

    assert (unknown.status_code, behind.status_code) == (404, 409)
    assert behind.json()["code"] == "orders.cart_behind"


# --- for other services ---------------------------------------------------------------------------------------------


async def test_the_doctor_can_stream_every_order(shop: Shop) -> None:
    from estore.services.orders.store import stream_facts

    placed, paid = await shop.place(), await shop.confirmed()
    async with shop.world.service("orders").db.transaction(snapshot=True) as tx:
        facts = {fact.order_id: fact async for fact in stream_facts(tx)}

    assert {placed["id"]: None, paid["id"]: 2890} == {name: fact.captured for name, fact in facts.items()}


async def test_a_cart_that_this_process_has_heard_of_is_bought_in_one_round_trip(shop: Shop) -> None:
    await shop.place()
    await shop.hear(cart(1, ("MUG", 2)))

    with statements(at_most=1):
        await shop.place(client=shop.client(cart_secret="sesame"), cart_id="crt_1", lines=None)


async def test_a_cart_that_changed_in_another_process_is_read_again(shop: Shop) -> None:
    other = await second_process(shop)
    await shop.hear(cart(1, ("LAMP", 1)))
    try:
        client = other.http("orders", cart_secret="sesame")
        body = shop.body(cart_id="crt_1", lines=None)
        first = await client.post("/v1/orders", json=body, headers=key())
        await shop.hear(cart(2, ("MUG", 3)))
        second = await client.post("/v1/orders", json=body, headers=key())
    finally:
        await other.service("orders").db.close()

    assert [[line["sku"] for line in answer.json()["lines"]] for answer in (first, second)] == [["LAMP"], ["MUG"]]
