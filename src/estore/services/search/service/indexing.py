"""Use cases of the one that writes the index: what changed, in its order, and everything, piece by piece."""

from __future__ import annotations

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.ids import new_id
from estore.services.search import store
from estore.services.search.service import shapes
from estore.services.search.store.index import Folder, Reader, State
from estore.services.search.store.index.schema import Offered

# What a price waits for behind a bulk is one such piece that is being written, and its own
NUMBERED_AT_ONCE = 1000


class Aim:
    """What an index should be, and whether there is something new to read."""

    def __init__(self, state: State, *, unnumbered: bool) -> None:
        self.state = state
        self.unnumbered = unnumbered


class Piece:
    """Products to write. keys: that may be in the index and are replaced. position: the index has read up to there.
    after: the last key of a chunk of everything, None at its end."""

    def __init__(self, keys: list[int], rows: list[Offered], *, position: int = 0, after: int | None = None) -> None:
        self.keys = keys
        self.rows = rows
        self.position = position
        self.after = after


class Indexing:
    """language: of the text. size: products in one piece."""

    def __init__(self, folder: Folder, reader: Reader, language: str, size: int) -> None:
        self._folder = folder
        self._reader = reader
        self._language = language
        self._size = size

    async def aim(self, tx: Tx, ctx: Context, request: None) -> Aim:
        """Return the state that the index should have."""
        row = await store.changes.progress(tx)
        if row["store_id"] is None:
            await store.changes.name_store(tx, new_id("idx"))
            row = await store.changes.progress(tx)
        state = State(row["store_id"], row["generation"], row["numbered"], self._language)
        return Aim(state, unnumbered=await store.changes.anything(tx))

    async def number(self, tx: Tx, ctx: Context, request: None) -> None:
        """Give numbers to a piece of what changed; what comes meanwhile may overtake the rest of it."""
        await store.changes.number(tx, min(self._size, NUMBERED_AT_ONCE))

    async def changes(self, tx: Tx, ctx: Context, request: int) -> Piece:
        """Return what changed past a position."""
        changed = await store.changes.after(tx, request, self._size)
        if not changed:
            return Piece([], [], position=request)
        keys, rows = await store.documents.for_index(tx, [product_id for product_id, _ in changed])
        return Piece(keys, rows, position=changed[-1][1])

    async def chunk(self, tx: Tx, ctx: Context, request: int) -> Piece:
        """Return a piece of everything, past a key."""
        after, rows = await store.documents.chunk(tx, request, self._size)
        return Piece([], rows, after=after)

    async def rebuild(self, tx: Tx, ctx: Context, request: None) -> shapes.IndexOut:
        """Have every index made anew, beside the one that answers."""
        await store.changes.new_generation(tx)
        return await self.status(tx, ctx, None)

    async def status(self, tx: Tx, ctx: Context, request: None) -> shapes.IndexOut:
        """Return how the index of this machine is doing."""
        row = await store.changes.progress(tx)
        current = self._folder.current()
        state = self._folder.state(current) if current is not None else None
        if state is None:
            return shapes.IndexOut(None, None, row["generation"], row["numbered"])
        behind = max(0, row["numbered"] - state.position)
        return shapes.IndexOut(self._reader.count(), state.generation, row["generation"], behind)
