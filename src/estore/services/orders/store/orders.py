"""Orders: the only place that locks their rows, in the order of their ids; and what is read of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from estore.contracts.orders import OrderLine, ParcelShare
from estore.kit.db import Tx
from estore.kit.money import Money
from estore.services.orders.domain import (
    Address,
    CreditView,
    Details,
    LineView,
    Order,
    OrderView,
    ParcelView,
    PaymentStatus,
    State,
    TotalsView,
    line_id,
    parcel_id,
)
from estore.services.orders.domain.promotions.explaining import explained_order
from estore.services.orders.store.offers import path_of
from estore.services.orders.store.redeeming import DISCOUNTS, taken_of
from estore.services.orders.store.shipments import SHIPMENTS, ShipmentRows, shipments_of

_MOVING = """
order_id, number, account_id, email, status, payment_status, payment_method, payment_id, action_url, cancel_reason,
currency, items, discount, shipping, tax, total, inclusive, captured, refund_requested, refunded, deadline, expires_at,
version, credit, credit_held, credit_refund_requested, credit_refunded, credit_refusal,
shipping_discount
"""
_LOCK = f"SELECT {_MOVING} FROM purchase_order WHERE order_id = ANY($1::text[]) ORDER BY order_id FOR UPDATE"
# The deadline is asked twice: only the outer condition is checked again on a row that changed before it was locked.
_LOCK_DUE = f"""
SELECT {_MOVING} FROM purchase_order WHERE order_id IN (
    SELECT order_id FROM purchase_order WHERE deadline < $1 ORDER BY deadline LIMIT $2)
AND deadline < $1
ORDER BY order_id FOR UPDATE SKIP LOCKED
"""
_LOCK_OWN = f"""
SELECT {_MOVING} FROM purchase_order
WHERE {{column}} = $1 AND ($4 OR account_id = $2 OR (account_id IS NULL AND secret_hash = $3)) FOR UPDATE
"""
_LOCK_OWN_BY_ID, _LOCK_OWN_BY_NUMBER = _LOCK_OWN.format(column="order_id"), _LOCK_OWN.format(column="number")
_WRITE = """
WITH changed AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                         $8::bigint[], $9::bigint[], $10::timestamptz[], $11::bigint[], $12::text[], $13::bigint[],
                         $14::bigint[], $15::bigint[], $16::text[])
        AS c (order_id, status, payment_status, payment_id, action_url, cancel_reason, captured, refund_requested,
              refunded, deadline, version, parcels, credit_held, credit_refund_requested, credit_refunded,
              credit_refusal)
), moved AS (
    UPDATE parcel p SET status = c.parcels, version = p.version + 1 FROM changed c
    WHERE p.order_id = c.order_id AND c.parcels IS NOT NULL AND p.status IN ('pending', 'open')
)
UPDATE purchase_order o SET status = c.status, payment_status = c.payment_status, payment_id = c.payment_id,
    action_url = c.action_url, cancel_reason = c.cancel_reason, captured = c.captured,
    refund_requested = c.refund_requested, refunded = c.refunded, deadline = c.deadline, version = c.version,
    credit_held = c.credit_held, credit_refund_requested = c.credit_refund_requested,
    credit_refunded = c.credit_refunded, credit_refusal = c.credit_refusal
FROM changed c WHERE o.order_id = c.order_id
"""
_DETAILS = f"""
SELECT order_id,
    (SELECT json_agg(json_build_array(no, sku, product_id, vendor_id, title, quantity, unit_price, discount, tax, total,
                                      commission, parcel, commission_tax, category_path, funded) ORDER BY no)
     FROM order_line l WHERE l.order_id = ids.order_id)::text AS lines,
    (SELECT json_agg(json_build_array(no, vendor_id, status, items, discount, shipping, tax, total, commission, carrier,
                                      tracking, shipped_at, delivered_at, commission_tax, funded,
                                      shipping_discount, {SHIPMENTS}) ORDER BY no)
     FROM parcel p WHERE p.order_id = ids.order_id)::text AS parcels
