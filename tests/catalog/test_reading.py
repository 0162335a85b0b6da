"""Lists: what is in them, in which order, page by page, and by which index."""

from __future__ import annotations

import itertools
import re

import asyncpg
import pytest

from catalog.factories import HOLZIG, TONWERK, Shop, eur, version
from estore.kit.ids import new_id
from estore.services.catalog import store
from estore.services.catalog.domain import Product, Variant


async def priced(shop: Shop, title: str, price: int, category: str = "mugs", client: object = None) -> None:
    shop.world.clock.advance(seconds=1)
    await shop.product(client, title=title, category=category, variants=[{"sku": title, "price": eur(price)}])


async def filled(shop: Shop) -> None:
    for title, price, category in (("b", 300, "mugs"), ("Ä", 100, "pots"), ("c", 200, "garden"), ("A2", 200, "mugs")):
        await priced(shop, title, price, category) if title != "Ä" else await shop_umlaut(shop, price, category)


async def shop_umlaut(shop: Shop, price: int, category: str) -> None:
    shop.world.clock.advance(seconds=1)
    await shop.product(title="Ä", category=category, variants=[{"sku": "AE", "price": eur(price)}])


LISTS = [
    ("", ["A2", "c", "Ä", "b"]),
    ("?sort=newest", ["A2", "c", "Ä", "b"]),
    ("?sort=price", ["Ä", "c", "A2", "b"]),
    ("?sort=-price", ["b", "A2", "c", "Ä"]),
    ("?sort=title", ["Ä", "A2", "b", "c"]),
    ("?category=kitchen&sort=price", ["Ä", "A2", "b"]),
    ("?category=mugs", ["A2", "b"]),
    ("?category=nowhere", []),
    ("?vendor=tonwerk&sort=title", ["Ä", "A2", "b", "c"]),
    (f"?vendor={TONWERK}&category=garden", ["c"]),
    ("?vendor=holzig", []),
    ("?vendor=nobody", []),
]


async def test_lists_are_filtered_and_sorted(shop: Shop) -> None:
    await filled(shop)
    for query, expected in LISTS:
        assert (query, await shop.listed(query)) == (query, expected)


async def test_pages_join_into_the_whole_list(shop: Shop) -> None:
    for n in range(7):
        variants = [{"sku": f"S{n}", "price": eur(100 + n % 3)}]
        await shop.product(title=f"Mug {n % 2}", category=("mugs", "pots")[n % 2], variants=variants)
    for sort, more in itertools.product(
        ("newest", "price", "-price", "title"), ("", "&category=kitchen", "&vendor=tonwerk")
    ):
        query = f"/v1/products?sort={sort}{more}"
        url, ids = f"{query}&limit=2", []
        whole = [card["id"] for card in (await shop.guest.get(f"{query}&limit=100")).json()["data"]]
        while url:
            response = await shop.guest.get(url)
            ids += [card["id"] for card in response.json()["data"]]
            url = response.headers.get("link", "").partition(">")[0].removeprefix("<")

        assert (query, ids) == (query, whole)
        assert len(ids) == 7


async def test_a_page_is_not_disturbed_by_what_comes_meanwhile(shop: Shop) -> None:
    for n in range(4):
        shop.world.clock.advance(seconds=1)
        await shop.product(title=f"Mug {n}")
    first = (await shop.guest.get("/v1/products?limit=2")).json()
    shop.world.clock.advance(seconds=1)
    await shop.product(title="New")
    second = (await shop.guest.get(f"/v1/products?limit=2&cursor={first['next_cursor']}")).json()

    assert [c["title"] for c in first["data"] + second["data"]] == ["Mug 3", "Mug 2", "Mug 1", "Mug 0"]


