"""What is open, what sells and what becomes available: read models added up, whose they are in every query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from estore.kit.db import Tx
from estore.kit.money import Money
from estore.services.ledger.domain import Kind
from estore.services.ledger.domain.dashboard import OPEN, Due, OpenLine, SoldOf, StateSum

# vendors NULL: an operator, who sees all. What refunds took is told by line; shipping is what lines leave of a parcel.
# A parcel has a line at least, so the first $3 lines are those of the first $3 parcels.
_OPEN = """
WITH parcels AS (
    SELECT * FROM earning WHERE ($1::text[] IS NULL OR vendor_id = ANY($1)) AND state = ANY($2::text[])
    ORDER BY sold_at, parcel_id LIMIT $3
), taken AS (
    SELECT r.parcel_id, r.line_id, sum(r.quantity)::bigint AS quantity, sum(r.amount) AS amount,
        sum(r.funded) AS funded, sum(r.amount + r.funded - r.commission - r.commission_tax) AS payable
    FROM refund_line r WHERE r.parcel_id IN (SELECT parcel_id FROM parcels) AND r.undone_at IS NULL GROUP BY 1, 2
), goods AS (
    SELECT s.parcel_id, s.line_id, s.sku, s.title, s.quantity - coalesce(t.quantity, 0) AS quantity,
        s.total - coalesce(t.amount, 0) AS amount,
        s.funded - coalesce(t.funded, 0) AS funded,
        s.total + s.funded - s.commission - s.commission_tax - coalesce(t.payable, 0) AS payable, s.total,
        s.funded AS sold_funded, s.total + s.funded - s.commission - s.commission_tax AS sold_payable
    FROM sale_line s LEFT JOIN taken t ON t.parcel_id = s.parcel_id AND t.line_id = s.line_id
    WHERE s.parcel_id IN (SELECT parcel_id FROM parcels)
), shipping AS (
    SELECT p.parcel_id, '' AS line_id, '' AS sku, 'Shipping' AS title, 1 AS quantity,
        p.total - g.total - coalesce(t.amount, 0) AS amount,
        p.funded - g.funded - coalesce(t.funded, 0) AS funded,
        p.total + p.funded - p.commission - p.commission_tax - g.payable - coalesce(t.payable, 0) AS payable
    FROM parcels p
    JOIN (SELECT parcel_id, sum(total) AS total, sum(sold_funded) AS funded, sum(sold_payable) AS payable
          FROM goods GROUP BY 1) g
        ON g.parcel_id = p.parcel_id
    LEFT JOIN taken t ON t.parcel_id = p.parcel_id AND t.line_id = ''
    WHERE p.total <> g.total OR p.funded <> g.funded
), pieces AS (
    SELECT parcel_id, line_id, sku, title, quantity, amount, funded, payable FROM goods
    UNION ALL SELECT parcel_id, line_id, sku, title, quantity, amount, funded, payable FROM shipping
)
"""
# The same without its lines: what refunds took of a parcel is kept with it.
_SUMS = """
SELECT state, currency, count(DISTINCT order_id) AS orders, count(*) AS parcels, sum(lines)::bigint AS lines,
    sum(total - refunded)::bigint AS amount,
    sum(total + funded - commission - commission_tax - taken)::bigint AS payable
FROM earning p CROSS JOIN LATERAL (SELECT count(*) AS lines FROM sale_line s WHERE s.parcel_id = p.parcel_id) l
WHERE ($1::text[] IS NULL OR vendor_id = ANY($1)) AND state = ANY($2::text[]) GROUP BY 1, 2 ORDER BY 1, 2
"""
_LINES = f"""
{_OPEN}
SELECT p.vendor_id, p.order_id, p.order_number, p.parcel_id, p.state, nullif(l.line_id, '') AS line_id,
    nullif(l.sku, '') AS sku, l.title, l.quantity, l.amount::bigint, l.funded::bigint, l.payable::bigint,
    p.currency, p.sold_at
