"""What may be held, taken and told. Shelves in, decisions out.

A Shelf is the working copy of one SKU's stock: the functions here change it, and the store writes the difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from estore.contracts.inventory import Shortage
from estore.kit.errors import Conflict, Invalid, NotFound

# Storefronts show "only 7 left"; above this nobody looks at the exact number.
EXACT_UP_TO: Final = 50
MAX_ON_HAND: Final = 1_000_000_000
MANAGERS: Final = frozenset({"owner", "fulfilment", "catalog"})
"""Roles of a vendor's members that may see and change its stock."""

_SKU = re.compile(r"[A-Za-z0-9._-]{1,64}")

Kind = Literal["opening", "received", "adjusted", "counted", "imported", "moved", "shipped", "return", "write_off"]


class SkuUnknown(NotFound):
    code, title = "inventory.sku_unknown", "There is no such SKU"


class LocationUnknown(Invalid):
    code, title = "inventory.location_unknown", "There is no such location"


class LocationExists(Conflict):
    code, title = "inventory.location_exists", "A location with this code exists"


class BelowReserved(Conflict):
    code, title = "inventory.below_reserved", "Less would be there than is held for orders"


class TooMuch(Conflict):
    code, title = "inventory.too_much", "More would be there than can be counted"


class AdjustmentInvalid(Invalid):
    code, title = "inventory.adjustment_invalid", "The adjustment makes no sense"


def is_sku(text: str) -> bool:
    """Tell whether `text` can be a SKU at all."""
    return _SKU.fullmatch(text) is not None


class Level(msgspec.Struct):
    """The stock of a SKU in one location. change_*: what must be added to the row that was read."""

    location_id: str
    on_hand: int
    reserved: int
    change_on_hand: int = 0
    change_reserved: int = 0

    @property
    def free(self) -> int:
        return self.on_hand - self.reserved

    def change(self, on_hand: int = 0, reserved: int = 0) -> None:
        """Add to both numbers."""
        self.on_hand += on_hand
        self.change_on_hand += on_hand
        self.reserved += reserved
        self.change_reserved += reserved


class Shelf(msgspec.Struct):
    """The stock of one SKU in all its locations, as long as its lock is held.

    free: pieces that can be held, over all locations. before: the same when the shelf was read.
    announced, announcement: what others were told last, and its version.
    """

    sku: str
    announced: int
    announcement: int
    threshold: int
    listed: bool
    levels: list[Level]
    free: int = 0
    before: int = 0

    def count(self) -> Shelf:
        """Sum up the levels that were just read."""
        self.free = self.before = sum(level.on_hand - level.reserved for level in self.levels)
        return self

    def level(self, location_id: str) -> Level | None:
        """Return the level at a location, None when the SKU was never there."""
        for level in self.levels:
            if level.location_id == location_id:
                return level
        return None

    def change(self, level: Level, on_hand: int = 0, reserved: int = 0) -> None:
        """Change one level and the sum."""
        level.change(on_hand, reserved)
        self.free += on_hand - reserved


Shelves = Mapping[str, Shelf]


class Demand(msgspec.Struct):
    """What one order wants: pieces by SKU, lines of the same SKU added up."""

    order_id: str
    wanted: dict[str, int]


class Holds(msgspec.Struct):
    """What is held, as columns: the store writes them with one statement."""

    order_ids: list[str] = msgspec.field(default_factory=list)
    skus: list[str] = msgspec.field(default_factory=list)
    location_ids: list[str] = msgspec.field(default_factory=list)
    quantities: list[int] = msgspec.field(default_factory=list)

    def add(self, order_id: str, sku: str, location_id: str, quantity: int) -> None:
        self.order_ids.append(order_id)
        self.skus.append(sku)
        self.location_ids.append(location_id)
        self.quantities.append(quantity)


class Decision(msgspec.Struct):
    """rejected: order id -> what was short. Orders that are not in it are held in full."""

    holds: Holds
    rejected: dict[str, tuple[Shortage, ...]]