async def test_a_card_carries_what_a_storefront_shows(shop: Shop) -> None:
    made = await shop.product(
        title="Mug", pictures=[{"url": "/pictures/a.svg", "alt": "A"}, {"url": "/pictures/b.svg"}]
    )
    await shop.stock(made["variants"][1]["sku"], 5)
    (card,) = (await shop.guest.get("/v1/products")).json()["data"]

    assert card["picture"] == {"url": "/pictures/a.svg", "alt": "A"}
    assert card["price"] == {"from": eur(2400), "to": eur(2500)}
    assert (card["available"], card["in_stock"]) == (5, True)
    assert [v["available"] for v in card["variants"]] == [0, 5]
    assert card["vendor"]["slug"] == "tonwerk"
    assert card["category"]["slug"] == "mugs"


async def test_members_list_their_own_drafts_and_nobody_elses(shop: Shop) -> None:
    await shop.draft(title="Ours")
    await shop.draft(shop.holzig, title="Theirs")
    await shop.product(title="Public")
    finance = shop.world.http("catalog", shop.world.token("acc_f", vendors={TONWERK: "finance"}))
    both = shop.world.http("catalog", shop.world.token("acc_b", vendors={TONWERK: "owner", HOLZIG: "owner"}))

    assert await shop.listed("?status=draft", shop.tonwerk) == ["Ours"]
    assert await shop.listed("?status=draft", finance) == ["Ours"]
    assert await shop.listed("?status=draft", both) == ["Theirs", "Ours"]
    assert await shop.listed("?status=draft", shop.operator) == ["Theirs", "Ours"]
    assert await shop.listed("?status=draft&vendor=holzig", shop.tonwerk) == []
    assert await shop.listed("?status=draft&vendor=holzig", shop.operator) == ["Theirs"]
    assert await shop.listed("?status=draft&category=kitchen", shop.holzig) == ["Theirs"]
    assert await shop.listed("?status=published", shop.tonwerk) == ["Public"]
    assert (await shop.guest.get("/v1/products?status=draft")).status_code == 401
    assert (await shop.tonwerk.get("/v1/products?status=draft&sort=price")).status_code == 400


async def test_own_lists_have_pages_too(shop: Shop) -> None:
    for n in range(3):
        await shop.draft(title=f"Draft {n}")
    first = (await shop.tonwerk.get("/v1/products?status=draft&limit=2")).json()
    query = f"?status=draft&limit=2&cursor={first['next_cursor']}"

    assert [c["title"] for c in first["data"]] == ["Draft 2", "Draft 1"]
    assert await shop.listed(query, shop.tonwerk) == ["Draft 0"]


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0",
        "?limit=101",
        "?limit=x",
        "?sort=cheap",
        "?colour=red",
        "?status=sold",
        "?cursor=rubbish",
        "?cursor=%00",
        "?category=%00",
        "?vendor=a%20b",
        "?category=" + "x" * 101,
    ],
)
async def test_a_wrong_parameter_is_refused(open_shop: Shop, query: str) -> None:
    assert (await open_shop.guest.get(f"/v1/products{query}")).status_code == 400


async def test_a_cursor_of_another_sort_is_refused(shop: Shop) -> None:
    for _ in range(2):
        await shop.product()
    for sort, other in (("newest", "price"), ("title", "-price"), ("price", "-price"), ("price", "title")):
        cursor = (await shop.guest.get(f"/v1/products?limit=1&sort={sort}")).json()["next_cursor"]

        assert (await shop.guest.get(f"/v1/products?sort={other}&cursor={cursor}")).status_code == 400


async def test_only_what_guests_see_may_be_kept_by_a_cache(shop: Shop) -> None:
    made = await shop.product()
    kept = [
        (await client.get(path)).headers["cache-control"].partition(",")[0]
        for path in (f"/v1/products/{made['id']}", "/v1/products", "/v1/categories", "/v1/categories/mugs")
        for client in (shop.guest, shop.tonwerk)
    ]

    assert kept == ["public", "private"] * 4


