"""Holds, and the matters that they are for. Matters are locked first of all, holds after parcels, each sorted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from estore.kit.db import Record, Tx
from estore.services.ledger.domain.earnings import Hold, Reserve

_COLUMNS = ", ".join(Hold.__struct_fields__)
_MATTERS = """
INSERT INTO matter AS m (kind, ref, closed_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) ORDER BY 1, 2
ON CONFLICT (kind, ref) DO UPDATE SET closed_at = coalesce(m.closed_at, excluded.closed_at)
RETURNING m.kind, m.ref, m.closed_at
"""
_INSERT = f"""
INSERT INTO hold ({_COLUMNS})
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bool[],
                     $9::text[], $10::timestamptz[], $11::timestamptz[], $12::bigint[], $13::int[])
ON CONFLICT (kind, ref, vendor_id) DO NOTHING RETURNING id
"""
_RELEASE_OF = f"""
WITH open AS (
    SELECT id FROM hold WHERE released_at IS NULL AND (kind, ref) IN (SELECT * FROM unnest($1::text[], $2::text[]))
    ORDER BY id FOR UPDATE)
UPDATE hold h SET released_at = $3 FROM open WHERE h.id = open.id
RETURNING {", ".join(f"h.{name}" for name in Hold.__struct_fields__)}
"""
_RELEASE_DUE = f"""
WITH due AS (
    SELECT id FROM hold WHERE released_at IS NULL AND release_at <= $1
    ORDER BY release_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)
UPDATE hold h SET released_at = $1 FROM due WHERE h.id = due.id
RETURNING {", ".join(f"h.{name}" for name in Hold.__struct_fields__)}
"""
_RESERVE_ON = f"""
WITH waiting AS (
    SELECT id FROM hold WHERE parcel_id = ANY($1::text[]) AND released_at IS NULL AND NOT reserved
    ORDER BY id FOR UPDATE)
UPDATE hold h SET reserved = true FROM waiting WHERE h.id = waiting.id
RETURNING {", ".join(f"h.{name}" for name in Hold.__struct_fields__)}
"""
_OPEN_ON = f"""
SELECT {_COLUMNS} FROM hold WHERE parcel_id = ANY($1::text[]) AND released_at IS NULL ORDER BY id FOR UPDATE
"""
_PARCELS_OF = """
SELECT DISTINCT parcel_id FROM hold
WHERE (kind, ref) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND released_at IS NULL AND parcel_id IS NOT NULL
"""
_CHANGE = """
UPDATE hold h SET amount = n.amount, wanted = n.wanted, changes = n.changes
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[]) AS n (id, amount, wanted, changes) WHERE h.id = n.id
"""
_LIST = f"""
SELECT {_COLUMNS}, released_at FROM hold
WHERE ($1::text[] IS NULL OR vendor_id = ANY($1)) AND ($2 OR released_at IS NULL)
    AND ($3::timestamptz IS NULL OR (held_at, id) < ($3, $4))
