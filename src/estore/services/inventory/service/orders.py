"""What orders do to stock. Each use case handles a whole batch with a fixed number of statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import Counter

from estore.contracts.inventory import StockRejected, StockReleased, StockReserved
from estore.contracts.orders import OrderCancelled, OrderConfirmed, OrderPlaced, ParcelShipped
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.envelope import Cause, Message
from estore.kit.errors import Transient
from estore.kit.telemetry import log
from estore.services.inventory import domain, store
from estore.services.inventory.domain import Demand, Held, Moved
from estore.services.inventory.service.saving import save

_log = log(__name__)
EXPIRED_AT_ONCE = 500
UNITS = Counter("estore_stock_units_total", "Pieces that were reserved, released and shipped", ["movement"])


class Reservations:
    """margin: how long a reservation outlives its order's deadline, so that a late confirmation finds it."""

    def __init__(self, margin: timedelta) -> None:
        self._margin = margin

    async def reserve(self, tx: Tx, messages: Sequence[Message[OrderPlaced]]) -> None:
        """Hold all lines of each order or none; orders that were cancelled before they came are left alone."""
        margin, now = self._margin, messages[0].now
        by_order = {message.data.order_id: message for message in reversed(messages)}
        fresh = await store.begin_reservations(
            tx, list(by_order), [m.data.deadline + margin for m in by_order.values()], now
        )
        orders = [m for m in sorted(by_order.values(), key=_placed_at) if m.data.order_id in fresh]
        if not orders:
            return
        demands = [_demand(m.data.order_id, m.data.lines) for m in orders]
        shelves = await store.lock_shelves(tx, {sku for demand in demands for sku in demand.wanted})
        decision = domain.reserve(shelves, demands)
        await store.save_decision(tx, decision)
        rejected = decision.rejected
        for message in orders:
            order = message.data
            if (shortages := rejected.get(order.order_id)) is None:
                tx.emit(StockReserved(order_id=order.order_id, expires_at=order.deadline + margin), message)
            else:
                tx.emit(StockRejected(order_id=order.order_id, shortages=shortages), message)
        await save(tx, shelves.values(), messages[-1], now=now)
        _count(tx, "reserved", sum(sum(d.wanted.values()) for d in demands if d.order_id not in rejected))

    async def confirm(self, tx: Tx, messages: Sequence[Message[OrderConfirmed]]) -> None:
        """Paid: hold without a deadline. Takes no stock lock, unless a hold had expired and must be had again.

        Raises Transient when an order was never heard of: its `order.placed` is still on the way.
        """
        now = messages[0].now
        by_order = {message.data.order_id: message for message in messages}
        known = await store.lock_reservations(tx, by_order)
        _all_known(by_order, known)
        active = [r.order_id for r in known.values() if r.state == "active"]
        if active:
            await store.set_states(tx, active, "committed", None, now)
        lost = [r.order_id for r in known.values() if r.state == "rejected" or r.reason == "expired"]
        if lost:
            await _recover(tx, [by_order[order_id] for order_id in lost])

    async def cancel(self, tx: Tx, messages: Sequence[Message[OrderCancelled]]) -> None:
        """Give back what the orders hold; remember those that have not been heard of yet."""
        by_order = {message.data.order_id: message for message in messages}
        await store.bury_cancelled(tx, by_order, messages[0].now)
        known = await store.lock_reservations(tx, by_order)
        ended = [r.order_id for r in known.values() if r.state in ("active", "committed", "oversold")]
        lines = await _release(tx, ended, "cancelled", messages[-1])
        for order_id in _orders_in(lines):
            tx.emit(StockReleased(order_id=order_id, reason="cancelled"), by_order[order_id])

    async def release_expired(self, tx: Tx, ctx: Context, _request: None) -> int:
        """Give back what was held past its deadline, a bounded number of orders; returns how many."""
        order_ids = await store.claim_expired(tx, ctx.now, EXPIRED_AT_ONCE)
        lines = await _release(tx, order_ids, "expired", ctx)
        for order_id in _orders_in(lines):
            tx.emit(StockReleased(order_id=order_id, reason="expired"), ctx)
        return len(order_ids)


