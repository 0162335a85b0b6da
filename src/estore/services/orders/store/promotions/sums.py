"""What became of promotions and codes: sums that a timer keeps, and what it has not added to them yet."""

from __future__ import annotations

from estore.kit.db import Tx

TO_SUM = "u.summed = (u.released_at IS NOT NULL)"
"""A use that is not in the sums and should be, or the other way round; in the words of its index."""
# Uses that somebody holds are left for the next time; rows of sums are written by this statement only, sorted.
_ADD = f"""
WITH due AS MATERIALIZED (
    SELECT u.order_id, u.promotion_id FROM promotion_use u WHERE {TO_SUM} LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
), turned AS (
    UPDATE promotion_use u SET summed = NOT u.summed FROM due
    WHERE u.order_id = due.order_id AND u.promotion_id = due.promotion_id
    RETURNING u.promotion_id, u.code, CASE WHEN u.summed THEN 1 ELSE -1 END AS sign, u.amount, u.platform
), kept AS (
    INSERT INTO promotion_sum AS s (promotion_id, code, orders, amount, platform)
    SELECT promotion_id, of.code, sum(sign), sum(sign * amount), sum(sign * platform) FROM turned t
    CROSS JOIN LATERAL (SELECT '' UNION SELECT t.code) AS of (code)
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (promotion_id, code) DO UPDATE SET orders = s.orders + excluded.orders,
        amount = s.amount + excluded.amount, platform = s.platform + excluded.platform
)
SELECT count(*) FROM turned
"""
_USES = f"""
SELECT (coalesce(max(s.orders), 0) + coalesce(sum(sign), 0))::bigint AS orders,
    (coalesce(max(s.amount), 0) + coalesce(sum(sign * u.amount), 0))::bigint AS amount,
    (coalesce(max(s.platform), 0) + coalesce(sum(sign * u.platform), 0))::bigint AS platform
FROM (SELECT $1::text AS promotion_id) AS p
LEFT JOIN promotion_sum s ON s.promotion_id = p.promotion_id AND s.code = ''
LEFT JOIN LATERAL (
    SELECT CASE WHEN u.summed THEN -1 ELSE 1 END AS sign, u.amount, u.platform FROM promotion_use u
    WHERE u.promotion_id = p.promotion_id AND {TO_SUM}) AS u ON true
"""


async def add_uses(tx: Tx, at_most: int) -> int:
    """Add uses to the sums, and take those that were given back out of them; returns how many there were."""
    added: int = await tx.fetchval(_ADD, at_most)
    return added


async def uses_of(tx: Tx, promotion_id: str) -> tuple[int, int, int]:
    """Return how many orders use a promotion, what it took off them, and what of that the marketplace pays.

    Amounts: minor units.
    """
    (row,) = await tx.fetch(_USES, promotion_id)
    return row["orders"], row["amount"], row["platform"]
