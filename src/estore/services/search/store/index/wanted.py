"""What is asked of the index, and what it answers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from tantivy import Query

from estore.services.search.domain.text import Asked
from estore.services.search.store.index.filters import Filters
from estore.services.search.store.index.matching import Synonyms


class Wanted(NamedTuple):
    """What to look for. synonyms, pinned (key, position from 1 on, in order), boosted, buried: the operator's.
    unreadable: something was typed, but nothing that can be looked for; nothing typed asks for everything.
    words: the version of the synonyms: an answer is kept for those who ask the same with the same. named: attributes
    that are to be counted, however many others there are."""

    asked: Asked = Asked(())
    filters: Filters = Filters()
    sort: str = "relevance"
    limit: int = 20
    offset: int = 0
    facets: bool = True
    synonyms: Synonyms = MappingProxyType({})
    pinned: tuple[tuple[int, int], ...] = ()
    boosted: tuple[int, ...] = ()
    buried: tuple[int, ...] = ()
    explain: bool = False
    unreadable: bool = False
    words: int = 0
    named: tuple[str, ...] = ()

    def key(self) -> Hashable:
        """Return what an answer depends on, the index apart."""
        attributes = tuple(sorted(self.filters.attributes.items()))
        others = tuple(value for value in self[2:] if value is not self.synonyms)
        return self.asked, self.filters[:-1], attributes, others


class Attempt(NamedTuple):
    """A query for the words. relaxed: whether a part of them is enough. words: where one of them is enough, and no
    product has two. needed: where a product needs all of them. unlikely: whether most such attempts find nothing.
    unranked: what finds the same products as `text`, for less where nobody asks for scores."""

    text: Query
    relaxed: bool = False
    words: Sequence[Query] = ()
    needed: Sequence[Query] = ()
    unlikely: bool = False
    unranked: Query | None = None


class Found(NamedTuple):
    """keys: of the products, best first, the pinned ones where they are to stand. scores, explained: of each key, and
    how its text's score came to be; of pinned ones 0 and nothing. facets: kind -> value -> how many."""

    keys: list[int]
    pinned: frozenset[int]
    scores: list[float]
    total: int
    relaxed: bool
    facets: dict[str, dict[str, int]]
    explained: list[Any]
