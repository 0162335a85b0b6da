"""Gift cards: issued, looked at, redeemed, disabled, expired."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from estore.contracts.orders import gift_card_hash
from estore.kit.context import Context
from estore.kit.db import Record, Tx
from estore.kit.errors import Unauthenticated
from estore.kit.http.pages import Page, decode_cursor, page_of, text_in
from estore.kit.ids import new_id
from estore.kit.money import Money
from estore.services.ledger.domain import Account, CurrencyUnknown, Kind
from estore.services.ledger.domain import credit as domain
from estore.services.ledger.domain.credit import ACTIVE, DISABLED, Card, CardUnknown, CardUnusable, Codes, ExpiryInvalid
from estore.services.ledger.service.books import Books
from estore.services.ledger.service.credit.shapes import (
    CardBalance,
    CardCode,
    CardView,
    CodeBody,
    CreditLine,
    ListCards,
    ListCredit,
    MakeCard,
    MakeCards,
    NewBatch,
    NewCard,
    Redeemed,
)
from estore.services.ledger.store import cards as store
from estore.services.ledger.store import credit as credit_store


class Cards:
    """Issues gift cards and ends them. codes: derives their codes. currency: of all of them."""

    def __init__(self, books: Books, codes: Codes, currency: str) -> None:
        self.books = books
        self._codes = codes
        self._currency = currency

    async def make_gift_card(self, tx: Tx, ctx: Context, request: MakeCard) -> NewCard:
        """Issue a card. Raises CurrencyUnknown, ExpiryInvalid."""
        (card,) = self._drawn(request, 1, ctx.now)
        await self._issue(tx, ctx, [card], None)
        return NewCard(_new(card, None, ctx), self._codes.of(card.id))

    async def make_gift_cards(self, tx: Tx, ctx: Context, request: MakeCards) -> NewBatch:
        """Issue many cards at once, all or none. Raises CurrencyUnknown, ExpiryInvalid."""
        cards = self._drawn(request, request.count, ctx.now)
        batch_id = new_id("gfb")
        await self._issue(tx, ctx, cards, batch_id)
        amount = Money(request.amount.amount, request.amount.currency)
        return NewBatch(batch_id, amount, cards[0].expires_at, [CardCode(c.id, self._codes.of(c.id)) for c in cards])

    def without_code(self, made: NewCard) -> NewCard:
        """What is kept of a card for replays."""
        return msgspec.structs.replace(made, code=None)

    def with_code(self, made: NewCard) -> NewCard:
        """The card as it was answered."""
        return msgspec.structs.replace(made, code=self._codes.of(made.card.id))

    def without_codes(self, made: NewBatch) -> NewBatch:
        """What is kept of a batch for replays."""
        return msgspec.structs.replace(made, cards=[CardCode(each.id, None) for each in made.cards])

    def with_codes(self, made: NewBatch) -> NewBatch:
        """The batch as it was answered."""
        return msgspec.structs.replace(made, cards=[CardCode(each.id, self._codes.of(each.id)) for each in made.cards])

    def _drawn(self, request: MakeCard | MakeCards, count: int, now: datetime) -> list[Card]:
        if request.amount.currency != self._currency:
            raise CurrencyUnknown(f"cards are issued in {self._currency}", pointer="/amount/currency")
        try:
            expires_at = None if request.expires_at is None else request.expires_at.astimezone(UTC)
        except OverflowError:
            raise ExpiryInvalid("in UTC this is before year 1, or after year 9999", pointer="/expires_at") from None
        if expires_at is not None and request.funding == domain.SOLD:
            raise ExpiryInvalid("what was paid for does not expire", pointer="/expires_at")
        if expires_at is not None and expires_at <= now:
            raise ExpiryInvalid("this lies in the past", pointer="/expires_at")
        return [
            Card(
                id=card_id,
                code_hash=gift_card_hash(self._codes.of(card_id)),
                currency=request.amount.currency,
                issued=request.amount.amount,
                funding=request.funding,
                note=request.note,
                status=ACTIVE,
                expires_at=expires_at,
                redeemed_by=None,
                version=1,
            )
            for card_id in sorted(new_id("gft") for _ in range(count))
        ]

    async def _issue(self, tx: Tx, ctx: Context, cards: Sequence[Card], batch_id: str | None) -> None:
        await store.insert_cards(tx, cards, batch_id, ctx)
        await self.books.post(tx, ctx, [domain.issued(card, ctx.now) for card in cards], ctx.now)

    async def list_gift_cards(self, tx: Tx, ctx: Context, request: ListCards) -> Page[CardView]:
        """Show cards, the newest first."""
        rows = await store.cards_page(tx, text_in(request.cursor), request.batch, request.limit + 1)
        return page_of([_view(row, ctx.now) for row in rows], request.limit, lambda card: (card.id,))

    async def get_gift_card(self, tx: Tx, ctx: Context, card_id: str) -> CardView:
        """Show a card. Raises CardUnknown."""
        row = await store.card_by_id(tx, card_id)
        if row is None:
            raise CardUnknown()
        return _view(row, ctx.now)

    async def list_gift_card_lines(self, tx: Tx, ctx: Context, request: ListCredit) -> Page[CreditLine]:
        """Show what moved a card's money, the latest first. Raises CardUnknown."""
        card_id = request.owner or ""
        if await store.card_by_id(tx, card_id) is None:
            raise CardUnknown()
        return await lines_page(tx, Kind.GIFT_CARD, card_id, request)

    async def disable_gift_card(self, tx: Tx, ctx: Context, card_id: str) -> CardView:
        """Let nobody use a card any more. What is on it stays; that of one that expires goes back then.

        Raises CardUnknown.
        """
        card = (await store.lock_cards(tx, [card_id])).get(card_id)
        if card is None:
            raise CardUnknown()
        if card.status != DISABLED:
            await store.disable_card(tx, card_id)
        return await self.get_gift_card(tx, ctx, card_id)

    async def show_gift_card_balance(self, tx: Tx, ctx: Context, request: CodeBody) -> CardBalance:
        """Tell whoever has the code what is left. Raises CardUnknown, in the same words whatever was sent."""
        row = await store.card_by_code(tx, gift_card_hash(request.code))
        if row is None:
            raise CardUnknown()
        card = _view(row, ctx.now)
        return CardBalance(card.status, card.balance, card.expires_at)

    async def redeem_gift_card(self, tx: Tx, ctx: Context, request: CodeBody) -> Redeemed:
        """Move all that is left on a card to the caller's store credit. Raises CardUnknown, CardUnusable."""
        account_id = ctx.principal.account_id
        if account_id is None:
            raise Unauthenticated("sign in first")
        card = next(iter((await store.lock_cards_by_codes(tx, [gift_card_hash(request.code)])).values()), None)
        if card is None:
            raise CardUnknown()
        if (state := card.state(ctx.now)) != ACTIVE:
            raise CardUnusable(f"it is {state}", reason=state)
        to = Account(Kind.STORE_CREDIT, account_id, card.currency)
        locked = await self.books.journal.lock(tx, [card.account, to], ctx.now)
        amount = -locked[card.account].amount
        if not amount:
            raise CardUnusable("nothing is left on it", reason="empty")
        await self.books.post(tx, ctx, [domain.redeemed(card, amount, to, ctx.now)], ctx.now)
        await store.redeem_card(tx, card.id, amount, account_id, ctx.now)
        await credit_store.insert_grant(tx, new_id("crg"), to, amount, "gift_card", "", ctx, card=card.id)
        return Redeemed(Money(amount, card.currency), Money(amount - locked[to].amount, card.currency))

    async def expire_gift_cards(self, tx: Tx, ctx: Context, at_most: int) -> int:
        """Give what is left on expired cards back to who paid for it; returns how many there were."""
        cards = await store.claim_expired_cards(tx, ctx.now, at_most)
        if not cards:
            return 0
        paid_by = [domain.funded_by(card.funding, card.currency) for card in cards]
        locked = await self.books.journal.lock(tx, [*(card.account for card in cards), *paid_by], ctx.now)
        left = [(card, -locked[card.account].amount) for card in cards]
        await store.expire_cards(tx, [(card.id, amount) for card, amount in left], ctx.now)
        await self.books.post(tx, ctx, [domain.expired(card, amount, ctx.now) for card, amount in left], ctx.now)
        return len(cards)


