"""The plan as text that fits a page."""

from __future__ import annotations

from bench.capacity.demand import assumption
from bench.capacity.plan import Plan


def text(plan: Plan, preset: str | None = None) -> str:
    """Return the plan for people."""
    d, db, rabbit = plan.demand, plan.postgres, plan.rabbitmq
    lines = []
    if preset is not None:
        lines += [f"{preset}: {assumption(preset)}", ""]
    lines += [
        f"{d.orders_per_second:g} orders/s at the peak, {d.orders_per_day:,.0f} a day on average; for each order"
        f" {d.reads_per_order:g} pages, {d.searches_per_order:g} searches, {d.carts_per_order:g} carts,"
        f" {d.sign_ins_per_order:g} sign-ins; {d.headroom:.0%} of each core free",
        "",
        f"{'service':<10} {'pods':>5} {'cores':>8} {'MB':>8} {'connections':>12} {'orders/s a core':>16}",
    ]
    for s in plan.services:
        lines.append(
            f"{s.name:<10} {s.pods:>5} {s.cores:>8.2f} {s.memory_mb:>8,} {s.connections:>12,} "
            f"{'-' if s.orders_per_core is None else format(s.orders_per_core, ',.4g'):>16}"
        )
    lines += [
        "",
        f"{'database':<10} {'cores':>8} {'WAL MB/s':>9} {'GB a day':>9} {'GB a year':>10} {'GB at end':>12}",
    ]
    for x in db.databases:
        lines.append(
            f"{x.name:<10} {x.cores:>8.2f} {x.wal_mb_per_second:>9.3f} {x.disk_gb_per_day:>9.3f} "
            f"{x.disk_gb_per_year:>10,.1f} {x.disk_gb:>12,.1f}"
        )
    total = sum(x.disk_gb for x in db.databases)
    lines += [
        f"{'together':<10} {sum(x.cores for x in db.databases):>8.2f} {db.wal_mb_per_second:>9.3f} "
        f"{sum(x.disk_gb_per_day for x in db.databases):>9.3f} {sum(x.disk_gb_per_year for x in db.databases):>10,.1f} "
        f"{total:>12,.1f}",
        "",
        f"PostgreSQL  {db.layout}: {_count(db.primaries, 'primary', 'primaries')} of up to {db.cores_each} cores,"
        f" {_count(db.standbys, 'standby', 'standbys')}, {db.connections:,} connections,"
        f" {db.wal_flushes_per_second:,} flushes/s for {db.commits_per_second:,} commits/s",
        f"RabbitMQ    {_count(rabbit.nodes, 'node', 'nodes')}, {rabbit.cores:.2f} cores each, {rabbit.queues} queues,"
        f" {rabbit.published_per_second:,} messages/s in, {rabbit.delivered_per_second:,}/s out,"
        f" {rabbit.mb_per_second:.2f} MB/s",
        f"together    {plan.pods} pods, {plan.cores:.1f} cores busy, {plan.memory_gb:.1f} GB for the services",
        "",
        "what stops more, and what then (at orders/s; `*` rests on an assumption)",
    ]
    for limit in plan.limits[:10]:
        mark = "reached" if limit.what in plan.reached else ""
        name = limit.what + ("" if limit.measured else " *")
        lines.append(f"{limit.orders_per_second:>11,.4g}  {mark:<7}  {name}: {limit.then}")
    if plan.warnings:
        lines += ["", *(f"beware: {warning}" for warning in plan.warnings)]
    m = plan.measured
    lines += ["", f"measured {m['date']} at {m['commit']} on {m['cores']} cores of {m['cpu'] or 'an unnamed CPU'}"]
    return "\n".join(lines)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
