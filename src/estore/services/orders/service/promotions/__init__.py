"""Making and running promotions: rules, codes, and customer groups."""

from estore.services.orders.service.promotions.codes import *  # noqa: F403
from estore.services.orders.service.promotions.forms import *  # noqa: F403
from estore.services.orders.service.promotions.groups import *  # noqa: F403
from estore.services.orders.service.promotions.running import Promotions as Promotions