def demand_of(order_id: str, lines: Iterable[tuple[str, int]]) -> Demand:
    """Add up (sku, quantity) lines of one order by SKU."""
    wanted: dict[str, int] = {}
    for sku, quantity in lines:
        wanted[sku] = wanted.get(sku, 0) + quantity
    return Demand(order_id, wanted)


def reserve(shelves: Shelves, demands: Sequence[Demand]) -> Decision:
    """Hold all lines of an order or none, earlier orders first.

    shelves: of every SKU that is wanted; a SKU without a shelf has no stock. They are left as they are afterwards.
    """
    decision = Decision(Holds(), {})
    for demand in demands:
        wanted = demand.wanted
        for sku, quantity in wanted.items():
            shelf = shelves.get(sku)
            if shelf is None or shelf.free < quantity:
                decision.rejected[demand.order_id] = _shortages(shelves, wanted)
                break
        else:
            _hold(shelves, demand, decision.holds)
    return decision


def _shortages(shelves: Shelves, wanted: Mapping[str, int]) -> tuple[Shortage, ...]:
    free = ((sku, quantity, shelves[sku].free if sku in shelves else 0) for sku, quantity in wanted.items())
    return tuple(Shortage(sku, quantity, available) for sku, quantity, available in free if available < quantity)


def _hold(shelves: Shelves, demand: Demand, holds: Holds) -> None:
    """Hold what is known to be free: all from one location if one has it all, else line by line."""
    together = _one_location(shelves, demand.wanted) if len(demand.wanted) > 1 else None
    for sku, quantity in demand.wanted.items():
        shelf = shelves[sku]
        for level, pieces in _pick(shelf, quantity, together):
            shelf.change(level, reserved=pieces)
            holds.add(demand.order_id, sku, level.location_id, pieces)


def _one_location(shelves: Shelves, wanted: Mapping[str, int]) -> str | None:
    common: set[str] | None = None
    for sku, quantity in wanted.items():
        here = {level.location_id for level in shelves[sku].levels if level.free >= quantity}
        common = here if common is None else common & here
        if not common:
            return None
    return min(common) if common else None


def _pick(shelf: Shelf, quantity: int, preferred: str | None = None) -> list[tuple[Level, int]]:
    """Pick `quantity` free pieces: from one location where one has enough, else from the fullest ones first."""
    levels = shelf.levels
    if preferred is not None and (level := shelf.level(preferred)) is not None:
        return [(level, quantity)]
    for level in levels:
        if level.on_hand - level.reserved >= quantity:
            return [(level, quantity)]
    picked: list[tuple[Level, int]] = []
    for level in sorted(levels, key=lambda level: (-level.free, level.location_id)):
        if (pieces := min(level.free, quantity)) > 0:
            picked.append((level, pieces))
            quantity -= pieces
    return picked


class Held(msgspec.Struct):
    """A line of an open reservation."""

    order_id: str
    sku: str
    location_id: str
    quantity: int


def release(shelves: Shelves, lines: Iterable[Held]) -> None:
    """Give back what `lines` hold. Their shelves and levels exist: stock is never deleted."""
    for line in lines:
        shelf = shelves[line.sku]
        shelf.change(_level(shelf, line.location_id), reserved=-line.quantity)


class Moved(msgspec.Struct, frozen=True):
    """One change of on_hand, to be explained in the movements log. on_hand: afterwards."""

    sku: str
    location_id: str
    kind: Kind
    delta: int
    on_hand: int
    reference: str | None = None
    reason: str | None = None


