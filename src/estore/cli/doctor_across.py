"""Checks across services: each service is asked for what it knows, and the answers are compared here.

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
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ulid import base32

from estore.cli.doctor_messages import Found, Traced, trace
from estore.kit.clock import SystemClock
from estore.kit.db import Tx
from estore.kit.service import Service
from estore.services.inventory.store import open_reservations
from estore.services.ledger.store import stream_orders
from estore.services.orders.store import OrderFacts, stream_facts
from estore.services.payments.store import captures

Services = Mapping[str, Service]
Row = Sequence[Any]
Stream = Callable[[Tx], AsyncIterator[Row]]
Verdict = dict[str, Any] | None

MAX_SUSPECTS = 100_000
PAUSES = (0.3, 1.2)
"""Seconds before each further look at what is suspected: longer than an event takes from outbox to consumer."""

PAID = frozenset({"confirmed", "partly_shipped", "shipped", "delivered", "completed"})
STOCK_COMMITTED = frozenset({"confirmed", "partly_shipped"})
STOCK_HELD = frozenset({"placed", "awaiting_payment"})
ENDED = frozenset({"cancelled", "rejected"})


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


async def check_across(services: Services, grace: timedelta) -> list[Found]:
    """Return what was found between the services. grace: what moved within it may still be on its way."""
    traced = await trace(services, grace)
    compared = await asyncio.gather(*(compare(services, each, traced, grace) for each in COMPARISONS))
    return [*traced.found, *(found for part in compared for found in part)]


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
    moving = subjects & traced.on_their_way | await recently_moved(services, subjects, grace)
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


async def recently_moved(services: Services, subjects: Collection[str], grace: timedelta) -> set[str]:
    """Return those of `subjects` of which an event was emitted within the grace. A parcel speaks of its order."""
    if not subjects or not grace:
        return set()
    since = _first_id_at(SystemClock().now() - grace)
    moved: set[str] = set()
    for service in services.values():
        async with service.db.read() as tx:
            moved.update(row[0] for row in await tx.fetch(_MOVED, since, sorted(subjects)))
    return moved


def _first_id_at(moment: datetime) -> UUID:
    return UUID(int=int(moment.astimezone(UTC).timestamp() * 1000) << 80)


async def _first_order_of(service: Service) -> str:
    """Return what the ids of orders that were placed since the service's first day sort after."""
    async with service.db.read() as tx:
        born: datetime = await tx.fetchval("SELECT min(applied_at) FROM schema_migration")
    return f"ord_{base32.encode(_first_id_at(born).bytes)}"


# --- orders, what is held for them, and what was paid for them ----------------------------------------------------


async def _orders(tx: Tx) -> AsyncIterator[Row]:
    async for order in stream_facts(tx):
        yield order.order_id, order


def _order(values: Sequence[Any]) -> OrderFacts | None:
    return values[0][1] if values[0] is not None else None


def _held(values: Sequence[Any]) -> str | None:
    return values[1][1] if values[1] is not None else None


def _paid(values: Sequence[Any]) -> tuple[int, int] | None:
    return (values[2][1], values[2][2]) if values[2] is not None else None


def _is_paid_for(values: Sequence[Any]) -> bool:
    order = _order(values)
    return order is not None and order.status in PAID


def _held_for_nothing(values: Sequence[Any]) -> Verdict:
    order, held = _order(values), _held(values)
    status = order.status if order else None
    if status in STOCK_COMMITTED or (status in STOCK_HELD and held == "active"):
        return None
    return {"reservation": held, "order": status or "unknown"}


def _captured_in_vain(values: Sequence[Any]) -> Verdict:
    order, paid = _order(values), _paid(values)
    if order is None or paid is None:
        return {"captured": paid[0] if paid else None, "order": "unknown"}
    captured, refunded = paid
    # A lost dispute is given back too, though payments made no refund of it, and never more than was captured.
    given_back = min(captured, refunded + order.disputed)
    agreed = order.captured == captured and order.refunded == given_back
    # Where a refund failed, a person has to act, and both sides say so.
    ended_well = order.status in ENDED and (given_back == captured or order.refund_failed)
    if agreed and (order.status in PAID or ended_well):
        return None
    return {
        "order": order.status,
        "captured": captured,
        "refunded": refunded,
        "captured_say_orders": order.captured,
        "refunded_say_orders": order.refunded,
        "disputed": order.disputed,
    }


