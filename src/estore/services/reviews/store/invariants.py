"""What must always hold here: (number in DESIGN section 6, name, rows that break it, proved over)."""

from __future__ import annotations

_RATINGS = """
SELECT coalesce(t.product_id, r.product_id) AS product_id, t.votes AS kept_votes, r.votes, t.stars AS kept_stars,
       r.stars
FROM rating t
FULL JOIN (SELECT product_id, count(*) AS votes, sum(stars) AS stars,
                  array[count(*) FILTER (WHERE stars = 1), count(*) FILTER (WHERE stars = 2),
                        count(*) FILTER (WHERE stars = 3), count(*) FILTER (WHERE stars = 4),
                        count(*) FILTER (WHERE stars = 5)] AS each
           FROM review WHERE status = 'published' GROUP BY 1) r ON r.product_id = t.product_id
WHERE coalesce(array[t.one, t.two, t.three, t.four, t.five]::bigint[], '{0,0,0,0,0}')
   <> coalesce(r.each, '{0,0,0,0,0}')
"""
_VOTES = """
SELECT r.id, r.helpful, r.forgotten_votes, count(v.account_id) AS votes
FROM review r LEFT JOIN vote v ON v.review_id = r.id GROUP BY r.id
HAVING r.helpful <> r.forgotten_votes + count(v.account_id)
"""
_REPORTS = """
SELECT r.id, r.open_reports, count(p.id) AS reports
FROM review r LEFT JOIN report p ON p.review_id = r.id AND p.open GROUP BY r.id
HAVING r.open_reports <> count(p.id)
"""
_LINES = """
SELECT r.id, r.line_id, r.account_id FROM review r LEFT JOIN line l ON l.id = r.line_id
WHERE l.id IS NULL OR l.account_id IS DISTINCT FROM r.account_id OR l.vendor_id <> r.vendor_id OR l.sku <> r.sku
UNION ALL
SELECT min(id), line_id, NULL FROM review GROUP BY line_id HAVING count(*) > 1
"""
_ERASED = """
SELECT a.id FROM account a WHERE a.erased_at IS NOT NULL AND (
    EXISTS (SELECT 1 FROM line WHERE account_id = a.id) OR EXISTS (SELECT 1 FROM review WHERE account_id = a.id)
    OR EXISTS (SELECT 1 FROM vote WHERE account_id = a.id) OR EXISTS (SELECT 1 FROM report WHERE account_id = a.id)
    OR EXISTS (SELECT 1 FROM decision WHERE by = a.id))
"""
_OVER = "SELECT count(*) FROM review"

INVARIANTS: tuple[tuple[int, str, str, str], ...] = (
    (20, "one review per delivered line, by whom it was delivered to", _LINES, _OVER),
    (15, "a product's rating is the sum of its published reviews", _RATINGS, "SELECT count(*) FROM rating"),
    (0, "reviews: helpful votes are those of accounts, and those of erased ones", _VOTES, _OVER),
    (0, "reviews: open reports are counted", _REPORTS, _OVER),
    (
        0,
        "reviews: nothing names an erased account",
        _ERASED,
        "SELECT count(*) FROM account WHERE erased_at IS NOT NULL",
    ),
)
