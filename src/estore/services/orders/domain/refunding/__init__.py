"""Refunds: who bears them, to the last minor unit, and how they are shown."""

from estore.services.orders.domain.refunding.book import *  # noqa: F403
from estore.services.orders.domain.refunding.splitting import *  # noqa: F403
from estore.services.orders.domain.refunding.views import *  # noqa: F403
