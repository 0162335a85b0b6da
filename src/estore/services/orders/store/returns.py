"""Returns: whose rows they are is part of every query that shows one. Who changes one has locked its order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from estore.kit.db import Tx
from estore.kit.money import Money
from estore.services.orders.domain import (
    Return,
    ReturnedLine,
    ReturnLineView,
    ReturnStatus,
    ReturnView,
    line_id,
    parcel_id,
)

_COLUMNS = """
r.return_id, r.order_id, r.parcel, r.vendor_id, r.status, r.reason, r.comment, r.currency, r.amount, r.payable,
r.requested_at, r.due_at,
(SELECT json_agg(json_build_array(l.line, l.sku, l.quantity, l.restocked, l.written_off) ORDER BY l.line)
 FROM return_line l WHERE l.return_id = r.return_id)::text AS lines,
r.refusal, r.deduction, r.deduction_reason, r.refund_id, r.approved_at, r.received_at, r.closed_at, r.version
"""
# By which right it is seen: an operator, its customer (an account, or a guest with the order's secret), its vendor.
_SEEN = """
FROM order_return r JOIN purchase_order o ON o.order_id = r.order_id
WHERE ($1 OR r.account_id = $2 OR r.vendor_id = ANY($3::text[]) OR (o.account_id IS NULL AND o.secret_hash = $4))
"""
_SHOW = f"SELECT {_COLUMNS}, o.number, r.account_id {_SEEN} AND r.return_id = $5"
_FILTERED = """
($1::text IS NULL OR {0}.status = $1) AND ($2::text IS NULL OR {0}.vendor_id = $2)
AND ($3::text IS NULL OR {0}.order_id IN ($3, (SELECT order_id FROM purchase_order WHERE number = $3)))
AND ($4::text IS NULL OR {0}.return_id < $4)
"""
_PAGE_OF_ALL = f"""
SELECT {_COLUMNS}, o.number, r.account_id FROM order_return r JOIN purchase_order o ON o.order_id = r.order_id
WHERE {_FILTERED.format("r")} ORDER BY r.return_id DESC LIMIT $5
"""
_NEWEST = f"SELECT q.return_id FROM order_return q WHERE {{}} AND {_FILTERED.format('q')} ORDER BY 1 DESC LIMIT $5"
# Each right has an index and gives a page of its own; all rights in one condition would look at everybody's returns.
_PAGE_OF_MINE = f"""
SELECT {_COLUMNS}, o.number, r.account_id FROM order_return r JOIN purchase_order o ON o.order_id = r.order_id
WHERE r.return_id = ANY(ARRAY(
    ({_NEWEST.format("q.account_id = $6")}) UNION ({_NEWEST.format("q.secret_hash = $8")})
    UNION SELECT page.return_id FROM unnest($7::text[]) AS v (vendor_id)
    CROSS JOIN LATERAL ({_NEWEST.format("q.vendor_id = v.vendor_id")}) AS page))
ORDER BY r.return_id DESC LIMIT $5
"""
_LOAD = f"SELECT {_COLUMNS} FROM order_return r WHERE r.return_id = ANY($1::text[]) ORDER BY r.return_id"
_INSERT = """
INSERT INTO order_return (return_id, order_id, parcel, vendor_id, account_id, status, reason, comment, currency, amount,
                          payable, requested_at, due_at, secret_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
        (SELECT secret_hash FROM purchase_order WHERE order_id = $2 AND account_id IS NULL))
"""
_INSERT_LINES = """
INSERT INTO return_line (return_id, order_id, line, sku, quantity)
SELECT $1, $2, * FROM unnest($3::smallint[], $4::text[], $5::int[])
"""
_WRITE = """
UPDATE order_return r SET status = c.status, refusal = c.refusal, deduction = c.deduction,
    deduction_reason = c.deduction_reason, refund_id = c.refund_id, approved_at = c.approved_at,
    received_at = c.received_at, closed_at = c.closed_at, due_at = c.due_at, version = c.version
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[],
            $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::bigint[])
    AS c (return_id, status, refusal, deduction, deduction_reason, refund_id, approved_at, received_at, closed_at,
          due_at, version)
