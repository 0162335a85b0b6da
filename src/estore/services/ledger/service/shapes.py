"""What is asked of the ledger's core, and what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from estore.kit.money import MAX_AMOUNT, Currency, Money

Reason = Annotated[
    str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*\Z", examples=["Damaged in transit"])
]
VendorId = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\x00]*\Z", examples=["vnd_01"])]


class ListBalances(msgspec.Struct, frozen=True):
    """vendor: of one only. at: as of then."""

    vendor: str | None
    at: datetime | None
    cursor: str | None
    limit: int


class BalanceView(msgspec.Struct, frozen=True):
    """What a vendor is owed in one currency, and was paid. Below zero: the vendor owes it.

    pending: sold, may still come back. available: to be paid out next. reserved: held, for a return, a dispute or as
    a reserve. paying: on its way to the bank. paid_out: all that ever was carried out.
    """

    vendor_id: str
    currency: str
    pending: Money
    available: Money
    reserved: Money
    paying: Money
    paid_out: Money


class PositiveMoney(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """More than nothing, in minor units."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT, description="Integer minor units", examples=[1999])]
    currency: Currency


class Adjust(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """amount: above zero in the vendor's favour, below zero taken from it. reason: the vendor reads it."""

    vendor_id: VendorId
    amount: Money
    reason: Reason


class Adjustment(msgspec.Struct, frozen=True):
    id: str
    vendor_id: str
    amount: Money
    reason: str
    made_at: datetime


class HoldMoney(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """release_at: when it ends by itself; never, where it is not said."""

    vendor_id: VendorId
    amount: PositiveMoney
    reason: Reason
    release_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class HoldView(msgspec.Struct, frozen=True):
    """kind: `return`, `dispute`, `rolling` or `operator`. ref: the return, dispute or parcel that it is for.

    in_force: whether it took of what is available; until its parcel's money is released there is nothing to take.
    wanted: what it would hold; `amount` is less where less is left of its parcel.
    """

    id: str
    vendor_id: str
    kind: str
    ref: str
    amount: Money
    in_force: bool
    reason: str
    held_at: datetime
    release_at: datetime | None
    released_at: datetime | None
    wanted: Money


class ListHolds(msgspec.Struct, frozen=True):
    vendor: str | None
    released: bool
    cursor: str | None
    limit: int


class ReserveTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """reserve_bps: of what becomes available, 1000 is 10 %; held for reserve_days."""

    reserve_bps: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    reserve_days: Annotated[int, msgspec.Meta(ge=0, le=365)]


class ReserveTermsView(msgspec.Struct, frozen=True):
    """usual: whether these are the marketplace's terms, because none were set for this vendor."""

    vendor_id: str
    reserve_bps: int
    reserve_days: int
    usual: bool
    version: int


class ListEntries(msgspec.Struct, frozen=True):
    vendor: str | None
    order: str | None
    cursor: str | None
    limit: int


class LineView(msgspec.Struct, frozen=True):
    """account: its kind. owner: a vendor, or a provider. balance: after it, in the vendor's favour; vendors' only."""

    account: str
    owner: str
    side: Literal["debit", "credit"]
    amount: Money
    balance: Money | None


class EntryView(msgspec.Struct, frozen=True):
    """kind, ref: why it was posted, and the order, refund, parcel, payout or adjustment that it is about."""

    id: str
    kind: str
    ref: str
    order_id: str | None
    note: str
    occurred_at: datetime
    posted_at: datetime
    lines: list[LineView]


class SheetLine(msgspec.Struct, frozen=True):
    """amount: debits above zero, credits below. owner: the provider, where the account has one."""

    account: str
    owner: str
    amount: Money


class SheetOfCurrency(msgspec.Struct, frozen=True):
    """total: the sum of all accounts, which is zero."""

    currency: str
    accounts: list[SheetLine]
    total: Money


class Sheet(msgspec.Struct, frozen=True):
    at: datetime
    currencies: list[SheetOfCurrency]


class Chain(msgspec.Struct, frozen=True):
    """blocks: how many there are. hash: of the last, hexadecimal; write it down elsewhere to prove history later.

    unsealed: entries that are in no block yet.
    """

    blocks: int
    entries: int
    hash: str
    sealed_at: datetime | None
    unsealed: int


class VerifyChain(msgspec.Struct, frozen=True):
    """blocks: at most so many, from the block `first` on."""

    first: int
    blocks: int


class BrokenBlock(msgspec.Struct, frozen=True):
    """fault: `hash`, `previous`, `entries` (missing or moved), or `entry`, with the entries that say something else."""

    no: int
    fault: str
    entries: list[str]


class Verification(msgspec.Struct, frozen=True):
    """checked: blocks first to last. next: where to go on, None at the end. hash: of the last checked block."""

    first: int
    last: int
    entries: int
    broken: list[BrokenBlock]
    hash: str
    next: int | None
