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
from estore.kit.errors import Failure, Fault, RateLimited, Transient
from estore.kit.ids import GuestSecrets, age_of, new_id
from estore.services.orders import domain, store
from estore.services.orders.domain import Address
from estore.services.orders.domain.promotions.explaining import detail_of
from estore.services.orders.saga import Limits
from estore.services.orders.service.commands import LineForm, Placement
from estore.services.orders.service.credits import paying
from estore.services.orders.service.quotes import Offered, Quotes, quote_of
from estore.services.orders.service.redeeming import Going, Wish, codes_in
from estore.services.orders.service.showing import as_placed, encoded, event_lines, event_totals, placed_view

SCOPE = "orders.place_orders"
MAX_ROUNDS = 4
# News of a cart is nearly never later than this: one that was made within it may be on its way, any other is not there.
CART_LATE_SECONDS = 60.0
_BY_MEMORY = (
    domain.NotSellable,
    domain.TotalChanged,
    domain.PromotionNotApplicable,
    domain.TooMuch,
    domain.CreditTooHigh,
    domain.PaymentMethodMissing,
    domain.CartUnknown,
    domain.CartLate,
    domain.CartBehind,
    domain.CartEmpty,
)
"""Refusals that offers, carts and the book read long ago may be wrong about."""
Call = tuple[Context, Placement]


class Placed(msgspec.Struct, frozen=True):
    """The answer to a placement. view: the order as it was placed, the same on every replay."""

    order_id: str
    view: domain.OrderView


class Receipt(msgspec.Struct, frozen=True, array_like=True):
    """What `once` keeps of an answer. secret: only in those of before, when secrets were drawn by lot.

    key: which one the guest's secret was derived with.
    """

    order_id: str
    secret: str | None = None
    key: str = ""


class Asked(msgspec.Struct, frozen=True):
    """What a call asks for, before it is priced."""

    wish: Wish
    going: Going
    cart_version: int | None


