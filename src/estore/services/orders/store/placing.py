"""The one statement that places a batch of orders: guards, `once`, orders, lines, parcels, outbox; and where there are
any, the uses of promotions and the credit that pays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any

import asyncpg
import msgspec

from estore.contracts.orders import CreditUse
from estore.kit.db import Record, Tx, outbox_columns
from estore.kit.envelope import Envelope
from estore.services.orders.domain import Address, Priced
from estore.services.orders.domain.promotions.explaining import by_promotion
from estore.services.orders.domain.promotions.limits import Claim
from estore.services.orders.store.offers import PATH

_PLACE = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest(
        $?::text[], $?::text[], $?::text[], $?::text[], $?::bytea[], $?::text[], $?::text[], $?::text[], $?::bytea[],
        $?::bytea[], $?::text[], $?::bigint[], $?::bigint[], $?::bigint[], $?::bigint[], $?::bigint[],
        $?::bigint[], $?::bigint[], $?::boolean[], $?::text[], $?::jsonb[], $?::text[], $?::bigint[], $?::timestamptz[],
        $?::timestamptz[], $?::timestamptz[]
    ) WITH ORDINALITY AS w (order_id, number, account_id, email, secret_hash, payment_method, scope, key, fingerprint,
        response, currency, items, discount, shipping, shipping_discount, tax, total, credit, inclusive,
        shipping_method, address, cart_id, cart_version, deadline, expires_at, created_at, ix)
), wanted_line AS MATERIALIZED (
    SELECT * FROM unnest(
        $?::int[], $?::int2[], $?::text[], $?::text[], $?::text[], $?::text[], $?::int[], $?::bigint[],
        $?::bigint[], $?::bigint[], $?::bigint[], $?::bigint[], $?::bigint[], $?::bigint[], $?::text[], $?::int2[]
    ) AS l (ix, no, sku, product_id, vendor_id, title, quantity, unit_price, discount, funded, tax, total, commission,
        commission_tax, category_path, parcel)
), stale AS MATERIALIZED (
    SELECT used.sku FROM unnest($?::text[], $?::bigint[], $?::bigint[]) AS used (sku, revision, vendor_revision)
    LEFT JOIN offer o ON o.sku = used.sku LEFT JOIN vendor v ON v.vendor_id = o.vendor_id
    WHERE o.revision IS DISTINCT FROM used.revision OR v.revision IS DISTINCT FROM used.vendor_revision
){claims}, opened AS (
    INSERT INTO once (scope, key, fingerprint, response)
    SELECT scope, key, fingerprint, response FROM wanted w
    WHERE (SELECT b.revision FROM {book} b) = $?::bigint
      AND w.ix NOT IN (SELECT l.ix FROM wanted_line l JOIN stale USING (sku)){within}
      AND (w.cart_id IS NULL OR w.cart_version = (SELECT c.version FROM cart c WHERE c.cart_id = w.cart_id))
    ON CONFLICT DO NOTHING RETURNING scope, key
), admitted AS MATERIALIZED (
    SELECT w.ix, w.order_id, w.created_at FROM wanted w JOIN opened USING (scope, key)
), new_order AS (
    INSERT INTO purchase_order (order_id, number, account_id, email, secret_hash, status, payment_status,
        payment_method, currency, items, discount, shipping, shipping_discount, tax, total, credit, inclusive,
        shipping_method, address, cart_id, deadline, expires_at, created_at)
    SELECT w.order_id, number, account_id, email, secret_hash, 'placed', 'pending', payment_method, currency, items,
        discount, shipping, shipping_discount, tax, total, credit, inclusive, shipping_method, address, cart_id,
        deadline, expires_at, w.created_at
    FROM wanted w JOIN admitted USING (ix)
), new_line AS (
    INSERT INTO order_line (order_id, no, sku, product_id, vendor_id, title, quantity, unit_price, discount, funded,
        tax, total, commission, commission_tax, category_path, parcel)
    SELECT a.order_id, no, sku, product_id, vendor_id, title, quantity, unit_price, discount, funded, tax, total,
        commission, commission_tax, category_path, parcel
    FROM wanted_line l JOIN admitted a USING (ix)
), new_parcel AS (
    INSERT INTO parcel (order_id, no, vendor_id, status, items, discount, shipping, shipping_discount, funded, tax,
        total, commission, commission_tax)
    SELECT a.order_id, no, vendor_id, 'pending', items, discount, shipping, shipping_discount, funded, tax, total,
        commission, commission_tax
    FROM unnest($?::int[], $?::int2[], $?::text[], $?::bigint[], $?::bigint[], $?::bigint[], $?::bigint[],
                $?::bigint[], $?::bigint[], $?::bigint[], $?::bigint[], $?::bigint[])
        AS p (ix, no, vendor_id, items, discount, shipping, shipping_discount, funded, tax, total, commission,
              commission_tax)
    JOIN admitted a USING (ix)
), new_event AS (
    INSERT INTO outbox (id, name, subject, version, occurred_at, correlation_id, causation_id, traceparent, body,
        claimed_until)
    SELECT e.*, clock_timestamp() + interval '15 seconds'
    FROM unnest($?::uuid[], $?::text[], $?::text[], $?::bigint[], $?::timestamptz[], $?::text[], $?::text[],
                $?::text[], $?::bytea[])
        AS e (id, name, subject, version, occurred_at, correlation_id, causation_id, traceparent, body)
    JOIN admitted a ON a.order_id = e.subject
){uses}
SELECT order_id FROM admitted
"""
# The book before counters before keys, both sorted: the one order in which all processes lock them. The book is held,
# so that whoever counts uses for a limit that is set now finds these orders, or is waited for. A counter is read as
# whoever held it before left it, and who wants more of it than there is left is not admitted: of a batch the first are.
_CLAIMS = """, book AS MATERIALIZED (
    SELECT promotion_book_held() AS revision
), claim AS MATERIALIZED (
    SELECT * FROM unnest($?::int[], $?::text[], $?::text[], $?::bigint[]) AS c (ix, promotion_id, scope, at_most)
    WHERE (SELECT b.revision FROM book b) = $?::bigint
      AND c.ix NOT IN (SELECT l.ix FROM wanted_line l JOIN stale USING (sku))
), counter AS MATERIALIZED (
    SELECT k.promotion_id, k.scope, k.uses FROM promotion_counter k
    WHERE (k.promotion_id, k.scope) IN (SELECT c.promotion_id, c.scope FROM claim c)
    ORDER BY k.promotion_id, k.scope FOR UPDATE
), beyond AS MATERIALIZED (
    SELECT DISTINCT n.ix FROM (
        SELECT c.ix, c.at_most, k.uses + row_number() OVER (PARTITION BY c.promotion_id, c.scope ORDER BY c.ix) AS uses
        FROM claim c LEFT JOIN counter k USING (promotion_id, scope)) AS n
    WHERE n.at_most IS NOT NULL AND (n.uses IS NULL OR n.uses > n.at_most)
)"""
_USES = """, raised AS (
    UPDATE promotion_counter k SET uses = k.uses + n.orders
    FROM (SELECT c.promotion_id, c.scope, count(*) AS orders FROM claim c JOIN admitted USING (ix) GROUP BY 1, 2) AS n
    WHERE k.promotion_id = n.promotion_id AND k.scope = n.scope
), new_discount AS (
    INSERT INTO order_discount (order_id, no, promotion_id, code, title, line, parcel, amount, platform)
    SELECT a.order_id, no, promotion_id, code, title, line, parcel, amount, platform
    FROM unnest($?::int[], $?::int2[], $?::text[], $?::text[], $?::text[], $?::int2[], $?::int2[], $?::bigint[],
                $?::bigint[]) AS d (ix, no, promotion_id, code, title, line, parcel, amount, platform)
    JOIN admitted a USING (ix)
), new_use AS (
    INSERT INTO promotion_use (order_id, promotion_id, code, customer, amount, platform, used_at)
    SELECT a.order_id, promotion_id, code, customer, amount, platform, a.created_at
    FROM unnest($?::int[], $?::text[], $?::text[], $?::text[], $?::bigint[], $?::bigint[])
        AS u (ix, promotion_id, code, customer, amount, platform)
    JOIN admitted a USING (ix)
)"""


