"""The composition root of payments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

from estore.kit.auth import Verifier
from estore.kit.clock import Clock
from estore.kit.db import Database
from estore.kit.endpoint import Edge
from estore.kit.rate import Limiter
from estore.kit.service import Job, Service
from estore.kit.settings import SettingError, Settings
from estore.services.payments import consumers, endpoints, jobs, routes, store
from estore.services.payments.domain import Pace
from estore.services.payments.gateways import Provider, SandboxProvider, SandboxSettings, chooser
from estore.services.payments.service import Charging, Handover, Refunding

NAME = "payments"
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class PaymentsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """ESTORE_PAYMENTS_*. Times in seconds.

    providers: who charges, separated by commas: `sandbox`, `invoice`, `stripe`. The first that accepts a payment
    method has the payment. concurrency: calls under way per process. call_timeout: for one answer of a provider.
    lease: how long one process may work on an intent before another takes over; first_look, longest_look: between
    look-ups of what is unsettled. sandbox_webhook_url: where the sandbox sends webhooks, if not to the public URL.
    sandbox_slow_seconds: that `pm_slow` takes.
    """

    providers: str = "sandbox"
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 256
    call_timeout: _Seconds = 5.0
    lease: _Seconds = 30.0
    first_look: _Seconds = 3.0
    longest_look: _Seconds = 60.0
    sandbox_webhook_url: str = ""
    sandbox_slow_seconds: _Seconds = 3.0


@dataclass(frozen=True)
class Site:
    """What a gateway is composed with. public: where clients reach /v1/payments, without a slash at the end."""

    settings: Settings
    own: PaymentsSettings
    db: Database
    edge: Edge
    public: str


@dataclass(frozen=True)
class Gateway:
    """A composed provider, and what it brings along besides."""

    provider: Provider
    routes: Sequence[Any] = ()
    jobs: Sequence[Job] = ()
    stop: Sequence[Callable[[], Awaitable[None]]] = field(default=())


def _sandbox(site: Site) -> Gateway:
    if not site.settings.sandbox:
        raise SettingError("ESTORE_PAYMENTS_PROVIDERS names the sandbox, but ESTORE_SANDBOX is off")
    sandbox = SandboxProvider(
        site.db,
        SandboxSettings(
            webhook_url=site.own.sandbox_webhook_url or f"{site.public}/webhooks/sandbox",
            action_url=f"{site.public}/sandbox/actions",
            secret=site.settings.derived("payments sandbox webhook"),
            slow_seconds=site.own.sandbox_slow_seconds,
        ),
        site.edge.clock,
    )
    actions = endpoints.build_actions(site.edge, sandbox.show_action, sandbox.complete_action)
    return Gateway(sandbox, routes.action_routes(actions), jobs.sandbox_jobs(sandbox), [sandbox.stop])


GATEWAYS: Mapping[str, Callable[[Site], Gateway]] = {"sandbox": _sandbox}
"""The providers that exist, by the name in ESTORE_PAYMENTS_PROVIDERS. Each raises SettingError for what it lacks."""


def _gateways(site: Site) -> list[Gateway]:
    """Compose the providers of the settings, in their order. Raises SettingError."""
    names = [name.strip() for name in site.own.providers.split(",") if name.strip()]
    for name in names:
        if name not in GATEWAYS:
            known = ", ".join(GATEWAYS)
            raise SettingError(f"ESTORE_PAYMENTS_PROVIDERS: there is no provider {name!r}; there are {known}")
    if not names or len(set(names)) != len(names):
        raise SettingError("ESTORE_PAYMENTS_PROVIDERS must name each provider once, and at least one")
    return [GATEWAYS[name](site) for name in names]


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose the service. Raises SettingError when it is told to use a provider that it may not."""
    own = settings.section(NAME, PaymentsSettings)
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    gateways = _gateways(Site(settings, own, db, edge, settings.public_url.rstrip("/") + "/v1/payments"))
    providers = {gateway.provider.name: gateway.provider for gateway in gateways}
    # A claim must outlive the call that is made under it; see Pump._holds.
    pace = Pace(max(own.lease, 3 * own.call_timeout), own.first_look, own.longest_look)
    handover = Handover()
    charging = Charging(chooser(list(providers.values())), pace, handover)
    e = endpoints.build(edge, charging, Refunding(pace, handover))
    pump = jobs.Pump(e, providers, pace, edge.clock, concurrency=own.concurrency, timeout=own.call_timeout)
    handover.room, handover.take, handover.wake = pump.room, pump.take, pump.wake
    return Service(
        name=NAME,
        prefixes=("/v1/payments",),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=edge.clock,
        routes=[*routes.routes(e, providers), *(route for g in gateways for route in g.routes)],
        subscriptions=consumers.subscriptions(e),
        jobs=[*jobs.jobs(pump), *(job for g in gateways for job in g.jobs)],
        invariants=store.INVARIANTS,
        stop=[pump.stop, *(stop for g in gateways for stop in g.stop)],
    )
