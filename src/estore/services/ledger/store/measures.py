"""What the watch reads of the ledger: each one look into an index (see `kit.watching`).

Never set by the job that a gauge watches over: one that fails would leave its last good value for ever.
"""

from __future__ import annotations

from estore.kit.service import Measure

_OPEN_PAYOUT = "status IN ('awaiting_approval', 'created', 'submitted')"

MEASURES = (
    Measure(
        "estore_payouts_oldest_open_seconds",
        "Age of the oldest payout that is neither paid nor failed",
        f"SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM payout WHERE {_OPEN_PAYOUT}",
    ),
    Measure(
        "estore_payouts_overdue",
        "Payouts made long ago, neither paid nor failed, 10000 at most",
        "SELECT count(*) FROM"
        f" (SELECT FROM payout WHERE {_OPEN_PAYOUT} AND overdue_at IS NOT NULL LIMIT 10000) AS late",
    ),
    Measure(
        "estore_ledger_unsealed_seconds",
        "Age of the oldest entry without a seal",
        "SELECT coalesce(extract(epoch FROM now() - (SELECT posted_at FROM entry WHERE id ="
        " (SELECT entry_id FROM unsealed ORDER BY entry_id LIMIT 1))), 0)::float8",
    ),
    Measure(
        "estore_reconciliation_open",
        "Differences between providers and the journal, 10000 at most",
        "SELECT count(*) FROM (SELECT FROM difference WHERE resolved_at IS NULL LIMIT 10000) AS open",
    ),
    Measure(
        "estore_reconciliation_oldest_seconds",
        "Age of the oldest open difference",
        "SELECT coalesce(extract(epoch FROM now() - min(found_at)), 0)::float8"
        " FROM difference WHERE resolved_at IS NULL",
    ),
)
