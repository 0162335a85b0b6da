"""Reading the index: any number of processes, each with its own few threads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any, NamedTuple

import tantivy
from tantivy import DocAddress, FieldType, Order, Query, Searcher

from estore.services.search.domain import ranking
from estore.services.search.domain.errors import IndexMissing
from estore.services.search.domain.text import Asked
from estore.services.search.store.index.folder import Folder
from estore.services.search.store.index.matching import MUST, NOT, SHOULD, Matching, Synonyms, any_of, every
from estore.services.search.store.index.schema import Text

FACET_VALUES = 50
ATTRIBUTE_VALUES = 400
# What is sorted by: field and direction; relevance is the text's score times the product's weight.
SORTS: Mapping[str, tuple[str, Order]] = {
    "price": ("price", Order.Asc),
    "-price": ("price", Order.Desc),
    "newest": ("published", Order.Desc),
    "rating": ("rating", Order.Desc),
}
_FIELDS = {"category": "category", "brand": "maker", "vendor": "vendor"}


class Filters(NamedTuple):
    """Values of one kind are alternatives. prices: minor units. stars: least mean rating, in hundredths.
    attributes: name -> values."""

    category: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    vendor: tuple[str, ...] = ()
    price_min: int | None = None
    price_max: int | None = None
    stars: int | None = None
    in_stock: bool | None = None
    attributes: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Wanted(NamedTuple):
    """What to look for. synonyms, pinned (keys, in their order), boosted, buried: the operator's.
    unreadable: something was typed, but nothing that can be looked for; nothing typed asks for everything."""

    asked: Asked = Asked(())
    filters: Filters = Filters()
    sort: str = "relevance"
    limit: int = 20
    offset: int = 0
    facets: bool = True
    synonyms: Synonyms = MappingProxyType({})
    pinned: tuple[int, ...] = ()
    boosted: tuple[int, ...] = ()
    buried: tuple[int, ...] = ()
    explain: bool = False
    unreadable: bool = False


class Found(NamedTuple):
    """keys: of the products, best first, the pinned ones apart. explained: of each key, how its text's score
    came to be. facets: kind -> value -> how many."""

    keys: list[int]
    pinned: list[int]
    scores: list[float]
    total: int
    relaxed: bool
    facets: dict[str, dict[str, int]]
    explained: list[Any]


class _Page(NamedTuple):
    keys: list[int]
    scores: list[float]
    addresses: list[DocAddress]
    total: int


class Reader:
    """Reads the generation that answers now; looks at every search whether there is a newer one, or a newer commit."""

    def __init__(self, folder: Folder, text: Text) -> None:
        self._folder = folder
        self._text = text
        self._lock = Lock()
        self._index: tantivy.Index | None = None
        self._seen: tuple[str, int, int] = ("", 0, 0)

    def searcher(self) -> Searcher:
        """Return a view of the last commit. Raises IndexMissing before there is one."""
        for _ in range(3):
            generation = self._folder.current()
            if generation is None:
                break
            try:
                with self._lock:
                    return self._fresh(generation).searcher()
            except (OSError, ValueError):
                # Swapped and removed between our looks
                self._seen = ("", 0, 0)
        raise IndexMissing()

    def _fresh(self, generation: Path) -> tantivy.Index:
        meta = os.stat(generation / "meta.json")  # noqa: PTH116 - asked at every search
        seen = (str(generation), meta.st_ino, meta.st_mtime_ns)
        if self._index is None or seen[0] != self._seen[0]:
            index = tantivy.Index.open(str(generation))
            index.config_reader("manual")
            self._text.register(index)
            index.reload()
            self._index = index
        elif seen != self._seen:
            self._index.reload()
        self._seen = seen
        return self._index

    def count(self) -> int:
        return self.searcher().num_docs

    # --- searching --------------------------------------------------------------------------------------------------

    def search(self, wanted: Wanted) -> Found:
        """Return a page of what fits. Blocks: call it in a thread."""
        searcher = self.searcher()
        pinned: list[int] = []
        if wanted.pinned and wanted.sort == "relevance":
            filtered = self._filtered(self._keys(wanted.pinned), wanted.filters)
            there = set(self._page(searcher, filtered, "relevance", len(wanted.pinned), 0).keys)
            pinned = [key for key in wanted.pinned if key in there]
        text, ranked, relaxed, page = Query.empty_query(), Query.empty_query(), False, _Page([], [], [], 0)
        for text, relaxed in self._attempts(searcher, wanted):  # noqa: B007 - the last one is what was found
            ranked = self._filtered(text, wanted.filters)
            if pinned:
                ranked = Query.boolean_query([(MUST, ranked), (NOT, self._keys(pinned))])
            if wanted.sort == "relevance":
                ranked = self._favoured(ranked, wanted.boosted, wanted.buried)
            page = self._page(searcher, ranked, wanted.sort, wanted.limit, wanted.offset)
            if page.total:
                break
        total = page.total + len(pinned)
        facets = self._facets(searcher, text, wanted.filters) if wanted.facets and total else {}
        why = [json.loads(ranked.explain(searcher, at).to_json()) for at in page.addresses] if wanted.explain else []
        return Found(page.keys, pinned, page.scores, total, relaxed and page.total > 0, facets, why)

    def _attempts(self, searcher: Searcher, wanted: Wanted) -> Iterator[tuple[Query, bool]]:
        """Yield queries for the words, from strict to lenient, and whether only a part of the words has to be there."""
        asked = wanted.asked
        if not asked.words and not asked.phrases:
            yield Query.empty_query() if wanted.unreadable else Query.all_query(), False
            return
        matching = Matching(self._text, searcher, wanted.synonyms)
        code = matching.code(asked.code) if asked.code else None
        clauses: list[Query] = []
        for guess in (False, True):
            clauses = matching.all_of(asked, guess=guess)
            yield self._lifted(every(clauses), matching.side_by_side(asked), code), False
        for size in range(len(clauses) - 1, 0, -1):
            yield any_of(clauses, size), True

    def _lifted(self, base: Query, lift: Query | None, code: Query | None) -> Query:
        if lift is not None:
            base = Query.boolean_query([(MUST, base), (SHOULD, lift)])
        return base if code is None else any_of([code, base])

    def _favoured(self, query: Query, boosted: Sequence[int], buried: Sequence[int]) -> Query:
        """Multiply the score of the products that the operator boosts or buries."""
        special = [(boosted, ranking.BOOST), (buried, ranking.BURY)]
        parts = [
            Query.boost_query(Query.boolean_query([(MUST, query), (MUST, self._keys(keys))]), factor)
            for keys, factor in special
            if keys
        ]
        if not parts:
            return query
        rest = Query.boolean_query([(MUST, query), (NOT, self._keys([*boosted, *buried]))])
        return any_of([rest, *parts])

    def _keys(self, keys: Sequence[int]) -> Query:
        return Query.const_score_query(Query.term_set_query(self._text.schema, "key", list(keys)), 0.0)

    def _page(self, searcher: Searcher, query: Query, sort: str, limit: int, offset: int) -> _Page:
        if (order := SORTS.get(sort)) is not None:
            result = searcher.search(query, limit, True, order[0], offset, order[1])
        else:
            result = searcher.search(query, limit, True, offset=offset, weight_by_field="weight")
        addresses = [address for _, address in result.hits]
        keys = [int(key or 0) for key in searcher.fast_field_values("key", addresses)]
        # The binding's stub does not know the count
        return _Page(keys, [float(score) for score, _ in result.hits], addresses, int(result.count))  # type: ignore[attr-defined]

    # --- filters and facets -----------------------------------------------------------------------------------------

    def _filters(self, filters: Filters) -> dict[str, Query]:
        """Return the filters that are set, by the facet that they belong to."""
        found: dict[str, Query] = {}
        for kind, field in _FIELDS.items():
            if values := getattr(filters, kind):
                found[kind] = self._one_of(field, values)
        for name, values in filters.attributes.items():
            found[f"attr.{name}"] = self._one_of("attr", [f"{name}={value}" for value in values])
        prices = []
        if filters.price_min is not None:
            prices.append(self._range("price_top", filters.price_min, None))
        if filters.price_max is not None:
            prices.append(self._range("price", None, filters.price_max))
        if prices:
            found["price"] = every(prices)
        if filters.stars is not None:
            found["rating"] = self._range("stars", filters.stars, None)
        if filters.in_stock is not None:
            found["in_stock"] = Query.term_query(self._text.schema, "in_stock", int(filters.in_stock))
        return found

    def _filtered(self, query: Query, filters: Filters, but: str = "") -> Query:
        parts = [part for kind, part in self._filters(filters).items() if kind != but]
        silent = [(MUST, Query.const_score_query(part, 0.0)) for part in parts]
        return Query.boolean_query([(MUST, query), *silent]) if silent else query

    def _one_of(self, field: str, values: Sequence[str]) -> Query:
        return any_of([Query.term_query(self._text.schema, field, value, "basic") for value in values])

    def _range(self, field: str, low: int | None, high: int | None) -> Query:
        return Query.range_query(self._text.schema, field, FieldType.Unsigned, low, high)

    def _facets(self, searcher: Searcher, text: Query, filters: Filters) -> dict[str, dict[str, int]]:
        """Count what else could be chosen: a facet's own choice does not narrow its counts."""
        chosen = self._filters(filters)
        out: dict[str, dict[str, int]] = {}
        open_kinds = [kind for kind in _AGGREGATIONS if kind not in chosen]
        found = searcher.aggregate(self._filtered(text, filters), {kind: _AGGREGATIONS[kind] for kind in open_kinds})
        for kind in open_kinds:
            _take(out, kind, found[kind], lambda name: f"attr.{name}" not in chosen)
        for kind in chosen:
            own = kind.partition(".")[0]
            result = searcher.aggregate(self._filtered(text, filters, kind), {own: _AGGREGATIONS[own]})
            _take(out, own, result[own], partial(_is_about, kind))
        return out

    # --- others -----------------------------------------------------------------------------------------------------

    def categories(self) -> dict[str, int]:
        """Return the slugs of the categories in which there is something, with how many."""
        found = self.searcher().aggregate(Query.all_query(), {"c": {"terms": {"field": "category", "size": 2000}}})
        return {bucket["key"]: bucket["doc_count"] for bucket in found["c"]["buckets"]}

    def starting(self, words: Sequence[str], limit: int, synonyms: Synonyms) -> list[int]:
        """Return products whose words begin like the last of `words` and have the others."""
        searcher = self.searcher()
        matching = Matching(self._text, searcher, synonyms)
        clauses = matching.all_of(Asked(tuple(words[:-1])))
        last = matching.starting(words[-1])
        if last is None:
            clauses += matching.all_of(Asked((words[-1],), typing=True))
        else:
            clauses.append(last)
        return self._page(searcher, every(clauses), "relevance", limit, 0).keys

    def like(self, title: Sequence[str], categories: Sequence[str], but: int, limit: int) -> list[int]:
        """Return products of the same category, those with most words of `title` first; of the one above where there
        are few."""
        searcher = self.searcher()
        matching = Matching(self._text, searcher, {})
        words = [(SHOULD, query) for query in (matching.phrase([word]) for word in title)]
        found: list[int] = []
        for category in reversed(categories):
            within = Query.const_score_query(self._one_of("category", [category]), 0.1)
            query = Query.boolean_query([(MUST, within), *words, (NOT, self._keys([but, *found]))])
            found += self._page(searcher, query, "relevance", limit - len(found), 0).keys
            if len(found) >= limit:
                break
        return found


