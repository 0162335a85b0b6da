"""Placing orders: a batch of requests is priced from memory and written by one statement."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from estore.contracts.cart import CartChanged
from estore.contracts.orders import OrderPlaced
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.endpoint import KeyReused, once_scope, replayed
from estore.kit.envelope import Envelope
from estore.kit.errors import Failure, Transient
from estore.kit.ids import GuestSecrets, new_id
from estore.services.orders import domain, store
from estore.services.orders.domain import Address, Priced
from estore.services.orders.saga import Limits
from estore.services.orders.service.commands import LineForm, Placement
from estore.services.orders.service.quotes import FindOffer, Quotes, quote_of
from estore.services.orders.service.showing import as_placed, encoded, event_lines, event_totals, placed_view

SCOPE = "orders.place_orders"
MAX_ROUNDS = 4
_BY_MEMORY = (
    domain.NotSellable,
    domain.TotalChanged,
    domain.TooMuch,
    domain.CartUnknown,
    domain.CartBehind,
    domain.CartEmpty,
)
"""Refusals that offers and carts read long ago may be wrong about."""
Call = tuple[Context, Placement]


class Placed(msgspec.Struct, frozen=True):
    """The answer to a placement. body: the order, encoded, the same bytes on every replay."""

    order_id: str
    body: bytes


class Receipt(msgspec.Struct, frozen=True, array_like=True):
    """What `once` keeps of an answer. secret: only in those of before, when secrets were drawn by lot.

    key: which one the guest's secret was derived with.
    """

    order_id: str
    secret: str | None = None
    key: str = ""


_decode_receipt = msgspec.json.Decoder(Receipt).decode


def hashed(secret: str | None) -> bytes | None:
    """Return what is stored of a secret. Nobody can guess them, so a plain hash is enough."""
    return None if secret is None else hashlib.sha256(secret.encode()).digest()


class Placing:
    """Places orders. limits: how long they may take until confirmed. secrets: derives those of guests' orders."""

    def __init__(self, quotes: Quotes, limits: Limits, secrets: GuestSecrets) -> None:
        self._quotes = quotes
        self._shelf = quotes.shelf
        self._limits = limits
        self._secrets = secrets

    async def place_orders(self, tx: Tx, calls: Sequence[Call]) -> Sequence[Placed | Failure]:
        """Place a batch: one statement when all offers are known here and nothing has changed since they were read.

        Each call's failure is its own: CartUnknown, CartBehind, CartEmpty, CartOrLines, TotalChanged (carries the new
        quote), KeyReused, and what pricing raises. Nothing is refused on the word of a memory that may be old, and
        a key that was answered before is answered the same, whatever has happened to cart and prices since.
        """
        answers: dict[int, Placed | Failure] = {}
        queue = list(range(len(calls)))
        fresh: set[int] = set()
        for _ in range(MAX_ROUNDS):
            # Two with one key: the second finds what the first was answered.
            firsts = {_key(calls[index][0]): index for index in reversed(queue)}
            wanted = sorted(firsts.values())
            later = [index for index in queue if firsts[_key(calls[index][0])] != index]
            await self._fill(tx, calls, wanted, fresh)
            queue = await self._round(tx, calls, wanted, fresh, answers)
            for index in later:
                first = firsts[_key(calls[index][0])]
                answer = _same_key(calls[first][0], answers.get(first), calls[index][0])
                if answer is None:
                    queue.append(index)
                else:
                    answers[index] = answer
            if not queue:
                break
        for index in queue:
            answers[index] = Transient("this could not be decided; try again")
        return [answers[index] for index in range(len(calls))]

    async def _fill(self, tx: Tx, calls: Sequence[Call], wanted: Sequence[int], fresh: set[int]) -> None:
        """Read what is missing here, and what has proved old (`fresh`): one query for carts, one for offers."""
        ids = {index: calls[index][1].order.cart_id for index in wanted}
        absent = {
            cart_id: index
            for index, cart_id in ids.items()
            if cart_id is not None and (index in fresh or self._shelf.cart(cart_id) is None)
        }
        if absent:
            self._shelf.put_carts((await store.load_carts(tx, sorted(absent))).values())
        missing: set[str] = set()
        for index in wanted:
            order = calls[index][1].order
            cart = self._shelf.cart(order.cart_id) if order.cart_id is not None else None
            skus = [line.sku for line in (order.lines or (cart.lines if cart else ()))]
            missing.update(skus if index in fresh else (sku for sku in skus if self._shelf.get(sku) is None))
        if missing:
            self._shelf.forget(missing)
            self._shelf.put((await store.load_offers(tx, sorted(missing))).values())
        # What was read just now need not be read again before it is believed.
        fresh.update(index for cart_id, index in absent.items() if self._shelf.cart(cart_id) is None)

    async def _round(
        self,
        tx: Tx,
        calls: Sequence[Call],
        wanted: Sequence[int],
        fresh: set[int],
        answers: dict[int, Placed | Failure],
    ) -> list[int]:
        """Answer what can be answered; returns the calls to be tried again with offers read anew."""
        drafts: dict[int, tuple[store.NewOrder, Placed]] = {}
        refused: dict[int, Failure] = {}
        for index in wanted:
            ctx, call = calls[index]
            try:
                drafts[index] = self._draft(ctx, call)
            except Failure as failure:
                refused[index] = failure
        admitted = await self._write(tx, drafts, calls)
        for index in admitted:
            answers[index] = drafts[index][1]
            tx.outgoing.append(drafts[index][0].placed)
        left = [index for index in wanted if index not in admitted]
        if not left:
            return []
        seen = await store.answered(tx, [_key(calls[index][0]) for index in left])
        again: list[int] = []
        for index in left:
            ctx = calls[index][0]
            row = seen.get(_key(ctx))
            if row is not None:
                answers[index] = await _replay(tx, row, ctx, self._secrets)
            elif index in refused and (index in fresh or not isinstance(refused[index], _BY_MEMORY)):
                answers[index] = refused[index]
            else:
                fresh.add(index)
                again.append(index)
        return again

    async def _write(self, tx: Tx, drafts: dict[int, tuple[store.NewOrder, Placed]], calls: Sequence[Call]) -> set[int]:
        if not drafts:
            return set()
        while True:
            try:
                ids = await store.place(tx, [draft for draft, _ in drafts.values()])
                return {index for index, (draft, _) in drafts.items() if draft.order_id in ids}
            except store.NumberTaken:
                for index, (draft, _) in drafts.items():
                    drafts[index] = self._order(*calls[index], draft.priced, draft.cart_version)

    def _draft(self, ctx: Context, call: Placement) -> tuple[store.NewOrder, Placed]:
        order = call.order
        if (order.lines is None) is (order.cart_id is None):
            raise domain.CartOrLines(pointer="/cart_id" if order.cart_id is not None else "/lines")
        cart = _their_cart(ctx, call, self._shelf.cart(order.cart_id)) if order.cart_id is not None else None
        lines = order.lines or [LineForm(line.sku, line.quantity) for line in (cart.lines if cart else ())]
        find: FindOffer = self._shelf.get
        priced = self._quotes.price(
            lines, order.shipping_address.country, order.shipping_method, order.promotion_codes, find, ctx.now
        )
        expected = order.expected_total
        if expected is not None and (expected.amount != priced.total or expected.currency != priced.currency):
            raise domain.TotalChanged(
                f"it is {priced.total} {priced.currency} now, in minor units",
                pointer="/expected_total",
                quote=quote_of(priced, order.shipping_method),
            )
        return self._order(ctx, call, priced, cart.version if cart is not None else None)

    def _order(
        self, ctx: Context, call: Placement, priced: Priced, cart_version: int | None
    ) -> tuple[store.NewOrder, Placed]:
        order = call.order
        order_id = new_id("ord")
        number = domain.number_of(secrets.randbits(domain.NUMBER_BITS))
        account_id = ctx.principal.account_id
        secret = self._secrets.of(order_id) if account_id is None else None
        address = _address(order.shipping_address)
        expires_at = ctx.now + timedelta(seconds=self._limits.until_confirmed)
        body = encoded(placed_view(ctx, call, priced, order_id, number, secret, address))
        event = OrderPlaced(
            order_id=order_id,
            number=number,
            account_id=account_id,
            email=order.email,
            lines=event_lines(order_id, priced),
            totals=event_totals(priced),
            cart_id=order.cart_id,
            cart_version=cart_version,
            deadline=expires_at,
            version=1,
        )
        scope, key = _key(ctx)
        new = store.NewOrder(
            order_id,
            number,
            account_id,
            order.email,
            hashed(secret),
            order.payment_method,
            scope,
            key,
            ctx.fingerprint,
            encoded(Receipt(order_id, key=self._secrets.hint)),
            order.shipping_method,
            address,
            order.cart_id,
            cart_version,
            ctx.now + timedelta(seconds=self._limits.reservation),
            expires_at,
            ctx.now,
            priced,
            Envelope.of(event, "orders", ctx),
        )
        return new, Placed(order_id, body)


