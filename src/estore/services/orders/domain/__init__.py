"""What orders decides: prices, tables, states, errors. No I/O, no clock, no randomness."""

from estore.services.orders.domain.commission import *  # noqa: F403
from estore.services.orders.domain.errors import *  # noqa: F403
from estore.services.orders.domain.names import *  # noqa: F403
from estore.services.orders.domain.order import *  # noqa: F403
from estore.services.orders.domain.pricing import *  # noqa: F403
from estore.services.orders.domain.refunding import *  # noqa: F403
from estore.services.orders.domain.returning import *  # noqa: F403
from estore.services.orders.domain.shipping import *  # noqa: F403
from estore.services.orders.domain.tables import *  # noqa: F403
