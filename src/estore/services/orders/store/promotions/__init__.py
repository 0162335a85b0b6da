"""Promotions: the book that prices are made from, and what whoever makes promotions reads and writes."""

from estore.services.orders.store.promotions.book import *  # noqa: F403
