"""What must always hold of payouts. Each query returns the rows that break it."""

from __future__ import annotations

from estore.kit.service import Invariant

_PAYOUTS = "SELECT count(*) FROM payout"

PAYOUT_INVARIANTS = (
    Invariant(
        0,
        "the journal says of each payout what its status says",
        """
        SELECT p.id, p.status, p.amount, e.sources FROM payout p LEFT JOIN LATERAL (
            SELECT array_agg(split_part(source, ':', 1) ORDER BY source) AS sources,
                   bool_and((SELECT sum(amount) FROM line WHERE entry_id = entry.id AND amount > 0) = p.amount) AS whole
            FROM entry WHERE source IN ('payout:' || p.id, 'payout_paid:' || p.id, 'payout_failed:' || p.id,
                                        'payout_returned:' || p.id)) e ON true
        WHERE e.whole IS NOT TRUE OR e.sources IS DISTINCT FROM CASE p.status
            WHEN 'paid' THEN ARRAY['payout', 'payout_paid']
            WHEN 'failed' THEN ARRAY['payout', 'payout_failed']
            WHEN 'rejected' THEN ARRAY['payout', 'payout_failed']
            WHEN 'returned' THEN ARRAY['payout', 'payout_paid', 'payout_returned']
            ELSE ARRAY['payout'] END
        """,
        _PAYOUTS,
    ),
    Invariant(
        0,
        "what is on its way to banks is the sum of the open payouts",
        """
        SELECT coalesce(b.owner, p.vendor_id) AS vendor_id, coalesce(b.currency, p.currency) AS currency,
               coalesce(b.paying, 0) AS paying, coalesce(p.open, 0) AS open
        FROM (SELECT a.owner, a.currency, -b.amount AS paying FROM account a JOIN balance b ON b.account_id = a.id
              WHERE a.kind = 'paying') b
        FULL JOIN (SELECT vendor_id, currency, sum(amount) AS open FROM payout
                   WHERE status IN ('awaiting_approval', 'created', 'submitted') GROUP BY 1, 2) p
          ON p.vendor_id = b.owner AND p.currency = b.currency
        WHERE coalesce(b.paying, 0) <> coalesce(p.open, 0)
        """,
        _PAYOUTS,
    ),
    Invariant(
        0,
        "no line is covered by two payouts, and none is left out between them",
        """
        SELECT id, account_id, first_seq, last_seq, before FROM (
            SELECT id, account_id, first_seq, last_seq,
                   coalesce(lag(last_seq) OVER (PARTITION BY account_id ORDER BY last_seq), 0) AS before
            FROM payout) ranges
        WHERE first_seq <> before + 1
        """,
        _PAYOUTS,
    ),
    Invariant(
        0,
        "a payout is the sum of the lines that it covers",
        """
        SELECT p.id, p.carried_in, p.covered, p.carried_out, l.covered AS lines, o.amount AS own, o.source
        FROM (SELECT *, coalesce(lag(carried_out) OVER (PARTITION BY account_id ORDER BY last_seq), 0) AS brought
              FROM payout) p
        LEFT JOIN LATERAL (
            SELECT coalesce(-sum(amount), 0) AS covered FROM line
            WHERE account_id = p.account_id AND seq >= p.first_seq AND seq < p.last_seq) l ON true
        LEFT JOIN LATERAL (
            SELECT line.amount, -line.balance AS left, entry.source FROM line JOIN entry ON entry.id = line.entry_id
            WHERE line.account_id = p.account_id AND line.seq = p.last_seq) o ON true
        WHERE p.covered <> l.covered OR p.carried_in <> p.brought OR o.amount IS DISTINCT FROM p.amount
           OR o.left IS DISTINCT FROM p.carried_out OR o.source IS DISTINCT FROM 'payout:' || p.id
        """,
        _PAYOUTS,
    ),
    Invariant(
        0,
        "a file for the bank holds what it says, and only payouts that were handed over",
        """
        SELECT f.id, f.payouts, f.amount, i.payouts AS held, i.amount AS sum, i.strange
        FROM payout_file f LEFT JOIN LATERAL (
            SELECT count(*) AS payouts, sum(item.amount) AS amount,
                   count(*) FILTER (WHERE p.amount <> item.amount OR p.currency <> f.currency
                                       OR p.status IN ('awaiting_approval', 'created', 'rejected')) AS strange
            FROM payout_file_item item JOIN payout p ON p.id = item.payout_id WHERE item.file_id = f.id) i ON true
        WHERE i.payouts <> f.payouts OR i.amount IS DISTINCT FROM f.amount OR i.strange > 0
        """,
        "SELECT count(*) FROM payout_file",
    ),
    # What the bank did and we have not heard of yet is left out: its books are written first.
    Invariant(
        0,
        "the sandbox bank paid each payout at most once, and what the journal says",
        """
        SELECT coalesce(p.id, s.key) AS payout_id, p.status, p.amount, s.status AS bank, s.amount AS paid
        FROM (SELECT * FROM payout WHERE gateway = 'sandbox') p FULL JOIN sandbox_transfer s ON s.key = p.id
        WHERE p.id IS NULL OR s.key IS NOT NULL AND (s.amount <> p.amount OR s.currency <> p.currency)
           OR p.status = 'paid' AND s.status IS DISTINCT FROM 'paid' AND s.status IS DISTINCT FROM 'returned'
           OR p.status = 'returned' AND s.status IS DISTINCT FROM 'returned'
           OR p.status = 'failed' AND s.status IS DISTINCT FROM 'refused'
           OR p.status IN ('awaiting_approval', 'created', 'rejected') AND s.key IS NOT NULL
        """,
        "SELECT count(*) FROM sandbox_transfer",
    ),
)
