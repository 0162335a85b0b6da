"""Composition root."""

from __future__ import annotations

from estore.kit.auth import Verifier
from estore.kit.clock import Clock, SystemClock
from estore.kit.db import Database
from estore.kit.endpoint import Edge
from estore.kit.rate import Limiter
from estore.kit.service import Invariant, Service
from estore.kit.settings import SettingError, Settings
from estore.services.vendors import endpoints, service
from estore.services.vendors.routes import routes

NAME = "vendors"


class VendorsSettings(service.Rules, frozen=True):
    """What the marketplace asks of its vendors.

    commission_bps: what a new vendor pays, in basis points, unless an operator says otherwise.
    commission_fixed: and for each piece, in minor units. commission_by_category: other rates for some categories and
    all below them, in basis points and minor units per piece, `books=800, mugs=1500+30`. fee_tax_bps: tax on the
    commission, in basis points. terms_version: version of the terms that vendors accept.
    require_checklist: approve complete applications only; recommended wherever real money moves.
    """


INVARIANTS = (
    Invariant(
        0,
        "every vendor has an owner",
        "SELECT id FROM vendor v WHERE NOT EXISTS"
        " (SELECT 1 FROM member m WHERE m.vendor_id = v.id AND m.role = 'owner')",
        "SELECT count(*) FROM vendor",
    ),
    Invariant(
        0,
        "what everybody believes of an API key is so",
        "SELECT k.id FROM api_key k LEFT JOIN trusted_api_key t ON t.id = k.id WHERE t.id IS NULL"
        " OR (t.vendor_id, t.hash, t.revoked, t.version)"
        " IS DISTINCT FROM (k.vendor_id, k.hash, k.revoked_at IS NOT NULL, k.version)",
        "SELECT count(*) FROM api_key",
    ),
)


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose vendors. Raises SettingError."""
    clock = clock or SystemClock()
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    rules = settings.section(NAME, VendorsSettings)
    try:
        applications = service.Applications(rules)
    except ValueError as error:
        raise SettingError(f"ESTORE_VENDORS_COMMISSION_BY_CATEGORY is wrong: {error}") from None
    keys = service.Keys(settings.accepted("vendors api keys"))
    e = endpoints.build(edge, applications, service.Plans(settings.currency), keys)
    return Service(
        name=NAME,
        prefixes=("/v1/vendors",),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=clock,
        routes=routes(e, keys),
        invariants=INVARIANTS,
    )
