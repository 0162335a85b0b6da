"""Making promotions, changing them, and who may."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from estore.kit.db import statements
from estore.kit.http import cursor_of
from estore.services.orders import store
from estore.services.orders.store.promotions import codes, sums
from orders.factories import Shop, key
from orders.promoting import TEN_PERCENT, operator, promotion, revision, vendor, with_code

NOWHERE = "/v1/promotions/prm_01JD5Z1N8RZ3Q9K7V4M2W6X0YB"


def faults(answer: Any) -> set[str]:
    return {fault["pointer"] for fault in answer.json()["errors"]}


async def test_a_promotion_is_shown_as_it_was_made(shop: Shop) -> None:
    rules = {
        "title": "Free shipping from 50 euros",
        "effect": {"type": "free_shipping", "methods": ["standard"]},
        "goods": {"categories": ["mugs"], "except_products": ["prd_2"]},
        "conditions": {"min_amount": 5000, "countries": ["DE", "AT"]},
        "limits": {"total": 100, "per_customer": 1},
        "stacking": {"group": "shipping", "priority": -5},
        "automatic": True,
        "platform_share": 2500,
        "starts_at": "2026-01-01T00:00:00Z",
        "ends_at": "2026-02-01T00:00:00Z",
    }
    client = operator(shop)
    made = await promotion(client, **rules)
    answer = await client.get(f"/v1/promotions/{made['id']}")
    found = answer.json()

    assert {name: found[name] for name in rules if name != "effect"} == {
        k: v for k, v in rules.items() if k != "effect"
    }
    assert found["effect"] == {"type": "free_shipping", "bps": 10000, "methods": ["standard"]}
    assert (found["vendor_id"], found["status"], found["version"]) == (None, "active", 1)
    nothing = {"amount": 0, "currency": "EUR"}
    assert found["uses"] == {"orders": 0, "amount": nothing, "platform": nothing, "left": 100}
    assert made["uses"] is None
    assert answer.headers["etag"].startswith('"v1.')


EFFECTS: list[dict[str, Any]] = [
    {"type": "percentage", "bps": 1500, "at_most": 2000},
    {"type": "fixed", "amount": 500, "per": "piece"},
    {"type": "buy_get", "buy": 2, "get": 1, "bps": 10000, "times": 3, "get_from": {"categories": ["tea"]}},
    {"type": "free_shipping", "bps": 5000, "methods": []},
    {"type": "tiers", "by": "quantity", "tiers": [{"start": 2, "bps": 500, "amount": None}]},
]


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect["type"])
async def test_every_effect_comes_back_from_the_table(standing_shop: Shop, effect: dict[str, Any]) -> None:
    client = operator(standing_shop)
    made = await promotion(client, effect=effect)
    found = (await client.get(f"/v1/promotions/{made['id']}")).json()

    assert found["effect"] == effect


TIER = {"start": 1000, "bps": 500}
WRONG: list[tuple[dict[str, Any], str, set[str]]] = [
    (
        {"effect": {"type": "tiers", "by": "amount", "tiers": [TIER, {"start": 1000, "bps": 1000}]}},
        "orders.promotion_tiers_wrong",
        {"/effect/tiers/1/start"},
    ),
    (
        {"effect": {"type": "tiers", "by": "amount", "tiers": [TIER | {"amount": 5}, {"start": 2000}]}},
        "orders.promotion_tiers_wrong",
        {"/effect/tiers/0", "/effect/tiers/1"},
    ),
    (
        {"starts_at": "2026-02-01T00:00:00Z", "ends_at": "2026-02-01T01:00:00+01:00"},
        "orders.promotion_dates_wrong",
        {"/ends_at"},
    ),
    (
        {"effect": {"type": "buy_get", "buy": 1, "get": 1, "get_from": {}}},
        "orders.promotion_get_from_wrong",
        {"/effect/get_from"},
    ),
    (
        {
            "goods": {"categories": ["mugs"]},
            "effect": {"type": "buy_get", "buy": 1, "get": 1, "get_from": {"categories": ["mugs"]}},
        },
        "orders.promotion_get_from_wrong",
        {"/effect/get_from"},
    ),
    (
        {
            "goods": {"skus": ["MUG"]},
            "effect": {"type": "buy_get", "buy": 1, "get": 1, "get_from": {"skus": ["LAMP", "MUG"]}},
        },
        "orders.promotion_get_from_wrong",
        {"/effect/get_from/skus/1"},
    ),
    (
        {
            "goods": {"skus": ["MUG", "NONE"], "products": ["prd_9"], "except_vendors": ["vnd_9"]},
            "conditions": {"customer_groups": ["nobody"], "countries": ["DE", "AQ"]},
        },
        "orders.promotion_names_unknown",
        {
            "/goods/skus/1",
            "/goods/products/0",
            "/goods/except_vendors/0",
            "/conditions/customer_groups/0",
            "/conditions/countries/1",
        },
    ),
    (
        {"effect": {"type": "free_shipping", "methods": ["standard", "pigeon"]}},
        "orders.promotion_names_unknown",
        {"/effect/methods/1"},
    ),
    (
        {"effect": {"type": "buy_get", "buy": 1, "get": 1, "get_from": {"skus": ["NONE"]}}},
        "orders.promotion_names_unknown",
        {"/effect/get_from/skus/0"},
    ),
    ({"vendor_id": "vnd_9"}, "orders.promotion_vendor_wrong", {"/vendor_id"}),
    ({"effect": {"type": "percentage", "bps": 0}}, "request.invalid", {"/effect/bps"}),
    ({"effect": {"type": "percentage", "bps": 10001}}, "request.invalid", {"/effect/bps"}),
    ({"effect": {"type": "magic"}}, "request.invalid", {"/effect/type"}),
    ({"effect": {"type": "fixed", "amount": -1}}, "request.invalid", {"/effect/amount"}),
    ({"effect": {"type": "fixed", "amount": 1.5}}, "request.invalid", {"/effect/amount"}),
    ({"effect": {"type": "tiers", "by": "amount", "tiers": []}}, "request.invalid", {"/effect/tiers"}),
    ({"goods": {"colours": ["red"]}}, "request.invalid", {"/goods/colours"}),
    ({"platform_share": 10001}, "request.invalid", {"/platform_share"}),
    ({"title": " "}, "request.invalid", {"/title"}),
    ({"ends_at": "2026-02-01T00:00:00"}, "request.invalid", {"/ends_at"}),
    ({"limits": {"total": 0}}, "request.invalid", {"/limits/total"}),
    ({"stacking": {"priority": 1001}}, "request.invalid", {"/stacking/priority"}),
    ({"conditions": {"countries": ["de"]}}, "request.invalid", {"/conditions/countries/0"}),
    ({"surprise": True}, "request.invalid", {"/surprise"}),
]


@pytest.mark.parametrize(("values", "code", "pointers"), WRONG)
async def test_what_is_wrong_is_pointed_at(
    standing_shop: Shop, values: dict[str, Any], code: str, pointers: set[str]
) -> None:
    before = await standing_shop.world.fetch("orders", "SELECT count(*) FROM promotion")
    answer = await operator(standing_shop).post("/v1/promotions", json=TEN_PERCENT | values, headers=key())

    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert faults(answer) == pointers
    assert await standing_shop.world.fetch("orders", "SELECT count(*) FROM promotion") == before


async def test_a_change_needs_the_version_and_replaces_the_rules(shop: Shop) -> None:
    client = operator(shop)
    made = await promotion(client, automatic=True)
    url, before = f"/v1/promotions/{made['id']}", await revision(shop)
    new = {"title": "Five off", "effect": {"type": "fixed", "amount": 500, "per": "order"}}
    blind = await client.put(url, json=new)
    shop.world.clock.advance(minutes=1)
    changed = await client.put(url, json=new, headers={"If-Match": '"v1.7"'})
    late = await client.put(url, json=new, headers={"If-Match": '"v1"'})

    assert (blind.status_code, late.status_code, changed.status_code) == (428, 412, 200)
    assert (changed.json()["effect"], changed.json()["automatic"]) == (new["effect"], False)
    assert (changed.json()["version"], changed.headers["etag"]) == (2, '"v2"')
    assert changed.json()["updated_at"] > changed.json()["created_at"]
    assert await revision(shop) == before + 1


async def test_of_two_changes_of_one_version_one_wins(shop: Shop) -> None:
    client = operator(shop)
    made = await promotion(client)
    url, tag = f"/v1/promotions/{made['id']}", {"If-Match": '"v1"'}
    answers = await asyncio.gather(
        *(client.put(url, json=TEN_PERCENT | {"title": f"Title {number}"}, headers=tag) for number in range(6))
    )
    won = [answer.json()["title"] for answer in answers if answer.status_code == 200]

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412, 412]
    assert (await client.get(url)).json()["title"] == won[0]


async def test_it_is_paused_resumed_and_archived_for_good(shop: Shop) -> None:
    client = operator(shop)
    made = await promotion(client)
    url, before = f"/v1/promotions/{made['id']}", await revision(shop)
    steps = [
        (await client.post(f"{url}/{step}", headers=key())).json()["status"]
        for step in ("pause", "pause", "resume", "archive", "archive")
    ]
    unsaid = await client.post(f"{url}/pause")
    stale = await client.post(f"{url}/pause", headers={"If-Match": '"v1"'})
    refused = [
        await client.post(f"{url}/resume", headers=key()),
        await client.put(url, json=TEN_PERCENT, headers={"If-Match": '"v4"'}),
        await client.post(f"{url}/codes", json={"code": "LATE"}, headers=key()),
        await client.post(f"{url}/code-batches", json={"count": 1}, headers=key()),
    ]

    assert steps == ["paused", "paused", "active", "archived", "archived"]
    assert (await client.get(url)).json()["version"] == 4
    assert await revision(shop) == before + 3
    assert (unsaid.status_code, stale.status_code) == (428, 412)
    assert {answer.json()["code"] for answer in refused} == {"orders.promotion_archived"}


async def test_making_one_is_repeated_by_its_key(shop: Shop) -> None:
    client, once = operator(shop), key()
    first, again = [await client.post("/v1/promotions", json=TEN_PERCENT, headers=once) for _ in range(2)]
    other = await client.post("/v1/promotions", json=TEN_PERCENT | {"automatic": True}, headers=once)

    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 422
    assert len((await client.get("/v1/promotions")).json()["data"]) == 1


async def test_lists_are_filtered_and_paged_newest_first(shop: Shop) -> None:
    client = operator(shop)
    made = [(await promotion(client, title=f"No. {number}"))["id"] for number in range(3)]
    own = (await promotion(vendor(shop)))["id"]
    await client.post(f"/v1/promotions/{made[1]}/pause", headers=key())
    seen, url = [], "/v1/promotions?limit=2"
    while url:
        page = await client.get(url)
        seen += [found["id"] for found in page.json()["data"]]
        url = page.links["next"]["url"] if "next" in page.links else ""

    async def ids(query: str) -> list[str]:
        return [found["id"] for found in (await client.get(f"/v1/promotions?{query}")).json()["data"]]

    assert seen == [own, *reversed(made)]
    assert await ids("status=paused") == [made[1]]
    assert await ids("vendor=vnd_1") == [own]
    assert await ids("vendor=vnd_2") == []
    assert (await client.get("/v1/promotions?status=odd")).status_code == 400
    assert (await client.get("/v1/promotions?cursor=odd")).status_code == 400


@pytest.mark.parametrize(
    "path", ["/v1/promotions", "/v1/promotions/{id}/codes", "/v1/promotions/{id}/code-batches", "/v1/customer-groups"]
)
async def test_a_cursor_that_no_row_ever_had_is_none_of_ours(shop: Shop, path: str) -> None:
    client = operator(shop)
    made = await promotion(client)
    answer = await client.get(path.format(id=made["id"]), params={"cursor": cursor_of("\x00")})

    assert (answer.status_code, answer.json()["code"]) == (400, "request.cursor_invalid")


# --- vendors --------------------------------------------------------------------------------------------------------


async def test_a_vendors_promotion_is_about_its_goods_and_borne_by_it(shop: Shop) -> None:
    effect = {"type": "buy_get", "buy": 1, "get": 1, "get_from": {"skus": ["BOOK"]}}
    made = await promotion(vendor(shop), goods={"skus": ["MUG"]}, effect=effect, platform_share=5000)
    changed = await vendor(shop, role="catalog").put(
        f"/v1/promotions/{made['id']}", json=TEN_PERCENT, headers={"If-Match": '"v1"'}
    )

    assert (made["vendor_id"], made["platform_share"]) == ("vnd_1", 0)
    assert made["goods"] == {"skus": ["MUG"], "vendors": ["vnd_1"]}
    assert made["effect"]["get_from"] == {"skus": ["BOOK"], "vendors": ["vnd_1"]}
    assert (changed.json()["goods"], changed.json()["platform_share"]) == ({"vendors": ["vnd_1"]}, 0)


async def test_an_operator_makes_one_for_a_vendor(shop: Shop) -> None:
    made = await promotion(operator(shop), vendor_id="vnd_2")

    assert (made["vendor_id"], made["goods"], made["platform_share"]) == ("vnd_2", {"vendors": ["vnd_2"]}, 0)
    assert (await vendor(shop, "vnd_2").get(f"/v1/promotions/{made['id']}")).status_code == 200


@pytest.mark.parametrize(
    ("goods", "pointer"),
    [
        ({"vendors": ["vnd_1", "vnd_2"]}, "/goods/vendors/1"),
        ({"skus": ["LAMP"]}, "/goods/skus/0"),
        ({"products": ["prd_3"]}, "/goods/products/0"),
        ({"except_vendors": ["vnd_2"]}, "/goods/except_vendors/0"),
    ],
)
async def test_a_vendor_names_nothing_of_another(standing_shop: Shop, goods: dict[str, Any], pointer: str) -> None:
    body = TEN_PERCENT | {"goods": goods}
    answer = await vendor(standing_shop).post("/v1/promotions", json=body, headers=key())

    assert (answer.status_code, answer.json()["code"]) == (422, "orders.promotion_names_unknown")
    assert faults(answer) == {pointer}


async def test_who_belongs_to_two_vendors_says_for_which(shop: Shop) -> None:
    both = shop.client(shop.world.token("acc_both", vendors={"vnd_1": "owner", "vnd_2": "catalog finance"}))
    unsaid = await both.post("/v1/promotions", json=TEN_PERCENT, headers=key())
    foreign = await vendor(shop).post("/v1/promotions", json=TEN_PERCENT | {"vendor_id": "vnd_2"}, headers=key())
    made = await promotion(both, vendor_id="vnd_2")

    assert {unsaid.json()["code"], foreign.json()["code"]} == {"orders.promotion_vendor_wrong"}
    assert made["vendor_id"] == "vnd_2"


async def test_only_owners_and_catalog_make_and_change_them(shop: Shop) -> None:
    made = await promotion(vendor(shop))
    for role in ("fulfilment", "finance"):
        member = vendor(shop, role=role)
        refused = [
            await member.post("/v1/promotions", json=TEN_PERCENT, headers=key()),
            await member.post(f"/v1/promotions/{made['id']}/pause", headers=key()),
            await member.put(f"/v1/promotions/{made['id']}", json=TEN_PERCENT, headers={"If-Match": '"v1"'}),
            await member.post(f"/v1/promotions/{made['id']}/codes", json={"code": "NOT-MINE"}, headers=key()),
        ]

        assert {answer.status_code for answer in refused} == {403}
        assert (await member.get(f"/v1/promotions/{made['id']}")).status_code == 200
    customer = shop.client(shop.world.token("acc_customer"))
    assert (await customer.get("/v1/promotions")).status_code == 403
    assert (await shop.guest.get("/v1/promotions")).status_code == 401


async def test_a_vendor_sees_its_own_and_no_others(shop: Shop) -> None:
    ours = await with_code(vendor(shop), "OURS")
    theirs = await with_code(vendor(shop, "vnd_2"), "THEIRS")
    markets = await with_code(operator(shop), "MARKETS")
    client = vendor(shop)
    batch = await operator(shop).post(f"/v1/promotions/{theirs['id']}/code-batches", json={"count": 1}, headers=key())

    assert [found["id"] for found in (await client.get("/v1/promotions")).json()["data"]] == [ours["id"]]
    assert (await client.get("/v1/promotions?vendor=vnd_2")).json()["data"] == []
    for other in (theirs, markets, {"id": "prm_none"}, {"id": "prm%00"}):
        url = f"/v1/promotions/{other['id']}"
        answers = [
            *[await client.get(f"{url}{rest}") for rest in ("", "/codes", "/codes?code=THEIRS", "/code-batches")],
            await client.get(f"{url}/codes?format=csv"),
            await client.get(f"{url}/code-batches/{batch.json()['id']}"),
            await client.put(url, json=TEN_PERCENT, headers={"If-Match": '"v1"'}),
            *[await client.post(f"{url}/{step}", headers=key()) for step in ("pause", "resume", "archive")],
            await client.post(f"{url}/codes", json={"code": "NEW"}, headers=key()),
            await client.post(f"{url}/codes/THEIRS/disable", headers=key()),
            await client.post(f"{url}/code-batches", json={"count": 1}, headers=key()),
        ]

        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
            (404, "orders.promotion_not_found")
        }
    mixed = f"/v1/promotions/{ours['id']}"
    assert (await client.get(f"{mixed}/codes?code=THEIRS")).json()["data"] == []
    assert (await client.post(f"{mixed}/codes/THEIRS/disable", headers=key())).status_code == 404
    assert (await client.get(f"{mixed}/code-batches/{batch.json()['id']}")).status_code == 404
    assert (await client.get(f"{mixed}/codes?batch={batch.json()['id']}")).status_code == 404


# --- the book -------------------------------------------------------------------------------------------------------


async def test_the_book_holds_what_may_apply(shop: Shop) -> None:
    client, now = operator(shop), shop.world.clock.now()
    automatic = await promotion(client, automatic=True)
    coded = await promotion(client)
    paused = await promotion(client)
    await client.post(f"/v1/promotions/{paused['id']}/pause", headers=key())
    just_ended = await promotion(client, ends_at=(now - timedelta(hours=1)).isoformat())
    long_ended = await promotion(client, ends_at=(now - timedelta(days=2)).isoformat())
    with statements(at_most=1):
        async with shop.world.service("orders").db.read() as tx:
            book = await store.load_book(tx, now)

    assert set(book.promotions) == {automatic["id"], coded["id"], just_ended["id"]}
    assert long_ended["id"] not in book.promotions
    assert [found.promotion_id for found in book.automatic] == [automatic["id"]]
    assert book.promotions[coded["id"]].rules.effect.bps == 1000  # type: ignore[union-attr]
    assert book.revision == await revision(shop)


async def test_an_empty_book_has_a_revision(shop: Shop) -> None:
    async with shop.world.service("orders").db.read() as tx:
        book = await store.load_book(tx, shop.world.clock.now())

    assert (book.revision, book.promotions, book.automatic) == (1, {}, ())


async def test_statements_do_not_grow_with_what_is_there(shop: Shop) -> None:
    client = operator(shop)
    for number in range(5):
        await with_code(client, f"CODE-{number}")
    made = await promotion(client)
    with statements(at_most=7):
        await promotion(client, goods={"skus": ["MUG", "LAMP"]})
    with statements(at_most=1):
        await client.get("/v1/promotions")
    with statements(at_most=2):
        await client.get(f"/v1/promotions/{made['id']}")
    with statements(at_most=7):
        await client.put(f"/v1/promotions/{made['id']}", json=TEN_PERCENT, headers={"If-Match": '"v1"'})


# --- what is in use -------------------------------------------------------------------------------------------------


async def test_uses_are_counted_with_who_paid_until_the_order_is_cancelled(shop: Shop) -> None:
    client = operator(shop)
    made = await with_code(client, "TEN", platform_share=2500, limits={"total": 3})
    url = f"/v1/promotions/{made['id']}"
    await shop.place(("MUG", 1), promotion_codes=["TEN"])
    gone = await shop.place(("MUG", 2), promotion_codes=["ten"])

    async def uses() -> tuple[int, int, int, int, int]:
        found = (await client.get(url)).json()["uses"]
        (code,) = (await client.get(f"{url}/codes")).json()["data"]
        return found["orders"], found["amount"]["amount"], found["platform"]["amount"], found["left"], code["uses"]

    both = await uses()
    await added(shop)
    still = await uses()
    await shop.hear(shop.rejected(gone))
    one = await uses()
    await added(shop)

    assert both == still == (2, 240 + 480, 60 + 120, 1, 2)
    assert one == await uses() == (1, 240, 60, 2, 1)


async def added(shop: Shop) -> int:
    """Let the timer add to the sums what is not in them; returns how many uses that were."""
    async with shop.world.service("orders").db.transaction() as tx:
        return await store.add_uses(tx, 1000)


async def test_uses_are_added_once_however_often_the_timer_runs(shop: Shop) -> None:
    made = await promotion(operator(shop), automatic=True)
    orders = [await shop.place(("MUG", 1)) for _ in range(4)]
    counted = await asyncio.gather(*(added(shop) for _ in range(5)))
    late, *_ = [await shop.place(("MUG", 1)), *await asyncio.gather(*(added(shop) for _ in range(3)))]
    await asyncio.gather(*(shop.hear(shop.rejected(order)) for order in (*orders[:2], late)), added(shop), added(shop))
    while await added(shop):
        pass
    rows = await shop.world.fetch("orders", "SELECT promotion_id, code, orders, amount FROM promotion_sum")

    assert sum(counted) == 4
    assert [tuple(row.values()) for row in rows] == [(made["id"], "", 2, 480)]


async def test_a_304_hides_no_use_that_came_where_another_went(shop: Shop) -> None:
    client = operator(shop)
    url = f"/v1/promotions/{(await promotion(client, automatic=True))['id']}"
    order = await shop.place(("MUG", 1))
    seen = await client.get(url)
    same = await client.get(url, headers={"If-None-Match": seen.headers["etag"]})
    await shop.hear(shop.rejected(order))
    await shop.place(("MUG", 2))
    other = await client.get(url, headers={"If-None-Match": seen.headers["etag"]})

    assert (same.status_code, other.status_code) == (304, 200)
    assert other.json()["uses"]["amount"]["amount"] == 480


async def test_what_was_added_is_not_read_again(shop: Shop) -> None:
    """A promotion is shown as fast after thirty thousand orders as after one."""
    made = await with_code(operator(shop), "TEN")
    await shop.place(("MUG", 1), promotion_codes=["TEN"])
    many = """
        INSERT INTO promotion_use (order_id, promotion_id, code, customer, amount, platform, used_at, summed)
        SELECT 'ord_' || n, $1, 'TEN', 'acc_' || n, 240, 0, now(), true FROM generate_series(1, 30000) AS n"""
    plans = []
    with pytest.raises(LookupError):
        async with shop.world.service("orders").db.transaction() as tx:
            await tx.execute(many, made["id"])
            await tx.execute("ANALYZE promotion_use")
            for sql, given in ((sums._USES, [made["id"]]), (codes._PAGE, [made["id"], None, None, 100])):
                plans.append("\n".join(row[0] for row in await tx.fetch(f"EXPLAIN {sql}", *given)))
            raise LookupError  # nothing of it is kept

    assert all("promotion_use_to_sum" in plan and "Seq Scan on promotion_use" not in plan for plan in plans), plans


async def test_a_limit_that_comes_later_counts_what_was_used_before(shop: Shop) -> None:
    client = operator(shop)
    made = await with_code(client, "TEN")
    await shop.place(("MUG", 1), promotion_codes=["TEN"])
    await client.put(
        f"/v1/promotions/{made['id']}", json=TEN_PERCENT | {"limits": {"total": 1}}, headers={"If-Match": '"v1"'}
    )
    body = shop.body(("MUG", 1), promotion_codes=["TEN"])
    refused = await shop.guest.post("/v1/orders", json=body, headers=key())

    assert refused.status_code == 422, refused.text
    assert (await client.get(f"/v1/promotions/{made['id']}")).json()["uses"]["left"] == 0


@pytest.mark.parametrize("step", ["pause", "archive"])
async def test_what_is_paused_or_archived_is_taken_off_no_more_orders(shop: Shop, step: str) -> None:
    client = operator(shop)
    made = await promotion(client, automatic=True)
    before = await shop.place(("MUG", 1))
    await client.post(f"/v1/promotions/{made['id']}/{step}", headers=key())
    after = await shop.place(("MUG", 1))

    assert [order["totals"]["discount"]["amount"] for order in (before, after)] == [240, 0]
    assert (await shop.show(before))["totals"]["discount"]["amount"] == 240


BREAKING = {
    "a promotion's uses are counted once": "UPDATE promotion_counter SET uses = uses + 1 WHERE scope = ''",
    "no promotion and no code is used more often than it may be": """
        UPDATE promotion SET body = jsonb_set(body, '{limits,per_customer}', '0')""",
    "promotions are used by the orders that they took something off, and by no others": """
        UPDATE promotion_use SET platform = platform - 1""",
    "an order that was rejected or cancelled uses no promotion": "UPDATE promotion_use SET released_at = used_at",
    "a line's discount is what promotions took off it, and so is who pays": """
        UPDATE order_line SET funded = funded - 1""",
    "a parcel's discounts are what promotions took off it, and so is who pays": """
        UPDATE parcel SET funded = funded - 1""",
    "a first order is counted once": "UPDATE promotion_counter SET uses = 2 WHERE promotion_id = ''",
    "the sums of a promotion are those of its uses": "UPDATE promotion_sum SET amount = amount + 1 WHERE code = ''",
    "a vendor's promotion takes off its own goods, and at its own expense": "UPDATE promotion SET vendor_id = 'vnd_2'",
    "what is taken off an order's shipping is taken off its parcels'": """
        UPDATE purchase_order SET shipping_discount = shipping_discount + 1""",
}


@pytest.mark.parametrize("name", BREAKING)
async def test_the_doctor_finds_what_is_wrong(shop: Shop, name: str) -> None:
    await with_code(operator(shop), "TEN", limits={"total": 3, "per_customer": 3}, conditions={"first_order": True})
    await shop.place(("MUG", 2), promotion_codes=["TEN"])
    await added(shop)
    assert await shop.world.broken("orders") == {}
    db = shop.world.service("orders").db
    async with db.transaction() as tx:
        await tx.execute(BREAKING[name])
    found = await shop.world.broken("orders")
    async with db.transaction() as tx:
        await tx.execute("TRUNCATE promotion_sum")
        await tx.execute(
            "TRUNCATE promotion_counter, promotion_use, order_discount, order_line, parcel, purchase_order"
        )

    assert name in found


async def test_a_limit_that_was_lowered_below_what_is_in_use_is_no_fault(shop: Shop) -> None:
    client = operator(shop)
    made = await with_code(client, "TEN", limits={"total": 3})
    for _ in range(2):
        await shop.place(("MUG", 1), promotion_codes=["TEN"])
    await client.put(
        f"/v1/promotions/{made['id']}", json=TEN_PERCENT | {"limits": {"total": 1}}, headers={"If-Match": '"v1"'}
    )

    assert await shop.world.broken("orders") == {}
    db = shop.world.service("orders").db
    async with db.transaction() as tx:
        await tx.execute("UPDATE promotion_use SET used_at = used_at + interval '10 minutes'")
    late = await shop.world.broken("orders")
    async with db.transaction() as tx:
        await tx.execute("UPDATE promotion_use SET used_at = used_at - interval '10 minutes'")

    assert len(late) == 1
