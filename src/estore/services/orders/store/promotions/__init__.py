"""Promotions: the book that prices are made from, and what whoever runs promotions reads and writes."""

from estore.services.orders.store.promotions.book import *  # noqa: F403
from estore.services.orders.store.promotions.codes import *  # noqa: F403
from estore.services.orders.store.promotions.groups import *  # noqa: F403
from estore.services.orders.store.promotions.promotions import *  # noqa: F403
from estore.services.orders.store.promotions.sums import *  # noqa: F403