"""
_DETAILS_OF = f"{_DETAILS} FROM unnest($1::text[]) AS ids (order_id)"
_SHOWN = f"""
number, account_id, email, status, payment_status, payment_method, action_url, cancel_reason, currency, items, discount,
shipping, shipping_discount, tax, total, inclusive, shipping_method, address, created_at, version, refunded, credit,
credit_refunded, credit_refusal, {DISCOUNTS.format(order="ids")} AS discounts,
CASE WHEN credit > 0 THEN (SELECT json_agg(json_build_array(c.kind, c.amount) ORDER BY c.no)
                           FROM order_credit c WHERE c.order_id = ids.order_id)::text END AS credits
"""
_VIEWS = f"{_DETAILS}, {_SHOWN} FROM purchase_order AS ids"
# One row per request: ix, what it names, and how it proves that the order is its own.
_SHOW = f"""
SELECT asked.ix, shown.* FROM unnest($1::text[], $2::text[], $3::bytea[], $4::boolean[])
    WITH ORDINALITY AS asked (name, account_id, secret_hash, operator, ix)
CROSS JOIN LATERAL (
    {_VIEWS} WHERE {{column}} = asked.name
    AND (asked.operator OR ids.account_id = asked.account_id
         OR (ids.account_id IS NULL AND ids.secret_hash = asked.secret_hash))
) AS shown
"""
_SHOW_BY_ID, _SHOW_BY_NUMBER = _SHOW.format(column="ids.order_id"), _SHOW.format(column="ids.number")
# Without a filter that is not asked for: one plan for both would look at every order to find the few.
_LIST = f"""
{_VIEWS} WHERE {{whose}} AND ($2::text IS NULL OR ids.order_id < $2) AND {{status}}
AND ($5::timestamptz IS NULL OR ids.created_at < $5) ORDER BY ids.order_id DESC LIMIT $4
"""
_WHOSE = {"account": "ids.account_id = $1", "email": "lower(ids.email) = lower($1)", "all": "$1::text IS NULL"}
_LISTS = {
    (kind, filtered): _LIST.format(whose=whose, status="ids.status = $3" if filtered else "$3::text IS NULL")
    for kind, whose in _WHOSE.items()
    for filtered in (True, False)
}
_OUTCOMES = """
SELECT order_id, status, payment_status, action_url, cancel_reason, version, credit_refusal,
    refunded + credit_refunded
FROM purchase_order
WHERE order_id = ANY($1::text[])
AND (status NOT IN ('placed', 'awaiting_payment') OR payment_status = 'requires_action')
"""


class _Line(msgspec.Struct, frozen=True, array_like=True):
    no: int
    sku: str
    product_id: str
    vendor_id: str
    title: str
    quantity: int
    unit_price: int
    discount: int
    tax: int
    total: int
    commission: int
    parcel: int
    commission_tax: int
    category_path: str
    funded: int


class _Parcel(msgspec.Struct, frozen=True, array_like=True):
    no: int
    vendor_id: str
    status: str
    items: int
    discount: int
    shipping: int
    tax: int
    total: int
    commission: int
    carrier: str | None
    tracking: str | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    commission_tax: int
    funded: int
    shipping_discount: int
    shipments: ShipmentRows


_lines = msgspec.json.Decoder(tuple[_Line, ...]).decode
_credits = msgspec.json.Decoder(tuple[tuple[str, int], ...]).decode
_parcels = msgspec.json.Decoder(tuple[_Parcel, ...]).decode


class Outcome(msgspec.Struct, frozen=True):
    """Where an order is, for those who wait for it."""

    order_id: str
    status: str
    payment_status: str
    action_url: str | None
    cancel_reason: str | None
    version: int
    credit_refusal: str
    refunded: int


class Asked(msgspec.Struct, frozen=True):
    """An order that somebody wants to see. name: its id or number. The rest proves that it is theirs."""

    name: str
    by_number: bool
    account_id: str | None
    secret_hash: bytes | None
    operator: bool


def _order(row: Iterable[object]) -> Order:
    order = Order(*row)  # type: ignore[arg-type]
    order.status, order.payment_status = State(order.status), PaymentStatus(order.payment_status)
    return order


async def lock_orders(tx: Tx, order_ids: Iterable[str]) -> dict[str, Order]:
    """Lock the orders' rows, sorted by id."""
    return {row["order_id"]: _order(row) for row in await tx.fetch(_LOCK, sorted(set(order_ids)))}


