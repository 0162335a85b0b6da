"""What people do to stock: receive, adjust, move, look. Vendors' members reach their own SKUs only."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

import msgspec

from estore.kit.context import Context, Principal
from estore.kit.db import Tx
from estore.kit.errors import Fault
from estore.kit.http import Page, page_of, text_in
from estore.kit.ids import new_id
from estore.services.inventory import domain, store
from estore.services.inventory.domain import (
    AdjustmentInvalid,
    LocationExists,
    LocationUnknown,
    Moved,
    Shelf,
    SkuUnknown,
)
from estore.services.inventory.service.saving import save

Body = TypeVar("Body")
# No control characters: NUL cannot be stored, and the others only confuse whoever reads a log.
PLAIN = r"^[^\x00-\x1f\x7f]*\Z"
LocationName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=40, pattern=PLAIN, description="Code of a location", examples=["MAIN"])
]
Pieces = Annotated[int, msgspec.Meta(ge=1, le=10_000_000, description="Pieces", examples=[24])]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=PLAIN)]


class Availability(msgspec.Struct, frozen=True):
    """How many pieces can be bought right now, over all locations."""

    sku: str
    available: int


class Receive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pieces that arrived. reference: a delivery note or purchase order, for the movements log."""

    location: LocationName
    quantity: Pieces
    reference: Text | None = None


class Adjust(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A correction: either `delta` (pieces found or lost) or `counted` (what is there), and why."""

    location: LocationName
    reason: Text
    delta: Annotated[int, msgspec.Meta(ge=-10_000_000, le=10_000_000)] | None = None
    counted: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] | None = None


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from", "target": "to"}):
    """Pieces that go from one location to another. What is held for orders stays."""

    source: LocationName
    target: LocationName
    quantity: Pieces
    reference: Text | None = None


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Below or at how many pieces a SKU runs low."""

    threshold: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]


class NewLocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9][A-Z0-9-]{0,15}\Z", max_length=16, examples=["RTM"])]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=PLAIN, examples=["Rotterdam, Waalhaven"])]
    country: Annotated[
        str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z", max_length=2, description="ISO 3166 code", examples=["NL"])
    ]


class Location(msgspec.Struct, frozen=True):
    """A place where stock lies. default: where imported stock goes."""

    id: str
    code: str
    name: str
    country: str
    default: bool
    created_at: datetime


class Locations(msgspec.Struct, frozen=True):
    data: list[Location]


class LevelAnswer(msgspec.Struct, frozen=True):
    """Stock of a SKU in one location."""

    location: str
    on_hand: int
    reserved: int
    available: int


class StockAnswer(msgspec.Struct, frozen=True):
    """Stock of a SKU: available = on_hand - reserved, over all locations. listed: it is in a published product."""

    sku: str
    product_id: str
    vendor_id: str
    listed: bool
    threshold: int
    on_hand: int
    reserved: int
    available: int
    locations: list[LevelAnswer]


class MovementAnswer(msgspec.Struct, frozen=True):
    """One change of what is on hand. on_hand: afterwards, in that location. actor: the account that did it."""

    id: str
    sku: str
    location: str
    kind: str
    delta: int
    on_hand: int
    reference: str | None
    reason: str | None
    actor: str | None
    at: datetime


class Put(msgspec.Struct, Generic[Body], frozen=True):
    """A body for the SKU in the path."""

    sku: str
    body: Body


class SetThreshold(msgspec.Struct, frozen=True):
    sku: str
    threshold: int


class ListStock(msgspec.Struct, frozen=True):
    vendor_id: str | None
    sku: str | None
    cursor: str | None
    limit: int


class ListMovements(msgspec.Struct, frozen=True):
    sku: str
    cursor: str | None
    limit: int


def vendors_of(principal: Principal, vendor_id: str | None = None) -> list[str] | None:
    """Return the vendors whose stock `principal` may manage; None for all of them. vendor_id: only this one.

    Empty when there are none: then no row is found, and the answer is that of an unknown SKU.
    """
    if principal.is_operator or principal.is_system:
        return None if vendor_id is None else [vendor_id]
    mine = principal.vendors_as(*domain.MANAGERS)
    return mine if vendor_id is None else [vendor for vendor in mine if vendor == vendor_id]


async def availability(tx: Tx, ctx: Context, sku: str) -> Availability:
    """Tell how many pieces of a SKU can be bought, exactly and now. Raises SkuUnknown."""
    available = await store.available(tx, sku) if domain.is_sku(sku) else None
    if available is None:
        raise SkuUnknown()
    return Availability(sku, available)


async def list_stock(tx: Tx, ctx: Context, request: ListStock) -> Page[StockAnswer]:
    """List stock by location. Raises CursorInvalid, and SkuUnknown for a vendor that is not the caller's."""
    vendor_ids = vendors_of(ctx.principal, request.vendor_id)
    if vendor_ids == []:
        raise SkuUnknown("there is no such vendor, or its stock is not yours to see")
    after = text_in(request.cursor) or ""
    if "\x00" in (request.sku or "") + (request.vendor_id or ""):
        raise SkuUnknown()
    rows = await store.stock_page(tx, vendor_ids, after, request.limit + 1, request.sku)
    return page_of([_stock(row) for row in rows], request.limit, lambda row: (row.sku,))


