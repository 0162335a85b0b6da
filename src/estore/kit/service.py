"""What a service is, once it is composed: `app.build(settings) -> Service`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from prometheus_client import Gauge

from estore.kit.auth import Verifier
from estore.kit.bus.base import Subscription
from estore.kit.clock import Clock
from estore.kit.db import Database
from estore.kit.endpoint import Edge


@dataclass(frozen=True)
class Job:
    """Work that nobody asked for. `run` is called again `every` seconds after it ended, in every process:
    it must be safe to run twice at once (claims with SKIP LOCKED, conditional updates)."""

    name: str
    every: float
    run: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Invariant:
    """Something that must always hold.

    number: in DESIGN section 6; 0 for a rule of the service's own. sql: returns the rows that break it.
    over: returns how many rows it was proved over (one number).
    """

    number: int
    name: str
    sql: str
    over: str


@dataclass(frozen=True)
class Measure:
    """A gauge that is read from the service's database every few seconds, label `service` first.

    name, help: as Prometheus shows it; the name ends with its unit. sql: rows of `labels` and one number, always the
    same rows; one look into an index each, never a scan. labels: names of the columns before the number.
    """

    name: str
    help: str
    sql: str
    labels: tuple[str, ...] = ()

    @property
    def gauge(self) -> Gauge:
        return gauge_of(self.name, self.help, self.labels)


@cache
def gauge_of(name: str, text: str, labels: tuple[str, ...]) -> Gauge:
    """Return the one gauge of that name in this process."""
    return Gauge(name, text, ["service", *labels], multiprocess_mode="livemax")


@dataclass
class Service:
    """One composed service. routes: Litestar handlers, all under `prefixes`. start, stop: its own background parts.

    announces: the NOTIFY channel on which it tells what public answers changed; empty when nothing of it is cached.
    lacks: what of its own keeps it from serving yet, for people to read; empty when nothing does. Asked by `/readyz`.
    """

    name: str
    prefixes: Sequence[str]
    db: Database
    edge: Edge
    verifier: Verifier
    clock: Clock
    routes: Sequence[Any] = ()
    subscriptions: Sequence[Subscription] = ()
    jobs: Sequence[Job] = ()
    invariants: Sequence[Invariant] = ()
    measures: Sequence[Measure] = ()
    announces: str = ""
    lacks: Callable[[], str] = field(default=str)
    start: Sequence[Callable[[], Awaitable[None]]] = field(default_factory=list)
    stop: Sequence[Callable[[], Awaitable[None]]] = field(default_factory=list)
