"""What a vendor earns with a parcel, and what of it is held back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from estore.kit.money import split
from estore.services.ledger.domain.accounts import Kind
from estore.services.ledger.domain.entries import moved
from estore.services.ledger.domain.journal import EntryKind, Posting

WHOLE_BPS = 10_000


class Earning(msgspec.Struct, frozen=True, gc=False):
    """A parcel while it is locked. payable: what the vendor was to get for it; taken: by refunds, of that.

    total, refunded: what the customer paid, and what of it went back. stage: where the rest is.
    """

    parcel_id: str
    order_id: str
    vendor_id: str
    currency: str
    total: int
    payable: int
    refunded: int
    taken: int
    stage: str

    @property
    def rest(self) -> int:
        return self.payable - self.taken

    @property
    def account(self) -> Kind:
        return Kind(self.stage)


class Reserve(msgspec.Struct, frozen=True):
    """A rolling reserve: bps of what becomes available, held for days. 1000 bps are 10 %."""

    bps: int
    days: int


class Hold(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money that is a vendor's, but not to be paid out. See the table `hold`."""

    id: str
    vendor_id: str
    currency: str
    kind: str
    ref: str
    parcel_id: str | None
    amount: int
    reserved: bool
    reason: str
    held_at: datetime
    release_at: datetime | None = None

    def entered(self) -> Posting:
        """From available to reserved."""
        return self._entry("hold", EntryKind.HOLD, -self.amount, self.held_at)

    def ended(self, now: datetime) -> Posting:
        """And back."""
        return self._entry("unhold", EntryKind.UNHOLD, self.amount, now)

    def _entry(self, verb: str, kind: EntryKind, amount: int, at: datetime) -> Posting:
        amounts = ((Kind.RESERVED, -amount), (Kind.AVAILABLE, amount))
        source = f"{verb}:{self.id}"
        return moved(source, kind, self.vendor_id, self.currency, amounts, at, ref=self.id, note=self.reason)


def disputed_shares(amount: int, parcels: Sequence[Earning]) -> list[int]:
    """Return what each of an order's parcels would lose, commission aside, if `amount` of it went back."""
    weights = [max(parcel.total - parcel.refunded, 0) for parcel in parcels]
    if not sum(weights):
        return [0] * len(parcels)
    shares = split(min(amount, sum(weights)), weights)
    return [
        share * max(parcel.rest, 0) // weight if weight else 0
        for share, parcel, weight in zip(shares, parcels, weights, strict=True)
    ]


def released(
    parcel: Earning, holds: Sequence[Hold], terms: Reserve, hold_id: str, now: datetime
) -> tuple[Posting, Hold | None]:
    """The time to return it is over: what is left becomes available, but for what is held.

    holds: those on this parcel that took nothing yet. hold_id: of the rolling reserve, which is returned if it is any.
    """
    held = sum(hold.amount for hold in holds)
    reserve = max(parcel.rest, 0) * terms.bps // WHOLE_BPS if terms.days else 0
    amounts = (
        (Kind.PENDING, -parcel.rest),
        (Kind.AVAILABLE, parcel.rest - held - reserve),
        (Kind.RESERVED, held + reserve),
    )
    posting = moved(
        f"release:{parcel.parcel_id}",
        EntryKind.RELEASE,
        parcel.vendor_id,
        parcel.currency,
        amounts,
        now,
        ref=parcel.parcel_id,
        order_id=parcel.order_id,
    )
    if not reserve:
        return posting, None
    return posting, Hold(
        id=hold_id,
        vendor_id=parcel.vendor_id,
        currency=parcel.currency,
        kind="rolling",
        ref=parcel.parcel_id,
        parcel_id=parcel.parcel_id,
        amount=reserve,
        reserved=True,
        reason="rolling reserve",
        held_at=now,
        release_at=now + timedelta(days=terms.days),
    )