def _confirmed_in_vain(values: Sequence[Any]) -> Verdict:
    order, held, paid = _order(values), _held(values), _paid(values)
    # Where credit or a promotion pays all of it, payments is never asked.
    is_paid = order is not None and (paid is not None or order.to_pay == 0)
    if order is None or (is_paid and (order.status not in STOCK_COMMITTED or held == "committed")):
        return None
    return {"order": order.status, "captured": paid[0] if paid else None, "reservation": held}


def _charged_otherwise(values: Sequence[Any]) -> Verdict:
    order, paid = _order(values), _paid(values)
    if order is None or paid is None or paid[0] == order.to_pay:
        return None
    return {"order": order.status, "total": order.total, "credit": order.credit, "captured": paid[0]}


ORDERS = Comparison(
    (("orders", _orders), ("inventory", open_reservations), ("payments", captures)),
    (
        Rule(6, "stock is held for open orders only", lambda v: v[1] is not None, _held_for_nothing),
        Rule(9, "what was captured is confirmed, or refunded in time", lambda v: v[2] is not None, _captured_in_vain),
        Rule(10, "what is confirmed was captured, and its stock committed", _is_paid_for, _confirmed_in_vain),
        Rule(
            11,
            "an order's total, less credit, is what was captured for it",
            lambda v: v[2] is not None and _is_paid_for(v),
            _charged_otherwise,
        ),
    ),
    lambda key, _: (key,),
)

# --- what was captured, sold and given back, as the books have it ---------------------------------------------------


def _posted(values: Sequence[Any]) -> tuple[int, ...]:
    """Return what the ledger posted for an order: sold, captured, refunded, taken as credit, given back as credit."""
    return tuple(values[2][1:]) if values[2] is not None else (0,) * 5


def _sold_otherwise(values: Sequence[Any]) -> Verdict:
    order, sold = _order(values), _posted(values)[0]
    if order is not None and (sold == order.total or (not sold and order.status not in PAID)):
        return None
    return {"order": order.status if order else "unknown", "total": order.total if order else None, "posted": sold}


def _captured_otherwise(values: Sequence[Any]) -> Verdict:
    captured, posted = (values[1][1] if values[1] is not None else 0), _posted(values)[1]
    return None if captured == posted else {"captured": captured, "posted": posted}


def _refunded_otherwise(values: Sequence[Any]) -> Verdict:
    refunded, posted = (values[1][2] if values[1] is not None else 0), _posted(values)[2]
    return None if refunded == posted else {"refunded": refunded, "posted": posted}


def _credit(values: Sequence[Any]) -> tuple[int, int]:
    order = _order(values)
    return (order.credit or 0, order.credit_refunded) if order is not None else (0, 0)


def _credited_otherwise(values: Sequence[Any]) -> Verdict:
    (credit, back), (_, _, _, posted, posted_back) = _credit(values), _posted(values)
    if (credit, back) == (posted, posted_back):
        return None
    return {"credit": credit, "posted": posted, "given_back": back, "posted_back": posted_back}


BOOKS = Comparison(
    (("orders", _orders), ("payments", captures), ("ledger", stream_orders)),
    (
        Rule(
            4,
            "what is confirmed is sold in the ledger, for its total",
            lambda v: _is_paid_for(v) or _posted(v)[0] > 0,
            _sold_otherwise,
        ),
        Rule(
            4,
            "what was captured is in the ledger",
            lambda v: v[1] is not None or _posted(v)[1] > 0,
            _captured_otherwise,
        ),
        Rule(
            4,
            "what was given back is in the ledger",
            lambda v: (v[1] is not None and v[1][2] > 0) or _posted(v)[2] > 0,
            _refunded_otherwise,
        ),
        Rule(
            4,
            "what orders took and gave back as credit is in the ledger",
            lambda v: any(_credit(v)) or any(_posted(v)[3:]),
            _credited_otherwise,
        ),
    ),
    lambda key, _: (key,),
    youngest="ledger",
)

