"""What the watch reads of payments: each one look into an index (see `kit.watching`)."""

from __future__ import annotations

from estore.kit.service import Measure

LIMIT = 10_000

MEASURES = (
    Measure(
        "estore_payments_unsettled",
        "Payments that are neither captured nor failed, 10000 at most",
        f"SELECT count(*) FROM (SELECT FROM payment_intent WHERE due_at IS NOT NULL LIMIT {LIMIT}) AS found",
    ),
    Measure(
        "estore_payments_overdue_seconds",
        "How long the payment waits that should have been looked at longest ago",
        "SELECT coalesce(greatest(0, extract(epoch FROM now() - min(due_at))), 0)::float8"
        " FROM payment_intent WHERE due_at IS NOT NULL",
    ),
    Measure(
        "estore_refunds_overdue_seconds",
        "How long the refund waits that should have been looked at longest ago",
        "SELECT coalesce(greatest(0, extract(epoch FROM now() - min(due_at))), 0)::float8"
        " FROM refund WHERE due_at IS NOT NULL",
    ),
)
