"""Promotions: what they are, and what they take off a demand."""

from estore.services.orders.domain.promotions.model import *  # noqa: F403
