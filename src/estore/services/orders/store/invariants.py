"""What must always hold in the tables of orders: (number in DESIGN section 6, name, rows that break it, over)."""

from __future__ import annotations

from estore.services.orders.store.promotions.invariants import PROMOTION_INVARIANTS

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
SELECT p.order_id, p.no, p.vendor_id, p.items, p.commission, p.commission_tax, p.funded, l.items AS line_items,
    l.commission AS line_commission, l.commission_tax AS line_commission_tax, l.funded AS line_funded
FROM parcel p
FULL JOIN (SELECT order_id, parcel AS no, vendor_id, sum(unit_price * quantity) AS items, sum(discount) AS discount,
                  sum(commission) AS commission, sum(commission_tax) AS commission_tax, sum(funded) AS funded
           FROM order_line GROUP BY 1, 2, 3) l USING (order_id, no, vendor_id)
WHERE (p.items, p.discount, p.commission, p.commission_tax)
      IS DISTINCT FROM (l.items, l.discount, l.commission, l.commission_tax)
   OR p.funded < l.funded
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
SELECT order_id, status, captured, credit_held, credit, total FROM purchase_order
WHERE status IN ('confirmed', 'partly_shipped', 'shipped', 'delivered', 'completed')
  AND (captured IS DISTINCT FROM total - credit OR coalesce(credit_held, 0) <> credit
       OR (payment_id IS NULL AND captured > 0))
"""
_CREDIT = """
SELECT o.order_id, o.credit, c.amount FROM purchase_order o
LEFT JOIN (SELECT order_id, sum(amount) AS amount FROM order_credit GROUP BY 1) c USING (order_id)
WHERE o.credit <> coalesce(c.amount, 0)
"""
_KEPT = """
SELECT o.order_id, o.status, o.captured, o.credit_held, o.refund_requested, o.refunded, r.given_back, r.credited
FROM purchase_order o
LEFT JOIN (SELECT order_id, sum(amount - credit) FILTER (WHERE failed_at IS NULL) AS given_back,
                  sum(credit) FILTER (WHERE failed_at IS NULL) AS credited, count(failed_at) AS failed
           FROM refund GROUP BY 1) r USING (order_id)
WHERE coalesce(r.failed, 0) = 0 AND o.status IN ('rejected', 'cancelled')
  AND (o.captured > coalesce(r.given_back, 0) OR o.credit_held > coalesce(r.credited, 0))
"""
_OVER_REFUNDED = """
SELECT o.order_id, o.captured, o.refunded, r.refunded AS rows_refunded, o.credit_held, o.credit_refunded,
    r.credited AS rows_credited
FROM purchase_order o
LEFT JOIN (SELECT order_id, sum(amount - credit) AS refunded, sum(credit) AS credited FROM refund
           WHERE refunded_at IS NOT NULL GROUP BY 1) r
    USING (order_id)
WHERE o.refunded <> least(o.captured, coalesce(r.refunded, 0)) OR (o.captured IS NOT NULL AND o.refunded > o.captured)
   OR o.credit_refunded <> coalesce(r.credited, 0) OR o.credit_refunded > coalesce(o.credit_held, 0)
"""
_ASKED = """
SELECT o.order_id, o.payment_status, o.refund_requested, r.requested, o.credit_refund_requested, r.credit
FROM purchase_order o
LEFT JOIN (SELECT order_id, sum(amount - credit) AS requested, sum(credit) AS credit FROM refund
           WHERE failed_at IS NULL GROUP BY 1) r USING (order_id)
WHERE o.refund_requested <> coalesce(r.requested, 0) OR o.credit_refund_requested <> coalesce(r.credit, 0)
   OR (o.payment_status = 'refund_pending' AND o.refund_requested <= o.refunded
       AND o.credit_refund_requested <= o.credit_refunded)
   OR (o.payment_status = 'refunded' AND o.refunded + o.credit_refunded
       < coalesce(o.captured + coalesce(o.credit_held, 0), o.credit_held, o.total))
"""
_BORNE = """
SELECT r.refund_id, r.amount, r.platform, r.unearned, l.amount AS lines FROM refund r
LEFT JOIN (SELECT refund_id, sum(amount) AS amount FROM refund_line GROUP BY 1) l USING (refund_id)
WHERE r.allocated_at IS NOT NULL AND r.amount <> coalesce(l.amount, 0) + r.platform + r.unearned
"""
_LINES_GIVEN = """
SELECT l.order_id, l.no, l.total, g.amount, g.quantity, g.commission, g.funded FROM order_line l
JOIN (SELECT t.order_id, t.line, sum(t.quantity) AS quantity, sum(t.amount) AS amount, sum(t.tax) AS tax,
             sum(t.commission) AS commission, sum(t.commission_tax) AS commission_tax,
             sum(t.funded) AS funded
      FROM refund_line t JOIN refund r USING (refund_id) WHERE r.failed_at IS NULL AND t.line IS NOT NULL
      GROUP BY 1, 2) g ON g.order_id = l.order_id AND g.line = l.no
