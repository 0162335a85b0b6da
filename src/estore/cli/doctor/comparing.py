"""Compares what services say of the same things.

A service's database may be on a server of its own, so nothing is joined in SQL: each side is read as a stream sorted by
key, in a snapshot of its own, and the streams are merged in bounded memory. On a live store the snapshots are moments
apart and events are on their way. So what disagrees is only suspected at first: it is compared again, and what still
disagrees is broken unless a message about it is on its way or it moved within the last minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ulid import base32

from estore.cli.doctor.messages import PAUSES, Found, Traced, first_id_at
from estore.kit.clock import SystemClock
from estore.kit.db import Tx
from estore.kit.service import Service

Services = Mapping[str, Service]
Row = Sequence[Any]
Stream = Callable[[Tx], AsyncIterator[Row]]
Verdict = dict[str, Any] | None

MAX_SUSPECTS = 100_000


@dataclass(frozen=True)
class Rule:
    """applies: whether the rule says anything of these rows. judge: what is wrong with them, None when nothing is."""

    number: int
    name: str
    applies: Callable[[Sequence[Any]], bool]
    judge: Callable[[Sequence[Any]], Verdict]


@dataclass(frozen=True)
class Comparison:
    """Sides to be merged by key, and what must hold between them. sides: (service, stream of (key, *values)).

    about: returns the subjects of events that speak of a key. youngest: a service that may be younger than the others;
    orders from before its first day are not compared.
    """

    sides: Sequence[tuple[str, Stream]]
    rules: Sequence[Rule]
    about: Callable[[str, Sequence[Any]], Sequence[str]]
    youngest: str = ""


@dataclass
class _Looks:
    over: list[int]
    suspects: dict[tuple[int, str], tuple[dict[str, Any], Sequence[str]]] = field(default_factory=dict)


async def compare(services: Services, comparison: Comparison, traced: Traced, grace: timedelta) -> list[Found]:
    """Merge the sides, and look again at what disagrees."""
    looks = await _look(services, comparison)
    over = looks.over
    for pause in PAUSES:
        if not looks.suspects:
            break
        await asyncio.sleep(pause)
        again = await _look(services, comparison)
        kept = {key: again.suspects[key] for key in looks.suspects.keys() & again.suspects.keys()}
        looks = _Looks(over, dict(sorted(kept.items())))
    subjects = {subject for _, about in looks.suspects.values() for subject in about}
    moving = subjects & traced.on_their_way | await _recently_moved(services, subjects, grace)
    broken: list[list[dict[str, Any]]] = [[] for _ in comparison.rules]
    for (index, _), (row, about) in looks.suspects.items():
        if not moving.intersection(about):
            broken[index].append(row)
    return [Found(r.number, r.name, over[i], broken[i]) for i, r in enumerate(comparison.rules)]


async def _look(services: Services, comparison: Comparison) -> _Looks:
    looks = _Looks([0] * len(comparison.rules))
    async with AsyncExitStack() as stack:
        sides = []
        for name, stream in comparison.sides:
            tx = await stack.enter_async_context(services[name].db.transaction(snapshot=True))
            sides.append(stream(tx))
        first = await _first_order_of(services[comparison.youngest]) if comparison.youngest else ""
        rows = await stack.enter_async_context(aclosing(merged(sides)))
        async for key, values in rows:
            if key < first:
                continue
            for index, rule in enumerate(comparison.rules):
                if not rule.applies(values):
                    continue
                looks.over[index] += 1
                wrong = rule.judge(values)
                if wrong is not None and len(looks.suspects) < MAX_SUSPECTS:
                    looks.suspects[index, key] = ({"key": key} | wrong, comparison.about(key, values))
    return looks


async def merged(sides: Sequence[AsyncIterator[Row]]) -> AsyncGenerator[tuple[str, list[Any]], None]:
    """Yield (key, what each side says of it, None for nothing), ordered by key. Each side is sorted by its key.

    Raises ValueError for a side that is not: its rows would seem to be missing elsewhere.
    """
    heads = await asyncio.gather(*(anext(side, None) for side in sides))
    while keys := [head[0] for head in heads if head is not None]:
        key = min(keys)
        values = [head if head is not None and head[0] == key else None for head in heads]
        yield key, values
        for index, value in enumerate(values):
            if value is not None:
                heads[index] = head = await anext(sides[index], None)
                if head is not None and head[0] <= key:
                    raise ValueError(f"a stream is not sorted: {head[0]} comes after {key}")


_MOVED = r"""
SELECT DISTINCT subject FROM (
    SELECT CASE WHEN subject LIKE 'pcl\_%' THEN 'ord_' || split_part(substr(subject, 5), '-', 1) ELSE subject END
    FROM outbox WHERE id >= $1) moved (subject)
WHERE subject = ANY($2::text[])
"""


async def _recently_moved(services: Services, subjects: Collection[str], grace: timedelta) -> set[str]:
    """Return those of `subjects` of which an event was emitted within the grace. A parcel speaks of its order."""
    if not subjects or not grace:
        return set()
    since = first_id_at(SystemClock().now() - grace)
    moved: set[str] = set()
    for service in services.values():
        async with service.db.read() as tx:
            moved.update(row[0] for row in await tx.fetch(_MOVED, since, sorted(subjects)))
    return moved


async def _first_order_of(service: Service) -> str:
    """Return what the ids of orders that were placed since the service's first day sort after."""
    async with service.db.read() as tx:
        born: datetime = await tx.fetchval("SELECT min(applied_at) FROM schema_migration")
    return f"ord_{base32.encode(first_id_at(born).bytes)}"
