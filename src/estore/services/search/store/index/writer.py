"""Writing the index: one process per folder, a thread at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import tantivy

from estore.services.search.store.index.schema import Offered, Text

HEAP_PER_THREAD = 48_000_000


class Writer:
    """Writes the generation in `folder`. threads: 1 to follow changes, more to build. Raises ValueError, OSError
    for a folder that holds no index of ours."""

    def __init__(self, folder: Path, text: Text, *, threads: int = 1) -> None:
        self.folder = folder
        self._text = text
        index = tantivy.Index(text.schema, str(folder))
        text.register(index)
        self._writer: tantivy.IndexWriter | None = index.writer(HEAP_PER_THREAD * threads, threads)

    def put(self, rows: Iterable[Offered], now: datetime) -> None:
        """Add products that are not in the index."""
        writer = self._open()
        for row in rows:
            writer.add_document(self._text.document(row, now))

    def replace(self, keys: Sequence[int], rows: Iterable[Offered], now: datetime) -> None:
        """Take the products `keys` out, and put `rows` in."""
        writer = self._open()
        if keys:
            # By query: `delete_documents_by_term` makes a signed term of a number, and finds no unsigned key
            writer.delete_documents_by_query(tantivy.Query.term_set_query(self._text.schema, "key", list(keys)))
        self.put(rows, now)

    def commit(self) -> int:
        """Make it durable, and visible to those who read. Returns the commit's number, which only grows."""
        return self._open().commit()

    def close(self) -> None:
        """Wait for merges in the background, and let the folder go."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.wait_merging_threads()

    def _open(self) -> tantivy.IndexWriter:
        if self._writer is None:
            raise RuntimeError("the writer is closed")
        return self._writer
