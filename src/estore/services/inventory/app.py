"""Composition root of inventory."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec

from estore.kit.auth import Verifier
from estore.kit.clock import Clock, SystemClock
from estore.kit.db import Database
from estore.kit.endpoint import Edge
from estore.kit.rate import Limiter
from estore.kit.service import Invariant, Service
from estore.kit.settings import Settings
from estore.services.inventory import NAME, endpoints
from estore.services.inventory.consumers import subscriptions
from estore.services.inventory.jobs import jobs
from estore.services.inventory.routes import routes
from estore.services.inventory.service import Reservations
from estore.services.inventory.store import INVARIANTS
from estore.services.inventory.store.measures import MEASURES


class InventorySettings(msgspec.Struct, frozen=True):
    """margin_seconds: how long a reservation outlives its order's deadline; must exceed the lag of events."""

    margin_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 300


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose inventory."""
    own = settings.section(NAME, InventorySettings)
    clock = clock or SystemClock()
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    e = endpoints.build(edge, Reservations(timedelta(seconds=own.margin_seconds)))
    return Service(
        name=NAME,
        prefixes=("/v1/stock",),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=clock,
        routes=routes(e),
        subscriptions=subscriptions(e),
        jobs=jobs(e, clock),
        invariants=[Invariant(*rule) for rule in INVARIANTS],
        measures=MEASURES,
    )
