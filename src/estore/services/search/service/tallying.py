"""What people search for, counted in memory and written every few seconds: a search is not slower for it.

A process that is killed forgets the last seconds of it; nothing else depends on these numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

MOST = 10_000


class Tally:
    """The counts of one process since they were last written: query -> [searches, without, relaxed, clicks]."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}

    def search(self, query: str, *, without: bool, relaxed: bool) -> None:
        self._add(query, (1, int(without), int(relaxed), 0))

    def click(self, query: str) -> None:
        self._add(query, (0, 0, 0, 1))

    def take(self) -> dict[str, tuple[int, int, int, int]]:
        """Return the counts, and begin anew."""
        counts, self._counts = self._counts, {}
        return {query: (c[0], c[1], c[2], c[3]) for query, c in counts.items()}

    def give_back(self, counts: Mapping[str, tuple[int, int, int, int]]) -> None:
        """Count again what could not be written."""
        for query, values in counts.items():
            self._add(query, values)

    def _add(self, query: str, values: tuple[int, int, int, int]) -> None:
        if (count := self._counts.get(query)) is None:
            if len(self._counts) >= MOST:
                return
            count = self._counts[query] = [0, 0, 0, 0]
        for place, value in enumerate(values):
            count[place] += value
