"""An order and its parcels: states, what is kept of them, and what the API shows."""

from estore.services.orders.domain.order.model import *  # noqa: F403
from estore.services.orders.domain.order.showing import *  # noqa: F403
from estore.services.orders.domain.order.states import *  # noqa: F403
