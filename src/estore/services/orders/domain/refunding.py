"""Who bears a refund: pure integer arithmetic that splits it over lines and shipping, to the last minor unit.

What is given back of tax, commission and the tax on it follows the amount that was given back altogether, rounded
once: so it never drifts, however many refunds there are, and after the last one exactly all of it is back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from estore.contracts.orders import RefundLine, RefundShare
from estore.kit.money import Money, split
from estore.services.orders.domain.errors import LineUnknown, NothingLeft, QuantityTooHigh, RefundTooHigh
from estore.services.orders.domain.order import line_id, parcel_id


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


Audience = Literal["customer", "vendor", "operator"]


class RefundRow(msgspec.Struct, frozen=True):
    """A refund as its row holds it. Amounts: minor units. allocated_at: None of one that a job is yet to allocate."""

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

    @property
    def status(self) -> RefundStatus:
        if self.failed_at is not None:
            return RefundStatus.FAILED
        return RefundStatus.REQUESTED if self.refunded_at is None else RefundStatus.REFUNDED


class Sums(msgspec.Struct, frozen=True, gc=False):
    """Amounts in minor units. tax is inside amount; commission_tax is on top of commission."""

    quantity: int = 0
    amount: int = 0
    tax: int = 0
    commission: int = 0
    commission_tax: int = 0

    def plus(self, other: Sums) -> Sums:
        return Sums(
            self.quantity + other.quantity,
            self.amount + other.amount,
            self.tax + other.tax,
            self.commission + other.commission,
            self.commission_tax + other.commission_tax,
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


class Piece(msgspec.Struct, frozen=True, gc=False):
    """What one refund takes of a part. commission, commission_tax: given back to the vendor."""

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
    back nor asked to be; None where nothing was captured yet. covered: what refunds took of the parts and payments did
    not give back, because another refund had taken it: that other one is borne already.
    """

    order_id: str
    parts: tuple[Part, ...]
    earned: bool
    money: int | None = None
    covered: int = 0

    def in_parcels(self, parcels: Collection[int] | None) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if parcels is None or part.parcel in parcels)

    def left(self, parcels: Collection[int] | None = None) -> int:
        """Return what can still be given back, of some parcels or of all: never more than there is money."""
        left = sum(part.left for part in self.in_parcels(parcels)) + (self.covered if parcels is None else 0)
        return left if self.money is None else max(0, min(left, self.money))

    def after(self, allocation: Allocation) -> Book:
        """Return the book once this is given back too."""
        taken = {(piece.parcel, piece.line): piece.sums for piece in allocation.pieces}
        return msgspec.structs.replace(
            self,
            parts=tuple(
                part
                if (sums := taken.get((part.parcel, part.line))) is None
                else msgspec.structs.replace(part, given=part.given.plus(sums))
                for part in self.parts
            ),
            money=None if self.money is None else self.money - allocation.amount,
            covered=max(0, self.covered - allocation.unearned),
        )


