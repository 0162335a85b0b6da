"""The composition root of payments."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from estore.kit.auth import Verifier
from estore.kit.clock import Clock
from estore.kit.db import Database
from estore.kit.endpoint import Edge
from estore.kit.rate import Limiter
from estore.kit.service import Service
from estore.kit.settings import SettingError, Settings
from estore.services.payments import consumers, endpoints, jobs, routes, store
from estore.services.payments.domain import Pace
from estore.services.payments.gateways import GATEWAYS, SandboxSettings
from estore.services.payments.service import Charging, Handover, Refunding

NAME = "payments"
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class PaymentsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """ESTORE_PAYMENTS_*. Times in seconds.

    provider: who charges. concurrency: calls under way per process. call_timeout: for one answer of the provider.
    lease: how long one process may work on an intent before another takes over; first_look, longest_look: between
    look-ups of what is unsettled. sandbox_webhook_url: where the sandbox sends webhooks, if not to the public URL.
    sandbox_slow_seconds: that `pm_slow` takes.
    """

    provider: Literal["sandbox"] = "sandbox"
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 256
    call_timeout: _Seconds = 5.0
    lease: _Seconds = 30.0
    first_look: _Seconds = 3.0
    longest_look: _Seconds = 60.0
    sandbox_webhook_url: str = ""
    sandbox_slow_seconds: _Seconds = 3.0


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose the service. Raises SettingError when it is told to use a provider that it may not."""
    own = settings.section(NAME, PaymentsSettings)
    if not settings.sandbox:
        raise SettingError("ESTORE_SANDBOX is off, but the sandbox is the only payment provider so far")
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    public = settings.public_url.rstrip("/") + "/v1/payments"
    sandbox = GATEWAYS[own.provider](
        db,
        SandboxSettings(
            webhook_url=own.sandbox_webhook_url or f"{public}/webhooks/sandbox",
            action_url=f"{public}/sandbox/actions",
            secret=settings.derived("payments sandbox webhook"),
            slow_seconds=own.sandbox_slow_seconds,
        ),
        edge.clock,
    )
    # A claim must outlive the call that is made under it; see Pump._holds.
    pace = Pace(max(own.lease, 3 * own.call_timeout), own.first_look, own.longest_look)
    handover = Handover()
    e = endpoints.build(edge, Charging(own.provider, pace, handover), Refunding(pace, handover))
    pump = jobs.Pump(e, sandbox, pace, edge.clock, concurrency=own.concurrency, timeout=own.call_timeout)
    handover.room, handover.take, handover.wake = pump.room, pump.take, pump.wake
    return Service(
        name=NAME,
        prefixes=("/v1/payments",),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=edge.clock,
        routes=[
            *routes.routes(e, {sandbox.name: sandbox}),
            *routes.action_routes(endpoints.build_actions(edge, sandbox.show_action, sandbox.complete_action)),
        ],
        subscriptions=consumers.subscriptions(e),
        jobs=jobs.jobs(pump, sandbox),
        invariants=store.INVARIANTS,
        stop=[pump.stop, sandbox.stop],
    )
