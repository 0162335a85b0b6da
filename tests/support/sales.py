"""What other services hear orders say of a sale, where a test is about neither money nor who sells."""

from __future__ import annotations

import itertools

from estore.contracts.orders import OrderLine, Totals

VENDOR = "vnd_tonwerk"
NO_TOTALS = Totals(items=0, discount=0, shipping=0, tax=0, total=0, currency="EUR")
_numbers = itertools.count(1)


def sold(sku: str, quantity: int = 1) -> OrderLine:
    """A line of an order: `quantity` pieces of `sku`, 10.00 EUR each."""
    return OrderLine(
        line_id=f"lin_{next(_numbers)}",
        sku=sku,
        product_id=f"prd_{sku}",
        vendor_id=VENDOR,
        title=sku,
        quantity=quantity,
        unit_price=1000,
        discount=0,
        tax=0,
        total=1000 * quantity,
        commission=0,
    )
