"""Filters and facets, sorting and ranking, pages."""

from __future__ import annotations

from typing import Any

import pytest

from estore.kit.db import statements
from search.factories import Shop, approved, bought, rated, suspended


@pytest.fixture
async def shelves(shop: Shop) -> Shop:
    await shop.hear(approved("vnd_tonwerk", "Tonwerk"), approved("vnd_glas", "Glasklar"))
    await shop.sell("red", "Red Mug", brand="Ton", price=1500, options={"Colour": "Red"})
    await shop.sell("blue", "Blue Mug", brand="Ton", price=2500, options={"Colour": "Blue"}, available=0)
    await shop.sell("glass", "Glass Mug", brand="Glas", price=5000, options={"Colour": "Clear"}, vendor_id="vnd_glas")
    await shop.sell("pan", "Red Pan", brand="Ton", price=9900, options={"Colour": "Red"}, path=("kitchen", "pans"))
    await shop.hear(rated("red", 10, 48), rated("glass", 10, 31), rated("pan", 1, 5))
    return shop


def counts(values: list[dict[str, Any]]) -> dict[str, int]:
    return {value["value"]: value["count"] for value in values}


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"category": "kitchen"}, "blue glass pan red"),
    ({"category": ["mugs", "pans"]}, "blue glass pan red"),
    ({"category": "pans"}, "pan"),
    ({"category": "nowhere"}, ""),
    ({"brand": "Glas"}, "glass"),
    ({"brand": ["Glas", "Ton"]}, "blue glass pan red"),
    ({"vendor": "glasklar"}, "glass"),
    ({"vendor": "vnd_glas"}, "glass"),
    ({"vendor": "nobody"}, ""),
    ({"price_min": 2500, "price_max": 5000}, "blue glass"),
    ({"rating": 4}, "pan red"),
    ({"in_stock": "true"}, "glass pan red"),
    ({"in_stock": "false"}, "blue"),
    ({"attr_colour": "Red"}, "pan red"),
    ({"attr_colour": ["Red", "Clear"], "category": "mugs"}, "glass red"),
    ({"attr_colour": "Red", "brand": "Glas"}, ""),
    ({"attr_nothing": "x"}, ""),
]


async def test_filters_narrow_down(shelves: Shop) -> None:
    found = [" ".join(sorted(await shelves.names("", **filters))) for filters, _ in FILTERS]

    assert found == [meant for _, meant in FILTERS]


async def test_a_facets_own_choice_does_not_narrow_its_counts(shelves: Shop) -> None:
    facets = (await shelves.search("", attr_colour="Red", category="mugs"))["facets"]

    assert counts(facets["attributes"]["colour"]) == {"Red": 1, "Blue": 1, "Clear": 1}
    assert counts(facets["category"]) == {"kitchen": 2, "mugs": 1, "pans": 1}
    assert counts(facets["brand"]) == {"Ton": 1}
    assert facets["vendor"] == [{"value": "vnd_tonwerk", "name": "Tonwerk", "count": 1}]
    assert counts(facets["in_stock"]) == {"true": 1}
    assert counts(facets["rating"]) == {"4": 1, "3": 1, "2": 1, "1": 1}
    assert facets["price"] == [{"min": 1000, "max": 2500, "count": 1}]


async def test_what_can_be_sorted_by(shelves: Shop) -> None:
    async def names(sort: str) -> list[str]:
        return await shelves.names("", sort=sort)

    assert await names("price") == ["red", "blue", "glass", "pan"]
    assert await names("-price") == ["pan", "glass", "blue", "red"]
    assert await names("rating") == ["red", "pan", "blue", "glass"]
    assert await names("relevance") == ["red", "pan", "glass", "blue"]


async def test_what_is_bought_and_liked_comes_first_and_what_is_gone_last(shop: Shop) -> None:
    for name in ("gone", "plain", "liked", "sold"):
        await shop.sell(name, "Plain Mug", available=0 if name == "gone" else 5)
    await shop.hear(rated("liked", 40, 196), *(bought("sold") for _ in range(12)))

    assert await shop.names("plain mug") == ["sold", "liked", "plain", "gone"]


