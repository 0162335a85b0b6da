"""Shipments: a parcel goes in one or in several, each piece once, and arrives when the last of them has."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.orders import OrderCompleted, ParcelDelivered, ParcelShipped
from estore.kit.errors import Failure
from estore.kit.settings import SettingError
from estore.services.orders import domain
from estore.services.orders.app import build
from estore.services.orders.domain import Packed
from estore.services.orders.gateways import read_secrets, signed
from orders.factories import Shop, key
from orders.test_parcels import member, parcels
from support.world import settings_for

RETURNS = timedelta(days=30)


async def opened(shop: Shop, *lines: tuple[str, int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A confirmed order, and the parcel of vnd_1 in it."""
    order = await shop.confirmed(*lines)
    [parcel] = await parcels(member(shop))
    return order, parcel


async def ship(shop: Shop, parcel: dict[str, Any], *parts: tuple[int, int], **values: Any) -> httpx.Response:
    """Ship (place of the line, pieces); everything that is left when there are none."""
    body = values | (
        {"lines": [{"line_id": parcel["lines"][at]["id"], "quantity": n} for at, n in parts]} if parts else {}
    )
    return await member(shop).post(f"/v1/parcels/{parcel['id']}/ship", json=body, headers=key())


async def deliver(shop: Shop, parcel: dict[str, Any], **values: Any) -> httpx.Response:
    return await member(shop).post(f"/v1/parcels/{parcel['id']}/deliver", json=values, headers=key())


# --- the rule -----------------------------------------------------------------------------------------------


def packed(*lines: tuple[int, int]) -> list[Packed]:
    return [Packed(n, f"lin_{n}", f"S{n}", quantity, shipped) for n, (quantity, shipped) in enumerate(lines, 1)]


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), min_size=1, max_size=4), max_size=8),
)
def test_whatever_is_asked_for_each_piece_goes_once(
    quantities: list[int], requests: list[list[tuple[int, int]]]
) -> None:
    shipped = [0] * len(quantities)
    for request in requests:
        lines = packed(*zip(quantities, shipped, strict=True))
        try:
            what = domain.hand_over(lines, [(f"lin_{n}", pieces) for n, pieces in request])
        except Failure:
            continue
        for line, pieces in what.parts:
            shipped[line.no - 1] += pieces
        assert what.complete == (shipped == quantities)
    lines = packed(*zip(quantities, shipped, strict=True))
    rest = domain.hand_over(lines, None)

    assert all(done <= whole for done, whole in zip(shipped, quantities, strict=True))
    assert rest.complete
    assert sum(pieces for _, pieces in rest.parts) == sum(quantities) - sum(shipped)


# --- through the service ------------------------------------------------------------------------------------


async def test_a_parcel_goes_in_three_shipments_and_says_so_to_everybody(shop: Shop) -> None:
    order, parcel = await opened(shop, ("MUG", 3), ("BOOK", 1))
    seen = []
    for parts in ([(0, 1)], [(0, 1), (1, 1)], []):
        answer = await ship(shop, parcel, *parts, carrier="DHL", tracking=f"T{len(seen)}")
        assert answer.status_code == 200, answer.text
        shown = await shop.show(order)
        mine = answer.json()
        seen.append((mine["status"], [line["shipped"] for line in mine["lines"]], shown["status"]))
        assert [s["tracking"] for s in shown["parcels"][0]["shipments"]] == [f"T{n}" for n in range(len(seen))]

    assert seen == [
        ("partly_shipped", [1, 0], "partly_shipped"),
        ("partly_shipped", [2, 1], "partly_shipped"),
        ("shipped", [3, 1], "shipped"),
    ]
    events = await shop.world.emitted("orders", ParcelShipped)
    assert [[(line.sku, line.quantity) for line in e.lines] for e in events] == [
        [("MUG", 1)],
        [("MUG", 1), ("BOOK", 1)],
        [("MUG", 1)],
    ]
    assert [e.complete for e in events] == [False, False, True]
    assert len({e.shipment_id for e in events}) == 3
    assert [e.version for e in events] == sorted({e.version for e in events})
    last = (await parcels(member(shop)))[0]
    assert (last["carrier"], last["tracking"]) == ("DHL", "T2")
    assert [s["id"] for s in last["shipments"]] == [e.shipment_id for e in events]