WHERE g.amount > l.total OR g.quantity > l.quantity OR g.tax > l.tax OR g.commission > l.commission
   OR g.commission_tax > l.commission_tax OR g.funded > l.funded
   OR (g.amount = l.total AND (l.total > 0 OR g.quantity = l.quantity)
       AND (g.tax, g.commission, g.commission_tax, g.funded) <> (l.tax, l.commission, l.commission_tax, l.funded))
"""
_PARCELS_GIVEN = """
SELECT p.order_id, p.no, p.total, g.amount, g.tax, g.funded FROM parcel p
JOIN (SELECT t.order_id, t.parcel, sum(t.amount) AS amount, sum(t.tax) AS tax, sum(t.commission) AS commission,
             sum(t.funded) AS funded
      FROM refund_line t JOIN refund r USING (refund_id) WHERE r.failed_at IS NULL
      GROUP BY 1, 2) g ON g.order_id = p.order_id AND g.parcel = p.no
WHERE g.amount > p.total OR g.tax > p.tax OR g.commission > p.commission OR g.funded > p.funded
   OR (g.amount = p.total AND g.tax <> p.tax)
"""
_TOLD = """
SELECT subject AS refund_id, count(*) AS times FROM outbox WHERE name = 'refund.allocated.v1'
GROUP BY subject HAVING count(*) > 1
"""
_RETURNED = """
SELECT l.order_id, l.no, l.quantity, g.quantity AS returned FROM order_line l
JOIN (SELECT rl.order_id, rl.line,
             sum(CASE WHEN r.status = 'refunded' THEN rl.restocked + rl.written_off ELSE rl.quantity END) AS quantity
      FROM return_line rl JOIN order_return r USING (return_id)
      WHERE r.status NOT IN ('refused', 'cancelled', 'expired') GROUP BY 1, 2) g
    ON g.order_id = l.order_id AND g.line = l.no
WHERE g.quantity > l.quantity
"""
_RETURNS_LATE = """
SELECT return_id, status, due_at FROM order_return
WHERE due_at < least(now(), (SELECT max(occurred_at) FROM outbox)) - interval '5 minutes'
"""
_RETURNS_OPEN = """
SELECT r.return_id, r.status, o.status AS order_status FROM order_return r JOIN purchase_order o USING (order_id)
WHERE r.due_at IS NOT NULL AND o.status = 'completed'
"""
_ORDERS = "SELECT count(*) FROM purchase_order"
_PARCEL_ROWS = "SELECT count(*) FROM parcel"

INVARIANTS: tuple[tuple[int, str, str, str], ...] = (
    (11, "an order's total is its lines - discounts + tax + shipping", _LINES, _ORDERS),
    (11, "an order's parcels sum to it, each amount of them", _PARCELS, _ORDERS),
    (11, "a vendor's share is that of its lines", _SHARES, _PARCEL_ROWS),
    (10, "confirmed means that exactly the total was captured, or taken as credit", _UNPAID, _ORDERS),
    (10, "an order's credit is that of its gift cards and account", _CREDIT, _ORDERS),
    (9, "what was paid for an order that ended is given back", _KEPT, _ORDERS),
    (8, "refunds are counted once and are not more than was paid", _OVER_REFUNDED, _ORDERS),
    (8, "what is asked to be given back is counted once", _ASKED, _ORDERS),
    (11, "a refund is its lines, the platform's part and what nobody earned", _BORNE, "SELECT count(*) FROM refund"),
    (11, "nothing more of a line is given back than there was", _LINES_GIVEN, "SELECT count(*) FROM order_line"),
    (11, "nothing more of a parcel is given back than there was", _PARCELS_GIVEN, _PARCEL_ROWS),
    (3, "who bears a refund is told once", _TOLD, "SELECT count(*) FROM refund"),
    (11, "nothing more of a line is returned than was bought", _RETURNED, "SELECT count(*) FROM return_line"),
    (17, "no return is minutes past its deadline", _RETURNS_LATE, "SELECT count(*) FROM order_return"),
    (17, "no order is completed while something of it is on its way back", _RETURNS_OPEN, _ORDERS),
    (17, "no order is minutes past its deadline", _OVERDUE, _ORDERS),
    (0, "parcels are where their order says", _PARCEL_STATES, _PARCEL_ROWS),
    (0, "shipments hold what their parcel does, no piece more", _SHIPPED, "SELECT count(*) FROM order_line"),
    (0, "a delivered parcel's shipments have arrived", _ARRIVED, "SELECT count(*) FROM shipment"),
    *PROMOTION_INVARIANTS,
)
