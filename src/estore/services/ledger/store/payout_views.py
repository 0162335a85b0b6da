"""Payouts as they are read. vendors: whose may be seen, None for everybody's; always a part of the query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from estore.kit.db import Tx
from estore.services.ledger.domain.payouts import Payout, Status

_COLUMNS = ", ".join(f"p.{name}" for name in Payout.__struct_fields__)
_PAGE = f"""
SELECT {_COLUMNS}, i.file_id FROM payout p LEFT JOIN payout_file_item i ON i.payout_id = p.id
WHERE ($1::text[] IS NULL OR p.vendor_id = ANY($1)) AND ($2::text IS NULL OR p.status = $2)
  AND ($3::boolean IS NULL OR $3 = (
       p.overdue_at IS NOT NULL AND p.status IN ('awaiting_approval', 'created', 'submitted')))
  AND ($4::text IS NULL OR p.id < $4)
ORDER BY p.id DESC LIMIT $5
"""
_ONE = f"""
SELECT {_COLUMNS}, i.file_id FROM payout p LEFT JOIN payout_file_item i ON i.payout_id = p.id
WHERE p.id = $1 AND ($2::text[] IS NULL OR p.vendor_id = ANY($2))
"""
_LINES = """
SELECT l.seq, e.source, e.kind, l.posted_at, -l.amount AS amount, -l.balance AS balance, e.ref, e.order_id,
       g.order_number, g.parcel_id, e.note
FROM line l JOIN entry e ON e.id = l.entry_id
LEFT JOIN earning g ON g.parcel_id = e.ref
WHERE l.account_id = $1 AND l.seq > $2 AND l.seq <= $3
ORDER BY l.seq LIMIT $4
"""
_SOLD = """
SELECT parcel_id, line_id, sku, title, quantity, total, commission, commission_tax, funded FROM sale_line
WHERE parcel_id = ANY($1::text[]) AND vendor_id = $2 ORDER BY parcel_id, line_id
"""
_EARNED = """
SELECT parcel_id, order_number, order_id, total, commission, commission_tax, funded FROM earning
WHERE (parcel_id = ANY($1::text[]) OR order_id = ANY($3::text[])) AND vendor_id = $2
"""
_REFUNDED = """
SELECT refund_id, parcel_id, nullif(line_id, '') AS line_id, quantity, amount, commission, commission_tax, funded,
    allocated_at
FROM refund_line
WHERE (parcel_id = ANY($1::text[]) OR refund_id = ANY($3::text[])) AND vendor_id = $2
ORDER BY parcel_id, refund_id, line_id
"""


class SeenPayout(msgspec.Struct, frozen=True):
    payout: Payout
    file_id: str | None


class LineRow(msgspec.Struct, frozen=True):
    """A line of `available`, as its vendor sees it: amounts above zero came in."""

    seq: int
    source: str
    kind: str
    at: datetime
    amount: int
    balance: int
    ref: str
    order_id: str | None
    order_number: str | None
    parcel_id: str | None
    note: str


class SoldRow(msgspec.Struct, frozen=True):
    parcel_id: str
    line_id: str
    sku: str
    title: str
    quantity: int
    total: int
    commission: int
    commission_tax: int
    funded: int


class EarnedRow(msgspec.Struct, frozen=True):
    parcel_id: str
    order_number: str
    order_id: str
    total: int
    commission: int
    commission_tax: int
    funded: int


class RefundedRow(msgspec.Struct, frozen=True):
    refund_id: str
    parcel_id: str
    line_id: str | None
    quantity: int
    amount: int
    commission: int
    commission_tax: int
    funded: int
    at: datetime


async def payouts_page(
    tx: Tx, vendors: Sequence[str] | None, status: str | None, overdue: bool | None, before: str | None, at_most: int
) -> list[SeenPayout]:
    """Return payouts, newest first, before the one with the id `before`."""
    rows = await tx.fetch(_PAGE, vendors, status, overdue, before, at_most)
    return [_seen(dict(row)) for row in rows]


async def payout_by_id(tx: Tx, payout_id: str, vendors: Sequence[str] | None) -> SeenPayout | None:
    row = await tx.fetchrow(_ONE, payout_id, vendors)
    return None if row is None else _seen(dict(row))


async def covered_lines(tx: Tx, account_id: int, after: int, last: int, at_most: int) -> list[LineRow]:
    """Return lines of an account after the number `after`, up to `last`, in order."""
    return [LineRow(*row) for row in await tx.fetch(_LINES, account_id, after, last, at_most)]


async def sold_lines(tx: Tx, vendor_id: str, parcels: Sequence[str]) -> list[SoldRow]:
    """Return what was sold in parcels of a vendor."""
    return [SoldRow(*row) for row in await tx.fetch(_SOLD, list(parcels), vendor_id)]


async def earned(tx: Tx, vendor_id: str, parcels: Sequence[str], orders: Sequence[str]) -> list[EarnedRow]:
    """Return what a vendor's parcels came to, by their ids or their orders'."""
    return [EarnedRow(*row) for row in await tx.fetch(_EARNED, list(parcels), vendor_id, list(orders))]


async def refunded_lines(tx: Tx, vendor_id: str, parcels: Sequence[str], refunds: Sequence[str]) -> list[RefundedRow]:
    """Return what refunds took of a vendor's parcels, by the parcels or by the refunds."""
    rows = await tx.fetch(_REFUNDED, list(parcels), vendor_id, list(refunds))
    return [RefundedRow(*row) for row in rows]


def _seen(row: dict[str, object]) -> SeenPayout:
    file_id = row.pop("file_id")
    payout = Payout(**row)  # type: ignore[arg-type]
    payout.status = Status(payout.status)
    return SeenPayout(payout, file_id)  # type: ignore[arg-type]
