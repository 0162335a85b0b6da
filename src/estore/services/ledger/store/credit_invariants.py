"""What must always hold of gift cards and store credit. Each query returns the rows that break it."""

from __future__ import annotations

from estore.kit.service import Invariant

_LEFT = """
SELECT a.owner, a.currency, -b.amount AS amount FROM account a JOIN balance b ON b.account_id = a.id WHERE a.kind =
"""
_SPENT = "SELECT owner, sum(amount) AS amount FROM credit_use WHERE kind = 'gift_card' GROUP BY 1"
_RETURNED = "SELECT owner, sum(amount) AS amount FROM credit_return WHERE kind = 'gift_card' GROUP BY 1"

CREDIT_INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        4,
        "no gift card and no store credit is overdrawn",
        """
        SELECT a.kind, a.owner, a.currency, b.amount FROM account a JOIN balance b ON b.account_id = a.id
        WHERE a.kind IN ('gift_card', 'store_credit') AND b.amount > 0
        """,
        "SELECT count(*) FROM account WHERE kind IN ('gift_card', 'store_credit')",
    ),
    Invariant(
        4,
        "what is left on a gift card is what it was issued for, less what was spent, redeemed or expired, and returned",
        f"""
        SELECT g.id, l.amount AS left, g.issued, s.amount AS spent, r.amount AS returned, g.redeemed, g.expired
        FROM gift_card g
        FULL JOIN ({_LEFT} 'gift_card') l ON l.owner = g.id AND l.currency = g.currency
        LEFT JOIN ({_SPENT}) s ON s.owner = g.id LEFT JOIN ({_RETURNED}) r ON r.owner = g.id
        WHERE (l.amount = g.issued - coalesce(s.amount, 0) + coalesce(r.amount, 0) - g.redeemed - g.expired)
              IS NOT TRUE
        """,
        "SELECT count(*) FROM gift_card",
    ),
    Invariant(
        4,
        "what was redeemed of a gift card is what accounts got of it",
        """
        SELECT g.id, g.redeemed, c.amount FROM gift_card g
        FULL JOIN (SELECT card_id, sum(amount) AS amount FROM credit_grant WHERE card_id IS NOT NULL GROUP BY 1) c
            ON c.card_id = g.id
        WHERE g.redeemed IS DISTINCT FROM coalesce(c.amount, 0)
        """,
        "SELECT count(*) FROM credit_grant WHERE card_id IS NOT NULL",
    ),
    Invariant(
        4,
        "store credit is what was granted, less what was spent, and returned",
        f"""
        SELECT owner, currency, l.amount AS left, g.amount AS granted, s.amount AS spent, r.amount AS returned
        FROM ({_LEFT} 'store_credit') l
        FULL JOIN (SELECT account_id AS owner, currency, sum(amount) AS amount FROM credit_grant GROUP BY 1, 2) g
            USING (owner, currency)
        FULL JOIN (SELECT u.owner, o.currency, sum(u.amount) AS amount FROM credit_use u
                   JOIN credit_order o USING (order_id) WHERE u.kind = 'store_credit' GROUP BY 1, 2) s
            USING (owner, currency)
        FULL JOIN (SELECT r.owner, o.currency, sum(r.amount) AS amount FROM credit_return r
                   JOIN credit_order o USING (order_id) WHERE r.kind = 'store_credit' GROUP BY 1, 2) r
            USING (owner, currency)
        WHERE coalesce(l.amount, 0) <>
              coalesce(g.amount, 0) - coalesce(s.amount, 0) + coalesce(r.amount, 0)
        """,
        "SELECT count(*) FROM credit_grant",
    ),
    Invariant(
        11,
        "an order holds all the credit that it asked for, or none, and the books say so",
        """
        SELECT o.order_id, o.amount, o.code, u.amount AS held, e.amount AS posted FROM credit_order o
        LEFT JOIN (SELECT order_id, sum(amount) AS amount FROM credit_use GROUP BY 1) u USING (order_id)
        FULL JOIN (SELECT e.order_id, -sum(l.amount) AS amount FROM entry e JOIN line l ON l.entry_id = e.id
                   JOIN account a ON a.id = l.account_id AND a.kind = 'customer'
                   WHERE e.kind = 'credit' GROUP BY 1) e USING (order_id)
        WHERE o.code IS NULL OR coalesce(u.amount, 0) <> CASE o.code WHEN '' THEN o.amount ELSE 0 END
            OR coalesce(e.amount, 0) <> coalesce(u.amount, 0)
        """,
        "SELECT count(*) FROM credit_order",
    ),
    Invariant(
        4,
        "what went back of an order's credit is the sum of its returns, as the books say, and no more than was held",
        """
        SELECT order_id, u.given_back, r.amount AS returned, e.amount AS posted FROM (
            SELECT order_id, sum(given_back) AS given_back FROM credit_use GROUP BY 1) u
        FULL JOIN (SELECT order_id, sum(amount) AS amount FROM credit_return GROUP BY 1) r USING (order_id)
        FULL JOIN (SELECT e.order_id, sum(l.amount) AS amount FROM entry e JOIN line l ON l.entry_id = e.id
                   JOIN account a ON a.id = l.account_id AND a.kind = 'customer'
                   WHERE e.kind = 'credit_back' GROUP BY 1) e USING (order_id)
        WHERE coalesce(u.given_back, 0) <> coalesce(r.amount, 0) OR coalesce(r.amount, 0) <> coalesce(e.amount, 0)
        """,
        "SELECT count(*) FROM credit_return",
    ),
)
