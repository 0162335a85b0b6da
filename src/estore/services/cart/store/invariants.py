"""What must always hold in cart's tables: (number in DESIGN section 6, name, rows that break it, proved over)."""

from __future__ import annotations

_CARTS = "SELECT count(*) FROM cart"

INVARIANTS: tuple[tuple[int, str, str, str], ...] = (
    (
        0,
        "a cart has each SKU once, with a quantity above 0",
        "SELECT c.id, l ->> 'sku' AS sku, count(*) FROM cart c, jsonb_array_elements(c.lines) l"
        " GROUP BY 1, 2 HAVING count(*) > 1 OR min((l ->> 'quantity')::int) < 1",
        _CARTS,
    ),
    (
        0,
        "a cart that was merged into another is empty, and the other exists",
        "SELECT c.id, c.merged_into FROM cart c LEFT JOIN cart t ON t.id = c.merged_into"
        " WHERE c.merged_into IS NOT NULL AND (c.lines <> '[]' OR t.account_id IS NULL)",
        _CARTS,
    ),
    (
        14,
        "a price is never older than the product that it belongs to",
        "SELECT sku, version, price_version FROM offer WHERE listed AND price_version < version",
        "SELECT count(*) FROM offer",
    ),
)
