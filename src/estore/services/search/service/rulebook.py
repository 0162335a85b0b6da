"""The operator's words and rules, and the tree of categories, as every search needs them: kept in memory, read again
once they are a second old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from estore.kit.clock import monotonic
from estore.kit.db import Record, Tx
from estore.services.search import store
from estore.services.search.domain.shelves import Shelf, Shelves, Trait
from estore.services.search.domain.text import facet_name, side_by_side, words_of

FRESH_SECONDS = 0.5


class Rules:
    """synonyms: words -> others that mean the same. of: query ('' for every one) -> (action, key, position), in order.
    version: another one in this process means other synonyms. unsuggested: words side by side that are in no
    suggestion."""

    def __init__(
        self,
        version: int,
        synonyms: Mapping[tuple[str, ...], Sequence[tuple[str, ...]]],
        stop_words: frozenset[str],
        unsuggested: Sequence[str],
        of: Mapping[str, Sequence[tuple[str, int, int]]],
        shelves: Shelves,
    ) -> None:
        self.version = version
        self.synonyms = synonyms
        self.stop_words = stop_words
        self.unsuggested = unsuggested
        self._of = of
        self.shelves = shelves

    def keys(self, action: str, query: str) -> tuple[int, ...]:
        """Return the products that `action` is about, of this query and of every query."""
        rules = [*self._of.get(query, ()), *(self._of.get("", ()) if query else ())]
        return tuple(dict.fromkeys(key for kind, key, _ in rules if kind == action))

    def pins(self, query: str) -> tuple[tuple[int, int], ...]:
        """Return the products that stand at a place of this query: (key, position from 1 on), in order."""
        return tuple((key, position) for kind, key, position in self._of.get(query, ()) if kind == "pin")


class Rulebook:
    """The rules of one process."""

    def __init__(self) -> None:
        self._rules: Rules | None = None
        self._made_of: object = None
        self._shelves = Shelves()
        self._tree = 0
        self._read_at = float("-inf")

    async def rules(self, tx: Tx) -> Rules:
        """Return the rules, at most FRESH_SECONDS old."""
        if self._rules is None or monotonic() - self._read_at > FRESH_SECONDS:
            self._read_at = monotonic()
            read = await store.rules.everything(tx)
            groups, stop_words, unsuggested, rows, tree = read
            if tree != self._tree:
                self._shelves, self._tree = _shelves(await store.categories.everything(tx)), tree
            if self._rules is None or read != self._made_of:
                self._rules = _rules(
                    self._rules.version + 1 if self._rules else 1, groups, stop_words, unsuggested, rows, self._shelves
                )
                self._made_of = read
        return self._rules

    def forget(self) -> None:
        """Read them again at the next search."""
        self._read_at = float("-inf")


def _shelves(rows: Sequence[Record]) -> Shelves:
    return Shelves(
        Shelf(
            row["category_id"],
            row["slug"],
            row["parent_id"],
            {
                facet_name(one["code"]): Trait(one["name"], one["kind"], one.get("unit"))
                for one in row["attributes"]
                if one.get("filterable", True)
            },
        )
        for row in rows
    )


def _rules(
    version: int,
    groups: Sequence[Sequence[str]],
    stop_words: Sequence[str],
    unsuggested: Sequence[str],
    rows: Sequence[Record],
    shelves: Shelves,
) -> Rules:
    synonyms: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for group in groups:
        members = [tuple(words_of(member)) for member in group]
        for member in members:
            others = [other for other in members if other != member and other]
            if member and others:
                synonyms.setdefault(member, []).extend(others)
    of: dict[str, list[tuple[str, int, int]]] = {}
    for row in rows:
        of.setdefault(row["query"], []).append((row["action"], row["key"], row["position"]))
    stops = frozenset(word for text in stop_words for word in words_of(text))
    return Rules(version, synonyms, stops, [side_by_side(text) for text in unsuggested], of, shelves)
