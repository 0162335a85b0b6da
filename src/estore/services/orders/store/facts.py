"""What other services' books are compared with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from estore.kit.db import Tx

_FACTS = """
SELECT order_id, status, payment_status, currency, total, captured, refunded,
    (SELECT coalesce(sum(r.amount), 0)::bigint FROM refund r
     WHERE r.order_id = o.order_id AND r.cause = 'dispute' AND r.refunded_at IS NOT NULL),
    EXISTS (SELECT FROM refund r WHERE r.order_id = o.order_id AND r.failed_at IS NOT NULL),
    credit_held, credit_refunded
FROM purchase_order o ORDER BY order_id
"""


class OrderFacts(msgspec.Struct, frozen=True):
    """What other services' books are compared with. Amounts: minor units; captured None: nothing was.

    refunded: of what was captured, never more than that. disputed: lost to disputes; inside refunded. refund_failed: a
    refund was not carried out, and a person has to look at it. credit: taken as credit, None where none was;
    credit_refunded: given back of it.
    """

    order_id: str
    status: str
    payment_status: str
    currency: str
    total: int
    captured: int | None
    refunded: int
    disputed: int
    refund_failed: bool
    credit: int | None = None
    credit_refunded: int = 0

    @property
    def to_pay(self) -> int:
        return self.total - (self.credit or 0)


async def stream_facts(tx: Tx) -> AsyncIterator[OrderFacts]:
    """Yield every order, sorted by id, in bounded memory. Needs a transaction."""
    async for row in tx.stream(_FACTS):
        yield OrderFacts(*row)
