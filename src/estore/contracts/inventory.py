"""What inventory publishes."""

from __future__ import annotations

from datetime import datetime

import msgspec

from estore.kit.contract import Event, event


class Shortage(msgspec.Struct, frozen=True):
    sku: str
    requested: int
    available: int


@event("stock.reserved.v1", by="inventory", subject="order_id")
class StockReserved(Event, frozen=True, kw_only=True):
    """Every line of the order is held for it until expires_at."""

    order_id: str
    expires_at: datetime


@event("stock.rejected.v1", by="inventory", subject="order_id")
class StockRejected(Event, frozen=True, kw_only=True):
    """Not every line could be held, so none is."""

    order_id: str
    shortages: tuple[Shortage, ...]


@event("stock.released.v1", by="inventory", subject="order_id")
class StockReleased(Event, frozen=True, kw_only=True):
    """What was held for the order is for sale again. reason: `cancelled` or `expired`."""

    order_id: str
    reason: str


@event("stock.availability_changed.v1", by="inventory", subject="sku")
class StockAvailabilityChanged(Event, frozen=True, kw_only=True):
    """How many pieces can be bought, over all locations. Exact when low, within a tenth when there are many."""

    sku: str
    available: int
    version: int


@event("stock.low.v1", by="inventory", subject="sku")
class StockLow(Event, frozen=True, kw_only=True):
    """Available fell to the SKU's threshold or below."""

    sku: str
    available: int
    threshold: int
    version: int
