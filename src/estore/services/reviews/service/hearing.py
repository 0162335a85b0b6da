"""What reviews hears: products' SKUs, deliveries, and who is to be forgotten. All of it in any order, and repeated."""

from __future__ import annotations

from collections.abc import Sequence

from estore.contracts.catalog import ProductArchived, ProductChanged, ProductPublished
from estore.contracts.identity import AccountErased
from estore.contracts.orders import ParcelDelivered
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.services.reviews import store
from estore.services.reviews.domain import ANONYMOUS
from estore.services.reviews.store import LineRow


async def product_published(tx: Tx, messages: Sequence[Message[ProductPublished]]) -> None:
    """Learn of which product SKUs are."""
    await _learn(tx, [m.data for m in messages])


async def product_changed(tx: Tx, messages: Sequence[Message[ProductChanged]]) -> None:
    """Learn of which product SKUs are."""
    await _learn(tx, [m.data for m in messages])


async def _learn(tx: Tx, events: Sequence[ProductPublished | ProductChanged]) -> None:
    await store.learn_skus(tx, {v.sku: event.product_id for event in events for v in event.product.variants})


async def product_archived(tx: Tx, messages: Sequence[Message[ProductArchived]]) -> None:
    """Learn of which product SKUs were: what was delivered can be reviewed when it is not for sale any more."""
    await store.learn_skus(tx, {sku: m.data.product_id for m in messages for sku in m.data.skus})


async def parcel_delivered(tx: Tx, messages: Sequence[Message[ParcelDelivered]]) -> None:
    """Let accounts review what arrived. Guests' parcels, and those of erased accounts, allow nothing."""
    lines = {
        line.line_id: LineRow(
            line.line_id, m.data.order_id, m.data.account_id, m.data.vendor_id, line.sku, m.data.delivered_at
        )
        for m in messages
        if m.data.account_id is not None
        for line in m.data.lines
        if line.quantity > 0
    }
    if lines:
        erased = await store.lock_accounts(tx, {line.account_id for line in lines.values()})
        await store.add_lines(tx, [line for line in lines.values() if line.account_id not in erased])


async def account_erased(tx: Tx, messages: Sequence[Message[AccountErased]]) -> None:
    """Forget who accounts were: their reviews stay without a name, their votes as a number."""
    await store.erase_accounts(tx, sorted({m.data.account_id for m in messages}), ANONYMOUS, messages[0].now)
