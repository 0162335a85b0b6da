"""Whose SKUs are, and what imports counted: heard from catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from estore.contracts.catalog import ProductArchived, ProductChanged, ProductPublished, ProductStockImported
from estore.kit.db import Tx
from estore.kit.envelope import Cause, Message
from estore.services.inventory import domain, store
from estore.services.inventory.domain import MAX_ON_HAND
from estore.services.inventory.service.saving import save


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


async def count_imported(tx: Tx, messages: Sequence[Message[ProductStockImported]]) -> None:
    """Set what imports counted, at the default location; each row of an import counts once.

    Stock may come before its product, or for a draft: its SKU is known from then on, but not listed.
    """
    now = messages[0].now
    rows = {
        (event.import_id, level.sku): store.ImportRow(
            event.import_id, level.sku, event.product_id, event.vendor_id, min(max(level.quantity, 0), MAX_ON_HAND)
        )
        for event in (message.data for message in messages)
        for level in event.levels
    }
    await _inherit(tx, {row.sku: (row.product_id, row.vendor_id) for row in rows.values()}, messages[-1], newer=True)
    fresh = await store.add_imports(tx, list(rows.values()), now) if rows else set()
    if not fresh:
        return
    location = await store.default_location(tx)
    shelves = await store.lock_shelves(tx, {sku for _, sku in fresh})
    await store.add_levels(tx, [(shelf, location) for shelf in shelves.values()])
    counted = [row for key, row in rows.items() if key in fresh]
    moved = [domain.count_in(shelves[row.sku], location, row.quantity, row.import_id) for row in counted]
    await save(tx, shelves.values(), messages[-1], [each for each in moved if each.delta], now=now)


async def _learn(tx: Tx, messages: Sequence[Message[ProductPublished]] | Sequence[Message[ProductChanged]]) -> None:
    events: list[ProductPublished | ProductChanged] = [message.data for message in messages]
    newest = {event.product_id: event for event in sorted(events, key=lambda event: event.version)}
    skus = {
        variant.sku: (event.product_id, event.product.vendor_id, event.version)
        for event in newest.values()
        for variant in event.product.variants
    }
    # What a product has dropped is touched as well: all of it is locked at once, or an order could lock the other way.
    await store.lock_products(tx, skus, newest)
    await _inherit(tx, {sku: (row[0], row[1]) for sku, row in skus.items()}, messages[-1], newer=False)
    await store.save_skus(tx, skus, {event.product_id: event.version for event in newest.values()})


async def _inherit(tx: Tx, heirs: Mapping[str, tuple[str, str]], cause: Cause, *, newer: bool) -> None:
    """Let products have the SKUs of drafts that were deleted, without the pieces that another vendor had counted."""
    strangers = await store.inherit_skus(tx, heirs, newer=newer) if heirs else []
    if not strangers:
        return
    shelves = await store.lock_shelves(tx, strangers)
    moved = [
        domain.put(shelf, level.location_id, level.reserved - level.on_hand, "adjusted", None, "counted for a draft")
        for shelf in shelves.values()
        for level in shelf.levels
        if level.free
    ]
    await save(tx, shelves.values(), cause, moved, now=cause.now)
