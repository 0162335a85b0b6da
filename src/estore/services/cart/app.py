"""Composition root of cart."""

from __future__ import annotations

from typing import Annotated

import msgspec

from estore.kit.auth import Verifier
from estore.kit.clock import Clock, SystemClock
from estore.kit.db import Database
from estore.kit.endpoint import Edge
from estore.kit.ids import GuestSecrets
from estore.kit.rate import Limiter
from estore.kit.service import Invariant, Service
from estore.kit.settings import Settings
from estore.services.cart import NAME, endpoints
from estore.services.cart.consumers import subscriptions
from estore.services.cart.jobs import jobs
from estore.services.cart.routes import routes
from estore.services.cart.service import Carts
from estore.services.cart.store import INVARIANTS


class CartSettings(msgspec.Struct, frozen=True):
    """max_quantity: pieces of one SKU in a cart."""

    max_quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 99


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose cart."""
    own = settings.section(NAME, CartSettings)
    clock = clock or SystemClock()
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    e = endpoints.build(
        edge, Carts(settings.currency, own.max_quantity, GuestSecrets(*settings.accepted("cart guests")))
    )
    return Service(
        name=NAME,
        prefixes=("/v1/carts",),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=clock,
        routes=routes(e),
        subscriptions=subscriptions(e),
        jobs=jobs(e, clock),
        invariants=[Invariant(*rule) for rule in INVARIANTS],
    )
