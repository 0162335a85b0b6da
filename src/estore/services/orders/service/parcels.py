"""Parcels: what a vendor has to send, and what became of it."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from estore.contracts.orders import ParcelDelivered, ParcelShipped
from estore.kit.context import Context, Principal
from estore.kit.db import Tx
from estore.kit.errors import Denied, Fault, PreconditionFailed, PreconditionRequired
from estore.kit.http.pages import Page, decode_cursor, page_of
from estore.services.orders import domain, store
from estore.services.orders.domain import Order, ParcelStatus, VendorParcel
from estore.services.orders.saga import Signal
from estore.services.orders.service.commands import DeliverParcel, ListParcels, ShipParcel
from estore.services.orders.service.reading import FilterInvalid
from estore.services.orders.service.steps import Steps

WRITERS = frozenset({"owner", "fulfilment"})
SHOWN = tuple(status for status in ParcelStatus if status is not ParcelStatus.PENDING)
Form = TypeVar("Form")


class OneParcel(msgspec.Struct, Generic[Form], frozen=True):
    """A parcel by its id, and what is to be done with it."""

    parcel_id: str
    form: Form


def _vendors(principal: Principal) -> list[str] | None:
    """Return whose parcels they see; None for everyone's."""
    return None if principal.is_operator or principal.is_system else sorted(principal.vendors)


async def show_parcel(tx: Tx, ctx: Context, parcel: str) -> VendorParcel:
    """Show a parcel to its vendor, or to an operator. Raises ParcelUnknown."""
    place = domain.place_of(parcel)
    found = await store.show_parcel(tx, *place, _vendors(ctx.principal)) if place is not None else None
    if found is None:
        raise domain.ParcelUnknown()
    return found


async def list_parcels(tx: Tx, ctx: Context, request: ListParcels) -> Page[VendorParcel]:
    """List parcels of the caller's vendors, newest order first; for an operator everybody's. Raises FilterInvalid."""
    if request.status is not None and request.status not in SHOWN:
        raise FilterInvalid(errors=[Fault(f"one of {', '.join(SHOWN)}", parameter="status")])
    vendors = _vendors(ctx.principal)
    if request.vendor is not None:
        vendors = [request.vendor] if vendors is None or request.vendor in vendors else []
    before = decode_cursor(request.cursor, str, int)
    if before is not None and ("\x00" in before[0] or not 0 < before[1] < 32_767):
        raise FilterInvalid(errors=[Fault("not a cursor", parameter="cursor")])
    rows = await store.list_parcels(
        tx,
        vendors=vendors,
        statuses=[request.status] if request.status is not None else list(SHOWN),
        before=(before[0], before[1]) if before else None,
        at_most=request.limit + 1,
    )
    return page_of(rows, request.limit, lambda parcel: domain.place_of(parcel.id) or ())


class Parcels:
    """Moves parcels, and tells the saga."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    async def ship_parcel(self, tx: Tx, ctx: Context, request: OneParcel[ShipParcel]) -> VendorParcel:
        """Hand a parcel to a carrier. Needs an Idempotency-Key or If-Match.

        Raises ParcelUnknown, ParcelNotOpen, Denied for members who do not ship, PreconditionFailed.
        """
        order, parcel, number = await self._locked(tx, ctx, request.parcel_id)
        if parcel.status != ParcelStatus.OPEN:
            raise domain.ParcelNotOpen(f"it is {parcel.status}")
        await store.ship(tx, order.order_id, number, request.form.carrier, request.form.tracking, ctx.now)
        tx.emit(
            ParcelShipped(
                parcel_id=parcel.id,
                order_id=order.order_id,
                vendor_id=parcel.vendor_id,
                lines=await store.parcel_lines(tx, order.order_id, number),
                carrier=request.form.carrier,
                tracking=request.form.tracking,
                version=parcel.version + 1,
            ),
            ctx,
        )
        others = [p.status for p in await store.parcels_of(tx, order.order_id)]
        signal = Signal.PART_SHIPPED if ParcelStatus.OPEN in others else Signal.ALL_SHIPPED
        await self._steps.parcels_moved(tx, ctx, order, signal)
        return await show_parcel(tx, ctx, parcel.id)

    async def deliver_parcel(self, tx: Tx, ctx: Context, request: OneParcel[DeliverParcel]) -> VendorParcel:
        """Say that a parcel has arrived. Needs an Idempotency-Key or If-Match.

        Raises ParcelUnknown, ParcelNotShipped, Denied for members who do not ship, PreconditionFailed.
        """
        order, parcel, number = await self._locked(tx, ctx, request.parcel_id)
        if parcel.status != ParcelStatus.SHIPPED:
            raise domain.ParcelNotShipped(f"it is {parcel.status}")
        await store.deliver(tx, order.order_id, number, ctx.now)
        tx.emit(
            ParcelDelivered(
                parcel_id=parcel.id,
                order_id=order.order_id,
                account_id=order.account_id,
                vendor_id=parcel.vendor_id,
                lines=await store.parcel_lines(tx, order.order_id, number),
                delivered_at=ctx.now,
                version=parcel.version + 1,
            ),
            ctx,
        )
        statuses = {p.status for p in await store.parcels_of(tx, order.order_id)}
        everything = statuses <= {ParcelStatus.DELIVERED, ParcelStatus.CANCELLED}
        signal = Signal.ALL_DELIVERED if everything else Signal.PART_DELIVERED
        await self._steps.parcels_moved(tx, ctx, order, signal)
        return await show_parcel(tx, ctx, parcel.id)

    async def _locked(self, tx: Tx, ctx: Context, parcel_id: str) -> tuple[Order, VendorParcel, int]:
        """Check who asks, lock the order, then read the parcel again as it is under the lock."""
        place = domain.place_of(parcel_id)
        if place is None:
            raise domain.ParcelUnknown()
        seen = await show_parcel(tx, ctx, parcel_id)
        principal = ctx.principal
        if not principal.is_operator and not principal.may(seen.vendor_id, *WRITERS):
            raise Denied("only owners and fulfilment may ship")
        if ctx.if_match is None and ctx.key is None:
            raise PreconditionRequired("send If-Match with the parcel's ETag, or an Idempotency-Key")
        orders = await store.lock_orders(tx, [place[0]])
        parcel = await show_parcel(tx, ctx, parcel_id)
        if ctx.if_match is not None and ctx.if_match != parcel.version:
            raise PreconditionFailed(f"it is at version {parcel.version} now")
        return orders[place[0]], parcel, place[1]
