"""Use cases of cart: what people do to their carts, and what is heard about what is in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated

import msgspec

from estore.contracts.cart import CartAbandoned, CartChanged, CartLine
from estore.contracts.catalog import PriceChanged, ProductArchived, ProductChanged, ProductPublished, Variant
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.orders import OrderPlaced
from estore.contracts.vendors import VendorApproved, VendorSuspended
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.envelope import Cause, Message
from estore.kit.errors import Transient
from estore.kit.ids import GuestSecrets, new_id
from estore.kit.money import Money
from estore.services.cart import domain, store
from estore.services.cart.domain import Cart, CartUnknown, Lines
from estore.services.cart.store import OpenedCart

AT_ONCE = 200
ABANDONED_AFTER = timedelta(days=1)
GUESTS_KEPT_FOR = timedelta(days=30)


class SetQuantity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many pieces are wanted; 0 takes the line out."""

    quantity: Annotated[int, msgspec.Meta(ge=0, le=1_000_000, description="Pieces", examples=[2])]


class LineView(msgspec.Struct, frozen=True):
    """A line as it is worth now.

    available: it is for sale, and as far as is known there are enough pieces. price_changed: it cost something else
    when it was put in.
    """

    sku: str
    product_id: str | None
    title: str
    picture: str | None
    quantity: int
    unit_price: Money
    line_total: Money
    available: bool
    price_changed: bool


class CartView(msgspec.Struct, frozen=True):
    """A cart. subtotal: of the lines that are for sale, before discounts, shipping and tax on top."""

    id: str
    lines: list[LineView]
    subtotal: Money
    version: int


class NewCart(msgspec.Struct, frozen=True):
    """A cart that was just made. secret: opens a guest's cart, told once; None for an account's. guest: it is one's.

    key: which one the secret was derived with.
    """

    id: str
    secret: str | None
    lines: list[LineView]
    subtotal: Money
    version: int
    created: bool
    guest: bool = False
    key: str = ""


class Key(msgspec.Struct, frozen=True):
    """Which cart, and the secret that came with the request."""

    cart_id: str
    secret: str | None


class PutLine(msgspec.Struct, frozen=True):
    key: Key
    sku: str
    quantity: int


class RemoveLine(msgspec.Struct, frozen=True):
    key: Key
    sku: str


