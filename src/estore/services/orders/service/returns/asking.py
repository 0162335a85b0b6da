"""What of an order may go back, and how much of it."""

from __future__ import annotations

from datetime import timedelta

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.services.orders import domain, store
from estore.services.orders.domain import Order
from estore.services.orders.service.commands import ReturnForm
from estore.services.orders.service.refunds import wanted_lines


async def wanted(
    tx: Tx, ctx: Context, order: Order, form: ReturnForm, window: timedelta
) -> list[tuple[store.ReturnableLine, int]]:
    """Return the lines that are to go back, of one parcel that arrived in time, each with its quantity.

    window: after the delivery. Raises ReturnParcelUnknown, LinesOrParcel, LineUnknown, OneParcelOnly, NotReturnable,
    QuantityTooHigh, NothingLeft.
    """
    every = {line.no: line for line in await store.returnable(tx, order.order_id)}
    place = domain.place_of(form.parcel_id) if form.parcel_id is not None else None
    if form.parcel_id is not None and (
        place is None or place[0] != order.order_id or place[1] not in {line.parcel for line in every.values()}
    ):
        raise domain.ReturnParcelUnknown(pointer="/parcel_id")
    if form.lines is None:
        if place is None:
            raise domain.LinesOrParcel(pointer="")
        numbers = [(line.no, line.left) for line in every.values() if line.parcel == place[1] and line.left > 0]
    else:
        numbers = wanted_lines(order.order_id, [(line.line_id, line.quantity) for line in form.lines])
    quantities: dict[int, int] = {}
    of = place[1] if place is not None else None
    for index, (number, quantity) in enumerate(numbers):
        if (line := every.get(number)) is None:
            raise domain.LineUnknown(pointer=f"/lines/{index}/line_id")
        of = line.parcel if of is None else of
        if line.parcel != of:
            raise domain.OneParcelOnly(pointer=f"/lines/{index}/line_id")
        quantities[number] = quantities.get(number, 0) + quantity
    delivered = next((line.delivered_at for line in every.values() if line.parcel == of), None)
    if delivered is None or ctx.now > delivered + window:
        raise domain.NotReturnable("it has not arrived" if delivered is None else "the time to return it is over")
    for index, (number, _) in enumerate(numbers):
        if quantities[number] > (left := max(0, every[number].left)):
            raise domain.QuantityTooHigh(f"{left} can be returned", pointer=f"/lines/{index}/quantity", left=left)
    if not quantities:
        raise domain.NothingLeft()
    return [(every[number], quantity) for number, quantity in quantities.items()]
