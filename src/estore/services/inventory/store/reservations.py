"""Reservations: one row per order, its lines as long as they hold something."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from estore.kit.db import Tx
from estore.services.inventory.domain import Decision, Held, Holds


class Reservation(msgspec.Struct, frozen=True):
    """An order's reservation. state: see the table. reason: `cancelled` or `expired`, of a released one."""

    order_id: str
    state: str
    reason: str | None = None


# Whoever comes second waits here for whoever came first: a cancellation that overtook its order is found, not missed.
_BEGIN = """
INSERT INTO reservation (order_id, state, expires_at, changed_at)
SELECT i.order_id, 'active', i.expires_at, $3
FROM unnest($1::text[], $2::timestamptz[]) AS i (order_id, expires_at) ORDER BY 1
ON CONFLICT DO NOTHING RETURNING order_id
"""
_DECIDE = """
WITH held AS (
    INSERT INTO reservation_line (order_id, sku, location_id, quantity)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[])
)
UPDATE reservation SET state = 'rejected', expires_at = NULL WHERE order_id = ANY($5::text[])
"""
_LOCK = """
SELECT order_id, state, reason FROM reservation WHERE order_id = ANY($1::text[]) ORDER BY order_id FOR UPDATE
"""
_BURY = """
INSERT INTO reservation (order_id, state, reason, changed_at)
SELECT i, 'released', 'cancelled', $2 FROM unnest($1::text[]) AS i ORDER BY 1
ON CONFLICT DO NOTHING
"""
_EXPIRED = """
SELECT order_id FROM reservation WHERE state = 'active' AND expires_at <= $1
ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_SET = """
UPDATE reservation SET state = $2, reason = $3, expires_at = NULL, changed_at = $4 WHERE order_id = ANY($1::text[])
"""
_LINES = """
SELECT order_id, sku, location_id, quantity FROM reservation_line WHERE order_id = ANY($1::text[])
ORDER BY order_id, sku, location_id
"""
_RELEASE = """
WITH gone AS (DELETE FROM reservation_line WHERE order_id = ANY($1::text[]))
UPDATE reservation SET state = 'released', reason = $2, expires_at = NULL, changed_at = $3
WHERE order_id = ANY($1::text[])
"""
_RECOVER = """
WITH held AS (
    INSERT INTO reservation_line (order_id, sku, location_id, quantity)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[])
)
UPDATE reservation SET state = i.state, reason = NULL, expires_at = NULL, changed_at = $7
FROM unnest($5::text[], $6::text[]) AS i (order_id, state) WHERE reservation.order_id = i.order_id
"""
# A shipment's id stands in parcel_id, which is older than shipments.
_ADD_SHIPMENTS = """
INSERT INTO shipment (parcel_id, order_id, shipped_at) SELECT *, $3 FROM unnest($1::text[], $2::text[]) ORDER BY 1
ON CONFLICT DO NOTHING RETURNING parcel_id
"""
_SHIPPED = """
WITH input AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[]) AS i (order_id, sku, location_id, quantity)
), left_over AS (
    UPDATE reservation_line l SET quantity = i.quantity FROM input i
    WHERE l.order_id = i.order_id AND l.sku = i.sku AND l.location_id = i.location_id AND i.quantity > 0
), gone AS (
    DELETE FROM reservation_line l USING input i
    WHERE l.order_id = i.order_id AND l.sku = i.sku AND l.location_id = i.location_id AND i.quantity = 0
), early AS (
    INSERT INTO shipped_early (shipment_id, order_id, sku, quantity)
    SELECT * FROM unnest($10::text[], $11::text[], $12::text[], $13::int[])
), missed AS (
    UPDATE shipment s SET missing = m.missing FROM unnest($7::text[], $8::int[]) AS m (parcel_id, missing)
    WHERE s.parcel_id = m.parcel_id
)
UPDATE reservation r SET state = o.state, reason = NULL, expires_at = NULL, changed_at = $9
FROM unnest($5::text[], $6::text[]) AS o (order_id, state) WHERE r.order_id = o.order_id
"""
_EARLY = """
SELECT order_id, sku, sum(quantity)::int FROM shipped_early WHERE order_id = ANY($1::text[]) GROUP BY 1, 2
"""
_ADD_RETURNS = """
INSERT INTO stock_return (return_id, order_id, received_at)
SELECT *, $3 FROM unnest($1::text[], $2::text[]) ORDER BY 1
ON CONFLICT DO NOTHING RETURNING return_id
"""
_OPEN = """
SELECT order_id, state FROM reservation WHERE state IN ('active', 'committed', 'oversold') ORDER BY order_id
"""


async def begin_reservations(
    tx: Tx, order_ids: Sequence[str], expires_at: Sequence[datetime], now: datetime
) -> set[str]:
    """Begin an active reservation for each order that is new; returns those. The others are known or were cancelled."""
    return {row[0] for row in await tx.fetch(_BEGIN, order_ids, expires_at, now)}


async def save_decision(tx: Tx, decision: Decision) -> None:
    """Write what was decided about reservations that this transaction began."""
    await tx.execute(_DECIDE, *_columns(decision.holds), list(decision.rejected))


async def lock_reservations(tx: Tx, order_ids: Collection[str]) -> dict[str, Reservation]:
    """Lock reservations in their one order; orders that were never heard of are not in the answer."""
    return {row[0]: Reservation(*row) for row in await tx.fetch(_LOCK, list(order_ids))}


async def bury_cancelled(tx: Tx, order_ids: Collection[str], now: datetime) -> None:
    """Leave a tombstone for orders that were cancelled before they were heard of."""
    await tx.execute(_BURY, list(order_ids), now)


async def claim_expired(tx: Tx, now: datetime, at_most: int) -> list[str]:
    """Lock active reservations past their deadline, those aside that somebody else works on."""
    return [row[0] for row in await tx.fetch(_EXPIRED, now, at_most)]


async def set_states(tx: Tx, order_ids: Sequence[str], state: str, reason: str | None, now: datetime) -> None:
    """Change the state of locked reservations that hold what they held before."""
    await tx.execute(_SET, order_ids, state, reason, now)


async def lines_of(tx: Tx, order_ids: Collection[str]) -> list[Held]:
    """Return what locked reservations hold."""
    return [Held(*row) for row in await tx.fetch(_LINES, list(order_ids))]


async def release_lines(tx: Tx, order_ids: Sequence[str], reason: str, now: datetime) -> None:
    """End locked reservations; their lines go."""
    await tx.execute(_RELEASE, order_ids, reason, now)


async def save_recovered(tx: Tx, holds: Holds, states: Mapping[str, str], now: datetime) -> None:
    """Hold again for orders whose hold had ended, and set the states that came of it."""
    await tx.execute(_RECOVER, *_columns(holds), list(states), list(states.values()), now)


async def add_shipments(tx: Tx, shipments: Mapping[str, str], now: datetime) -> set[str]:
    """Note shipments {shipment_id: order_id}; returns those that were not noted before."""
    return {row[0] for row in await tx.fetch(_ADD_SHIPMENTS, list(shipments), list(shipments.values()), now)}


async def shipped_early(tx: Tx, order_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """Return what left for locked orders while nothing was held for them: order id -> pieces by SKU."""
    found: dict[str, dict[str, int]] = {}
    for order_id, sku, pieces in await tx.fetch(_EARLY, list(order_ids)):
        found.setdefault(order_id, {})[sku] = pieces
    return found


async def add_returns(tx: Tx, returns: Mapping[str, str], now: datetime) -> set[str]:
    """Note returns {return_id: order_id} as taken back; returns those that were not noted before."""
    return {row[0] for row in await tx.fetch(_ADD_RETURNS, list(returns), list(returns.values()), now)}


async def finish_shipments(
    tx: Tx,
    lines: Sequence[Held],
    states: Mapping[str, str],
    missing: Mapping[str, int],
    early: Sequence[tuple[str, str, str, int]],
    now: datetime,
) -> None:
    """Write what is still held after shipments left, the states of their orders, and what was missing by shipment.

    early: (shipment id, order id, sku, pieces) that left while nothing was held for their orders.
    """
    await tx.execute(
        _SHIPPED,
        [line.order_id for line in lines],
        [line.sku for line in lines],
        [line.location_id for line in lines],
        [line.quantity for line in lines],
        list(states),
        list(states.values()),
        list(missing),
        list(missing.values()),
        now,
        *([row[column] for row in early] for column in range(4)),
    )


async def open_reservations(tx: Tx) -> AsyncIterator[tuple[str, str]]:
    """Yield (order_id, state) of all reservations that hold stock or should (active, committed, oversold), by order.

    For `doctor`, which compares them with the orders. Needs a transaction.
    """
    async for row in tx.stream(_OPEN):
        yield row[0], row[1]


def _columns(holds: Holds) -> tuple[list[str], list[str], list[str], list[int]]:
    return holds.order_ids, holds.skus, holds.location_ids, holds.quantities
