"""/v1/stock: who may do what, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from estore.contracts.inventory import StockLow
from inventory.factories import Stockroom, key, published

RECEIPT = {"location": "MAIN", "quantity": 5}


async def test_anyone_may_see_what_can_be_bought(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5, RTM=2)
    await room.place("ord_1", ("mug", 1))

    async with room.guest() as client:
        answer = await client.get("/v1/stock/mug")

    assert (answer.status_code, answer.json()) == (200, {"sku": "mug", "available": 6})


@pytest.mark.parametrize("sku", ["unheard", "no%20sku", "a%00b", "x" * 300])
async def test_an_unknown_sku_is_a_404(room: Stockroom, sku: str) -> None:
    async with room.member() as client:
        answers = [
            await client.get(f"/v1/stock/{sku}"),
            await client.get(f"/v1/stock/{sku}/movements"),
            await client.post(f"/v1/stock/{sku}/receipts", json=RECEIPT, headers=key()),
            await client.put(f"/v1/stock/{sku}/threshold", json={"threshold": 3}),
        ]

    assert [a.status_code for a in answers] == [404] * 4, [a.text for a in answers]
    assert {a.json()["code"] for a in answers} == {"inventory.sku_unknown"}


async def test_a_member_receives_adjusts_counts_and_moves_and_every_piece_is_explained(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5, RTM=1)
    async with room.member(role="fulfilment") as client:
        await client.post("/v1/stock/mug/receipts", json={**RECEIPT, "reference": "PO-7"}, headers=key())
        await client.post(
            "/v1/stock/mug/adjustments", json={"location": "MAIN", "delta": -3, "reason": "broken"}, headers=key()
        )
        await client.post(
            "/v1/stock/mug/adjustments", json={"location": "MAIN", "counted": 9, "reason": "stocktaking"}, headers=key()
        )
        answer = await client.post(
            "/v1/stock/mug/moves", json={"from": "MAIN", "to": "RTM", "quantity": 4}, headers=key()
        )
        log = (await client.get("/v1/stock/mug/movements")).json()["data"]

    assert answer.status_code == 201
    assert answer.json()["locations"] == [
        {"location": "MAIN", "on_hand": 5, "reserved": 0, "available": 5},
        {"location": "RTM", "on_hand": 5, "reserved": 0, "available": 5},
    ]
    assert sum(m["delta"] for m in log) == 10
    assert {(m["kind"], m["delta"], m["reference"], m["reason"]) for m in log} >= {
        ("received", 5, "PO-7", None),
        ("adjusted", -3, None, "broken"),
        ("counted", 2, None, "stocktaking"),
        ("moved", -4, None, None),
        ("moved", 4, None, None),
    }


async def test_what_is_held_for_orders_cannot_be_adjusted_or_moved_away(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5, RTM=1)
    await room.place("ord_1", ("mug", 4))
    async with room.member() as client:
        answers = [
            await client.post(f"/v1/stock/mug/{what}", json=body, headers=key())
            for what, body in (
                ("adjustments", {"location": "MAIN", "delta": -2, "reason": "lost"}),
                ("adjustments", {"location": "MAIN", "counted": 3, "reason": "lost"}),
                ("moves", {"from": "MAIN", "to": "RTM", "quantity": 2}),
            )
        ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, "inventory.below_reserved")] * 3
    assert (answers[0].json()["on_hand"], answers[0].json()["reserved"]) == (5, 4)
    assert await room.levels("mug") == {"MAIN": (5, 4), "RTM": (1, 0)}


async def test_another_vendors_stock_does_not_exist(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    async with room.member("vnd_other") as other, room.member(role="finance") as finance:
        answers = [
            answer
            for client in (other, finance)
            for answer in (
                await client.post("/v1/stock/mug/receipts", json=RECEIPT, headers=key()),
                await client.post(
                    "/v1/stock/mug/adjustments", json={"location": "MAIN", "delta": 1, "reason": "x"}, headers=key()
                ),
                await client.get("/v1/stock/mug/movements"),
                await client.put("/v1/stock/mug/threshold", json={"threshold": 1}),
                await client.get("/v1/stock?vendor=vnd_tonwerk"),
            )
        ]
        mine = await other.get("/v1/stock")

    assert [a.status_code for a in answers] == [404] * 10
    assert mine.json()["data"] == []


async def test_guests_and_consumers_manage_nothing(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=5)
    async with room.guest() as guest, room.world.http("inventory", room.world.token()) as consumer, room.member() as m:
        answers = [
            await guest.post("/v1/stock/mug/receipts", json=RECEIPT, headers=key()),
            await consumer.post("/v1/stock/mug/receipts", json=RECEIPT, headers=key()),
            await consumer.get("/v1/stock"),
            await m.post("/v1/stock/locations", json={"code": "X", "name": "x", "country": "NL"}, headers=key()),
        ]

    assert [a.status_code for a in answers] == [401, 403, 403, 403]


async def test_the_list_is_paged_and_shows_each_location(room: Stockroom) -> None:
    for sku in ("a", "b", "c"):
        await room.stocked(sku, MAIN=3)
    await room.place("ord_1", ("a", 1))
    async with room.operator() as client:
        first = (await client.get("/v1/stock?vendor=vnd_tonwerk&limit=2")).json()
        second = (await client.get("/v1/stock", params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert [row["sku"] for row in first["data"] + second["data"]] == ["a", "b", "c"]
    assert second["next_cursor"] is None
    assert first["data"][0]["locations"] == [{"location": "MAIN", "on_hand": 3, "reserved": 1, "available": 2}]


async def test_movements_are_paged_newest_first(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=1)
    async with room.member() as client:
        for _ in range(2):
            await asyncio.sleep(0.002)
            await client.post("/v1/stock/mug/receipts", json=RECEIPT, headers=key())
        first = (await client.get("/v1/stock/mug/movements?limit=2")).json()
        second = (
            await client.get("/v1/stock/mug/movements", params={"limit": 2, "cursor": first["next_cursor"]})
        ).json()

    assert [m["on_hand"] for m in first["data"] + second["data"]] == [11, 6, 1]


async def test_a_sku_without_movements_has_an_empty_log(room: Stockroom) -> None:
    await room.hear(published("mug"))
    async with room.member() as client:
        answer = await client.get("/v1/stock/mug/movements")

    assert (answer.status_code, answer.json()["data"]) == (200, [])


async def test_a_receipt_sent_twice_with_one_key_is_received_once(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=1)
    same = key()
    async with room.member() as client:
        answers = await asyncio.gather(
            *(client.post("/v1/stock/mug/receipts", json=RECEIPT, headers=same) for _ in range(5))
        )
        again = await client.post("/v1/stock/mug/receipts", json=RECEIPT, headers=same)
        other = await client.post("/v1/stock/mug/receipts", json={**RECEIPT, "quantity": 6}, headers=same)

    assert {a.status_code for a in answers} <= {201, 409}
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert other.status_code == 422
    assert await room.levels("mug") == {"MAIN": (6, 0)}


async def test_receipts_at_once_are_all_counted(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=1)
    async with room.member() as client:
        await asyncio.gather(*(client.post("/v1/stock/mug/receipts", json=RECEIPT, headers=key()) for _ in range(20)))

    assert await room.levels("mug") == {"MAIN": (101, 0)}


BAD_BODIES: list[tuple[str, dict[str, Any], str]] = [
    ("receipts", {"location": "MAIN", "quantity": 0}, "/quantity"),
    ("receipts", {"location": "MAIN", "quantity": -1}, "/quantity"),
    ("receipts", {"location": "MAIN", "quantity": 10**20}, "/quantity"),
    ("receipts", {"location": "MAIN", "quantity": "5"}, "/quantity"),
    ("receipts", {"location": "MAIN", "quantity": 5, "extra": 1}, "/extra"),
    ("receipts", {"quantity": 5}, "/location"),
    ("receipts", {"location": "MA\x00IN", "quantity": 5}, "/location"),
    ("receipts", {"location": "NOWHERE", "quantity": 5}, "/location"),
    ("receipts", {"location": "MAIN", "quantity": 5, "reference": "x" * 201}, "/reference"),
    ("adjustments", {"location": "MAIN", "reason": "x"}, "/delta"),
    ("adjustments", {"location": "MAIN", "reason": "x", "delta": 1, "counted": 1}, "/delta"),
    ("adjustments", {"location": "MAIN", "reason": "x", "delta": 0}, "/delta"),
    ("adjustments", {"location": "MAIN", "reason": "", "delta": 1}, "/reason"),
    ("adjustments", {"location": "MAIN", "reason": "x", "counted": -1}, "/counted"),
    ("moves", {"from": "MAIN", "to": "MAIN", "quantity": 1}, "/to"),
    ("moves", {"from": "MAIN", "to": "NOWHERE", "quantity": 1}, "/to"),
]


async def test_bad_bodies_are_pointed_at(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=1)
    found = []
    async with room.member() as client:
        for what, body, _ in BAD_BODIES:
            answer = await client.post(f"/v1/stock/mug/{what}", json=body, headers=key())
            found.append((answer.status_code, [e["pointer"] for e in answer.json()["errors"]]))

    assert found == [(422, [pointer]) for *_, pointer in BAD_BODIES]


async def test_a_post_without_a_key_is_refused(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=1)
    async with room.member() as client:
        answer = await client.post("/v1/stock/mug/receipts", json=RECEIPT)

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key_missing")


async def test_a_location_exists_once(room: Stockroom) -> None:
    body = {"code": "RTM", "name": "Rotterdam", "country": "NL"}
    async with room.operator() as client, room.member() as member:
        first = await client.post("/v1/stock/locations", json=body, headers=key())
        again = await client.post("/v1/stock/locations", json=body, headers=key())
        listed = await member.get("/v1/stock/locations")

    assert (first.status_code, again.status_code) == (201, 409)
    assert [(row["code"], row["default"]) for row in listed.json()["data"]] == [("MAIN", True), ("RTM", False)]


@pytest.mark.parametrize(
    "query", ["?cursor=nonsense", "?limit=0", "?limit=1000", "?colour=red", "?cursor=WyJcdTAwMDAiXQ"]
)
async def test_bad_queries_are_refused(room: Stockroom, query: str) -> None:
    async with room.operator() as client:
        answer = await client.get(f"/v1/stock{query}")

    assert answer.status_code in (400, 404), answer.text


async def test_the_threshold_decides_when_a_sku_runs_low(room: Stockroom) -> None:
    await room.stocked("mug", MAIN=9)
    async with room.member() as client:
        answer = await client.put("/v1/stock/mug/threshold", json={"threshold": 8})

    assert (answer.status_code, answer.json()) == (200, {"sku": "mug", "threshold": 8})
    await room.place("ord_1", ("mug", 1))
    assert [low.available for low in await room.told(StockLow)] == [8]