def ship(
    shelves: Shelves, held: Sequence[Held], wanted: Mapping[str, int], shipment_id: str
) -> tuple[list[Moved], int]:
    """Take a shipment's pieces off the shelves.

    held: the open lines of its order; what is taken from them is subtracted there.
    Returns the movements, and how many pieces nobody knew of: what was not held for the order is taken from what is
    free, because they have left the house whatever we think.
    """
    taken: dict[tuple[str, str], int] = {}
    missing = 0
    for sku, quantity in wanted.items():
        if (shelf := shelves.get(sku)) is None:
            missing += quantity
            continue
        wanting = quantity
        for line in held:
            if line.sku == sku and (pieces := min(wanting, line.quantity)):
                line.quantity -= pieces
                wanting -= pieces
                shelf.change(_level(shelf, line.location_id), on_hand=-pieces, reserved=-pieces)
                taken[sku, line.location_id] = taken.get((sku, line.location_id), 0) + pieces
        unheld = min(wanting, shelf.free)
        for level, pieces in _pick(shelf, unheld) if unheld else ():
            shelf.change(level, on_hand=-pieces)
            taken[sku, level.location_id] = taken.get((sku, level.location_id), 0) + pieces
        missing += wanting - unheld
    moved = [
        Moved(sku, location_id, "shipped", -pieces, _level(shelves[sku], location_id).on_hand, shipment_id)
        for (sku, location_id), pieces in taken.items()
    ]
    return moved, missing


def left_after(wanted: Mapping[str, int], gone: Mapping[str, int]) -> dict[str, int]:
    """Return what of `wanted` is left when `gone` has left the house, pieces by SKU."""
    return {sku: quantity - gone.get(sku, 0) for sku, quantity in wanted.items() if quantity > gone.get(sku, 0)}


def take_back(shelf: Shelf, location_id: str, quantity: int, restock: bool, return_id: str) -> Moved:
    """Put what came back on the shelf, or note that it is written off, which leaves the stock as it is."""
    level = _level(shelf, location_id)
    if not restock:
        return Moved(shelf.sku, location_id, "write_off", 0, level.on_hand, return_id, f"{quantity} written off")
    return put(shelf, location_id, min(quantity, MAX_ON_HAND - level.on_hand), "return", return_id, None)


def put(shelf: Shelf, location_id: str, delta: int, kind: Kind, reference: str | None, reason: str | None) -> Moved:
    """Change what is on hand. Raises BelowReserved, TooMuch."""
    level = _level(shelf, location_id)
    if level.on_hand + delta < level.reserved:
        raise BelowReserved(
            f"{level.reserved} pieces are held for orders", on_hand=level.on_hand, reserved=level.reserved
        )
    if level.on_hand + delta > MAX_ON_HAND:
        raise TooMuch(f"at most {MAX_ON_HAND} pieces in one location", on_hand=level.on_hand)
    shelf.change(level, on_hand=delta)
    return Moved(shelf.sku, location_id, kind, delta, level.on_hand, reference, reason)


def count_in(shelf: Shelf, location_id: str, quantity: int, import_id: str) -> Moved:
    """Set what an import says is on hand; never below what is held."""
    level = _level(shelf, location_id)
    target = max(min(quantity, MAX_ON_HAND), level.reserved)
    return put(shelf, location_id, target - level.on_hand, "imported", import_id, None)


def _level(shelf: Shelf, location_id: str) -> Level:
    level = shelf.level(location_id)
    if level is None:
        raise LookupError(f"{shelf.sku} has no stock row at {location_id}")
    return level


def worth_telling(announced: int, available: int) -> bool:
    """Tell whether `available` differs enough from what was announced: exact when few, a tenth when many."""
    if announced == available:
        return False
    return min(announced, available) <= EXACT_UP_TO or abs(available - announced) * 10 >= announced


def ran_low(shelf: Shelf) -> bool:
    """Tell whether available crossed the threshold downwards."""
    return shelf.listed and shelf.before > shelf.threshold >= shelf.free


class Told(msgspec.Struct, frozen=True):
    """What others are told of a SKU. changed: the availability is announced; low: it ran low."""

    sku: str
    available: int
    version: int
    threshold: int
    changed: bool
    low: bool


def tell(shelves: Iterable[Shelf]) -> list[Told]:
    """Decide what to announce: at most one of each kind per SKU, whatever happened to it."""
    told = []
    for shelf in shelves:
        changed, low = worth_telling(shelf.announced, shelf.free), ran_low(shelf)
        if changed or low:
            shelf.announcement += 1
            if changed:
                shelf.announced = shelf.free
            told.append(Told(shelf.sku, shelf.free, shelf.announcement, shelf.threshold, changed, low))
    return told
