"""What was sold: a parcel is what a vendor earns at once. Parcels are locked here only, sorted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from estore.contracts.orders import OrderConfirmed
from estore.kit.db import Tx

_INSERT_EARNINGS = """
INSERT INTO earning (parcel_id, order_id, order_number, vendor_id, currency, items, discount, shipping, tax, total,
                     commission, commission_tax, sold_at, state, stage)
SELECT *, 'open', 'pending'
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::timestamptz[])
ON CONFLICT DO NOTHING
"""
_INSERT_LINES = """
INSERT INTO sale_line (line_id, parcel_id, order_id, vendor_id, product_id, sku, title, category_path, quantity,
                       unit_price, discount, tax, total, commission, commission_tax, currency, sold_at)
SELECT id, parcel_id, order_id, vendor_id, product_id, sku, title, string_to_array(path, '/'), quantity,
       unit_price, discount, tax, total, commission, commission_tax, currency, sold_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[],
            $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::text[],
            $17::timestamptz[])
    AS n (id, parcel_id, order_id, vendor_id, product_id, sku, title, path, quantity, unit_price, discount, tax, total,
          commission, commission_tax, currency, sold_at)
ON CONFLICT DO NOTHING
"""


async def insert_sales(tx: Tx, events: Sequence[tuple[OrderConfirmed, datetime]]) -> None:
    """Keep what was sold and who earns it; what is known already stays. events: with the time of the sale."""
    shares = sorted(
        ((share, event, at) for event, at in events for share in event.parcels), key=lambda each: each[0].parcel_id
    )
    await tx.execute(
        _INSERT_EARNINGS,
        [share.parcel_id for share, _, _ in shares],
        [event.order_id for _, event, _ in shares],
        [event.number for _, event, _ in shares],
        [share.vendor_id for share, _, _ in shares],
        [event.totals.currency for _, event, _ in shares],
        [share.items for share, _, _ in shares],
        [share.discount for share, _, _ in shares],
        [share.shipping for share, _, _ in shares],
        [share.tax for share, _, _ in shares],
        [share.total for share, _, _ in shares],
        [share.commission for share, _, _ in shares],
        [share.commission_tax for share, _, _ in shares],
        [at for _, _, at in shares],
    )
    # An order has one parcel per vendor.
    parcels = {(event.order_id, share.vendor_id): share.parcel_id for share, event, _ in shares}
    lines = sorted(
        ((line, event, at) for event, at in events for line in event.lines), key=lambda each: each[0].line_id
    )
    await tx.execute(
        _INSERT_LINES,
        [line.line_id for line, _, _ in lines],
        [parcels[event.order_id, line.vendor_id] for line, event, _ in lines],
        [event.order_id for _, event, _ in lines],
        [line.vendor_id for line, _, _ in lines],
        [line.product_id for line, _, _ in lines],
        [line.sku for line, _, _ in lines],
        [line.title for line, _, _ in lines],
        ["/".join(line.category_path) for line, _, _ in lines],
        [line.quantity for line, _, _ in lines],
        [line.unit_price for line, _, _ in lines],
        [line.discount for line, _, _ in lines],
        [line.tax for line, _, _ in lines],
        [line.total for line, _, _ in lines],
        [line.commission for line, _, _ in lines],
        [line.commission_tax for line, _, _ in lines],
        [event.totals.currency for _, event, _ in lines],
        [at for _, _, at in lines],
    )
