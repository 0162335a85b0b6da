"""Parcels: what a vendor has to send, and what became of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from estore.contracts.orders import ParcelDelivered, ParcelShipped
from estore.kit.context import Context, Principal
from estore.kit.db import Tx
from estore.kit.errors import Denied, Fault, PreconditionFailed, PreconditionRequired
from estore.kit.http.pages import Page, decode_cursor, page_of
from estore.kit.ids import new_id
from estore.kit.telemetry import log
from estore.services.orders import domain, store
from estore.services.orders.domain import Order, ParcelStatus, VendorParcel
from estore.services.orders.saga import Signal
from estore.services.orders.service.commands import (
    CarrierHeard,
    CarrierSaid,
    DeliverParcel,
    ListParcels,
    ShipParcel,
)
from estore.services.orders.service.reading import FilterInvalid
from estore.services.orders.service.steps import Steps

WRITERS = frozenset({"owner", "fulfilment"})
SHOWN = tuple(status for status in ParcelStatus if status is not ParcelStatus.PENDING)
Form = TypeVar("Form")
_log = log(__name__)


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
    if before is not None and not 0 < before[1] < 32_767:
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
    """Moves parcels, and tells the saga. returns: how long something may be given back after it has arrived."""

    def __init__(self, steps: Steps, returns: timedelta) -> None:
        self._steps = steps
        self._returns = returns

    async def ship_parcel(self, tx: Tx, ctx: Context, request: OneParcel[ShipParcel]) -> VendorParcel:
        """Hand what is left of a parcel, or some of it, to a carrier. Needs an Idempotency-Key or If-Match.

        Raises ParcelUnknown, ParcelNotOpen, LineTwice, LineNotInParcel, MoreThanLeft, Denied for members who do not
        ship, PreconditionFailed.
        """
        order, parcel, number = await self._locked(tx, ctx, request.parcel_id)
        form = request.form
        if parcel.status not in (ParcelStatus.OPEN, ParcelStatus.PARTLY_SHIPPED):
            raise domain.ParcelNotOpen(f"it is {parcel.status}")
        wanted = None if form.lines is None else [(line.line_id, line.quantity) for line in form.lines]
        what = domain.hand_over(await store.packed(tx, order.order_id, number), wanted)
        shipment_id = new_id("shp")
        await store.hand_over(tx, shipment_id, (order.order_id, number), what, form.carrier, form.tracking, ctx.now)
        tx.emit(
            ParcelShipped(
                parcel_id=parcel.id,
                order_id=order.order_id,
                vendor_id=parcel.vendor_id,
                lines=what.lines,
                carrier=form.carrier,
                tracking=form.tracking,
                version=parcel.version + 1,
                shipment_id=shipment_id,
                complete=what.complete,
            ),
            ctx,
        )
        statuses = {p.status for p in await store.parcels_of(tx, order.order_id)}
        everything = statuses.isdisjoint({ParcelStatus.OPEN, ParcelStatus.PARTLY_SHIPPED})
        signal = Signal.ALL_SHIPPED if everything else Signal.PART_SHIPPED
        await self._steps.parcels_moved(tx, ctx, order, signal)
        return await show_parcel(tx, ctx, parcel.id)

    async def deliver_parcel(self, tx: Tx, ctx: Context, request: OneParcel[DeliverParcel]) -> VendorParcel:
        """Say that what is on its way of a parcel, or one shipment of it, has arrived.

        Needs an Idempotency-Key or If-Match. Raises ParcelUnknown, ShipmentUnknown, ParcelNotShipped, Denied for
        members who do not ship, PreconditionFailed.
        """
        order, parcel, number = await self._locked(tx, ctx, request.parcel_id)
        wanted = request.form.shipment_id
        arrivals = await store.arrivals(tx, order.order_id, number)
        if wanted is not None and wanted not in {one.shipment_id for one in arrivals}:
            raise domain.ShipmentUnknown(pointer="/shipment_id")
        going = {one.shipment_id for one in arrivals if one.delivered_at is None}
        which = going if wanted is None else going & {wanted}
        # What an older version of this service shipped is a parcel without shipments.
        if not which and (arrivals or parcel.status != ParcelStatus.SHIPPED):
            raise domain.ParcelNotShipped(f"it is {parcel.status}")
        [row] = [row for row in await store.parcels_of(tx, order.order_id) if row.no == number]
        await self._arrived(tx, ctx, order, row, which, ctx.now)
        return await show_parcel(tx, ctx, parcel.id)

    async def hear_carrier(self, tx: Tx, ctx: Context, said: CarrierSaid) -> CarrierHeard:
        """Take a carrier's word, each event once. What is not ours, or has arrived already, is only noted."""
        event, now = said.event, ctx.now
        carrier, status, at = event.carrier, event.status, min(event.at, now)
        if not await store.note_carrier_event(tx, carrier, said.event_id, event.tracking, status, at, now):
            return CarrierHeard(0)
        found = await store.tracked(tx, carrier, event.tracking)
        if not found:
            _log.info("a carrier speaks of what is not known here", carrier=carrier, tracking=event.tracking)
            return CarrierHeard(0)
        orders = await store.lock_orders(tx, [one.order_id for one in found])
        await store.carrier_says(tx, carrier, said.event_id, [one.shipment_id for one in found], status, at)
        if status == "lost":
            _log.warning("a shipment is lost", shipments=[one.shipment_id for one in found], carrier=carrier)
        if status != "delivered":
            return CarrierHeard(len(found))
        for order_id, number in sorted({(one.order_id, one.parcel) for one in found}):
            named = {one.shipment_id for one in found if (one.order_id, one.parcel) == (order_id, number)}
            going = {one.shipment_id for one in await store.arrivals(tx, order_id, number) if one.delivered_at is None}
            if named & going:
                [row] = [row for row in await store.parcels_of(tx, order_id) if row.no == number]
                await self._arrived(tx, ctx, orders[order_id], row, named & going, at)
        return CarrierHeard(len(found))

    async def _arrived(
        self, tx: Tx, ctx: Context, order: Order, parcel: store.ParcelRow, which: Collection[str], at: datetime
    ) -> None:
        """Note that shipments of a locked order's parcel arrived `at`; with the last of them the parcel has."""
        arrivals = await store.arrivals(tx, order.order_id, parcel.no)
        # A carrier's clock may be wrong; nothing arrives before it has left.
        arrived = [(one.shipment_id, max(at, one.shipped_at)) for one in arrivals if one.shipment_id in which]
        known = [one.delivered_at for one in arrivals if one.shipment_id not in which]
        complete = parcel.status == ParcelStatus.SHIPPED and None not in known
        last = max([when for _, when in arrived] + [when for when in known if when is not None], default=at)
        await store.deliver(tx, order.order_id, parcel.no, arrived, last if complete else None)
        if complete:
            tx.emit(
                ParcelDelivered(
                    parcel_id=domain.parcel_id(order.order_id, parcel.no),
                    order_id=order.order_id,
                    account_id=order.account_id,
                    vendor_id=parcel.vendor_id,
                    lines=await store.parcel_lines(tx, order.order_id, parcel.no),
                    delivered_at=last,
                    version=parcel.version + 1,
                    returnable_until=last + self._returns,
                ),
                ctx,
            )
        statuses = {p.status for p in await store.parcels_of(tx, order.order_id)}
        everything = statuses <= {ParcelStatus.DELIVERED, ParcelStatus.CANCELLED}
        signal = Signal.ALL_DELIVERED if everything else Signal.PART_DELIVERED
        await self._steps.parcels_moved(tx, ctx, order, signal)

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
        if ctx.if_match is not None and parcel.version not in ctx.if_match:
            raise PreconditionFailed(f"it is at version {parcel.version} now")
        return orders[place[0]], parcel, place[1]
