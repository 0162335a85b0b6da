"""What must always hold in inventory's tables: (number in DESIGN section 6, name, rows that break it, proved over)."""

from __future__ import annotations

# "Now" is the last time that anything happened here, so that a store that was down is not blamed for the pause.
_OVERDUE = """
SELECT order_id, expires_at FROM reservation
WHERE state = 'active'
  AND expires_at < least(now(), (SELECT max(changed_at) FROM reservation)) - interval '5 minutes'
"""
_RESERVED = """
SELECT coalesce(s.sku, l.sku) AS sku, coalesce(s.location_id, l.location_id) AS location_id,
       coalesce(s.reserved, 0) AS reserved, coalesce(l.held, 0) AS held
FROM stock s
FULL JOIN (SELECT sku, location_id, sum(quantity) AS held FROM reservation_line GROUP BY 1, 2) l
    ON l.sku = s.sku AND l.location_id = s.location_id
WHERE coalesce(s.reserved, 0) <> coalesce(l.held, 0)
"""
_HEADERS = """
SELECT coalesce(r.order_id, l.order_id) AS order_id, r.state, l.lines
FROM (SELECT * FROM reservation WHERE state IN ('active', 'committed')) r
FULL JOIN (SELECT order_id, count(*) AS lines FROM reservation_line GROUP BY 1) l ON l.order_id = r.order_id
WHERE r.order_id IS NULL OR l.order_id IS NULL
"""
_EXPLAINED = """
SELECT coalesce(s.sku, m.sku) AS sku, coalesce(s.location_id, m.location_id) AS location_id, s.on_hand, m.explained
FROM stock s
FULL JOIN (SELECT sku, location_id, sum(delta) AS explained FROM movement GROUP BY 1, 2) m
    ON m.sku = s.sku AND m.location_id = s.location_id
WHERE coalesce(s.on_hand, 0) <> coalesce(m.explained, 0)
"""
_SUPPLY = """
SELECT s.sku, m.supply, m.shipped, coalesce(l.held, 0) AS held, s.available
FROM (SELECT sku, sum(on_hand - reserved) AS available FROM stock GROUP BY 1) s
LEFT JOIN (SELECT sku, coalesce(sum(delta) FILTER (WHERE kind <> 'shipped'), 0) AS supply,
                  coalesce(-sum(delta) FILTER (WHERE kind = 'shipped'), 0) AS shipped FROM movement GROUP BY 1) m
    ON m.sku = s.sku
LEFT JOIN (SELECT sku, sum(quantity) AS held FROM reservation_line GROUP BY 1) l ON l.sku = s.sku
WHERE coalesce(m.supply, 0) <> coalesce(m.shipped, 0) + coalesce(l.held, 0) + s.available
"""
_ANNOUNCED = """
SELECT k.sku, k.announced, s.available
FROM sku k JOIN (SELECT sku, sum(on_hand - reserved) AS available FROM stock GROUP BY 1) s ON s.sku = k.sku
WHERE s.available <> k.announced
  AND (least(s.available, k.announced) <= 50 OR abs(s.available - k.announced) * 10 >= k.announced)
"""
_STOCK_ROWS = "SELECT count(*) FROM stock"
_ORDERS = "SELECT count(*) FROM reservation"

INVARIANTS: tuple[tuple[int, str, str, str], ...] = (
    (
        5,
        "on_hand >= reserved >= 0",
        "SELECT * FROM stock WHERE on_hand < reserved OR reserved < 0",
        _STOCK_ROWS,
    ),
    (6, "reserved is the sum of what open reservations hold", _RESERVED, _STOCK_ROWS),
    (6, "every held line has an open reservation, and every open reservation holds something", _HEADERS, _ORDERS),
    (6, "no reservation is active long past its deadline", _OVERDUE, _ORDERS),
    (7, "sold + available = supply", _SUPPLY, _STOCK_ROWS),
    (
        10,
        "every confirmed order has its stock",
        "SELECT order_id, changed_at FROM reservation WHERE state = 'oversold'",
        _ORDERS,
    ),
    (
        0,
        "every shipment left with stock that was known of",
        "SELECT parcel_id AS shipment_id, order_id, missing FROM shipment WHERE missing > 0",
        "SELECT count(*) FROM shipment",
    ),
    (0, "movements explain every piece on hand", _EXPLAINED, "SELECT count(*) FROM movement"),
    (0, "the announced availability is near the true one", _ANNOUNCED, "SELECT count(*) FROM sku"),
)