ORDER BY held_at DESC, id DESC LIMIT $5
"""


async def lock_matters(
    tx: Tx, matters: Iterable[tuple[str, str]], closing: Iterable[tuple[str, str]], now: datetime
) -> set[tuple[str, str]]:
    """Lock matters, each (kind, ref), until the transaction ends, and close those in `closing`.

    Returns those that were closed already, or are by this.
    """
    closed = set(closing)
    wanted = sorted({*matters, *closed})
    if not wanted:
        return set()
    rows = await tx.fetch(
        _MATTERS,
        [kind for kind, _ in wanted],
        [ref for _, ref in wanted],
        [now if matter in closed else None for matter in wanted],
    )
    return {(row["kind"], row["ref"]) for row in rows if row["closed_at"] is not None}


async def insert_holds(tx: Tx, holds: Sequence[Hold]) -> list[Hold]:
    """Keep holds, but for those that are known; returns the new ones."""
    if not holds:
        return []
    columns = ([getattr(hold, name) for hold in holds] for name in Hold.__struct_fields__)
    new = {row[0] for row in await tx.fetch(_INSERT, *columns)}
    return [hold for hold in holds if hold.id in new]


async def release_holds_of(tx: Tx, matters: Iterable[tuple[str, str]], now: datetime) -> list[Hold]:
    """End the holds for matters, each (kind, ref); returns those that this ended."""
    wanted = sorted(set(matters))
    if not wanted:
        return []
    rows = await tx.fetch(_RELEASE_OF, [kind for kind, _ in wanted], [ref for _, ref in wanted], now)
    return _holds(rows)


async def release_due_holds(tx: Tx, now: datetime, at_most: int) -> list[Hold]:
    """End holds whose time is over, other than those that somebody else works on."""
    return _holds(await tx.fetch(_RELEASE_DUE, now, at_most))


async def reserve_on(tx: Tx, parcels: Sequence[str]) -> list[Hold]:
    """Mark holds on parcels whose money becomes available as taking it; returns them."""
    return _holds(await tx.fetch(_RESERVE_ON, parcels))


async def parcels_held_for(tx: Tx, matters: Iterable[tuple[str, str]]) -> set[str]:
    """Return the parcels on which something is held for matters, each (kind, ref). The matters are locked."""
    wanted = sorted(set(matters))
    if not wanted:
        return set()
    return {row[0] for row in await tx.fetch(_PARCELS_OF, [kind for kind, _ in wanted], [ref for _, ref in wanted])}


async def lock_holds_on(tx: Tx, parcels: Iterable[str]) -> dict[str, list[Hold]]:
    """Lock the open holds on parcels, which are locked themselves; returns them by parcel."""
    found: dict[str, list[Hold]] = {}
    for row in await tx.fetch(_OPEN_ON, sorted(set(parcels))):
        found.setdefault(row["parcel_id"], []).append(hold_of(row))
    return found


async def change_holds(tx: Tx, holds: Sequence[Hold]) -> None:
    """Keep what locked holds want and hold now."""
    if holds:
        await tx.execute(
            _CHANGE,
            [hold.id for hold in holds],
            [hold.amount for hold in holds],
            [hold.wanted for hold in holds],
            [hold.changes for hold in holds],
        )


async def lock_hold(tx: Tx, hold_id: str) -> tuple[Hold, datetime | None] | None:
    """Lock a hold; returns it and when it was released."""
    row = await tx.fetchrow(f"SELECT {_COLUMNS}, released_at FROM hold WHERE id = $1 FOR UPDATE", hold_id)
    return None if row is None else (hold_of(row), row["released_at"])


async def release_hold(tx: Tx, hold_id: str, now: datetime) -> None:
    """End a hold that is locked."""
    await tx.execute("UPDATE hold SET released_at = $2 WHERE id = $1", hold_id, now)


async def list_holds(
    tx: Tx,
    vendors: Sequence[str] | None,
    *,
    released: bool,
    before: tuple[datetime, str] | None,
    at_most: int,
) -> list[Record]:
    """Return holds, the latest first; released: also those that are over. vendors: None for everybody's."""
    return await tx.fetch(_LIST, vendors, released, *(before or (None, None)), at_most)


async def terms_of(tx: Tx, vendors: Iterable[str]) -> dict[str, Reserve]:
    """Return the rolling reserves that operators have set."""
    rows = await tx.fetch(
        "SELECT vendor_id, reserve_bps, reserve_days FROM reserve_terms WHERE vendor_id = ANY($1::text[])",
        sorted(set(vendors)),
    )
    return {row["vendor_id"]: Reserve(row["reserve_bps"], row["reserve_days"]) for row in rows}


def hold_of(row: Record) -> Hold:
    """Return the hold in a row; one that was kept before holds said what they want, wants what it holds."""
    hold = Hold(**{name: row[name] for name in Hold.__struct_fields__})
    return hold if row["wanted"] is not None else msgspec.structs.replace(hold, wanted=hold.amount)


def _holds(rows: Sequence[Record]) -> list[Hold]:
    return sorted((hold_of(row) for row in rows), key=lambda hold: hold.id)