_AGGREGATIONS: dict[str, Any] = {
    **{kind: {"terms": {"field": field, "size": FACET_VALUES}} for kind, field in _FIELDS.items()},
    "attr": {"terms": {"field": "attr", "size": ATTRIBUTE_VALUES}},
    "in_stock": {"terms": {"field": "in_stock", "size": 2}},
    "price": {
        "range": {
            "field": "price",
            "ranges": [
                {"from": float(low)} | ({} if high is None else {"to": float(high)})
                for low, high in zip(ranking.PRICE_STEPS, [*ranking.PRICE_STEPS[1:], None], strict=True)
            ],
        }
    },
    "rating": {
        "range": {
            "field": "stars",
            "ranges": [{"from": low * 100.0, "to": high * 100.0} for low, high in ((1, 2), (2, 3), (3, 4), (4, 6))],
        }
    },
}


def _is_about(kind: str, name: str) -> bool:
    return kind == f"attr.{name}"


def _take(out: dict[str, dict[str, int]], kind: str, result: Any, wanted: Callable[[str], bool]) -> None:
    """Put the buckets of one aggregation into `out`; those of attributes under `attr.<name>`."""
    for bucket in result["buckets"]:
        count, key = bucket["doc_count"], bucket["key"]
        if not count:
            continue
        if kind == "attr":
            name, _, value = str(key).partition("=")
            if wanted(name):
                out.setdefault(f"attr.{name}", {})[value] = count
        elif kind == "price":
            out.setdefault(kind, {})[str(int(bucket.get("from", 0)))] = count
        elif kind == "rating":
            # So many stars or more
            for least in range(1, int(bucket.get("from", 0)) // 100 + 1):
                counts = out.setdefault(kind, {})
                counts[str(least)] = counts.get(str(least), 0) + count
        elif kind == "in_stock":
            out.setdefault(kind, {})["true" if int(key) else "false"] = count
        else:
            out.setdefault(kind, {})[str(key)] = count
