"""What must always hold of search's rows."""

from __future__ import annotations

INVARIANTS: list[tuple[int, str, str, str]] = [
    (
        0,
        "every product that can be found is on its way to the index, or was",
        "SELECT d.product_id FROM document d WHERE d.listed"
        " AND NOT EXISTS (SELECT 1 FROM change c WHERE c.product_id = d.product_id)"
        " AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.product_id = d.product_id) LIMIT 20",
        "SELECT count(*) FROM document WHERE listed",
    ),
    (
        0,
        "no change has a number that was not given yet",
        "SELECT product_id, number FROM change WHERE number > (SELECT numbered FROM progress) LIMIT 20",
        "SELECT count(*) FROM change",
    ),
]
"""(number, name, sql that returns what is wrong, sql that counts what was looked at)."""
