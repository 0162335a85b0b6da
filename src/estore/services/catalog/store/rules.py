"""What must always hold here, as SQL that returns what breaks it: (number, name, sql, over)."""

from __future__ import annotations

INVARIANTS: tuple[tuple[int, str, str, str], ...] = (
    (
        0,
        "catalog: what is listed belongs to a vendor that may sell, or is about to be taken off",
        "SELECT p.id FROM product p JOIN vendor v ON v.id = p.vendor_id WHERE p.listed AND NOT v.selling AND v.settled",
        "SELECT count(*) FROM product WHERE listed",
    ),
    (
        0,
        "catalog: what is published by a vendor that may sell is listed, or is about to be",
        "SELECT p.id FROM product p JOIN vendor v ON v.id = p.vendor_id"
        " WHERE p.status = 'published' AND NOT p.listed AND v.selling AND v.settled",
        "SELECT count(*) FROM product WHERE status = 'published'",
    ),
    (
        0,
        "catalog: a product's lowest and highest price are those of its variants, each of which has one",
        "SELECT p.id FROM product p LEFT JOIN variant v ON v.product_id = p.id AND v.active"
        " WHERE p.status = 'published' GROUP BY p.id HAVING min(v.price) IS DISTINCT FROM p.min_price"
        " OR max(v.price) IS DISTINCT FROM p.max_price OR count(*) <> count(v.price)",
        "SELECT count(*) FROM product WHERE status = 'published'",
    ),
    (
        0,
        "catalog: a category's path is its parent's and itself",
        "SELECT c.id FROM category c LEFT JOIN category p ON p.id = c.parent_id"
        " WHERE c.path IS DISTINCT FROM coalesce(p.path, '{}') || c.id",
        "SELECT count(*) FROM category",
    ),
    (
        0,
        "catalog: an import's errors and counts agree",
        "SELECT j.id FROM import_job j WHERE j.failed <> (SELECT count(DISTINCT line) FROM import_error e"
        " WHERE e.import_id = j.id)",
        "SELECT count(*) FROM import_job",
    ),
)