async def test_each_commit_names_what_it_changed(shop: Shop) -> None:
    heard: list[str] = []
    conn = await asyncpg.connect(shop.world.dsn)
    await conn.add_listener(store.CHANNEL, lambda *args: heard.append(str(args[3])))
    draft = await shop.draft(title="Mug")
    made = (await shop.tonwerk.post(f"/v1/products/{draft['id']}/publish")).json()
    sku = made["variants"][0]["sku"]
    await shop.tonwerk.put(f"/v1/products/{made['id']}/variants/{sku}/price", json=eur(1))
    await shop.stock(sku, 3)
    await shop.stock("UNKNOWN", 3)
    made = (await shop.guest.get("/v1/products/mug")).json()
    await shop.tonwerk.patch(f"/v1/products/{made['id']}", json={"slug": "cup"}, headers=version(made))
    await shop.suspend(TONWERK)
    await conn.fetchval("SELECT 1")
    await conn.close()
    name = made["id"]

    assert heard == [f"{name},mug", f"{name},mug", f"{name},mug", f"{name},cup,mug", "*"]


# --- a large catalog ----------------------------------------------------------------------------------------


async def large(shop: Shop, count: int) -> None:
    """Products of 48 vendors in 3 of the 4 categories, copied in."""
    slugs = ("kitchen", "pots", "garden")
    categories = [(await shop.guest.get(f"/v1/categories/{slug}")).json()["id"] for slug in slugs]
    for n in range(48):
        await shop.approve(f"vnd_01V{n}", f"v{n}", f"Vendor {n}")
    now = shop.world.clock.now()
    rows = (
        Product(
            id=f"prd_{n:026d}",
            vendor_id=f"vnd_01V{n % 48}",
            category_id=categories[(n // 7) % len(categories)],
            slug=f"thing-{n}",
            title=f"Thing {n * 7919 % 100_003}",
            status="draft" if n % 10 == 0 else "published",
            variants=(Variant(sku=f"T-{n}", title="x", price=100 + n * 31 % 50_000),),
            version=2,
            published_at=now,
        )
        for n in range(count)
    )
    async with shop.world.service("catalog").db.transaction() as tx:
        assert await store.copy_products(tx, rows, currency="EUR", now=now, available=5) == count
    async with shop.world.service("catalog").db.read() as tx:
        for table in ("product", "variant", "stock", "vendor", "category"):
            await tx.execute(f"ANALYZE {table}")


async def plan(shop: Shop, wanted: store.Listing) -> str:
    first, last = wanted.after or (None, None)
    async with shop.world.service("catalog").db.read() as tx:
        rows = await tx.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) {store.listing_sql(wanted)}",
            wanted.limit,
            first,
            last,
            wanted.vendor,
            wanted.category,
        )
    return "\n".join(row[0] for row in rows)


async def test_lists_of_many_products_read_a_few_rows_of_an_index(shop: Shop) -> None:
    await large(shop, 100_000)
    cursors = {"newest": shop.world.clock.now(), "price": 20_000, "-price": 20_000, "title": "thing 5"}
    for sort, key in cursors.items():
        for category, vendor in ((None, None), ("kitchen", None), ("mugs", None), (None, "v7"), ("kitchen", "v7")):
            for after in (None, (key, f"prd_{50_000:026d}")):
                text = await plan(shop, store.Listing(sort, 21, category, vendor, after))  # type: ignore[arg-type]
                # Pages that were found in memory, and those that other tests had driven out of it.
                hit, read = re.search(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?", text).groups(default="0")
                buffers = int(hit) + int(read)

                assert "Seq Scan on product" not in text, text
                assert buffers < (4_000 if vendor and category else 1_200), f"{buffers} pages\n{text}"
    indexes = await shop.world.fetch("catalog", "SELECT count(*) AS n FROM pg_indexes WHERE tablename = 'product'")
    keys = (
        "SELECT count(*) AS n FROM pg_constraint"
        " WHERE contype = 'f' AND conrelid IN ('product'::regclass, 'variant'::regclass)"
    )

    assert (indexes, await shop.world.fetch("catalog", keys)) == ([{"n": 15}], [{"n": 3}])
    assert new_id("prd") > f"prd_{99_999:026d}"
