"""What must always hold within payments. Each query returns the rows that break it."""

from __future__ import annotations

from estore.kit.service import Invariant

_INTENTS = "SELECT count(*) FROM payment_intent"

INVARIANTS = (
    Invariant(
        8,
        "an order is reported captured at most once",
        "SELECT subject AS order_id, count(*) AS times FROM outbox WHERE name = 'payment.captured.v1'"
        " GROUP BY subject HAVING count(*) > 1",
        "SELECT count(*) FROM outbox WHERE name = 'payment.captured.v1'",
    ),
    Invariant(
        8,
        "refunds are within what was captured, and sum up",
        """
        SELECT p.id, p.captured, p.refund_reserved, p.refunded FROM payment_intent p
        LEFT JOIN (SELECT payment_id, sum(amount) FILTER (WHERE status = 'succeeded') AS done,
                          sum(amount) FILTER (WHERE status <> 'refused') AS reserved
                   FROM refund GROUP BY payment_id) r ON r.payment_id = p.id
        WHERE p.refunded > p.captured OR p.refunded <> coalesce(r.done, 0)
           OR p.refund_reserved <> coalesce(r.reserved, 0)
        """,
        "SELECT count(*) FROM refund",
    ),
    Invariant(
        17,
        "no payment is unsettled minutes after its deadline",
        "SELECT id, order_id, status, expires_at FROM payment_intent"
        " WHERE due_at IS NOT NULL AND greatest(expires_at, created_at) < now() - interval '5 minutes'",
        "SELECT count(*) FROM payment_intent WHERE due_at IS NOT NULL",
    ),
    Invariant(
        8,
        "the provider's books have at most one charge per order",
        "SELECT order_id, count(*) AS charges FROM sandbox_charge WHERE captured > 0"
        " GROUP BY order_id HAVING count(*) > 1",
        "SELECT count(*) FROM sandbox_charge",
    ),
    # What is on its way is left out: the provider's books are written first, ours after its answer.
    Invariant(
        8,
        "our books and the provider's agree",
        """
        SELECT coalesce(p.id, s.key) AS payment_id, p.status, p.captured, s.captured AS provider_captured,
               p.refunded, s.refunded AS provider_refunded
        FROM (SELECT * FROM payment_intent WHERE provider = 'sandbox' AND status <> 'tombstone') p
        FULL JOIN sandbox_charge s ON s.key = p.id
        WHERE p.id IS NULL AND s.captured > 0
           OR p.due_at IS NULL AND p.captured <> coalesce(s.captured, 0)
           OR p.due_at IS NULL AND p.refunded <> coalesce(s.refunded, 0)
              AND NOT EXISTS (SELECT 1 FROM refund r WHERE r.payment_id = p.id AND r.due_at IS NOT NULL)
        """,
        _INTENTS,
    ),
)
