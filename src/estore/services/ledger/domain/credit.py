"""Gift cards and store credit: debts of the marketplace, spent on orders and given back by refunds.

Amounts: minor units.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from datetime import datetime, timedelta

import msgspec
from ulid import base32

from estore.contracts.orders import CreditUse, OrderCreditRequested
from estore.kit.errors import Conflict, Invalid, NotFound, Transient
from estore.services.ledger.domain.accounts import Account, Kind, of_platform
from estore.services.ledger.domain.entries import summed
from estore.services.ledger.domain.journal import EntryKind, Posting, transfer

ACTIVE, DISABLED, EXPIRED, REDEEMED = "active", "disabled", "expired", "redeemed"
SOLD = "sold"
EXTERNAL = "external"
"""Where the money of sold cards is: outside of any provider that reports to us, so nothing is compared with it."""
RESTORED_FOR = timedelta(days=30)
"""A card that is made good again for a refund lasts so long at least, where it expires at all."""
# A digest's first bits as ULIDs are written: 26 characters of 5 bits, of which the code shows the last 20.
_DIGEST, _SHOWN, _GROUP = 16, 20, 4


class CardUnknown(NotFound):
    code, title = "ledger.gift_card_unknown", "There is no such gift card"


class CardUnusable(Conflict):
    code, title = "ledger.gift_card_unusable", "This gift card cannot be used"


class CreditInsufficient(Conflict):
    code, title = "ledger.credit_insufficient", "There is less store credit than this"


class ExpiryInvalid(Invalid):
    code, title = "ledger.gift_card_expiry_invalid", "The gift card cannot expire then"


class CreditUnknown(Transient):
    code, title = "ledger.credit_unknown", "The ledger has not heard of this order's credit yet"


class CreditExceeded(Conflict):
    code, title = "ledger.credit_exceeded", "More would go back than the order's credit gave"


class Codes:
    """The codes of gift cards, each derived from its card's id: it can be told again to whoever asked for it, although
    nothing but its hash is kept.

    key: the service's own; whoever has it and the ids has all codes.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def of(self, card_id: str) -> str:
        """Return 100 bits in Crockford's base 32, in groups of four (HMAC-SHA256, cut as RFC 2104 section 5 allows)."""
        digest = hmac.digest(self._key, card_id.encode(), hashlib.sha256)
        letters = base32.encode(digest[:_DIGEST])[-_SHOWN:]
        return "-".join(letters[at : at + _GROUP] for at in range(0, _SHOWN, _GROUP))


class Card(msgspec.Struct, frozen=True, gc=False):
    """A gift card while it is locked. code_hash: in hex. redeemed_by: the account that all of it went to."""

    id: str
    code_hash: str
    currency: str
    issued: int
    funding: str
    note: str
    status: str
    expires_at: datetime | None
    redeemed_by: str | None
    version: int

    @property
    def account(self) -> Account:
        return Account(Kind.GIFT_CARD, self.id, self.currency)

    def state(self, now: datetime) -> str:
        """Return `active`, `disabled`, `expired` or `redeemed`; only an active one can be used."""
        if self.status == DISABLED:
            return DISABLED
        if self.expires_at is not None and self.expires_at <= now:
            return EXPIRED
        return REDEEMED if self.redeemed_by is not None else ACTIVE


class Decision(msgspec.Struct, frozen=True):
    """What an order's request for credit comes to. code: of the refusal, empty where all of it is held.

    paid: account and amount of each use, in order.
    """

    code: str
    detail: str = ""
    paid: tuple[tuple[Account, int], ...] = ()

    @property
    def held(self) -> bool:
        return not self.code


class Use(msgspec.Struct, frozen=True, gc=False):
    """What one account paid of an order. left: of its amount, what was not given back."""

    order_id: str
    no: int
    kind: str
    owner: str
    left: int


class Return(msgspec.Struct, frozen=True, gc=False):
    """What a refund gives back for the use `no`, and where it goes. restores: that card is made good again for it."""

    refund_id: str
    order_id: str
    no: int
    to: Account
    amount: int
    restores: bool


def decide(
    event: OrderCreditRequested, cards: Mapping[str, Card], left: MutableMapping[Account, int], now: datetime
) -> Decision:
    """Decide on all of an order's uses. cards: by the hash of their codes. left: what each account has, minor units;
    less what is held, if it is."""
    after = dict(left)
    paid: list[tuple[Account, int]] = []
    for no, use in enumerate(event.uses, 1):
        account, code = _account_of(event, use, cards, now)
        if account is None or use.amount <= 0 or after.get(account, 0) < use.amount:
            code = code or "insufficient"
            return Decision(code, f"credit {no} of {len(event.uses)}, {use.kind}: {code.replace('_', ' ')}")
        after[account] -= use.amount
        paid.append((account, use.amount))
    left.update(after)
    return Decision("", paid=tuple(paid))


