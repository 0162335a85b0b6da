"""Whose SKUs are, and what imports counted: heard from catalog."""

from __future__ import annotations

from collections.abc import Sequence

from estore.contracts.catalog import ProductArchived, ProductChanged, ProductPublished
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.services.inventory import store


async def learn_published(tx: Tx, messages: Sequence[Message[ProductPublished]]) -> None:
    """Know the SKUs of new products."""
    await _learn(tx, messages)


async def learn_changed(tx: Tx, messages: Sequence[Message[ProductChanged]]) -> None:
    """Know the SKUs that products have now; those that are missing are not listed any more."""
    await _learn(tx, messages)


async def learn_archived(tx: Tx, messages: Sequence[Message[ProductArchived]]) -> None:
    """Stock of archived products stays, for returns and for the day they are published again."""
    newest = sorted(messages, key=lambda message: message.data.version)
    await store.archive_skus(tx, {sku: (m.data.product_id, m.data.version) for m in newest for sku in m.data.skus})


async def _learn(tx: Tx, messages: Sequence[Message[ProductPublished]] | Sequence[Message[ProductChanged]]) -> None:
    events: list[ProductPublished | ProductChanged] = [message.data for message in messages]
    newest = {event.product_id: event for event in sorted(events, key=lambda event: event.version)}
    await store.save_skus(
        tx,
        {
            variant.sku: (event.product_id, event.product.vendor_id, event.version)
            for event in newest.values()
            for variant in event.product.variants
        },
        {event.product_id: event.version for event in newest.values()},
    )