async def test_without_lines_all_of_it_goes_at_once(shop: Shop) -> None:
    _, parcel = await opened(shop, ("MUG", 3), ("BOOK", 1))
    answer = await ship(shop, parcel)
    [event] = await shop.world.emitted("orders", ParcelShipped)

    assert answer.json()["status"] == "shipped"
    assert (event.complete, [line.quantity for line in event.lines]) == (True, [3, 1])


@pytest.mark.parametrize(
    ("lines", "status", "code", "pointers"),
    [
        ([("own", 4)], 409, "orders.more_than_left", ["/lines/0/quantity"]),
        ([("own", 1), ("other", 2)], 409, "orders.more_than_left", ["/lines/1/quantity"]),
        ([("own", 1), ("own", 1)], 422, "orders.line_twice", ["/lines/1/line_id"]),
        ([("own", 1), ("strange", 1)], 422, "orders.line_not_in_parcel", ["/lines/1/line_id"]),
        ([("lin_X-1", 1)], 422, "orders.line_not_in_parcel", ["/lines/0/line_id"]),
    ],
)
async def test_what_cannot_go_is_refused_and_nothing_goes(
    shop: Shop, lines: list[tuple[str, int]], status: int, code: str, pointers: list[str]
) -> None:
    order, parcel = await opened(shop, ("MUG", 3), ("LAMP", 1), ("BOOK", 1))
    strange = next(line["id"] for line in order["lines"] if line["sku"] == "LAMP")
    ids = {"own": parcel["lines"][0]["id"], "other": parcel["lines"][1]["id"], "strange": strange}
    body = {"lines": [{"line_id": ids.get(name, name), "quantity": n} for name, n in lines]}
    answer = await member(shop).post(f"/v1/parcels/{parcel['id']}/ship", json=body, headers=key())

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers
    assert (await parcels(member(shop)))[0]["status"] == "open"
    assert await shop.world.emitted("orders", ParcelShipped) == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"lines": [{"line_id": "lin_1-1", "quantity": 0}]}, "/lines/0/quantity"),
        ({"lines": [{"line_id": "lin_1-1", "quantity": -1}]}, "/lines/0/quantity"),
        ({"lines": []}, "/lines"),
        ({"lines": [{"quantity": 1}]}, "/lines/0/line_id"),
    ],
)
async def test_nothing_and_less_are_no_shipment(standing_shop: Shop, body: dict[str, Any], pointer: str) -> None:
    answer = await member(standing_shop).post("/v1/parcels/pcl_1-1/ship", json=body, headers=key())

    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_two_members_who_ship_the_same_rest_at_once_ship_it_once(shop: Shop) -> None:
    _, parcel = await opened(shop, ("MUG", 3))
    await ship(shop, parcel, (0, 1))
    answers = await asyncio.gather(
        *(ship(shop, parcel, (0, 2)) for _ in range(3)), *(ship(shop, parcel) for _ in range(3))
    )

    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"orders.parcel_not_open"}
    events = await shop.world.emitted("orders", ParcelShipped)
    assert [sum(line.quantity for line in e.lines) for e in events] == [1, 2]


async def test_parts_at_once_never_add_up_to_more_than_there_is(shop: Shop) -> None:
    _, parcel = await opened(shop, ("MUG", 3))
    answers = await asyncio.gather(*(ship(shop, parcel, (0, 2)) for _ in range(4)))

    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"orders.more_than_left"}


async def test_the_same_key_ships_once(shop: Shop) -> None:
    _, parcel = await opened(shop, ("MUG", 3))
    body = {"lines": [{"line_id": parcel["lines"][0]["id"], "quantity": 1}]}
    sent = key()
    first, second = [
        await member(shop).post(f"/v1/parcels/{parcel['id']}/ship", json=body, headers=sent) for _ in range(2)
    ]

    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert len(await shop.world.emitted("orders", ParcelShipped)) == 1


