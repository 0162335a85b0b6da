"""The tree of categories, and by which attributes each is narrowed down: those that it or one above it declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Trait(NamedTuple):
    """An attribute that a category declares and that can be filtered by. name, unit: to be shown."""

    name: str
    kind: str
    unit: str | None


class Shelf(NamedTuple):
    """A category. traits: by the name that the index has, those that it declares itself."""

    id: str
    slug: str
    parent_id: str | None
    traits: Mapping[str, Trait]


class Shelves:
    """All categories. What was heard out of order may lack a parent, or go in circles for a moment."""

    def __init__(self, shelves: Iterable[Shelf] = ()) -> None:
        self._by_id = {shelf.id: shelf for shelf in shelves}
        self._ids = {shelf.slug: shelf.id for shelf in self._by_id.values()}
        self._below: dict[str | None, list[str]] = {}
        for shelf in self._by_id.values():
            self._below.setdefault(shelf.parent_id, []).append(shelf.id)
        self._at: dict[str, Mapping[str, Trait]] = {}
        self._within: dict[str, Mapping[str, Trait]] = {}
        traits = [trait for shelf in self._by_id.values() for trait in shelf.traits.items()]
        self.numbers = frozenset(name for name, trait in traits if trait.kind == "number")
        self._silent = not traits

    def at(self, slugs: Iterable[str]) -> dict[str, Trait]:
        """Return what holds in categories: their own traits and inherited ones. Of two with a name the first."""
        found: dict[str, Trait] = {}
        for slug in () if self._silent else slugs:
            if slug not in self._at and slug in self._ids:
                self._at[slug] = _merged(self._upwards(slug))
            for name, trait in self._at.get(slug, {}).items():
                found.setdefault(name, trait)
        return found

    def around(self, slugs: Sequence[str]) -> dict[str, Trait]:
        """Return what holds in categories, and what those below them add."""
        found = self.at(slugs)
        for slug in () if self._silent else slugs:
            if slug not in self._within and slug in self._ids:
                self._within[slug] = _merged(self._downwards(slug))
            for name, trait in self._within.get(slug, {}).items():
                found.setdefault(name, trait)
        return found

    def _upwards(self, slug: str) -> list[Shelf]:
        found: dict[str, Shelf] = {}
        at: str | None = self._ids[slug]
        while at is not None and at in self._by_id and at not in found:
            found[at] = self._by_id[at]
            at = found[at].parent_id
        return list(found.values())

    def _downwards(self, slug: str) -> list[Shelf]:
        found: dict[str, Shelf] = {}
        waiting = [self._ids[slug]]
        while waiting:
            at = waiting.pop()
            if at not in found:
                found[at] = self._by_id[at]
                waiting += self._below.get(at, ())
        return list(found.values())


def _merged(shelves: Iterable[Shelf]) -> dict[str, Trait]:
    found: dict[str, Trait] = {}
    for shelf in shelves:
        for name, trait in shelf.traits.items():
            found.setdefault(name, trait)
    return found
