"""Rules of searching: words, ranking, refusals. No I/O."""

from estore.services.search.domain import errors, ranking, text

__all__ = ["errors", "ranking", "text"]
