"""What search keeps: documents and what changed of them, the operator's words, statistics; and the index of it all."""

from estore.services.search.store import categories, changes, documents, index, rules, statistics
from estore.services.search.store.invariants import INVARIANTS

__all__ = ["INVARIANTS", "categories", "changes", "documents", "index", "rules", "statistics"]
