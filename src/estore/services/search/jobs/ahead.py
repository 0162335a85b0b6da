"""What single words find is found before somebody asks for it, in every process, while the index does not change."""

from __future__ import annotations

import asyncio

from estore.services.search.domain.errors import IndexMissing
from estore.services.search.store.index import Reader

# A commit forgets all that was found, so that one has to have lasted for so many looks before it is worth the work
LOOKS = 10
# How long a look works at most, or a word more: a tenth of a core, for a minute after a start
PIECE_SECONDS = 0.1


class Ahead:
    """Prepares the words of `reader`, a piece at each step."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._commit: object = None
        self._looks = 0

    async def step(self) -> None:
        """Do a piece, unless there is nothing left, or there was a commit lately."""
        await asyncio.to_thread(self._look)

    def _look(self) -> None:
        try:
            commit = self._reader.commit()
            self._looks = self._looks + 1 if commit == self._commit else 0
            self._commit = commit
            if self._looks >= LOOKS:
                self._reader.prepare(PIECE_SECONDS)
        except IndexMissing:
            return
