"""Products from draft to archive, over HTTP."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from catalog.factories import HOLZIG, TONWERK, Shop, eur, version
from estore.contracts.catalog import PriceChanged, ProductArchived, ProductChanged, ProductPublished
from estore.kit.db import statements


async def test_a_draft_is_seen_by_its_vendor_and_operators_only(shop: Shop) -> None:
    draft = await shop.draft()
    path = f"/v1/products/{draft['id']}"
    seen = [(await c.get(path)).status_code for c in (shop.tonwerk, shop.operator, shop.holzig, shop.guest)]

    assert seen == [200, 200, 404, 404]
    assert await shop.listed() == []
    assert await shop.events() == []


async def test_a_published_product_is_read_by_id_and_slug(shop: Shop) -> None:
    made = await shop.product(
        title="Speckled Mug",
        brand="Tonwerk",
        attributes={"material": "stoneware", "capacity": 320, "dishwasher safe": True},
        pictures=[{"url": "/pictures/mug.svg", "alt": "A mug"}, {"url": "https://example.com/mug.jpg"}],
    )
    by_id = (await shop.guest.get(f"/v1/products/{made['id']}")).json()
    by_slug = (await shop.guest.get("/v1/products/speckled-mug")).json()

    assert by_id == by_slug
    assert by_id["vendor"] == {"id": TONWERK, "slug": "tonwerk", "name": "Tonwerk"}
    assert by_id["category"]["slug"] == "mugs"
    assert by_id["attributes"] == {"material": "stoneware", "capacity": "320", "dishwasher safe": "true"}
    assert list(by_id["attributes"]) == ["material", "capacity", "dishwasher safe"]
    assert by_id["options"] == [{"name": "Colour", "values": ["Oat", "Moss"]}]
    assert by_id["variants"][0]["price"] == eur(2400)
    assert by_id["variants"][0]["title"] == "Oat"
    assert by_id["variants"][0]["available"] == 0
    assert by_id["variants"][0]["in_stock"] is False
    assert by_id["status"] == "published"


async def test_publishing_tells_the_others_the_whole_product(shop: Shop) -> None:
    made = await shop.product(title="Mug", tax_class="reduced")
    (event,) = await shop.events()

    assert isinstance(event, ProductPublished)
    assert event.version == made["version"]
    assert event.product.category == "mugs"
    assert event.product.category_path == ("kitchen", "mugs")
    assert [v.price.amount for v in event.product.variants] == [2400, 2500]
    assert event.product.variants[0].tax_class == "reduced"


async def test_publishing_needs_a_variant_and_a_price_on_each(shop: Shop) -> None:
    without = await shop.draft(variants=[{"sku": "A"}, {"sku": "B", "options": {}}][:1])
    refused = await shop.tonwerk.post(f"/v1/products/{without['id']}/publish")
    empty = (await shop.tonwerk.post("/v1/products", json={"title": "Nothing", "category": "mugs"})).json()
    refused_too = await shop.tonwerk.post(f"/v1/products/{empty['id']}/publish")

    assert (refused.status_code, refused.json()["code"]) == (409, "catalog.not_publishable")
    assert refused.json()["errors"][0]["pointer"] == "/variants/0/price"
    assert refused_too.status_code == 409


async def test_publishing_needs_an_approved_vendor(shop: Shop) -> None:
    applicant = shop.world.http("catalog", shop.world.token("acc_new", vendors={"vnd_01NEW": "owner"}))
    draft = await shop.draft(applicant)
    refused = await applicant.post(f"/v1/products/{draft['id']}/publish")
    await shop.approve("vnd_01NEW", "new", "New")
    published = await applicant.post(f"/v1/products/{draft['id']}/publish")

    assert refused.status_code == 409
    assert draft["vendor"] == {"id": "vnd_01NEW", "slug": None, "name": None}
    assert published.json()["vendor"]["name"] == "New"


async def test_publishing_twice_is_publishing_once(shop: Shop) -> None:
    made = await shop.product()
    again = await shop.tonwerk.post(f"/v1/products/{made['id']}/publish")

    assert again.json()["version"] == made["version"]
    assert len(await shop.events()) == 1


async def test_a_change_needs_the_version_that_was_read(shop: Shop) -> None:
    made = await shop.product()
    path = f"/v1/products/{made['id']}"
    missing = await shop.tonwerk.patch(path, json={"title": "Other"})
    etag = (await shop.guest.get(path)).headers["etag"]
    done = await shop.tonwerk.patch(path, json={"title": "Other"}, headers={"if-match": etag})
    late = await shop.tonwerk.patch(path, json={"title": "Third"}, headers={"if-match": etag})
    any_ = await shop.tonwerk.patch(path, json={"title": "Other"}, headers={"if-match": "*"})

    assert (missing.status_code, done.status_code, late.status_code, any_.status_code) == (428, 200, 412, 200)
    assert done.json()["title"] == "Other"
    assert done.json()["version"] == made["version"] + 1
    assert isinstance((await shop.events())[-1], ProductChanged)


async def test_the_etag_changes_with_the_stock_and_a_304_is_answered_until_then(shop: Shop) -> None:
    made = await shop.product()
    path = f"/v1/products/{made['id']}"
    etag = (await shop.guest.get(path)).headers["etag"]
    same = await shop.guest.get(path, headers={"if-none-match": etag})
    await shop.stock(made["variants"][0]["sku"], 7)
    other = await shop.guest.get(path, headers={"if-none-match": etag})

    assert (same.status_code, other.status_code) == (304, 200)
    assert other.json()["variants"][0]["available"] == 7


async def test_a_merge_patch_changes_what_it_names(shop: Shop) -> None:
    made = await shop.draft(brand="Old", attributes={"a": "1", "b": "2"}, description="Text")
    patch = {"brand": None, "attributes": {"a": None, "c": 3}, "variants": [{"sku": "NEW", "price": eur(500)}]}
    after = (await shop.tonwerk.patch(f"/v1/products/{made['id']}", json=patch, headers=version(made))).json()

    assert (after["brand"], after["description"]) == (None, "Text")
    assert after["attributes"] == {"b": "2", "c": "3"}
    assert [v["sku"] for v in after["variants"]] == ["NEW"]


async def test_a_new_price_is_told_as_a_price(shop: Shop) -> None:
    made = await shop.product()
    sku = made["variants"][0]["sku"]
    after = (await shop.tonwerk.put(f"/v1/products/{made['id']}/variants/{sku}/price", json=eur(9900))).json()
    event = (await shop.events())[-1]
    card = (await shop.guest.get("/v1/products")).json()["data"][0]

    assert after["variants"][0]["price"] == eur(9900)
    assert isinstance(event, PriceChanged)
    assert event.version == after["version"] == made["version"] + 1
    assert [(p.sku, p.price.amount) for p in event.prices] == [(sku, 9900)]
    assert card["price"] == {"from": eur(2500), "to": eur(9900)}


async def test_the_same_price_again_changes_nothing(shop: Shop) -> None:
    made = await shop.product()
    sku = made["variants"][0]["sku"]
    after = (await shop.tonwerk.put(f"/v1/products/{made['id']}/variants/{sku}/price", json=eur(2400))).json()

    assert after["version"] == made["version"]
    assert len(await shop.events()) == 1


async def test_prices_changed_at_once_leave_the_right_range(shop: Shop) -> None:
    made = await shop.product(
        variants=[{"sku": f"S{n}", "options": {"n": str(n)}, "price": eur(1000)} for n in range(8)]
    )
    path = f"/v1/products/{made['id']}/variants"
    await asyncio.gather(*(shop.tonwerk.put(f"{path}/S{n}/price", json=eur(100 + n)) for n in range(8)))
    card = (await shop.guest.get("/v1/products")).json()["data"][0]

    assert card["price"] == {"from": eur(100), "to": eur(107)}
    assert [e.version for e in await shop.events()] == list(range(2, 11))


async def test_one_price_costs_few_statements(shop: Shop) -> None:
    made = await shop.product()
    sku = made["variants"][0]["sku"]
    with statements(at_most=7):
        await shop.tonwerk.put(f"/v1/products/{made['id']}/variants/{sku}/price", json=eur(9900))


async def test_reading_costs_one_statement_each(shop: Shop) -> None:
    await shop.product(title="Mug")
    with statements(at_most=1):
        await shop.guest.get("/v1/products/mug")
    for query in ("", "?category=kitchen&sort=price", "?vendor=tonwerk&sort=title"):
        with statements(at_most=1):
            assert await shop.listed(query) == ["Mug"]


async def test_a_sku_is_unique_in_the_whole_marketplace(shop: Shop) -> None:
    await shop.draft(variants=[{"sku": "ONE", "price": eur(100)}])
    body = shop.body(variants=[{"sku": "TWO"}, {"sku": "ONE", "options": {}}][1:])
    refused = await shop.holzig.post("/v1/products", json=body)
    other = await shop.draft(shop.holzig)
    refused_too = await shop.holzig.put(f"/v1/products/{other['id']}/variants/ONE", json={}, headers=version(other))

    assert (refused.status_code, refused.json()["code"]) == (409, "catalog.sku_taken")
    assert refused.json()["errors"][0]["pointer"] == "/variants/0/sku"
    assert refused_too.status_code in (409, 422)


async def test_two_that_want_one_sku_at_once_get_it_once(shop: Shop) -> None:
    bodies = [shop.body(variants=[{"sku": "ONE", "price": eur(100)}]) for _ in range(6)]
    answers = await asyncio.gather(*(shop.tonwerk.post("/v1/products", json=body) for body in bodies))

    assert sorted(a.status_code for a in answers) == [201, 409, 409, 409, 409, 409]


async def test_slugs_are_unique_and_made_of_the_title(shop: Shop) -> None:
    one, other = await shop.draft(title="Crème Brûlée Ramekin"), await shop.draft(title="Crème Brûlée Ramekin")
    taken = await shop.tonwerk.post("/v1/products", json=shop.body(slug=one["slug"]))

    assert one["slug"] == "creme-brulee-ramekin"
    assert other["slug"].startswith("creme-brulee-ramekin-")
    assert (taken.status_code, taken.json()["errors"][0]["pointer"]) == (409, "/slug")


async def test_a_variant_that_was_for_sale_leaves_its_sku_behind(shop: Shop) -> None:
    made = await shop.product(
        variants=[
            {"sku": "A", "options": {"n": "1"}, "price": eur(1)},
            {"sku": "B", "options": {"n": "2"}, "price": eur(2)},
        ]
    )
    path = f"/v1/products/{made['id']}/variants"
    after = (await shop.tonwerk.delete(f"{path}/B", headers=version(made))).json()
    stolen = await shop.holzig.post("/v1/products", json=shop.body(variants=[{"sku": "B"}]))
    last = await shop.tonwerk.delete(f"{path}/A", headers=version(after))
    back = await shop.tonwerk.put(f"{path}/B", json={"options": {"n": "2"}, "price": eur(3)}, headers=version(after))

    assert [v["sku"] for v in after["variants"]] == ["A"]
    assert isinstance((await shop.events())[1], ProductChanged)
    assert (stolen.status_code, last.status_code) == (409, 409)
    assert [v["sku"] for v in back.json()["variants"]] == ["A", "B"]


async def test_an_archived_product_is_gone_and_can_come_back(shop: Shop) -> None:
    made = await shop.product()
    path = f"/v1/products/{made['id']}"
    archived = await shop.tonwerk.post(f"{path}/archive")
    gone = await shop.guest.get(path)
    await shop.tonwerk.post(f"{path}/publish")
    kinds = [type(e) for e in await shop.events()]

    assert (archived.json()["status"], gone.status_code) == ("archived", 404)
    assert kinds == [ProductPublished, ProductArchived, ProductPublished]
    assert [e.version for e in await shop.events()] == [2, 3, 4]


async def test_only_a_draft_can_be_deleted(shop: Shop) -> None:
    draft, made = await shop.draft(), await shop.product()
    done = await shop.tonwerk.delete(f"/v1/products/{draft['id']}", headers=version(draft))
    refused = await shop.tonwerk.delete(f"/v1/products/{made['id']}", headers=version(made))
    drafted = await shop.tonwerk.post(f"/v1/products/{(await shop.draft())['id']}/archive")

    assert (done.status_code, refused.status_code, drafted.status_code) == (204, 409, 409)


@pytest.mark.parametrize("what", ["patch", "delete", "publish", "archive", "price", "variant", "no variant"])
async def test_nobody_changes_another_vendors_product(shop: Shop, what: str) -> None:
    made = await shop.product()
    path, sku = f"/v1/products/{made['id']}", made["variants"][0]["sku"]
    head = version(made)
    finance = shop.world.http("catalog", shop.world.token("acc_f", vendors={TONWERK: "finance"}))
    for client in (shop.holzig, finance):
        answer = await {
            "patch": lambda c: c.patch(path, json={"title": "Mine"}, headers=head),
            "delete": lambda c: c.delete(path, headers=head),
            "publish": lambda c: c.post(f"{path}/publish"),
            "archive": lambda c: c.post(f"{path}/archive"),
            "price": lambda c: c.put(f"{path}/variants/{sku}/price", json=eur(1)),
            "variant": lambda c: c.put(f"{path}/variants/{sku}", json={}, headers=head),
            "no variant": lambda c: c.delete(f"{path}/variants/{sku}", headers=head),
        }[what](client)

        assert answer.status_code == 404


async def test_nobody_creates_for_another_vendor(shop: Shop) -> None:
    foreign = await shop.tonwerk.post("/v1/products", json=shop.body(vendor_id=HOLZIG))
    unknown = await shop.operator.post("/v1/products", json=shop.body(vendor_id="vnd_01NOBODY"))
    unclear = await shop.operator.post("/v1/products", json=shop.body())
    for_them = await shop.operator.post("/v1/products", json=shop.body(vendor_id=HOLZIG))
    guest = await shop.guest.post("/v1/products", json=shop.body())
    consumer = shop.world.http("catalog", shop.world.token("acc_c"))
    denied = await consumer.post("/v1/products", json=shop.body())

    assert [a.status_code for a in (foreign, unknown, unclear, for_them, guest, denied)] == [
        404,
        404,
        422,
        201,
        401,
        403,
    ]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"title": "a\x00b"}, "/title"),
        ({"title": " "}, "/title"),
        ({"description": "a\x00b"}, "/description"),
        ({"title": "x" * 201}, "/title"),
        ({"slug": "Not A Slug"}, "/slug"),
        ({"colour": "red"}, "/colour"),
        ({"category": "nowhere"}, "/category"),
        ({"attributes": {"a\x00": "b"}}, "/attributes"),
        ({"attributes": {"a": {"b": "c"}}}, "/attributes"),
        ({"pictures": [{"url": "http://example.com/a.jpg"}]}, "/pictures/0/url"),
        ({"pictures": [{"url": "javascript:alert(1)"}]}, "/pictures/0/url"),
        ({"pictures": [{"url": "/pictures/../../etc/passwd"}]}, "/pictures/0/url"),
        ({"pictures": [{"url": "https://user:secret@example.com/a.jpg"}]}, "/pictures/0/url"),
        ({"variants": [{"sku": "A", "price": {"amount": 100, "currency": "USD"}}]}, "/variants/0/price/currency"),
        ({"variants": [{"sku": "A", "price": eur(0)}]}, "/variants/0/price/amount"),
        ({"variants": [{"sku": "A", "price": eur(-5)}]}, "/variants/0/price/amount"),
        ({"variants": [{"sku": "A", "price": eur(10**30)}]}, "/variants/0/price/amount"),
        ({"variants": [{"sku": "A", "price": {"amount": 9.99, "currency": "EUR"}}]}, "/variants/0/price/amount"),
        ({"variants": [{"sku": "A B"}]}, "/variants/0/sku"),
        ({"variants": [{"sku": "A"}, {"sku": "A", "options": {}}]}, "/variants/1/sku"),
        (
            {"variants": [{"sku": "A", "options": {"Size": "S"}}, {"sku": "B", "options": {"Colour": "S"}}]},
            "/variants/1/options",
        ),
        (
            {"variants": [{"sku": "A", "options": {"Size": "S"}}, {"sku": "B", "options": {"Size": "S"}}]},
            "/variants/1/options",
        ),
    ],
)
async def test_a_wrong_product_is_refused_where_it_is_wrong(
    open_shop: Shop, wrong: dict[str, object], pointer: str
) -> None:
    answer = await open_shop.tonwerk.post("/v1/products", content=msgspec.json.encode(open_shop.body(**wrong)))

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("name", ["prd_", "prd_%00", "A%20B", "x" * 300, "%00", "prd_01%27", "..", "%F0%9F%98%80"])
async def test_a_name_that_is_none_is_not_found(open_shop: Shop, name: str) -> None:
    answers = [
        await open_shop.guest.get(f"/v1/products/{name}"),
        await open_shop.guest.get(f"/v1/categories/{name}"),
        await open_shop.operator.put(f"/v1/products/{name}/variants/A/price", json=eur(1)),
        await open_shop.operator.post(f"/v1/products/{name}/publish"),
        await open_shop.operator.patch(f"/v1/products/{name}", json={"title": "A"}, headers={"if-match": '"v1"'}),
        await open_shop.operator.get(f"/v1/imports/{name}"),
    ]

    assert {a.status_code for a in answers} <= {404, 405}


async def test_the_same_key_creates_once(shop: Shop) -> None:
    body = shop.body()
    answers = [await shop.tonwerk.post("/v1/products", json=body, headers={"idempotency-key": "k1"}) for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert answers[0].headers["location"] == f"/v1/products/{answers[0].json()['id']}"
