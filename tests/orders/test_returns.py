"""Returns: asked for in time, decided by the vendor or by time, inspected, refunded by line, and never hanging."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from estore.contracts.orders import ReturnApproved, ReturnClosed, ReturnReceived, ReturnRequested
from estore.kit.db import statements
from estore.services.orders.domain import (
    RETURN_OPEN,
    RETURNS,
    Return,
    ReturnLimits,
    ReturnNotPossible,
    ReturnSignal,
    ReturnStatus,
    move_return,
)
from estore.services.orders.store import returns as stored
from orders.factories import Shop, key
from orders.giving_back import (
    allocations,
    buyer,
    deliver,
    eur,
    line,
    member,
    operator,
    refund,
    refund_failed,
    run_jobs,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def delivered(shop: Shop, *lines: tuple[str, int], **values: Any) -> dict[str, Any]:
    """An order whose parcels have arrived: two mugs of vnd_1, a lamp of vnd_2, unless told otherwise."""
    order = await shop.confirmed(*(lines or (("MUG", 2), ("LAMP", 1))), **values)
    await deliver(shop, order)
    return order


async def ask(client: httpx.AsyncClient, order: dict[str, Any], **body: Any) -> httpx.Response:
    sent = {"reason": "damaged"} | body
    return await client.post(f"/v1/orders/{order['id']}/returns", json=sent, headers=key())


async def requested(shop: Shop, order: dict[str, Any], *, quantity: int = 1) -> dict[str, Any]:
    answer = await ask(buyer(shop, order), order, lines=[line(order, 0, quantity)])
    assert answer.status_code == 201, answer.text
    return answer.json()


async def act(client: httpx.AsyncClient, made: dict[str, Any], verb: str, **body: Any) -> httpx.Response:
    return await client.post(f"/v1/returns/{made['id']}/{verb}", json=body, headers=key())


async def approved(shop: Shop, order: dict[str, Any], *, quantity: int = 1) -> dict[str, Any]:
    made = await requested(shop, order, quantity=quantity)
    answer = await act(member(shop), made, "approve")
    assert answer.status_code == 200, answer.text
    return answer.json()


def arrived(order: dict[str, Any], quantity: int = 1, disposition: str = "restock") -> dict[str, Any]:
    return line(order, 0, quantity) | {"disposition": disposition}


# --- the table ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "signal"), list(itertools.product(ReturnStatus, ReturnSignal)))
def test_every_state_knows_every_signal_and_only_open_ones_have_a_deadline(
    status: ReturnStatus, signal: ReturnSignal
) -> None:
    due = NOW if status in RETURN_OPEN else None
    found = Return("ret_1", "ord_1", 1, "vnd_1", status, "late", "", "EUR", 100, 90, NOW, due, [])
    try:
        move_return(found, signal, NOW, ReturnLimits())
    except ReturnNotPossible:
        assert RETURNS[status][signal] is None
        assert (found.status, found.version) == (status, 1)
        return

    assert (found.due_at is not None) == (found.status in RETURN_OPEN) == (found.closed_at is None)
    assert found.version == 2


@pytest.mark.parametrize("status", sorted(RETURN_OPEN))
def test_no_open_return_hangs(status: ReturnStatus) -> None:
    assert RETURNS[status][ReturnSignal.OVERDUE] is not None


# --- the way of a return ----------------------------------------------------------------------------------------------


async def test_a_return_goes_from_asking_to_the_money(shop: Shop) -> None:
    order = await delivered(shop)
    made = await requested(shop, order, quantity=2)
    assert (made["status"], made["amount"], made["vendor_id"]) == ("requested", eur(5290), "vnd_1")
    [told] = await shop.world.emitted("orders", ReturnRequested)
    assert (told.amount, told.payable, [(one.sku, one.quantity) for one in told.lines]) == (5290, 4690, [("MUG", 2)])

    vendor = member(shop, role="fulfilment")
    states = [
        (await act(vendor, made, "approve")).json()["status"],
        (await act(vendor, made, "receive")).json()["status"],
    ]
    dispositions = [arrived(order), arrived(order, 1, "write_off")]
    done = (await act(vendor, made, "inspect", lines=dispositions, shipping=True)).json()
    assert (*states, done["status"]) == ("approved", "received", "refunded")

    [allocated], [received] = await allocations(shop), await shop.world.emitted("orders", ReturnReceived)
    assert (allocated.cause, allocated.return_id, allocated.refund_id, allocated.amount) == (
        "return",
        made["id"],
        done["refund_id"],
        5290,
    )
    assert [(one.sku, one.quantity, one.disposition) for one in received.lines] == [
        ("MUG", 1, "restock"),
        ("MUG", 1, "write_off"),
    ]
    [closed] = await shop.world.emitted("orders", ReturnClosed)
    assert (closed.outcome, closed.refund_id) == ("refunded", done["refund_id"])
    assert [one.expires_at for one in await shop.world.emitted("orders", ReturnApproved)] == [
        shop.world.clock.now() + timedelta(days=21)
    ]
    await shop.hear(shop.refunded(order, done["refund_id"], 5290))
    shown = await shop.show(order)
    assert (shown["status"], shown["payment_status"], shown["refunded"]) == (
        "delivered",
        "partially_refunded",
        eur(5290),
    )


async def test_it_is_received_and_inspected_in_one_step_with_less_for_what_was_damaged(shop: Shop) -> None:
    order = await delivered(shop)
    made = await approved(shop, order, quantity=2)
    answer = await act(
        member(shop), made, "receive", lines=[arrived(order)], deduction=eur(400), deduction_reason="the handle is off"
    )

    assert (answer.status_code, answer.json()["deduction"]) == (200, eur(400)), answer.text
    [told] = await allocations(shop)
    assert (told.amount, told.shares[0].commission, told.shares[0].lines[0].quantity) == (2000, 250, 1)
    assert (await ask(buyer(shop, order), order, lines=[line(order, 0)])).status_code == 201


async def test_nothing_is_given_back_twice_for_goods_that_were_refunded_before(shop: Shop) -> None:
    order = await delivered(shop)
    made = await approved(shop, order)
    await refund(operator(shop), order, lines=[line(order, 0, 2)])
    done = (await act(member(shop), made, "receive", lines=[arrived(order)])).json()

    assert (done["status"], done["refund_id"], len(await allocations(shop))) == ("refunded", None, 1)


async def test_goods_whose_refund_failed_can_be_refunded_again(shop: Shop) -> None:
    order = await delivered(shop)
    made = await approved(shop, order)
    done = (await act(member(shop), made, "receive", lines=[arrived(order)])).json()
    await shop.hear(refund_failed(order, done["refund_id"], 2400))

    again = await refund(member(shop), order, lines=[line(order, 0)])
    assert (again.status_code, again.json()["amount"]) == (201, eur(2400))


async def test_a_vendor_refuses_and_a_customer_changes_their_mind(shop: Shop) -> None:
    order = await delivered(shop)
    one, two = await requested(shop, order), await requested(shop, order)
    refused = (await act(member(shop), one, "refuse", reason="worn")).json()
    cancelled = await act(buyer(shop, order), two, "cancel")

    assert (refused["status"], refused["refusal"], cancelled.json()["status"]) == ("refused", "worn", "cancelled")
    assert [e.outcome for e in await shop.world.emitted("orders", ReturnClosed)] == ["refused", "cancelled"]
    assert (await act(member(shop), one, "approve")).json()["code"] == "orders.return_not_possible"
    assert (await ask(buyer(shop, order), order, parcel_id=order["parcels"][0]["id"])).json()["lines"][0][
        "quantity"
    ] == 2


# --- time ---------------------------------------------------------------------------------------------------------


async def test_silence_approves_what_never_comes_expires_and_what_nobody_inspects_is_refunded(shop: Shop) -> None:
    order = await delivered(shop)
    lost, back = await requested(shop, order), await requested(shop, order)
    shop.world.clock.advance(days=5, seconds=1)
    await run_jobs(shop)
    assert (await act(member(shop), back, "receive")).json()["status"] == "received"
    shop.world.clock.advance(days=21, seconds=1)
    await asyncio.gather(run_jobs(shop), run_jobs(shop))

    seen = (await buyer(shop, order).get("/v1/returns")).json()["data"]
    assert {one["id"]: one["status"] for one in seen} == {lost["id"]: "expired", back["id"]: "refunded"}
    [received], [told] = await shop.world.emitted("orders", ReturnReceived), await allocations(shop)
    assert ([one.disposition for one in received.lines], told.amount) == (["write_off"], 2400)
    assert len(await shop.world.emitted("orders", ReturnApproved)) == 2


async def test_returns_that_are_due_together_are_moved_together(shop: Shop) -> None:
    [due] = [job for job in shop.world.service("orders").jobs if job.name == "orders.move_due_returns"]

    async def counts(orders: int) -> list[int]:
        """Let some expire and others be refunded; returns how many statements that took, and approving them before."""
        made = []
        for order in [await delivered(shop) for _ in range(orders)]:
            made += [await requested(shop, order), await requested(shop, order)]
        shop.world.clock.advance(days=5, seconds=1)
        with statements() as approving:
            await due.run()
        for one in made[::2]:
            assert (await act(member(shop), one, "receive")).status_code == 200
        shop.world.clock.advance(days=21, seconds=1)
        with statements() as ending:
            await due.run()
        seen = {one["id"]: one["status"] for one in (await operator(shop).get("/v1/returns")).json()["data"]}
        assert [seen[one["id"]] for one in made] == ["refunded", "expired"] * orders
        return [approving.count, ending.count]

    assert await counts(1) == await counts(4)
    assert len(await allocations(shop)) == 5
    await run_jobs(shop)  # The first orders are complete by now.


async def test_two_returns_of_an_order_that_are_due_together_give_back_what_is_left(shop: Shop) -> None:
    order = await delivered(shop)
    made = [await requested(shop, order), await requested(shop, order)]
    for one in made:
        assert (await act(member(shop), one, "approve")).status_code == 200
        assert (await act(member(shop), one, "receive")).status_code == 200
    assert (await refund(operator(shop), order, lines=[line(order, 0, 1)])).status_code == 201
    shop.world.clock.advance(days=21, seconds=1)
    await asyncio.gather(run_jobs(shop), run_jobs(shop))

    seen = (await buyer(shop, order).get("/v1/returns")).json()["data"]
    assert [one["status"] for one in seen] == ["refunded", "refunded"]
    assert sorted(one["refund_id"] is not None for one in seen) == [False, True]
    assert [told.amount for told in await allocations(shop)] == [2400, 2400]


async def test_an_order_completes_only_when_nothing_is_on_its_way_back(shop: Shop) -> None:
    order = await delivered(shop)
    shop.world.clock.advance(days=29)
    made = await approved(shop, order)
    shop.world.clock.advance(days=2)
    await run_jobs(shop)
    assert (await shop.show(order))["status"] == "delivered"

    await act(member(shop), made, "receive", lines=[arrived(order)])
    shop.world.clock.advance(seconds=1)
    await run_jobs(shop)
    assert (await shop.show(order))["status"] == "completed"


async def test_a_return_that_is_over_early_leaves_the_rest_of_the_time(shop: Shop) -> None:
    order = await delivered(shop)
    made = await approved(shop, order)
    await act(member(shop), made, "receive", lines=[arrived(order)])
    states = []
    for days in (29, 2):
        shop.world.clock.advance(days=days)
        await run_jobs(shop)
        states.append((await shop.show(order))["status"])

    assert states == ["delivered", "completed"]


async def test_only_what_arrived_in_time_can_be_returned(shop: Shop) -> None:
    order = await shop.confirmed(("MUG", 1), ("LAMP", 1))
    early = await ask(buyer(shop, order), order, lines=[line(order, 0)])
    await deliver(shop, order, vendors=("vnd_1",))
    still_early = await ask(buyer(shop, order), order, lines=[line(order, 1)])
    in_time = await ask(buyer(shop, order), order, lines=[line(order, 0)])
    await deliver(shop, order, vendors=("vnd_2",))
    shop.world.clock.advance(days=30, seconds=1)
    late = await ask(buyer(shop, order), order, lines=[line(order, 1)])

    assert [answer.status_code for answer in (early, still_early, in_time, late)] == [409, 409, 201, 409]
    assert late.json()["code"] == "orders.not_returnable"


# --- whose it is --------------------------------------------------------------------------------------------------


async def test_a_return_is_seen_by_its_customer_its_vendor_and_operators(shop: Shop) -> None:
    mine = shop.client(shop.world.token("acc_1"))
    order = await shop.confirmed(("MUG", 2), ("LAMP", 1), client=mine)
    await deliver(shop, order)
    made = (await ask(mine, order, parcel_id=order["parcels"][0]["id"])).json()
    who = {
        "customer": mine,
        "vendor": member(shop, role="catalog"),
        "operator": operator(shop),
        "other vendor": member(shop, "vnd_2"),
        "other customer": shop.client(shop.world.token("acc_2")),
        "guest": shop.client(order_secret="nonsense"),
    }
    one = {name: (await client.get(f"/v1/returns/{made['id']}")).status_code for name, client in who.items()}
    listed = {name: len((await client.get("/v1/returns")).json()["data"]) for name, client in who.items()}

    assert one == dict.fromkeys(["customer", "vendor", "operator"], 200) | dict.fromkeys(
        ["other vendor", "other customer", "guest"], 404
    )
    assert listed == dict.fromkeys(["customer", "vendor", "operator"], 1) | dict.fromkeys(
        ["other vendor", "other customer", "guest"], 0
    )
    assert (await shop.guest.get("/v1/returns")).status_code == 401
    acted = {
        name: (await act(client, made, "approve")).status_code for name, client in who.items() if name != "operator"
    }
    assert acted == {"customer": 403, "vendor": 403, "other vendor": 404, "other customer": 403, "guest": 401}
    assert (await act(member(shop), made, "cancel")).status_code == 403
    assert (await act(mine, made, "cancel")).status_code == 200


async def test_nobody_makes_the_store_look_at_everybodys_returns(shop: Shop) -> None:
    """Not even a guest whose secret is made up."""
    await requested(shop, await delivered(shop))
    # Of a table that holds nothing any index will do, and which one depends on when it was last vacuumed.
    many = """
        INSERT INTO order_return
        SELECT (jsonb_populate_record(r, jsonb_build_object('return_id', 'ret_' || n, 'account_id', 'acc_' || n,
            'vendor_id', 'vnd_' || n, 'secret_hash', sha256(n::text::bytea)))).*
        FROM order_return AS r, generate_series(1, 3000) AS n"""
    asked: list[Any] = [None, None, None, None, 21, "acc_nobody", ["vnd_nobody"], b"made up"]
    with pytest.raises(LookupError):
        async with shop.world.service("orders").db.transaction() as tx:
            await tx.execute(many)
            await tx.execute("ANALYZE order_return")
            plan = await tx.fetch(f"EXPLAIN {stored._PAGE_OF_MINE}", *asked)
            raise LookupError  # nothing of it is kept
    text = "\n".join(row[0] for row in plan)
    indexes = {name for name in ("account", "guest", "vendor") if f"order_return_of_{name}" in text}

    assert indexes == {"account", "guest", "vendor"}, text
    assert "Seq Scan on order_return" not in text, text


async def test_a_guest_lists_the_returns_of_the_order_that_the_secret_is_of(shop: Shop) -> None:
    order, other = await delivered(shop), await delivered(shop)
    made = await requested(shop, order)
    await requested(shop, other)
    seen = (await buyer(shop, order).get("/v1/returns")).json()["data"]

    assert [one["id"] for one in seen] == [made["id"]]


async def test_lists_are_filtered_and_paged(shop: Shop) -> None:
    order = await delivered(shop)
    other = await delivered(shop, ("MUG", 1))
    made = [await requested(shop, order), await requested(shop, order), await requested(shop, other)]
    await act(member(shop), made[0], "approve")

    async def ids(query: str) -> list[str]:
        answer = await operator(shop).get(f"/v1/returns?{query}")
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["data"]]

    assert await ids("status=approved") == [made[0]["id"]]
    assert await ids(f"order={order['number']}") == await ids(f"order={order['id']}") == [made[1]["id"], made[0]["id"]]
    assert await ids("vendor=vnd_2") == []
    page = (await operator(shop).get("/v1/returns?limit=2")).json()
    assert [one["id"] for one in page["data"]] + await ids(f"cursor={page['next_cursor']}") == [
        one["id"] for one in reversed(made)
    ]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/returns?status=lost", 400),
        ("/v1/returns?cursor=x", 400),
        ("/v1/returns?order=%00", 400),
        ("/v1/returns?surprise=1", 400),
        ("/v1/returns/ret_nope", 404),
        ("/v1/returns/%00", 404),
    ],
)
async def test_what_cannot_be_looked_up_is_refused(standing_shop: Shop, path: str, status: int) -> None:
    assert (await operator(standing_shop).get(path)).status_code == status


# --- bad input, repeats, races ----------------------------------------------------------------------------------------


async def test_what_is_wrong_with_a_request_is_refused_with_a_pointer(shop: Shop) -> None:
    order = await delivered(shop)
    for body, status, code, pointer in (
        ({}, 422, "orders.lines_or_parcel", ""),
        ({"lines": [line(order, 0, 3)]}, 409, "orders.quantity_too_high", "/lines/0/quantity"),
        ({"lines": [line(order, 0, 2), line(order, 0)]}, 409, "orders.quantity_too_high", "/lines/0/quantity"),
        ({"lines": [line(order, 0), line(order, 1)]}, 422, "orders.one_parcel_only", "/lines/1/line_id"),
        ({"lines": [{"line_id": "lin_x-1", "quantity": 1}]}, 422, "orders.line_unknown", "/lines/0/line_id"),
        ({"parcel_id": "pcl_1-1"}, 422, "orders.return_parcel_unknown", "/parcel_id"),
        ({"lines": [line(order, 0)], "reason": "bored"}, 422, "request.invalid", "/reason"),
        ({"lines": [line(order, 0)], "comment": "x" * 501}, 422, "request.invalid", "/comment"),
    ):
        answer = await ask(buyer(shop, order), order, **body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert [fault.get("pointer") for fault in answer.json()["errors"]] == [pointer]
    assert (await ask(shop.guest, order, lines=[line(order, 0)])).status_code == 404
    assert await shop.world.emitted("orders", ReturnRequested) == []


async def test_what_is_wrong_with_an_inspection_is_refused_with_a_pointer(shop: Shop) -> None:
    order = await delivered(shop)
    made = await approved(shop, order)
    lamp = line(order, 1) | {"disposition": "restock"}
    lines, usd = [arrived(order)], {"amount": 1, "currency": "USD"}
    for body, code, pointer in (
        ({"lines": [arrived(order, 2)]}, "orders.dispositions_wrong", "/lines/0/quantity"),
        ({"lines": [*lines, arrived(order, 1, "write_off")]}, "orders.dispositions_wrong", "/lines/1/quantity"),
        ({"lines": [lamp]}, "orders.line_unknown", "/lines/0/line_id"),
        ({"lines": [arrived(order, 1, "eaten")]}, "request.invalid", "/lines/0/disposition"),
        ({"deduction": eur(2401), "deduction_reason": "x"}, "orders.deduction_too_high", "/deduction/amount"),
        ({"deduction": eur(0), "deduction_reason": "x"}, "orders.amount_not_positive", "/deduction/amount"),
        ({"deduction": eur(1)}, "orders.deduction_unexplained", "/deduction_reason"),
        ({"deduction": usd, "deduction_reason": "x"}, "orders.currency_wrong", "/deduction/currency"),
        ({"lines": []}, "request.invalid", "/lines"),
    ):
        answer = await act(member(shop), made, "inspect", **({"lines": lines} | body))
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
        assert [fault.get("pointer") for fault in answer.json()["errors"]] == [pointer]
    half = await act(member(shop), made, "receive", shipping=True)
    assert (half.status_code, half.json()["code"]) == (422, "orders.dispositions_missing")
    assert await allocations(shop) == []


async def test_a_version_or_a_key_guards_a_return(shop: Shop) -> None:
    order = await delivered(shop)
    made = await requested(shop, order)
    url, client, same = f"/v1/returns/{made['id']}/approve", member(shop), key()

    assert (await client.post(url, json={})).status_code == 428
    assert (await client.post(url, json={}, headers={"if-match": '"v9"'})).status_code == 412
    assert (await client.post(url, json={}, headers={"if-match": '"v1"'} | same)).status_code == 200
    again = await client.post(url, json={}, headers={"if-match": '"v1"'} | same)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert len(await shop.world.emitted("orders", ReturnApproved)) == 1


async def test_a_return_is_refunded_once_however_often_it_is_inspected(shop: Shop) -> None:
    order = await delivered(shop)
    made = await approved(shop, order, quantity=2)
    body, same = {"lines": [arrived(order, 2)]}, key()
    url, client = f"/v1/returns/{made['id']}/receive", member(shop)
    answers = await asyncio.gather(
        *(act(client, made, "receive", **body) for _ in range(4)),
        *(client.post(url, json=body, headers=same) for _ in range(2)),
        act(buyer(shop, order), made, "cancel"),
    )

    assert [answer.status_code for answer in answers].count(200) in (1, 2)
    assert {answer.status_code for answer in answers} <= {200, 409}
    closed = await shop.world.emitted("orders", ReturnClosed)
    assert len(closed) == 1
    assert len(await allocations(shop)) == (closed[0].outcome == "refunded")


async def test_no_more_is_returned_than_was_bought_however_many_ask(shop: Shop) -> None:
    order = await delivered(shop)
    answers = await asyncio.gather(*(ask(buyer(shop, order), order, lines=[line(order, 0)]) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]


async def test_a_return_and_goodwill_for_the_same_line_give_it_back_once(shop: Shop) -> None:
    orders = [await delivered(shop, ("MUG", 1)) for _ in range(6)]
    returns = [await approved(shop, order) for order in orders]
    answers = await asyncio.gather(
        *(
            act(member(shop), made, "receive", lines=[arrived(order)])
            for order, made in zip(orders, returns, strict=True)
        ),
        *(refund(operator(shop), order, lines=[line(order, 0)]) for order in orders),
    )

    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert {one.order_id: one.amount for one in await allocations(shop)} == {order["id"]: 2400 for order in orders}
    assert len(await allocations(shop)) == len(orders)
