"""What was captured and who earned it."""

from __future__ import annotations

from collections.abc import Sequence

from estore.contracts.orders import OrderConfirmed
from estore.contracts.payments import PaymentCaptured
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.services.ledger import store
from estore.services.ledger.domain import entries
from estore.services.ledger.service.books import Books


class Selling:
    def __init__(self, books: Books) -> None:
        self.books = books

    async def payment_captured(self, tx: Tx, messages: Sequence[Message[PaymentCaptured]]) -> None:
        """A provider holds customers' money."""
        await self.books.post(tx, messages[0], [entries.captured(m.data) for m in messages], messages[0].now)

    async def order_confirmed(self, tx: Tx, messages: Sequence[Message[OrderConfirmed]]) -> None:
        """It is the vendors' now, who may not have it yet. A batch is a constant number of statements."""
        await store.insert_sales(tx, [(m.data, m.envelope.time) for m in messages])
        sold = [entries.sold(m.data, m.envelope.time) for m in messages]
        await self.books.post(tx, messages[0], sold, messages[0].now)
