"""What the watch reads of inventory: each one look into an index (see `kit.watching`)."""

from __future__ import annotations

from estore.kit.service import Measure

LIMIT = 10_000

MEASURES = (
    Measure(
        "estore_reservations_active",
        "Orders that hold stock and are not paid, 10000 at most",
        f"SELECT count(*) FROM (SELECT FROM reservation WHERE state = 'active' LIMIT {LIMIT}) AS found",
    ),
    Measure(
        "estore_reservations_overdue_seconds",
        "How long ago the reservation expired that is overdue longest",
        "SELECT coalesce(greatest(0, extract(epoch FROM now() - min(expires_at))), 0)::float8"
        " FROM reservation WHERE state = 'active'",
    ),
    Measure(
        "estore_reservations_oversold",
        "Paid orders without stock, for a person to decide, 10000 at most",
        f"SELECT count(*) FROM (SELECT FROM reservation WHERE state = 'oversold' LIMIT {LIMIT}) AS found",
    ),
    Measure(
        "estore_shipments_missing",
        "Shipments that left although no stock was known of: availability below zero, 10000 at most",
        f"SELECT count(*) FROM (SELECT FROM shipment WHERE missing > 0 LIMIT {LIMIT}) AS found",
    ),
)
