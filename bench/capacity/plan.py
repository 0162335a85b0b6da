"""The calculator: what was measured for one operation, times what is asked for.

Every cost is taken as linear, from the measurement with most orders at once: fewer at once cost more each, on machines
that have nothing else to do. What a process, or its connections, use at rest is added for each pod.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from bench.capacity import limits as at
from bench.capacity.demand import Demand
from bench.capacity.limits import Limit
from bench.capacity.parts import Costs, Database, Service, database_of, figures, service_of
from bench.capacity.stops import limits_of
from estore.cli.compose import SERVICES


class Servers(msgspec.Struct, frozen=True):
    """layout: `one server`, `one per service`, `partitioned`. primaries: servers that write; standbys: beside them.
    cores_each: of the largest primary, headroom included. wal_flushes_per_second: what the disk is asked to make
    durable, all primaries together; commits_per_second is what it would be without group commit."""

    layout: str
    primaries: int
    standbys: int
    cores_each: int
    connections: int
    wal_flushes_per_second: int
    commits_per_second: int
    wal_mb_per_second: float
    databases: list[Database]


class Broker(msgspec.Struct, frozen=True):
    """cores: busy at the peak, of each of three nodes: all of them write what one would."""

    nodes: int
    cores: float
    queues: int
    published_per_second: int
    delivered_per_second: int
    mb_per_second: float


class Plan(msgspec.Struct, frozen=True):
    """limits: in the order in which they are hit; `reached` says which are behind the demand already."""

    demand: Demand
    services: list[Service]
    postgres: Servers
    rabbitmq: Broker
    pods: int
    cores: float
    memory_gb: float
    connections: int
    limits: list[Limit]
    reached: list[str]
    warnings: list[str]
    measured: dict[str, Any]


def plan(d: Demand, found: Mapping[str, Any] | None = None) -> Plan:
    """Work out what a store needs. found: the figures, those of the repository unless others are given."""
    found = found or figures()
    costs = Costs(found, d)
    names = list(SERVICES)
    services = [service_of(name, d, costs, found) for name in names]
    pods = {service.name: service.pods for service in services}
    databases = [database_of(name, d, costs, found, pods[name]) for name in names]
    postgres = _servers(d, costs, services, databases)
    rabbit = _broker(d, costs, found)
    limits = sorted(limits_of(d, costs, found), key=lambda limit: limit.orders_per_second)
    cores = sum(s.cores for s in services) + sum(x.cores for x in databases) + rabbit.cores * min(3, rabbit.nodes)
    return Plan(
        demand=d,
        services=services,
        postgres=postgres,
        rabbitmq=rabbit,
        pods=sum(pods.values()),
        cores=round(cores, 2),
        memory_gb=round(sum(s.memory_mb for s in services) / 1024, 1),
        connections=sum(s.connections for s in services),
        limits=limits,
        reached=[limit.what for limit in limits if limit.orders_per_second <= d.orders_per_second],
        warnings=_warnings(d, found, services),
        measured=found["machine"],
    )


def _needed(d: Demand, cores: float, connections: float, disk_gb: float, wal: float) -> float:
    """Return how many of the largest servers these need."""
    return max(
        cores / (1 - d.headroom) / d.database_cores,
        connections / at.SERVER_CONNECTIONS,
        disk_gb / 1000 / at.SERVER_DISK_TB,
        wal / at.SERVER_WAL_MB,
    )


def _servers(d: Demand, costs: Costs, services: list[Service], databases: list[Database]) -> Servers:
    connections = {service.name: service.connections for service in services}
    total = sum(x.cores for x in databases)
    wal = sum(x.wal_mb_per_second for x in databases)
    everything = _needed(d, total, sum(connections.values()), sum(x.disk_gb for x in databases), wal)
    each = [math.ceil(_needed(d, x.cores, connections[x.name], x.disk_gb, x.wal_mb_per_second)) for x in databases]
    if everything <= 1:
        layout, primaries, largest = "one server", 1, total
    else:
        largest = max(x.cores / n for x, n in zip(databases, each, strict=True))
        layout, primaries = "one per service" if max(each) == 1 else "partitioned", sum(each)
    return Servers(
        layout=layout,
        primaries=primaries,
        standbys=primaries * at.STANDBYS if d.replicas > 1 else 0,
        cores_each=max(1, math.ceil(largest / (1 - d.headroom))),
        connections=sum(connections.values()),
        wal_flushes_per_second=math.ceil(costs.sum("server", "wal_syncs") * d.orders_per_second),
        commits_per_second=math.ceil(costs.sum("server", "commits") * d.orders_per_second),
        wal_mb_per_second=round(wal, 3),
        databases=databases,
    )


def _broker(d: Demand, costs: Costs, found: Mapping[str, Any]) -> Broker:
    cores = costs.seconds("rabbitmq") * d.orders_per_second
    # A queue has three members: a cluster of three does all work thrice, each node as much as one alone.
    full = math.ceil(3 * cores / (at.BROKER_CORES * (1 - d.headroom)))
    nodes = max(3, full) if d.replicas > 1 or full > 3 else 1
    events = sum(costs.sum("events", name) for name in costs.names("events"))
    heard = sum(costs.sum("heard", name) for name in costs.names("heard") if "journal" not in name)
    return Broker(
        nodes=nodes,
        cores=round(cores + costs.rest.get("rabbitmq", 0.0), 3),
        queues=found["queues"],
        published_per_second=math.ceil(events * d.orders_per_second),
        delivered_per_second=math.ceil(heard * d.orders_per_second),
        mb_per_second=round(costs.total("broker_bytes") * d.orders_per_second / 1e6, 3),
    )


def _warnings(d: Demand, found: Mapping[str, Any], services: list[Service]) -> list[str]:
    said = []
    rate = found["operations"]["order"]["per_second"]
    machine = found["machine"]
    if d.orders_per_second > rate:
        said.append(
            f"{d.orders_per_second:g} orders/s are {d.orders_per_second / rate:.1f} times the {rate:g}/s at which was"
            " measured; costs are taken as linear beyond"
        )
    if d.products > machine["products"]:
        said.append(f"pages and searches were measured with {machine['products']:,} products, not {d.products:,}")
    if any(service.pods > 1 for service in services):
        said.append("measured with one process per service: several share the messages, and their batches are smaller")
    if d.replicas > 1:
        said.append("RabbitMQ and PostgreSQL were measured as one node each, without replication over a network")
    orders = d.orders_per_day * min(d.retention_days, 365)
    if orders > 100_000:
        said.append(f"tables had some thousand orders when measured; after a year they have {orders:,.0f}")
    return said
