"""What orders do to stock. Each use case handles a whole batch with a fixed number of statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

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
    """Take parcels off the shelves, each once.

    A parcel that left before its order's confirmation was heard of leaves all the same. What cannot be found is
    noted as missing, where `doctor` sees it. Raises Transient for an order that was never heard of.
    """
    now = messages[0].now
    by_parcel = {message.data.parcel_id: message.data for message in messages}
    fresh = await store.add_shipments(tx, {p.parcel_id: p.order_id for p in by_parcel.values()}, now)
    parcels = [parcel for parcel_id, parcel in by_parcel.items() if parcel_id in fresh]
    if not parcels:
        return
    orders = {parcel.order_id for parcel in parcels}
    known = await store.lock_reservations(tx, orders)
    _all_known(orders, known)
    shelves = await store.lock_shelves(tx, {line.sku for parcel in parcels for line in parcel.lines})
    held: dict[str, list[Held]] = {order_id: [] for order_id in orders}
    for line in await store.lines_of(tx, orders):
        held[line.order_id].append(line)
    moved: list[Moved] = []
    missing: dict[str, int] = {}
    for parcel in parcels:
        demand = _demand(parcel.order_id, parcel.lines)
        taken, short = domain.ship(shelves, held[parcel.order_id], demand.wanted, parcel.parcel_id)
        moved += taken
        if short:
            missing[parcel.parcel_id] = short
            _log.error("a parcel left without stock", parcel_id=parcel.parcel_id, missing=short)
    states = {
        order_id: "committed" if any(line.quantity for line in held[order_id]) else "shipped"
        for order_id in orders
        if known[order_id].state in ("active", "committed", "oversold")
    }
    lines = [line for group in held.values() for line in group]
    await store.finish_shipments(tx, lines, states, missing, now)
    await save(tx, shelves.values(), messages[-1], moved, now=now)


async def _release(tx: Tx, order_ids: Sequence[str], reason: str, cause: Cause) -> list[Held]:
    """End locked reservations; returns what they held."""
    if not order_ids:
        return []
    lines = await store.lines_of(tx, order_ids)
    shelves = await store.lock_shelves(tx, {line.sku for line in lines}) if lines else {}
    domain.release(shelves, lines)
    await store.release_lines(tx, order_ids, reason, cause.now)
    await save(tx, shelves.values(), cause, now=cause.now)
    return lines


async def _recover(tx: Tx, messages: Sequence[Message[OrderConfirmed]]) -> None:
    """Hold again for orders that were paid although their hold had ended; where that fails, keep it as oversold."""
    demands = [_demand(m.data.order_id, m.data.lines) for m in messages]
    shelves = await store.lock_shelves(tx, {sku for demand in demands for sku in demand.wanted})
    decision = domain.reserve(shelves, demands)
    states = {d.order_id: "oversold" if d.order_id in decision.rejected else "committed" for d in demands}
    for order_id in decision.rejected:
        _log.error("a paid order has no stock", order_id=order_id)
    await store.save_recovered(tx, decision.holds, states, messages[0].now)
    await save(tx, shelves.values(), messages[-1], now=messages[0].now)


def _demand(order_id: str, lines: Iterable[Any]) -> Demand:
    return domain.demand_of(order_id, ((line.sku, line.quantity) for line in lines))


def _placed_at(message: Message[OrderPlaced]) -> datetime:
    return message.envelope.time


def _orders_in(lines: Iterable[Held]) -> list[str]:
    return list(dict.fromkeys(line.order_id for line in lines))


def _all_known(order_ids: Iterable[str], known: Mapping[str, object]) -> None:
    if absent := [order_id for order_id in order_ids if order_id not in known]:
        raise Transient(f"not heard of yet: {', '.join(absent[:5])}")
