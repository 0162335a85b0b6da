"""Many words: answered as few are, without looking for each of them again and again."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from estore.kit.clock import utc_now
from estore.services.search.domain.text import MAX_WORDS, understand
from estore.services.search.store.index import Folder, Reader, Text, Wanted, Writer
from estore.services.search.store.index import reader as reading
from estore.services.search.store.index.filters import Filters
from estore.services.search.store.index.matching import Matching
from estore.services.search.store.index.schema import Offered

WORDS = [
    "amber",
    "birch",
    "cedar",
    "dune",
    "ember",
    "fjord",
    "grove",
    "heath",
    "inlet",
    "jetty",
    "knoll",
    "ledge",
    "marsh",
    "notch",
    "oasis",
    "pond",
]


def offered(key: int, title: str, brand: str) -> Offered:
    return Offered(
        key=key,
        title=title,
        vendor_id="vnd_a",
        brand=brand,
        category_path=["home"],
        attributes={},
        description="",
        variants=[],
        published_at=None,
        votes=0,
        stars=0,
        popularity=0.0,
        popular_at=None,
        lowest=100,
        highest=100,
        available=1,
    )


@pytest.fixture
def titles() -> list[set[str]]:
    dice = random.Random(3)
    return [set(dice.sample(WORDS, dice.randint(1, 6))) for _ in range(60)]


@pytest.fixture
def reader(tmp_path: Path, titles: list[set[str]]) -> Reader:
    folder, text = Folder(tmp_path), Text("english")
    generation = folder.begin()
    writer = Writer(generation, text)
    writer.put((offered(n, " ".join(t), ("Ton", "Glas")[n % 2]) for n, t in enumerate(titles)), utc_now())
    writer.commit()
    writer.close()
    folder.swap(generation)
    return Reader(folder, text)


@pytest.mark.parametrize("brand", [(), ("Ton",)], ids=["all", "one brand"])
def test_what_has_the_most_of_many_words_is_found(
    reader: Reader, titles: list[set[str]], brand: tuple[str, ...]
) -> None:
    dice = random.Random(4)
    queries = [dice.sample(WORDS, dice.randint(5, MAX_WORDS)) for _ in range(40)]
    shown = [title for n, title in enumerate(titles) if not brand or n % 2 == 0]
    found = [
        reader.search(Wanted(understand(" ".join(words) + " "), Filters(brand=brand), limit=100)) for words in queries
    ]

    most = [max(len(title & set(words)) for title in shown) for words in queries]
    meant = [sum(len(title & set(q)) == n for title in shown) for q, n in zip(queries, most, strict=True)]
    assert [each.total for each in found] == meant
    assert [each.relaxed for each in found] == [n < len(q) for q, n in zip(queries, most, strict=True)]


def test_how_many_of_many_words_there_are_is_found_by_halving(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    real = reading.any_of
    monkeypatch.setattr(reading, "any_of", lambda clauses, size=1: tried.append(size) or real(clauses, size))
    reader.search(Wanted(understand(" ".join(WORDS) + " "), facets=False))

    assert len(tried) <= 6


def test_words_that_nothing_is_near_are_looked_for_once(reader: Reader) -> None:
    junk = [chr(ord("a") + n) * 30 for n in range(MAX_WORDS - 1)]
    matching = Matching(Text("english"), reader.searcher(), {})
    clauses = [repr(clause) for clause in matching.all_of(understand(" ".join([*junk, "ambre"]) + " "))]

    assert ["Fuzzy" in clause for clause in clauses] == [False] * len(junk) + [True]
    assert reader.search(Wanted(understand(" ".join(junk)))).total == 0