async def lines_page(tx: Tx, kind: Kind, owner: str, request: ListCredit) -> Page[CreditLine]:
    """Return a page of what moved a card's or an account's credit."""
    before = decode_cursor(request.cursor, datetime, int, int)
    rows = await credit_store.credit_lines(tx, kind, owner, before, request.limit + 1)
    page = page_of(rows, request.limit, lambda row: (row["posted_at"], row["account_id"], row["seq"]))
    return Page([_line(row) for row in page.data], page.next_cursor)


def _line(row: Record) -> CreditLine:
    return CreditLine(
        at=row["posted_at"].astimezone(UTC),
        kind=row["kind"],
        amount=Money(row["amount"], row["currency"]),
        balance=Money(row["balance"], row["currency"]),
        ref=row["ref"],
        order_id=row["order_id"],
        note=row["note"],
    )


def _new(card: Card, batch_id: str | None, ctx: Context) -> CardView:
    return CardView(
        id=card.id,
        batch_id=batch_id,
        status=ACTIVE,
        issued=Money(card.issued, card.currency),
        balance=Money(card.issued, card.currency),
        funding=card.funding,
        note=card.note,
        expires_at=card.expires_at,
        redeemed_by=None,
        redeemed_at=None,
        restored_at=None,
        made_by=ctx.principal.account_id,
        made_at=ctx.now,
        version=1,
    )


def _view(row: Record, now: datetime) -> CardView:
    card = Card(*(row[name] for name in Card.__struct_fields__))
    return CardView(
        id=card.id,
        batch_id=row["batch_id"],
        status=card.state(now),
        issued=Money(card.issued, card.currency),
        balance=Money(row["balance"], card.currency),
        funding=card.funding,
        note=card.note,
        expires_at=card.expires_at,
        redeemed_by=card.redeemed_by,
        redeemed_at=row["redeemed_at"],
        restored_at=row["restored_at"],
        made_by=row["made_by"],
        made_at=row["made_at"],
        version=card.version,
    )
