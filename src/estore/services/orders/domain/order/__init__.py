"""An order and its parcels: states, the numbers people read aloud, and what the API shows of them."""

from estore.services.orders.domain.order.model import *  # noqa: F403
from estore.services.orders.domain.order.names import *  # noqa: F403
from estore.services.orders.domain.order.showing import *  # noqa: F403
from estore.services.orders.domain.order.states import *  # noqa: F403