_CREDIT = """, new_credit AS (
    INSERT INTO order_credit (order_id, no, kind, amount, gift_card_hash)
    SELECT a.order_id, no, kind, amount, gift_card_hash
    FROM unnest($?::int[], $?::int2[], $?::text[], $?::bigint[], $?::text[])
        AS c (ix, no, kind, amount, gift_card_hash)
    JOIN admitted a USING (ix)
)"""


def _numbered(promoted: bool, credited: bool) -> str:
    """Return the statement with the parts that are needed, its parameters numbered as they appear."""
    numbers = count(1)
    sql = _PLACE.format(
        claims=_CLAIMS if promoted else "",
        book="book" if promoted else "promotion_book",
        within="\n      AND w.ix NOT IN (SELECT ix FROM beyond)" if promoted else "",
        uses=(_USES if promoted else "") + (_CREDIT if credited else ""),
    )
    return re.sub(r"\$\?", lambda _: f"${next(numbers)}", sql)


_STATEMENTS = {
    (promoted, credited): _numbered(promoted, credited) for promoted in (False, True) for credited in (False, True)
}
_ANSWERED = """
SELECT scope, key, fingerprint, response FROM once
WHERE (scope, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""


class NumberTaken(Exception):
    """One of the random numbers belongs to another order already: draw again."""


class NewOrder(msgspec.Struct, frozen=True):
    """An order ready to be written: priced, answered, announced.

    scope, key, fingerprint, response: its `once` row. deadline: of the state placed. customer: see `Customer.key`.
    claims: what it takes of the limits of promotions. credit: what of the total is paid by credit.
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
    customer: str
    claims: tuple[Claim, ...] = ()
    credit: tuple[CreditUse, ...] = ()


