"""Orders, what is held for them, and what was paid for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from estore.cli.doctor.comparing import Comparison, Row, Rule, Verdict
from estore.kit.db import Tx
from estore.services.inventory.store import open_reservations
from estore.services.orders.store import OrderFacts, stream_facts
from estore.services.payments.store import captures

PAID = frozenset({"confirmed", "partly_shipped", "shipped", "delivered", "completed"})
STOCK_COMMITTED = frozenset({"confirmed", "partly_shipped"})
STOCK_HELD = frozenset({"placed", "awaiting_payment"})
ENDED = frozenset({"cancelled", "rejected"})


async def orders(tx: Tx) -> AsyncIterator[Row]:
    """Yield (order id, its facts), by id: the first side where orders are compared."""
    async for order in stream_facts(tx):
        yield order.order_id, order


def order_of(values: Sequence[Any]) -> OrderFacts | None:
    """Return what orders say, None where they know of no such order."""
    return values[0][1] if values[0] is not None else None


def _held(values: Sequence[Any]) -> str | None:
    """Return the state of the reservation."""
    return values[1][1] if values[1] is not None else None


def _paid(values: Sequence[Any]) -> tuple[int, int] | None:
    """Return (captured, refunded) in minor units."""
    return (values[2][1], values[2][2]) if values[2] is not None else None


def is_paid_for(values: Sequence[Any]) -> bool:
    """Tell whether orders say that the order was paid for."""
    order = order_of(values)
    return order is not None and order.status in PAID


def _held_for_nothing(values: Sequence[Any]) -> Verdict:
    order, held = order_of(values), _held(values)
    status = order.status if order else None
    if status in STOCK_COMMITTED or (status in STOCK_HELD and held == "active"):
        return None
    return {"reservation": held, "order": status or "unknown"}


def _captured_in_vain(values: Sequence[Any]) -> Verdict:
    order, paid = order_of(values), _paid(values)
    if order is None or paid is None:
        return {"captured": paid[0] if paid else None, "order": "unknown"}
    captured, refunded = paid
    # A lost dispute is given back too, though payments made no refund of it, and never more than was captured.
    given_back = min(captured, refunded + order.disputed)
    agreed = order.captured == captured and order.refunded == given_back
    # Where a refund failed, a person has to act, and both sides say so.
    ended_well = order.status in ENDED and (given_back == captured or order.refund_failed)
    if agreed and (order.status in PAID or ended_well):
        return None
    return {
        "order": order.status,
        "captured": captured,
        "refunded": refunded,
        "captured_say_orders": order.captured,
        "refunded_say_orders": order.refunded,
        "disputed": order.disputed,
    }


def _confirmed_in_vain(values: Sequence[Any]) -> Verdict:
    order, held, paid = order_of(values), _held(values), _paid(values)
    # Where credit or a promotion pays all of it, payments is never asked.
    is_paid = order is not None and (paid is not None or order.to_pay == 0)
    if order is None or (is_paid and (order.status not in STOCK_COMMITTED or held == "committed")):
        return None
    return {"order": order.status, "captured": paid[0] if paid else None, "reservation": held}


def _charged_otherwise(values: Sequence[Any]) -> Verdict:
    order, paid = order_of(values), _paid(values)
    if order is None or paid is None or paid[0] == order.to_pay:
        return None
    return {"order": order.status, "total": order.total, "credit": order.credit, "captured": paid[0]}


ORDERS = Comparison(
    (("orders", orders), ("inventory", open_reservations), ("payments", captures)),
    (
        Rule(6, "stock is held for open orders only", lambda v: v[1] is not None, _held_for_nothing),
        Rule(9, "what was captured is confirmed, or refunded in time", lambda v: v[2] is not None, _captured_in_vain),
        Rule(10, "what is confirmed was captured, and its stock committed", is_paid_for, _confirmed_in_vain),
        Rule(
            11,
            "an order's total, less credit, is what was captured for it",
            lambda v: v[2] is not None and is_paid_for(v),
            _charged_otherwise,
        ),
    ),
    lambda key, _: (key,),
)