# --- what is for sale, as others keep it ----------------------------------------------------------------------------

# The catalog's columns compare bytes already; the others' are told to, so that all streams have one order.
_SAYS = {
    "catalog": "SELECT v.sku, p.id, p.vendor_id, v.price, p.currency, p.version FROM variant v"
    " JOIN product p ON p.id = v.product_id WHERE p.listed AND v.active ORDER BY v.sku",
    "orders": "SELECT sku, product_id, vendor_id, price, currency, price_version FROM offer WHERE status = 'active'"
    ' ORDER BY sku COLLATE "C"',
    "cart": "SELECT sku, product_id, vendor_id, price, currency, price_version FROM offer WHERE listed"
    ' ORDER BY sku COLLATE "C"',
}
_AVAILABLE = {
    "inventory": 'SELECT sku, announced, announcement FROM sku WHERE announcement > 0 ORDER BY sku COLLATE "C"',
    "catalog": "SELECT sku, available, version FROM stock ORDER BY sku",
    "cart": 'SELECT sku, available, stock_version FROM offer WHERE stock_version > 0 ORDER BY sku COLLATE "C"',
}

_RATED = {
    "reviews": "SELECT product_id, votes, stars, version FROM rating ORDER BY product_id",
    "catalog": "SELECT product_id, votes, stars, version FROM rating ORDER BY product_id",
}


def _reading(sql: str) -> Stream:
    async def stream(tx: Tx) -> AsyncIterator[Row]:
        async for row in tx.stream(sql):
            yield tuple(row)

    return stream


def _offer_differs(values: Sequence[Any]) -> Verdict:
    """The last column is a version: a copy's price may be older than the product, never newer."""
    truth, copy = values
    if truth is not None and copy is not None and truth[:5] == copy[:5] and copy[5] <= truth[5]:
        return None
    return {"catalog": _shown(truth), "copy": _shown(copy)}


def _availability_differs(values: Sequence[Any]) -> Verdict:
    truth, copy = values
    if truth == copy:
        return None
    return {"inventory": _shown(truth), "copy": _shown(copy)}


def _shown(row: Row | None) -> str:
    return "nothing" if row is None else " ".join(str(value) for value in row[1:])


def _offer_subjects(key: str, values: Sequence[Any]) -> Sequence[str]:
    return (key, *{row[1] for row in values if row is not None})


def _offers_of(service: str) -> Comparison:
    return Comparison(
        (("catalog", _reading(_SAYS["catalog"])), (service, _reading(_SAYS[service]))),
        (Rule(15, f"the offers in {service} are the catalog's", lambda v: True, _offer_differs),),
        _offer_subjects,
    )


def _availability_of(service: str) -> Comparison:
    return Comparison(
        (("inventory", _reading(_AVAILABLE["inventory"])), (service, _reading(_AVAILABLE[service]))),
        (Rule(15, f"the availability in {service} is inventory's", lambda v: True, _availability_differs),),
        lambda key, _: (key,),
    )


def _rating_differs(values: Sequence[Any]) -> Verdict:
    truth, copy = values
    if truth == copy:
        return None
    return {"reviews": _shown(truth), "copy": _shown(copy)}


def _ratings_of(service: str) -> Comparison:
    return Comparison(
        (("reviews", _reading(_RATED["reviews"])), (service, _reading(_RATED[service]))),
        (Rule(15, f"the ratings in {service} are those of reviews", lambda v: True, _rating_differs),),
        lambda key, _: (key,),
    )


COMPARISONS: Sequence[Comparison] = (
    ORDERS,
    BOOKS,
    _offers_of("orders"),
    _offers_of("cart"),
    _availability_of("catalog"),
    _availability_of("cart"),
    _ratings_of("catalog"),
)
