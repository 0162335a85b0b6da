"""Refunds: what was given back of each line and of each parcel's shipping. Who writes has locked the order's row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from estore.kit.db import Tx
from estore.services.orders.domain import Allocation, Book, Cause, Order, Part, Piece, RefundRow, Sums
from estore.services.orders.store.orders import Asked

# What a failed refund had taken is free again.
_PARTS = """
WITH given AS (
    SELECT g.order_id, g.parcel, coalesce(g.line, 0) AS line, sum(g.quantity)::bigint AS quantity,
        sum(g.amount)::bigint AS amount, sum(g.tax)::bigint AS tax, sum(g.commission)::bigint AS commission,
        sum(g.commission_tax)::bigint AS commission_tax, sum(g.funded)::bigint AS funded
    FROM refund_line g JOIN refund r ON r.refund_id = g.refund_id AND r.failed_at IS NULL
    WHERE g.order_id = ANY($1::text[]) GROUP BY 1, 2, 3
), line AS (
    SELECT * FROM order_line WHERE order_id = ANY($1::text[])
), part AS (
    SELECT order_id, parcel, vendor_id, no AS line, quantity::bigint, total AS amount, tax, commission, commission_tax,
        funded
    FROM line
    UNION ALL
    SELECT p.order_id, p.no, p.vendor_id, 0, 0, p.total - l.total, p.tax - l.tax, p.commission - l.commission,
        p.commission_tax - l.commission_tax, p.funded - l.funded
    FROM parcel p JOIN (
        SELECT order_id, parcel, sum(total)::bigint AS total, sum(tax)::bigint AS tax,
            sum(commission)::bigint AS commission, sum(commission_tax)::bigint AS commission_tax,
            sum(funded)::bigint AS funded
        FROM line GROUP BY 1, 2) l ON l.order_id = p.order_id AND l.parcel = p.no
)
SELECT part.*, coalesce(given.quantity, 0), coalesce(given.amount, 0), coalesce(given.tax, 0),
    coalesce(given.commission, 0), coalesce(given.commission_tax, 0), coalesce(given.funded, 0)
FROM part LEFT JOIN given USING (order_id, parcel, line) ORDER BY order_id, parcel, line = 0, line
"""
# Each status is one version: pending 1, open 2. What was cancelled at 2 never became a vendor's.
_EARNED = """
SELECT p.order_id, (SELECT coalesce(sum(r.unearned), 0)::bigint FROM refund r
                    WHERE r.order_id = p.order_id AND r.failed_at IS NULL) AS unearned
FROM (SELECT DISTINCT order_id FROM parcel
      WHERE order_id = ANY($1::text[]) AND status <> 'pending' AND (status <> 'cancelled' OR version > 2)) p
"""
_INSERT = """
INSERT INTO refund (refund_id, order_id, amount, currency, reason, requested_at, refunded_at, cause, return_id,
                    platform, unearned, allocated_at, credit)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
                     $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::timestamptz[], $13::bigint[])
"""
_INSERT_LINES = """
INSERT INTO refund_line (refund_id, order_id, parcel, vendor_id, line, quantity, amount, tax, commission,
                         commission_tax, funded)
SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::smallint[], $6::int[], $7::bigint[],
                     $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
"""
_ALLOCATED = """
UPDATE refund r SET platform = a.platform, unearned = a.unearned, allocated_at = a.allocated_at
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[])
    AS a (refund_id, platform, unearned, allocated_at)
WHERE r.refund_id = a.refund_id
"""
_ROW = """
SELECT refund_id, order_id, amount, currency, reason, requested_at, refunded_at, cause, return_id, platform, unearned,
    allocated_at, failed_at, failure, credit
FROM refund
"""
_KNOWN = f"{_ROW} WHERE refund_id = ANY($1::text[])"
# While another one of the order is still on its way to be given back, nobody knows what will be left.
_UNALLOCATED = f"""
{_ROW} r WHERE allocated_at IS NULL AND failed_at IS NULL AND ($2::text[] IS NULL OR order_id = ANY($2::text[]))
AND NOT EXISTS (SELECT FROM refund o WHERE o.order_id = r.order_id AND o.allocated_at IS NOT NULL
                AND o.refunded_at IS NULL AND o.failed_at IS NULL)
ORDER BY refund_id LIMIT $1
"""
_PENDING = """
SELECT DISTINCT order_id FROM refund
WHERE order_id = ANY($1::text[]) AND refunded_at IS NULL AND failed_at IS NULL
"""
# Payments may have cut it, because another refund had taken a part of it: that one will find itself covered. What goes
# back as credit is never cut.
_REFUNDED = """
UPDATE refund r SET refunded_at = n.refunded_at, unearned = r.unearned + n.money + r.credit - r.amount,
    amount = n.money + r.credit
FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS n (refund_id, money, refunded_at)
WHERE r.refund_id = n.refund_id
"""
_FAILED = """
UPDATE refund r SET failed_at = n.failed_at, failure = n.failure
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS n (refund_id, failure, failed_at)
WHERE r.refund_id = n.refund_id
"""
# vendors NULL: all of it. Otherwise only refunds that these vendors have a share in, and their lines.
_SHOWN = """
SELECT r.refund_id, r.order_id, r.amount, r.currency, r.reason, r.requested_at, r.refunded_at, r.cause, r.return_id,
    r.platform, r.unearned, r.allocated_at, r.failed_at, r.failure, r.credit,
    (SELECT json_agg(json_build_array(l.parcel, l.vendor_id, l.line, json_build_array(l.quantity, l.amount, l.tax,
                     l.commission, l.commission_tax, l.funded)) ORDER BY l.parcel, l.line NULLS LAST)
     FROM refund_line l WHERE l.refund_id = r.refund_id
       AND ($2::text[] IS NULL OR l.vendor_id = ANY($2::text[])))::text AS lines
FROM refund r
WHERE r.order_id = $1 AND ($2::text[] IS NULL OR EXISTS (
    SELECT FROM refund_line l WHERE l.refund_id = r.refund_id AND l.vendor_id = ANY($2::text[])))