class Draft(msgspec.Struct, frozen=True):
    """An order as it would be placed, and what it would be answered."""

    asked: Asked
    offered: Offered
    new: store.NewOrder
    placed: Placed


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
        """Place a batch: one statement when all offers are known here and nothing has changed since they were read, and
        one or two more where promotions have limits or are by code.

        Each call's failure is its own: CartUnknown, CartLate, CartBehind, CartEmpty, CartOrLines, TotalChanged and
        PromotionNotApplicable (both carry the new quote), RateLimited for who guesses codes, KeyReused, and what
        pricing and `paying` raise. Nothing is refused on the word of a memory that may be
        old, and a key that was answered before is answered the same, whatever has happened to cart and prices since.
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
        seen = {index: self._shelf.cart(cart_id) for index, cart_id in ids.items() if cart_id is not None}
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
        # A cart of which there was news meanwhile may be of other goods than those that were read.
        fresh.difference_update(i for i, cart in seen.items() if self._shelf.cart(ids[i] or "") is not cart)

    async def _round(
        self,
        tx: Tx,
        calls: Sequence[Call],
        wanted: Sequence[int],
        fresh: set[int],
        answers: dict[int, Placed | Failure],
    ) -> list[int]:
        """Answer what can be answered; returns the calls to be tried again with what was read anew."""
        refused: dict[int, Failure] = {}
        offers, drafts, revision = await self._drafts(tx, calls, wanted, fresh, refused)
        admitted = await self._write(tx, drafts, calls, revision)
        for index in admitted:
            answers[index] = drafts[index].placed
            tx.outgoing.append(drafts[index].new.placed)
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
                answers[index] = self._counted(ctx, refused[index], offers.get(index))
            else:
                fresh.add(index)
                again.append(index)
        return again

    async def _drafts(
        self, tx: Tx, calls: Sequence[Call], wanted: Sequence[int], fresh: set[int], refused: dict[int, Failure]
    ) -> tuple[dict[int, Offered], dict[int, Draft], int]:
        """Price what can be priced, by the book of which revision; why the others cannot be goes into `refused`."""
        asked: dict[int, Asked] = {}
        for index in wanted:
            try:
                asked[index] = self._asked(*calls[index])
            except Failure as failure:
                refused[index] = failure
        redeeming, now = self._quotes.redeeming, calls[0][0].now
        facts = await redeeming.read(tx, [one.wish for one in asked.values()], now, sure=not fresh.isdisjoint(asked))
        offers: dict[int, Offered] = {}
        drafts: dict[int, Draft] = {}
        for index, one in asked.items():
            ctx, call = calls[index]
            try:
                offers[index] = self._quotes.price(one.wish, one.going, facts, ctx.now)
                drafts[index] = self._draft(ctx, call, one, offers[index])
            except Failure as failure:
                refused[index] = failure
        missing = [
            claim
            for draft in drafts.values()
            for claim in draft.offered.claims
            if claim.at_most is not None and (claim.promotion_id, claim.scope) not in facts.used
        ]
        if missing:
            await store.open_counters(tx, missing, facts.revision)
        return offers, drafts, facts.revision

    def _counted(self, ctx: Context, failure: Failure, offered: Offered | None) -> Failure:
        """Return the refusal, or that there were too many of codes that nobody knows."""
        try:
            self._quotes.redeeming.count(ctx, offered.refused if offered is not None else ())
        except RateLimited as limited:
            return limited
        return failure

    async def _write(self, tx: Tx, drafts: dict[int, Draft], calls: Sequence[Call], revision: int) -> set[int]:
        if not drafts:
            return set()
        while True:
            try:
                ids = await store.place(tx, [draft.new for draft in drafts.values()], revision)
                return {index for index, draft in drafts.items() if draft.new.order_id in ids}
            except store.NumberTaken:
                for index, draft in drafts.items():
                    drafts[index] = self._order(*calls[index], draft.asked, draft.offered)

    def _asked(self, ctx: Context, call: Placement) -> Asked:
        order = call.order
        if (order.lines is None) is (order.cart_id is None):
            raise domain.CartOrLines(pointer="/cart_id" if order.cart_id is not None else "/lines")
        codes = codes_in(order.promotion_codes)
        self._quotes.redeeming.admit(ctx, codes)
        cart = _their_cart(ctx, call, self._shelf.cart(order.cart_id)) if order.cart_id is not None else None
        lines = order.lines or [LineForm(line.sku, line.quantity) for line in (cart.lines if cart else ())]
        going = self._quotes.going(order.shipping_address.country, order.shipping_method)
        demand = self._quotes.demand(lines, self._shelf.get)
        wish = Wish(demand, codes, self._quotes.redeeming.buyer(ctx, order.email))
        return Asked(wish, going, cart.version if cart is not None else None)

    def _draft(self, ctx: Context, call: Placement, asked: Asked, offered: Offered) -> Draft:
        """Return the order, if it is what the customer wants. Raises PromotionNotApplicable, TotalChanged."""
        priced, method = offered.priced, asked.going.method_name
        wrong = [one for one in offered.refused if one.code]
        if wrong:
            codes = asked.wish.codes
            raise domain.PromotionNotApplicable(
                detail_of(wrong[0], priced.currency) if len(wrong) == 1 else "",
                errors=[Fault(detail_of(one, priced.currency), f"/promotion_codes/{codes[one.code]}") for one in wrong],
                reason=wrong[0].reason,
                quote=quote_of(offered, method),
            )
        expected = call.order.expected_total
        if expected is not None and (expected.amount != priced.total or expected.currency != priced.currency):
            raise domain.TotalChanged(
                f"it is {priced.total} {priced.currency} now, in minor units",
                pointer="/expected_total",
                quote=quote_of(offered, method),
            )
        return self._order(ctx, call, asked, offered)

    def _order(self, ctx: Context, call: Placement, asked: Asked, offered: Offered) -> Draft:
        order, priced = call.order, offered.priced
        order_id = new_id("ord")
        number = domain.number_of(secrets.randbits(domain.NUMBER_BITS))
        account_id = ctx.principal.account_id
        secret = self._secrets.of(order_id) if account_id is None else None
        address = _address(order.shipping_address)
        expires_at = ctx.now + timedelta(seconds=self._limits.until_confirmed)
        uses = paying(order, priced.total, priced.currency, account_id)
        view = placed_view(ctx, call, priced, order_id, number, secret, address, uses)
        event = OrderPlaced(
            order_id=order_id,
            number=number,
            account_id=account_id,
            email=order.email,
            lines=event_lines(order_id, priced),
            totals=event_totals(priced),
            cart_id=order.cart_id,
            cart_version=asked.cart_version,
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
            order.payment_method or "",
            scope,
            key,
            ctx.fingerprint,
            encoded(Receipt(order_id, key=self._secrets.hint)),
            order.shipping_method,
            address,
            order.cart_id,
            asked.cart_version,
            ctx.now + timedelta(seconds=self._limits.reservation),
            expires_at,
            ctx.now,
            priced,
            Envelope.of(event, "orders", ctx),
            asked.wish.buyer.key,
            offered.claims,
            uses,
        )
        return Draft(asked, offered, new, Placed(order_id, view))


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
    return Placed(view.id, as_placed(view, secret))


def _their_cart(ctx: Context, call: Placement, cart: CartChanged | None) -> CartChanged:
    """Return the cart, if it is theirs. Raises CartLate, CartUnknown, CartBehind, CartEmpty."""
    if cart is None:
        age = age_of(call.order.cart_id or "")
        if age is not None and abs(age) < CART_LATE_SECONDS:
            raise domain.CartLate("it was made a moment ago, and is on its way or empty; try again")
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
