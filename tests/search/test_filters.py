"""Filters and facets, sorting and ranking, pages."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from estore.kit.db import statements
from estore.services.search.service import rulebook, searching
from estore.services.search.store.index.facets import ATTRIBUTE_VALUES
from search.factories import Shop, approved, bought, published, ranged, rated, suspended


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


async def test_what_finds_nothing_shows_what_else_could_be_chosen(shelves: Shop) -> None:
    nothing = await shelves.search("", attr_colour="Red", brand="Glas")
    words = await shelves.search("glass mgu", brand="Ton", price_max=1)
    nowhere = await shelves.search("zzzzzzzz", brand="Ton")

    assert [each["total"] for each in (nothing, words, nowhere)] == [0, 0, 0]
    assert not any(each["relaxed"] for each in (nothing, words, nowhere))
    assert counts(nothing["facets"]["brand"]) == {"Ton": 2}
    assert counts(nothing["facets"]["attributes"]["colour"]) == {"Clear": 1}
    assert counts(nothing["facets"]["category"]) == {}
    assert nowhere["facets"]["brand"] == []


async def test_two_spellings_of_an_attribute_are_alternatives_of_one(shelves: Shop) -> None:
    params = [("attr.colour", "Red"), ("attr.Colour", "Clear"), ("attr.COLOUR", "Red")]
    async with shelves.world.http("search") as client:
        found = (await client.get("/v1/search", params=params)).json()

    assert sorted(hit["slug"] for hit in found["data"]) == ["glass", "pan", "red"]


async def test_a_price_range_counts_what_choosing_it_finds(shop: Shop) -> None:
    for name, low, high in (("wide", 900, 12_000), ("cheap", 100, 999), ("exact", 1000, 1000), ("dear", 2500, 200_000)):
        await shop.world.deliver("search", *ranged(name, low, high))
    await shop.index()
    facets = (await shop.search(""))["facets"]["price"]
    chosen = [
        (await shop.search("", price_min=each["min"], **({"price_max": each["max"] - 1} if each["max"] else {})))
        for each in facets
    ]

    assert [each["count"] for each in facets] == [2, 2, 2, 2, 2, 1, 1, 1]
    assert [found["total"] for found in chosen] == [each["count"] for each in facets]
    assert [found["facets"]["price"] for found in chosen] == [facets] * len(facets)


async def test_what_is_chosen_is_counted_however_rare_it_is(shop: Shop) -> None:
    for number in range(ATTRIBUTE_VALUES + 1):
        traits = {"Shade": f"shade {number:03}", "Kind": "rare\nkind" if number else "kind"}
        await shop.world.deliver("search", published(f"p{number}", "Mug", attributes=traits, brand=f"b{number:03}"))
    await shop.index()
    last = f"shade {ATTRIBUTE_VALUES:03}"
    shade = (await shop.search("", attr_shade=last, brand=f"b{ATTRIBUTE_VALUES}", limit=1))["facets"]
    kind = (await shop.search("", attr_kind="kind", limit=1))["facets"]

    assert counts(shade["attributes"]["shade"]) == {last: 1}
    assert counts((await shop.search("", attr_shade=last))["facets"]["attributes"]["shade"])[last] == 1
    assert counts((await shop.search("", brand=f"b{ATTRIBUTE_VALUES}"))["facets"]["brand"])[f"b{ATTRIBUTE_VALUES}"] == 1
    assert counts(kind["attributes"]["kind"]) == {"rare\nkind": ATTRIBUTE_VALUES, "kind": 1}


async def test_a_long_value_is_filtered_by_as_its_facet_says_it_and_as_it_is(shop: Shop) -> None:
    await shop.sell("long", "Mug", attributes={"Care": "w" * 95, "🎨": "x", "Empty": ""}, brand="b" * 95)
    await shop.index()
    facets = (await shop.search(""))["facets"]

    assert counts(facets["attributes"]["care"]) == {"w" * 80: 1}
    assert list(facets["attributes"]) == ["care"]
    assert await shop.names("", attr_care="w" * 95, brand="b" * 95) == ["long"]
    assert await shop.names("", attr_care="w" * 80, brand="b" * 80) == ["long"]


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


async def test_a_mean_is_shown_as_everybody_shows_it(shelves: Shop) -> None:
    await shelves.hear(rated("red", 8, 25, 2))

    assert (await shelves.search("red mug"))["data"][0]["rating"] == {"votes": 8, "mean": "3.13"}


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


async def test_pins_stand_at_their_places_on_every_page(shop: Shop) -> None:
    for number in range(7):
        await shop.sell(f"m{number}", "Mug", price=1000 + number)
    for name in ("first", "third", "other", "ninth"):
        await shop.sell(name, "Pan", path=("kitchen", "pans"))
    await shop.index()
    mugs = await shop.names("mug", limit=20)
    for name, position in (("ninth", 40), ("third", 3), ("other", 3), ("first", 1)):
        rule = {"product_id": f"prd_{name}", "action": "pin", "query": "mug", "position": position}
        await shop.ok("POST", "/rules", rule)
    pages, cursor = [], ""
    while not pages or cursor:
        page = await shop.search("mug", limit=3, **({"cursor": cursor} if cursor else {}))
        pages.append([hit["slug"] for hit in page["data"]])
        cursor = page["next_cursor"]

    assert page["total"] == 11
    assert [len(each) for each in pages] == [3, 3, 3, 2]
    assert list(chain(*pages)) == ["first", mugs[0], "third", "other", *mugs[1:], "ninth"]
    assert [len(await shop.names("mug", limit=limit)) for limit in (1, 2, 10, 11, 20)] == [1, 2, 10, 11, 11]


async def test_a_pin_that_is_all_there_is_needs_no_partial_matches(shelves: Shop) -> None:
    await shelves.ok("POST", "/rules", {"product_id": "prd_pan", "action": "pin", "query": "red pan"})
    found = await shelves.search("red pan", explain="true")

    assert [hit["slug"] for hit in found["data"]] == ["pan"]
    assert (found["total"], found["relaxed"]) == (1, False)
    assert found["data"][0]["explanation"]["pinned"]


async def test_facets_count_what_is_pinned(shelves: Shop) -> None:
    await shelves.ok("POST", "/rules", {"product_id": "prd_pan", "action": "pin", "query": "mug"})
    facets = (await shelves.search("mug", brand="Ton"))["facets"]

    assert counts(facets["brand"]) == {"Ton": 3, "Glas": 1}
    assert counts(facets["category"]) == {"kitchen": 3, "mugs": 2, "pans": 1}
    assert len((await shelves.search("mug", brand="Ton"))["data"]) == 3
    assert counts((await shelves.search("mug", sort="price"))["facets"]["category"]) == {"kitchen": 3, "mugs": 3}


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


async def test_a_page_costs_two_statements_whatever_it_holds(shelves: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is read again every half second is read the first time here.
    monkeypatch.setattr(rulebook, "FRESH_SECONDS", 600.0)
    monkeypatch.setattr(searching, "NAMES_FRESH_SECONDS", 600.0)
    await shelves.search("mug")
    with statements(at_most=3):
        await shelves.search("mug")
    with statements(at_most=1):
        await shelves.search("mug", facets="false")