async def ship(tx: Tx, messages: Sequence[Message[ParcelShipped]]) -> None:
    """Take shipments off the shelves, each once.

    What left before its order's confirmation was heard of leaves all the same; where its hold had ended, what left is
    kept, so that the confirmation holds only the rest. What cannot be found is noted as missing, where `doctor` sees
    it. Raises Transient for an order that was never heard of.
    """
    now = messages[0].now
    by_id = {_shipment_id(message.data): message.data for message in messages}
    fresh = await store.add_shipments(tx, {one: shipment.order_id for one, shipment in by_id.items()}, now)
    shipments = {one: shipment for one, shipment in by_id.items() if one in fresh}
    if not shipments:
        return
    orders = {shipment.order_id for shipment in shipments.values()}
    known = await store.lock_reservations(tx, orders)
    _all_known(orders, known)
    shelves = await store.lock_shelves(tx, {line.sku for shipment in shipments.values() for line in shipment.lines})
    held: dict[str, list[Held]] = {order_id: [] for order_id in orders}
    for line in await store.lines_of(tx, orders):
        held[line.order_id].append(line)
    moved: list[Moved] = []
    missing: dict[str, int] = {}
    early: list[tuple[str, str, str, int]] = []
    for shipment_id, shipment in shipments.items():
        wanted = _demand(shipment.order_id, shipment.lines).wanted
        taken, short = domain.ship(shelves, held[shipment.order_id], wanted, shipment_id)
        moved += taken
        if short:
            missing[shipment_id] = short
            _log.error("a shipment left without stock", shipment_id=shipment_id, missing=short)
        if _may_come_back(known[shipment.order_id]):
            early += [(shipment_id, shipment.order_id, sku, pieces) for sku, pieces in wanted.items()]
    finished = {shipment.order_id for shipment in shipments.values() if shipment.complete}
    states = {
        order_id: _state_after(known[order_id], held[order_id], order_id in finished)
        for order_id in orders
        if known[order_id].state in ("active", "committed", "oversold")
    }
    _count(tx, "shipped", sum(sum(_demand(s.order_id, s.lines).wanted.values()) for s in shipments.values()))
    lines = [line for group in held.values() for line in group]
    await store.finish_shipments(tx, lines, states, missing, early, now)
    await save(tx, shelves.values(), messages[-1], moved, now=now)


def _shipment_id(shipment: ParcelShipped) -> str:
    """Return what tells repetitions apart. Events of before shipments had ids were one for each parcel."""
    return shipment.shipment_id or shipment.parcel_id


def _may_come_back(reservation: store.Reservation) -> bool:
    """Tell whether a confirmation would hold again for an order that holds nothing now."""
    return reservation.state == "rejected" or reservation.reason == "expired"


def _state_after(reservation: store.Reservation, held: Sequence[Held], finished: bool) -> str:
    """Return the state after a shipment. finished: nothing of its parcel is left."""
    if any(line.quantity for line in held):
        return "committed"
    # What is oversold holds nothing, and still waits for a person while only some of it has left.
    return "oversold" if reservation.state == "oversold" and not finished else "shipped"


async def _release(tx: Tx, order_ids: Sequence[str], reason: str, cause: Cause) -> list[Held]:
    """End locked reservations; returns what they held."""
    if not order_ids:
        return []
    lines = await store.lines_of(tx, order_ids)
    shelves = await store.lock_shelves(tx, {line.sku for line in lines}) if lines else {}
    _count(tx, "released", sum(line.quantity for line in lines))
    domain.release(shelves, lines)
    await store.release_lines(tx, order_ids, reason, cause.now)
    await save(tx, shelves.values(), cause, now=cause.now)
    return lines


async def _recover(tx: Tx, messages: Sequence[Message[OrderConfirmed]]) -> None:
    """Hold again for orders that were paid although their hold had ended; where that fails, keep it as oversold.

    What has left already is not held again.
    """
    gone = await store.shipped_early(tx, [m.data.order_id for m in messages])
    demands = [_demand(m.data.order_id, m.data.lines) for m in messages]
    for demand in demands:
        demand.wanted = domain.left_after(demand.wanted, gone.get(demand.order_id, {}))
    shelves = await store.lock_shelves(tx, {sku for demand in demands for sku in demand.wanted})
    decision = domain.reserve(shelves, demands)
    states = {d.order_id: "committed" if d.wanted else "shipped" for d in demands}
    states |= dict.fromkeys(decision.rejected, "oversold")
    for order_id in decision.rejected:
        _log.error("a paid order has no stock", order_id=order_id)
    await store.save_recovered(tx, decision.holds, states, messages[0].now)
    await save(tx, shelves.values(), messages[-1], now=messages[0].now)


def _count(tx: Tx, movement: str, pieces: int) -> None:
    tx.after_commit(lambda: UNITS.labels(movement).inc(pieces))


def _demand(order_id: str, lines: Iterable[Any]) -> Demand:
    return domain.demand_of(order_id, ((line.sku, line.quantity) for line in lines))


def _placed_at(message: Message[OrderPlaced]) -> datetime:
    return message.envelope.time


def _orders_in(lines: Iterable[Held]) -> list[str]:
    return list(dict.fromkeys(line.order_id for line in lines))


def _all_known(order_ids: Iterable[str], known: Mapping[str, object]) -> None:
    if absent := [order_id for order_id in order_ids if order_id not in known]:
        raise Transient(f"not heard of yet: {', '.join(absent[:5])}")
