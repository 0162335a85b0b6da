"""Payments, refunds and disputes: states, what may follow what, and who may have what is left. No I/O."""

from estore.services.payments.domain.disputes import Dispute, DisputeStatus
from estore.services.payments.domain.errors import (
    CurrencyDiffers,
    MoneyDisputed,
    NotCapturedYet,
    PaymentNotFound,
    RefundExceedsCaptured,
)
from estore.services.payments.domain.intents import (
    TRANSITIONS,
    UNSETTLED,
    Finding,
    Found,
    Intent,
    Pace,
    Status,
    Step,
    give_up_reason,
    next_step,
    settle,
)
from estore.services.payments.domain.refunds import (
    REFUND_TRANSITIONS,
    Purse,
    Refund,
    RefundFinding,
    RefundFound,
    RefundSeen,
    RefundStatus,
    settle_refund,
)

__all__ = [
    "REFUND_TRANSITIONS",
    "TRANSITIONS",
    "UNSETTLED",
    "CurrencyDiffers",
    "Dispute",
    "DisputeStatus",
    "Finding",
    "Found",
    "Intent",
    "MoneyDisputed",
    "NotCapturedYet",
    "Pace",
    "PaymentNotFound",
    "Purse",
    "Refund",
    "RefundExceedsCaptured",
    "RefundFinding",
    "RefundFound",
    "RefundSeen",
    "RefundStatus",
    "Status",
    "Step",
    "give_up_reason",
    "next_step",
    "settle",
    "settle_refund",
]
