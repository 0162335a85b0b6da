"""What was captured, who earned it, and where the parcels are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from estore.contracts.orders import OrderCancelled, OrderConfirmed, ParcelDelivered, ParcelShipped
from estore.contracts.payments import PaymentCaptured
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.services.ledger import store
from estore.services.ledger.domain import SaleUnknown, entries
from estore.services.ledger.service.books import Books


class Selling:
    """return_days: after delivery, until money is available, where orders does not say until when."""

    def __init__(self, books: Books, return_days: int) -> None:
        self.books = books
        self.return_period = timedelta(days=return_days)

    async def payment_captured(self, tx: Tx, messages: Sequence[Message[PaymentCaptured]]) -> None:
        """A provider holds customers' money."""
        await self.books.post(tx, messages[0], [entries.captured(m.data) for m in messages], messages[0].now)

    async def order_confirmed(self, tx: Tx, messages: Sequence[Message[OrderConfirmed]]) -> None:
        """It is the vendors' now, who may not have it yet. A batch is a constant number of statements."""
        await store.insert_sales(tx, [(m.data, m.envelope.time) for m in messages])
        sold = [entries.sold(m.data, m.envelope.time) for m in messages]
        await self.books.post(tx, messages[0], sold, messages[0].now)

    async def order_cancelled(self, tx: Tx, messages: Sequence[Message[OrderCancelled]]) -> None:
        """Nothing of it is delivered; should the sale not be heard of yet, the refund of all of it says so again."""
        await store.cancel_earnings(tx, [m.data.order_id for m in messages])

    async def parcel_shipped(self, tx: Tx, messages: Sequence[Message[ParcelShipped]]) -> None:
        """Keep what is on its way. Raises SaleUnknown."""
        shipped: dict[str, tuple[bool, datetime]] = {}
        for m in messages:
            complete, at = shipped.get(m.data.parcel_id, (False, m.envelope.time))
            shipped[m.data.parcel_id] = (complete or m.data.complete, min(at, m.envelope.time))
        _all_known(shipped, await store.ship_earnings(tx, shipped))

    async def parcel_delivered(self, tx: Tx, messages: Sequence[Message[ParcelDelivered]]) -> None:
        """Keep when money becomes available: once it is too late to return the parcel. Raises SaleUnknown."""
        delivered = {
            m.data.parcel_id: (
                m.data.delivered_at,
                m.data.returnable_until or m.data.delivered_at + self.return_period,
            )
            for m in messages
        }
        _all_known(delivered, await store.deliver_earnings(tx, delivered))


def _all_known(parcels: Iterable[str], known: set[str]) -> None:
    if missing := set(parcels) - known:
        raise SaleUnknown(f"parcel {min(missing)} is not known yet")
