"""What cart publishes."""

from __future__ import annotations

import msgspec

from estore.kit.contract import Event, event


class CartLine(msgspec.Struct, frozen=True):
    sku: str
    quantity: int


@event("cart.changed.v1", by="cart", subject="cart_id")
class CartChanged(Event, frozen=True, kw_only=True):
    """The whole cart as it is now. secret_hash: SHA-256 (hex) of a guest's Cart-Secret."""

    cart_id: str
    account_id: str | None
    secret_hash: str | None
    lines: tuple[CartLine, ...]
    version: int


@event("cart.abandoned.v1", by="cart", subject="cart_id")
class CartAbandoned(Event, frozen=True, kw_only=True):
    """An account left something in its cart for a day."""

    cart_id: str
    account_id: str
    lines: tuple[CartLine, ...]
    version: int