async def list_movements(tx: Tx, ctx: Context, request: ListMovements) -> Page[MovementAnswer]:
    """List what changed a SKU's stock, newest first. Raises CursorInvalid, SkuUnknown."""
    before = text_in(request.cursor)
    if not domain.is_sku(request.sku):
        raise SkuUnknown()
    rows = await store.movements(tx, request.sku, vendors_of(ctx.principal), before, request.limit + 1)
    if rows is None:
        raise SkuUnknown()
    return page_of([MovementAnswer(**msgspec.structs.asdict(row)) for row in rows], request.limit, lambda r: (r.id,))


async def receive(tx: Tx, ctx: Context, request: Put[Receive]) -> StockAnswer:
    """Add pieces that arrived. Raises SkuUnknown, LocationUnknown, TooMuch."""
    body = request.body
    location = await _location(tx, body.location, "/location")
    shelf = await _shelf(tx, ctx, request.sku)
    await store.add_levels(tx, [(shelf, location)])
    moved = domain.put(shelf, location, body.quantity, "received", body.reference, None)
    return await _saved(tx, ctx, shelf, [moved])


async def adjust(tx: Tx, ctx: Context, request: Put[Adjust]) -> StockAnswer:
    """Correct what is on hand. Raises SkuUnknown, LocationUnknown, AdjustmentInvalid, BelowReserved, TooMuch."""
    body = request.body
    if (body.delta is None) == (body.counted is None):
        raise AdjustmentInvalid("send either delta or counted", pointer="/delta")
    if body.delta == 0:
        raise AdjustmentInvalid("a delta of 0 changes nothing", pointer="/delta")
    location = await _location(tx, body.location, "/location")
    shelf = await _shelf(tx, ctx, request.sku)
    await store.add_levels(tx, [(shelf, location)])
    level = shelf.level(location)
    if body.counted is not None and level is not None:
        moved = domain.put(shelf, location, body.counted - level.on_hand, "counted", None, body.reason)
    else:
        moved = domain.put(shelf, location, body.delta or 0, "adjusted", None, body.reason)
    return await _saved(tx, ctx, shelf, [moved])


async def move(tx: Tx, ctx: Context, request: Put[Move]) -> StockAnswer:
    """Move free pieces to another location. Raises SkuUnknown, LocationUnknown, AdjustmentInvalid, BelowReserved."""
    body = request.body
    source = await _location(tx, body.source, "/from")
    target = await _location(tx, body.target, "/to")
    if source == target:
        raise AdjustmentInvalid("that is where it is", pointer="/to")
    shelf = await _shelf(tx, ctx, request.sku)
    await store.add_levels(tx, [(shelf, source), (shelf, target)])
    moved = [
        domain.put(shelf, source, -body.quantity, "moved", body.reference, None),
        domain.put(shelf, target, body.quantity, "moved", body.reference, None),
    ]
    return await _saved(tx, ctx, shelf, moved)


async def set_threshold(tx: Tx, ctx: Context, request: SetThreshold) -> SetThreshold:
    """Set when a SKU runs low. Raises SkuUnknown."""
    vendor_ids = vendors_of(ctx.principal)
    if not domain.is_sku(request.sku) or not await store.set_threshold(tx, request.sku, vendor_ids, request.threshold):
        raise SkuUnknown()
    return request


async def add_location(tx: Tx, ctx: Context, request: NewLocation) -> Location:
    """Open a location. Raises LocationExists."""
    row = await store.add_location(tx, new_id("loc"), request.code, request.name, request.country, ctx.now)
    if row is None:
        raise LocationExists(f"{request.code} is taken", pointer="/code")
    return _location_answer(row)


async def list_locations(tx: Tx, ctx: Context, request: None) -> Locations:
    """List all locations."""
    return Locations([_location_answer(row) for row in await store.locations(tx)])


async def _location(tx: Tx, name: str, pointer: str) -> str:
    row = await store.find_location(tx, name)
    if row is None:
        raise LocationUnknown(
            f"{name} is not a location", errors=[Fault("GET /v1/stock/locations lists them", pointer)]
        )
    return row.id


async def _shelf(tx: Tx, ctx: Context, sku: str) -> Shelf:
    shelves = await store.lock_shelves(tx, [sku], vendors_of(ctx.principal)) if domain.is_sku(sku) else {}
    if sku not in shelves:
        raise SkuUnknown()
    return shelves[sku]


async def _saved(tx: Tx, ctx: Context, shelf: Shelf, moved: list[Moved]) -> StockAnswer:
    await save(tx, [shelf], ctx, moved, now=ctx.now, actor=ctx.principal.account_id)
    rows = await store.stock_page(tx, None, "", 1, shelf.sku)
    if not rows:
        raise SkuUnknown()
    return _stock(rows[0])


def _stock(row: store.StockRow) -> StockAnswer:
    return StockAnswer(
        row.sku,
        row.product_id,
        row.vendor_id,
        row.listed,
        row.threshold,
        row.on_hand,
        row.reserved,
        row.on_hand - row.reserved,
        [LevelAnswer(code, on_hand, reserved, on_hand - reserved) for code, on_hand, reserved in row.locations],
    )


def _location_answer(row: store.LocationRow) -> Location:
    return Location(row.id, row.code, row.name, row.country, row.is_default, row.created_at)
