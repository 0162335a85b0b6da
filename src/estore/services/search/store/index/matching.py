"""From words to a query of tantivy's: nothing that was typed is ever parsed as one.

A word that the index knows is looked for as it is. One that it does not know is, in this order: unfinished, two words
written as one, or misspelt. When all words together find nothing, every word may be unfinished or, unless many products
have it, misspelt; when that finds nothing either, most of the words have to do, which is said (`relaxed`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tantivy import Occur, Query, Searcher

from estore.services.search.domain.text import Asked, bare, is_measure
from estore.services.search.store.index.schema import WEIGHTS, Text

MUST, SHOULD, NOT = Occur.Must, Occur.Should, Occur.MustNot
ONE_EDIT_FROM, TWO_EDITS_FROM = 4, 8
SHORTEST_PREFIX = 2
EXPANSIONS = 40
# A word that so many products have is meant as it is: what is near it are other words, and often half the shop.
SURELY_MEANT = 200
# Of more words than this, those that nothing is near are left out at once: every attempt would look for them anew.
FEW = 4
Synonyms = Mapping[tuple[str, ...], Sequence[tuple[str, ...]]]


class Matching:
    """Builds queries over what `searcher` sees. guessed: whether there was anything to guess at in what was asked."""

    def __init__(self, text: Text, searcher: Searcher, synonyms: Synonyms) -> None:
        self._text = text
        self._schema = text.schema
        self._searcher = searcher
        self._synonyms = synonyms
        self._longest = max((len(words) for words in synonyms), default=0)
        self.guessed = False
        self._many = False
        self._near: dict[str, Query | None] = {}

    def all_of(self, asked: Asked, *, guess: bool = False) -> list[Query]:
        """Return one clause for each word or phrase. guess: every word may be unfinished or misspelt."""
        clauses = [self.phrase(words) for words in asked.phrases]
        at, words = 0, asked.words
        self._many = len(words) > FEW
        while at < len(words):
            taken, others = self._alternatives(words, at)
            typing = asked.typing and at + taken == len(words)
            own = [self._one(words, place, typing=typing, guess=guess) for place in range(at, at + taken)]
            options = [every(own), *(every([self._one(o, i) for i in range(len(o))]) for o in others)]
            clauses.append(options[0] if len(options) == 1 else Query.disjunction_max_query(options))
            at += taken
        return clauses

    def phrase(self, words: Sequence[str]) -> Query:
        """Return what finds `words` side by side."""
        terms = [self._text.stem(word) for word in words]
        if len(terms) == 1:
            return self._term(terms[0])
        return Query.disjunction_max_query(
            [
                Query.boost_query(Query.phrase_query(self._schema, field, list(terms)), WEIGHTS[field])
                for field in ("title", "traits", "body")
            ]
        )

    def side_by_side(self, asked: Asked) -> Query | None:
        """Return what lifts products whose title has the words in this order; None where there is but one word."""
        terms = [self._text.stem(word) for word in asked.words]
        if not 2 <= len(terms) <= 5:
            return None
        return Query.boost_query(Query.phrase_query(self._schema, "title", list(terms), 1), 2.0)

    def code(self, code: str) -> Query | None:
        """Return what finds a SKU or barcode exactly; None where there is none like it.

        It comes first, unless it is a word of products: whoever calls a SKU `mug` is not first among mugs.
        """
        known = [each for each in {code, bare(code)} if self._searcher.doc_freq("code", each)]
        if not known:
            return None
        score = 1.0 if self._searcher.doc_freq("words", code) else 1000.0
        found = [Query.term_query(self._schema, "code", each, "basic") for each in known]
        return Query.const_score_query(any_of(found), score)

    def starting(self, prefix: str) -> Query | None:
        """Return what finds words that begin with `prefix`."""
        found = self._beginning(prefix)
        return self._any_word(prefix, found) if found else None

    def beginning(self, prefix: str, enough: int) -> list[Query]:
        """Return what finds the word `prefix`, and what finds the most frequent of the words that begin so: as many of
        them as `enough` products have. Empty where no word begins so."""
        found = sorted(self._beginning(prefix, None), key=lambda each: (-each[1], each[0]))
        queries, others, products = [], [], 0
        for term, count in found:
            if term == prefix:
                queries.append(self._word(term))
            elif not products or products + count <= enough:
                others.append(self._word(term))
                products += count
        return [*queries, any_of(others[:EXPANSIONS])] if others else queries

    def _beginning(self, prefix: str, limit: int | None = EXPANSIONS) -> list[tuple[str, int]]:
        if len(prefix) < SHORTEST_PREFIX:
            return []
        return self._searcher.terms_with_prefix("words", prefix, limit=limit)

    def _any_word(self, prefix: str, found: Sequence[tuple[str, int]]) -> Query:
        return any_of([Query.const_score_query(self._word(term), 1.0 if term == prefix else 0.6) for term, _ in found])

    def _alternatives(self, words: Sequence[str], at: int) -> tuple[int, Sequence[tuple[str, ...]]]:
        """Return how many words from `at` on have synonyms together, the most of them, and these."""
        for size in range(min(self._longest, len(words) - at), 0, -1):
            if others := self._synonyms.get(tuple(words[at : at + size])):
                return size, others
        return 1, ()

    def _one(self, words: Sequence[str], at: int, *, typing: bool = False, guess: bool = False) -> Query:
        word = words[at]
        stem = self._text.stem(word)
        known = max(self._searcher.doc_freq(field, stem) for field in WEIGHTS)
        options = [self._term(stem)] if known else []
        # A measure is whole: "500 g" is not the beginning of "500 gb"
        unfinished = (guess or (typing and not known)) and not is_measure(word)
        found = self._beginning(word) if unfinished else []
        # Other forms of a known word are found with it
        if found and (not known or any(self._text.stem(term) != stem for term, _ in found)):
            options.append(self._any_word(word, found))
            self.guessed |= guess
        if not options and (parts := self._parts(word)) is not None:
            options.append(parts)
        for other in range(max(0, at - 1), at + 1):
            # "head phones" for "headphones"
            if other + 1 < len(words):
                joined = self._text.stem(words[other] + words[other + 1])
                if self._searcher.doc_freq("title", joined):
                    options.append(self._term(joined))
        if (not options or (guess and known < SURELY_MEANT)) and (misspelt := self._misspelt(word)) is not None:
            self.guessed |= guess and bool(options)
            options.append(misspelt)
        if not options:
            return Query.empty_query()
        return options[0] if len(options) == 1 else Query.disjunction_max_query(options)

    def _term(self, term: str) -> Query:
        options = []
        for field, weight in WEIGHTS.items():
            if self._searcher.doc_freq(field, term):
                query = Query.term_query(self._schema, field, term, "freq")
                options.append(Query.boost_query(query, weight))
        if not options:
            return Query.empty_query()
        return options[0] if len(options) == 1 else Query.disjunction_max_query(options, 0.2)

    def _word(self, word: str) -> Query:
        return Query.term_query(self._schema, "words", word, "basic")

    def _parts(self, word: str) -> Query | None:
        """Return what finds both words of which `word` may be made."""
        for cut in range(3, len(word) - 2):
            parts = (self._text.stem(word[:cut]), self._text.stem(word[cut:]))
            if all(self._said(part) for part in parts):
                return every([self._term(part) for part in parts])
        return None

    def _said(self, term: str) -> bool:
        return any(self._searcher.doc_freq(field, term) for field in ("title", "kind", "traits"))

    def _misspelt(self, word: str) -> Query | None:
        # Another number, or another unit, is another thing
        if len(word) < ONE_EDIT_FROM or word.isdigit() or is_measure(word):
            return None
        if word not in self._near:
            near = [Query.const_score_query(self._fuzzy(word, 1), 0.6)]
            if len(word) >= TWO_EDITS_FROM:
                near.append(Query.const_score_query(self._fuzzy(word, 2), 0.3))
            query = near[0] if len(near) == 1 else Query.disjunction_max_query(near)
            idle = self._many and not self._searcher.search(query, 1, False).hits
            self._near[word] = None if idle else query
        return self._near[word]

    def _fuzzy(self, word: str, distance: int) -> Query:
        return Query.fuzzy_term_query(self._schema, "words", word, distance, transposition_cost_one=True)


def every(queries: Sequence[Query]) -> Query:
    """Return what finds products that all of `queries` find."""
    if len(queries) == 1:
        return queries[0]
    return Query.boolean_query([(MUST, query) for query in queries]) if queries else Query.all_query()


def any_of(queries: Sequence[Query], at_least: int = 1) -> Query:
    """Return what finds products that `at_least` so many of `queries` find."""
    if len(queries) == 1:
        return queries[0]
    return Query.boolean_query([(SHOULD, query) for query in queries], at_least)
