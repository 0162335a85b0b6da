"""`estore seed`: composes all services in this process, as `serve` does, and plays the seeds through them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import uvloop

from estore.cli.compose import build, bus_for
from estore.cli.seed import credit, opinions, payouts, purchases
from estore.cli.seed import demo as making
from estore.cli.seed.api import Api, eventually
from estore.cli.seed.bulk import Names, analyze, fill
from estore.cli.seed.files import Demo, demo
from estore.cli.seed.generate import Catalogue
from estore.cli.seed.progress import Stages
from estore.kit.clock import SystemClock, monotonic
from estore.kit.runtime import Runtime
from estore.kit.service import Service
from estore.kit.settings import SettingError, Settings
from estore.kit.telemetry import configure_logging

SETTLE_SECONDS = 120.0
_UNSETTLED = """
SELECT (SELECT count(*) FROM outbox WHERE published_at IS NULL)
     + (SELECT count(*) FROM delivery WHERE state = 'retry')
"""


@dataclass(frozen=True)
class Options:
    """products: of the large catalogue; None for the demo marketplace alone."""

    products: int | None = None
    random_seed: int = 1
    quiet: bool = False


class Summary(msgspec.Struct):
    """What was made this time; what was there before does not count."""

    accounts: int = 0
    categories: int = 0
    vendors: int = 0
    products: int = 0
    receipts: int = 0
    promotions: int = 0
    orders: int = 0
    payouts: int = 0
    credit: int = 0
    reviews: int = 0
    generated: int = 0
    seconds: float = 0.0

    @property
    def made(self) -> bool:
        shop = (self.accounts, self.categories, self.vendors, self.products, self.receipts)
        return any(shop) or any((self.promotions, self.orders, self.payouts, self.credit, self.reviews))


def run(settings: Settings, options: Options) -> Summary:
    """Seed the store and return what was made. Raises SeedFailed, SettingError, Failure kinds, NotMigrated, OSError."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(seed(settings, options))


async def seed(settings: Settings, options: Options) -> Summary:
    """See `run`."""
    if not settings.sandbox:
        raise SettingError("ESTORE_SANDBOX is off: accounts with a known password have no place in a real store")
    # Nobody is to be slowed down, or kept out, because a file is read faster than people type.
    settings = msgspec.structs.replace(settings, rate_factor=0.0)
    configure_logging(level="error", as_json=settings.log_format == "json")
    began = monotonic()
    stages = Stages(quiet=options.quiet)
    summary = Summary()
    content = demo()
    async with opened(settings, stages) as (services, api):
        vendors, categories = await _base(settings, services, api, content, stages, summary)
    if not summary.made:
        stages.say("the demo marketplace is there already; nothing was made twice")
    if options.products is not None:
        names = Names(vendors, categories, settings.currency, content.paths())
        await _large(settings, options, names, stages, summary)
    summary.seconds = round(monotonic() - began, 2)
    return summary


@asynccontextmanager
async def opened(settings: Settings, stages: Stages | None = None) -> AsyncIterator[tuple[dict[str, Service], Api]]:
    """Run the store within a block; at its end every event has been published and handled."""
    services = build(settings)
    runtime = Runtime(services, bus_for(settings, services))
    api = Api(services)

    async def ready() -> bool | None:
        return runtime.ready or None

    try:
        with (stages or Stages(quiet=True)).stage("services started"):
            await runtime.start()
            await eventually(ready, "the start of all services", SETTLE_SECONDS)
        yield {service.name: service for service in services}, api
        # A timer that rings now, such as that of a bank, would leave behind what is on its way for the next process.
        await runtime.end_timers()
        await _settle(services)
    finally:
        await api.close()
        await runtime.stop()


@asynccontextmanager
async def hurried(settings: Settings, services: dict[str, Service], api: Api) -> AsyncIterator[Api]:
    """Yield the same store with an ESTORE_ORDERS_RETURN_SECONDS of a second: nobody waits a month for demo money."""
    environment = dict(settings.environment) | {"ESTORE_ORDERS_RETURN_SECONDS": "1"}
    [orders] = build(msgspec.structs.replace(settings, environment=environment), ["orders"])
    await orders.db.open()
    # What it emits goes the way of the one that runs.
    orders.db.on_committed = services["orders"].db.on_committed
    soon = Api([orders], like=api)
    try:
        yield soon
    finally:
        await soon.close()
        await orders.db.close()


async def _base(
    settings: Settings,
    services: dict[str, Service],
    api: Api,
    content: Demo,
    stages: Stages,
    summary: Summary,
) -> tuple[making.Ids, making.Ids]:
    """Make what is missing of the demo marketplace. Returns the ids of vendors and categories."""
    with stages.stage("accounts", 1 + sum(len(v.members) for v in content.vendors) + len(content.customers)) as stage:
        await making.make_accounts(settings, services["identity"], api, content, stage)
    summary.accounts = stage.done
    with stages.stage("categories", len(content.categories)) as stage:
        categories = await making.make_categories(api, content, stage)
    summary.categories = stage.done
    with stages.stage("vendors", len(content.vendors)) as stage:
        vendors = await making.make_vendors(api, content, stage)
        missing = await making.missing_products(api, content, vendors)
    summary.vendors = stage.done
    with stages.stage("products", sum(len(products) for products in missing.values())) as stage:
        await making.import_products(api, content, vendors, missing, settings.currency, stage)
    summary.products = stage.done
    with stages.stage("stock receipts") as stage:
        await making.receive_stock(services["inventory"], api, content, stage)
    summary.receipts = stage.done
    with stages.stage("promotions", len(content.promotions)) as stage:
        await making.make_promotions(api, content, stage)
    summary.promotions = stage.done
    with stages.stage("purchases", len(content.orders)) as stage:
        async with hurried(settings, services, api) as soon:
            await purchases.play(api, soon, content, vendors, stage)
    summary.orders = stage.done
    with stages.stage("payouts") as stage:
        await payouts.pay_out(services["ledger"], api, content, vendors, stage)
    summary.payouts = stage.done
    with stages.stage("credit") as stage:
        await credit.give(api, content, settings.currency, stage)
    summary.credit = stage.done
    with stages.stage("events settled"):
        await _settle(list(services.values()))
    with stages.stage("reviews", len(content.reviews)) as stage:
        await opinions.say(api, content, stage)
        await _settle(list(services.values()))
    summary.reviews = stage.done
    with stages.stage("synonyms") as stage:
        await making.install_synonyms(api, stage)
    return vendors, categories


async def _settle(services: list[Service]) -> None:
    """Wait until every event so far has been published and handled."""

    async def look() -> bool | None:
        for service in services:
            async with service.db.read() as tx:
                if await tx.fetchval(_UNSETTLED):
                    return None
        return True

    await eventually(look, "the delivery of all events", SETTLE_SECONDS)


async def _large(settings: Settings, options: Options, names: Names, stages: Stages, summary: Summary) -> None:
    wanted = options.products or 0
    catalogue = Catalogue(options.random_seed)
    with stages.stage("products generated", wanted) as stage:
        summary.generated = await fill(settings, names, catalogue, wanted, SystemClock().now(), stage)
    if not summary.generated:
        stages.say(f"the {wanted:,} generated products are there already; nothing was made twice")
        return
    with stages.stage("statistics of the tables"):
        await analyze(settings)
