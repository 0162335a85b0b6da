"""Composition root of the ledger."""

from __future__ import annotations

from typing import Annotated

import msgspec

from estore.kit.auth import Verifier
from estore.kit.clock import Clock, SystemClock
from estore.kit.db import Database
from estore.kit.endpoint import Edge
from estore.kit.rate import Limiter
from estore.kit.service import Service
from estore.kit.settings import Settings
from estore.services.ledger import NAME, endpoints
from estore.services.ledger.consumers import subscriptions
from estore.services.ledger.jobs import jobs
from estore.services.ledger.routes import routes
from estore.services.ledger.service import Books, Selling
from estore.services.ledger.store import INVARIANTS, Journal


class LedgerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """ESTORE_LEDGER_*.

    return_days: after delivery, until a parcel's money is available, where orders does not say until when it may be
    returned. reserve_bps: of what becomes available, held as a rolling reserve for reserve_days (1000 is 10 %), where
    an operator has set no other terms for the vendor.
    """

    return_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 14
    reserve_bps: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    reserve_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 0


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose the ledger."""
    settings.section(NAME, LedgerSettings)
    clock = clock or SystemClock()
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    books = Books(Journal())
    e = endpoints.build(edge, selling=Selling(books))
    return Service(
        name=NAME,
        prefixes=("/v1/ledger", "/v1/payouts"),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=clock,
        routes=routes(e, settings.currency),
        subscriptions=subscriptions(e),
        jobs=jobs(e, clock),
        invariants=INVARIANTS,
    )
