"""What was sold: a parcel is what a vendor earns at once. Parcels are locked here only, sorted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from estore.contracts.orders import OrderConfirmed, RefundAllocated
from estore.kit.db import Record, Tx
from estore.services.ledger.domain.earnings import Earning

_INSERT_EARNINGS = """
INSERT INTO earning (parcel_id, order_id, order_number, vendor_id, currency, items, discount, shipping, tax, total,
                     commission, commission_tax, funded, sold_at, state, stage)
SELECT *, 'open', 'pending'
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::timestamptz[])
ON CONFLICT DO NOTHING
"""
_INSERT_LINES = """
INSERT INTO sale_line (line_id, parcel_id, order_id, vendor_id, product_id, sku, title, category_path, quantity,
                       unit_price, discount, tax, total, commission, commission_tax, funded, currency, sold_at)
SELECT id, parcel_id, order_id, vendor_id, product_id, sku, title, string_to_array(path, '/'), quantity,
       unit_price, discount, tax, total, commission, commission_tax, funded, currency, sold_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[],
            $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[],
            $17::text[], $18::timestamptz[])
    AS n (id, parcel_id, order_id, vendor_id, product_id, sku, title, path, quantity, unit_price, discount, tax, total,
          commission, commission_tax, funded, currency, sold_at)
