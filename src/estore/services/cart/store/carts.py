"""Carts: opened with what their lines cost now in one statement, changed by their version in another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from estore.kit.db import Tx
from estore.services.cart.domain import Cart, Lines, Offer

_COLUMNS = "c.id, c.account_id, c.secret_hash, c.version, c.lines, c.merged_into"
# $1: a further SKU to look up. One row, one round trip, whatever the cart holds.
_OFFERS = """
(SELECT coalesce(jsonb_agg(jsonb_build_array(o.sku, o.product_id, o.title, o.picture, o.price, o.currency,
                                             o.listed AND coalesce(v.active, true), o.available)), '[]')
 FROM offer o LEFT JOIN vendor v ON v.vendor_id = o.vendor_id
 WHERE o.sku = ANY (ARRAY(SELECT l ->> 'sku' FROM jsonb_array_elements(c.lines) l) || $1::text[])) AS offers
"""
_OPEN = f"""
SELECT {_COLUMNS}, {_OFFERS} FROM cart c
WHERE c.id = $2 AND c.merged_into IS NULL AND (c.account_id = $3 OR c.secret_hash = $4)
"""
_OPEN_LOCKED = f"{_OPEN} FOR UPDATE OF c"
_OPEN_OF_ACCOUNT = f"SELECT {_COLUMNS}, {_OFFERS} FROM cart c WHERE c.account_id = $2"
_ADD_GUEST = "INSERT INTO cart (id, secret_hash, created_at, changed_at) VALUES ($1, $2, $3, $3)"
_ADD_OF_ACCOUNT = """
INSERT INTO cart (id, account_id, created_at, changed_at) VALUES ($1, $2, $3, $3)
ON CONFLICT (account_id) WHERE account_id IS NOT NULL DO NOTHING RETURNING 1
"""
_SAVE = """
UPDATE cart SET lines = $3, version = version + 1, changed_at = $4
WHERE id = $1 AND version = $2 AND merged_into IS NULL RETURNING 1
"""
_LOCK = f"SELECT {_COLUMNS} FROM cart c WHERE c.id = ANY($1::text[]) ORDER BY c.id FOR UPDATE"
_LOCK_FOR_CLAIM = f"SELECT {_COLUMNS} FROM cart c WHERE c.id = $1 OR c.account_id = $2 ORDER BY c.id FOR UPDATE"
_SAVE_MANY = """
UPDATE cart SET lines = i.lines::jsonb, version = i.version, changed_at = $4
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS i (id, lines, version) WHERE cart.id = i.id
"""
_MERGE = """
UPDATE cart SET lines = '[]', version = version + 1, merged_into = $2, changed_at = $3 WHERE id = $1
"""
_ABANDON = f"""
UPDATE cart c SET abandoned_version = version
WHERE c.id IN (SELECT id FROM cart
               WHERE account_id IS NOT NULL AND abandoned_version < version AND lines <> '[]' AND changed_at <= $1
               ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""
_PURGE = f"""
DELETE FROM cart c
WHERE c.id IN (SELECT id FROM cart WHERE account_id IS NULL AND changed_at <= $1
               ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""


class OpenedCart(msgspec.Struct, frozen=True):
    """A cart with what is known of its SKUs, and of the one that was asked for."""

    cart: Cart
    offers: dict[str, Offer]


def _cart(row: Any) -> Cart:
    return Cart(row[0], row[1], row[2], row[3], msgspec.convert(row[4], Lines), row[5])


def _opened(row: Any) -> OpenedCart | None:
    if row is None:
        return None
    offers = msgspec.convert(row["offers"], list[Offer])
    return OpenedCart(_cart(row), {offer.sku: offer for offer in offers})


async def open_cart(
    tx: Tx, cart_id: str, account_id: str | None, secret_hash: str, skus: Sequence[str] = (), *, lock: bool = False
) -> OpenedCart | None:
    """Return a cart that the account or the secret opens; None for any other."""
    return _opened(await tx.fetchrow(_OPEN_LOCKED if lock else _OPEN, list(skus), cart_id, account_id, secret_hash))


async def open_account_cart(tx: Tx, account_id: str) -> OpenedCart | None:
    """Return an account's cart; None when it has none."""
    return _opened(await tx.fetchrow(_OPEN_OF_ACCOUNT, [], account_id))


async def add_guest_cart(tx: Tx, cart_id: str, secret_hash: str, now: datetime) -> None:
    """Make an empty cart that a secret opens."""
    await tx.execute(_ADD_GUEST, cart_id, secret_hash, now)


async def add_account_cart(tx: Tx, cart_id: str, account_id: str, now: datetime) -> bool:
    """Make an empty cart of an account; False when it has one."""
    return await tx.fetchval(_ADD_OF_ACCOUNT, cart_id, account_id, now) is not None


async def save_lines(tx: Tx, cart: Cart, lines: Lines, now: datetime) -> bool:
    """Replace the lines if the cart is still the one that was read; the version grows by 1. False if it is not."""
    return await tx.fetchval(_SAVE, cart.id, cart.version, lines, now) is not None


async def lock_ordered(tx: Tx, cart_ids: Sequence[str]) -> dict[str, Cart]:
    """Lock carts in their one order; those that are gone are not in the answer."""
    return {row[0]: _cart(row) for row in await tx.fetch(_LOCK, cart_ids)}


async def lock_for_claim(tx: Tx, cart_id: str, account_id: str) -> list[Cart]:
    """Lock a cart and the account's own, in their one order."""
    return [_cart(row) for row in await tx.fetch(_LOCK_FOR_CLAIM, cart_id, account_id)]


async def save_many(tx: Tx, carts: Sequence[Cart], now: datetime) -> None:
    """Write the lines and versions of locked carts."""
    lines = [msgspec.json.encode(cart.lines).decode() for cart in carts]
    await tx.execute(_SAVE_MANY, [cart.id for cart in carts], lines, [cart.version for cart in carts], now)


async def merge_into(tx: Tx, cart_id: str, target_id: str, now: datetime) -> None:
    """Empty a locked guest's cart and remember which cart took its lines."""
    await tx.execute(_MERGE, cart_id, target_id, now)


async def claim_abandoned(tx: Tx, before: datetime, at_most: int) -> list[Cart]:
    """Mark carts of accounts that nobody touched since `before`, once per version; returns them."""
    return [_cart(row) for row in await tx.fetch(_ABANDON, before, at_most)]


async def purge_guests(tx: Tx, before: datetime, at_most: int) -> list[Cart]:
    """Delete guests' carts that nobody touched since `before`; returns them."""
    return [_cart(row) for row in await tx.fetch(_PURGE, before, at_most)]
