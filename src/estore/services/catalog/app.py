"""Composition root of the catalog."""

from __future__ import annotations

from typing import Annotated

import msgspec

from estore.kit.auth import Verifier
from estore.kit.clock import Clock, SystemClock
from estore.kit.db import Database
from estore.kit.endpoint import Edge
from estore.kit.rate import Limiter
from estore.kit.service import Invariant, Service
from estore.kit.settings import Settings
from estore.services.catalog import endpoints, service
from estore.services.catalog.consumers import subscriptions
from estore.services.catalog.jobs import ImportWork, jobs
from estore.services.catalog.routes import routes
from estore.services.catalog.store import CHANNEL, INVARIANTS

NAME = "catalog"


class CatalogSettings(msgspec.Struct, frozen=True):
    """import_bytes: the largest file taken. import_chunk: records in one transaction."""

    import_bytes: Annotated[int, msgspec.Meta(ge=1024, le=1024**3)] = 64 * 1024 * 1024
    import_chunk: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose the catalog."""
    own = settings.section(NAME, CatalogSettings)
    clock = clock or SystemClock()
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    e = endpoints.build(edge, service.Products(settings.currency), service.Settling(settings.currency))
    work = ImportWork(db, clock, service.Importer(settings.currency), chunk=own.import_chunk)
    return Service(
        name=NAME,
        prefixes=("/v1/products", "/v1/categories", "/v1/imports"),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=clock,
        routes=routes(e, own.import_bytes),
        subscriptions=subscriptions(e),
        jobs=jobs(e, work, clock),
        invariants=[Invariant(*rule) for rule in INVARIANTS],
        announces=CHANNEL,
    )
