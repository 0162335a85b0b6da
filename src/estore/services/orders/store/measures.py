"""What the watch reads of orders: each one look into an index (see `kit.watching`)."""

from __future__ import annotations

from estore.kit.service import Measure

LIMIT = 10_000

_OPEN = f"""
SELECT s.status, (SELECT count(*) FROM (SELECT FROM purchase_order o WHERE o.status = s.status LIMIT {LIMIT}) AS found)
FROM unnest('{{placed,awaiting_payment,confirmed,partly_shipped,shipped,delivered}}'::text[]) AS s (status)
"""

MEASURES = (
    Measure("estore_orders_open", "Orders by status, 10000 of each at most", _OPEN, ("status",)),
    Measure(
        "estore_orders_overdue_seconds",
        "How long ago the deadline passed of the order that is overdue longest",
        "SELECT coalesce(greatest(0, extract(epoch FROM now() - min(deadline))), 0)::float8"
        " FROM purchase_order WHERE deadline IS NOT NULL",
    ),
    Measure(
        "estore_returns_overdue_seconds",
        "How long ago the deadline passed of the return that is overdue longest",
        "SELECT coalesce(greatest(0, extract(epoch FROM now() - min(due_at))), 0)::float8"
        " FROM order_return WHERE due_at IS NOT NULL",
    ),
)