async def test_nothing_can_be_cancelled_once_a_single_piece_has_gone(shop: Shop) -> None:
    order, parcel = await opened(shop, ("MUG", 3), ("LAMP", 1))
    await ship(shop, parcel, (0, 1))
    answer = await shop.client(order_secret=order["secret"]).post(
        f"/v1/orders/{order['id']}/cancel", json={}, headers=key()
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "orders.too_late_to_cancel")


async def test_a_cancellation_and_a_first_piece_at_once_have_one_outcome(shop: Shop) -> None:
    order, parcel = await opened(shop, ("MUG", 3))
    client = shop.client(order_secret=order["secret"])
    cancelled, shipped = await asyncio.gather(
        client.post(f"/v1/orders/{order['id']}/cancel", json={}, headers=key()), ship(shop, parcel, (0, 1))
    )

    assert sorted([cancelled.status_code, shipped.status_code]) == [200, 409]
    status = (await shop.show(order))["status"]
    assert status == ("cancelled" if cancelled.status_code == 200 else "partly_shipped")


# --- arriving -----------------------------------------------------------------------------------------------


async def test_a_parcel_has_arrived_when_the_last_of_its_shipments_has(shop: Shop) -> None:
    order, parcel = await opened(shop, ("MUG", 3))
    first = (await ship(shop, parcel, (0, 1))).json()["shipments"][0]["id"]
    seen = [(await deliver(shop, parcel, shipment_id=first)).json()["status"]]
    shop.world.clock.advance(days=1)
    await ship(shop, parcel)
    seen.append((await parcels(member(shop)))[0]["status"])
    shop.world.clock.advance(days=1)
    assert await shop.world.emitted("orders", ParcelDelivered) == []
    seen.append((await deliver(shop, parcel)).json()["status"])
    again = await deliver(shop, parcel)

    assert seen == ["partly_shipped", "shipped", "delivered"]
    assert (again.status_code, again.json()["code"]) == (409, "orders.parcel_not_shipped")
    [event] = await shop.world.emitted("orders", ParcelDelivered)
    assert event.delivered_at == shop.world.clock.now()
    assert event.returnable_until == event.delivered_at + RETURNS
    assert [line.quantity for line in event.lines] == [3]
    assert (await shop.show(order))["status"] == "delivered"


async def test_a_shipment_that_is_not_there_or_has_arrived_cannot_arrive(shop: Shop) -> None:
    _, parcel = await opened(shop, ("MUG", 2))
    nothing = await deliver(shop, parcel)
    first = (await ship(shop, parcel, (0, 1))).json()["shipments"][0]["id"]
    await deliver(shop, parcel)
    answers = [nothing, await deliver(shop, parcel), await deliver(shop, parcel, shipment_id=first)]
    strange = await deliver(shop, parcel, shipment_id="shp_1")

    assert [a.json()["code"] for a in answers] == ["orders.parcel_not_shipped"] * 3
    assert (strange.status_code, strange.json()["code"]) == (404, "orders.shipment_unknown")


async def test_what_an_older_version_shipped_has_no_shipment_and_still_arrives(shop: Shop) -> None:
    _, parcel = await opened(shop)
    await ship(shop, parcel)
    async with shop.world.service("orders").db.transaction() as tx:
        await tx.execute("DELETE FROM shipment_line")
        await tx.execute("DELETE FROM shipment")
    answer = await deliver(shop, parcel)

    assert (answer.status_code, answer.json()["status"]) == (200, "delivered")
    assert len(await shop.world.emitted("orders", ParcelDelivered)) == 1


async def test_an_order_is_completed_once_when_the_time_to_return_it_is_over(shop: Shop) -> None:
    order, parcel = await opened(shop)
    await ship(shop, parcel)
    await deliver(shop, parcel)
    for days in (29, 2, 2):
        shop.world.clock.advance(days=days)
        for job in shop.world.service("orders").jobs:
            await job.run()

    [event] = await shop.world.emitted("orders", OrderCompleted)
    assert event.order_id == order["id"]
    assert event.completed_at == shop.world.clock.now() - timedelta(days=2)
    assert (await shop.show(order))["status"] == "completed"


