"""What must always hold of promotions: (number in DESIGN section 6, name, rows that break it, over)."""

from __future__ import annotations

_USED = """
WITH used AS (
    SELECT promotion_id, '' AS scope, count(*) AS uses, max(used_at) AS last FROM promotion_use
    WHERE released_at IS NULL GROUP BY 1
    UNION ALL
    SELECT promotion_id, 'customer:' || customer, count(*), max(used_at) FROM promotion_use
    WHERE released_at IS NULL GROUP BY 1, customer
    UNION ALL
    SELECT promotion_id, 'code:' || code, count(*), max(used_at) FROM promotion_use
    WHERE released_at IS NULL AND code <> '' GROUP BY 1, code
)
"""
# Counters of first orders stand under no promotion: they are of all that are for first orders.
_COUNTED = f"""
{_USED}
SELECT k.promotion_id, k.scope, k.uses, u.uses AS orders FROM promotion_counter k
LEFT JOIN used u USING (promotion_id, scope)
WHERE k.promotion_id <> '' AND k.uses <> coalesce(u.uses, 0)
"""
# A limit that was lowered below what was in use is exceeded without a fault, as long as nobody uses it from then on;
# clocks of processes differ, so that counts from minutes after the change. The limit of a code never changes.
_LIMITED = f"""
{_USED}
SELECT u.promotion_id, u.scope, u.uses, p.body->'limits' AS limits, c.max_uses FROM used u
JOIN promotion p USING (promotion_id)
LEFT JOIN promotion_code c ON u.scope = 'code:' || c.code
WHERE u.uses > CASE WHEN u.scope = '' THEN (p.body->'limits'->>'total')::bigint
                    WHEN u.scope LIKE 'code:%' THEN c.max_uses
                    ELSE (p.body->'limits'->>'per_customer')::bigint END
  AND (u.scope LIKE 'code:%' OR p.version = 1 OR u.last > p.updated_at + interval '5 minutes')
"""
_USES = """
SELECT u.order_id, u.promotion_id, u.code, u.amount, u.platform, d.amount AS taken, d.platform AS funded
FROM promotion_use u
FULL JOIN (SELECT order_id, promotion_id, max(code) AS code, sum(amount) AS amount, sum(platform) AS platform
           FROM order_discount GROUP BY 1, 2) d USING (order_id, promotion_id)
WHERE (u.code, u.amount, u.platform) IS DISTINCT FROM (d.code, d.amount, d.platform)
"""
_RELEASED = """
SELECT u.order_id, u.promotion_id, o.status, u.released_at FROM promotion_use u
LEFT JOIN purchase_order o USING (order_id)
WHERE o.order_id IS NULL OR (o.status IN ('rejected', 'cancelled')) <> (u.released_at IS NOT NULL)
"""
_LINES = """
SELECT order_id, no, l.discount, l.funded, d.amount, d.platform FROM order_line l
FULL JOIN (SELECT order_id, line AS no, sum(amount) AS amount, sum(platform) AS platform FROM order_discount
           WHERE line IS NOT NULL GROUP BY 1, 2) d USING (order_id, no)
WHERE (coalesce(l.discount, 0), coalesce(l.funded, 0)) <> (coalesce(d.amount, 0), coalesce(d.platform, 0))
"""
_PARCELS = """
SELECT order_id, no, p.discount, p.shipping_discount, p.funded, d.lines, d.shipping, d.platform FROM parcel p
FULL JOIN (SELECT order_id, parcel AS no, coalesce(sum(amount) FILTER (WHERE line IS NOT NULL), 0) AS lines,
                  coalesce(sum(amount) FILTER (WHERE line IS NULL), 0) AS shipping, sum(platform) AS platform
           FROM order_discount GROUP BY 1, 2) d USING (order_id, no)
WHERE (coalesce(p.discount, 0), coalesce(p.shipping_discount, 0), coalesce(p.funded, 0))
      <> (coalesce(d.lines, 0), coalesce(d.shipping, 0), coalesce(d.platform, 0))
"""
_SHIPPING = """
SELECT order_id, o.shipping_discount, p.shipping_discount AS parcels FROM purchase_order o
LEFT JOIN (SELECT order_id, sum(shipping_discount) AS shipping_discount FROM parcel GROUP BY 1) p USING (order_id)
WHERE o.shipping_discount <> coalesce(p.shipping_discount, 0)
"""
_SUMMED = """
SELECT promotion_id, code, s.orders, s.amount, s.platform, u.orders AS uses, u.amount AS taken, u.platform AS funded
FROM promotion_sum s
FULL JOIN (SELECT promotion_id, of.code, count(*) AS orders, sum(amount) AS amount, sum(platform) AS platform
           FROM promotion_use u CROSS JOIN LATERAL (SELECT '' UNION SELECT u.code) AS of (code)
           WHERE summed GROUP BY 1, 2) u USING (promotion_id, code)
WHERE (coalesce(s.orders, 0), coalesce(s.amount, 0), coalesce(s.platform, 0))
      <> (coalesce(u.orders, 0), coalesce(u.amount, 0), coalesce(u.platform, 0))
"""
# One that a customer has not (any more) would keep them from what is for a first order.
_FIRST = """
SELECT k.scope, k.uses, u.orders FROM promotion_counter k
LEFT JOIN (SELECT 'customer:' || customer AS scope, count(DISTINCT order_id) AS orders FROM promotion_use
           WHERE released_at IS NULL GROUP BY 1) u USING (scope)
WHERE k.promotion_id = '' AND k.uses > coalesce(u.orders, 0)
"""
_OWN = """
SELECT d.order_id, d.promotion_id, p.vendor_id, l.vendor_id AS seller, d.platform FROM order_discount d
JOIN promotion p USING (promotion_id) JOIN parcel l ON l.order_id = d.order_id AND l.no = d.parcel
WHERE p.vendor_id <> '' AND (d.platform > 0 OR l.vendor_id <> p.vendor_id)
"""
_USE_ROWS = "SELECT count(*) FROM promotion_use"

PROMOTION_INVARIANTS: tuple[tuple[int, str, str, str], ...] = (
    (12, "a promotion's uses are counted once", _COUNTED, "SELECT count(*) FROM promotion_counter"),
    (
        12,
        "a vendor's promotion takes off its own goods, and at its own expense",
        _OWN,
        "SELECT count(*) FROM promotion WHERE vendor_id <> ''",
    ),
    (12, "a first order is counted once", _FIRST, "SELECT count(*) FROM promotion_counter WHERE promotion_id = ''"),
    (12, "the sums of a promotion are those of its uses", _SUMMED, "SELECT count(*) FROM promotion_sum"),
    (12, "no promotion and no code is used more often than it may be", _LIMITED, _USE_ROWS),
    (12, "promotions are used by the orders that they took something off, and by no others", _USES, _USE_ROWS),
    (12, "an order that was rejected or cancelled uses no promotion", _RELEASED, _USE_ROWS),
    (
        11,
        "a line's discount is what promotions took off it, and so is who pays",
        _LINES,
        "SELECT count(*) FROM order_line",
    ),
    (
        11,
        "a parcel's discounts are what promotions took off it, and so is who pays",
        _PARCELS,
        "SELECT count(*) FROM parcel",
    ),
    (
        11,
        "what is taken off an order's shipping is taken off its parcels'",
        _SHIPPING,
        "SELECT count(*) FROM purchase_order",
    ),
)
