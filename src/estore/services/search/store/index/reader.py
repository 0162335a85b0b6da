"""Reading the index: any number of processes, each with its own few threads."""

from __future__ import annotations

import json
import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from threading import Lock
from typing import Any

import tantivy
from tantivy import Order, Query, Searcher

from estore.services.search.domain import ranking
from estore.services.search.domain.errors import IndexMissing
from estore.services.search.domain.text import Asked
from estore.services.search.store.index.facets import Counting, Counts
from estore.services.search.store.index.filters import chosen, narrowed, one_of, picked
from estore.services.search.store.index.folder import Folder
from estore.services.search.store.index.kept import Kept
from estore.services.search.store.index.matching import FEW, MUST, NOT, SHOULD, Matching, Synonyms, any_of, every
from estore.services.search.store.index.portions import Apart, Page, Portions
from estore.services.search.store.index.schema import SCHEMA_VERSION, WITH_NUMBERS, Text
from estore.services.search.store.index.wanted import Attempt, Found, Wanted

# Answers of the last commit that a process keeps, some 30 kB each with facets.
ANSWERS = 256
SUGGESTIONS = 2000
# Products that are looked at for a suggestion of one unfinished word: those of the most frequent words that begin so.
ENOUGH = 100_000
# As many as are merged of what single words find.
MERGED = 200
# What is sorted by: field and direction; relevance is the text's score times the product's weight.
SORTS: Mapping[str, tuple[str, Order]] = {
    "price": ("price", Order.Asc),
    "-price": ("price", Order.Desc),
    "newest": ("published", Order.Desc),
    "rating": ("rating", Order.Desc),
}
# More than there can be of anything.
MOST = 2**53
Commit = tuple[str, int, int]


