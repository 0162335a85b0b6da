"""The shared language: every event, one file per publisher. Services know this, and nothing else of each other.

Compatible change: add an optional field. Anything else is a new version of the event beside the old one.
Quantities are pieces; amounts are integer minor units of `currency`; times are UTC.
"""

from estore.contracts import cart, catalog, identity, inventory, ledger, orders, payments, reviews, vendors
from estore.kit.contract import REGISTRY, Event

__all__ = [
    "REGISTRY",
    "Event",
    "cart",
    "catalog",
    "identity",
    "inventory",
    "ledger",
    "orders",
    "payments",
    "reviews",
    "vendors",
]
