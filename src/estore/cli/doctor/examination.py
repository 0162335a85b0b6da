"""All checks, and the table of what they found.

Each check reads one consistent snapshot of one service. Checks across services compare what each says; what is still
on its way between two services is given time before it counts as broken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from estore.cli.compose import SERVICES, build
from estore.cli.doctor.books import BOOKS
from estore.cli.doctor.comparing import Services, compare
from estore.cli.doctor.copies import COPIES
from estore.cli.doctor.messages import Found, trace
from estore.cli.doctor.orders import ORDERS
from estore.kit.service import Invariant, Service
from estore.kit.settings import Settings

SHOWN = 5
GRACE = timedelta(minutes=5)


class Finding(msgspec.Struct, frozen=True):
    """What one check found. broken: the first rows that break it; over: how many rows it was proved over."""

    number: int
    service: str
    name: str
    over: int
    broken: list[dict[str, Any]]

    @property
    def holds(self) -> bool:
        return not self.broken


def _kit_invariants(grace: timedelta) -> tuple[Invariant, ...]:
    """Return the kit's own promises, for every service."""
    return (
        Invariant(
            13,
            "every event is published within minutes",
            "SELECT id::text, name, occurred_at::text FROM outbox WHERE published_at IS NULL"
            f" AND occurred_at <= now() - interval '{grace.total_seconds()} seconds'",
            "SELECT count(*) FROM outbox",
        ),
        Invariant(
            13,
            "no message is dead",
            "SELECT queue, message_id::text, error FROM delivery WHERE state = 'dead'",
            "SELECT count(*) FROM delivery",
        ),
    )


async def examine(settings: Settings, names: Sequence[str] = SERVICES, *, grace: timedelta = GRACE) -> list[Finding]:
    """Run every check and return the findings, broken ones included.

    grace: for so long what moves may still be on its way between two services. 0 for a store at rest.
    """
    services = build(settings, names)
    for service in services:
        await service.db.open()
    try:
        return await examine_open(services, grace=grace)
    finally:
        for service in services:
            await service.db.close()


async def examine_open(services: Sequence[Service], *, grace: timedelta = GRACE) -> list[Finding]:
    """`examine` services whose databases are open: a fifth of the work, where it is done again and again."""
    found = await asyncio.gather(*(_within(service, grace) for service in services))
    findings = [finding for part in found for finding in part]
    if {service.name for service in services} == set(SERVICES):
        across = await _across({service.name: service for service in services}, grace)
        findings += [
            Finding(f.number, "all", f.name, f.over, [_shown(row) for row in f.broken[:SHOWN]]) for f in across
        ]
    return sorted(findings, key=lambda f: (f.number, f.service))


async def _across(services: Services, grace: timedelta) -> list[Found]:
    traced = await trace(services, grace)
    compared = await asyncio.gather(*(compare(services, each, traced, grace) for each in (ORDERS, BOOKS, *COPIES)))
    return [*traced.found, *(found for part in compared for found in part)]


async def _within(service: Service, grace: timedelta) -> list[Finding]:
    findings: list[Finding] = []
    async with service.db.transaction(snapshot=True) as tx:
        for invariant in (*service.invariants, *_kit_invariants(grace)):
            rows = await tx.fetch(f"SELECT * FROM ({invariant.sql.strip().rstrip(';')}) broken LIMIT {SHOWN}")
            over = await tx.fetchval(invariant.over)
            broken = [_shown(dict(row)) for row in rows]
            findings.append(Finding(invariant.number, service.name, invariant.name, int(over or 0), broken))
    return findings


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: str(value) for key, value in row.items()}


def show(findings: Sequence[Finding]) -> None:
    """Print the findings as a table, broken ones with their rows."""
    console = Console(highlight=False)
    table = Table("", "rule", "service", "what must hold", "proved over", box=None, pad_edge=False)
    for finding in findings:
        mark = "[green]✓[/]" if finding.holds else "[red]✗[/]"
        table.add_row(mark, str(finding.number or "-"), finding.service, finding.name, f"{finding.over:,} rows")
    console.print(table)
    for finding in findings:
        for row in finding.broken:
            console.print(f"[red]✗[/] {finding.service}: {finding.name}: {row}", soft_wrap=True)
    broken = sum(not finding.holds for finding in findings)
    console.print(f"\n{len(findings) - broken} hold, {broken} broken")