async def lock_due(tx: Tx, now: datetime, at_most: int) -> dict[str, Order]:
    """Lock orders past their deadline that nobody else holds, the longest overdue first."""
    return {row["order_id"]: _order(row) for row in await tx.fetch(_LOCK_DUE, now, at_most)}


async def lock_own(tx: Tx, asked: Asked) -> Order | None:
    """Lock one order, if it is theirs."""
    sql = _LOCK_OWN_BY_NUMBER if asked.by_number else _LOCK_OWN_BY_ID
    row = await tx.fetchrow(sql, asked.name, asked.account_id, asked.secret_hash, asked.operator)
    return None if row is None else _order(row)


async def write_orders(tx: Tx, orders: Sequence[Order], parcels: dict[str, str]) -> None:
    """Write locked orders, and move their parcels that are not on their way: order id -> `open` or `cancelled`."""
    await tx.execute(
        _WRITE,
        [o.order_id for o in orders],
        [o.status for o in orders],
        [o.payment_status for o in orders],
        [o.payment_id for o in orders],
        [o.action_url for o in orders],
        [o.cancel_reason for o in orders],
        [o.captured for o in orders],
        [o.refund_requested for o in orders],
        [o.refunded for o in orders],
        [o.deadline for o in orders],
        [o.version for o in orders],
        [parcels.get(o.order_id) for o in orders],
        [o.credit_held for o in orders],
        [o.credit_refund_requested for o in orders],
        [o.credit_refunded for o in orders],
        [o.credit_refusal for o in orders],
    )


async def load_details(tx: Tx, order_ids: Sequence[str]) -> dict[str, Details]:
    """Read lines and parcels as events carry them, in one query."""
    if not order_ids:
        return {}
    return {
        row["order_id"]: _details(row["order_id"], _lines(row["lines"]), _parcels(row["parcels"]))
        for row in await tx.fetch(_DETAILS_OF, order_ids)
    }


def _details(order_id: str, lines: Sequence[_Line], parcels: Sequence[_Parcel]) -> Details:
    return Details(
        tuple(
            OrderLine(
                line_id=line_id(order_id, line.no),
                sku=line.sku,
                product_id=line.product_id,
                vendor_id=line.vendor_id,
                title=line.title,
                quantity=line.quantity,
                unit_price=line.unit_price,
                discount=line.discount,
                tax=line.tax,
                total=line.total,
                commission=line.commission,
                commission_tax=line.commission_tax,
                category_path=path_of(line.category_path),
                funded=line.funded,
            )
            for line in lines
        ),
        tuple(
            ParcelShare(
                parcel_id=parcel_id(order_id, parcel.no),
                vendor_id=parcel.vendor_id,
                items=parcel.items,
                discount=parcel.discount,
                shipping=parcel.shipping,
                tax=parcel.tax,
                total=parcel.total,
                commission=parcel.commission,
                commission_tax=parcel.commission_tax,
                funded=parcel.funded,
            )
            for parcel in parcels
        ),
    )


async def show_orders(tx: Tx, asked: Sequence[Asked]) -> list[OrderView | None]:
    """Read what many requests ask for in one query (two, when some name a number); None where it is not theirs."""
    views: list[OrderView | None] = [None] * len(asked)
    for sql, by_number in ((_SHOW_BY_ID, False), (_SHOW_BY_NUMBER, True)):
        some = [(ix, one) for ix, one in enumerate(asked) if one.by_number is by_number]
        if not some:
            continue
        rows = await tx.fetch(
            sql,
            [one.name for _, one in some],
            [one.account_id for _, one in some],
            [one.secret_hash for _, one in some],
            [one.operator for _, one in some],
        )
        for row in rows:
            views[some[row["ix"] - 1][0]] = _view(row)
    return views


