"""Composition root of reviews."""

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
from estore.services.reviews import NAME, endpoints
from estore.services.reviews.consumers import subscriptions
from estore.services.reviews.domain import Limits
from estore.services.reviews.routes import routes
from estore.services.reviews.service import Writing
from estore.services.reviews.store import INVARIANTS

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class ReviewsSettings(msgspec.Struct, frozen=True):
    """edit_days: for how long authors may edit their review; 0 is never.

    burst_seconds: the window in which reviews are counted; more of them than is usual wait for a moderator.
    burst_account: as many of one account within it are usual.
    burst_product: as many of one product within it are usual.
    burst_vendor: as many of one vendor's products within it are usual.
    """

    edit_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 30
    burst_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 3600
    burst_account: Count = 10
    burst_product: Count = 30
    burst_vendor: Count = 150


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose reviews."""
    own = settings.section(NAME, ReviewsSettings)
    clock = clock or SystemClock()
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    limits = Limits(own.burst_account, own.burst_product, own.burst_vendor)
    writing = Writing(timedelta(days=own.edit_days), timedelta(seconds=own.burst_seconds), limits)
    e = endpoints.build(edge, writing)
    return Service(
        name=NAME,
        prefixes=("/v1/reviews",),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=clock,
        routes=routes(e),
        subscriptions=subscriptions(e),
        invariants=[Invariant(*rule) for rule in INVARIANTS],
    )
