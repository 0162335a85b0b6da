"""Composition root."""

from __future__ import annotations

from estore.kit.auth import Verifier
from estore.kit.clock import Clock, SystemClock
from estore.kit.db import Database
from estore.kit.endpoint import Edge
from estore.kit.rate import Limiter
from estore.kit.service import Invariant, Service
from estore.kit.settings import Settings
from estore.services.vendors import endpoints, service
from estore.services.vendors.routes import routes

NAME = "vendors"


class VendorsSettings(service.Plan, frozen=True):
    """commission_bps: what a new vendor pays, in basis points, unless an operator says otherwise."""


INVARIANTS = (
    Invariant(
        0,
        "every vendor has an owner",
        "SELECT id FROM vendor v WHERE NOT EXISTS"
        " (SELECT 1 FROM member m WHERE m.vendor_id = v.id AND m.role = 'owner')",
        "SELECT count(*) FROM vendor",
    ),
)


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose vendors. Raises SettingError."""
    clock = clock or SystemClock()
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    e = endpoints.build(edge, service.Applications(settings.section(NAME, VendorsSettings)))
    return Service(
        name=NAME,
        prefixes=("/v1/vendors",),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=clock,
        routes=routes(e),
        invariants=INVARIANTS,
    )
