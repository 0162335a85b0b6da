"""What reviews hears: late, twice, in any order."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from reviews.factories import MUG, POT, TONWERK, Desk, archived, delivered, erased, key, published


async def test_a_delivery_told_twice_allows_one_review(desk: Desk) -> None:
    event = delivered("acc_ada", ("lin_1", "MUG-BLUE"), ("lin_2", "MUG-RED"), at=desk.world.clock.now())
    envelope = desk.world.envelope(event)
    await desk.world.deliver_batch("reviews", [envelope, envelope, event])
    await desk.post("acc_ada", "lin_1")
    await desk.hear(event)
    rows = (await desk.buyer("acc_ada").get("/v1/reviews/mine")).json()["data"]

    assert [(row["line_id"], row["review"] is None) for row in rows] == [("lin_2", True), ("lin_1", False)]
    assert (await desk.post("acc_ada", "lin_1")).status_code == 409


async def test_what_was_bought_as_a_guest_and_empty_lines_allow_nothing(desk: Desk) -> None:
    now = desk.world.clock.now()
    await desk.hear(
        delivered(None, ("lin_1", "MUG-BLUE"), at=now), delivered("acc_ada", ("lin_2", "MUG-BLUE"), at=now, quantity=0)
    )

    assert await desk.fetch("reviews", "SELECT id FROM line") == []


async def test_what_is_not_for_sale_any_more_can_be_reviewed(desk: Desk) -> None:
    await desk.hear(archived("prd_gone", "GONE"))

    assert (await desk.reviewed("acc_ada", sku="GONE"))["product_id"] == "prd_gone"


async def test_a_sku_stays_with_its_product(desk: Desk) -> None:
    await desk.hear(published("prd_thief", "MUG-BLUE"), archived(MUG, "MUG-BLUE"), published(POT, "POT", "POT-2"))

    assert (await desk.reviewed("acc_ada"))["product_id"] == MUG


async def test_an_erased_account_leaves_reviews_without_a_name_and_votes_as_a_number(desk: Desk) -> None:
    ada = await desk.reviewed("acc_ada", 4, author="Ada Lovelace")
    bob = await desk.reviewed("acc_bob", 2)
    unused = await desk.arrived("acc_ada")
    await desk.buyer("acc_ada").put(f"/v1/reviews/{bob['id']}/helpful")
    await desk.buyer("acc_ada").post(f"/v1/reviews/{bob['id']}/reports", json={"reason": "spam"}, headers=key())
    await desk.buyer("acc_bob").put(f"/v1/reviews/{ada['id']}/helpful")
    before = await desk.told()
    await desk.hear(erased("acc_ada"), erased("acc_ada"))
    theirs = (await desk.guest.get(f"/v1/reviews/{ada['id']}")).json()

    assert (theirs["author"], theirs["stars"], theirs["helpful"]) == ("Anonymous", 4, 1)
    assert (await desk.guest.get(f"/v1/reviews/{bob['id']}")).json()["helpful"] == 1
    assert await desk.told() == before == [(1, 4, 1), (2, 6, 2)]
    for table in ("line", "review", "vote", "report"):
        assert await desk.fetch("reviews", f"SELECT 1 FROM {table} WHERE account_id = 'acc_ada'") == []
    text = str(await desk.fetch("reviews", "SELECT * FROM review")) + str(await desk.fetch("reviews", "TABLE line"))
    assert "Lovelace" not in text
    assert unused not in text


async def test_an_erased_account_may_do_nothing_more(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada")
    other = await desk.reviewed("acc_bob")
    late = delivered("acc_ada", ("lin_late", "MUG-BLUE"), at=desk.world.clock.now())
    await desk.hear(erased("acc_ada"), late)
    client = desk.buyer("acc_ada")
    answers = [
        await desk.post("acc_ada", "lin_late"),
        await client.put(f"/v1/reviews/{other['id']}/helpful"),
        await client.post(f"/v1/reviews/{other['id']}/reports", json={"reason": "spam"}),
        await desk.edit("acc_ada", made, stars=1),
        await client.delete(f"/v1/reviews/{made['id']}"),
    ]

    assert [one.status_code for one in answers] == [403, 403, 403, 404, 404]
    assert await desk.fetch("reviews", "SELECT id FROM line WHERE id = 'lin_late'") == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_deliveries_and_erasures_in_any_order_end_the_same(open_desk: Desk, order: tuple[int, ...]) -> None:
    name = "".join(map(str, order))
    now = open_desk.world.clock.now()
    events = [
        delivered(f"acc_{name}", (f"lin_{name}a", "MUG-BLUE"), at=now),
        delivered(f"acc_{name}", (f"lin_{name}b", "MUG-RED"), at=now),
        erased(f"acc_{name}"),
    ]
    for place in (*order, *reversed(order)):
        await open_desk.hear(events[place])

    assert await open_desk.fetch("reviews", "SELECT id FROM line WHERE id LIKE $1", f"lin_{name}%") == []


async def test_an_erasure_during_everything_else_leaves_no_name(desk: Desk) -> None:
    other = await desk.reviewed("acc_bob")
    made = await desk.reviewed("acc_ada", author="Ada")
    lines = [await desk.arrived("acc_ada") for _ in range(6)]
    now = desk.world.clock.now()
    await asyncio.gather(
        *(desk.post("acc_ada", line_id, author="Ada") for line_id in lines),
        desk.buyer("acc_ada").put(f"/v1/reviews/{other['id']}/helpful"),
        desk.edit("acc_ada", made, author="Ada L."),
        desk.hear(erased("acc_ada")),
        *(desk.hear(delivered("acc_ada", (f"lin_r{n}", "MUG-RED"), at=now)) for n in range(4)),
    )
    authors = {row["author"] for row in await desk.fetch("reviews", "SELECT author FROM review")}

    assert authors == {"Anonymous"}


async def test_batches_that_name_the_same_accounts_in_other_orders_do_not_meet_in_a_deadlock(desk: Desk) -> None:
    now = desk.world.clock.now()
    names = [f"acc_{n}" for n in range(12)]
    batches = [
        [delivered(name, (f"lin_{b}_{name}", "MUG-BLUE"), at=now, vendor_id=TONWERK) for name in each]
        for b, each in enumerate((names, names[::-1], names[6:] + names[:6]))
    ]
    await asyncio.gather(
        *(desk.world.deliver_batch("reviews", batch) for batch in batches),
        desk.world.deliver_batch("reviews", [erased(name) for name in names[::-2]]),
    )
    left = await desk.fetch("reviews", "SELECT count(DISTINCT account_id) AS accounts, count(*) AS lines FROM line")

    assert left == [{"accounts": 6, "lines": 18}]
