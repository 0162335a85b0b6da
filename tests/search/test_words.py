"""What is typed finds what is meant."""

from __future__ import annotations

import pytest

from search.factories import Shop

MEANT = {
    "stoneware mug": ["mug"],
    "MUG": ["mug", "cup", "tumbler"],
    "mugs": ["mug", "cup", "tumbler"],
    "tonwerk": ["mug"],
    "reson": ["headphones"],
    "cafe": ["cup"],
    "espresso-cup": ["cup"],
    "hedphones": ["headphones"],
    "haedphones": ["headphones"],
    "sfoa": ["sofa"],
    "head phones": ["headphones"],
    "portabledisk": ["disk"],
    "headph": ["headphones"],
    "wireless headp": ["headphones"],
    "500gb": ["disk"],
    "500 gigabytes": ["disk"],
    "0.5 tb": ["disk"],
    "27 inch": ["monitor"],
    '27"': ["monitor"],
    "27-inch monitor": ["monitor"],
    "0,5 l": ["tumbler"],
    "320ml mug": ["mug"],
    "black monitor": ["monitor"],
    "cup-01-red": ["cup"],
    "2000410700376": ["cup"],
    '"espresso cup"': ["cup"],
    "the sofa": ["sofa"],
    "zzzzzzzz": [],
    "*": [],
    "🎉": [],
}


@pytest.fixture
async def shelves(shop: Shop) -> Shop:
    await shop.sell("mug", "Speckled Stoneware Mug", brand="Tonwerk", attributes={"capacity_ml": "320"})
    await shop.sell("tumbler", "Glass Tumbler", description="Goes with any mug.", attributes={"capacity_ml": "500"})
    await shop.sell("sofa", "Velvet Sofa", path=("living", "sofas"), attributes={"seats": "3"})
    await shop.sell("headphones", "Wireless Headphones", path=("audio", "headphones"), brand="Réson")
    await shop.sell("disk", "Portable Disk 500 GB", path=("computing", "disks"))
    await shop.sell("monitor", '27" Monitor', path=("computing", "monitors"), options={"Colour": "Black"})
    await shop.sell("cup", "Café Espresso Cup", skus=("CUP-01-RED",), barcode="2000410700376")
    await shop.index()
    return shop


async def test_what_is_typed_finds_what_is_meant(shelves: Shop) -> None:
    found = {typed: await shelves.search(typed) for typed in MEANT}

    names = {typed: sorted(hit["slug"] for hit in answer["data"]) for typed, answer in found.items()}
    assert names == {typed: sorted(meant) for typed, meant in MEANT.items()}
    assert not any(answer["relaxed"] for answer in found.values())
    assert {typed: answer["total"] for typed, answer in found.items()} == {t: len(meant) for t, meant in MEANT.items()}


async def test_a_code_is_found_however_it_is_written(shop: Shop) -> None:
    await shop.sell("short", "Sofa", skus=("X1",))
    await shop.sell("low", "Chair", skus=("_top",))
    await shop.sell("book", "Novel", barcode="978-3-16 148410.0")
    await shop.sell("scanned", "Poem", barcode="4006381333931")
    await shop.index()
    typed = {
        "short": ("x1", " X1 ", '"X1"', "“x1”"),
        "low": ("_top", "_TOP"),
        "book": ("9783161484100", "978-3-16 148410.0", "978 3 16 1484100"),
        "scanned": ("4006381333931", "4 006381 333931", '"4006381-333931"'),
    }
    found = {name: [await shop.names(code) for code in codes] for name, codes in typed.items()}

    assert found == {name: [[name]] * len(codes) for name, codes in typed.items()}


async def test_whoever_calls_a_sku_a_mug_is_not_first_among_mugs(shelves: Shop) -> None:
    await shelves.sell("sly", "Sofa of a Sort", path=("living", "sofas"), skus=("MUG",))
    await shelves.index()
    names = await shelves.names("mug")

    assert (names[0], sorted(names)) == ("mug", ["cup", "mug", "sly", "tumbler"])


async def test_the_title_counts_more_than_the_description(shelves: Shop) -> None:
    assert (await shelves.names("mug"))[0] == "mug"


async def test_when_nothing_has_all_words_what_has_most_of_them_is_found_and_it_says_so(shelves: Shop) -> None:
    answer = await shelves.search("purple stoneware mug")

    assert answer["relaxed"]
    assert answer["data"][0]["slug"] == "mug"


async def test_when_nothing_has_a_phrase_what_has_its_words_is_found_and_it_says_so(shelves: Shop) -> None:
    found = {typed: await shelves.search(typed) for typed in ('"cup espresso"', '"the sofa cup" espresso', '"no such"')}

    names = {typed: [hit["slug"] for hit in answer["data"]] for typed, answer in found.items()}
    assert names == {'"cup espresso"': ["cup"], '"the sofa cup" espresso': ["cup"], '"no such"': []}
    assert [answer["relaxed"] for answer in found.values()] == [True, True, False]


async def test_another_number_or_unit_is_no_misspelling(shelves: Shop) -> None:
    typed = ("500 g", "400 gb", "500 mb", "24 inch", "32 inch", "1.5 l")
    found = [await shelves.names(each) for each in typed]

    assert found == [[]] * len(typed)


async def test_only_stop_words_are_looked_for_as_words(shelves: Shop) -> None:
    assert await shelves.names("the") == []
    assert await shelves.names("with") == ["tumbler"]


async def test_an_empty_query_shows_everything(shelves: Shop) -> None:
    assert (await shelves.search(" "))["total"] == 7


async def test_synonyms_are_the_operators(shelves: Shop) -> None:
    before = await shelves.names("couch")
    put = await shelves.operate("PUT", "/synonyms", {"groups": [["couch", "sofa"], ["ear cans", "headphones"]]})
    stale = await shelves.operate("PUT", "/synonyms", {"groups": []}, if_match='"v1"')
    same = {"groups": put.json()["groups"]}
    matched = [await shelves.operate("PUT", "/synonyms", same, if_match=tags) for tags in ("*", '"v1", "v3"')]

    assert (before, put.status_code, put.headers["etag"], stale.status_code) == ([], 200, '"v2"', 412)
    assert [answer.headers["etag"] for answer in matched] == ['"v3"', '"v4"']
    assert await shelves.names("couch") == ["sofa"]
    assert await shelves.names("ear cans") == ["headphones"]
    assert await shelves.names("velvet couch") == ["sofa"]
    assert (await shelves.ok("GET", "/synonyms"))["groups"][0] == ["couch", "sofa"]


async def test_stop_words_are_the_operators(shelves: Shop) -> None:
    await shelves.ok("PUT", "/stop-words", {"words": ["cheap"]})

    assert (await shelves.search("cheap velvet sofa"))["relaxed"] is False
    assert (await shelves.ok("GET", "/stop-words")) == {"words": ["cheap"], "version": 2}


@pytest.mark.parametrize(
    "body",
    [{"groups": [["sofa"]]}, {"groups": [["sofa", "Sofa!"]]}, {"groups": [["sofa", "!"]]}, {"words": []}, {}, []],
)
async def test_synonyms_that_say_nothing_are_refused(shop: Shop, body: object) -> None:
    answer = await shop.operate("PUT", "/synonyms", body)

    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_partial_matches_are_of_the_words_as_they_were_typed(shelves: Shop) -> None:
    await shelves.sell("hand", "Hand Cream")
    await shelves.sell("band", "Rubber Band")
    await shelves.index()
    answer = await shelves.search("band monitor")

    assert answer["relaxed"]
    assert sorted(hit["slug"] for hit in answer["data"]) == ["band", "monitor"]
