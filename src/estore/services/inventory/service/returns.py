"""What comes back: on the shelf again, or written off."""

from __future__ import annotations

from collections.abc import Sequence

from estore.contracts.orders import ReturnReceived
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.kit.telemetry import log
from estore.services.inventory import domain, store
from estore.services.inventory.domain import Moved
from estore.services.inventory.service.saving import save

RESTOCK = "restock"
_log = log(__name__)


async def take_back(tx: Tx, messages: Sequence[Message[ReturnReceived]]) -> None:
    """Take returns back, each once, at the default location: whoever has inspected them knows no other.

    What is for sale again goes on the shelf; what is written off is only on record.
    """
    now = messages[0].now
    by_id = {message.data.return_id: message.data for message in messages}
    fresh = await store.add_returns(tx, {one: data.order_id for one, data in by_id.items()}, now)
    returns = [data for return_id, data in by_id.items() if return_id in fresh]
    if not returns:
        return
    location = await store.default_location(tx)
    shelves = await store.lock_shelves(tx, {line.sku for data in returns for line in data.lines})
    await store.add_levels(tx, [(shelf, location) for shelf in shelves.values()])
    moved: list[Moved] = []
    for data in returns:
        for line in data.lines:
            shelf = shelves.get(line.sku)
            if shelf is None:
                _log.error("what came back is not known here", return_id=data.return_id, sku=line.sku)
                continue
            restock = line.disposition == RESTOCK
            moved.append(domain.take_back(shelf, location, line.quantity, restock, data.return_id))
    await save(tx, shelves.values(), messages[-1], moved, now=now)
