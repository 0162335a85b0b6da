"""What was captured, sold and given back, as the books have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from estore.cli.doctor.comparing import Comparison, Rule, Verdict
from estore.cli.doctor.orders import PAID, is_paid_for, order_of, orders
from estore.services.ledger.store import stream_orders
from estore.services.payments.store import captures


def _posted(values: Sequence[Any]) -> tuple[int, ...]:
    """Return what the ledger posted for an order, in minor units.

    They are: sold, captured, refunded, taken as credit, given back as credit.
    """
    return tuple(values[2][1:]) if values[2] is not None else (0,) * 5


def _sold_otherwise(values: Sequence[Any]) -> Verdict:
    order, sold = order_of(values), _posted(values)[0]
    if order is not None and (sold == order.total or (not sold and order.status not in PAID)):
        return None
    return {"order": order.status if order else "unknown", "total": order.total if order else None, "posted": sold}


def _captured_otherwise(values: Sequence[Any]) -> Verdict:
    captured, posted = (values[1][1] if values[1] is not None else 0), _posted(values)[1]
    return None if captured == posted else {"captured": captured, "posted": posted}


def _refunded_otherwise(values: Sequence[Any]) -> Verdict:
    refunded, posted = (values[1][2] if values[1] is not None else 0), _posted(values)[2]
    return None if refunded == posted else {"refunded": refunded, "posted": posted}


def _credit(values: Sequence[Any]) -> tuple[int, int]:
    order = order_of(values)
    return (order.credit or 0, order.credit_refunded) if order is not None else (0, 0)


def _credited_otherwise(values: Sequence[Any]) -> Verdict:
    (credit, back), (_, _, _, posted, posted_back) = _credit(values), _posted(values)
    if (credit, back) == (posted, posted_back):
        return None
    return {"credit": credit, "posted": posted, "given_back": back, "posted_back": posted_back}


BOOKS = Comparison(
    (("orders", orders), ("payments", captures), ("ledger", stream_orders)),
    (
        Rule(
            4,
            "what is confirmed is sold in the ledger, for its total",
            lambda v: is_paid_for(v) or _posted(v)[0] > 0,
            _sold_otherwise,
        ),
        Rule(
            4,
            "what was captured is in the ledger",
            lambda v: v[1] is not None or _posted(v)[1] > 0,
            _captured_otherwise,
        ),
        Rule(
            4,
            "what was given back is in the ledger",
            lambda v: (v[1] is not None and v[1][2] > 0) or _posted(v)[2] > 0,
            _refunded_otherwise,
        ),
        Rule(
            4,
            "what orders took and gave back as credit is in the ledger",
            lambda v: any(_credit(v)) or any(_posted(v)[3:]),
            _credited_otherwise,
        ),
    ),
    lambda key, _: (key,),
    youngest="ledger",
)