FROM parcels p JOIN pieces l ON l.parcel_id = p.parcel_id
ORDER BY p.sold_at, p.parcel_id, l.line_id = '', l.line_id LIMIT $3
"""
_SOLD = """
WITH sold AS (
    SELECT day, product_id, title, currency, category_path, lines, pieces, discount, total, commission, funded
    FROM sales_day
    WHERE day >= $2 AND day < $3 AND ($1::text[] IS NULL OR vendor_id = ANY($1))
    UNION ALL
    SELECT (s.sold_at AT TIME ZONE 'UTC')::date, s.product_id, s.title, s.currency, s.category_path, 1, s.quantity,
        s.discount, s.total, s.commission, s.funded
    FROM unrolled_sale u JOIN sale_line s ON s.line_id = u.line_id
    WHERE (s.sold_at AT TIME ZONE 'UTC')::date >= $2 AND (s.sold_at AT TIME ZONE 'UTC')::date < $3
      AND ($1::text[] IS NULL OR s.vendor_id = ANY($1))
)
SELECT {key} AS key, max({title}) AS title, sum(lines)::bigint AS lines, sum(pieces)::bigint AS pieces,
    sum(total)::bigint AS total, sum(discount)::bigint AS discount, sum(commission)::bigint AS commission,
    sum(funded)::bigint AS funded, currency