async def test_popularity_fades(shop: Shop) -> None:
    await shop.sell("old", "Plain Mug")
    await shop.sell("new", "Plain Mug")
    await shop.hear(*(bought("old") for _ in range(20)))
    shop.world.clock.advance(days=120)
    await shop.run("fade-popularity")
    await shop.hear(*(bought("new") for _ in range(6)))

    assert await shop.names("mug") == ["new", "old"]
    [row] = await shop.world.fetch("search", "SELECT popularity FROM document WHERE product_id = 'prd_old'")
    assert 1.2 < row["popularity"] < 1.3


async def test_a_suspended_vendors_products_are_left_out_at_once(shelves: Shop) -> None:
    await shelves.world.deliver("search", suspended("vnd_glas"))

    assert "glass" not in await shelves.names("mug")
    await shelves.hear(approved("vnd_glas", "Glasklar", version=3))
    assert "glass" in await shelves.names("mug")


async def test_the_operator_pins_boosts_and_buries(shelves: Shop) -> None:
    plain = await shelves.names("mug")
    pinned = await shelves.ok("POST", "/rules", {"product_id": "prd_pan", "action": "pin", "query": "Mug"})
    with_pan = await shelves.names("mugs"), await shelves.names("mug"), await shelves.names("mug", category="mugs")
    await shelves.ok("DELETE", f"/rules/{pinned['id']}")
    await shelves.ok("POST", "/rules", {"product_id": "prd_blue", "action": "boost"})
    await shelves.ok("POST", "/rules", {"product_id": "prd_red", "action": "bury", "query": "mug"})

    assert plain == ["red", "glass", "blue"]
    assert with_pan == (plain, ["pan", *plain], plain)
    assert await shelves.names("mug") == ["blue", "glass", "red"]
    assert [r["action"] for r in (await shelves.ok("GET", "/rules"))["data"]] == ["boost", "bury"]


async def test_rules_that_would_do_nothing_are_refused(shelves: Shop) -> None:
    rule = {"product_id": "prd_red", "action": "pin", "query": "mug"}
    answers = [
        await shelves.operate("POST", "/rules", rule | change)
        for change in ({"query": ""}, {"query": "!"}, {"product_id": "prd_x"}, {"action": "hide"}, {}, {})
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 404, 422, 201, 409]
    assert (await shelves.operate("DELETE", "/rules/rul_x")).status_code == 404


async def test_the_operator_is_told_why(shelves: Shop) -> None:
    hit = (await shelves.search("mug", explain="true"))["data"][0]
    guest = await shelves.get("", q="mug", explain="true")

    assert guest.status_code == 401
    assert hit["explanation"]["weight"] > 0.9
    assert hit["explanation"]["text_details"]["value"] > 0
    assert {k: hit["explanation"][k] for k in ("in_stock", "pinned", "rating")} == {
        "in_stock": True,
        "pinned": False,
        "rating": 4.36,
    }


async def test_pages_follow_each_other(shop: Shop) -> None:
    for number in range(7):
        await shop.sell(f"m{number}", f"Mug {number}", price=1000 + number)
    await shop.index()
    seen, cursor = [], ""
    while True:
        page = await shop.search("mug", sort="price", limit=3, **({"cursor": cursor} if cursor else {}))
        seen.append([hit["slug"] for hit in page["data"]])
        if not (cursor := page["next_cursor"]):
            break
    other = await shop.get("", q="mug", sort="newest", cursor=(await shop.search("mug", limit=3))["next_cursor"])

    assert seen == [["m0", "m1", "m2"], ["m3", "m4", "m5"], ["m6"]]
    assert other.status_code == 400


async def test_a_page_costs_two_statements_whatever_it_holds(shelves: Shop) -> None:
    await shelves.search("mug")
    with statements(at_most=3):
        await shelves.search("mug")
    with statements(at_most=1):
        await shelves.search("mug", facets="false")
