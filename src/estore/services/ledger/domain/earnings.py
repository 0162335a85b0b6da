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
ROLLING = "rolling"


class Earning(msgspec.Struct, frozen=True, gc=False):
    """A parcel while it is locked. payable: what the vendor was to get for it, with what the marketplace pays of its
    discounts; taken: by refunds, of that.

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
    """Money that is a vendor's, but not to be paid out. See the table `hold`.

    wanted: what it would hold; amount: what it does hold, less where less is left of its parcel. changes: how often
    `amount` was set; each is an entry of its own once the money is `reserved`.
    """

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
    wanted: int
    changes: int = 0

    def holding(self, amount: int, wanted: int) -> Hold:
        """Return it with other amounts."""
        return msgspec.structs.replace(self, amount=amount, wanted=wanted, changes=self.changes + 1)

    def moved_by(self, amount: int, at: datetime) -> Posting:
        """From available to reserved, by the change that was the last one; below zero: back."""
        kind = EntryKind.HOLD if amount > 0 else EntryKind.UNHOLD
        return self._entry(f"hold:{self.id}" + (f":{self.changes}" if self.changes > 1 else ""), kind, amount, at)

    def ended(self, now: datetime) -> Posting:
        """All of it is available again."""
        return self._entry(f"unhold:{self.id}", EntryKind.UNHOLD, -self.amount, now)

    def _entry(self, source: str, kind: EntryKind, amount: int, at: datetime) -> Posting:
        amounts = ((Kind.RESERVED, amount), (Kind.AVAILABLE, -amount))
        return moved(source, kind, self.vendor_id, self.currency, amounts, at, ref=self.id, note=self.reason)


def fitted(rest: int, holds: Sequence[Hold], refunded: int = 0) -> list[tuple[Hold, int]]:
    """Let no more be held on a parcel than is left of it: return the holds that change, each with what it held before.

    Returns and disputes come first, the oldest first, and get up to what they want; the rolling reserve gets what they
    leave. rest: of what the vendor was to get; refunded: what a refund has just taken of it, of the reserve first.
    """
    left = max(rest, 0)
    changed = []
    for hold in sorted(holds, key=lambda hold: (hold.kind == ROLLING, hold.held_at, hold.id)):
        wanted = max(hold.wanted - refunded, 0) if hold.kind == ROLLING else hold.wanted
        amount = min(wanted, left)
        left -= amount
        if (amount, wanted) != (hold.amount, hold.wanted):
            changed.append((hold.holding(amount, wanted), hold.amount))
    return changed


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

    holds: those on this parcel that took nothing yet, as they fit. hold_id: of the rolling reserve, which is returned
    if it is any; while returns and disputes hold what it would, it holds less.
    """
    held = sum(hold.amount for hold in holds)
    wanted = max(parcel.rest, 0) * terms.bps // WHOLE_BPS if terms.days else 0
    reserve = min(wanted, max(parcel.rest, 0) - held)
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
    if not wanted:
        return posting, None
    return posting, Hold(
        id=hold_id,
        vendor_id=parcel.vendor_id,
        currency=parcel.currency,
        kind=ROLLING,
        ref=parcel.parcel_id,
        parcel_id=parcel.parcel_id,
        amount=reserve,
        wanted=wanted,
        changes=1,
        reserved=True,
        reason="rolling reserve",
        held_at=now,
        release_at=now + timedelta(days=terms.days),
    )