async def test_a_late_word_that_it_arrived_changes_nothing(shop: Shop) -> None:
    order, parcel = await opened(shop)
    await ship(shop, parcel, carrier="DHL", tracking="T1")
    shop.world.clock.advance(days=31)
    for job in shop.world.service("orders").jobs:
        await job.run()
    late = await deliver(shop, parcel)
    heard = await say(shop, "evt_1", tracking="T1", status="delivered")

    assert late.status_code == 409
    assert (heard.status_code, heard.json()) == (200, {"shipments": 1})
    [event] = await shop.world.emitted("orders", ParcelDelivered)
    assert event.returnable_until == shop.world.clock.now() + RETURNS
    assert (await shop.show(order))["status"] == "delivered"


async def test_operators_find_what_should_have_been_shipped_long_ago(shop: Shop) -> None:
    _, parcel = await opened(shop, ("MUG", 2))
    await ship(shop, parcel, (0, 1))

    async def overdue(query: str = "") -> httpx.Response:
        operator = shop.client(shop.world.token("acc_o", operator=True))
        return await operator.get(f"/v1/orders?overdue=true{query}")

    before = (await overdue()).json()["data"]
    shop.world.clock.advance(days=15)
    for job in shop.world.service("orders").jobs:
        await job.run()
    late = (await overdue()).json()["data"]
    await ship(shop, parcel)
    after = (await overdue()).json()["data"]

    assert (before, [order["status"] for order in late], after) == ([], ["partly_shipped"], [])
    assert (await overdue("&status=shipped")).status_code == 400
    assert (await shop.client(shop.world.token("acc_1")).get("/v1/orders?overdue=true")).status_code == 403


# --- carriers -----------------------------------------------------------------------------------------------


def message(shop: Shop, **values: Any) -> bytes:
    given = {"carrier": "DHL", "tracking": "T1", "status": "delivered", "at": shop.world.clock.now()}
    return msgspec.json.encode(given | values)


async def say(shop: Shop, event_id: str, *, secret: str | None = None, **values: Any) -> httpx.Response:
    body = message(shop, **values)
    carrier = str(values.get("carrier", "DHL")).lower()
    secret = secret or shop.world.settings.derived(f"orders carrier {carrier}")
    headers = signed(secret, event_id, body, shop.world.clock.now())
    return await shop.guest.post("/v1/parcels/carrier-events", content=body, headers=headers | JSON)


JSON = {"content-type": "application/json"}


async def test_a_carrier_says_that_it_arrived_once_and_in_any_order(shop: Shop) -> None:
    order, parcel = await opened(shop, ("MUG", 2))
    await ship(shop, parcel, (0, 1), carrier="dhl", tracking="T1")
    await ship(shop, parcel, carrier="DHL", tracking="T2")
    shop.world.clock.advance(days=3)
    arrived = shop.world.clock.now() - timedelta(days=1)
    answers = [
        await say(shop, "evt_1", tracking="T2", at=arrived),
        await say(shop, "evt_1", tracking="T2", at=arrived),
        await say(shop, "evt_2", tracking="T2", status="in_transit", at=arrived - timedelta(hours=5)),
        await say(shop, "evt_3", tracking="T1", at=arrived - timedelta(hours=1)),
        await say(shop, "evt_4", tracking="T1"),
    ]

    assert [a.json()["shipments"] for a in answers] == [1, 0, 1, 1, 1]
    [event] = await shop.world.emitted("orders", ParcelDelivered)
    assert (event.delivered_at, event.returnable_until) == (arrived, arrived + RETURNS)
    shown = await shop.show(order)
    assert shown["status"] == "delivered"
    assert [s["carrier_status"] for s in shown["parcels"][0]["shipments"]] == ["delivered", "delivered"]


