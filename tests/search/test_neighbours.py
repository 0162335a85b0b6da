"""Suggestions, related products, what is bought together, and statistics."""

from __future__ import annotations

from typing import Any

import pytest

from search.factories import Shop, archived, bought, published


@pytest.fixture
async def shelves(shop: Shop) -> Shop:
    await shop.sell("mug", "Stoneware Mug")
    await shop.sell("cup", "Stoneware Cup")
    await shop.sell("pan", "Iron Pan", path=("kitchen", "pans"))
    await shop.sell("sofa", "Velvet Sofa", path=("living", "sofas"))
    await shop.index()
    return shop


async def test_suggestions_while_somebody_types(shelves: Shop) -> None:
    for query, times in (("stone mug", 4), ("stoneware", 3), ("stones", 9), ("stonehenge", 2)):
        for _ in range(times):
            await shelves.search(query)
    await shelves.run("write-statistics")
    found = (await shelves.get("/suggest", q="Stone")).json()
    categories = (await shelves.get("/suggest", q="m")).json()["categories"]
    beside = [(await shelves.get("/suggest", q=typed)).json()["categories"] for typed in ("stone m", "mu mug")]

    assert sorted(p["slug"] for p in found["products"]) == ["cup", "mug"]
    assert found["queries"] == ["stone mug", "stoneware"]
    assert [(c["value"], c["count"]) for c in categories] == [("mugs", 2)]
    assert [[c["value"] for c in some] for some in beside] == [[], ["mugs"]]
    assert (await shelves.get("/suggest", q="")).json() == {"products": [], "categories": [], "queries": []}


async def test_sentences_of_which_only_a_part_was_found_are_not_put_before_others(shelves: Shop) -> None:
    for query in ("stoneware mug", "stoneware of this shop is stolen"):
        for _ in range(5):
            await shelves.search(query)
    await shelves.run("write-statistics")

    assert (await shelves.get("/suggest", q="stone")).json()["queries"] == ["stoneware mug"]


async def test_what_the_operator_takes_out_is_suggested_to_nobody(shelves: Shop) -> None:
    for query in ("stoneware mug", "stone mug", "stone", "stoneware"):
        for _ in range(3):
            await shelves.search(query)
    await shelves.run("write-statistics")
    put = await shelves.operate("PUT", "/unsuggested", {"queries": ["Stone, mug!", "stoneware"]})
    hidden = (await shelves.get("/suggest", q="stone")).json()["queries"]
    await shelves.operate("POST", "/index/rebuild")
    await shelves.index()
    rebuilt = (await shelves.get("/suggest", q="stone")).json()["queries"]
    stale = await shelves.operate("PUT", "/unsuggested", {"queries": []}, if_match='"v1"')
    await shelves.ok("PUT", "/unsuggested", {"queries": []})
    shown = (await shelves.get("/suggest", q="stone")).json()["queries"]

    assert (put.status_code, put.headers["etag"], put.json()["queries"]) == (200, '"v2"', ["Stone, mug!", "stoneware"])
    assert hidden == ["stone"]
    assert rebuilt == hidden
    assert stale.status_code == 412
    assert sorted(shown) == ["stone", "stone mug", "stoneware", "stoneware mug"]
    assert (await shelves.ok("GET", "/unsuggested")) == {"queries": [], "version": 3}


@pytest.mark.parametrize("queries", [["!"], [""], ["mug", " "], ["mug" * 40], ["mug"] * 1001, "mug", None])
async def test_what_cannot_be_suggested_cannot_be_taken_out(shelves: Shop, queries: Any) -> None:
    answer = await shelves.operate("PUT", "/unsuggested", {"queries": queries})

    assert answer.status_code in (400, 422)
    assert answer.json()["errors"][0]["pointer"].startswith("/queries")
    assert (await shelves.get("/unsuggested")).status_code == 401


async def test_related_products_are_of_the_same_category_first(shelves: Shop) -> None:
    found = (await shelves.get("/related/prd_mug", limit=2)).json()["data"]

    assert [hit["slug"] for hit in found] == ["cup", "pan"]
    assert (await shelves.get("/related/prd_nothing")).status_code == 404


async def test_what_is_bought_together(shelves: Shop) -> None:
    await shelves.hear(bought("mug", "sofa"), bought("mug", "sofa"), bought("mug", "pan"), bought("mug"))
    found = (await shelves.get("/bought-together/prd_mug")).json()["data"]
    await shelves.hear(archived("sofa", 2))
    later = (await shelves.get("/bought-together/mug")).json()["data"]

    assert [hit["slug"] for hit in found] == ["sofa", "pan"]
    assert [hit["slug"] for hit in later] == ["pan"]
    assert (await shelves.get("/bought-together/prd_pan")).json()["data"][0]["slug"] == "mug"


async def test_the_operator_sees_what_people_search_for(shelves: Shop) -> None:
    for query in ("mug", "MUG ", "unicorn", "iron unicorn", "ada@example.com", "mug"):
        await shelves.search(query)
    async with shelves.world.http("search") as guest:
        body = {"query": "Mug", "product_id": "prd_mug", "position": 1}
        clicks = [(await guest.post("/v1/search/clicks", json=body)).status_code for _ in range(2)]
        wrong = (await guest.post("/v1/search/clicks", json=body | {"position": 0})).status_code
        denied = (await guest.get("/v1/search/analytics")).status_code
    await shelves.run("write-statistics")
    top = (await shelves.ok("GET", "/analytics"))["data"]
    without = (await shelves.ok("GET", "/analytics?by=without_results"))["data"]

    assert (clicks, wrong, denied) == ([204, 204], 422, 401)
    assert top[0] == {
        "query": "mug",
        "searches": 3,
        "without_results": 0,
        "relaxed": 0,
        "clicks": 2,
        "click_through": 66,
    }
    assert [row["query"] for row in without] == ["unicorn"]
    assert [(row["query"], row["relaxed"]) for row in top[1:]] == [("iron unicorn", 1), ("unicorn", 0)]
    backwards = await shelves.operate("GET", "/analytics?from=2026-02-01&to=2026-01-01")
    assert backwards.status_code == 400


async def test_old_statistics_are_forgotten(shelves: Shop) -> None:
    await shelves.search("mug")
    await shelves.run("write-statistics")
    shelves.world.clock.advance(days=401)
    await shelves.run("forget-statistics")

    assert await shelves.world.fetch("search", "SELECT query FROM query_day UNION SELECT query FROM past_query") == []


async def test_the_whole_word_is_suggested_before_those_that_begin_so(shop: Shop) -> None:
    for name, title in (("pan", "Iron Pan"), ("pant", "Pantry Box"), ("pants", "Linen Pantry"), ("panini", "Panini")):
        await shop.sell(name, title)
    await shop.index()
    found = [product["slug"] for product in (await shop.get("/suggest", q="pan")).json()["products"]]

    assert found[0] == "pan"
    assert sorted(found) == ["pan", "panini", "pant", "pants"]


async def test_what_was_found_is_kept_until_the_next_commit_and_no_longer(shop: Shop) -> None:
    await shop.sell("mug", "Iron Mug")
    await shop.index()
    first = [(await shop.search("iron"))["total"] for _ in range(2)]
    await shop.hear(published("cup", "Iron Cup"))
    suggested = (await shop.get("/suggest", q="iro")).json()["products"]

    assert first == [1, 1]
    assert (await shop.search("iron"))["total"] == 2
    assert len(suggested) == 2