def _account_of(
    event: OrderCreditRequested, use: CreditUse, cards: Mapping[str, Card], now: datetime
) -> tuple[Account | None, str]:
    """Return the account that a use takes from, or why there is none."""
    if use.kind == Kind.STORE_CREDIT:
        if event.account_id is None:
            return None, "no_account"
        return Account(Kind.STORE_CREDIT, event.account_id, event.currency), ""
    card = cards.get(use.gift_card_hash) if use.kind == Kind.GIFT_CARD else None
    if card is None:
        return None, "unknown_card"
    if (state := card.state(now)) in (DISABLED, EXPIRED):
        return None, state
    return (None, "other_currency") if card.currency != event.currency else (card.account, "")


def give_back(
    refund_id: str,
    amount: int,
    uses: Sequence[Use],
    cards: Mapping[str, Card],
    account: Account | None,
    now: datetime,
) -> list[Return]:
    """Return where a refund's credit goes: in the reverse order of use, to each no more than it gave and has not back.

    A card that cannot be used any more gets nothing back as long as the order was somebody's: `account`, their store
    credit, gets it. A guest has nothing else, so the card is made good again, unless an operator disabled it: there it
    stays until they say what becomes of it. Raises CreditExceeded.
    """
    returns = []
    for use in sorted(uses, key=lambda use: -use.no):
        taken = min(amount, use.left)
        if taken <= 0:
            continue
        amount -= taken
        card = cards.get(use.owner) if use.kind == Kind.GIFT_CARD else None
        if card is None:
            to, restores = account, False
        elif card.state(now) == ACTIVE or account is None:
            to, restores = card.account, card.state(now) != ACTIVE
        else:
            to, restores = account, False
        if to is None:
            raise CreditExceeded(f"{use.order_id} has no account for its store credit")
        returns.append(Return(refund_id, use.order_id, use.no, to, taken, restores))
    if amount:
        raise CreditExceeded(f"{amount} of {refund_id} were never held, or went back already")
    return returns


def funded_by(funding: str, currency: str) -> Account:
    """Return the account that pays for credit: promotions, or the money that somebody paid for a sold card."""
    if funding == SOLD:
        return of_platform(Kind.CLEARING, currency, EXTERNAL)
    return of_platform(Kind.PROMOTIONS, currency)


def issued(card: Card, now: datetime) -> Posting:
    """A card can be spent from now on."""
    paid_by = funded_by(card.funding, card.currency)
    return _moved(f"card_issued:{card.id}", EntryKind.CARD_ISSUED, paid_by, card.account, card.issued, card.id, now)


def redeemed(card: Card, amount: int, to: Account, now: datetime) -> Posting:
    """All that is left on a card becomes store credit."""
    source = f"card_redeemed:{card.id}:{card.version}"
    return _moved(source, EntryKind.CARD_REDEEMED, card.account, to, amount, card.id, now)


def expired(card: Card, amount: int, now: datetime) -> Posting:
    """What is left on a card goes back to who paid for it."""
    paid_by = funded_by(card.funding, card.currency)
    source = f"card_expired:{card.id}:{card.version}"
    return _moved(source, EntryKind.CARD_EXPIRED, card.account, paid_by, amount, card.id, now)


def granted(grant_id: str, to: Account, amount: int, funding: str, reason: str, now: datetime) -> Posting:
    """An account is given credit, or, below zero, it is taken back."""
    paid_by = funded_by(funding, to.currency)
    source = f"credit_granted:{grant_id}"
    return _moved(source, EntryKind.CREDIT_GRANTED, paid_by, to, amount, grant_id, now, reason)


def held(event: OrderCreditRequested, paid: Sequence[tuple[Account, int]], at: datetime) -> Posting:
    """Credit becomes the customer's money of an order, as captured money does."""
    return Posting(
        source=f"credit:{event.order_id}",
        kind=EntryKind.CREDIT,
        currency=event.currency,
        ref=event.order_id,
        order_id=event.order_id,
        note=event.number,
        occurred_at=at,
        lines=(*summed(paid), (of_platform(Kind.CUSTOMER, event.currency), -sum(amount for _, amount in paid))),
    )


def returned(refund_id: str, order_id: str, currency: str, returns: Iterable[Return], at: datetime) -> Posting:
    """An order's money becomes credit again."""
    back = summed((each.to, -each.amount) for each in returns)
    return Posting(
        source=f"credit_back:{refund_id}",
        kind=EntryKind.CREDIT_BACK,
        currency=currency,
        ref=refund_id,
        order_id=order_id,
        occurred_at=at,
        lines=((of_platform(Kind.CUSTOMER, currency), -sum(amount for _, amount in back)), *back),
    )


def _moved(
    source: str, kind: EntryKind, debit: Account, credit: Account, amount: int, ref: str, now: datetime, note: str = ""
) -> Posting:
    lines = transfer(debit, credit, amount)
    return Posting(source=source, kind=kind, currency=credit.currency, ref=ref, note=note, occurred_at=now, lines=lines)