class Reader:
    """Reads the generation that answers now; looks at every search whether there is a newer one, or a newer commit."""

    def __init__(self, folder: Folder, text: Text) -> None:
        self._folder = folder
        self._text = text
        self._lock = Lock()
        self._index: tantivy.Index | None = None
        self._seen: Commit = ("", 0, 0)
        self._schema = SCHEMA_VERSION
        self._portions = Portions()
        self._counting = Counting(self._portions)
        self._answers = Kept(ANSWERS)
        self._starting = Kept(SUGGESTIONS)

    def searcher(self) -> Searcher:
        """Return a view of the last commit. Raises IndexMissing before there is one."""
        return self._view()[0]

    def _view(self) -> tuple[Searcher, Commit]:
        for _ in range(3):
            generation = self._folder.current()
            if generation is None:
                break
            try:
                with self._lock:
                    return self._fresh(generation).searcher(), self._seen
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
            state = self._folder.state(generation)
            self._schema = SCHEMA_VERSION if state is None else state.schema
        elif seen != self._seen:
            self._index.reload()
        self._seen = seen
        return self._index

    def count(self) -> int:
        return self.searcher().num_docs

    # --- searching --------------------------------------------------------------------------------------------------

    def search(self, wanted: Wanted) -> Found:
        """Return a page of what fits. Blocks: call it in a thread. Raises IndexMissing, also for a range that an index
        of before does not know."""
        searcher, commit = self._view()
        if self._schema < WITH_NUMBERS and wanted.filters.has_spans:
            raise IndexMissing()
        if wanted.explain:
            return self._search(searcher, commit, wanted)
        return self._answers.get((commit, wanted.key()), lambda: self._search(searcher, commit, wanted))

    def _search(self, searcher: Searcher, commit: Commit, wanted: Wanted) -> Found:
        parts = chosen(self._text.schema, wanted.filters)
        pinned = wanted.pinned if wanted.sort == "relevance" else ()
        pins = self._allowed(searcher, pinned, parts)
        # Those past the end stand at the end, where nothing follows that would have to make room
        before = sum(place < wanted.offset for place in ranking.places([place for _, place in pins], MOST))
        attempt, ranked, apart, page = Attempt(Query.empty_query()), Query.empty_query(), None, Page([], [], [], 0)
        for attempt in self._attempts(searcher, wanted, parts):
            ranked = fitting = narrowed(attempt.text, parts)
            if not pins and self._in_vain(searcher, commit, attempt, fitting):
                continue
            if pins:
                ranked = Query.boolean_query([(MUST, ranked), (NOT, self._keys([key for key, _ in pins]))])
            if wanted.sort == "relevance":
                ranked = self._favoured(ranked, wanted.boosted, wanted.buried)
            # There is one word only; or two were looked for before, and no product had them
            apart = Apart(commit, attempt.words) if attempt.words and not (parts or pinned) else None
            page = self._ranked(searcher, ranked, wanted, wanted.offset - before, apart)
            # What is pinned and has the words is found as well
            if page.total or (pins and self._page(searcher, fitting, "relevance", 1, 0).total):
                break
        total = page.total + len(pins)
        if not total and parts and wanted.facets:
            # Other choices than these would find something
            attempt = self._unfiltered(searcher, wanted)
        facets = {}
        if wanted.facets and (total or parts):
            same = wanted._replace(pinned=pinned)
            facets = self._counts(searcher, commit, same, parts, attempt, apart, total)
        why = [json.loads(ranked.explain(searcher, at).to_json()) for at in page.addresses] if wanted.explain else []
        rows = self._laid_out(page, why, pins, wanted)
        keys, scores, explained = [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
        relaxed = attempt.relaxed and total > 0
        return Found(keys, frozenset(key for key, _ in pins), scores, total, relaxed, facets, explained)

    def _unfiltered(self, searcher: Searcher, wanted: Wanted) -> Attempt:
        """Return the strictest attempt that would find anything without the filters."""
        for attempt in self._attempts(searcher, wanted, {}):
            if searcher.search(attempt.text, 1, False).hits:
                return attempt
        return Attempt(Query.empty_query())

    def _in_vain(self, searcher: Searcher, commit: Commit, attempt: Attempt, fitting: Query) -> bool:
        """Tell whether an attempt is known to find nothing, or that is cheaper to see than what it finds."""
        if attempt.needed and self._portions.are_apart(Apart(commit, attempt.needed)):
            return True
        return attempt.unlikely and not searcher.search(fitting, 1, False, "weight").hits

    def _counts(
        self,
        searcher: Searcher,
        commit: Commit,
        wanted: Wanted,
        parts: Mapping[str, Query],
        attempt: Attempt,
        apart: Apart | None,
        total: int,
    ) -> Counts:
        """Return the facets of an attempt that found `total` products."""
        pinned = [key for key, _ in wanted.pinned]
        text = attempt.unranked or attempt.text
        counted = any_of([text, self._keys(pinned)]) if pinned else text
        # The same on every page
        same = wanted._replace(sort="", limit=0, offset=0, boosted=(), buried=(), explain=False)
        return self._answers.get(
            (commit, "facets", same.key()),
            lambda: self._counting.facets(searcher, counted, parts, picked(wanted.filters), total, apart, wanted.named),
        )

    def _laid_out(
        self, page: Page, why: Sequence[Any], pins: Sequence[tuple[int, int]], wanted: Wanted
    ) -> list[tuple[int, float, Any]]:
        """Return what stands on the page: (key, score, why), the pinned ones at their places."""
        if not pins:
            return list(zip_longest(page.keys, page.scores, why))
        total = page.total + len(pins)
        places = ranking.places([place for _, place in pins], total)
        at = dict(zip(places, (key for key, _ in pins), strict=True))
        others = zip_longest(page.keys, page.scores, why)
        rows = []
        for place in range(wanted.offset, min(wanted.offset + wanted.limit, total)):
            if place in at:
                rows.append((at[place], 0.0, None))
            elif (row := next(others, None)) is not None:
                rows.append(row)
        return rows

    def _allowed(
        self, searcher: Searcher, pinned: Sequence[tuple[int, int]], parts: Mapping[str, Query]
    ) -> list[tuple[int, int]]:
        """Return the pinned products that are there and that the filters let through."""
        if not pinned:
            return []
        filtered = narrowed(self._keys([key for key, _ in pinned]), parts)
        there = set(self._page(searcher, filtered, "relevance", len(pinned), 0).keys)
        return [pin for pin in pinned if pin[0] in there]

    def _ranked(self, searcher: Searcher, query: Query, wanted: Wanted, offset: int, apart: Apart | None) -> Page:
        """Return a page of what `query` finds, which is what the words of `apart` find where there are some."""
        last = offset + wanted.limit
        if apart is None or wanted.sort != "relevance" or wanted.boosted or wanted.buried or last > MERGED:
            return self._page(searcher, query, wanted.sort, wanted.limit, offset)
        return self._portions.page(
            apart, wanted.limit, offset, lambda word, most: self._page(searcher, word, "relevance", most, 0)
        )

    def _attempts(self, searcher: Searcher, wanted: Wanted, parts: Mapping[str, Query]) -> Iterator[Attempt]:
        """Yield what to look for, from strict to lenient."""
        asked = wanted.asked
        if not asked.words and not asked.phrases:
            yield Attempt(Query.empty_query() if wanted.unreadable else Query.all_query())
            return
        matching = Matching(self._text, searcher, wanted.synonyms)
        code = matching.code(asked.code) if asked.code else None
        plain, lift = matching.all_of(asked), matching.side_by_side(asked)
        alone = len(plain) == 1 and lift is None and code is None
        yield Attempt(
            self._lifted(every(plain), lift, code),
            words=plain if alone else (),
            needed=plain if code is None else (),
            unranked=self._lifted(every(plain), None, code),
        )
        guessed = matching.all_of(asked, guess=True)
        if matching.guessed:
            found = every(guessed)
            yield Attempt(self._lifted(found, lift, code), unlikely=True, unranked=self._lifted(found, None, code))
        # Words that are known are not guessed at as well: that would find a large part of the shop, and nothing better
        for clauses in (plain, guessed) if matching.guessed else (plain,):
            yield from self._partial(searcher, clauses, parts)
        if asked.phrases:
            loose = matching.all_of(Asked(asked.loose))
            yield Attempt(every(loose), relaxed=True)
            yield from self._partial(searcher, loose, parts)

    def _partial(self, searcher: Searcher, clauses: Sequence[Query], parts: Mapping[str, Query]) -> Iterator[Attempt]:
        for size in self._sizes(searcher, clauses, parts):
            yield Attempt(any_of(clauses, size), relaxed=True, words=clauses if size == 1 else ())

    def _sizes(self, searcher: Searcher, clauses: Sequence[Query], parts: Mapping[str, Query]) -> Sequence[int]:
        """Return how many of the words to look for, fewer and fewer: of many words the most that find anything, which
        halving finds, as whatever has so many of them has fewer as well."""
        sizes = range(len(clauses) - 1, 0, -1)
        if len(clauses) <= FEW:
            return sizes
        first = bisect_left(
            sizes, True, key=lambda size: bool(searcher.search(narrowed(any_of(clauses, size), parts), 1, False).hits)
        )
        return sizes[first : first + 1]

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

    def _page(self, searcher: Searcher, query: Query, sort: str, limit: int, offset: int) -> Page:
        if (order := SORTS.get(sort)) is not None:
            result = searcher.search(query, limit, True, order[0], offset, order[1])
        else:
            result = searcher.search(query, limit, True, offset=offset, weight_by_field="weight")
        addresses = [address for _, address in result.hits]
        keys = [int(key or 0) for key in searcher.fast_field_values("key", addresses)]
        # The binding's stub does not know the count
        return Page(keys, [float(score) for score, _ in result.hits], addresses, int(result.count))  # type: ignore[attr-defined]

    # --- others -----------------------------------------------------------------------------------------------------

    def categories(self) -> dict[str, int]:
        """Return the slugs of the categories in which there is something, with how many."""
        found = self.searcher().aggregate(Query.all_query(), {"c": {"terms": {"field": "category", "size": 2000}}})
        return {bucket["key"]: bucket["doc_count"] for bucket in found["c"]["buckets"]}

    def starting(self, words: Sequence[str], limit: int, synonyms: Synonyms, version: int = 0) -> list[int]:
        """Return products whose words begin like the last of `words` and have the others. version: of the synonyms."""
        searcher, commit = self._view()
        key = (commit, tuple(words), limit, version)
        return self._starting.get(key, lambda: self._start(searcher, words, limit, synonyms))

    def _start(self, searcher: Searcher, words: Sequence[str], limit: int, synonyms: Synonyms) -> list[int]:
        matching = Matching(self._text, searcher, synonyms)
        if len(words) == 1 and (queries := matching.beginning(words[0], ENOUGH)):
            return self._heaviest(searcher, queries, limit)
        clauses = matching.all_of(Asked(tuple(words[:-1])))
        last = matching.starting(words[-1])
        if last is None:
            clauses += matching.all_of(Asked((words[-1],), typing=True))
        else:
            clauses.append(last)
        return self._page(searcher, every(clauses), "relevance", limit, 0).keys

    def _heaviest(self, searcher: Searcher, queries: Sequence[Query], limit: int) -> list[int]:
        """Return the products that weigh most, those of the first query first."""
        found: dict[int, None] = {}
        for query in queries:
            result = searcher.search(query, limit, False, "weight")
            keys = searcher.fast_field_values("key", [address for _, address in result.hits])
            found |= dict.fromkeys(int(key or 0) for key in keys)
            if len(found) >= limit:
                break
        return list(found)[:limit]

    def like(self, title: Sequence[str], categories: Sequence[str], but: int, limit: int) -> list[int]:
        """Return products of the same category, those with most words of `title` first; of the one above where there
        are few."""
        searcher = self.searcher()
        matching = Matching(self._text, searcher, {})
        words = [(SHOULD, query) for query in (matching.phrase([word]) for word in title)]
        found: list[int] = []
        for category in reversed(categories):
            within = Query.const_score_query(one_of(self._text.schema, "category", [category]), 0.1)
            query = Query.boolean_query([(MUST, within), *words, (NOT, self._keys([but, *found]))])
            found += self._page(searcher, query, "relevance", limit - len(found), 0).keys
            if len(found) >= limit:
                break
        return found
