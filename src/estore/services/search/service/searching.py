"""Use cases of those who look for something. The index says which products, PostgreSQL what they cost now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

from estore.contracts.reviews import mean_of
from estore.kit.clock import monotonic
from estore.kit.context import Context
from estore.kit.db import Record, Tx
from estore.kit.decimals import decimal_of, plain
from estore.kit.endpoint import OPERATOR
from estore.kit.errors import Fault
from estore.kit.http.pages import CursorInvalid, cursor_of, decode_cursor
from estore.kit.money import Money
from estore.services.search import store
from estore.services.search.domain import ranking
from estore.services.search.domain.errors import Busy, FilterInvalid, ProductUnknown
from estore.services.search.domain.numbers import range_of
from estore.services.search.domain.shelves import Shelves, Trait
from estore.services.search.domain.text import facet_name, kept, understand, without_stop_words, words_of
from estore.services.search.service import shapes
from estore.services.search.service.rulebook import Rulebook, Rules
from estore.services.search.service.tallying import Tally
from estore.services.search.store.index import Found, Reader, Wanted
from estore.services.search.store.index.filters import Filters, Span

T = TypeVar("T")
DEEPEST = 5000
CATEGORIES_FRESH_SECONDS = 30.0
NAMES_FRESH_SECONDS = 1.0
# Searches that may wait for a thread of this process.
WAITING_PER_THREAD = 32
MAX_PRICE = 2**53
LEAST_SEARCHES = 3
# Attributes that are shown at once, those first that most products have; and so many are counted by name.
SHOWN_ATTRIBUTES = 20
NAMED_ATTRIBUTES = 64


class Desk:
    """Searches for customers. threads: that read the index at once, in this process."""

    def __init__(self, reader: Reader, rulebook: Rulebook, tally: Tally, threads: int) -> None:
        self.reader = reader
        self._rulebook = rulebook
        self._tally = tally
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="search")
        self._most = threads * WAITING_PER_THREAD
        self._waiting = 0
        self._names: dict[str, str | None] = {}
        self._names_at = float("-inf")
        self._categories: dict[str, int] = {}
        self._categories_at = float("-inf")

    async def in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """Run what blocks in one of the threads. Raises Busy when too many wait already."""
        if self._waiting >= self._most:
            raise Busy()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
        finally:
            self._waiting -= 1

    # --- searching --------------------------------------------------------------------------------------------------

    async def find(self, tx: Tx, ctx: Context, request: shapes.Search) -> shapes.SearchResult:
        """Return a page of what fits. Raises FilterInvalid, CursorInvalid, IndexMissing, Busy; Denied for an
        explanation that is not the operator's."""
        if request.explain:
            OPERATOR(ctx.principal)
        rules = await self._rulebook.rules(tx)
        query = kept(request.q)
        offset = _offset(request, query)
        vendors = await store.documents.vendors(tx, request.vendor) if request.vendor else []
        wanted = _wanted(request, rules, query, offset, vendors)
        found = await self.in_thread(self.reader.search, wanted)
        cards = await store.documents.cards(tx, found.keys)
        hits = [_hit(cards[key]) for key in found.keys if key in cards]
        if request.explain:
            hits = _explained(hits, found, cards, ctx)
        if offset == 0 and query:
            self._tally.search(query, without=found.total == 0, relaxed=found.relaxed)
        more = len(found.keys) == request.limit and offset + request.limit < min(found.total, DEEPEST)
        return shapes.SearchResult(
            hits,
            cursor_of(request.sort, query, offset + request.limit) if more else None,
            found.total,
            found.relaxed,
            await self._facets(tx, request, rules.shelves, found) if request.facets else None,
        )

    async def _facets(self, tx: Tx, request: shapes.Search, shelves: Shelves, found: Found) -> shapes.Facets:
        facets = found.facets
        traits = shelves.around(request.category) if request.category else shelves.at(facets.get("category", ()))
        attributes = _shown(facets, traits)
        named = await self._vendor_names(tx, list(facets.get("vendor", ())))
        steps = [*ranking.PRICE_STEPS, None]
        prices = facets.get("price", {})
        return shapes.Facets(
            category=_values(facets.get("category", {})),
            brand=_values(facets.get("brand", {})),
            vendor=[shapes.FacetValue(v, n, named.get(v)) for v, n in facets.get("vendor", {}).items()],
            price=[
                shapes.PriceFacet(low, high, prices[str(low)])
                for low, high in zip(ranking.PRICE_STEPS, steps[1:], strict=True)
                if str(low) in prices
            ],
            rating=_values(dict(sorted(facets.get("rating", {}).items(), reverse=True))),
            in_stock=_values(facets.get("in_stock", {})),
            attributes={name: _values(values) for name, values in attributes.items()},
            declared={
                name: shapes.DeclaredAttribute(trait.name, trait.kind, trait.unit)
                for name in attributes
                if (trait := traits.get(name)) is not None
            },
        )

    async def _vendor_names(self, tx: Tx, vendors: Sequence[str]) -> dict[str, str | None]:
        """Return what `vendors`, and perhaps others, are called; NAMES_FRESH_SECONDS old at most."""
        if monotonic() - self._names_at > NAMES_FRESH_SECONDS:
            self._names, self._names_at = {}, monotonic()
        names = self._names
        if missing := [vendor for vendor in vendors if vendor not in names]:
            found = {row["vendor_id"]: row["name"] for row in await store.documents.vendors(tx, missing)}
            names |= dict.fromkeys(missing) | found
        return names

    # --- others -----------------------------------------------------------------------------------------------------

    async def suggest(self, tx: Tx, ctx: Context, request: shapes.Suggest) -> shapes.Suggestions:
        """Return products, categories and others' queries that begin like what is being typed."""
        words = list(understand(request.q).words)
        if not words:
            return shapes.Suggestions([], [], [])
        rules = await self._rulebook.rules(tx)
        keys = await self.in_thread(self.reader.starting, words, request.limit, rules.synonyms, rules.version)
        cards = await store.documents.cards(tx, keys)
        prefix = " ".join(words)
        return shapes.Suggestions(
            [_suggested(cards[key]) for key in keys if key in cards],
            await self._matching_categories(words, request.limit),
            list(await store.statistics.starting(tx, prefix, LEAST_SEARCHES, request.limit, rules.unsuggested)),
        )

    async def _matching_categories(self, words: Sequence[str], limit: int) -> list[shapes.FacetValue]:
        if monotonic() - self._categories_at > CATEGORIES_FRESH_SECONDS:
            self._categories_at = monotonic()
            self._categories = await self.in_thread(self.reader.categories)
        fitting = [
            shapes.FacetValue(slug, count)
            for slug, count in self._categories.items()
            if all(any(part.startswith(word) for part in slug.split("-")) for word in words)
        ]
        return fitting[:limit]

    async def related(self, tx: Tx, ctx: Context, request: shapes.Neighbours) -> shapes.HitList:
        """Return products like this one. Raises ProductUnknown."""
        product = await _product(tx, request.product)
        rules = await self._rulebook.rules(tx)
        title = without_stop_words(words_of(product["title"])[:12], rules.stop_words)
        keys = await self.in_thread(self.reader.like, title, product["category_path"], product["key"], request.limit)
        cards = await store.documents.cards(tx, keys)
        return shapes.HitList([_hit(cards[key]) for key in keys if key in cards])

    async def bought_together(self, tx: Tx, ctx: Context, request: shapes.Neighbours) -> shapes.HitList:
        """Return what others had in the same order. Raises ProductUnknown."""
        product = await _product(tx, request.product)
        rows = await store.documents.bought_together(tx, product["product_id"], request.limit)
        return shapes.HitList([_hit(row) for row in rows])