async def test_a_carrier_loses_a_shipment_and_finds_it(shop: Shop) -> None:
    _, parcel = await opened(shop)
    await ship(shop, parcel, carrier="DHL", tracking="T1")
    seen = []
    for event_id, status in (("e1", "in_transit"), ("e2", "lost"), ("e3", "delivered")):
        shop.world.clock.advance(hours=1)
        await say(shop, event_id, status=status)
        [mine] = await parcels(member(shop))
        seen.append((mine["shipments"][0]["carrier_status"], mine["status"]))

    assert seen == [("in_transit", "shipped"), ("lost", "shipped"), ("delivered", "delivered")]


async def test_the_same_word_at_once_acts_once(shop: Shop) -> None:
    _, parcel = await opened(shop)
    await ship(shop, parcel, carrier="DHL", tracking="T1")
    answers = await asyncio.gather(
        *(say(shop, "same") for _ in range(4)), *(say(shop, f"other{n}") for n in range(4)), deliver(shop, parcel)
    )

    assert {a.status_code for a in answers} <= {200, 409}
    assert len(await shop.world.emitted("orders", ParcelDelivered)) == 1


async def test_what_is_not_known_here_is_acknowledged_and_noted(shop: Shop) -> None:
    answers = [await say(shop, "evt_1", tracking="NOBODYS"), await say(shop, "evt_1", tracking="NOBODYS")]
    rows = await shop.world.fetch("orders", "SELECT carrier, event_id, tracking, shipments FROM carrier_event")

    assert [(a.status_code, a.json()) for a in answers] == [(200, {"shipments": 0})] * 2
    assert rows == [{"carrier": "dhl", "event_id": "evt_1", "tracking": "NOBODYS", "shipments": 0}]


@pytest.mark.parametrize("wrong", ["secret", "body", "old", "unsigned", "other carrier"])
async def test_a_forged_word_is_refused_and_believed_in_nothing(shop: Shop, wrong: str) -> None:
    _, parcel = await opened(shop)
    await ship(shop, parcel, carrier="DHL", tracking="T1")
    now, body = shop.world.clock.now(), message(shop)
    own = shop.world.settings.derived("orders carrier dhl")
    secret = {"secret": "guessed", "other carrier": shop.world.settings.derived("orders carrier ups")}.get(wrong, own)
    headers = signed(secret, "evt_1", body, now - timedelta(minutes=6) if wrong == "old" else now)
    if wrong == "unsigned":
        headers = {}
    if wrong == "body":
        body = message(shop, tracking="T2")
    operator = shop.client(shop.world.token("acc_o", operator=True))
    for client in (shop.guest, operator, member(shop)):
        answer = await client.post("/v1/parcels/carrier-events", content=body, headers=headers | JSON)
        assert (answer.status_code, answer.json()["code"]) == (401, "orders.carrier_forged"), answer.text

    assert await shop.world.fetch("orders", "SELECT 1 FROM carrier_event") == []
    assert (await parcels(member(shop)))[0]["status"] == "shipped"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"carrier": "DHL"}', b'"\xff"', b'{"carrier": "\x00"}', b"1" * 5000],
)
async def test_what_cannot_be_read_is_refused(standing_shop: Shop, body: bytes) -> None:
    headers = signed("any", "evt_1", body, standing_shop.world.clock.now())
    answer = await standing_shop.guest.post("/v1/parcels/carrier-events", content=body, headers=headers | JSON)

    assert (answer.status_code, answer.json()["code"]) == (400, "orders.carrier_unreadable"), answer.text


def test_secrets_are_read_by_carrier() -> None:
    assert read_secrets("DHL=whsec_c2VjcmV0, ups = plain ,") == {"dhl": "whsec_c2VjcmV0", "ups": "plain"}
    for wrong in ("dhl", "dhl=", "=x", "dhl=whsec_!"):
        settings = settings_for("postgresql://nowhere/x", ["orders"], ESTORE_ORDERS_CARRIERS_SECRET=wrong)
        with pytest.raises(SettingError, match="CARRIERS_SECRET"):
            build(settings)
