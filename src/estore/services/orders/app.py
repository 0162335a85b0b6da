"""Composition root of orders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated

import msgspec

from estore.kit.auth import Verifier
from estore.kit.clock import Clock, SystemClock
from estore.kit.db import Database
from estore.kit.endpoint import Edge
from estore.kit.ids import GuestSecrets
from estore.kit.rate import Limiter
from estore.kit.service import Invariant, Service
from estore.kit.settings import SettingError, Settings
from estore.services.orders import endpoints
from estore.services.orders.consumers import subscriptions
from estore.services.orders.domain import ReturnLimits, Tables, TablesWrong, read_tables
from estore.services.orders.gateways import Carriers, read_secrets
from estore.services.orders.jobs import jobs
from estore.services.orders.routes import routes
from estore.services.orders.saga import Limits
from estore.services.orders.service import Learning, Listing, Placing, Quotes, Refunds, Returns, Steps, Waiting
from estore.services.orders.service.promotions import Promotions
from estore.services.orders.service.redeeming import Redeeming
from estore.services.orders.store import INVARIANTS, Shelf
from estore.services.orders.store.measures import MEASURES

NAME = "orders"
Seconds = Annotated[int, msgspec.Meta(ge=1, le=365 * 86_400)]


class OrdersSettings(msgspec.Struct, frozen=True):
    """How long an order may wait for each step, in seconds; see `saga`.

    tables: a file like tables.toml here. reservation_seconds: for stock. payment_seconds: for the payment.
    action_seconds: for the customer to act on it. ship_seconds: for the vendors. deliver_seconds: for the carriers.
    return_seconds: in which it may be returned. grace_seconds: for messages on their way, beyond each of these.
    return_decision_seconds: for a vendor to answer a return, which is approved after that. return_arrival_seconds: for
    an approved return to arrive, which expires after that. return_inspection_seconds: for a vendor to inspect what came
    back, which is refunded in full after that.
    carriers_secret: `dhl=whsec_...,ups=whsec_...`, what each carrier signs its messages with; in the sandbox, where
    none is given, each carrier's is derived from the store's own.
    """

    tables: str = ""
    reservation_seconds: Seconds = 900
    payment_seconds: Seconds = 900
    action_seconds: Seconds = 1800
    ship_seconds: Seconds = 14 * 86_400
    deliver_seconds: Seconds = 30 * 86_400
    return_seconds: Seconds = 30 * 86_400
    grace_seconds: Seconds = 60
    return_decision_seconds: Seconds = 5 * 86_400
    return_arrival_seconds: Seconds = 21 * 86_400
    return_inspection_seconds: Seconds = 7 * 86_400
    carriers_secret: str = ""

    @property
    def return_limits(self) -> ReturnLimits:
        return ReturnLimits(
            decide=self.return_decision_seconds,
            arrive=self.return_arrival_seconds,
            inspect=self.return_inspection_seconds,
        )

    @property
    def limits(self) -> Limits:
        return Limits(
            reservation=self.reservation_seconds,
            payment=self.payment_seconds,
            action=self.action_seconds,
            ship=self.ship_seconds,
            deliver=self.deliver_seconds,
            returns=self.return_seconds,
            grace=self.grace_seconds,
        )


def load_tables(path: str, currency: str) -> Tables:
    """Read the tables at `path`, or our own. Raises SettingError, one line that says what is wrong where."""
    name = path or "tables.toml"
    try:
        text = (Path(path) if path else resources.files(__package__) / "tables.toml").read_text("utf-8")
        return read_tables(text, currency)
    except (OSError, UnicodeDecodeError, TablesWrong) as error:
        raise SettingError(f"ESTORE_ORDERS_TABLES: {name}: {error}") from None


def _carriers(settings: Settings, own: OrdersSettings) -> Callable[[str], str | None]:
    """Return what finds a carrier's secret. Raises SettingError for what is no list of them."""
    try:
        given = read_secrets(own.carriers_secret)
    except ValueError as error:
        raise SettingError(f"ESTORE_ORDERS_CARRIERS_SECRET: {error}") from None
    if given or not settings.sandbox or not settings.secret:
        return given.get
    return lambda carrier: settings.derived(f"orders carrier {carrier}")


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose orders."""
    own = settings.section(NAME, OrdersSettings)
    clock = clock or SystemClock()
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    shelf, waiting = Shelf(), Waiting()
    steps = Steps(own.limits, waiting)
    quotes = Quotes(
        load_tables(own.tables, settings.currency),
        shelf,
        Redeeming(edge.limiter, settings.derived("orders promotions")),
    )
    e = endpoints.build(
        edge,
        quotes=quotes,
        placing=Placing(quotes, own.limits, GuestSecrets(*settings.accepted("orders guests"))),
        steps=steps,
        learning=Learning(shelf),
        waiting=waiting,
        listing=Listing(timedelta(seconds=own.ship_seconds)),
        returns=timedelta(seconds=own.return_seconds),
        back=endpoints.giving_back(edge, Refunds(steps), Returns(steps, own.limits, own.return_limits)),
        promoting=endpoints.promoting(edge, Promotions(quotes.tables)),
    )
    return Service(
        name=NAME,
        prefixes=("/v1/quotes", "/v1/orders", "/v1/returns", "/v1/parcels", "/v1/promotions", "/v1/customer-groups"),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=clock,
        routes=routes(e, Carriers(_carriers(settings, own))),
        subscriptions=subscriptions(e),
        jobs=jobs(e, clock),
        invariants=[Invariant(*rule) for rule in INVARIANTS],
        measures=MEASURES,
        stop=[waiting.stop],
    )
