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
               p.refunded, s.refunded AS provider_refunded, p.disputed, s.disputed AS provider_disputed
        FROM (SELECT * FROM payment_intent WHERE provider = 'sandbox' AND status <> 'tombstone') p
        FULL JOIN sandbox_charge s ON s.key = p.id
        WHERE p.id IS NULL AND s.captured > 0
           OR p.due_at IS NULL AND p.captured <> coalesce(s.captured, 0)
           OR p.due_at IS NULL AND p.refunded <> coalesce(s.refunded, 0)
              AND NOT EXISTS (SELECT 1 FROM refund r WHERE r.payment_id = p.id AND r.due_at IS NOT NULL)
              AND NOT EXISTS (SELECT 1 FROM sandbox_refund o JOIN sandbox_webhook w ON w.event_id = 'evt_' || o.id
                              WHERE o.charge_id = s.id AND o.outside AND w.due_at IS NOT NULL)
        """,
        _INTENTS,
    ),
    Invariant(
        8,
        "what banks have claimed is kept from refunds, and sums up",
        """
        SELECT p.id, p.captured, p.disputed, d.held FROM payment_intent p
        LEFT JOIN (SELECT payment_id, sum(held) AS held FROM dispute GROUP BY payment_id) d ON d.payment_id = p.id
        WHERE p.disputed <> coalesce(d.held, 0)
        UNION ALL
        SELECT p.id, p.captured, d.amount, d.held FROM dispute d JOIN payment_intent p ON p.id = d.payment_id
        WHERE d.held > p.captured OR (d.status = 'won') <> (d.held = 0)
           OR p.provider = 'sandbox' AND p.refunded + d.held > p.captured
        """,
        "SELECT count(*) FROM dispute",
    ),
    Invariant(
        8,
        "a dispute is told at most once, and its end at most once",
        "SELECT name, subject AS order_id, convert_from(body, 'UTF8')::jsonb ->> 'dispute_id' AS dispute, count(*)"
        " FROM outbox WHERE name IN ('payment.disputed.v1', 'payment.dispute_closed.v1')"
        " GROUP BY 1, 2, 3 HAVING count(*) > 1",
        "SELECT count(*) FROM dispute",
    ),
    # A webhook that is still to be delivered explains a difference, for now.
    Invariant(
        8,
        "our disputes and the provider's agree",
        """
        SELECT coalesce(d.reference, s.id) AS reference, d.status, s.status AS provider_status, d.amount,
               s.amount AS provider_amount
        FROM (SELECT * FROM dispute WHERE provider = 'sandbox') d FULL JOIN sandbox_dispute s ON s.id = d.reference
        WHERE s.id IS NULL
           OR d.amount <> s.amount
           OR coalesce(d.status, '') <> s.status AND NOT EXISTS (
                  SELECT 1 FROM sandbox_webhook w
                  WHERE w.due_at IS NOT NULL
                    AND w.event_id = ANY(SELECT format('evt_%s_%s', s.id, told) FROM unnest(
                        ARRAY['opened', 'evidence_submitted', 'won', 'lost']) AS told))
        """,
        "SELECT count(*) FROM sandbox_dispute",
    ),
    Invariant(
        8,
        "what was paid by invoice was marked as such",
        """
        SELECT p.id, p.captured, p.refunded, m.came, m.went FROM payment_intent p
        LEFT JOIN (SELECT payment_id, sum(amount) FILTER (WHERE kind = 'capture') AS came,
                          sum(amount) FILTER (WHERE kind = 'refund') AS went
                   FROM payment_mark GROUP BY payment_id) m ON m.payment_id = p.id
        WHERE p.provider = 'invoice' AND (p.captured <> coalesce(m.came, 0) OR p.refunded <> coalesce(m.went, 0))
        """,
        "SELECT count(*) FROM payment_mark",
    ),
    Invariant(
        8,
        "what went back and came back again has been given back by hand",
        """
        SELECT r.id, r.payment_id, r.amount, r.currency FROM refund r
        WHERE r.status = 'succeeded' AND r.code = 'payments.refund_undone'
          AND NOT EXISTS (SELECT FROM payment_mark m WHERE m.refund_id = r.id)
        """,
        "SELECT count(*) FROM refund WHERE status = 'succeeded'",
    ),
    Invariant(
        0,
        "regular reports follow each other without a gap",
        """
        SELECT provider, id, since, before FROM (
            SELECT provider, id, since, lag(until) OVER (PARTITION BY provider ORDER BY since) AS before
            FROM provider_report WHERE requested_by = '') r
        WHERE before IS NOT NULL AND before <> since
        """,
        "SELECT count(*) FROM provider_report",
    ),
)
