"""What of a parcel is handed to a carrier now, and what is left of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from estore.contracts.orders import ParcelLine
from estore.kit.errors import Fault
from estore.services.orders.domain.errors import LineNotInParcel, LineTwice, MoreThanLeft


class Packed(msgspec.Struct, frozen=True):
    """A line of a parcel. shipped: so many of its pieces were handed over before."""

    no: int
    line_id: str
    sku: str
    quantity: int
    shipped: int

    @property
    def left(self) -> int:
        return self.quantity - self.shipped


class HandingOver(msgspec.Struct, frozen=True):
    """What goes now: (line, pieces) each. complete: nothing is left afterwards."""

    parts: tuple[tuple[Packed, int], ...]
    complete: bool

    @property
    def lines(self) -> tuple[ParcelLine, ...]:
        """What goes, as events carry it."""
        return tuple(ParcelLine(line.line_id, line.sku, pieces) for line, pieces in self.parts)


def hand_over(lines: Sequence[Packed], wanted: Sequence[tuple[str, int]] | None) -> HandingOver:
    """Return what goes of a parcel's `lines`: pairs of line id and pieces, or all that is left when None.

    Raises LineTwice, LineNotInParcel, MoreThanLeft; each points at what is wrong.
    """
    if wanted is None:
        return HandingOver(tuple((line, line.left) for line in lines if line.left), True)
    ids = [line_id for line_id, _ in wanted]
    by_id = {line.line_id: line for line in lines}
    twice = [index for index, line_id in enumerate(ids) if line_id in ids[:index]]
    if twice:
        raise LineTwice(errors=[Fault("add its pieces up", f"/lines/{index}/line_id") for index in twice])
    strange = [index for index, line_id in enumerate(ids) if line_id not in by_id]
    if strange:
        raise LineNotInParcel(
            errors=[Fault("it is not in this parcel", f"/lines/{index}/line_id") for index in strange]
        )
    parts = tuple((by_id[line_id], pieces) for line_id, pieces in wanted)
    short = [(index, line) for index, (line, pieces) in enumerate(parts) if pieces > line.left]
    if short:
        raise MoreThanLeft(
            errors=[Fault(f"{line.left} of {line.quantity} left", f"/lines/{index}/quantity") for index, line in short]
        )
    return HandingOver(parts, sum(pieces for _, pieces in parts) == sum(line.left for line in lines))
