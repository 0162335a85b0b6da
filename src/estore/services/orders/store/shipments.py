"""Shipments: what of a parcel was handed to a carrier, when, and what the carrier said of it since.

Their rows change only while the row of their order is locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from estore.contracts.orders import ParcelLine
from estore.kit.db import Tx
from estore.services.orders.domain import HandingOver, Packed, Shipment, ShipmentLine, line_id

# JSON of the shipments of a parcel `p`. Nothing is looked up while nothing can be there.
SHIPMENTS = """
CASE WHEN p.status IN ('partly_shipped', 'shipped', 'delivered') THEN (
    SELECT json_agg(json_build_array(s.shipment_id, s.carrier, s.tracking, s.shipped_at, s.delivered_at,
        s.carrier_status, (SELECT json_agg(json_build_array(sl.line, sl.quantity) ORDER BY sl.line)
                           FROM shipment_line sl WHERE sl.shipment_id = s.shipment_id)) ORDER BY s.shipment_id)
    FROM shipment s WHERE s.order_id = p.order_id AND s.parcel = p.no) END
"""
_PACKED = """
SELECT l.no, l.sku, l.quantity, coalesce((
    SELECT sum(sl.quantity) FROM shipment s JOIN shipment_line sl USING (shipment_id)
    WHERE s.order_id = l.order_id AND s.parcel = l.parcel AND sl.line = l.no), 0)::int AS shipped
FROM order_line l WHERE l.order_id = $1 AND l.parcel = $2 ORDER BY l.no
"""
_HAND_OVER = """
WITH handed AS (
    INSERT INTO shipment (shipment_id, order_id, parcel, carrier, tracking, shipped_at)
    VALUES ($1, $2, $3, $4, $5, $6)
), packed AS (
    INSERT INTO shipment_line (shipment_id, line, quantity)
    SELECT $1, * FROM unnest($7::int2[], $8::int[])
)
UPDATE parcel SET version = version + 1,
    status = CASE WHEN $9 THEN 'shipped' ELSE 'partly_shipped' END,
    carrier = CASE WHEN $9 THEN $4 ELSE carrier END,
    tracking = CASE WHEN $9 THEN $5 ELSE tracking END,
    shipped_at = CASE WHEN $9 THEN $6 ELSE shipped_at END
WHERE order_id = $2 AND no = $3 AND status IN ('open', 'partly_shipped')
"""
_OF_PARCEL = """
SELECT shipment_id, shipped_at, delivered_at FROM shipment WHERE order_id = $1 AND parcel = $2 ORDER BY shipment_id
"""
_DELIVER = """
WITH arrived AS (
    UPDATE shipment s SET delivered_at = a.at FROM unnest($3::text[], $4::timestamptz[]) AS a (shipment_id, at)
    WHERE s.shipment_id = a.shipment_id AND s.delivered_at IS NULL
)
UPDATE parcel SET version = version + 1, status = CASE WHEN $5::timestamptz IS NULL THEN status ELSE 'delivered' END,
    delivered_at = $5
