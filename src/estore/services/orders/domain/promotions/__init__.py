"""Promotions: what they are, what they take off a demand, and what they have to be."""

from estore.services.orders.domain.promotions.checking import *  # noqa: F403
from estore.services.orders.domain.promotions.codes import *  # noqa: F403
from estore.services.orders.domain.promotions.errors import *  # noqa: F403
from estore.services.orders.domain.promotions.model import *  # noqa: F403
from estore.services.orders.domain.promotions.showing import *  # noqa: F403
