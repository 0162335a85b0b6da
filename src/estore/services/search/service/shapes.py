"""What is asked and answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from estore.kit.money import Money

Sort = Literal["relevance", "price", "-price", "newest", "rating"]
Action = Literal["pin", "boost", "bury"]
Ranking = Literal["top", "without_results", "clicked"]
Word = Annotated[str, Meta(min_length=1, max_length=60)]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer looks for. Prices: minor units. rating: whole stars, at least. attributes: name -> values."""

    q: str = ""
    category: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    vendor: tuple[str, ...] = ()
    price_min: int | None = None
    price_max: int | None = None
    rating: int | None = None
    in_stock: bool | None = None
    attributes: Mapping[str, tuple[str, ...]] = {}
    sort: Sort = "relevance"
    facets: bool = True
    explain: bool = False
    limit: int = 20
    cursor: str | None = None


class PriceRange(msgspec.Struct, frozen=True):
    """The cheapest and the dearest variant."""

    min: Money
    max: Money


class VendorRef(msgspec.Struct, frozen=True):
    """slug, name: null until the vendor has been heard of."""

    id: str
    slug: str | None
    name: str | None


class Rating(msgspec.Struct, frozen=True):
    """votes: how many. mean: of one to five stars with two decimals, null without votes."""

    votes: int
    mean: str | None


class Explanation(msgspec.Struct, frozen=True):
    """Why a product stands where it does. score = text * weight. text_details: as tantivy explains it.

    pinned: the operator put it there. weight: of popularity (pieces sold, decayed), rating and stock.
    """

    score: float
    weight: float
    popularity: float
    rating: float
    in_stock: bool
    pinned: bool
    text_details: Any


class Hit(msgspec.Struct, frozen=True):
    """A product. category: its slug; category_path: slugs from the root down to it. available: pieces, about."""

    id: str
    slug: str
    title: str
    brand: str | None
    category: str
    category_path: list[str]
    vendor: VendorRef
    picture: str | None
    price: PriceRange
    available: int
    in_stock: bool
    rating: Rating
    explanation: Explanation | None = None


class FacetValue(msgspec.Struct, frozen=True):
    """value: what to filter by. name: to show, where it differs. count: products, were this chosen as well."""

    value: str
    count: int
    name: str | None = None


class PriceFacet(msgspec.Struct, frozen=True):
    """Products with prices from `min` to below `max` minor units (null: no upper end): what `price_min=<min>` and
    `price_max=<max - 1>` find. One with a cheap and a dear variant counts in several ranges."""

    min: int
    max: int | None
    count: int


class DeclaredAttribute(msgspec.Struct, frozen=True):
    """What a category says of an attribute. name, unit: to show. kind: `text`, `number` (in its order; also filtered by
    ranges such as `attr.<name>=100..500`) or `boolean`."""

    name: str
    kind: str
    unit: str | None


class Facets(msgspec.Struct, frozen=True):
    """What can be narrowed down. A facet's own choice does not narrow its counts, so more of it can be chosen.

    category: of all levels. rating: so many stars or more. attributes: name -> values, for `attr.<name>=`: what
    the chosen categories, or else those of what was found, declare as filterable, the most frequent first; whatever
    products have where none declares any. declared: what is said of them.
    """

    category: list[FacetValue]
    brand: list[FacetValue]
    vendor: list[FacetValue]
    price: list[PriceFacet]
    rating: list[FacetValue]
    in_stock: list[FacetValue]
    attributes: dict[str, list[FacetValue]]
    declared: dict[str, DeclaredAttribute] = {}


class SearchResult(msgspec.Struct, frozen=True):
    """A page of products. total: all that fit.

    relaxed: nothing has all the words, so these have the most of them. facets: null where they were not asked for.
    """

    data: list[Hit]
    next_cursor: str | None
    total: int
    relaxed: bool
    facets: Facets | None


class Suggest(msgspec.Struct, frozen=True):
    q: str
    limit: int = 5


class SuggestedProduct(msgspec.Struct, frozen=True):
    id: str
    slug: str
    title: str
    picture: str | None
    price: PriceRange


class Suggestions(msgspec.Struct, frozen=True):
    """What somebody who is typing may mean. categories: slugs with how many products they have.

    queries: what others searched for, and found."""

    products: list[SuggestedProduct]
    categories: list[FacetValue]
    queries: list[str]


class Neighbours(msgspec.Struct, frozen=True):
    product: str
    limit: int = 10


class HitList(msgspec.Struct, frozen=True):
    """Products, best first."""

    data: list[Hit]


class Click(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A result that somebody opened. position: its place, counted from 1."""

    query: Annotated[str, Meta(max_length=500)]
    product_id: Annotated[str, Meta(max_length=64)]
    position: Annotated[int, Meta(ge=1, le=100_000)]


class Synonyms(msgspec.Struct, frozen=True):
    """Groups of words that mean the same. Each may be of several words."""

    groups: list[list[str]]
    version: int


class PutSynonyms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Replaces all groups."""

    groups: Annotated[list[Annotated[list[Word], Meta(min_length=2, max_length=20)]], Meta(max_length=2000)]


class StopWords(msgspec.Struct, frozen=True):
    """Words that are not looked for, unless there are no others."""

    words: list[str]
    version: int


class PutStopWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Replaces all stop words."""

    words: Annotated[list[Word], Meta(max_length=500)]


class Unsuggested(msgspec.Struct, frozen=True):
    """What is not suggested to others while they type, however often it is searched for: a query that has the words of
    one of these side by side."""

    queries: list[str]
    version: int


class PutUnsuggested(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Replaces all of it."""

    queries: Annotated[list[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=1000)]


class CreateRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Puts a product at a place (`pin`), further up (`boost`) or further down (`bury`).

    query: for which query; empty for every one, which a pin cannot have. position: of a pin, counted from 1.
    """

    product_id: Annotated[str, Meta(min_length=1, max_length=64)]
    action: Action
    query: Annotated[str, Meta(max_length=100)] = ""
    position: Annotated[int, Meta(ge=1, le=50)] = 1


class RuleOut(msgspec.Struct, frozen=True):
    """A rule. query: in the words by which queries are compared; empty for every query."""

    id: str
    query: str
    product_id: str
    action: Action
    position: int
    created_at: datetime


class Pages(msgspec.Struct, frozen=True):
    limit: int = 20
    cursor: str | None = None


class Analytics(msgspec.Struct, frozen=True):
    """first, last: days (UTC), both included."""

    first: date
    last: date
    by: Ranking = "top"
    limit: int = 50


class QueryStatistics(msgspec.Struct, frozen=True):
    """searches: how often it was asked (first pages only). without_results, relaxed: so often answered with nothing,
    or with partial matches. click_through: clicks per hundred searches."""

    query: str
    searches: int
    without_results: int
    relaxed: int
    clicks: int
    click_through: int | None


class AnalyticsOut(msgspec.Struct, frozen=True):
    data: list[QueryStatistics]


class IndexOut(msgspec.Struct, frozen=True):
    """The index that this process reads. documents: in it. behind: changes that it has not read yet.

    generation: that it was built as; wanted_generation: larger where it is being built anew.
    """

    documents: int | None
    generation: int | None
    wanted_generation: int
    behind: int


class Nothing(msgspec.Struct, frozen=True):
    """Done; there is nothing to say."""
