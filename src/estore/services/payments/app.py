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
from estore.services.payments.domain import Pace, Rhythm, is_iban
from estore.services.payments.gateways import (
    InvoiceProvider,
    Provider,
    SandboxProvider,
    SandboxSettings,
    chooser,
    stripe,
)
from estore.services.payments.service import (
    BankAccount,
    Charging,
    Disputing,
    Handover,
    Hearing,
    Invoicing,
    Refunding,
    Reporting,
)
from estore.services.payments.store.measures import MEASURES

NAME = "payments"
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class PaymentsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """ESTORE_PAYMENTS_*. Times in seconds.

    providers: who charges, separated by commas: `sandbox`, `invoice`, `stripe`. The first that accepts a payment
    method has the payment. concurrency: calls under way per process. call_timeout: for one answer of a provider.
    lease: how long one process may work on an intent before another takes over; first_look, longest_look: between
    look-ups of what is unsettled. sandbox_webhook_url: where the sandbox sends webhooks, if not to the public URL.
    report_seconds: from one report of a provider's books to the next. report_settled_seconds: how long ago a report
    ends, so that the books do not change any more. sandbox_slow_seconds: that `pm_slow` takes, and what else happens by
    itself. sandbox_fee_bps: what the sandbox keeps of each capture, in hundredths of a percent. invoice_iban: the bank
    account that invoices ask customers to transfer to. invoice_bic: of its bank, if customers need it. invoice_holder:
    of that account. invoice_days: in which invoices ask to be paid; orders must wait as long, by
    ESTORE_ORDERS_ACTION_SECONDS. stripe_api_key: a secret or restricted key. stripe_webhook_secret: of the webhook
    endpoint, two separated by a comma while one is exchanged. stripe_tolerance: how old a webhook may be.
    stripe_return_url: where the bank sends the customer back to, if not to the public URL. stripe_api_base: of another
    server than Stripe's, for tests.
    """

    providers: str = "sandbox"
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 256
    call_timeout: _Seconds = 5.0
    lease: _Seconds = 30.0
    first_look: _Seconds = 3.0
    longest_look: _Seconds = 60.0
    sandbox_webhook_url: str = ""
    report_seconds: _Seconds = 3600.0
    report_settled_seconds: _Seconds = 60.0
    sandbox_slow_seconds: _Seconds = 3.0
    sandbox_fee_bps: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    invoice_iban: str = ""
    invoice_bic: str = ""
    invoice_holder: str = ""
    invoice_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 14
    stripe_api_key: str = ""
    stripe_webhook_secret: str = ""
    stripe_tolerance: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 300
    stripe_return_url: str = ""
    stripe_api_base: str = ""


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
    """A composed provider, and what it brings along besides. account: where its customers transfer to.

    routes: given the use cases of invoices.
    """

    provider: Provider
    account: BankAccount | None = None
    routes: Callable[[Invoicing], Sequence[Any]] = field(default=lambda _: ())
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
            secrets=site.settings.accepted("payments sandbox webhook"),
            slow_seconds=site.own.sandbox_slow_seconds,
            fee_bps=site.own.sandbox_fee_bps,
        ),
        site.edge.clock,
    )
    actions = endpoints.build_actions(site.edge, sandbox.show_action, sandbox.complete_action)
    return Gateway(
        sandbox,
        routes=lambda _: routes.action_routes(actions),
        jobs=jobs.sandbox_jobs(sandbox),
        stop=[sandbox.stop],
    )


def _invoice(site: Site) -> Gateway:
    own = site.own
    iban, bic = own.invoice_iban.replace(" ", ""), own.invoice_bic.replace(" ", "")
    if not is_iban(iban) or not own.invoice_holder.strip():
        raise SettingError(
            "ESTORE_PAYMENTS_PROVIDERS names invoice: ESTORE_PAYMENTS_INVOICE_IBAN must be an IBAN whose check digits"
            " are right, and ESTORE_PAYMENTS_INVOICE_HOLDER its holder"
        )
    invoice = InvoiceProvider(site.db, site.public, site.settings.accepted("payments invoice"))
    return Gateway(
        invoice,
        BankAccount(own.invoice_holder.strip(), iban, bic, own.invoice_days),
        lambda invoicing: routes.invoice_routes(endpoints.build_invoice(site.edge, invoicing), invoice.knows),
    )


def _stripe(site: Site) -> Gateway:
    own = site.own
    settings = stripe.checked(
        own.stripe_api_key,
        own.stripe_webhook_secret,
        own.stripe_return_url or site.settings.public_url,
        timeout=own.call_timeout,
        tolerance=own.stripe_tolerance,
        api_base=own.stripe_api_base,
    )
    provider = stripe.StripeProvider(settings, site.edge.clock)
    return Gateway(provider, stop=[provider.stop])


GATEWAYS: Mapping[str, Callable[[Site], Gateway]] = {"sandbox": _sandbox, "stripe": _stripe, "invoice": _invoice}
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
    hearing = Hearing(charging, Refunding(pace, handover), Disputing(pace, handover))
    account = next((gateway.account for gateway in gateways if gateway.account is not None), None)
    invoicing = Invoicing(account, charging, hearing.refunding)
    rhythm = Rhythm(own.report_seconds, own.report_settled_seconds)
    e = endpoints.build(edge, hearing, invoicing, Reporting(list(providers), rhythm, lease=300.0))
    pump = jobs.Pump(e, providers, pace, edge.clock, concurrency=own.concurrency, timeout=own.call_timeout)
    handover.room, handover.take, handover.wake = pump.room, pump.take, pump.wake
    return Service(
        name=NAME,
        prefixes=("/v1/payments",),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=edge.clock,
        routes=[*routes.routes(e, providers), *(route for g in gateways for route in g.routes(invoicing))],
        subscriptions=consumers.subscriptions(e),
        jobs=[*jobs.jobs(pump, jobs.Reports(e, providers, edge.clock)), *(job for g in gateways for job in g.jobs)],
        invariants=store.INVARIANTS,
        measures=MEASURES,
        stop=[pump.stop, *(stop for g in gateways for stop in g.stop)],
    )
