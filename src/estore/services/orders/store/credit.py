"""Which credit is to pay for an order: written when it is placed, read when the ledger is asked for it."""

from __future__ import annotations

from collections.abc import Sequence

from estore.contracts.orders import CreditUse
from estore.kit.db import Tx

_CREDIT = """
SELECT order_id, kind, amount, gift_card_hash FROM order_credit WHERE order_id = ANY($1::text[]) ORDER BY order_id, no
"""


async def load_credit(tx: Tx, order_ids: Sequence[str]) -> dict[str, tuple[CreditUse, ...]]:
    """Read which credit is to pay for orders, in one query."""
    found: dict[str, list[CreditUse]] = {}
    for order_id, kind, amount, gift_card_hash in await tx.fetch(_CREDIT, order_ids):
        use = CreditUse(kind=kind, amount=amount, gift_card_hash=gift_card_hash)
        found.setdefault(order_id, []).append(use)
    return {order_id: tuple(uses) for order_id, uses in found.items()}