"""
_SHOW = f"{_SHOWN} AND r.refund_id = $3"
_PAGE = f"{_SHOWN} AND ($3::text IS NULL OR r.refund_id < $3) ORDER BY r.refund_id DESC LIMIT $4"
_VENDORS_IN = """
SELECT o.order_id, p.no, p.vendor_id FROM purchase_order o JOIN parcel p ON p.order_id = o.order_id
WHERE o.{column} = $1 AND p.vendor_id = ANY($2::text[])
AND p.status <> 'pending' AND (p.status <> 'cancelled' OR p.version > 2)
ORDER BY p.no
"""
_OWN = """
SELECT order_id FROM purchase_order
WHERE {column} = $1 AND ($4 OR account_id = $2 OR (account_id IS NULL AND secret_hash = $3))
"""


class NewRefund(msgspec.Struct, frozen=True):
    """A refund that was decided. refunded_at: None while the money is still to be moved. allocation: None while nobody
    knows who will bear it."""

    refund_id: str
    order_id: str
    currency: str
    cause: Cause
    reason: str
    return_id: str | None
    allocation: Allocation | None
    amount: int
    now: datetime
    refunded_at: datetime | None = None
    credit: int = 0


class ShownRefund(msgspec.Struct, frozen=True):
    """A refund with those of its lines that may be seen."""

    row: RefundRow
    pieces: tuple[Piece, ...]


class _Shown(msgspec.Struct, frozen=True, array_like=True):
    parcel: int
    vendor_id: str
    line: int | None
    sums: tuple[int, int, int, int, int, int]


_shown = msgspec.json.Decoder(tuple[_Shown, ...]).decode


async def load_books(tx: Tx, orders: Sequence[Order]) -> dict[str, Book]:
    """Read what locked orders were paid for and what of it was given back; two queries, however many orders."""
    ids = [order.order_id for order in orders]
    parts: dict[str, list[Part]] = {order_id: [] for order_id in ids}
    for row in await tx.fetch(_PARTS, ids):
        order_id, parcel, vendor_id, line, *sums = row
        parts[order_id].append(Part(parcel, vendor_id, line or None, Sums(*sums[:6]), Sums(*sums[6:])))
    earned = {row["order_id"]: row["unearned"] for row in await tx.fetch(_EARNED, ids)}
    return {
        order.order_id: Book(
            order.order_id,
            tuple(parts[order.order_id]),
            order.order_id in earned,
            order.money_left,
            max(0, -earned.get(order.order_id, 0)),
            order.credit_left,
        )
        for order in orders
    }


async def insert_refunds(tx: Tx, refunds: Sequence[NewRefund]) -> None:
    """Write refunds with what they take."""
    await tx.execute(
        _INSERT,
        [r.refund_id for r in refunds],
        [r.order_id for r in refunds],
        [r.amount for r in refunds],
        [r.currency for r in refunds],
        [r.reason for r in refunds],
        [r.now for r in refunds],
        [r.refunded_at for r in refunds],
        [r.cause for r in refunds],
        [r.return_id for r in refunds],
        [r.allocation.platform if r.allocation else 0 for r in refunds],
        [r.allocation.unearned if r.allocation else 0 for r in refunds],
        [r.now if r.allocation else None for r in refunds],
        [r.credit for r in refunds],
    )
    pieces = [(r, piece) for r in refunds if r.allocation is not None for piece in r.allocation.pieces]
    await _insert_lines(tx, [(r.refund_id, r.order_id, piece) for r, piece in pieces])


async def _insert_lines(tx: Tx, lines: Sequence[tuple[str, str, Piece]]) -> None:
    if not lines:
        return
    await tx.execute(
        _INSERT_LINES,
        [refund_id for refund_id, _, _ in lines],
        [order_id for _, order_id, _ in lines],
        [piece.parcel for _, _, piece in lines],
        [piece.vendor_id for _, _, piece in lines],
        [piece.line for _, _, piece in lines],
        [piece.sums.quantity for _, _, piece in lines],
        [piece.sums.amount for _, _, piece in lines],
        [piece.sums.tax for _, _, piece in lines],
        [piece.sums.commission for _, _, piece in lines],
        [piece.sums.commission_tax for _, _, piece in lines],
        [piece.sums.funded for _, _, piece in lines],
    )


async def known_refunds(tx: Tx, refund_ids: Sequence[str]) -> dict[str, RefundRow]:
    """Read those of the refunds that are known."""
    return {row["refund_id"]: RefundRow(*row) for row in await tx.fetch(_KNOWN, refund_ids)}


async def unallocated(tx: Tx, at_most: int, order_ids: Sequence[str] | None = None) -> list[RefundRow]:
    """Read refunds that can be allocated and are not yet: of these orders, or of all when None."""
    return [RefundRow(*row) for row in await tx.fetch(_UNALLOCATED, at_most, order_ids)]


async def refunding(tx: Tx, order_ids: Sequence[str]) -> frozenset[str]:
    """Read which of these locked orders have a refund that is still to be moved."""
    return frozenset(row["order_id"] for row in await tx.fetch(_PENDING, order_ids))


async def write_allocations(tx: Tx, found: Sequence[tuple[RefundRow, Allocation]], now: datetime) -> None:
    """Write who bears refunds that are there already."""
    await tx.execute(
        _ALLOCATED,
        [row.refund_id for row, _ in found],
        [allocation.platform for _, allocation in found],
        [allocation.unearned for _, allocation in found],
        [now for _ in found],
    )
    await _insert_lines(tx, [(row.refund_id, row.order_id, piece) for row, a in found for piece in a.pieces])


async def mark_refunded(tx: Tx, refunds: Sequence[tuple[str, int, datetime]]) -> None:
    """Write that (id, money, when) was given back; the money may be less than what was asked for."""
    if refunds:
        await tx.execute(_REFUNDED, *(list(column) for column in zip(*refunds, strict=True)))


async def mark_failed(tx: Tx, refunds: Sequence[tuple[str, str, datetime]]) -> None:
    """Write that (id, why, when) will not be given back."""
    if refunds:
        await tx.execute(_FAILED, *(list(column) for column in zip(*refunds, strict=True)))


async def show_refund(tx: Tx, order_id: str, refund_id: str, vendors: Sequence[str] | None) -> ShownRefund | None:
    """Read one refund of an order: these vendors' part of it, or all of it when None."""
    row = await tx.fetchrow(_SHOW, order_id, vendors, refund_id)
    return None if row is None else _view(row)


async def list_refunds(
    tx: Tx, order_id: str, vendors: Sequence[str] | None, *, before: str | None, at_most: int
) -> list[ShownRefund]:
    """Read a page of an order's refunds, newest first: these vendors' part of them, or all when None."""
    return [_view(row) for row in await tx.fetch(_PAGE, order_id, vendors, before, at_most)]


def _view(row: Any) -> ShownRefund:
    *values, lines = row
    pieces = () if lines is None else _shown(lines)
    return ShownRefund(RefundRow(*values), tuple(Piece(p.parcel, p.vendor_id, p.line, Sums(*p.sums)) for p in pieces))


async def parcels_in(tx: Tx, name: str, by_number: bool, vendors: Sequence[str]) -> tuple[str, dict[int, str]] | None:
    """Read which parcels of an order, by id or number, are these vendors': (order id, {number: vendor})."""
    rows = await tx.fetch(_VENDORS_IN.format(column="number" if by_number else "order_id"), name, vendors)
    return (rows[0]["order_id"], {row["no"]: row["vendor_id"] for row in rows}) if rows else None


async def own_order(tx: Tx, asked: Asked) -> str | None:
    """Read the id of an order, by id or number, if it is theirs."""
    sql = _OWN.format(column="number" if asked.by_number else "order_id")
    found: str | None = await tx.fetchval(sql, asked.name, asked.account_id, asked.secret_hash, asked.operator)
    return found
