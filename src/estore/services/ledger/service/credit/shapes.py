"""What is asked of gift cards and store credit, and what is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from estore.kit.money import Currency, Money

MAX_CREDIT = 1_000_000_000
MAX_CARDS = 1_000
Funding = Literal["promotion", "goodwill", "sold"]
Code = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=100, pattern=r"^[^\x00]*\Z", examples=["7K3M-92QX-0A1B-2C3D-4E5F"],
        description="As it is printed; spaces, hyphens and small letters do not matter",
    ),
]  # fmt: skip
Note = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*\Z", examples=["Christmas 2026"])]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*\Z", examples=["Late parcel"])]
AccountId = Annotated[
    str, msgspec.Meta(min_length=5, max_length=64, pattern=r"^acc_[^\x00-\x20]+\Z", examples=["acc_01"])
]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class CreditMoney(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """More than nothing, in minor units."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_CREDIT, description="Integer minor units", examples=[2500])]
    currency: Currency


class SignedCredit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In minor units; below zero it is taken back."""

    amount: Annotated[
        int, msgspec.Meta(ge=-MAX_CREDIT, le=MAX_CREDIT, description="Integer minor units", examples=[500])
    ]
    currency: Currency


class MakeCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """funding: `promotion` and `goodwill` are given away; `sold` was paid for elsewhere, and never expires."""

    amount: CreditMoney
    funding: Funding
    expires_at: Moment | None = None
    note: Note = ""


class MakeCards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """count: of cards alike, each with a code of its own."""

    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_CARDS, examples=[100])]
    amount: CreditMoney
    funding: Funding
    expires_at: Moment | None = None
    note: Note = ""


class CardView(msgspec.Struct, frozen=True, kw_only=True):
    """status: `active`, `disabled`, `expired` or `redeemed`. balance: what can be spent.

    redeemed_by: the account whose store credit all of it became. restored_at: it had ended, and was made good again
    for the refund of a guest's order; one that is disabled got its money back only.
    """

    id: str
    batch_id: str | None
    status: str
    issued: Money
    balance: Money
    funding: str
    note: str
    expires_at: datetime | None
    redeemed_by: str | None
    redeemed_at: datetime | None
    restored_at: datetime | None
    made_by: str | None
    made_at: datetime
    version: int


class NewCard(msgspec.Struct, frozen=True):
    """code: shown now, and again only to a request with the same Idempotency-Key."""

    card: CardView
    code: str | None

    def __repr__(self) -> str:
        return f"NewCard({self.card.id})"


class CardCode(msgspec.Struct, frozen=True):
    id: str
    code: str | None

    def __repr__(self) -> str:
        return f"CardCode({self.id})"


class NewBatch(msgspec.Struct, frozen=True):
    """id: of the batch, for `?batch=`. cards: each with its code, shown as NewCard's is."""

    id: str
    amount: Money
    expires_at: datetime | None
    cards: list[CardCode]


class ListCards(msgspec.Struct, frozen=True):
    batch: str | None
    cursor: str | None
    limit: int


class ListCredit(msgspec.Struct, frozen=True):
    """owner: a card's or an account's id; None for one's own store credit."""

    owner: str | None
    cursor: str | None
    limit: int


class CreditLine(msgspec.Struct, frozen=True, kw_only=True):
    """kind: `card_issued`, `card_redeemed`, `card_expired`, `credit_granted`, `credit` (spent), `credit_back`.

    amount: above zero it came in. balance: after it. ref: the card, grant, order or refund that it is about.
    """

    at: datetime
    kind: str
    amount: Money
    balance: Money
    ref: str
    order_id: str | None
    note: str


class CodeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """code: never in a URL, which others may read."""

    code: Code

    def __repr__(self) -> str:
        return "CodeBody(...)"


class CardBalance(msgspec.Struct, frozen=True):
    """status: `active`, or why it cannot be used: `disabled`, `expired`, `redeemed`."""

    status: str
    balance: Money
    expires_at: datetime | None


class Redeemed(msgspec.Struct, frozen=True):
    """amount: what was left on the card. balance: the account's store credit with it."""

    amount: Money
    balance: Money


class StoreCredit(msgspec.Struct, frozen=True):
    """balances: one for each currency that the account ever had credit in."""

    account_id: str
    balances: list[Money]


class GrantCredit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """amount: below zero it is taken back, never more than is left. reason: the customer reads it.

    funding: who pays for it, or gets it back; see MakeCard.
    """

    account_id: AccountId
    amount: SignedCredit
    reason: Reason
    funding: Funding


class Grant(msgspec.Struct, frozen=True):
    """balance: the account's store credit after it."""

    id: str
    account_id: str
    amount: Money
    reason: str
    funding: str
    balance: Money
    made_at: datetime
