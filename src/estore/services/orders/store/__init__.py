"""All SQL of orders, read models included. The only room that may lock a row."""

from estore.services.orders.store.credit import *  # noqa: F403
from estore.services.orders.store.facts import *  # noqa: F403
from estore.services.orders.store.invariants import INVARIANTS as INVARIANTS
from estore.services.orders.store.offers import *  # noqa: F403
from estore.services.orders.store.orders import *  # noqa: F403
from estore.services.orders.store.parcels import *  # noqa: F403
from estore.services.orders.store.placing import *  # noqa: F403
from estore.services.orders.store.promotions import *  # noqa: F403
from estore.services.orders.store.redeeming import *  # noqa: F403
from estore.services.orders.store.refunds import *  # noqa: F403
from estore.services.orders.store.returns import *  # noqa: F403
from estore.services.orders.store.shipments import *  # noqa: F403
