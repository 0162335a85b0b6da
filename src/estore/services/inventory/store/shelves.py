"""Shelves: the only place where the stock of SKUs is locked, and the only one where it changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from estore.kit.db import Tx
from estore.kit.ids import new_id
from estore.services.inventory.domain import Level, Moved, Shelf, Told

# The SKU's row is the lock, and the levels are read by a second statement: one that both locks and reads
# sees the levels as they were before it waited, and misses a location that was added meanwhile.
_LOCK = """
SELECT sku, announced, announcement, threshold, listed FROM sku
WHERE sku = ANY($1::text[]) AND ($2::text[] IS NULL OR vendor_id = ANY($2))
ORDER BY sku FOR NO KEY UPDATE
"""
_LOCK_PRODUCTS = """
SELECT sku FROM sku WHERE sku = ANY($1::text[]) OR product_id = ANY($2::text[]) ORDER BY sku FOR NO KEY UPDATE
"""
_LEVELS = """
SELECT sku, location_id, on_hand, reserved FROM stock WHERE sku = ANY($1::text[]) ORDER BY sku, location_id
"""
_ADD_LEVELS = """
INSERT INTO stock (sku, location_id, on_hand) SELECT i.sku, i.location_id, 0
FROM unnest($1::text[], $2::text[]) AS i (sku, location_id) ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""
_SAVE = """
WITH changed AS (
    UPDATE stock s SET on_hand = s.on_hand + d.on_hand, reserved = s.reserved + d.reserved
    FROM unnest($1::text[], $2::text[], $3::int[], $4::int[]) AS d (sku, location_id, on_hand, reserved)
    WHERE s.sku = d.sku AND s.location_id = d.location_id
    RETURNING 1
), told AS (
    UPDATE sku k SET announced = t.announced, announcement = t.announcement
    FROM unnest($5::text[], $6::bigint[], $7::bigint[]) AS t (sku, announced, announcement)
    WHERE k.sku = t.sku
), explained AS (
    INSERT INTO movement (id, sku, location_id, kind, delta, on_hand, reference, reason, actor, at)
    SELECT m.*, $15, $16
    FROM unnest($8::text[], $9::text[], $10::text[], $11::text[], $12::int[], $13::int[], $14::text[], $17::text[])
        AS m (id, sku, location_id, kind, delta, on_hand, reference, reason)
)
SELECT count(*) FROM changed
"""


async def lock_shelves(tx: Tx, skus: Collection[str], vendor_ids: Sequence[str] | None = None) -> dict[str, Shelf]:
    """Lock SKUs in their one order and return their shelves. Two statements, however many SKUs.

    vendor_ids: only SKUs of these vendors; None for all. What is unknown, or not theirs, is not in the answer.
    """
    ordered = sorted(skus)
    shelves = {
        row[0]: Shelf(row[0], row[1], row[2], row[3], row[4], []) for row in await tx.fetch(_LOCK, ordered, vendor_ids)
    }
    for sku, location_id, on_hand, reserved in await tx.fetch(_LEVELS, list(shelves)):
        shelves[sku].levels.append(Level(location_id, on_hand, reserved))
    for shelf in shelves.values():
        shelf.count()
    return shelves


async def lock_products(tx: Tx, skus: Collection[str], product_ids: Collection[str]) -> None:
    """Lock SKUs, and all that products have, in the one order: before anything else touches several of their rows."""
    await tx.execute(_LOCK_PRODUCTS, list(skus), list(product_ids))


async def add_levels(tx: Tx, places: Collection[tuple[Shelf, str]]) -> None:
    """Make the stock rows of locked shelves in locations where the SKU has never been."""
    new = [(shelf, location_id) for shelf, location_id in places if shelf.level(location_id) is None]
    if not new:
        return
    await tx.execute(_ADD_LEVELS, [shelf.sku for shelf, _ in new], [location_id for _, location_id in new])
    for shelf, location_id in new:
        shelf.levels.append(Level(location_id, 0, 0))


async def save_shelves(
    tx: Tx,
    shelves: Collection[Shelf],
    told: Sequence[Told] = (),
    moved: Sequence[Moved] = (),
    *,
    at: datetime,
    actor: str | None = None,
) -> None:
    """Write what changed on locked shelves, what was announced, and the movements that explain it: one statement."""
    changes = [
        (shelf.sku, level.location_id, level.change_on_hand, level.change_reserved)
        for shelf in shelves
        for level in shelf.levels
        if level.change_on_hand or level.change_reserved
    ]
    if not (changes or told or moved):
        return
    announced = [shelf for shelf in shelves if any(t.sku == shelf.sku for t in told)] if told else []
    changed = await tx.fetchval(
        _SAVE,
        [c[0] for c in changes],
        [c[1] for c in changes],
        [c[2] for c in changes],
        [c[3] for c in changes],
        [shelf.sku for shelf in announced],
        [shelf.announced for shelf in announced],
        [shelf.announcement for shelf in announced],
        [new_id("mov") for _ in moved],
        [m.sku for m in moved],
        [m.location_id for m in moved],
        [m.kind for m in moved],
        [m.delta for m in moved],
        [m.on_hand for m in moved],
        [m.reference for m in moved],
        actor,
        at,
        [m.reason for m in moved],
    )
    if changed != len(changes):
        raise RuntimeError(f"{len(changes)} stock rows were to change, {changed} did")
