"""Which credit is to pay for an order: written when it is placed, read when the ledger is asked for it."""

from __future__ import annotations

from collections.abc import Sequence

from estore.contracts.orders import CreditUse
from estore.kit.db import Tx

_CREDIT = """
SELECT order_id, kind, amount, gift_card_hash FROM order_credit WHERE order_id = ANY($1::text[]) ORDER BY order_id, no
"""
_INSERT_CREDIT = """
INSERT INTO order_credit (order_id, no, kind, amount, gift_card_hash)
SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::bigint[], $5::text[])
"""


async def load_credit(tx: Tx, order_ids: Sequence[str]) -> dict[str, tuple[CreditUse, ...]]:
    """Read which credit is to pay for orders, in one query."""
    found: dict[str, list[CreditUse]] = {}
    for order_id, kind, amount, gift_card_hash in await tx.fetch(_CREDIT, order_ids):
        use = CreditUse(kind=kind, amount=amount, gift_card_hash=gift_card_hash)
        found.setdefault(order_id, []).append(use)
    return {order_id: tuple(uses) for order_id, uses in found.items()}


async def insert_credit(tx: Tx, uses: Sequence[tuple[str, Sequence[CreditUse]]]) -> None:
    """Write which credit is to pay for orders: pairs of (order id, uses)."""
    rows = [(order_id, no, use) for order_id, some in uses for no, use in enumerate(some, 1)]
    await tx.execute(
        _INSERT_CREDIT,
        [order_id for order_id, _, _ in rows],
        [no for _, no, _ in rows],
        [use.kind for _, _, use in rows],
        [use.amount for _, _, use in rows],
        [use.gift_card_hash for _, _, use in rows],
    )
