"""Use cases of payments. The edge commits; providers are called by jobs, between transactions, never from here."""

from estore.services.payments.service.charging import Charging
from estore.services.payments.service.queries import get_payment, list_payments
from estore.services.payments.service.refunding import Refunding
from estore.services.payments.service.shapes import (
    Action,
    Chain,
    Claim,
    Complete,
    GetPayment,
    Handover,
    ListPayments,
    Outcomes,
    Payments,
    PaymentView,
    PositiveMoney,
    ProviderEvent,
    Received,
    RefundBody,
    RefundOutcomes,
    RefundView,
    StartRefund,
)
from estore.services.payments.store import captures

__all__ = [
    "Action",
    "Chain",
    "Charging",
    "Claim",
    "Complete",
    "GetPayment",
    "Handover",
    "ListPayments",
    "Outcomes",
    "PaymentView",
    "Payments",
    "PositiveMoney",
    "ProviderEvent",
    "Received",
    "RefundBody",
    "RefundOutcomes",
    "RefundView",
    "Refunding",
    "StartRefund",
    "captures",
    "get_payment",
    "list_payments",
]
