"""What one operation costs, summed up for an order, and what that makes of a service and of its database."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench.capacity import limits as at
from bench.capacity.demand import Demand

FIGURES = Path(__file__).parent / "figures.json"
QUOTES_PER_ORDER = 2.0
STOCK_LOOKS_PER_ORDER = 1.0
SUGGESTIONS_PER_SEARCH = 3.0
OUTBOX_DAYS, ONCE_DAYS, PASSING_DAYS = 7, 30, 30
LEAST_SECONDS = 1e-5
"""Of a service for one order: below it is noise."""
LASTING = ("order", "fulfilment")
"""Operations whose rows are kept for `retention_days`; those of the others go within PASSING_DAYS."""
CUSTOMER_BYTES = 3000
"""Assumed: an account with its addresses, sessions and mails, in the tables of identity."""


class Service(msgspec.Struct, frozen=True):
    """cores: busy at the peak, of all pods. memory_mb: of all pods. connections: to PostgreSQL, at most.
    orders_per_core: rate of orders, with all that comes with one, that fills one core of this service."""

    name: str
    pods: int
    cores: float
    memory_mb: int
    connections: int
    orders_per_core: float | None


class Database(msgspec.Struct, frozen=True):
    """One service's database. cores: busy at the peak. disk_gb: once retention_days have passed."""

    name: str
    cores: float
    wal_mb_per_second: float
    disk_gb_per_day: float
    disk_gb_per_year: float
    disk_gb: float


def figures() -> dict[str, Any]:
    """Return what `python -m bench.capacity measure` wrote."""
    found: dict[str, Any] = msgspec.json.decode(FIGURES.read_bytes())
    return found


def weights(d: Demand) -> dict[str, float]:
    """Return how often each operation happens for one order."""
    return {
        "order": 1.0,
        "fulfilment": 1.0,
        "cart": d.carts_per_order,
        "quote": QUOTES_PER_ORDER,
        "order_view": d.looks_per_order,
        "stock": STOCK_LOOKS_PER_ORDER,
        "product_hit": d.reads_per_order * d.cache_hits,
        "product_miss": d.reads_per_order * (1 - d.cache_hits),
        "search": d.searches_per_order,
        "suggest": d.searches_per_order * SUGGESTIONS_PER_SEARCH,
        "sign_in": d.sign_ins_per_order,
    }


class Costs:
    """Sums over the operations of one order."""

    def __init__(self, found: Mapping[str, Any], d: Demand) -> None:
        self._operations: Mapping[str, Any] = found["operations"]
        self._weights = weights(d)
        self._sums: dict[tuple[str, str], float] = {}
        self.roles = sorted(name for name in self.names("cpu_ms") if _is_role(name))
        self.rest: Mapping[str, float] = found["rest_cores"]

    def sum(self, kind: str, name: str) -> float:
        """Return the figure `kind` of `name` for one order, everything that comes with it included."""
        if (kind, name) not in self._sums:
            self._sums[kind, name] = sum(
                w * float(self._operations[op][kind].get(name, 0.0)) for op, w in self._weights.items()
            )
        return self._sums[kind, name]

    def seconds(self, name: str) -> float:
        """Processor seconds of a process for one order."""
        return self.sum("cpu_ms", name) / 1000

    def names(self, kind: str) -> set[str]:
        return {name for op in self._weights for name in self._operations[op][kind]}

    def total(self, kind: str) -> float:
        return sum(w * float(self._operations[op][kind]) for op, w in self._weights.items())

    def disk(self, service: str, d: Demand) -> tuple[float, float]:
        """Return the bytes of one order in `service` that stay for good, and those per order-per-day that pass."""
        lasting = passing = 0.0
        for op, weight in self._weights.items():
            disk = self._operations[op]["disk"]
            passing += weight * disk.get(f"{service}.outbox", 0) * OUTBOX_DAYS
            passing += weight * disk.get(f"{service}.once", 0) * ONCE_DAYS
            rest = weight * disk.get(f"{service}.rest", 0)
            if op in LASTING:
                lasting += rest
            else:
                passing += rest * PASSING_DAYS
        return lasting, passing


def service_of(name: str, d: Demand, costs: Costs, found: Mapping[str, Any]) -> Service:
    each = costs.seconds(name)
    rest = costs.rest.get(name, 0.0)
    work = each * d.orders_per_second
    room = max(1 - d.headroom - rest, 0.05)
    pods = max(d.replicas, math.ceil(work / room))
    memory = max(found["memory_mb"]["rest"][name], found["memory_mb"]["loaded"][name])
    if name == "search":
        memory += at.READER_MB_PER_MILLION * d.products / 1_000_000
    return Service(
        name=name,
        pods=pods,
        cores=round(work + pods * rest, 3),
        memory_mb=round(memory * pods),
        connections=pods * (at.POOL + at.EXTRA_CONNECTIONS.get(name, 1)),
        orders_per_core=round(1 / each, 1) if each > LEAST_SECONDS else None,
    )


def database_of(name: str, d: Demand, costs: Costs, found: Mapping[str, Any], pods: int) -> Database:
    own = costs.seconds(f"postgres:{name}")
    everybody = sum(costs.seconds(role) for role in costs.roles)
    # What the server's own processes did (vacuum, checkpoints, the writer of its log), shared out by use.
    share = costs.seconds("postgres:server") * own / everybody if everybody else 0.0
    lasting, passing = costs.disk(name, d)
    seeded = sum(size for key, size in found["seeded_bytes"].items() if key == f"{name}.rest")
    base = seeded * d.products / found["machine"]["products"]
    if name == "identity":
        base = float(CUSTOMER_BYTES * d.customers)
    kept = lasting * d.orders_per_day * d.retention_days + passing * d.orders_per_day + base
    a_day = lasting * d.orders_per_day / 1e9
    return Database(
        name=name,
        cores=round((own + share) * d.orders_per_second + pods * costs.rest.get(f"postgres:{name}", 0.0), 3),
        wal_mb_per_second=round(costs.sum("wal", name) * d.orders_per_second / 1e6, 4),
        disk_gb_per_day=round(a_day, 4),
        disk_gb_per_year=round(a_day * 365, 3),
        disk_gb=round(kept / 1e9, 3),
    )


def _is_role(name: str) -> bool:
    return name.startswith("postgres:") and name != "postgres:server"
