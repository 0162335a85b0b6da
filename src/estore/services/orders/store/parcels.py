"""Parcels as vendors see them: whose rows they are is part of every query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from estore.contracts.orders import ParcelLine
from estore.kit.db import Tx
from estore.kit.money import Money
from estore.services.orders.domain import Address, VendorLine, VendorParcel, line_id, parcel_id
from estore.services.orders.store.shipments import SHIPMENTS, ParcelRow, ShipmentRows, shipments_of

_SHOWN = f"""
SELECT p.order_id, p.no, o.number, p.vendor_id, p.status, o.address, o.shipping_method, o.currency, p.items, p.discount,
    p.shipping, p.shipping_discount, p.funded, p.tax, p.total, p.commission, o.created_at, p.carrier, p.tracking,
    p.shipped_at, p.delivered_at, p.version, p.commission_tax, ({SHIPMENTS})::text AS shipments,
    (SELECT json_agg(json_build_array(no, sku, product_id, title, quantity, unit_price, discount, funded, tax,
                                      total, commission, commission_tax) ORDER BY no)
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
_STATUSES = "SELECT no, vendor_id, status, version FROM parcel WHERE order_id = $1 ORDER BY no"
_LINES = "SELECT no, sku, quantity, parcel FROM order_line WHERE order_id = $1 ORDER BY no"


class _Line(msgspec.Struct, frozen=True, array_like=True):
    no: int
    sku: str
    product_id: str
    title: str
    quantity: int
    unit_price: int
    discount: int
    funded: int
    tax: int
    total: int
    commission: int
    commission_tax: int


_lines = msgspec.json.Decoder(tuple[_Line, ...]).decode
_shipments = msgspec.json.Decoder(ShipmentRows).decode


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

    shipments = shipments_of(order_id, _shipments(row["shipments"]) if row["shipments"] is not None else None)
    shipped: Counter[str] = Counter()
    for shipment in shipments:
        shipped.update({line.line_id: line.quantity for line in shipment.lines})
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
                money(line.funded),
                money(line.tax),
                money(line.total),
                money(line.commission),
                money(line.commission_tax),
                shipped[line_id(order_id, line.no)],
            )
            for line in _lines(row["lines"])
        ),
        shipping_address=msgspec.convert(row["address"], Address),
        shipping_method=row["shipping_method"],
        items=money(row["items"]),
        discount=money(row["discount"]),
        shipping=money(row["shipping"]),
        shipping_discount=money(row["shipping_discount"]),
        tax=money(row["tax"]),
        total=money(row["total"]),
        funded=money(row["funded"]),
        borne=money(row["discount"] + row["shipping_discount"] - row["funded"]),
        commission=money(row["commission"]),
        commission_tax=money(row["commission_tax"]),
        payable=money(row["total"] + row["funded"] - row["commission"] - row["commission_tax"]),
        ordered_at=row["created_at"],
        carrier=row["carrier"],
        tracking=row["tracking"],
        shipped_at=row["shipped_at"],
        delivered_at=row["delivered_at"],
        shipments=shipments,
        version=row["version"],
    )


async def parcels_of(tx: Tx, order_id: str) -> list[ParcelRow]:
    """Read the parcels of an order whose row is locked."""
    return [ParcelRow(*row) for row in await tx.fetch(_STATUSES, order_id)]


async def parcel_lines(tx: Tx, order_id: str, number: int) -> tuple[ParcelLine, ...]:
    """Read what is in a parcel, as events carry it."""
    rows = await tx.fetch(_LINES, order_id)
    return tuple(ParcelLine(line_id(order_id, r["no"]), r["sku"], r["quantity"]) for r in rows if r["parcel"] == number)
