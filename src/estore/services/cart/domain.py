"""What a cart may hold, and how it changes. Lines in, lines out."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from estore.kit.errors import Conflict, Fault, Invalid, NotFound, PreconditionFailed

MAX_LINES: Final = 100
# Up to here the availability that inventory tells is exact; above it is within a tenth.
EXACT_UP_TO: Final = 50

_ID = re.compile(r"crt_[0-9A-Z]{26}")
_SKU = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NO_HASH = "0" * 64


class CartUnknown(NotFound):
    code, title = "cart.unknown", "There is no such cart, or it is not yours"


class NotForSale(Invalid):
    code, title = "cart.not_for_sale", "This SKU is not for sale"


class TooMany(Invalid):
    code, title = "cart.too_many", "More pieces than a cart may hold of one SKU"


class NotEnoughStock(Conflict):
    code, title = "cart.not_enough_stock", "Fewer pieces are available"


class CartFull(Conflict):
    code, title = "cart.full", "The cart is full"


class Line(msgspec.Struct, frozen=True):
    """price: in minor units, when it was put in."""

    sku: str
    quantity: int
    price: int
    currency: str


Lines = tuple[Line, ...]


class Offer(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a SKU. available: None when inventory never told."""

    sku: str
    product_id: str | None = None
    title: str | None = None
    picture: str | None = None
    price: int | None = None
    currency: str | None = None
    for_sale: bool = False
    available: int | None = None


class Cart(msgspec.Struct, frozen=True):
    """A cart. merged_into: the cart that took its lines; then it is no cart any more."""

    id: str
    account_id: str | None
    secret_hash: str | None
    version: int
    lines: Lines
    merged_into: str | None = None


def is_cart_id(text: str) -> bool:
    """Tell whether `text` can be a cart's id at all."""
    return _ID.fullmatch(text) is not None


def is_sku(text: str) -> bool:
    """Tell whether `text` can be a SKU at all."""
    return _SKU.fullmatch(text) is not None


def hash_of(secret: str | None) -> str:
    """Return what is stored of a secret, and of none: a value that no secret has."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest() if secret else _NO_HASH


def opens(cart: Cart | None, account_id: str | None, secret_hash: str) -> bool:
    """Tell whether an account or the hash of a secret opens `cart`. It takes as long when there is none."""
    stored = (cart.secret_hash if cart else None) or ""
    by_secret = hmac.compare_digest(stored.encode(), secret_hash.encode())
    by_account = cart is not None and account_id is not None and cart.account_id == account_id
    return cart is not None and (by_secret or by_account)


def check_version(cart: Cart, wanted: Container[int] | None) -> None:
    """Raise PreconditionFailed when the caller has seen another version. Saying nothing is allowed."""
    if wanted is not None and cart.version not in wanted:
        raise PreconditionFailed(f"the cart is at version {cart.version}", version=cart.version)


def put(lines: Lines, sku: str, quantity: int, offer: Offer | None, currency: str, most: int) -> Lines:
    """Set how many pieces of a SKU are wanted; 0 takes it out.

    A known shortage is refused (few pieces are known exactly), but wanting less than before never is.
    Raises NotForSale, TooMany, NotEnoughStock, CartFull.
    """
    if quantity == 0:
        return remove(lines, sku)
    before = next((line for line in lines if line.sku == sku), None)
    if quantity > most:
        raise TooMany(f"at most {most} pieces of one SKU", pointer="/quantity", most=most)
    if offer is None or not offer.for_sale or offer.price is None or offer.currency != currency:
        raise NotForSale(f"{sku} cannot be bought", errors=[Fault("not for sale", pointer="", parameter="sku")])
    known = offer.available if offer.available is not None and offer.available <= EXACT_UP_TO else None
    if known is not None and quantity > known and (before is None or quantity > before.quantity):
        raise NotEnoughStock(f"{known} pieces are available", pointer="/quantity", available=known)
    line = Line(sku, quantity, offer.price, currency)
    if before is not None:
        return tuple(line if each.sku == sku else each for each in lines)
    if len(lines) >= MAX_LINES:
        raise CartFull(f"at most {MAX_LINES} lines")
    return (*lines, line)


def remove(lines: Lines, sku: str) -> Lines:
    """Take a SKU out; that it was not in is fine."""
    return tuple(line for line in lines if line.sku != sku)


def merge(lines: Lines, others: Lines, most: int) -> Lines:
    """Add the lines of a guest's cart, as far as there is room."""
    merged = {line.sku: line for line in lines}
    for other in others:
        if (mine := merged.get(other.sku)) is not None:
            quantity = max(mine.quantity, min(most, mine.quantity + other.quantity))
            merged[other.sku] = msgspec.structs.replace(mine, quantity=quantity)
        elif len(merged) < MAX_LINES:
            merged[other.sku] = other
    return tuple(merged.values())


def without_ordered(cart: Cart, version: int | None, ordered: Iterable[tuple[str, int]]) -> Lines:
    """Return what stays in a cart after an order was placed from it.

    version: the one that was ordered. If the cart is still that one, nothing stays; what was put in since then does.
    """
    if version == cart.version:
        return ()
    taken: dict[str, int] = {}
    for sku, quantity in ordered:
        taken[sku] = taken.get(sku, 0) + quantity
    rest = (msgspec.structs.replace(line, quantity=line.quantity - taken.get(line.sku, 0)) for line in cart.lines)
    return tuple(line for line in rest if line.quantity > 0)


class PricedLine(msgspec.Struct, frozen=True):
    """A line as it is worth now. unit_price, total: minor units. counts: it is for sale, so the subtotal has it."""

    line: Line
    offer: Offer
    unit_price: int
    total: int
    counts: bool
    available: bool


def price(lines: Sequence[Line], offers: Mapping[str, Offer], currency: str) -> tuple[list[PricedLine], int]:
    """Price lines at what their SKUs cost now; returns them, and the sum of those that are for sale."""
    priced = []
    for line in lines:
        offer = offers.get(line.sku) or Offer(line.sku)
        known = offer.price is not None and offer.currency == currency
        unit_price = offer.price if known and offer.price is not None else line.price
        counts = known and offer.for_sale
        enough = (offer.available or 0) >= line.quantity
        priced.append(PricedLine(line, offer, unit_price, unit_price * line.quantity, counts, counts and enough))
    return priced, sum(each.total for each in priced if each.counts)