WHERE r.return_id = c.return_id
"""
_WRITE_LINES = """
UPDATE return_line l SET restocked = c.restocked, written_off = c.written_off
FROM unnest($1::text[], $2::smallint[], $3::int[], $4::int[]) AS c (return_id, line, restocked, written_off)
WHERE l.return_id = c.return_id AND l.line = c.line
"""
# What is on its way back or was, as far as it arrived; and what was given back of pieces that the customer keeps.
_RETURNABLE = """
SELECT l.no, l.sku, l.parcel, p.vendor_id, l.quantity, p.delivered_at,
    coalesce((SELECT sum(CASE WHEN r.status = 'refunded' THEN rl.restocked + rl.written_off ELSE rl.quantity END)
              FROM return_line rl JOIN order_return r ON r.return_id = rl.return_id
              WHERE rl.order_id = l.order_id AND rl.line = l.no
                AND r.status NOT IN ('refused', 'cancelled', 'expired')), 0)::bigint
    + coalesce((SELECT sum(g.quantity) FROM refund_line g JOIN refund f ON f.refund_id = g.refund_id
                WHERE g.order_id = l.order_id AND g.line = l.no AND f.return_id IS NULL AND f.failed_at IS NULL),
               0)::bigint AS gone
FROM order_line l JOIN parcel p ON p.order_id = l.order_id AND p.no = l.parcel
WHERE l.order_id = $1 ORDER BY l.no
"""
_RETURNING = "SELECT DISTINCT order_id FROM order_return WHERE order_id = ANY($1::text[]) AND due_at IS NOT NULL"
_DUE = "SELECT return_id, order_id FROM order_return WHERE due_at < $1 ORDER BY due_at LIMIT $2"
_LAST_DELIVERY = """
SELECT order_id, max(delivered_at) AS delivered_at FROM parcel WHERE order_id = ANY($1::text[]) GROUP BY 1
"""


class Seeing(msgspec.Struct, frozen=True):
    """Who wants to see returns, and what proves that they are theirs."""

    operator: bool
    account_id: str | None
    vendors: Sequence[str]
    secret_hash: bytes | None


class ReturnableLine(msgspec.Struct, frozen=True):
    """A line of an order that may be returned. gone: pieces that were, are on their way, or were given back as they
    are. delivered_at: of its parcel."""

    no: int
    sku: str
    parcel: int
    vendor_id: str
    quantity: int
    delivered_at: datetime | None
    gone: int

    @property
    def left(self) -> int:
        return self.quantity - self.gone


class SeenReturn(msgspec.Struct, frozen=True):
    """A return, and whose it is."""

    view: ReturnView
    account_id: str | None


_lines = msgspec.json.Decoder(list[tuple[int, str, int, int, int]]).decode


def _return(row: Any) -> Return:
    values = list(row)
    values[4] = ReturnStatus(values[4])
    values[12] = [ReturnedLine(*line) for line in _lines(values[12])]
    return Return(*values)


def _seen(row: Any) -> SeenReturn:
    *values, number, account_id = row
    found = _return(values)
    return SeenReturn(_view(found, number), account_id)


def _view(r: Return, number: str) -> ReturnView:
    return ReturnView(
        id=r.return_id,
        order_id=r.order_id,
        order_number=number,
        parcel_id=parcel_id(r.order_id, r.parcel),
        vendor_id=r.vendor_id,
        status=r.status,
        reason=r.reason,
        comment=r.comment,
        lines=tuple(
            ReturnLineView(line_id(r.order_id, line.line), line.sku, line.quantity, line.restocked, line.written_off)
            for line in r.lines
        ),
        amount=Money(r.amount, r.currency),
        refusal=r.refusal,
        deduction=Money(r.deduction, r.currency),
        deduction_reason=r.deduction_reason,
        refund_id=r.refund_id,
        requested_at=r.requested_at,
        approved_at=r.approved_at,
        received_at=r.received_at,
        closed_at=r.closed_at,
        due_at=r.due_at,
        version=r.version,
    )


async def show_return(tx: Tx, seeing: Seeing, return_id: str) -> SeenReturn | None:
    """Read one return, if it may be seen."""
    row = await tx.fetchrow(_SHOW, seeing.operator, seeing.account_id, seeing.vendors, seeing.secret_hash, return_id)
    return None if row is None else _seen(row)


async def list_returns(
    tx: Tx,
    seeing: Seeing,
    *,
    status: str | None,
    vendor: str | None,
    order: str | None,
    before: str | None,
    at_most: int,
) -> list[ReturnView]:
    """Read a page of the returns that may be seen, newest first. order: id or number."""
    asked = (status, vendor, order, before, at_most)
    if seeing.operator:
        rows = await tx.fetch(_PAGE_OF_ALL, *asked)
    else:
        rows = await tx.fetch(_PAGE_OF_MINE, *asked, seeing.account_id, seeing.vendors, seeing.secret_hash)
    return [_seen(row).view for row in rows]


async def load_returns(tx: Tx, return_ids: Sequence[str]) -> list[Return]:
    """Read returns whose orders are locked, sorted by id."""
    return [_return(row) for row in await tx.fetch(_LOAD, return_ids)]


async def insert_return(tx: Tx, made: Return, account_id: str | None) -> None:
    """Write a new return."""
    await tx.execute(
        _INSERT,
        made.return_id,
        made.order_id,
        made.parcel,
        made.vendor_id,
        account_id,
        made.status,
        made.reason,
        made.comment,
        made.currency,
        made.amount,
        made.payable,
        made.requested_at,
        made.due_at,
    )
    await tx.execute(
        _INSERT_LINES,
        made.return_id,
        made.order_id,
        [line.line for line in made.lines],
        [line.sku for line in made.lines],
        [line.quantity for line in made.lines],
    )


async def write_returns(tx: Tx, returns: Sequence[Return]) -> None:
    """Write returns whose orders are locked."""
    await tx.execute(
        _WRITE,
        [r.return_id for r in returns],
        [r.status for r in returns],
        [r.refusal for r in returns],
        [r.deduction for r in returns],
        [r.deduction_reason for r in returns],
        [r.refund_id for r in returns],
        [r.approved_at for r in returns],
        [r.received_at for r in returns],
        [r.closed_at for r in returns],
        [r.due_at for r in returns],
        [r.version for r in returns],
    )
    lines = [(r.return_id, line) for r in returns for line in r.lines if line.arrived]
    if lines:
        await tx.execute(
            _WRITE_LINES,
            [return_id for return_id, _ in lines],
            [line.line for _, line in lines],
            [line.restocked for _, line in lines],
            [line.written_off for _, line in lines],
        )


async def returnable(tx: Tx, order_id: str) -> list[ReturnableLine]:
    """Read what may be returned of a locked order."""
    return [ReturnableLine(*row) for row in await tx.fetch(_RETURNABLE, order_id)]


async def returning(tx: Tx, order_ids: Sequence[str]) -> frozenset[str]:
    """Read which of these locked orders have a return that is not over."""
    return frozenset(row["order_id"] for row in await tx.fetch(_RETURNING, order_ids))


async def due_returns(tx: Tx, now: datetime, at_most: int) -> list[tuple[str, str]]:
    """Read (return id, order id) of returns past their deadline, the longest overdue first; nothing is locked."""
    return [(row["return_id"], row["order_id"]) for row in await tx.fetch(_DUE, now, at_most)]


async def last_deliveries(tx: Tx, order_ids: Sequence[str]) -> dict[str, datetime]:
    """Read when the last parcel of each order arrived."""
    rows = await tx.fetch(_LAST_DELIVERY, order_ids)
    return {row["order_id"]: row["delivered_at"] for row in rows if row["delivered_at"] is not None}
