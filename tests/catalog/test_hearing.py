"""What catalog does when it hears of vendors and stock: late, twice, in any order."""

from __future__ import annotations

import asyncio

from catalog.factories import HOLZIG, TONWERK, Shop, eur
from estore.contracts.catalog import ProductArchived, ProductPublished
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.reviews import ReviewRatingChanged
from estore.kit.db import statements
from estore.kit.errors import Failure
from estore.services.catalog.service import Products, Settling


async def test_a_suspended_vendors_offers_are_gone_at_once_and_the_others_hear_of_it(shop: Shop) -> None:
    made = await shop.product(title="Mug")
    await shop.product(shop.holzig, title="Spoon")
    await shop.suspend(TONWERK)
    gone = await shop.guest.get(f"/v1/products/{made['id']}")
    left = [await shop.listed(query) for query in ("", "?category=kitchen", "?vendor=tonwerk")]
    told_before = len(await shop.events())
    await shop.settle()
    event = (await shop.events())[-1]

    assert gone.status_code == 404
    assert left == [["Spoon"], ["Spoon"], []]
    assert told_before == 2
    assert isinstance(event, ProductArchived)
    assert event.product_id == made["id"]
    assert await shop.listed() == ["Spoon"]
    assert await shop.listed("?status=published", shop.tonwerk) == ["Mug"]


async def test_a_reinstated_vendors_offers_come_back(shop: Shop) -> None:
    await shop.product(title="Mug")
    await shop.draft(title="Draft")
    await shop.suspend(TONWERK)
    await shop.settle()
    await shop.approve(TONWERK, "tonwerk", "Tonwerk", version=3)
    await shop.settle()
    events = await shop.events()

    assert await shop.listed() == ["Mug"]
    assert [type(e) for e in events] == [ProductPublished, ProductArchived, ProductPublished]
    assert [e.version for e in events] == [2, 3, 4]


async def test_a_suspension_that_is_lifted_before_anybody_was_told_tells_nobody(shop: Shop) -> None:
    await shop.product(title="Mug")
    await shop.suspend(TONWERK)
    await shop.approve(TONWERK, "tonwerk", "Tonwerk", version=3)
    listed = await shop.listed()
    await shop.settle()

    assert listed == await shop.listed() == ["Mug"]
    assert len(await shop.events()) == 1


async def test_news_of_vendors_in_the_wrong_order_end_right(shop: Shop) -> None:
    await shop.product(title="Mug")
    await shop.suspend(TONWERK, version=4)
    await shop.approve(TONWERK, "tonwerk", "Tonwerk", version=3)
    await shop.suspend("vnd_01LATE", version=2)
    await shop.approve("vnd_01LATE", "late", "Late", version=1)
    await shop.settle()
    rows = await shop.world.fetch("catalog", "SELECT id FROM vendor WHERE selling")

    assert rows == [{"id": HOLZIG}]
    assert await shop.listed() == []


async def test_nothing_can_be_published_while_the_vendor_is_suspended(shop: Shop) -> None:
    draft = await shop.draft()
    await shop.suspend(TONWERK)
    refused = await shop.tonwerk.post(f"/v1/products/{draft['id']}/publish")

    assert (refused.status_code, refused.json()["code"]) == (409, "catalog.not_publishable")


async def test_a_vendor_follows_in_pages(shop: Shop) -> None:
    for _ in range(5):
        await shop.product()
    await shop.suspend(TONWERK)
    settling = Settling("EUR", page=2)
    for left in (3, 1, 0):
        async with shop.world.service("catalog").db.transaction() as tx:
            await settling.settle_vendor(tx, shop.world.ctx(), None)
        rows = await shop.world.fetch("catalog", "SELECT id FROM product WHERE listed")

        assert len(rows) == left


async def test_publishing_while_the_vendor_is_suspended_never_leaves_an_offer(shop: Shop) -> None:
    drafts = [await shop.draft() for _ in range(8)]

    async def publish(draft: dict[str, str]) -> None:
        await shop.tonwerk.post(f"/v1/products/{draft['id']}/publish")

    async def suspend() -> None:
        await shop.suspend(TONWERK)
        await shop.settle()

    await asyncio.gather(*(publish(d) for d in drafts[:4]), suspend(), *(publish(d) for d in drafts[4:]))
    await shop.settle()

    assert await shop.world.fetch("catalog", "SELECT id FROM product WHERE listed") == []
    assert await shop.listed() == []


