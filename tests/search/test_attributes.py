"""Facets and filters that categories declare."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from decimal import Decimal
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.catalog import Attribute, CategoryChanged, CategoryDeleted
from estore.kit.contract import Event
from estore.services.search.app import folder_of
from estore.services.search.domain import numbers
from estore.services.search.domain.errors import IndexMissing
from estore.services.search.domain.shelves import Shelf, Shelves, Trait
from estore.services.search.store.index import Reader, Text, Wanted
from estore.services.search.store.index.filters import Filters, Span
from search.factories import Shop, published
from search.test_filters import counts

ABOVE = {"mugs": "kitchen", "pans": "kitchen", "cups": "mugs"}


def category(slug: str, *attributes: Attribute, version: int = 1, **values: Any) -> CategoryChanged:
    parent = values.pop("parent", ABOVE.get(slug))
    return CategoryChanged(
        category_id=f"cat_{slug}",
        slug=values.pop("slug", slug),
        name=slug,
        parent_id=f"cat_{parent}" if parent else None,
        attributes=attributes,
        version=version,
    )


def text(code: str, **values: Any) -> Attribute:
    return Attribute(code=code, name=code.capitalize(), kind="text", **values)


def number(code: str, **values: Any) -> Attribute:
    return Attribute(code=code, name=code.capitalize(), kind="number", **values)


def boolean(code: str) -> Attribute:
    return Attribute(code=code, name=code.capitalize(), kind="boolean")


async def tell(shop: Shop, *events: Event) -> None:
    """Have search know categories at once, as it does after half a second."""
    await shop.world.deliver("search", *events)
    await shop.ok("PUT", "/synonyms", {"groups": []})


@pytest.fixture
async def shelves(shop: Shop) -> Shop:
    await tell(shop, category("kitchen", number("size_ml", unit="ml")), category("mugs", text("glaze")))
    await tell(shop, category("cups", boolean("handmade")), category("pans", text("coating"), text("secret")))
    for name, path, attributes in (
        ("oat", ("kitchen", "mugs"), {"size_ml": "320", "Glaze": "matt", "note": "a"}),
        ("moss", ("kitchen", "mugs"), {"size_ml": "80.5", "glaze": "shiny", "note": "b"}),
        ("dot", ("kitchen", "mugs", "cups"), {"size_ml": "1000", "handmade": "true", "glaze": "matt"}),
        ("wok", ("kitchen", "pans"), {"size_ml": "about 4 l", "coating": "none"}),
        ("rake", ("garden",), {"length": "150", "note": "a"}),
    ):
        await shop.sell(name, f"Nice {name}", attributes=attributes, path=path)
    await shop.index()
    return shop


async def facets(shop: Shop, q: str = "", **parameters: Any) -> dict[str, dict[str, int]]:
    found = (await shop.search(q, **parameters))["facets"]["attributes"]
    return {name: counts(values) for name, values in found.items()}


async def test_a_categorys_facets_are_what_it_and_those_around_it_declare(shelves: Shop) -> None:
    size = {"80.5": 1, "320": 1, "1000": 1}

    assert await facets(shelves, category="mugs") == {
        "size_ml": size,
        "glaze": {"matt": 2, "shiny": 1},
        "handmade": {"true": 1},
    }
    assert await facets(shelves, category="cups") == {
        "size_ml": {"1000": 1},
        "glaze": {"matt": 1},
        "handmade": {"true": 1},
    }
    assert await facets(shelves, category="pans") == {"size_ml": {"about 4 l": 1}, "coating": {"none": 1}}
    assert list((await facets(shelves, category="kitchen"))["size_ml"]) == ["80.5", "320", "1000", "about 4 l"]
    assert await facets(shelves, category=["pans", "cups"]) == {
        "size_ml": {"1000": 1, "about 4 l": 1},
        "glaze": {"matt": 1},
        "handmade": {"true": 1},
        "coating": {"none": 1},
    }


async def test_without_a_category_they_are_what_those_of_the_hits_declare_most_frequent_first(shelves: Shop) -> None:
    assert list(await facets(shelves))[:2] == ["size_ml", "glaze"]
    assert set(await facets(shelves)) == {"size_ml", "glaze", "coating", "handmade"}
    assert await facets(shelves, "wok") == {"size_ml": {"about 4 l": 1}, "coating": {"none": 1}}


async def test_where_nothing_is_declared_they_are_what_products_have(shelves: Shop) -> None:
    assert await facets(shelves, "rake") == {"length": {"150": 1}, "note": {"a": 1}}
    assert await facets(shelves, category="garden") == {"length": {"150": 1}, "note": {"a": 1}}
    assert await facets(shelves, category="nowhere") == {}


async def test_what_is_declared_is_counted_however_many_others_there_are(shelves: Shop) -> None:
    for key in range(14):
        note = {f"x{place}": str(key // 2) for place in range(58)} | ({"size_ml": "5"} if key == 0 else {})
        await shelves.sell(f"p{key}", "Nice", attributes=note, path=("kitchen", "mugs"))
    await shelves.index()

    assert (await facets(shelves, category="mugs"))["size_ml"]["5"] == 1


async def test_a_facet_says_what_was_declared_of_it(shelves: Shop) -> None:
    declared = (await shelves.search(category="cups"))["facets"]["declared"]

    assert declared == {
        "size_ml": {"name": "Size_ml", "kind": "number", "unit": "ml"},
        "glaze": {"name": "Glaze", "kind": "text", "unit": None},
        "handmade": {"name": "Handmade", "kind": "boolean", "unit": None},
    }
    assert (await shelves.search("rake"))["facets"]["declared"] == {}


async def test_what_is_not_filterable_is_no_facet(shelves: Shop) -> None:
    await tell(shelves, category("mugs", text("glaze", filterable=False), version=2))

    assert list(await facets(shelves, category="mugs")) == ["size_ml", "handmade"]


async def test_numbers_are_filtered_by_ranges(shelves: Shop) -> None:
    async def names(*sizes: str, **more: Any) -> list[str]:
        return sorted(await shelves.names("", attr_size_ml=list(sizes), **more))

    assert await names("80.5..320") == ["moss", "oat"]
    assert await names("80.6..") == ["dot", "oat"]
    assert await names("..80.5", category="kitchen") == ["moss"]
    assert await names("-5..80") == []
    assert await names("..100", "1000.0") == ["dot", "moss"]
    assert await names("320..320") == ["oat"]
    assert await names("about 4 l") == ["wok"]


async def test_a_range_does_not_narrow_its_own_facet(shelves: Shop) -> None:
    found = await shelves.search(category="mugs", attr_size_ml="..100")

    assert [hit["slug"] for hit in found["data"]] == ["moss"]
    assert counts(found["facets"]["attributes"]["size_ml"]) == {"80.5": 1, "320": 1, "1000": 1}
    assert counts(found["facets"]["attributes"]["glaze"]) == {"shiny": 1}


@pytest.mark.parametrize("wrong", ["500..100", "..", "a..b", "1..2..3", "1...2", "1e3..", f"{10**15}.."])
async def test_a_range_that_is_none_is_refused(shelves: Shop, wrong: str) -> None:
    answer = await shelves.get("", **{"attr.size_ml": wrong})

    assert (answer.status_code, answer.json()["code"]) == (400, "search.filter_invalid")
    assert answer.json()["errors"][0]["parameter"] == "attr.size_ml"
    assert (await shelves.get("", **{"attr.note": wrong})).status_code == 200


# --- hearing of categories ----------------------------------------------------------------------------------


async def test_late_and_repeated_news_of_categories_change_nothing(shelves: Shop) -> None:
    heard = [category("mugs", text("glaze"), text("shape"), version=3), category("mugs", version=2)]
    await shelves.sell("tall", "Nice tall", attributes={"shape": "tall", "size_ml": "1"})
    await shelves.index()
    found = []
    for order in permutations([*heard, heard[0], category("mugs", text("glaze"))], 4):
        await shelves.world.fetch("search", "UPDATE category SET version = 1 WHERE slug = 'mugs' RETURNING slug")
        for event in order:
            await shelves.world.deliver("search", event)
        [row] = await shelves.world.fetch("search", "SELECT attributes, version FROM category WHERE slug = 'mugs'")
        found.append((row["version"], [one["code"] for one in row["attributes"]]))
    await shelves.ok("PUT", "/synonyms", {"groups": []})

    assert found == [(3, ["glaze", "shape"])] * 24
    assert "shape" in await facets(shelves, category="mugs")


async def test_a_category_that_is_gone_stays_gone_and_one_that_moves_inherits_anew(shelves: Shop) -> None:
    await tell(shelves, CategoryDeleted(category_id="cat_pans", slug="pans", version=3))
    await tell(shelves, category("pans", text("coating"), version=2))
    await tell(shelves, category("garden", text("note"), version=1))
    await tell(shelves, category("mugs", text("glaze"), parent="garden", version=2))
    rows = await shelves.world.fetch("search", "SELECT deleted FROM category WHERE slug = 'pans'")

    assert rows == [{"deleted": True}]
    assert list(await facets(shelves, category="mugs")) == ["glaze", "note", "handmade"]


async def test_consumers_that_hear_of_categories_at_once_lose_none(shop: Shop) -> None:
    await shop.search("mug")
    slugs = [f"c{n}" for n in range(12)]
    batches = [[category(slug, text(f"a{v}"), version=v) for slug in slugs] for v in (3, 1, 2)]
    await asyncio.gather(*(shop.world.deliver_batch("search", batch) for batch in batches))
    rows = await shop.world.fetch("search", "SELECT slug, version, attributes FROM category ORDER BY version")

    assert sorted(row["slug"] for row in rows) == sorted(slugs)
    assert {(row["version"], row["attributes"][0]["code"]) for row in rows} == {(3, "a3")}


async def test_another_process_learns_of_a_declaration_by_itself(shelves: Shop) -> None:
    await shelves.world.deliver("search", category("mugs", text("note"), version=2))

    async def shown() -> bool:
        return "note" in await facets(shelves, category="mugs")

    for _ in range(600):
        if await shown():
            break
        await asyncio.sleep(0.1)

    assert await shown()


# --- counts, one by one -------------------------------------------------------------------------------------

LEAVES = ("mugs", "cups", "pans")
PATHS = {"mugs": ("kitchen", "mugs"), "cups": ("kitchen", "mugs", "cups"), "pans": ("kitchen", "pans")}
CHOICES: dict[str, list[str]] = {
    "size_ml": ["80", "320", "1000", "80..320", "..500", "320.5.."],
    "glaze": ["matt", "shiny", "raw"],
    "handmade": ["true", "false"],
    "note": ["a", "b"],
}


def fits(attributes: dict[str, str], name: str, wanted: list[str]) -> bool:
    value = attributes.get(name)
    for one in wanted if value is not None else ():
        low, dots, high = one.partition("..")
        if not dots and one == value:
            return True
        size = Decimal(str(value)) if dots else Decimal(0)
        if dots and (not low or Decimal(low) <= size) and (not high or size <= Decimal(high)):
            return True
    return False


async def test_counts_are_those_of_counting_one_by_one(shop: Shop) -> None:
    await tell(shop, category("kitchen", number("size_ml")), category("mugs", text("glaze"), boolean("handmade")))
    await tell(shop, category("cups"), category("pans"))
    dice = random.Random(7)
    values = {"size_ml": ["80", "320", "320.5", "1000"]} | {k: v for k, v in CHOICES.items() if k != "size_ml"}
    stock = []
    for key in range(90):
        attributes = {name: dice.choice(of) for name, of in values.items() if dice.random() < 0.8}
        stock.append((dice.choice(LEAVES), attributes))
        made = published(f"p{key}", "Nice", attributes=attributes, path=PATHS[stock[-1][0]])
        await shop.world.deliver("search", made)
    await shop.index()
    for _ in range(40):
        within = dice.choice([None, "kitchen", "mugs", "cups", "pans"])
        wanted = {n: dice.sample(of, dice.randint(1, 2)) for n, of in CHOICES.items() if dice.random() < 0.4}
        there = [attributes for leaf, attributes in stock if within is None or within in PATHS[leaf]]
        # Without a category chosen, what the hits' categories declare: mugs' are among them where anything is found
        hits = [leaf for leaf, a in stock if all(fits(a, n, w) for n, w in wanted.items())]
        in_mugs = within in ("kitchen", "mugs", "cups") or (within is None and any("mugs" in PATHS[x] for x in hits))
        shown = ("size_ml", "glaze", "handmade") if in_mugs else ("size_ml",)
        meant = {}
        for name in shown:
            others = [a for a in there if all(fits(a, n, w) for n, w in wanted.items() if n != name)]
            if counted := Counter(a[name] for a in others if name in a):
                meant[name] = dict(counted)
        chosen = {f"attr_{name}": of for name, of in wanted.items()} | ({"category": within} if within else {})
        found = await shop.search("", **chosen, limit=1)
        right = [a for a in there if all(fits(a, n, w) for n, w in wanted.items())]

        assert found["total"] == len(right), (within, wanted)
        if right:
            got = {name: counts(of) for name, of in found["facets"]["attributes"].items()}
            assert got == meant, (within, wanted)


# --- an index of before -------------------------------------------------------------------------------------


async def test_an_index_of_before_answers_until_the_new_one_is_there(shelves: Shop) -> None:
    folder = folder_of(shelves.world.settings)
    current = folder.current()
    assert current is not None
    state = folder.state(current)
    assert state is not None
    folder.save(current, msgspec.structs.replace(state, schema=2))
    before = Reader(folder, Text("english"))
    span = Wanted(filters=Filters(attributes={"size_ml": (Span(numbers.LOWEST, numbers.HIGHEST),)}))
    plain = Wanted(filters=Filters(attributes={"size_ml": ("320",)}))

    assert before.search(plain).total == 1
    with pytest.raises(IndexMissing):
        before.search(span)
    await shelves.run("build-index")
    made = folder.current()
    assert made is not None and made != current
    assert before.search(span).total == 3


# --- the rules alone ----------------------------------------------------------------------------------------

NUMBERS = st.decimals(-(10**15) + 1, 10**15 - 1, places=6, allow_nan=False, allow_infinity=False)


@given(NUMBERS, NUMBERS)
def test_digits_sort_as_numbers_do(one: Decimal, other: Decimal) -> None:
    assert (numbers.sortable(one) < numbers.sortable(other)) == (one < other)
    assert len(numbers.sortable(one)) == numbers.DIGITS


@given(st.integers(0, 9999), st.integers(0, 9999), st.integers(0, 9999))
def test_a_pattern_of_digits_fits_what_lies_between(low: int, high: int, between: int) -> None:
    low, high = sorted((low, high))
    pattern = numbers.digits_between(f"{low:04d}", f"{high:04d}")

    for each in (low - 1, low, between, high, high + 1):
        if 0 <= each <= 9999:
            assert bool(re.fullmatch(pattern, f"{each:04d}")) == (low <= each <= high)


def test_a_tree_that_goes_in_circles_for_a_moment_ends_nobodys_search() -> None:
    trait = Trait("A", "text", None)
    shelves = Shelves(
        [Shelf("1", "a", "2", {"x": trait}), Shelf("2", "b", "1", {"y": trait}), Shelf("3", "c", "9", {})]
    )

    assert set(shelves.at(["a"])) == set(shelves.around(["b"])) == {"x", "y"}
    assert shelves.at(["c", "nowhere"]) == {}
