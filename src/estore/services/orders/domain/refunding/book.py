"""What an order was paid for and what of it was given back: the shapes that refunds are split by."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

import msgspec

__all__ = ["Allocation", "Book", "Cause", "Part", "Piece", "RefundRow", "RefundStatus", "Sums"]


class Cause(StrEnum):
    """Why money goes back; see RefundAllocated."""

    CANCELLED = "cancelled"
    RETURN = "return"
    GOODWILL = "goodwill"
    DISPUTE = "dispute"
    PROVIDER = "provider"


class RefundStatus(StrEnum):
    """`failed`: the money is still here, and what the refund had taken is free again."""

    REQUESTED = "requested"
    REFUNDED = "refunded"
    FAILED = "failed"


class RefundRow(msgspec.Struct, frozen=True):
    """A refund as its row holds it. Amounts: minor units. allocated_at: None of one that a job is yet to allocate.
    credit: what of the amount goes back as credit."""

    refund_id: str
    order_id: str
    amount: int
    currency: str
    reason: str
    requested_at: datetime
    refunded_at: datetime | None
    cause: str
    return_id: str | None
    platform: int = 0
    unearned: int = 0
    allocated_at: datetime | None = None
    failed_at: datetime | None = None
    failure: str = ""
    credit: int = 0

    @property
    def money(self) -> int:
        return self.amount - self.credit

    @property
    def status(self) -> RefundStatus:
        if self.failed_at is not None:
            return RefundStatus.FAILED
        return RefundStatus.REQUESTED if self.refunded_at is None else RefundStatus.REFUNDED


class Sums(msgspec.Struct, frozen=True, gc=False):
    """Amounts in minor units. tax is inside amount; commission_tax is on top of commission. funded: what the
    marketplace paid to the vendor on top of amount."""

    quantity: int = 0
    amount: int = 0
    tax: int = 0
    commission: int = 0
    commission_tax: int = 0
    funded: int = 0

    def plus(self, other: Sums) -> Sums:
        return Sums(
            self.quantity + other.quantity,
            self.amount + other.amount,
            self.tax + other.tax,
            self.commission + other.commission,
            self.commission_tax + other.commission_tax,
            self.funded + other.funded,
        )


class Part(msgspec.Struct, frozen=True, gc=False):
    """What can be given back: a line, or its parcel's shipping where line is None. given: what was, by all refunds that
    did not fail. line, parcel: their numbers within the order."""

    parcel: int
    vendor_id: str
    line: int | None
    whole: Sums
    given: Sums = Sums()

    @property
    def left(self) -> int:
        return self.whole.amount - self.given.amount

    @property
    def quantity_left(self) -> int:
        return self.whole.quantity - self.given.quantity

    @property
    def unpaid_left(self) -> bool:
        """Whether the customer paid nothing for it, and something between vendor and marketplace is not back yet."""
        whole, given = self.whole, self.given
        return whole.amount == 0 and msgspec.structs.replace(given, quantity=whole.quantity) != whole


class Piece(msgspec.Struct, frozen=True, gc=False):
    """What one refund takes of a part. commission, commission_tax: given back to the vendor; funded: by the vendor."""

    parcel: int
    vendor_id: str
    line: int | None
    sums: Sums


class Allocation(msgspec.Struct, frozen=True):
    """Who bears a refund: amount = the pieces' amounts + platform + unearned; see RefundAllocated.

    unearned is also what another refund's pieces cover; see `Book.covered`.
    """

    amount: int
    pieces: tuple[Piece, ...]
    platform: int = 0
    unearned: int = 0


class Book(msgspec.Struct, frozen=True):
    """What an order's money was paid for, and what of it was given back.

    earned: the order was confirmed once, so its parts became the vendors'. money: what was captured and neither given
    back nor asked to be; None where nothing was captured yet. credit: the same of what was taken as credit. covered:
    what refunds took of the parts and payments did not give back, because another refund had taken it: that other one
    is borne already.
    """

    order_id: str
    parts: tuple[Part, ...]
    earned: bool
    money: int | None = None
    covered: int = 0
    credit: int = 0

    @property
    def free(self) -> int | None:
        """What of money and credit can still be given back; None where nobody knows yet."""
        return None if self.money is None else max(0, self.money) + self.credit

    def in_parcels(self, parcels: Collection[int] | None) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if parcels is None or part.parcel in parcels)

    def left(self, parcels: Collection[int] | None = None) -> int:
        """Return what can still be given back, of some parcels or of all: never more than was paid."""
        left = sum(part.left for part in self.in_parcels(parcels)) + (self.covered if parcels is None else 0)
        return left if self.free is None else min(left, self.free)

    def after(self, allocation: Allocation, credit: int = 0) -> Book:
        """Return the book once this is given back too, so much of it as credit."""
        taken = {(piece.parcel, piece.line): piece.sums for piece in allocation.pieces}
        return msgspec.structs.replace(
            self,
            parts=tuple(
                part
                if (sums := taken.get((part.parcel, part.line))) is None
                else msgspec.structs.replace(part, given=part.given.plus(sums))
                for part in self.parts
            ),
            money=None if self.money is None else self.money - (allocation.amount - credit),
            covered=max(0, self.covered - allocation.unearned),
            credit=self.credit - credit,
        )