async def _product(tx: Tx, product_id: str) -> Record:
    row = await store.documents.product(tx, product_id) if len(product_id) <= 100 and "\x00" not in product_id else None
    if row is None:
        raise ProductUnknown()
    return row


def _offset(request: shapes.Search, query: str) -> int:
    keys = decode_cursor(request.cursor, str, str, int)
    if keys is None:
        return 0
    if keys[0] != request.sort or keys[1] != query or not 0 < keys[2] <= DEEPEST:
        raise CursorInvalid("start again without a cursor", errors=[Fault("not a cursor", parameter="cursor")])
    return int(keys[2])


def _wanted(request: shapes.Search, rules: Rules, query: str, offset: int, vendors: Sequence[Record]) -> Wanted:
    asked = understand(request.q)
    words = without_stop_words(asked.words, rules.stop_words)
    loose = without_stop_words(asked.loose, rules.stop_words)
    ids = {row["slug"]: row["vendor_id"] for row in vendors}
    low, high = request.price_min, request.price_max
    if low is not None and high is not None and low > high:
        raise FilterInvalid("price_max is below price_min", errors=[Fault("below price_min", parameter="price_max")])
    declared = rules.shelves.around(request.category) if request.category else {}
    filters = Filters(
        category=request.category,
        brand=request.brand,
        vendor=tuple(ids.get(name, name) for name in request.vendor),
        price_min=request.price_min,
        price_max=request.price_max,
        stars=None if request.rating is None else request.rating * 100,
        in_stock=request.in_stock,
        attributes=_attributes(request.attributes, rules.shelves, declared),
    )
    return Wanted(
        asked=asked._replace(words=words, loose=loose),
        filters=filters,
        sort=request.sort,
        limit=request.limit,
        offset=offset,
        facets=request.facets,
        synonyms=rules.synonyms,
        words=rules.version,
        pinned=rules.pins(query) if query else (),
        boosted=rules.keys("boost", query),
        buried=rules.keys("bury", query),
        explain=request.explain,
        named=tuple(sorted(declared)) if len(declared) <= NAMED_ATTRIBUTES else (),
        # Signs, or pictures: that is not the same as asking for everything
        unreadable=bool(request.q.strip()) and not asked.words and not asked.phrases,
    )


