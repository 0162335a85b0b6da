"""The purchase saga: one table of what may happen to an order, and what each signal does to it."""

from estore.services.orders.saga.moving import (
    Claim,
    Fact,
    Limits,
    TooEarly,
    advance,
    claim_refund,
    parts_of,
    understood,
)
from estore.services.orders.saga.table import TABLE, Do, Kind, Signal, Step

__all__ = [
    "TABLE",
    "Claim",
    "Do",
    "Fact",
    "Kind",
    "Limits",
    "Signal",
    "Step",
    "TooEarly",
    "advance",
    "claim_refund",
    "parts_of",
    "understood",
]