def _key(ctx: Context) -> tuple[str, str]:
    return once_scope(SCOPE, ctx.principal), ctx.key or ""


def _same_key(first: Context, answer: Placed | Failure | None, ctx: Context) -> Placed | Failure | None:
    """Return what a second request with the key of the first is answered; None: it has to be tried itself."""
    if answer is None or first.fingerprint == ctx.fingerprint:
        ctx.replayed = isinstance(answer, Placed)
        return answer
    return KeyReused("use a new key for a new request") if isinstance(answer, Placed) else None


async def _replay(tx: Tx, row: object, ctx: Context, secrets: GuestSecrets) -> Placed | Failure:
    """Answer as the first time: what a placed order shows is frozen on its rows, and its secret follows from its id."""
    try:
        receipt = replayed(row, ctx, _decode_receipt)
    except Failure as failure:
        return failure
    asked = store.Asked(receipt.order_id, False, None, None, True)
    [view] = await store.show_orders(tx, [asked])
    if view is None:
        return Transient("the order cannot be read; try again")
    secret = receipt.secret
    if secret is None and ctx.principal.account_id is None:
        secret = secrets.of(view.id, receipt.key)
    return Placed(view.id, encoded(as_placed(view, secret)))


def _their_cart(ctx: Context, call: Placement, cart: CartChanged | None) -> CartChanged:
    """Return the cart, if it is theirs. Raises CartUnknown, CartBehind, CartEmpty."""
    if cart is None:
        raise domain.CartUnknown()
    if cart.account_id is not None:
        theirs = cart.account_id == ctx.principal.account_id
    else:
        given = hashed(call.cart_secret)
        theirs = given is not None and secrets.compare_digest(given.hex(), cart.secret_hash or "")
    if not theirs:
        raise domain.CartUnknown()
    wanted = call.order.cart_version
    if wanted is not None and cart.version < wanted:
        raise domain.CartBehind(f"version {cart.version} is known here; try again")
    if not cart.lines:
        raise domain.CartEmpty(pointer="/cart_id")
    return cart


def _address(form: object) -> Address:
    return Address(**msgspec.structs.asdict(form))  # type: ignore[arg-type]
