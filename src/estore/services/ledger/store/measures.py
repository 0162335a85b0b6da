"""What the watch reads of the ledger: each one look into an index (see `kit.watching`)."""

from __future__ import annotations

from estore.kit.service import Measure

MEASURES = (
    Measure(
        "estore_payouts_oldest_open_seconds",
        "Age of the oldest payout that is neither paid nor failed",
        "SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8"
        " FROM payout WHERE status IN ('awaiting_approval', 'created', 'submitted')",
    ),
)