class Carts:
    """currency: the marketplace's. most: pieces of one SKU in a cart. secrets: derives those of guests' carts."""

    def __init__(self, currency: str, most: int, secrets: GuestSecrets) -> None:
        self._currency = currency
        self._most = most
        self._secrets = secrets

    async def create(self, tx: Tx, ctx: Context, request: None) -> NewCart:
        """Make a guest's cart with a secret, or return the account's cart, made if need be."""
        account_id = ctx.principal.account_id
        if account_id is None:
            cart = new_id("crt")
            secret = self._secrets.of(cart)
            await store.add_guest_cart(tx, cart, domain.hash_of(secret), ctx.now)
            return NewCart(cart, secret, [], Money(0, self._currency), 1, True, guest=True, key=self._secrets.hint)
        created = await store.add_account_cart(tx, new_id("crt"), account_id, ctx.now)
        view = self._view(_found(await store.open_account_cart(tx, account_id)))
        return NewCart(view.id, None, view.lines, view.subtotal, view.version, created)

    def without_secret(self, cart: NewCart) -> NewCart:
        """What is kept of a cart for replays."""
        return msgspec.structs.replace(cart, secret=None)

    def with_secret(self, cart: NewCart) -> NewCart:
        """The cart as it was answered. Those of before carry their secret, which was drawn by lot."""
        if cart.secret is not None or not cart.guest:
            return cart
        return msgspec.structs.replace(cart, secret=self._secrets.of(cart.id, cart.key))

    async def read(self, tx: Tx, ctx: Context, request: Key) -> CartView:
        """Return a cart with what its lines cost now. Raises CartUnknown."""
        return self._view(await _open(tx, ctx, request))

    async def put_line(self, tx: Tx, ctx: Context, request: PutLine) -> CartView:
        """Set the quantity of a line. Raises CartUnknown, PreconditionFailed, and what `domain.put` raises."""

        def change(opened: OpenedCart) -> Lines:
            offer = opened.offers.get(request.sku)
            return domain.put(opened.cart.lines, request.sku, request.quantity, offer, self._currency, self._most)

        return await self._change(tx, ctx, request.key, change, request.sku)

    async def remove_line(self, tx: Tx, ctx: Context, request: RemoveLine) -> CartView:
        """Take a line out, if it is in. Raises CartUnknown, PreconditionFailed."""
        return await self._change(tx, ctx, request.key, lambda o: domain.remove(o.cart.lines, request.sku))

    async def clear(self, tx: Tx, ctx: Context, request: Key) -> CartView:
        """Take everything out. Raises CartUnknown, PreconditionFailed."""
        return await self._change(tx, ctx, request, lambda _: ())

    async def claim(self, tx: Tx, ctx: Context, request: Key) -> CartView:
        """Move the lines of a guest's cart into the account's. Raises CartUnknown. Again is fine."""
        account_id, secret_hash = ctx.principal.account_id, domain.hash_of(request.secret)
        if account_id is None or not domain.is_cart_id(request.cart_id):
            raise CartUnknown()
        await store.add_account_cart(tx, new_id("crt"), account_id, ctx.now)
        locked = await store.lock_for_claim(tx, request.cart_id, account_id)
        mine = next(cart for cart in locked if cart.account_id == account_id)
        guests = next((cart for cart in locked if cart.id == request.cart_id), None)
        if guests is None or not domain.opens(guests, account_id, secret_hash):
            raise CartUnknown()
        if guests.merged_into not in (None, mine.id):
            raise CartUnknown()
        if guests.merged_into is None and guests.id != mine.id:
            await store.merge_into(tx, guests.id, mine.id, ctx.now)
            if guests.lines:
                lines = domain.merge(mine.lines, guests.lines, self._most)
                await store.save_many(tx, [_next(mine, lines)], ctx.now)
                _tell(tx, _next(guests, ()), ctx)
                _tell(tx, _next(mine, lines), ctx)
        return self._view(_found(await store.open_account_cart(tx, account_id)))

    async def _change(
        self, tx: Tx, ctx: Context, key: Key, change: Callable[[OpenedCart], Lines], sku: str | None = None
    ) -> CartView:
        """Read, decide, write if nobody else did meanwhile: two statements. Else once more, under a lock."""
        skus = [sku] if sku is not None and domain.is_sku(sku) else []
        for lock in (False, True):
            opened = await _open(tx, ctx, key, skus, lock=lock)
            cart = opened.cart
            domain.check_version(cart, ctx.if_match)
            lines = change(opened)
            if lines == cart.lines:
                return self._view(opened)
            if await store.save_lines(tx, cart, lines, ctx.now):
                changed = _next(cart, lines)
                _tell(tx, changed, ctx)
                return self._view(OpenedCart(changed, opened.offers))
        raise Transient("the cart is changing; try again")

    def _view(self, opened: OpenedCart) -> CartView:
        priced, subtotal = domain.price(opened.cart.lines, opened.offers, self._currency)
        lines = [
            LineView(
                each.line.sku,
                each.offer.product_id,
                each.offer.title or each.line.sku,
                each.offer.picture,
                each.line.quantity,
                Money(each.unit_price, self._currency),
                Money(each.total, self._currency),
                each.available,
                each.unit_price != each.line.price,
            )
            for each in priced
        ]
        return CartView(opened.cart.id, lines, Money(subtotal, self._currency), opened.cart.version)


async def take_out_ordered(tx: Tx, messages: Sequence[Message[OrderPlaced]]) -> None:
    """Ordered quantities leave their carts; what was put in since then stays."""
    orders = [message for message in messages if message.data.cart_id is not None]
    carts = await store.lock_ordered(tx, [str(m.data.cart_id) for m in orders]) if orders else {}
    changed: dict[str, tuple[Cart, Cause]] = {}
    for message in orders:
        order = message.data
        cart = carts.get(str(order.cart_id))
        if cart is None or not cart.lines:
            continue
        lines = domain.without_ordered(cart, order.cart_version, ((line.sku, line.quantity) for line in order.lines))
        if lines != cart.lines:
            # One step of the version for the whole batch, so that a second order of it still finds the version it saw.
            before = carts[cart.id]
            carts[cart.id] = msgspec.structs.replace(before, lines=lines)
            changed[cart.id] = (_next(before, lines), message)
    if changed:
        await store.save_many(tx, [cart for cart, _ in changed.values()], messages[0].now)
    for cart, cause in changed.values():
        _tell(tx, cart, cause)


async def tell_abandoned(tx: Tx, ctx: Context, request: None) -> int:
    """Tell of accounts' carts that were left for a day, once per version; returns how many of a bounded number."""
    carts = await store.claim_abandoned(tx, ctx.now - ABANDONED_AFTER, AT_ONCE)
    for cart in carts:
        event = CartAbandoned(
            cart_id=cart.id, account_id=str(cart.account_id), lines=_event_lines(cart), version=cart.version
        )
        tx.emit(event, ctx)
    return len(carts)