async def test_an_older_count_never_overwrites_a_newer_one(shop: Shop) -> None:
    made = await shop.product()
    sku = made["variants"][0]["sku"]
    await shop.stock(sku, 5, version=3)
    await shop.stock(sku, 9, version=2)
    batch = [StockAvailabilityChanged(sku="OTHER", available=n, version=n) for n in (3, 1, 2)]
    await shop.world.deliver_batch("catalog", batch)
    after = (await shop.guest.get(f"/v1/products/{made['id']}")).json()
    rows = await shop.world.fetch("catalog", "SELECT sku, available FROM stock ORDER BY sku")

    assert after["variants"][0]["available"] == 5
    assert rows == [{"sku": sku, "available": 5}, {"sku": "OTHER", "available": 3}]
    assert after["version"] == made["version"]


async def test_a_batch_of_counts_costs_as_much_as_one(shop: Shop) -> None:
    variants = [{"sku": f"S{n}", "options": {"n": str(n)}, "price": eur(1)} for n in range(50)]
    await shop.product(variants=variants)
    with statements(at_most=5):
        batch = [StockAvailabilityChanged(sku=f"S{n}", available=1, version=1) for n in range(50)]
        await shop.world.deliver_batch("catalog", batch)


async def test_a_delivery_that_is_repeated_acts_once(shop: Shop) -> None:
    made = await shop.product()
    envelope = shop.world.envelope(StockAvailabilityChanged(sku=made["variants"][0]["sku"], available=4, version=1))
    await shop.world.deliver_batch("catalog", [envelope, envelope])
    await shop.world.deliver("catalog", envelope)

    assert (await shop.guest.get("/v1/products")).json()["data"][0]["available"] == 4


async def test_everything_for_sale_can_be_told_again(shop: Shop) -> None:
    made = [await shop.product() for _ in range(3)]
    await shop.draft()
    products, after, pages = Products("EUR"), "", 0
    while after is not None:
        async with shop.world.service("catalog").db.transaction() as tx:
            after = await products.republish(tx, shop.world.ctx(), after, limit=2)
        pages += 1
    again = (await shop.events())[3:]

    assert pages == 2
    assert [e.product_id for e in again] == [p["id"] for p in made]
    assert {e.version for e in again} == {2}


async def test_timers_are_not_for_callers(shop: Shop) -> None:
    from estore.kit.context import Principal
    from estore.services.catalog import endpoints
    from estore.services.catalog.service import Products as P

    e = endpoints.build(shop.world.service("catalog").edge, P("EUR"), Settling("EUR"))
    try:
        await e.settle_vendor(shop.world.ctx(Principal(account_id="acc_1")), None)
    except Failure as failure:
        assert failure.status == 404
    else:
        raise AssertionError("a caller could run a timer")


def rated(product_id: str, votes: int, stars: int, version: int) -> ReviewRatingChanged:
    return ReviewRatingChanged(product_id=product_id, votes=votes, stars=stars, version=version)


async def test_a_rating_is_shown_with_the_product_and_in_lists(shop: Shop) -> None:
    made = await shop.product(title="Mug")
    path = f"/v1/products/{made['id']}"
    before = await shop.guest.get(path)
    await shop.world.deliver("catalog", rated(made["id"], 3, 14, 7))
    after = await shop.guest.get(path)
    with statements(at_most=1):
        listed = (await shop.guest.get("/v1/products")).json()["data"]

    assert before.json()["rating"] == {"votes": 0, "mean": None}
    assert after.json()["rating"] == listed[0]["rating"] == {"votes": 3, "mean": "4.67"}
    assert after.headers["etag"] != before.headers["etag"]
    assert after.json()["version"] == before.json()["version"]


async def test_ratings_in_the_wrong_order_and_twice_end_right(shop: Shop) -> None:
    made = await shop.product(title="Mug")
    for version in (2, 5, 3, 5, 1):
        await shop.world.deliver("catalog", rated(made["id"], version, 4 * version, version))
    await shop.world.deliver_batch("catalog", [rated(made["id"], 9, 9, 9), rated(made["id"], 8, 40, 8)])
    await shop.world.deliver("catalog", rated("prd_unheard", 1, 5, 1))

    assert (await shop.guest.get(f"/v1/products/{made['id']}")).json()["rating"] == {"votes": 9, "mean": "1.00"}


async def test_a_new_rating_is_announced_to_the_read_caches(shop: Shop) -> None:
    made = await shop.product(title="Mug")
    with statements() as heard:
        await shop.world.deliver("catalog", rated(made["id"], 1, 5, 2))
    with statements() as repeated:
        await shop.world.deliver("catalog", rated(made["id"], 1, 5, 2))

    assert any("pg_notify" in sql for sql in heard.sent)
    assert not any("pg_notify" in sql for sql in repeated.sent)
