"""Counting what else could be chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tantivy import Query, Searcher

from estore.services.search.domain import ranking
from estore.services.search.store.index.filters import FIELDS, narrowed
from estore.services.search.store.index.portions import Apart, Portions

FACET_VALUES = 50
ATTRIBUTE_VALUES = 400
# Counting attributes takes as long as all other facets together: of so many products, they are counted side by side
MANY = 10_000
_PRICES: list[dict[str, float]] = [
    {"from": float(low)} | ({} if high is None else {"to": float(high)})
    for low, high in zip(ranking.PRICE_STEPS, [*ranking.PRICE_STEPS[1:], None], strict=True)
]
_STARS = [{"from": low * 100.0, "to": high * 100.0} for low, high in ((1, 2), (2, 3), (3, 4), (4, 6))]
# So many times the values that are shown are kept of a single word, to be added to those of another.
SPARE = 4
# Facet -> what is counted for it, by name
_AGGREGATIONS: dict[str, dict[str, Any]] = {
    **{kind: {kind: {"terms": {"field": field, "size": FACET_VALUES}}} for kind, field in FIELDS.items()},
    "in_stock": {"in_stock": {"terms": {"field": "in_stock", "size": 2}}},
    "price": {name: {"range": {"field": name, "ranges": _PRICES}} for name in ("price", "price_top")},
    "rating": {"rating": {"range": {"field": "stars", "ranges": _STARS}}},
    "attr": {"attr": {"terms": {"field": "attr", "size": ATTRIBUTE_VALUES}}},
}
_SIZES = {name: agg["terms"]["size"] for each in _AGGREGATIONS.values() for name, agg in each.items() if "terms" in agg}
Counts = dict[str, dict[str, int]]


class Counting:
    """Counts facets, with one thread beside those that search."""

    def __init__(self, portions: Portions) -> None:
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="search-facets")
        self._portions = portions

    def facets(
        self,
        searcher: Searcher,
        text: Query,
        parts: Mapping[str, Query],
        picked: Mapping[str, Sequence[str]],
        total: int,
        apart: Apart | None = None,
        named: Sequence[str] = (),
    ) -> Counts:
        """Count what of `total` products else could be chosen: a facet's own choice does not narrow its counts.

        parts: the filters that are set, by facet. picked: the terms that are chosen, by facet; they are counted however
        few products have them. apart: of what `text` consists, where no product has two of it. named: attributes that
        must be among those that are counted. Returns kind -> value -> how many.
        """
        out: Counts = {}
        open_kinds = [kind for kind in _AGGREGATIONS if kind not in parts]
        found = self._added(searcher, apart, total) if apart and not parts else None
        found = found or self._count(searcher, narrowed(text, parts), open_kinds, total)
        if named and found["attr"].get("sum_other_doc_count"):
            # Others that are more frequent pushed some of them out
            found |= searcher.aggregate(narrowed(text, parts), {"attr": _attributes(named)})
        for kind in open_kinds:
            _take(out, kind, found, but=[name for name in parts if name.startswith("attr.")])
        for kind in parts:
            own = kind.partition(".")[0]
            found = searcher.aggregate(narrowed(text, parts, kind), _of_one(kind, picked.get(kind, ())))
            _take(out, own, found)
            if "picked" in found:
                _take(out, own, {own: found["picked"]})
        return out

    def _added(self, searcher: Searcher, apart: Apart, total: int) -> dict[str, Any] | None:
        """Count what each word finds, and add it up; None where that cannot be done."""
        kinds = list(_AGGREGATIONS)
        tally = self._portions.counts(apart, lambda word: self._count(searcher, word, kinds, total, SPARE))
        return None if tally is None else {name: {"buckets": _most(name, counts)} for name, counts in tally.items()}

    def _count(
        self, searcher: Searcher, query: Query, kinds: Sequence[str], total: int, times: int = 1
    ) -> dict[str, Any]:
        def count(some: Sequence[str]) -> dict[str, Any]:
            aggregations = {name: agg for kind in some for name, agg in _AGGREGATIONS[kind].items()}
            return searcher.aggregate(query, {name: _sized(agg, times) for name, agg in aggregations.items()})

        if total < MANY or "attr" not in kinds:
            return count(kinds)
        attributes = self._beside.submit(count, ["attr"])
        return count([kind for kind in kinds if kind != "attr"]) | attributes.result()


def _sized(aggregation: dict[str, Any], times: int) -> dict[str, Any]:
    """Return an aggregation that gives so many times as many values."""
    if times == 1 or "terms" not in aggregation:
        return aggregation
    terms = aggregation["terms"]
    return {"terms": terms | {"size": terms["size"] * times}}


def _most(name: str, counts: Mapping[Any, int]) -> list[dict[str, Any]]:
    """Return buckets as tantivy does, the most frequent values first, but ranges in their order."""
    if name not in _SIZES:
        return [{"key": low, "from": low, "doc_count": count} for low, count in counts.items()]
    found = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[: _SIZES[name]]
    return [{"key": value, "doc_count": count} for value, count in found]


def _of_one(kind: str, picked: Sequence[str]) -> dict[str, Any]:
    """Return what is counted for a facet of which something is chosen: of an attribute, its own values only."""
    own, _, name = kind.partition(".")
    asked = dict(_AGGREGATIONS[own])
    if own == "attr":
        asked["attr"] = _attributes([name])
    if picked:
        field = FIELDS.get(own, "attr")
        asked["picked"] = {"terms": {"field": field, "size": len(picked), "include": list(picked)}}
    return asked


def _attributes(names: Sequence[str]) -> dict[str, Any]:
    """Return what is counted where only attributes `names` are looked at."""
    # Names are of letters, digits and underscores
    include = f"({'|'.join(names)})=(.|\n)*"
    return {"terms": {"field": "attr", "size": ATTRIBUTE_VALUES, "include": include}}


def _take(out: Counts, kind: str, found: Mapping[str, Any], but: Sequence[str] = ()) -> None:
    """Put what was counted for a facet into `out`; attributes under `attr.<name>`, those of `but` left out."""
    if kind == "price":
        _take_prices(out, _buckets(found["price"]), _buckets(found["price_top"]))
        return
    for bucket in found[kind]["buckets"]:
        count, key = bucket["doc_count"], bucket["key"]
        if not count:
            continue
        if kind == "attr":
            name, _, value = str(key).partition("=")
            # What has no name, or no value, cannot be asked for
            if name and value and f"attr.{name}" not in but:
                out.setdefault(f"attr.{name}", {})[value] = count
        elif kind == "rating":
            # So many stars or more
            for least in range(1, int(bucket.get("from", 0)) // 100 + 1):
                counts = out.setdefault(kind, {})
                counts[str(least)] = counts.get(str(least), 0) + count
        elif kind == "in_stock":
            out.setdefault(kind, {})["true" if int(key) else "false"] = count
        else:
            out.setdefault(kind, {})[str(key)] = count


def _buckets(result: Any) -> dict[int, int]:
    """Return lower bound -> how many. The lowest bucket names no bound."""
    return {int(bucket.get("from", 0)): bucket["doc_count"] for bucket in result["buckets"]}


def _take_prices(out: Counts, lowest: Mapping[int, int], highest: Mapping[int, int]) -> None:
    """Count, as the filter does, products of which some price may lie in a range: those whose lowest is not above it,
    but those whose highest is below it."""
    reached = passed = 0
    for low in ranking.PRICE_STEPS:
        reached += lowest.get(low, 0)
        if reached > passed:
            out.setdefault("price", {})[str(low)] = reached - passed
        passed += highest.get(low, 0)
