"""Counting what else could be chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from tantivy import Query, Searcher

from estore.services.search.domain import ranking
from estore.services.search.store.index.filters import FIELDS, narrowed

FACET_VALUES = 50
ATTRIBUTE_VALUES = 400
# Counting attributes takes as long as all other facets together: of so many products, they are counted side by side
MANY = 10_000
_AGGREGATIONS: dict[str, Any] = {
    **{kind: {"terms": {"field": field, "size": FACET_VALUES}} for kind, field in FIELDS.items()},
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
    "attr": {"terms": {"field": "attr", "size": ATTRIBUTE_VALUES}},
}
Counts = dict[str, dict[str, int]]


class Counting:
    """Counts facets, with one thread beside those that search."""

    def __init__(self) -> None:
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="search-facets")

    def facets(self, searcher: Searcher, text: Query, parts: Mapping[str, Query], total: int) -> Counts:
        """Count what of `total` products else could be chosen: a facet's own choice does not narrow its counts.

        parts: the filters that are set, by facet. Returns kind -> value -> how many.
        """
        out: Counts = {}
        open_kinds = [kind for kind in _AGGREGATIONS if kind not in parts]
        found = self._count(searcher, narrowed(text, parts), open_kinds, total)
        for kind in open_kinds:
            _take(out, kind, found[kind], lambda name: f"attr.{name}" not in parts)
        for kind in parts:
            own = kind.partition(".")[0]
            result = searcher.aggregate(narrowed(text, parts, kind), {own: _AGGREGATIONS[own]})
            _take(out, own, result[own], partial(_is_about, kind))
        return out

    def _count(self, searcher: Searcher, query: Query, kinds: list[str], total: int) -> dict[str, Any]:
        def count(some: list[str]) -> dict[str, Any]:
            return searcher.aggregate(query, {kind: _AGGREGATIONS[kind] for kind in some})

        if total < MANY or "attr" not in kinds:
            return count(kinds)
        attributes = self._beside.submit(count, ["attr"])
        return count([kind for kind in kinds if kind != "attr"]) | attributes.result()


def _is_about(kind: str, name: str) -> bool:
    return kind == f"attr.{name}"


def _take(out: Counts, kind: str, result: Any, wanted: Callable[[str], bool]) -> None:
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
