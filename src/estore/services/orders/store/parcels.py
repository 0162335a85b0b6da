"""Parcels as vendors see them: whose rows they are is part of every query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from estore.contracts.orders import ParcelLine
from estore.kit.db import Tx
from estore.kit.money import Money
from estore.services.orders.domain import Address, VendorLine, VendorParcel, line_id, parcel_id

_SHOWN = """
SELECT p.order_id, p.no, o.number, p.vendor_id, p.status, o.address, o.shipping_method, o.currency, p.items, p.discount,
    p.shipping, p.tax, p.total, p.commission, o.created_at, p.carrier, p.tracking, p.shipped_at, p.delivered_at,
    p.version,
    (SELECT json_agg(json_build_array(no, sku, product_id, title, quantity, unit_price, discount, tax, total,
                                      commission) ORDER BY no)
     FROM order_line l WHERE l.order_id = p.order_id AND l.parcel = p.no AND l.vendor_id = p.vendor_id)::text AS lines
FROM parcel p JOIN purchase_order o ON o.order_id = p.order_id
"""
# Each status is one version: pending 1, open 2. What was cancelled at 2 never was a vendor's business, nor its address.
_WAS_PAID = "({0}.status <> 'cancelled' OR {0}.version > 2)"
# vendors NULL: an operator, who sees all.
_ONE = f"""
{_SHOWN} WHERE p.order_id = $1 AND p.no = $2 AND p.status <> 'pending'
AND ($3::text[] IS NULL OR (p.vendor_id = ANY($3::text[]) AND {_WAS_PAID.format("p")}))
"""
_PAGE_OF_VENDORS = f"""
{_SHOWN} WHERE (p.order_id, p.no) IN (
    SELECT page.order_id, page.no
    FROM unnest($1::text[]) AS v (vendor_id) CROSS JOIN unnest($2::text[]) AS s (status)
    CROSS JOIN LATERAL (
        SELECT q.order_id, q.no FROM parcel q
        WHERE q.vendor_id = v.vendor_id AND q.status = s.status AND q.status <> 'pending' AND {_WAS_PAID.format("q")}
          AND ($3::text IS NULL OR (q.order_id, q.no) < ($3, $4::int))
        ORDER BY q.order_id DESC, q.no DESC LIMIT $5
    ) AS page
    ORDER BY page.order_id DESC, page.no DESC LIMIT $5)
ORDER BY p.order_id DESC, p.no DESC
"""
_PAGE_OF_ALL = f"""
{_SHOWN} WHERE p.status = ANY($1::text[]) AND ($2::text IS NULL OR (p.order_id, p.no) < ($2, $3::int))
ORDER BY p.order_id DESC, p.no DESC LIMIT $4
"""
_SHIP = """
UPDATE parcel SET status = 'shipped', carrier = $3, tracking = $4, shipped_at = $5, version = version + 1
WHERE order_id = $1 AND no = $2 AND status = 'open'
"""
_DELIVER = """
UPDATE parcel SET status = 'delivered', delivered_at = $3, version = version + 1
WHERE order_id = $1 AND no = $2 AND status = 'shipped'
"""
_DELIVER_ALL = """
UPDATE parcel SET status = 'delivered', delivered_at = $2, version = version + 1
WHERE order_id = ANY($1::text[]) AND status = 'shipped'
RETURNING order_id, no, vendor_id, version
"""
_STATUSES = "SELECT no, vendor_id, status, version FROM parcel WHERE order_id = $1 ORDER BY no"
_LINES = "SELECT no, sku, quantity, parcel FROM order_line WHERE order_id = $1 ORDER BY no"
_LINES_OF_MANY = (
    "SELECT order_id, no, sku, quantity, parcel FROM order_line WHERE order_id = ANY($1::text[]) ORDER BY 1, 2"
)


class _Line(msgspec.Struct, frozen=True, array_like=True):
    no: int
    sku: str
    product_id: str
    title: str
    quantity: int
    unit_price: int
    discount: int
    tax: int
    total: int
    commission: int


class ParcelRow(msgspec.Struct, frozen=True):
    no: int
    vendor_id: str
    status: str
    version: int


_lines = msgspec.json.Decoder(tuple[_Line, ...]).decode


async def show_parcel(tx: Tx, order_id: str, number: int, vendors: Sequence[str] | None) -> VendorParcel | None:
    """Read one parcel, if it is one of `vendors`' (None: an operator asks) and its order was confirmed."""
    row = await tx.fetchrow(_ONE, order_id, number, vendors)
    return None if row is None else _view(row)


async def list_parcels(
    tx: Tx,
    *,
    vendors: Sequence[str] | None,
    statuses: Sequence[str],
    before: tuple[str, int] | None,
    at_most: int,
) -> list[VendorParcel]:
    """Read a page of parcels, newest order first: of `vendors`, or of all when None."""
    order_id, number = before or (None, None)
    if vendors is None:
        rows = await tx.fetch(_PAGE_OF_ALL, statuses, order_id, number, at_most)
    else:
        rows = await tx.fetch(_PAGE_OF_VENDORS, vendors, statuses, order_id, number, at_most)
    return [_view(row) for row in rows]


def _view(row: Any) -> VendorParcel:
    order_id, currency = row["order_id"], row["currency"]

    def money(amount: int) -> Money:
        return Money(amount, currency)

    return VendorParcel(
        id=parcel_id(order_id, row["no"]),
        order_id=order_id,
        order_number=row["number"],
        vendor_id=row["vendor_id"],
        status=row["status"],
        lines=tuple(
            VendorLine(
                line_id(order_id, line.no),
                line.sku,
                line.product_id,
                line.title,
                line.quantity,
                money(line.unit_price),
                money(line.discount),
                money(line.tax),
                money(line.total),
                money(line.commission),
            )
            for line in _lines(row["lines"])
        ),
        shipping_address=msgspec.convert(row["address"], Address),
        shipping_method=row["shipping_method"],
        items=money(row["items"]),
        discount=money(row["discount"]),
        shipping=money(row["shipping"]),
        tax=money(row["tax"]),
        total=money(row["total"]),
        commission=money(row["commission"]),
        payable=money(row["total"] - row["commission"]),
        ordered_at=row["created_at"],
        carrier=row["carrier"],
        tracking=row["tracking"],
        shipped_at=row["shipped_at"],
        delivered_at=row["delivered_at"],
        version=row["version"],
    )


async def parcels_of(tx: Tx, order_id: str) -> list[ParcelRow]:
    """Read the parcels of an order whose row is locked."""
    return [ParcelRow(*row) for row in await tx.fetch(_STATUSES, order_id)]


async def parcel_lines(tx: Tx, order_id: str, number: int) -> tuple[ParcelLine, ...]:
    """Read what is in a parcel, as events carry it."""
    rows = await tx.fetch(_LINES, order_id)
    return tuple(ParcelLine(line_id(order_id, r["no"]), r["sku"], r["quantity"]) for r in rows if r["parcel"] == number)


async def ship(tx: Tx, order_id: str, number: int, carrier: str | None, tracking: str | None, now: datetime) -> None:
    """Mark an open parcel of a locked order as shipped."""
    await tx.execute(_SHIP, order_id, number, carrier, tracking, now)


async def deliver(tx: Tx, order_id: str, number: int, now: datetime) -> None:
    """Mark a shipped parcel of a locked order as delivered."""
    await tx.execute(_DELIVER, order_id, number, now)


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
