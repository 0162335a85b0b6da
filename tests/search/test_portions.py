"""What words find apart, added up, is what they find together."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from estore.kit.clock import utc_now
from estore.services.search.domain.text import understand
from estore.services.search.store.index import Folder, Found, Reader, Text, Wanted, Writer, facets, portions
from estore.services.search.store.index.filters import Filters
from estore.services.search.store.index.schema import Offered

NOBODY = 10**9
# No product has one of the first and one of the second: they are found apart
WORDS = ("mug", "kettle", "teapot"), ("lamp", "candle", "zzzz")


class Shelf:
    """An index of its own, without PostgreSQL."""

    def __init__(self, root: Path) -> None:
        self.folder, text = Folder(root), Text("english")
        generation = self.folder.begin()
        self._writer = Writer(generation, text)
        self._writer.commit()
        self.folder.swap(generation)
        self.reader = Reader(self.folder, text)

    def put(self, rows: Iterable[Offered]) -> None:
        self._writer.put(rows, utc_now())
        self._writer.commit()

    def search(self, query: str, **values: object) -> Found:
        return self.reader.search(Wanted(understand(query), **values))  # type: ignore[arg-type]

    def together(self, query: str, **values: object) -> Found:
        """Search as for an operator's rule, which has the words looked for together."""
        return self.search(query, pinned=((NOBODY, 1),), boosted=(NOBODY,), **values)


def offered(key: int, title: str, dice: random.Random, brand: str = "") -> Offered:
    price = dice.choice((500, 1500, 3000, 200_000))
    votes = dice.choice((0, 3, 20))
    return Offered(
        key=key,
        title=title,
        vendor_id=dice.choice(("vnd_a", "vnd_b")),
        brand=brand or dice.choice(("Ton", "Glas", None)),
        category_path=["home", dice.choice(("table", "light"))],
        attributes={"colour": dice.choice(("red", "blue")), "seats": str(dice.randint(1, 9))},
        description=dice.choice(("", "plain", "plain and good")),
        variants=[{"sku": f"S-{key}"}],
        published_at=None,
        votes=votes,
        stars=votes * dice.randint(1, 5),
        popularity=float(dice.randint(0, 3)),
        popular_at=None,
        lowest=price,
        highest=price * dice.choice((1, 4)),
        available=dice.randint(0, 2),
    )


@pytest.fixture
def dice() -> random.Random:
    return random.Random(5)


