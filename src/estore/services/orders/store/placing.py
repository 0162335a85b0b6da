"""The one statement that places a batch of orders: guard, `once`, orders, lines, parcels, outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from estore.kit.db import Record, Tx, outbox_columns
from estore.kit.envelope import Envelope
from estore.services.orders.domain import Address, Priced
from estore.services.orders.store.offers import PATH

_PLACE = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::text[], $9::bytea[],
        $10::bytea[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[],
        $17::boolean[], $18::text[], $19::jsonb[], $20::text[], $21::bigint[], $22::timestamptz[], $23::timestamptz[],
        $24::timestamptz[]
    ) WITH ORDINALITY AS w (order_id, number, account_id, email, secret_hash, payment_method, scope, key, fingerprint,
        response, currency, items, discount, shipping, tax, total, inclusive, shipping_method, address, cart_id,
        cart_version, deadline, expires_at, created_at, ix)
), wanted_line AS MATERIALIZED (
    SELECT * FROM unnest(
        $25::int[], $26::int2[], $27::text[], $28::text[], $29::text[], $30::text[], $31::int[], $32::bigint[],
        $33::bigint[], $34::bigint[], $35::bigint[], $36::bigint[], $37::bigint[], $38::text[], $39::int2[]
    ) AS l (ix, no, sku, product_id, vendor_id, title, quantity, unit_price, discount, tax, total, commission,
        commission_tax, category_path, parcel)
), stale AS MATERIALIZED (
    SELECT used.sku FROM unnest($40::text[], $41::bigint[], $42::bigint[]) AS used (sku, revision, vendor_revision)
    LEFT JOIN offer o ON o.sku = used.sku LEFT JOIN vendor v ON v.vendor_id = o.vendor_id
    WHERE o.revision IS DISTINCT FROM used.revision OR v.revision IS DISTINCT FROM used.vendor_revision
), opened AS (
    INSERT INTO once (scope, key, fingerprint, response)
    SELECT scope, key, fingerprint, response FROM wanted w
    WHERE w.ix NOT IN (SELECT l.ix FROM wanted_line l JOIN stale USING (sku))
      AND (w.cart_id IS NULL OR w.cart_version = (SELECT c.version FROM cart c WHERE c.cart_id = w.cart_id))
    ON CONFLICT DO NOTHING RETURNING scope, key
), admitted AS MATERIALIZED (
    SELECT w.ix, w.order_id FROM wanted w JOIN opened USING (scope, key)
), new_order AS (
    INSERT INTO purchase_order (order_id, number, account_id, email, secret_hash, status, payment_status,
        payment_method, currency, items, discount, shipping, tax, total, inclusive, shipping_method, address, cart_id,
        deadline, expires_at, created_at)
    SELECT w.order_id, number, account_id, email, secret_hash, 'placed', 'pending', payment_method, currency, items,
        discount, shipping, tax, total, inclusive, shipping_method, address, cart_id, deadline, expires_at, created_at
    FROM wanted w JOIN admitted USING (ix)
), new_line AS (
    INSERT INTO order_line (order_id, no, sku, product_id, vendor_id, title, quantity, unit_price, discount, tax,
        total, commission, commission_tax, category_path, parcel)
    SELECT a.order_id, no, sku, product_id, vendor_id, title, quantity, unit_price, discount, tax, total, commission,
        commission_tax, category_path, parcel
    FROM wanted_line l JOIN admitted a USING (ix)
), new_parcel AS (
    INSERT INTO parcel (order_id, no, vendor_id, status, items, discount, shipping, tax, total, commission,
        commission_tax)
    SELECT a.order_id, no, vendor_id, 'pending', items, discount, shipping, tax, total, commission, commission_tax
    FROM unnest($43::int[], $44::int2[], $45::text[], $46::bigint[], $47::bigint[], $48::bigint[], $49::bigint[],
                $50::bigint[], $51::bigint[], $52::bigint[])
        AS p (ix, no, vendor_id, items, discount, shipping, tax, total, commission, commission_tax)
    JOIN admitted a USING (ix)
), new_event AS (
    INSERT INTO outbox (id, name, subject, version, occurred_at, correlation_id, causation_id, traceparent, body,
        claimed_until)
    SELECT e.*, clock_timestamp() + interval '15 seconds'
    FROM unnest($53::uuid[], $54::text[], $55::text[], $56::bigint[], $57::timestamptz[], $58::text[], $59::text[],
                $60::text[], $61::bytea[])
        AS e (id, name, subject, version, occurred_at, correlation_id, causation_id, traceparent, body)
    JOIN admitted a ON a.order_id = e.subject
)
SELECT order_id FROM admitted
"""
_ANSWERED = """
SELECT scope, key, fingerprint, response FROM once
WHERE (scope, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""


class NumberTaken(Exception):
    """One of the random numbers belongs to another order already: draw again."""


class NewOrder(msgspec.Struct, frozen=True):
    """An order ready to be written: priced, answered, announced.

    scope, key, fingerprint, response: its `once` row. deadline: of the state placed.
    """

    order_id: str
    number: str
    account_id: str | None
    email: str
    secret_hash: bytes | None
    payment_method: str
    scope: str
    key: str
    fingerprint: bytes
    response: bytes
    shipping_method: str
    address: Address
    cart_id: str | None
    cart_version: int | None
    deadline: datetime
    expires_at: datetime
    created_at: datetime
    priced: Priced
    placed: Envelope


async def place(tx: Tx, orders: Sequence[NewOrder]) -> set[str]:
    """Write `orders` in one round trip; returns the ids of those admitted.

    Refused are those whose key was used before, and those priced from an offer, vendor or cart that has changed since.
    No two of them may have the same scope and key. Raises NumberTaken, and has then written nothing.
    """
    # One order of keys in all processes, so that two batches with the same keys cannot deadlock.
    orders = sorted(orders, key=lambda order: (order.scope, order.key))
    try:
        rows = await tx.fetch(
            _PLACE,
            *_order_columns(orders),
            *_line_columns(orders),
            *_guard_columns(orders),
            *_parcel_columns(orders),
            *outbox_columns([order.placed for order in orders]),
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "purchase_order_number":
            raise
        raise NumberTaken from None
    return {row["order_id"] for row in rows}


def _order_columns(orders: Sequence[NewOrder]) -> list[list[Any]]:
    return [
        [o.order_id for o in orders],
        [o.number for o in orders],
        [o.account_id for o in orders],
        [o.email for o in orders],
        [o.secret_hash for o in orders],
        [o.payment_method for o in orders],
        [o.scope for o in orders],
        [o.key for o in orders],
        [o.fingerprint for o in orders],
        [o.response for o in orders],
        [o.priced.currency for o in orders],
        [o.priced.items for o in orders],
        [o.priced.discount for o in orders],
        [o.priced.shipping for o in orders],
        [o.priced.tax for o in orders],
        [o.priced.total for o in orders],
        [o.priced.inclusive for o in orders],
        [o.shipping_method for o in orders],
        [o.address for o in orders],
        [o.cart_id for o in orders],
        [o.cart_version for o in orders],
        [o.deadline for o in orders],
        [o.expires_at for o in orders],
        [o.created_at for o in orders],
    ]


def _line_columns(orders: Sequence[NewOrder]) -> list[list[Any]]:
    found = [
        (ix, no, line, line.offer)
        for ix, order in enumerate(orders, 1)
        for no, line in enumerate(order.priced.lines, 1)
    ]
    return [
        [ix for ix, _, _, _ in found],
        [no for _, no, _, _ in found],
        [offer.sku for _, _, _, offer in found],
        [offer.product_id for _, _, _, offer in found],
        [offer.vendor_id for _, _, _, offer in found],
        [offer.title for _, _, _, offer in found],
        [line.quantity for _, _, line, _ in found],
        [offer.price for _, _, _, offer in found],
        [line.discount for _, _, line, _ in found],
        [line.tax for _, _, line, _ in found],
        [line.total for _, _, line, _ in found],
        [line.commission for _, _, line, _ in found],
        [line.commission_tax for _, _, line, _ in found],
        [PATH.join(offer.category_path) for _, _, _, offer in found],
        [line.parcel + 1 for _, _, line, _ in found],
    ]


def _guard_columns(orders: Sequence[NewOrder]) -> list[list[Any]]:
    used = {
        (line.offer.sku, line.offer.revision, line.offer.vendor_revision) for o in orders for line in o.priced.lines
    }
    return [[sku for sku, _, _ in used], [offer for _, offer, _ in used], [vendor for _, _, vendor in used]]


def _parcel_columns(orders: Sequence[NewOrder]) -> list[list[Any]]:
    found = [(ix, no, p) for ix, order in enumerate(orders, 1) for no, p in enumerate(order.priced.parcels, 1)]
    return [
        [ix for ix, _, _ in found],
        [no for _, no, _ in found],
        [p.vendor_id for _, _, p in found],
        [p.items for _, _, p in found],
        [p.discount for _, _, p in found],
        [p.shipping for _, _, p in found],
        [p.tax for _, _, p in found],
        [p.total for _, _, p in found],
        [p.commission for _, _, p in found],
        [p.commission_tax for _, _, p in found],
    ]


async def answered(tx: Tx, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Record]:
    """Read the `once` rows (fingerprint, response) of `keys`, pairs of scope and key, in one query."""
    rows = await tx.fetch(_ANSWERED, [scope for scope, _ in keys], [key for _, key in keys])
    return {(row["scope"], row["key"]): row for row in rows}