WHERE order_id = $1 AND no = $2 AND status IN ('partly_shipped', 'shipped')
"""
_DELIVER_ALL = """
WITH arrived AS (
    UPDATE shipment SET delivered_at = $2 WHERE order_id = ANY($1::text[]) AND delivered_at IS NULL
)
UPDATE parcel SET status = 'delivered', delivered_at = $2, version = version + 1
WHERE order_id = ANY($1::text[]) AND status = 'shipped'
RETURNING order_id, no, vendor_id, version
"""
_LINES_OF_MANY = (
    "SELECT order_id, no, sku, quantity, parcel FROM order_line WHERE order_id = ANY($1::text[]) ORDER BY 1, 2"
)
_NOTE = """
INSERT INTO carrier_event (carrier, event_id, tracking, status, at, received_at) VALUES (lower($1), $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING 1
"""
_TRACKED = """
SELECT shipment_id, order_id, parcel FROM shipment WHERE lower(carrier) = lower($1) AND tracking = $2 ORDER BY 2, 1
"""
_SAY = """
WITH said AS (
    UPDATE carrier_event SET shipments = cardinality($3::text[]) WHERE carrier = lower($1) AND event_id = $2
)
UPDATE shipment SET carrier_status = $4, carrier_at = $5
WHERE shipment_id = ANY($3::text[]) AND (carrier_at IS NULL OR carrier_at <= $5)
"""


class _Shipment(msgspec.Struct, frozen=True, array_like=True):
    shipment_id: str
    carrier: str | None
    tracking: str | None
    shipped_at: datetime
    delivered_at: datetime | None
    carrier_status: str | None
    lines: tuple[tuple[int, int], ...]


ShipmentRows = tuple[_Shipment, ...] | None
"""What SHIPMENTS decodes to."""


class Arrival(msgspec.Struct, frozen=True):
    """When a shipment left, and when it arrived, if it has."""

    shipment_id: str
    shipped_at: datetime
    delivered_at: datetime | None


class Tracked(msgspec.Struct, frozen=True):
    """A shipment that a carrier speaks of."""

    shipment_id: str
    order_id: str
    parcel: int


class ParcelRow(msgspec.Struct, frozen=True):
    no: int
    vendor_id: str
    status: str
    version: int


def shipments_of(order_id: str, rows: ShipmentRows) -> tuple[Shipment, ...]:
    """Show what SHIPMENTS read."""
    return tuple(
        Shipment(
            row.shipment_id,
            tuple(ShipmentLine(line_id(order_id, line), quantity) for line, quantity in row.lines),
            row.carrier,
            row.tracking,
            row.shipped_at,
            row.delivered_at,
            row.carrier_status,
        )
        for row in rows or ()
    )


async def packed(tx: Tx, order_id: str, number: int) -> list[Packed]:
    """Read the lines of a parcel, and how much of each was handed over."""
    rows = await tx.fetch(_PACKED, order_id, number)
    return [Packed(r["no"], line_id(order_id, r["no"]), r["sku"], r["quantity"], r["shipped"]) for r in rows]


async def hand_over(
    tx: Tx,
    shipment_id: str,
    parcel: tuple[str, int],
    what: HandingOver,
    carrier: str | None,
    tracking: str | None,
    now: datetime,
) -> None:
    """Write a shipment of a parcel (order id, number) that has something left, of a locked order."""
    await tx.execute(
        _HAND_OVER,
        shipment_id,
        *parcel,
        carrier,
        tracking,
        now,
        [line.no for line, _ in what.parts],
        [pieces for _, pieces in what.parts],
        what.complete,
    )


async def arrivals(tx: Tx, order_id: str, number: int) -> list[Arrival]:
    """Read the shipments of a parcel. Those that were shipped by an older version of this service have none."""
    return [Arrival(*row) for row in await tx.fetch(_OF_PARCEL, order_id, number)]


async def deliver(
    tx: Tx, order_id: str, number: int, arrived: Sequence[tuple[str, datetime]], complete: datetime | None
) -> None:
    """Mark shipments (id, when) of a parcel of a locked order as delivered. complete: when the last of all arrived."""
    await tx.execute(_DELIVER, order_id, number, [one for one, _ in arrived], [at for _, at in arrived], complete)


async def deliver_all(
    tx: Tx, order_ids: Sequence[str], now: datetime
) -> list[tuple[str, ParcelRow, tuple[ParcelLine, ...]]]:
    """Mark every parcel on its way as delivered, of locked orders; returns (order id, parcel, its lines) of each."""
    rows = await tx.fetch(_DELIVER_ALL, order_ids, now)
    lines: dict[tuple[str, int], list[ParcelLine]] = {}
    for row in await tx.fetch(_LINES_OF_MANY, order_ids):
        line = ParcelLine(line_id(row["order_id"], row["no"]), row["sku"], row["quantity"])
        lines.setdefault((row["order_id"], row["parcel"]), []).append(line)
    return [
        (
            row["order_id"],
            ParcelRow(row["no"], row["vendor_id"], "delivered", row["version"]),
            tuple(lines.get((row["order_id"], row["no"]), ())),
        )
        for row in rows
    ]


async def note_carrier_event(
    tx: Tx, carrier: str, event_id: str, tracking: str, status: str, at: datetime, now: datetime
) -> bool:
    """Note what a carrier said; False when it was noted before."""
    return await tx.fetchval(_NOTE, carrier, event_id, tracking, status, at, now) is not None


async def tracked(tx: Tx, carrier: str, tracking: str) -> list[Tracked]:
    """Find the shipments that a carrier knows by `tracking`."""
    return [Tracked(*row) for row in await tx.fetch(_TRACKED, carrier, tracking)]


async def carrier_says(
    tx: Tx, carrier: str, event_id: str, shipments: Sequence[str], status: str, at: datetime
) -> None:
    """Write what a carrier said of shipments of locked orders, unless it has said something newer."""
    await tx.execute(_SAY, carrier, event_id, shipments, status, at)