@pytest.fixture(params=[0, 10**6], ids=["kept", "found again"])
def shelf(
    tmp_path: Path, dice: random.Random, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Shelf:
    monkeypatch.setattr(portions, "MUCH", request.param)
    shelf = Shelf(tmp_path)
    kinds = [words[:-1] if "zzzz" in words else words for words in WORDS]
    # In several segments, with many that score the same
    for piece in range(3):
        titles = [" ".join(dice.sample(dice.choice(kinds), 2)) for _ in range(60)]
        shelf.put(offered(piece * 100 + at, title, dice) for at, title in enumerate(titles))
    return shelf


def test_words_that_no_product_has_together_find_apart_what_they_find_together(shelf: Shelf) -> None:
    queries = [f"{first} {second} " for first, second in itertools.product(*WORDS)]
    found = {query: shelf.search(query, limit=25) for query in queries}

    assert found == {query: shelf.together(query, limit=25) for query in queries}
    assert [each.relaxed for each in found.values()] == [True] * len(queries)
    assert found["mug lamp "].total > 25


def test_many_words_and_one_find_the_same_apart(shelf: Shelf) -> None:
    queries = ["mug kettle lamp ", "mug lamp zzzz ", "mug ", "mugs", "mgu lamp ", 'lamp "kettle mug" ', "lamp teap"]
    # So many that halving says how many of them to look for
    queries += ["mug lamp zzzz yyyy xxxx ", "mug kettle lamp zzzz yyyy xxxx "]
    found = {query: shelf.search(query) for query in queries}

    assert found == {query: shelf.together(query) for query in queries}
    assert all(each.total for each in found.values())


def test_two_words_that_mean_one_lift_what_has_them_side_by_side(shelf: Shelf) -> None:
    means = {("kettle", "mug"): [("lamp",)]}

    assert shelf.search("kettle mug ", synonyms=means) == shelf.together("kettle mug ", synonyms=means)


def test_the_second_page_goes_on_where_the_first_one_ends(shelf: Shelf) -> None:
    whole = shelf.search("mug lamp ", limit=60)
    pages = [shelf.search("mug lamp ", limit=20, offset=offset) for offset in (0, 20, 40)]

    assert [key for page in pages for key in page.keys] == whole.keys
    assert [page.facets for page in pages] == [whole.facets] * 3


def test_filters_and_other_orders_look_for_words_together(shelf: Shelf) -> None:
    for values in ({"filters": Filters(brand=("Ton",))}, {"sort": "price"}, {"sort": "newest", "limit": 100}):
        assert shelf.search("mug lamp ", **values) == shelf.together("mug lamp ", **values)


def test_what_words_find_is_found_anew_after_a_commit(shelf: Shelf, dice: random.Random) -> None:
    before = shelf.search("mug lamp ")
    shelf.put([offered(900, "lamp", dice, brand="Neu")])
    after = shelf.search("mug lamp ")

    assert (after.total, after.facets["brand"]["Neu"]) == (before.total + 1, 1)


def test_no_more_values_are_shown_than_of_one_word(shelf: Shelf, dice: random.Random) -> None:
    for word in ("mug", "lamp"):
        shelf.put(offered(len(word) * 1000 + at, word, dice, brand=f"{word}{at % 40}") for at in range(80))

    assert len(shelf.search("mug lamp ").facets["brand"]) == facets.FACET_VALUES


def test_of_more_values_than_are_kept_the_most_frequent_are_shown(shelf: Shelf, dice: random.Random) -> None:
    # More brands than one word keeps; the most frequent one of both words is no frequent one of either
    many = facets.SPARE * facets.FACET_VALUES + 50
    shelf.put(offered(1000 + at, "mug", dice, brand=f"b{at % many}") for at in range(2 * many))
    shelf.put(offered(9000 + at, "lamp", dice, brand=f"c{at % many}") for at in range(2 * many))
    shelf.put([offered(20_000, "mug", dice, brand="both"), offered(20_001, "mug", dice, brand="both")])
    shelf.put([offered(20_002, "lamp", dice, brand="both"), offered(20_003, "lamp", dice, brand="both")])
    brands = shelf.search("mug lamp ").facets["brand"]

    assert (len(brands), brands["both"]) == (facets.FACET_VALUES, 4)


def test_words_of_products_that_differ_in_all_that_they_have_are_known_to_be_apart(
    tmp_path: Path, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portions, "MUCH", 0)
    shelf = Shelf(tmp_path)
    kept = shelf.reader._portions
    for at, (word, same) in enumerate([("mug", {}), ("lamp", {"category_path": ["light"]}), ("vase", {"brand": None})]):
        rows = [offered(at * 100 + n, word, dice, brand="Ton") for n in range(9)]
        shelf.put(row._replace(**{"category_path": ["home"], "vendor_id": "vnd_a", **same}) for row in rows)
    seen = []
    proves = kept.are_apart
    monkeypatch.setattr(kept, "are_apart", lambda apart: seen.append(proves(apart)) or seen[-1])
    for query in ("mug ", "lamp ", "vase "):
        shelf.search(query)
    seen.clear()
    found = {query: shelf.search(query) for query in ("mug lamp ", "mug vase ", "lamp vase ", "mug lamp vase ")}

    assert seen == [True, True, True, True]
    assert found == {query: shelf.together(query) for query in found}
    assert [each.total for each in found.values()] == [18, 18, 18, 27]


def test_words_that_may_be_of_one_product_are_not_taken_to_be_apart(
    tmp_path: Path, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portions, "MUCH", 0)
    shelf = Shelf(tmp_path)
    # Brands of both differ as far as there are any: what has none may be the same product
    rows = [offered(at, word, dice, brand="x") for at, word in enumerate(("mug", "mug", "lamp", "lamp", "mug lamp"))]
    brands = ("Ton", "Ton", "Glas", "Glas", None)
    same = {"category_path": ["home"], "vendor_id": "vnd_a"}
    shelf.put(row._replace(brand=brand, **same) for row, brand in zip(rows, brands, strict=True))
    for query in ("mug ", "lamp "):
        shelf.search(query)
    found = shelf.search("mug lamp ")

    assert (found.keys, found.relaxed) == ([4], False)