def _attributes(
    given: Mapping[str, Sequence[str]], shelves: Shelves, declared: Mapping[str, Trait]
) -> dict[str, tuple[str | Span, ...]]:
    """Return values by the name that the index has; `Colour` and `colour` are alternatives of one. Of a number they may
    be ranges. Raises FilterInvalid for a range that is none."""
    found: dict[str, tuple[str | Span, ...]] = {}
    for name, values in given.items():
        of = facet_name(name)
        number = declared[of].kind == "number" if of in declared else of in shelves.numbers
        read = [_number(f"attr.{name}", value) if number else value for value in values]
        found[of] = tuple(dict.fromkeys((*found.get(of, ()), *read)))
    return found


def _number(parameter: str, value: str) -> str | Span:
    try:
        if (ends := range_of(value)) is not None:
            return Span(*ends)
    except ValueError as error:
        raise FilterInvalid(str(error), errors=[Fault(str(error), parameter=parameter[:100])]) from None
    number = decimal_of(value)
    return value if number is None else plain(number)


def _shown(facets: Mapping[str, dict[str, int]], traits: Mapping[str, Trait]) -> dict[str, dict[str, int]]:
    """Return the attributes that are facets: those of `traits` that most products have; all that were counted where
    there are no traits. Numbers ascend, other values are the most frequent first."""
    counted = {kind.removeprefix("attr."): values for kind, values in facets.items() if kind.startswith("attr.")}
    counted = {name: values for name, values in counted.items() if values}
    if not traits:
        return counted
    known = [name for name in counted if name in traits]
    known.sort(key=lambda name: -sum(counted[name].values()))
    return {
        name: _ascending(counted[name]) if traits[name].kind == "number" else counted[name]
        for name in known[:SHOWN_ATTRIBUTES]
    }


def _ascending(values: Mapping[str, int]) -> dict[str, int]:
    """Return values of a number in its order; what is no number, as it was there before it was declared one, last."""
    numbers = {value: number for value in values if (number := decimal_of(value)) is not None}
    ascending = sorted(numbers, key=lambda value: (numbers[value], value))
    return {value: values[value] for value in (*ascending, *(value for value in values if value not in numbers))}


def _values(counts: dict[str, int]) -> list[shapes.FacetValue]:
    return [shapes.FacetValue(value, count) for value, count in counts.items()]


def _prices(row: Record) -> shapes.PriceRange:
    return shapes.PriceRange(Money(row["lowest"], row["currency"]), Money(row["highest"], row["currency"]))


def _suggested(row: Record) -> shapes.SuggestedProduct:
    return shapes.SuggestedProduct(row["product_id"], row["slug"], row["title"], row["picture"], _prices(row))


def _hit(row: Record) -> shapes.Hit:
    votes = row["votes"]
    return shapes.Hit(
        id=row["product_id"],
        slug=row["slug"],
        title=row["title"],
        brand=row["brand"],
        category=row["category"],
        category_path=list(row["category_path"]),
        vendor=shapes.VendorRef(row["vendor_id"], row["vendor_slug"], row["vendor_name"]),
        picture=row["picture"],
        price=_prices(row),
        available=row["available"],
        in_stock=row["available"] > 0,
        rating=shapes.Rating(votes, mean_of(row["stars"], votes)),
    )


def _explained(hits: list[shapes.Hit], found: Found, cards: dict[int, Record], ctx: Context) -> list[shapes.Hit]:
    details = dict(zip(found.keys, zip(found.scores, found.explained, strict=True), strict=True))
    out = []
    for hit, key in zip(hits, [key for key in found.keys if key in cards], strict=True):
        row = cards[key]
        popularity = ranking.decayed(row["popularity"], row["popular_at"], ctx.now)
        score, text = details[key]
        why = shapes.Explanation(
            score=round(score, 4),
            weight=round(ranking.weight(popularity, row["votes"], row["stars"], in_stock=hit.in_stock), 4),
            popularity=round(popularity, 2),
            rating=round(ranking.rating(row["votes"], row["stars"]), 2),
            in_stock=hit.in_stock,
            pinned=key in found.pinned,
            text_details=text,
        )
        out.append(msgspec.structs.replace(hit, explanation=why))
    return out
