"""The index: a folder of tantivy's. It holds nothing that the documents in PostgreSQL do not say."""

from estore.services.search.store.index.folder import Folder, State
from estore.services.search.store.index.reader import Reader
from estore.services.search.store.index.schema import Text
from estore.services.search.store.index.wanted import Found, Wanted
from estore.services.search.store.index.writer import Writer

__all__ = ["Folder", "Found", "Reader", "State", "Text", "Wanted", "Writer"]
