"""Who bears a refund: pure integer arithmetic that splits it over lines and shipping, to the last minor unit.

What is given back of tax, commission, the tax on it and of what the marketplace paid follows the amount that was given
back altogether, rounded once: so it never drifts, however many refunds there are, and after the last one exactly all of
it is back. Of what the customer paid nothing for, it follows the pieces.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from estore.contracts.orders import RefundLine, RefundShare
from estore.kit.money import split
from estore.services.orders.domain.errors import LineUnknown, NothingLeft, QuantityTooHigh, RefundTooHigh
from estore.services.orders.domain.names import line_id, parcel_id
from estore.services.orders.domain.refunding.book import Allocation, Book, Part, Piece, Sums

__all__ = [
    "allocate",
    "allocate_amount",
    "allocate_lines",
    "allocate_rest",
    "amount_of",
    "deducted",
    "moves",
    "payable",
    "shares_of",
    "take",
]


def allocate(book: Book, amount: int, keep: int = 0) -> Allocation:
    """Split a refund that is decided already: what is beyond all that is left, the marketplace bears.

    amount: minor units, not negative. keep: what has to stay of the parts, to be given back as credit. book.money,
    book.credit: what was left before it.
    """
    if not book.earned:
        unearned = amount if book.free is None else min(amount, max(0, book.free - keep))
        return Allocation(amount, (), amount - unearned, unearned)
    unearned = min(amount, book.covered)
    pieces = _over(book.parts, min(amount - unearned, max(0, sum(part.left for part in book.parts) - keep)))
    return Allocation(amount, pieces, amount - unearned - _sum(pieces), unearned)


def allocate_rest(book: Book, amount: int) -> Allocation:
    """Split all that is left of an order that will not happen, see `allocate`: what the customer paid nothing for is
    taken back too, with what the marketplace paid for it."""
    allocation = allocate(book, amount)
    if not book.earned:
        return allocation
    unpaid = tuple(_piece(part, part.quantity_left, 0) for part in book.parts if part.unpaid_left)
    return msgspec.structs.replace(allocation, pieces=allocation.pieces + unpaid)


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
    """Take so many pieces of each line, pairs of (number, quantity), and what is left of some parcels' shipping; see
    `take`.

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
    if not moves(pieces):
        raise NothingLeft()
    return pieces


def take(book: Book, quantities: dict[int, int], shipping: Collection[int] = ()) -> tuple[Piece, ...]:
    """Take of each line {number: quantity} what is there of it, at most that many, and of some parcels' shipping.

    What the marketplace paid for a shipping that was free for the customer goes back with it.
    """
    pieces = []
    for part in book.parts:
        if part.line is None:
            if part.parcel in shipping and (part.left or part.unpaid_left):
                pieces.append(_piece(part, 0, part.left))
        elif part.line in quantities and part.quantity_left:
            quantity = min(quantities[part.line], part.quantity_left)
            pieces.append(_piece(part, quantity, _rounded(part.left, quantity, part.quantity_left)))
    total = _sum(pieces)
    free = total if book.free is None else book.free
    return deducted(book, pieces, total - free) if total > free else tuple(pieces)


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
                    piece.sums.funded,
                )
                for piece in some
            ),
            sum(piece.sums.funded for piece in some),
        )
        for number, some in sorted(parcels.items())
    )


def payable(pieces: Sequence[Piece]) -> int:
    """Return what the vendors bear of the pieces."""
    sums = [piece.sums for piece in pieces]
    return sum(one.amount + one.funded - one.commission - one.commission_tax for one in sums)


def moves(pieces: Sequence[Piece]) -> bool:
    """Tell whether anything changes hands: also where the customer paid nothing, the marketplace may have."""
    return any(piece.sums.amount or piece.sums.funded or piece.sums.commission for piece in pieces)


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
    # What the customer paid nothing for has no amount to follow: there the pieces decide, and of shipping all goes.
    of = whole.amount or whole.quantity
    altogether = given.amount + amount if whole.amount else given.quantity + quantity

    def follows(all_of_it: int, back: int) -> int:
        """Refunds that failed were taken out of `back`, so it may be off the line for a while, but never leaves it."""
        if altogether == of:
            return all_of_it - back
        return min(max(0, _rounded(all_of_it, altogether, of) - back), all_of_it - back)

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
            follows(whole.funded, given.funded),
        ),
    )


def _rounded(value: int, part: int, whole: int) -> int:
    """Return part/whole of value, halves away from zero. whole > 0, the others not negative."""
    return (2 * value * part + whole) // (2 * whole)
