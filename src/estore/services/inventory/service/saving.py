"""How every change of stock ends: written, explained and announced, in one statement and at most two events a SKU."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from estore.contracts.inventory import StockAvailabilityChanged, StockLow
from estore.kit.db import Tx
from estore.kit.envelope import Cause
from estore.services.inventory import domain, store
from estore.services.inventory.domain import Moved, Shelf


async def save(
    tx: Tx,
    shelves: Collection[Shelf],
    cause: Cause,
    moved: Sequence[Moved] = (),
    *,
    now: datetime,
    actor: str | None = None,
) -> None:
    """Write locked shelves with their movements, and tell others what they want to know about them."""
    told = domain.tell(shelves)
    await store.save_shelves(tx, shelves, told, moved, at=now, actor=actor)
    for news in told:
        if news.changed:
            tx.emit(StockAvailabilityChanged(sku=news.sku, available=news.available, version=news.version), cause)
        if news.low:
            low = StockLow(sku=news.sku, available=news.available, threshold=news.threshold, version=news.version)
            tx.emit(low, cause)
