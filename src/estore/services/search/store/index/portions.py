"""Where no product has two of the words that were asked for, each of them finds a portion of the answer for itself.

Hits are merged and counts added up: what comes out is what all words find together. A portion is kept until the next
commit, for words come back, and pairs of them seldom do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

from tantivy import DocAddress, Query

from estore.services.search.store.index.kept import Kept

# Words whose portions are kept, those that were asked for last; counts are some 15 kB each.
PORTIONS = 1024
# From so many products on it costs more to find a portion again than to keep it.
MUCH = 2000
# Name of what is counted -> value, or lower bound, -> how many.
Tally = dict[str, dict[Any, int]]


class Page(NamedTuple):
    """Hits, best first. total: on all pages."""

    keys: list[int]
    scores: list[float]
    addresses: list[DocAddress]
    total: int


class Apart(NamedTuple):
    """Words of which no product has two, in a commit."""

    commit: Hashable
    words: Sequence[Query]


class Portions:
    """Keeps what single words find. Of use to several threads."""

    def __init__(self) -> None:
        self._pages = Kept(PORTIONS)
        self._counts = Kept(PORTIONS)

    def page(self, apart: Apart, limit: int, offset: int, find: Callable[[Query, int], Page]) -> Page:
        """Return a page of what the words find together. find: so many of the best of one of them."""
        most = offset + limit
        pages = [
            self._pages.get(
                (apart.commit, repr(word), most), partial(find, word, most), lambda page: page.total >= MUCH
            )
            for word in apart.words
        ]
        found = [row for page in pages for row in zip(page.scores, page.addresses, page.keys, strict=True)]
        # As tantivy does: what it read first comes first among equals
        found.sort(key=lambda row: (-row[0], row[1].segment_ord, row[1].doc))
        rows = found[offset:most]
        return Page(
            [key for _, _, key in rows],
            [score for score, _, _ in rows],
            [address for _, address, _ in rows],
            sum(page.total for page in pages),
        )

    def counts(self, apart: Apart, count: Callable[[Query], Mapping[str, Any]]) -> Tally | None:
        """Return what `count` counts of what the words find together.

        None where one of them has so many values that some were cut off: those may be frequent with another.
        """
        added: Tally = {}
        for word in apart.words:
            tally = self._counts.get((apart.commit, repr(word)), partial(_tally, count, word), _is_much)
            if tally is None:
                return None
            for name, counts in tally.items():
                sums = added.setdefault(name, {})
                for value, number in counts.items():
                    sums[value] = sums.get(value, 0) + number
        return added

    def are_apart(self, apart: Apart) -> bool:
        """Tell whether what is kept proves that no product has all of the words: of two of them it is known that their
        products differ in something that each product has."""
        kept = [self._counts.peek((apart.commit, repr(word))) for word in apart.words]
        tallies = [tally for tally in kept if tally is not None]
        return any(_differ(one, other) for one, other in combinations(tallies, 2))


def _is_much(tally: Tally | None) -> bool:
    return tally is None or sum(tally["in_stock"].values()) >= MUCH


def _differ(one: Tally, other: Tally) -> bool:
    """Tell whether no product is of both tallies. Each has a category and a vendor, but perhaps no brand."""
    if not one["category"].keys() & other["category"].keys() or not one["vendor"].keys() & other["vendor"].keys():
        return True
    branded = any(sum(tally["brand"].values()) == sum(tally["in_stock"].values()) for tally in (one, other))
    return branded and not one["brand"].keys() & other["brand"].keys()


def _tally(count: Callable[[Query], Mapping[str, Any]], word: Query) -> Tally | None:
    found = count(word)
    if any(each.get("sum_other_doc_count") for each in found.values()):
        return None
    return {name: {_value(bucket): bucket["doc_count"] for bucket in each["buckets"]} for name, each in found.items()}


def _value(bucket: Mapping[str, Any]) -> Any:
    if "from" in bucket or "to" in bucket:
        return bucket.get("from", 0)
    # Many words have the same values
    return sys.intern(key) if isinstance(key := bucket["key"], str) else key
