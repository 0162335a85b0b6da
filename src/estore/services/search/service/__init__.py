"""Use cases of search."""

from estore.services.search.service import hearing, shapes
from estore.services.search.service.analysing import Statistics, analytics, forget
from estore.services.search.service.indexing import Aim, Indexing, Piece
from estore.services.search.service.rulebook import Rulebook
from estore.services.search.service.ruling import Ruling, get_stop_words, get_synonyms, get_unsuggested, list_rules
from estore.services.search.service.searching import Desk
from estore.services.search.service.tallying import Tally

__all__ = [
    "Aim",
    "Desk",
    "Indexing",
    "Piece",
    "Rulebook",
    "Ruling",
    "Statistics",
    "Tally",
    "analytics",
    "forget",
    "get_stop_words",
    "get_synonyms",
    "get_unsuggested",
    "hearing",
    "list_rules",
    "shapes",
]