class RefundLineView(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a refund takes of a line, or of the parcel's shipping where line_id is null. `tax` is inside `amount`.

    commission, commission_tax: given back to the vendor; not shown to customers.
    """

    line_id: str | None
    parcel_id: str
    quantity: int
    amount: Money
    tax: Money
    commission: Money | msgspec.UnsetType = msgspec.UNSET
    commission_tax: Money | msgspec.UnsetType = msgspec.UNSET


class RefundShareView(msgspec.Struct, frozen=True, gc=False):
    """One vendor's part. It bears `borne` = amount - commission - commission_tax."""

    vendor_id: str
    parcel_id: str
    amount: Money
    tax: Money
    commission: Money
    commission_tax: Money
    borne: Money


class OrderRefund(msgspec.Struct, frozen=True, gc=False):
    """A refund; a vendor sees its own part as if there were no other, a customer what comes back.

    status: `requested`, `refunded`, or `failed`, for which `failure` says why. cause: see RefundAllocated. shares: for
    vendors and operators. platform, unearned: what no vendor bears; for operators.
    """

    id: str
    order_id: str
    status: str
    cause: str
    reason: str
    amount: Money
    lines: tuple[RefundLineView, ...]
    requested_at: datetime
    refunded_at: datetime | None
    failed_at: datetime | None
    failure: str
    return_id: str | None
    shares: tuple[RefundShareView, ...] | msgspec.UnsetType = msgspec.UNSET
    platform: Money | msgspec.UnsetType = msgspec.UNSET
    unearned: Money | msgspec.UnsetType = msgspec.UNSET


def refund_view(row: RefundRow, pieces: Sequence[Piece], audience: Audience) -> OrderRefund:
    """Show a refund. pieces: those that the audience may see."""

    def money(amount: int) -> Money:
        return Money(amount, row.currency)

    inside, operator = audience != "customer", audience == "operator"
    return OrderRefund(
        id=row.refund_id,
        order_id=row.order_id,
        status=row.status,
        cause=row.cause,
        reason=row.reason,
        amount=money(_sum(pieces) if audience == "vendor" else row.amount),
        lines=tuple(
            RefundLineView(
                None if piece.line is None else line_id(row.order_id, piece.line),
                parcel_id(row.order_id, piece.parcel),
                piece.sums.quantity,
                money(piece.sums.amount),
                money(piece.sums.tax),
                money(piece.sums.commission) if inside else msgspec.UNSET,
                money(piece.sums.commission_tax) if inside else msgspec.UNSET,
            )
            for piece in pieces
        ),
        requested_at=row.requested_at,
        refunded_at=row.refunded_at,
        failed_at=row.failed_at,
        failure=row.failure,
        return_id=row.return_id,
        shares=tuple(
            RefundShareView(
                share.vendor_id,
                share.parcel_id,
                money(share.amount),
                money(share.tax),
                money(share.commission),
                money(share.commission_tax),
                money(share.amount - share.commission - share.commission_tax),
            )
            for share in shares_of(row.order_id, pieces)
        )
        if inside
        else msgspec.UNSET,
        platform=money(row.platform) if operator else msgspec.UNSET,
        unearned=money(row.unearned) if operator else msgspec.UNSET,
    )


def allocate(book: Book, amount: int) -> Allocation:
    """Split a refund that is decided already: what is beyond all that is left, the marketplace bears.

    amount: minor units, not negative. book.money: what was left before it.
    """
    if not book.earned:
        unearned = amount if book.money is None else min(amount, max(0, book.money))
        return Allocation(amount, (), amount - unearned, unearned)
    unearned = min(amount, book.covered)
    pieces = _over(book.parts, min(amount - unearned, sum(part.left for part in book.parts)))
    return Allocation(amount, pieces, amount - unearned - _sum(pieces), unearned)


def allocate_amount(book: Book, amount: int, parcels: Collection[int] | None = None) -> Allocation:
    """Split `amount` over an order, or over some of its parcels, in proportion to what is left of each part.

    Raises NothingLeft, RefundTooHigh.
    """
    left = book.left(parcels)
    if left == 0:
        raise NothingLeft()
    if amount > left:
        raise RefundTooHigh(f"{left} in minor units are left", pointer="/amount/amount", left=left)
    return allocate(book, amount) if parcels is None else Allocation(amount, _over(book.in_parcels(parcels), amount))


def allocate_lines(
    book: Book,
    wanted: Sequence[tuple[int, int]],
    shipping: Collection[int] = (),
    *,
    parcels: Collection[int] | None = None,
) -> tuple[Piece, ...]:
    """Take so many pieces of each line, pairs of (number, quantity), and what is left of some parcels' shipping.

    A piece's price is its part of what is left of the line, so that the last one takes the remainder.
    parcels: where the lines have to be, None for anywhere.
    Raises LineUnknown, QuantityTooHigh with a pointer into `/lines`, NothingLeft when all of it was given back.
    """
    lines = {part.line: part for part in book.in_parcels(parcels) if part.line is not None}
    numbers: dict[int, int] = {}
    for index, (number, quantity) in enumerate(wanted):
        if (part := lines.get(number)) is None:
            raise LineUnknown(pointer=f"/lines/{index}/line_id")
        numbers[number] = numbers.get(number, 0) + quantity
        if numbers[number] > part.quantity_left:
            left = part.quantity_left
            raise QuantityTooHigh(f"{left} can be refunded", pointer=f"/lines/{index}/quantity", left=left)
    pieces = take(book, numbers, shipping)
    if _sum(pieces) == 0:
        raise NothingLeft()
    return pieces


def take(book: Book, quantities: dict[int, int], shipping: Collection[int] = ()) -> tuple[Piece, ...]:
    """Take of each line {number: quantity} what is there of it, at most that many; see `allocate_lines`."""
    pieces = []
    for part in book.parts:
        if part.line is None:
            if part.parcel in shipping and part.left:
                pieces.append(_piece(part, 0, part.left))
        elif part.line in quantities and part.quantity_left:
            quantity = min(quantities[part.line], part.quantity_left)
            pieces.append(_piece(part, quantity, _rounded(part.left, quantity, part.quantity_left)))
    total = _sum(pieces)
    money = total if book.money is None else max(0, book.money)
    return deducted(book, pieces, total - money) if total > money else tuple(pieces)


def deducted(book: Book, pieces: Sequence[Piece], deduction: int) -> tuple[Piece, ...]:
    """Return the pieces with `deduction` less, each with its part of it; it stays where it was. Quantities stay.

    deduction: minor units, at most the pieces' sum.
    """
    parts = {(part.parcel, part.line): part for part in book.parts}
    cuts = split(deduction, [piece.sums.amount for piece in pieces]) if deduction else [0] * len(pieces)
    return tuple(
        _piece(parts[piece.parcel, piece.line], piece.sums.quantity, piece.sums.amount - cut)
        for piece, cut in zip(pieces, cuts, strict=True)
    )


def shares_of(order_id: str, pieces: Sequence[Piece]) -> tuple[RefundShare, ...]:
    """Return the pieces as events carry them: one share per parcel, in the parcels' order."""
    parcels: dict[int, list[Piece]] = {}
    for piece in pieces:
        parcels.setdefault(piece.parcel, []).append(piece)
    return tuple(
        RefundShare(
            parcel_id(order_id, number),
            some[0].vendor_id,
            sum(piece.sums.amount for piece in some),
            sum(piece.sums.tax for piece in some),
            sum(piece.sums.commission for piece in some),
            sum(piece.sums.commission_tax for piece in some),
            tuple(
                RefundLine(
                    None if piece.line is None else line_id(order_id, piece.line),
                    piece.sums.quantity,
                    piece.sums.amount,
                    piece.sums.tax,
                    piece.sums.commission,
                    piece.sums.commission_tax,
                )
                for piece in some
            ),
        )
        for number, some in sorted(parcels.items())
    )


def payable(pieces: Sequence[Piece]) -> int:
    """Return what the vendors bear of the pieces."""
    return sum(piece.sums.amount - piece.sums.commission - piece.sums.commission_tax for piece in pieces)


def amount_of(pieces: Sequence[Piece]) -> int:
    """Return what the customer is given back with the pieces."""
    return _sum(pieces)


def _sum(pieces: Sequence[Piece]) -> int:
    return sum(piece.sums.amount for piece in pieces)


def _over(parts: Sequence[Part], amount: int) -> tuple[Piece, ...]:
    """Split by largest remainder: a quota is at most what is left, so a part rounded up is too."""
    if amount == 0:
        return ()
    shares = split(amount, [part.left for part in parts])
    return tuple(_piece(part, 0, share) for part, share in zip(parts, shares, strict=True) if share)


def _piece(part: Part, quantity: int, amount: int) -> Piece:
    whole, given = part.whole, part.given
    altogether = given.amount + amount

    def follows(all_of_it: int, back: int) -> int:
        """Refunds that failed were taken out of `back`, so it may be off the line for a while, but never leaves it."""
        if altogether == whole.amount:
            return all_of_it - back
        return min(max(0, _rounded(all_of_it, altogether, whole.amount) - back), all_of_it - back)

    return Piece(
        part.parcel,
        part.vendor_id,
        part.line,
        Sums(
            quantity,
            amount,
            follows(whole.tax, given.tax),
            follows(whole.commission, given.commission),
            follows(whole.commission_tax, given.commission_tax),
        ),
    )


def _rounded(value: int, part: int, whole: int) -> int:
    """Return part/whole of value, halves away from zero. whole > 0, the others not negative."""
    return (2 * value * part + whole) // (2 * whole)
