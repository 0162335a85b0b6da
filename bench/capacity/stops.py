"""What stops more orders, and at which rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bench.capacity import limits as at
from bench.capacity.demand import Demand
from bench.capacity.limits import Limit
from bench.capacity.parts import Costs, Database, Service, database_of, service_of
from estore.cli.compose import SERVICES

LINES_PER_ORDER = 2
LEAST_RATE, MOST_RATE = 0.001, 1e9
"""Orders a second between which limits are looked for."""


def limits_of(d: Demand, costs: Costs, found: Mapping[str, Any]) -> list[Limit]:
    free = 1 - d.headroom
    limits = _database_limits(d, costs, found)

    def add(what: str, capacity: float, each: float, then: str, measured: bool = True) -> None:
        if each > 0:
            limits.append(Limit(what, _round(capacity / each), then, measured))

    queues = costs.names("heard") - {"ledger journal lines", "ledger journal entries"}
    # Sorted: of two that are as busy, every run names the same.
    busiest = max(sorted(queues), key=lambda queue: costs.sum("heard", queue))
    add(
        f"the busiest queue, {busiest}", at.QUEUE_PER_SECOND * free, costs.sum("heard", busiest),
        "a consistent hash exchange over several queues, by order id",
    )  # fmt: skip
    add(
        "one RabbitMQ cluster", at.BROKER_NODES / 3 * at.BROKER_CORES * free, costs.seconds("rabbitmq"),
        "a cluster for each group of exchanges, or streams", False,
    )  # fmt: skip
    add(
        "one hot SKU", at.HOT_SKU_PER_SECOND * free, LINES_PER_ORDER * d.hot_share,
        "stock of that SKU split over several locations, which are several rows",
    )  # fmt: skip
    add(
        "the journal of one database", at.POSTERS_LINES_PER_SECOND * free, costs.sum("heard", "ledger journal lines"),
        "the ledger partitioned by vendor",
    )  # fmt: skip
    heard = sum(costs.sum("heard", queue) for queue in costs.names("heard") if queue.startswith("search."))
    add(
        "the writer of one search index", at.INDEX_PER_SECOND * free, heard + d.changes_per_order,
        "an index for each part of the catalogue, asked side by side",
    )  # fmt: skip
    return limits


def _database_limits(d: Demand, costs: Costs, found: Mapping[str, Any]) -> list[Limit]:
    """What is there from the first order on, such as pods at rest and the rows of products, is no matter of rate: so
    these are looked for, not divided."""
    names = list(SERVICES)

    def at_rate(rate: float) -> Demand:
        return msgspec.structs.replace(d, orders_per_second=rate)

    def services(rate: float) -> list[Service]:
        return [service_of(name, at_rate(rate), costs, found) for name in names]

    def databases(rate: float) -> list[Database]:
        return [database_of(s.name, at_rate(rate), costs, found, s.pods) for s in services(rate)]

    room = d.database_cores * (1 - d.headroom)
    disk = at.SERVER_DISK_TB * 1000
    per_service = "a database server per service, ESTORE_<SERVICE>_DATABASE_URL"
    split = "tables partitioned by time; then several servers by order id, or Citus"

    def connections(rate: float, name: str) -> float:
        return service_of(name, at_rate(rate), costs, found).connections

    def database(rate: float, name: str) -> Database:
        return next(x for x in databases(rate) if x.name == name)

    def limit(what: str, use: Callable[[float], float], capacity: float, then: str, measured: bool = True) -> None:
        limits.append(Limit(what, crossing(use, capacity), then, measured))

    limits: list[Limit] = []
    one = f"one PostgreSQL of {d.database_cores} cores"
    limit(f"{one}, processor", lambda n: sum(x.cores for x in databases(n)), room, per_service)
    wal = at.SERVER_WAL_MB
    limit(f"{one}, its log", lambda n: sum(x.wal_mb_per_second for x in databases(n)), wal, per_service, False)
    limit(f"{one}, disk", lambda n: sum(x.disk_gb for x in databases(n)), disk, per_service, False)
    every = at.SERVER_CONNECTIONS
    limit(
        f"{one}, connections", lambda n: sum(s.connections for s in services(n)), every, f"PgBouncer, or {per_service}"
    )
    tightest = min(names, key=lambda name: crossing(lambda n: connections(n, name), at.ROLE_CONNECTIONS))
    fewer = "a smaller ESTORE_POOL_MAX, a higher limit of the role, then PgBouncer"
    limit(f"the role of {tightest}, connections", lambda n: connections(n, tightest), at.ROLE_CONNECTIONS, fewer)
    busiest = max(names, key=lambda name: costs.seconds(f"postgres:{name}"))
    limit(f"a PostgreSQL for {busiest} alone, processor", lambda n: database(n, busiest).cores, room, split)
    largest = max(databases(d.orders_per_second), key=lambda x: x.disk_gb).name
    limit(f"a PostgreSQL for {largest} alone, disk", lambda n: database(n, largest).disk_gb, disk, split, False)
    return limits


def crossing(use: Callable[[float], float], capacity: float) -> float:
    """Return the rate of orders at which `use`, which never falls, goes past `capacity`; to three digits."""
    low, high = LEAST_RATE, MOST_RATE
    if use(low) > capacity:
        return low
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if use(middle) > capacity else (middle, high)
    return _round(low)


def _round(number: float) -> float:
    return float(f"{number:.3g}")
