"""What must always hold within the ledger. Each query returns the rows that break it."""

from __future__ import annotations

from estore.kit.service import Invariant
from estore.services.ledger.store.seals import CHECKED

_ENTRIES = "SELECT count(*) FROM entry"
_NEWEST = 100
_LINES = "SELECT count(*) FROM line"
_NUMBERED = "a.kind IN ('pending', 'available', 'reserved', 'paying', 'paid_out', 'gift_card', 'store_credit')"

_OF_JOURNAL = (
    Invariant(
        1,
        "each entry sums to zero in its currency",
        """
        SELECT e.id::text, e.source, sum(l.amount) AS sum FROM entry e
        LEFT JOIN line l ON l.entry_id = e.id LEFT JOIN account a ON a.id = l.account_id
        GROUP BY e.id HAVING coalesce(sum(l.amount), 1) <> 0 OR bool_or(a.currency <> e.currency)
        """,
        _ENTRIES,
    ),
    Invariant(
        2,
        # All of history takes a second for each 70,000 entries: `/v1/ledger/chain/verification` goes through it.
        f"the entries of the newest {_NEWEST} seals say what they said, and the chain of seals is whole there",
        f"""
        SELECT no, hash_holds, follows, complete, altered[1:5] AS altered
        FROM ({CHECKED} WHERE b.no > (SELECT max(no) FROM block) - {_NEWEST} GROUP BY b.no) checked
        WHERE NOT (hash_holds AND follows AND complete) OR altered IS NOT NULL
        """,
        f"SELECT coalesce(sum(entries), 0) FROM block WHERE no > (SELECT max(no) FROM block) - {_NEWEST}",
    ),
    Invariant(
        2,
        "every entry is sealed once, or waits for it",
        """
        SELECT e.id::text, e.source FROM entry e LEFT JOIN sealed s ON s.entry_id = e.id
        LEFT JOIN unsealed u ON u.entry_id = e.id WHERE (s.entry_id IS NULL) = (u.entry_id IS NULL)
        """,
        _ENTRIES,
    ),
    Invariant(
        3,
        "no source is posted twice",
        "SELECT source, count(*) FROM entry GROUP BY source HAVING count(*) > 1",
        _ENTRIES,
    ),
    Invariant(
        0,
        "a numbered balance, a vendor's or credit, is that of its last line, and their sum",
        f"""
        SELECT a.owner, a.kind, a.currency, b.amount, b.lines, l.sum, l.count, l.last FROM account a
        LEFT JOIN balance b ON b.account_id = a.id
        LEFT JOIN (SELECT account_id, sum(amount) AS sum, count(*) AS count, max(seq) AS top,
                          (array_agg(balance ORDER BY seq DESC))[1] AS last
                   FROM line WHERE seq IS NOT NULL GROUP BY account_id) l ON l.account_id = a.id
        WHERE {_NUMBERED} AND (b.amount, b.lines, b.amount, b.lines) IS DISTINCT FROM
              (coalesce(l.sum, 0)::bigint, coalesce(l.count, 0), coalesce(l.last, 0), coalesce(l.top, 0))
        """,
        "SELECT count(*) FROM balance",
    ),
    Invariant(
        0,
        "a platform's balance, with what is not folded yet, is the sum of its lines",
        f"""
        SELECT a.owner, a.kind, a.currency, b.amount + coalesce(d.amount, 0) AS balance, l.amount AS lines
        FROM account a
        LEFT JOIN balance b ON b.account_id = a.id
        LEFT JOIN (SELECT account_id, sum(amount)::bigint AS amount, sum(lines) AS lines FROM balance_delta
                   GROUP BY account_id) d ON d.account_id = a.id
        LEFT JOIN (SELECT account_id, sum(amount)::bigint AS amount, count(*) AS lines FROM line GROUP BY account_id) l
            ON l.account_id = a.id
        WHERE NOT ({_NUMBERED}) AND (b.amount + coalesce(d.amount, 0), b.lines + coalesce(d.lines, 0))
              IS DISTINCT FROM (coalesce(l.amount, 0), coalesce(l.lines, 0)::numeric)
        """,
        _LINES,
    ),
)
_SUMS = """
SELECT owner AS vendor_id, currency, -coalesce(sum(b.amount) FILTER (WHERE kind = 'pending'), 0) AS pending,
       -coalesce(sum(b.amount) FILTER (WHERE kind = 'reserved'), 0) AS reserved,
       -coalesce(sum(b.amount), 0) AS got
FROM account a JOIN balance b ON b.account_id = a.id
WHERE kind IN ('pending', 'available', 'reserved', 'paying', 'paid_out') GROUP BY 1, 2
"""
_OF_VENDORS = (
    Invariant(
        4,
        "what a vendor is owed and was paid is what it sold and was funded, less commission and refunds, adjusted",
        f"""
        SELECT vendor_id, currency, s.got, coalesce(e.earned, 0) AS earned, coalesce(a.adjusted, 0) AS adjusted
        FROM ({_SUMS}) s
        FULL JOIN (SELECT vendor_id, currency, sum(total + funded - commission - commission_tax - taken) AS earned
                   FROM earning GROUP BY 1, 2) e USING (vendor_id, currency)
        FULL JOIN (SELECT vendor_id, currency, sum(amount) AS adjusted FROM adjustment GROUP BY 1, 2) a
            USING (vendor_id, currency)
        WHERE coalesce(s.got, 0) <> coalesce(e.earned, 0) + coalesce(a.adjusted, 0)
        """,
        "SELECT count(*) FROM earning",
    ),
    Invariant(
        4,
        "what is pending is what is left of the parcels that are",
        f"""
        SELECT vendor_id, currency, s.pending, e.rest FROM ({_SUMS}) s
        FULL JOIN (SELECT vendor_id, currency, sum(total + funded - commission - commission_tax - taken) AS rest
                   FROM earning WHERE stage = 'pending' GROUP BY 1, 2) e USING (vendor_id, currency)
        WHERE coalesce(s.pending, 0) <> coalesce(e.rest, 0)
        """,
        "SELECT count(*) FROM earning WHERE stage = 'pending'",
    ),
    Invariant(
        4,
        "what is reserved is what is held",
        f"""
        SELECT vendor_id, currency, s.reserved, h.held FROM ({_SUMS}) s
        FULL JOIN (SELECT vendor_id, currency, sum(amount) AS held FROM hold WHERE reserved AND released_at IS NULL
                   GROUP BY 1, 2) h USING (vendor_id, currency)
        WHERE coalesce(s.reserved, 0) <> coalesce(h.held, 0)
        """,
        "SELECT count(*) FROM hold",
    ),
    Invariant(
        4,
        "no more is held on a parcel than is left of it",
        """
        SELECT parcel_id, h.held, e.total + e.funded - e.commission - e.commission_tax - e.taken AS rest FROM (
            SELECT parcel_id, sum(amount) AS held FROM hold WHERE released_at IS NULL AND parcel_id IS NOT NULL
            GROUP BY 1) h
        LEFT JOIN earning e USING (parcel_id)
        WHERE (h.held > greatest(e.total + e.funded - e.commission - e.commission_tax - e.taken, 0)) IS NOT FALSE
        """,
        "SELECT count(*) FROM hold WHERE released_at IS NULL AND parcel_id IS NOT NULL",
    ),
    Invariant(
        4,
        "what refunds took of a parcel is the sum of their lines",
        """
        SELECT parcel_id, e.refunded, e.taken, r.amount, r.borne FROM earning e
        FULL JOIN (SELECT parcel_id, sum(amount) AS amount, sum(amount + funded - commission - commission_tax) AS borne
                   FROM refund_line WHERE undone_at IS NULL GROUP BY 1) r USING (parcel_id)
        WHERE (coalesce(e.refunded, 0), coalesce(e.taken, 0)) <> (coalesce(r.amount, 0), coalesce(r.borne, 0))
        """,
        "SELECT count(*) FROM refund_line",
    ),
    Invariant(
        11,
        "what an order's sale says is what its parcels sum to",
        """
        SELECT order_id, p.total, s.total AS posted FROM (
            SELECT order_id, sum(total) AS total FROM earning GROUP BY 1) p
        FULL JOIN (SELECT e.order_id, sum(l.amount) AS total FROM entry e JOIN line l ON l.entry_id = e.id
                   JOIN account a ON a.id = l.account_id AND a.kind = 'customer' WHERE e.kind = 'sale' GROUP BY 1) s
            USING (order_id)
        WHERE p.total IS DISTINCT FROM s.total AND coalesce(p.total, 0) <> coalesce(s.total, 0)
        """,
        "SELECT count(*) FROM entry WHERE kind = 'sale'",
    ),
)
# Of an order's money on the customers' account, by what moved it there and away.
_CUSTOMERS = """
SELECT e.order_id, e.kind, e.ref, l.amount, e.posted_at FROM entry e JOIN line l ON l.entry_id = e.id
JOIN account a ON a.id = l.account_id AND a.kind = 'customer' WHERE e.order_id IS NOT NULL
"""
_OF_CUSTOMERS = (
    # Measured from the latest entry: as long as the ledger hears of anything, it must hear of this.
    Invariant(
        9,
        "what was captured or paid by credit became a sale, or goes back",
        f"""
        SELECT order_id, sum(-amount) FILTER (WHERE kind IN ('capture', 'credit')) AS paid FROM ({_CUSTOMERS}) c
        GROUP BY order_id HAVING bool_or(kind IN ('capture', 'credit'))
            AND bool_and(kind IN ('capture', 'credit', 'dispute_lost'))
            AND max(posted_at) < (SELECT max(posted_at) FROM entry) - interval '1 hour'
        """,
        "SELECT count(*) FROM entry WHERE kind IN ('capture', 'credit')",
    ),
    Invariant(
        11,
        "an order is sold for what was captured and what credit paid",
        # Credit is held before anything is captured; what was captured may be heard after the sale.
        f"""
        SELECT order_id, sum(amount) AS differs FROM ({_CUSTOMERS}) c WHERE kind IN ('capture', 'credit', 'sale')
        GROUP BY order_id HAVING bool_or(kind = 'sale') AND sum(amount) <> 0 AND (
            bool_or(kind = 'capture') OR (bool_or(kind = 'credit')
                AND max(posted_at) < (SELECT max(posted_at) FROM entry) - interval '1 hour'))
        """,
        "SELECT count(*) FROM entry WHERE kind = 'sale'",
    ),
    Invariant(
        4,
        "a sale is refunded to the customer for what vendors and marketplace bear",
        # Payments may cut a refund because another one, made there, took a part of it: that part is borne once, with
        # the refund that was cut, so the two sum up. What was paid by credit goes back after the rest.
        f"""
        SELECT order_id, sum(amount) FILTER (WHERE paid) AS differs, array_agg(ref) AS refs FROM (
            SELECT order_id, ref, sum(amount) AS amount, bool_or(kind = 'refund') AND bool_or(kind <> 'refund') AND (
                    bool_or(kind = 'credit_back')
                    OR max(posted_at) < (SELECT max(posted_at) FROM entry) - interval '1 hour'
                    OR NOT EXISTS (SELECT 1 FROM entry s WHERE s.source = 'credit:' || c.order_id)) AS whole,
                bool_or(kind <> 'refund') AS paid
            FROM ({_CUSTOMERS}) c
            WHERE kind IN ('refund', 'refund_paid', 'credit_back', 'dispute_lost')
                AND EXISTS (SELECT 1 FROM entry s WHERE s.source = 'sale:' || c.order_id)
            GROUP BY order_id, ref) r
        GROUP BY order_id
        HAVING bool_or(whole AND amount <> 0) AND sum(amount) FILTER (WHERE paid) <> 0
        """,
        "SELECT count(*) FROM entry WHERE kind = 'refund'",
    ),
)
INVARIANTS: tuple[Invariant, ...] = (*_OF_JOURNAL, *_OF_VENDORS, *_OF_CUSTOMERS)