async def place(tx: Tx, orders: Sequence[NewOrder], revision: int) -> set[str]:
    """Write `orders` in one round trip; returns the ids of those admitted. revision: of the book they are priced from.

    Refused are those whose key was used before, those priced from an offer, vendor, cart or book that has changed
    since, and those that want more of a promotion than its limits leave. What has a limit needs a counter; see
    `open_counters`.
    No two of them may have the same scope and key. Raises NumberTaken, and has then written nothing.
    """
    # One order of keys in all processes, so that two batches with the same keys cannot deadlock.
    orders = sorted(orders, key=lambda order: (order.scope, order.key))
    try:
        promoted = any(order.priced.taken for order in orders)
        credited = any(order.credit for order in orders)
        rows = await tx.fetch(
            _STATEMENTS[promoted, credited],
            *_order_columns(orders),
            *_line_columns(orders),
            *_guard_columns(orders),
            *((*_claim_columns(orders), revision) if promoted else ()),
            revision,
            *_parcel_columns(orders),
            *outbox_columns([order.placed for order in orders]),
            *((*_discount_columns(orders), *_use_columns(orders)) if promoted else ()),
            *(_credit_columns(orders) if credited else ()),
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
        [o.priced.shipping_discount for o in orders],
        [o.priced.tax for o in orders],
        [o.priced.total for o in orders],
        [sum(use.amount for use in o.credit) for o in orders],
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
        [line.funded for _, _, line, _ in found],
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
        [p.shipping_discount for _, _, p in found],
        [p.funded for _, _, p in found],
        [p.tax for _, _, p in found],
        [p.total for _, _, p in found],
        [p.commission for _, _, p in found],
        [p.commission_tax for _, _, p in found],
    ]


def _claim_columns(orders: Sequence[NewOrder]) -> list[list[Any]]:
    found = [(ix, claim) for ix, order in enumerate(orders, 1) for claim in order.claims]
    return [
        [ix for ix, _ in found],
        [claim.promotion_id for _, claim in found],
        [claim.scope for _, claim in found],
        [claim.at_most for _, claim in found],
    ]


def _discount_columns(orders: Sequence[NewOrder]) -> list[list[Any]]:
    found = [(ix, no, t) for ix, order in enumerate(orders, 1) for no, t in enumerate(order.priced.taken, 1)]
    return [
        [ix for ix, _, _ in found],
        [no for _, no, _ in found],
        [t.promotion_id for _, _, t in found],
        [t.code for _, _, t in found],
        [t.title for _, _, t in found],
        [None if t.line is None else t.line + 1 for _, _, t in found],
        [t.parcel + 1 for _, _, t in found],
        [t.amount for _, _, t in found],
        [t.platform for _, _, t in found],
    ]


def _use_columns(orders: Sequence[NewOrder]) -> list[list[Any]]:
    found = [(ix, order, some) for ix, order in enumerate(orders, 1) for some in by_promotion(order.priced.taken)]
    return [
        [ix for ix, _, _ in found],
        [some[0].promotion_id for _, _, some in found],
        [some[0].code for _, _, some in found],
        [order.customer for _, order, _ in found],
        [sum(t.amount for t in some) for _, _, some in found],
        [sum(t.platform for t in some) for _, _, some in found],
    ]


def _credit_columns(orders: Sequence[NewOrder]) -> list[list[Any]]:
    found = [(ix, no, use) for ix, order in enumerate(orders, 1) for no, use in enumerate(order.credit, 1)]
    return [
        [ix for ix, _, _ in found],
        [no for _, no, _ in found],
        [use.kind for _, _, use in found],
        [use.amount for _, _, use in found],
        [use.gift_card_hash for _, _, use in found],
    ]


async def answered(tx: Tx, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Record]:
    """Read the `once` rows (fingerprint, response) of `keys`, pairs of scope and key, in one query."""
    rows = await tx.fetch(_ANSWERED, [scope for scope, _ in keys], [key for _, key in keys])
    return {(row["scope"], row["key"]): row for row in rows}