FROM sold {joined} GROUP BY 1, currency ORDER BY {order}, 1, currency LIMIT 400
"""
_BY_DAY = _SOLD.format(key="day::text", title="''", joined="", order="1")
_BY_PRODUCT = _SOLD.format(key="product_id", title="sold.title", joined="", order="sum(total) DESC")
# A sale counts for its category and for all above it.
_BY_CATEGORY = _SOLD.format(
    key="c.slug", title="''", joined="CROSS JOIN LATERAL unnest(category_path) AS c (slug)", order="sum(total) DESC"
)
_ROLL = """
WITH taken AS (
    DELETE FROM unrolled_sale WHERE line_id IN (
        SELECT line_id FROM unrolled_sale ORDER BY line_id LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING line_id
), sums AS (
    SELECT (s.sold_at AT TIME ZONE 'UTC')::date AS day, s.vendor_id, s.product_id, s.currency, s.category_path,
        max(s.title) AS title, count(*) AS lines, sum(s.quantity) AS pieces, sum(s.discount) AS discount,
        sum(s.total) AS total, sum(s.commission) AS commission, sum(s.funded) AS funded
    FROM taken t JOIN sale_line s ON s.line_id = t.line_id GROUP BY 1, 2, 3, 4, 5
), rolled AS (
    INSERT INTO sales_day (day, vendor_id, product_id, currency, category_path, title, lines, pieces, discount, total,
                           commission, funded)
    SELECT day, vendor_id, product_id, currency, category_path, title, lines, pieces, discount, total, commission,
           funded FROM sums ORDER BY vendor_id, day, product_id, currency, category_path
    ON CONFLICT (vendor_id, day, product_id, currency, category_path) DO UPDATE SET title = excluded.title,
        lines = sales_day.lines + excluded.lines, pieces = sales_day.pieces + excluded.pieces,
        discount = sales_day.discount + excluded.discount, total = sales_day.total + excluded.total,
        commission = sales_day.commission + excluded.commission, funded = sales_day.funded + excluded.funded
)
SELECT count(*) FROM taken
"""
_DUE = """
SELECT day, sum(amount)::bigint AS amount, sum(parcels)::bigint AS parcels, sum(held)::bigint AS held FROM (
    SELECT (available_at AT TIME ZONE 'UTC')::date AS day,
        total + funded - commission - commission_tax - taken AS amount,
        1 AS parcels, 0 AS held
    FROM earning WHERE vendor_id = $1 AND currency = $2 AND stage = 'pending' AND available_at IS NOT NULL
    UNION ALL
    SELECT (release_at AT TIME ZONE 'UTC')::date, amount, 0, amount
    FROM hold WHERE vendor_id = $1 AND currency = $2 AND released_at IS NULL AND release_at IS NOT NULL
) AS due GROUP BY day ORDER BY day
"""
_BALANCES = """
SELECT a.kind, -b.amount AS amount FROM account a JOIN balance b ON b.account_id = a.id
WHERE a.owner = $1 AND a.currency = $2 AND a.kind IN ('pending', 'available', 'reserved')
"""


async def open_sums(tx: Tx, vendors: Sequence[str] | None) -> list[StateSum]:
    """Return what is open by state and currency."""
    return [
        StateSum(
            state=row["state"],
            orders=row["orders"],
            parcels=row["parcels"],
            lines=row["lines"],
            amount=Money(row["amount"], row["currency"]),
            payable=Money(row["payable"], row["currency"]),
        )
        for row in await tx.fetch(_SUMS, vendors, OPEN)
    ]


async def open_lines(tx: Tx, vendors: Sequence[str] | None, at_most: int) -> list[OpenLine]:
    """Return the lines of open parcels, oldest first."""
    return [
        OpenLine(
            vendor_id=row["vendor_id"],
            order_id=row["order_id"],
            order_number=row["order_number"],
            parcel_id=row["parcel_id"],
            state=row["state"],
            line_id=row["line_id"],
            sku=row["sku"],
            title=row["title"],
            quantity=row["quantity"],
            amount=Money(row["amount"], row["currency"]),
            funded=Money(row["funded"], row["currency"]),
            payable=Money(row["payable"], row["currency"]),
            sold_at=row["sold_at"],
        )
        for row in await tx.fetch(_LINES, vendors, OPEN, at_most)
    ]


async def sold_by_day(tx: Tx, vendors: Sequence[str] | None, since: date, until: date) -> list[SoldOf]:
    """Return sales by day (UTC)."""
    return await _sold(tx, _BY_DAY, vendors, since, until)


async def sold_by_product(tx: Tx, vendors: Sequence[str] | None, since: date, until: date) -> list[SoldOf]:
    """Return sales by product, the best 400."""
    return await _sold(tx, _BY_PRODUCT, vendors, since, until)


async def sold_by_category(tx: Tx, vendors: Sequence[str] | None, since: date, until: date) -> list[SoldOf]:
    """Return sales by category; each counts for all categories above it, too."""
    return await _sold(tx, _BY_CATEGORY, vendors, since, until)


async def _sold(tx: Tx, sql: str, vendors: Sequence[str] | None, since: date, until: date) -> list[SoldOf]:
    return [
        SoldOf(
            key=row["key"],
            title=row["title"],
            lines=row["lines"],
            pieces=row["pieces"],
            amount=Money(row["total"], row["currency"]),
            discount=Money(row["discount"], row["currency"]),
            commission=Money(row["commission"], row["currency"]),
            funded=Money(row["funded"], row["currency"]),
        )
        for row in await tx.fetch(sql, vendors, since, until)
    ]


async def roll(tx: Tx, at_most: int) -> int:
    """Add lines that were sold since to their days; returns how many."""
    return int(await tx.fetchval(_ROLL, at_most))


async def balances(tx: Tx, vendor_id: str, currency: str) -> dict[Kind, int]:
    """Return what a vendor has pending, available and reserved, in minor units."""
    return {Kind(row["kind"]): row["amount"] for row in await tx.fetch(_BALANCES, vendor_id, currency)}


async def due(tx: Tx, vendor_id: str, currency: str) -> list[Due]:
    """Return what becomes available by day."""
    return [
        Due(
            day=row["day"],
            amount=Money(row["amount"], currency),
            parcels=row["parcels"],
            held=Money(row["held"], currency),
        )
        for row in await tx.fetch(_DUE, vendor_id, currency)
    ]