ON CONFLICT DO NOTHING
"""
_LOCKED = """
parcel_id, order_id, vendor_id, currency, total, total + funded - commission - commission_tax AS payable, refunded,
taken, stage
"""
_LOCK = f"SELECT {_LOCKED} FROM earning WHERE parcel_id = ANY($1::text[]) ORDER BY parcel_id FOR UPDATE"
_LOCK_OF_ORDERS = f"SELECT {_LOCKED} FROM earning WHERE order_id = ANY($1::text[]) ORDER BY parcel_id FOR UPDATE"
_CLAIM_DUE = f"""
SELECT {_LOCKED} FROM earning WHERE stage = 'pending' AND available_at <= $1
ORDER BY available_at, parcel_id LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_CANCEL = """
WITH open AS (SELECT parcel_id FROM earning WHERE order_id = ANY($1::text[]) ORDER BY parcel_id FOR UPDATE)
UPDATE earning e SET state = 'cancelled' FROM open WHERE e.parcel_id = open.parcel_id AND e.state <> 'cancelled'
"""
# A parcel never goes back from delivered to shipped, whatever is heard late.
_SHIP = """
WITH locked AS (SELECT parcel_id FROM earning WHERE parcel_id = ANY($1::text[]) ORDER BY parcel_id FOR UPDATE)
UPDATE earning e
SET state = CASE WHEN e.state IN ('open', 'partly_shipped') AND n.complete THEN 'shipped'
                 WHEN e.state = 'open' THEN 'partly_shipped' ELSE e.state END,
    shipped_at = least(e.shipped_at, n.at)
FROM unnest($1::text[], $2::bool[], $3::timestamptz[]) AS n (parcel_id, complete, at), locked
WHERE e.parcel_id = n.parcel_id AND locked.parcel_id = n.parcel_id RETURNING e.parcel_id
"""
_DELIVER = """
WITH locked AS (SELECT parcel_id FROM earning WHERE parcel_id = ANY($1::text[]) ORDER BY parcel_id FOR UPDATE)
UPDATE earning e
SET state = CASE WHEN e.state = 'cancelled' THEN e.state ELSE 'delivered' END,
    delivered_at = n.at, available_at = coalesce(e.available_at, n.available_at)
FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS n (parcel_id, at, available_at), locked
WHERE e.parcel_id = n.parcel_id AND locked.parcel_id = n.parcel_id RETURNING e.parcel_id
"""
_TAKE = """
UPDATE earning e SET refunded = e.refunded + n.refunded, taken = e.taken + n.taken,
    state = CASE WHEN n.cancelled AND e.refunded + n.refunded >= e.total THEN 'cancelled' ELSE e.state END
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bool[]) AS n (parcel_id, refunded, taken, cancelled)
WHERE e.parcel_id = n.parcel_id
"""
_INSERT_REFUND_LINES = """
INSERT INTO refund_line (refund_id, parcel_id, line_id, vendor_id, quantity, amount, tax, commission, commission_tax,
                         funded, currency, cause, allocated_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::bigint[],
                     $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::timestamptz[])
ON CONFLICT DO NOTHING
"""
_REFUNDED_PARCELS = """
SELECT parcel_id, refund_id, sum(amount)::bigint AS amount,
       sum(amount + funded - commission - commission_tax)::bigint AS borne
FROM refund_line WHERE refund_id = ANY($1::text[]) AND undone_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
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
        [share.funded for share, _, _ in shares],
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
        [line.funded for line, _, _ in lines],
        [event.totals.currency for _, event, _ in lines],
        [at for _, _, at in lines],
    )


async def cancel_earnings(tx: Tx, orders: Sequence[str]) -> None:
    """Nothing of these orders is delivered. Their money moves by refunds."""
    await tx.execute(_CANCEL, sorted(set(orders)))


async def ship_earnings(tx: Tx, shipped: Mapping[str, tuple[bool, datetime]]) -> set[str]:
    """Keep that parcels were handed over: completely or not, and when. Returns those that are known."""
    rows = await tx.fetch(
        _SHIP, list(shipped), [complete for complete, _ in shipped.values()], [at for _, at in shipped.values()]
    )
    return {row[0] for row in rows}


async def deliver_earnings(tx: Tx, delivered: Mapping[str, tuple[datetime, datetime]]) -> set[str]:
    """Keep when parcels arrived, and when their money becomes available. Returns those that are known."""
    rows = await tx.fetch(
        _DELIVER, list(delivered), [at for at, _ in delivered.values()], [until for _, until in delivered.values()]
    )
    return {row[0] for row in rows}


async def lock_earnings(tx: Tx, parcels: Iterable[str]) -> dict[str, Earning]:
    """Lock parcels until the transaction ends. Returns those that are known."""
    rows = await tx.fetch(_LOCK, sorted(set(parcels)))
    return {row["parcel_id"]: Earning(*row) for row in rows}


async def lock_earnings_of(tx: Tx, orders: Iterable[str]) -> dict[str, list[Earning]]:
    """Lock the parcels of orders until the transaction ends. Returns them by order."""
    found: dict[str, list[Earning]] = {}
    for row in await tx.fetch(_LOCK_OF_ORDERS, sorted(set(orders))):
        found.setdefault(row["order_id"], []).append(Earning(*row))
    return found


async def claim_due_earnings(tx: Tx, now: datetime, at_most: int) -> list[Earning]:
    """Lock parcels whose money is due, other than those that somebody else works on."""
    return [Earning(*row) for row in await tx.fetch(_CLAIM_DUE, now, at_most)]


async def make_available(tx: Tx, parcels: Sequence[str]) -> None:
    """Keep where the money of these parcels is now."""
    await tx.execute("UPDATE earning SET stage = 'available' WHERE parcel_id = ANY($1::text[])", parcels)


async def insert_refunds(tx: Tx, events: Sequence[RefundAllocated]) -> None:
    """Keep what refunds took of which line. The parcels are locked."""
    lines = [(event, share, line) for event in events for share in event.shares for line in share.lines]
    await tx.execute(
        _INSERT_REFUND_LINES,
        [event.refund_id for event, _, _ in lines],
        [share.parcel_id for _, share, _ in lines],
        [line.line_id or "" for _, _, line in lines],
        [share.vendor_id for _, share, _ in lines],
        [line.quantity for _, _, line in lines],
        [line.amount for _, _, line in lines],
        [line.tax for _, _, line in lines],
        [line.commission for _, _, line in lines],
        [line.commission_tax for _, _, line in lines],
        [line.funded for _, _, line in lines],
        [event.currency for event, _, _ in lines],
        [event.cause for event, _, _ in lines],
        [event.allocated_at for event, _, _ in lines],
    )


async def take_from_earnings(tx: Tx, taken: Mapping[str, tuple[int, int, bool]]) -> None:
    """Add to what parcels gave back: of the customer's money, of the vendor's, and whether that ends an order."""
    await tx.execute(
        _TAKE,
        list(taken),
        [refunded for refunded, _, _ in taken.values()],
        [borne for _, borne, _ in taken.values()],
        [cancelled for _, _, cancelled in taken.values()],
    )


async def refunded_parcels(tx: Tx, refunds: Sequence[str]) -> list[Record]:
    """Return what refunds that were not undone took of which parcels: (parcel_id, refund_id, amount, borne)."""
    return await tx.fetch(_REFUNDED_PARCELS, sorted(set(refunds)))


async def undo_refunds(tx: Tx, refunds: Sequence[str], now: datetime) -> None:
    """Keep that refunds did not happen."""
    await tx.execute(
        "UPDATE refund_line SET undone_at = $2 WHERE refund_id = ANY($1::text[]) AND undone_at IS NULL", refunds, now
    )