async def list_orders(
    tx: Tx,
    *,
    account_id: str | None,
    email: str | None,
    before: str | None,
    status: str | None,
    placed_before: datetime | None,
    at_most: int,
) -> list[OrderView]:
    """Read a page, newest first: of an account, of an e-mail address, or of everyone when both are None."""
    kind = "account" if account_id is not None else "email" if email is not None else "all"
    whose = account_id if account_id is not None else email
    rows = await tx.fetch(_LISTS[kind, status is not None], whose, before, status, at_most, placed_before)
    return [_view(row) for row in rows]


def _view(row: msgspec.Struct | dict[str, object] | object) -> OrderView:
    r: dict[str, object] = row  # type: ignore[assignment]
    order_id, currency = str(r["order_id"]), str(r["currency"])

    def money(amount: object) -> Money:
        return Money(amount, currency)  # type: ignore[arg-type]

    lines = _lines(r["lines"])  # type: ignore[arg-type]
    return OrderView(
        id=order_id,
        number=str(r["number"]),
        status=str(r["status"]),
        payment_status=str(r["payment_status"]),
        email=str(r["email"]),
        account_id=r["account_id"],  # type: ignore[arg-type]
        lines=_line_views(order_id, lines, currency),
        parcels=tuple(
            ParcelView(
                parcel_id(order_id, p.no),
                p.vendor_id,
                p.status,
                tuple(line_id(order_id, line.no) for line in lines if line.parcel == p.no),
                money(p.items),
                money(p.discount),
                money(p.shipping),
                money(p.shipping_discount),
                money(p.tax),
                money(p.total),
                p.carrier,
                p.tracking,
                p.shipped_at,
                p.delivered_at,
                shipments_of(order_id, p.shipments),
            )
            for p in _parcels(r["parcels"])  # type: ignore[arg-type]
        ),
        totals=TotalsView(
            money(r["items"]),
            money(r["discount"]),
            money(r["shipping"]),
            money(r["shipping_discount"]),
            money(r["tax"]),
            money(r["total"]),
            bool(r["inclusive"]),
        ),
        shipping_address=msgspec.convert(r["address"], Address),
        shipping_method=str(r["shipping_method"]),
        payment_method=str(r["payment_method"]) or None,
        created_at=r["created_at"],  # type: ignore[arg-type]
        version=r["version"],  # type: ignore[arg-type]
        cancel_reason=r["cancel_reason"],  # type: ignore[arg-type]
        requires_action_url=r["action_url"],  # type: ignore[arg-type]
        refunded=money(r["refunded"]) + money(r["credit_refunded"]),
        credit=tuple(CreditView(kind, money(amount)) for kind, amount in _credits(r["credits"] or "[]")),  # type: ignore[arg-type]
        to_pay=money(r["total"]) - money(r["credit"]),
        credit_refusal=str(r["credit_refusal"]) or None,
        promotions=explained_order(order_id, taken_of(r["discounts"]), currency),  # type: ignore[arg-type]
    )


def _line_views(order_id: str, lines: Sequence[_Line], currency: str) -> tuple[LineView, ...]:
    return tuple(
        LineView(
            line_id(order_id, line.no),
            line.sku,
            line.product_id,
            line.vendor_id,
            line.title,
            line.quantity,
            Money(line.unit_price, currency),
            Money(line.unit_price * line.quantity, currency),
            Money(line.discount, currency),
            Money(line.tax, currency),
            Money(line.total, currency),
            parcel_id(order_id, line.parcel),
        )
        for line in lines
    )


async def settled(tx: Tx, order_ids: Sequence[str]) -> list[Outcome]:
    """Read which of the orders have an outcome: one query for all who wait."""
    return [Outcome(*row) for row in await tx.fetch(_OUTCOMES, order_ids)]
