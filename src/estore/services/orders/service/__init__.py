"""What orders does: quotes, placing, the saga's steps, parcels, reading. Never commits."""

from estore.services.orders.service.commands import *  # noqa: F403
from estore.services.orders.service.learning import Learning as Learning
from estore.services.orders.service.parcels import *  # noqa: F403
from estore.services.orders.service.placing import Placed as Placed
from estore.services.orders.service.placing import Placing as Placing
from estore.services.orders.service.quotes import Quotes as Quotes
from estore.services.orders.service.reading import *  # noqa: F403
from estore.services.orders.service.refunds import *  # noqa: F403
from estore.services.orders.service.returns import *  # noqa: F403
from estore.services.orders.service.steps import Steps as Steps
from estore.services.orders.service.waiting import Waiting as Waiting
from estore.services.orders.service.waiting import polling as polling