async def purge_guests(tx: Tx, ctx: Context, request: None) -> int:
    """Delete guests' carts after 30 days, and tell of those that held something; returns how many."""
    carts = await store.purge_guests(tx, ctx.now - GUESTS_KEPT_FOR, AT_ONCE)
    for cart in carts:
        if cart.lines:
            _tell(tx, _next(cart, ()), ctx)
    return len(carts)


# --- what is for sale --------------------------------------------------------------------------------------


async def learn_published(tx: Tx, messages: Sequence[Message[ProductPublished]]) -> None:
    """Know the variants of new products."""
    await _learn(tx, [message.data for message in messages])


async def learn_changed(tx: Tx, messages: Sequence[Message[ProductChanged]]) -> None:
    """Know the variants that products have now; those that are missing are not for sale any more."""
    await _learn(tx, [message.data for message in messages])


async def learn_archived(tx: Tx, messages: Sequence[Message[ProductArchived]]) -> None:
    """Archived products are not for sale any more."""
    events = sorted((message.data for message in messages), key=lambda event: event.version)
    await store.archive_offers(tx, {sku: (e.product_id, e.version) for e in events for sku in e.skus})


async def learn_prices(tx: Tx, messages: Sequence[Message[PriceChanged]]) -> None:
    """Know what SKUs cost now."""
    events = sorted((message.data for message in messages), key=lambda event: event.version)
    await store.save_prices(
        tx,
        {new.sku: (e.product_id, new.price.amount, new.price.currency, e.version) for e in events for new in e.prices},
    )


async def learn_approved(tx: Tx, messages: Sequence[Message[VendorApproved]]) -> None:
    """The offers of reinstated vendors are for sale again."""
    events = sorted((message.data for message in messages), key=lambda event: event.version)
    await store.save_vendors(tx, {event.vendor_id: (True, event.version) for event in events})


async def learn_suspended(tx: Tx, messages: Sequence[Message[VendorSuspended]]) -> None:
    """The offers of suspended vendors are not for sale."""
    events = sorted((message.data for message in messages), key=lambda event: event.version)
    await store.save_vendors(tx, {event.vendor_id: (False, event.version) for event in events})


async def learn_availability(tx: Tx, messages: Sequence[Message[StockAvailabilityChanged]]) -> None:
    """Know how many pieces can be bought."""
    events = sorted((message.data for message in messages), key=lambda event: event.version)
    await store.save_availability(tx, {event.sku: (event.available, event.version) for event in events})


async def _learn(tx: Tx, events: Sequence[ProductPublished | ProductChanged]) -> None:
    newest = {event.product_id: event for event in sorted(events, key=lambda event: event.version)}
    rows = {
        variant.sku: store.OfferRow(
            variant.sku,
            event.product_id,
            event.product.vendor_id,
            _title(event.product.title, variant, len(event.product.variants)),
            event.product.picture,
            variant.price.amount,
            variant.price.currency,
            event.version,
        )
        for event in newest.values()
        for variant in event.product.variants
    }
    await store.save_offers(tx, list(rows.values()), {e.product_id: e.version for e in newest.values()})


def _title(product: str, variant: Variant, variants: int) -> str:
    return product if variants == 1 or variant.title in ("", product) else f"{product}, {variant.title}"


async def _open(tx: Tx, ctx: Context, key: Key, skus: Sequence[str] = (), *, lock: bool = False) -> OpenedCart:
    """Open a cart. Somebody else's, a wrong secret and no such cart are one answer after one and the same statement."""
    secret_hash = domain.hash_of(key.secret)
    cart_id = key.cart_id if domain.is_cart_id(key.cart_id) else ""
    opened = await store.open_cart(tx, cart_id, ctx.principal.account_id, secret_hash, skus, lock=lock)
    if not domain.opens(opened.cart if opened else None, ctx.principal.account_id, secret_hash):
        raise CartUnknown()
    return _found(opened)


def _found(opened: OpenedCart | None) -> OpenedCart:
    if opened is None:
        raise CartUnknown()
    return opened


def _next(cart: Cart, lines: Lines) -> Cart:
    return msgspec.structs.replace(cart, lines=lines, version=cart.version + 1)


def _event_lines(cart: Cart) -> tuple[CartLine, ...]:
    return tuple(CartLine(line.sku, line.quantity) for line in cart.lines)


def _tell(tx: Tx, cart: Cart, cause: Cause) -> None:
    event = CartChanged(
        cart_id=cart.id,
        account_id=cart.account_id,
        secret_hash=cart.secret_hash,
        lines=_event_lines(cart),
        version=cart.version,
    )
    tx.emit(event, cause)
