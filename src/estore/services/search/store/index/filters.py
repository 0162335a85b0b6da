"""Filters as queries: values of one kind are alternatives, kinds add up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tantivy import FieldType, Query, Schema

from estore.services.search.domain.numbers import digits_between
from estore.services.search.store.index.matching import MUST, any_of, every
from estore.services.search.store.index.schema import MAX_VALUE

FIELDS = {"category": "category", "brand": "maker", "vendor": "vendor"}


class Span(NamedTuple):
    """Numbers from `low` to `high`, both included, as `numbers.sortable` writes them."""

    low: str
    high: str


class Filters(NamedTuple):
    """Values of one kind are alternatives. prices: minor units. stars: least mean rating, in hundredths.
    attributes: name -> values, or spans of numbers."""

    category: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    vendor: tuple[str, ...] = ()
    price_min: int | None = None
    price_max: int | None = None
    stars: int | None = None
    in_stock: bool | None = None
    attributes: Mapping[str, tuple[str | Span, ...]] = MappingProxyType({})

    @property
    def has_spans(self) -> bool:
        return any(isinstance(value, Span) for values in self.attributes.values() for value in values)


def picked(filters: Filters) -> dict[str, list[str]]:
    """Return the values that are chosen, as the index has them, by the facet that they belong to."""
    found = {kind: [value[:MAX_VALUE] for value in values] for kind in FIELDS if (values := getattr(filters, kind))}
    for name, values in filters.attributes.items():
        found[f"attr.{name}"] = [f"{name}={value[:MAX_VALUE]}" for value in values if not isinstance(value, Span)]
    return found


def chosen(schema: Schema, filters: Filters) -> dict[str, Query]:
    """Return the filters that are set, by the facet that they belong to."""
    found = {kind: one_of(schema, FIELDS.get(kind, "attr"), terms) for kind, terms in picked(filters).items()}
    for name, values in filters.attributes.items():
        if spans := [_span(schema, name, value) for value in values if isinstance(value, Span)]:
            found[f"attr.{name}"] = any_of([*spans, *([found[f"attr.{name}"]] if len(spans) < len(values) else [])])
    prices = []
    if filters.price_min is not None:
        prices.append(_range(schema, "price_top", filters.price_min, None))
    if filters.price_max is not None:
        prices.append(_range(schema, "price", None, filters.price_max))
    if prices:
        found["price"] = every(prices)
    if filters.stars is not None:
        found["rating"] = _range(schema, "stars", filters.stars, None)
    if filters.in_stock is not None:
        found["in_stock"] = Query.term_query(schema, "in_stock", int(filters.in_stock))
    return found


def narrowed(query: Query, parts: Mapping[str, Query], but: str = "") -> Query:
    """Return `query` within all of `parts`, those of the facet `but` excepted; the score stays that of `query`."""
    silent = [(MUST, Query.const_score_query(part, 0.0)) for kind, part in parts.items() if kind != but]
    return Query.boolean_query([(MUST, query), *silent]) if silent else query


def one_of(schema: Schema, field: str, values: Sequence[str]) -> Query:
    """Return what finds products with any of `values`."""
    return any_of([Query.term_query(schema, field, value, "basic") for value in values])


def _span(schema: Schema, name: str, span: Span) -> Query:
    """Return what finds products with a number in `span`, by the digits that it is indexed with."""
    return Query.regex_query(schema, "number", f"{re.escape(name)}={digits_between(*span)}")


def _range(schema: Schema, field: str, low: int | None, high: int | None) -> Query:
    return Query.range_query(schema, field, FieldType.Unsigned, low, high)
