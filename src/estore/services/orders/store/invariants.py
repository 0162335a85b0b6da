"""What must always hold in the tables of orders: (number in DESIGN section 6, name, rows that break it, over)."""

from __future__ import annotations

_LINES = """
SELECT o.order_id, o.items, o.discount, o.shipping, o.tax, o.total, l.items AS line_items, l.total AS line_total
FROM purchase_order o
LEFT JOIN (SELECT order_id, sum(unit_price * quantity) AS items, sum(discount) AS discount, sum(tax) AS tax,
                  sum(total) AS total FROM order_line GROUP BY 1) l USING (order_id)
WHERE l.order_id IS NULL OR o.items <> l.items OR o.discount <> l.discount OR o.tax < l.tax
   OR o.total <> o.items - o.discount + o.shipping + CASE WHEN o.inclusive THEN 0 ELSE o.tax END
   OR l.total <> l.items - l.discount + CASE WHEN o.inclusive THEN 0 ELSE l.tax END
"""
_PARCELS = """
SELECT o.order_id, o.total, p.total AS parcels_total
FROM purchase_order o
LEFT JOIN (SELECT order_id, sum(items) AS items, sum(discount) AS discount, sum(shipping) AS shipping, sum(tax) AS tax,
                  sum(total) AS total FROM parcel GROUP BY 1) p USING (order_id)
WHERE p.order_id IS NULL OR (o.items, o.discount, o.shipping, o.tax, o.total)
                            IS DISTINCT FROM (p.items, p.discount, p.shipping, p.tax, p.total)
"""
_SHARES = """
SELECT p.order_id, p.no, p.vendor_id, p.items, p.commission, p.commission_tax, l.items AS line_items,
    l.commission AS line_commission, l.commission_tax AS line_commission_tax
FROM parcel p
FULL JOIN (SELECT order_id, parcel AS no, vendor_id, sum(unit_price * quantity) AS items, sum(discount) AS discount,
                  sum(commission) AS commission, sum(commission_tax) AS commission_tax
           FROM order_line GROUP BY 1, 2, 3) l USING (order_id, no, vendor_id)
WHERE (p.items, p.discount, p.commission, p.commission_tax)
      IS DISTINCT FROM (l.items, l.discount, l.commission, l.commission_tax)
"""
_PARCEL_STATES = """
SELECT o.order_id, o.status, p.no, p.status AS parcel_status FROM purchase_order o JOIN parcel p USING (order_id)
WHERE CASE o.status
    WHEN 'placed' THEN p.status <> 'pending'
    WHEN 'awaiting_payment' THEN p.status <> 'pending'
    WHEN 'confirmed' THEN p.status <> 'open'
    WHEN 'partly_shipped' THEN p.status NOT IN ('open', 'partly_shipped', 'shipped', 'delivered')
    WHEN 'shipped' THEN p.status NOT IN ('shipped', 'delivered')
    WHEN 'delivered' THEN p.status <> 'delivered'
    WHEN 'completed' THEN p.status <> 'delivered'
    ELSE p.status <> 'cancelled' END
"""
# Parcels that an older version of this service shipped have no shipments.
_SHIPPED = """
SELECT l.order_id, l.no, p.status, l.quantity, coalesce(s.shipped, 0) AS shipped
FROM order_line l JOIN parcel p ON p.order_id = l.order_id AND p.no = l.parcel
LEFT JOIN (SELECT s.order_id, s.parcel, sl.line, sum(sl.quantity) AS shipped
           FROM shipment s JOIN shipment_line sl USING (shipment_id) GROUP BY 1, 2, 3) s
    ON s.order_id = l.order_id AND s.parcel = l.parcel AND s.line = l.no
WHERE CASE WHEN p.status IN ('shipped', 'delivered')
           THEN s.shipped <> l.quantity
                OR (s.shipped IS NULL AND EXISTS (SELECT 1 FROM shipment o
                                                  WHERE o.order_id = p.order_id AND o.parcel = p.no))
           WHEN p.status = 'partly_shipped' THEN s.shipped > l.quantity
           ELSE s.shipped IS NOT NULL END
"""
_ARRIVED = """
SELECT s.order_id, s.parcel, s.shipment_id, p.status FROM shipment s
JOIN parcel p ON p.order_id = s.order_id AND p.no = s.parcel
WHERE p.status = 'delivered' AND s.delivered_at IS NULL
"""
# "Now" is the last time that anything happened here, so that a store that was down is not blamed for the pause.
_OVERDUE = """
SELECT order_id, status, deadline FROM purchase_order
WHERE deadline < least(now(), (SELECT max(occurred_at) FROM outbox)) - interval '5 minutes'
"""
_UNPAID = """
SELECT order_id, status, captured, total FROM purchase_order
WHERE status IN ('confirmed', 'partly_shipped', 'shipped', 'delivered', 'completed')
  AND (captured IS DISTINCT FROM total OR payment_id IS NULL)
"""
_KEPT = """
SELECT o.order_id, o.status, o.captured, o.refund_requested, o.refunded, r.given_back FROM purchase_order o
LEFT JOIN (SELECT order_id, sum(amount) AS given_back FROM refund GROUP BY 1) r USING (order_id)
WHERE o.status IN ('rejected', 'cancelled') AND o.captured > coalesce(r.given_back, 0)
"""
_OVER_REFUNDED = """
SELECT o.order_id, o.captured, o.refunded, r.refunded AS rows_refunded FROM purchase_order o
LEFT JOIN (SELECT order_id, sum(amount) AS refunded FROM refund WHERE refunded_at IS NOT NULL GROUP BY 1) r
    USING (order_id)
WHERE o.refunded <> coalesce(r.refunded, 0) OR (o.captured IS NOT NULL AND o.refunded > o.captured)
"""
_ORDERS = "SELECT count(*) FROM purchase_order"
_PARCEL_ROWS = "SELECT count(*) FROM parcel"

INVARIANTS: tuple[tuple[int, str, str, str], ...] = (
    (11, "an order's total is its lines - discounts + tax + shipping", _LINES, _ORDERS),
    (11, "an order's parcels sum to it, each amount of them", _PARCELS, _ORDERS),
    (11, "a vendor's share is that of its lines", _SHARES, _PARCEL_ROWS),
    (10, "confirmed means that exactly the total was captured", _UNPAID, _ORDERS),
    (9, "what was captured for an order that ended is given back", _KEPT, _ORDERS),
    (8, "refunds are counted once and are not more than was captured", _OVER_REFUNDED, _ORDERS),
    (17, "no order is minutes past its deadline", _OVERDUE, _ORDERS),
    (0, "parcels are where their order says", _PARCEL_STATES, _PARCEL_ROWS),
    (0, "shipments hold what their parcel does, no piece more", _SHIPPED, "SELECT count(*) FROM order_line"),
    (0, "a delivered parcel's shipments have arrived", _ARRIVED, "SELECT count(*) FROM shipment"),
)
