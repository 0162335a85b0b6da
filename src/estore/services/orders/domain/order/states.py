"""Where an order, its money and its parcels are."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where an order is. The last three are final."""

    PLACED = "placed"
    AWAITING_PAYMENT = "awaiting_payment"
    CONFIRMED = "confirmed"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


FINAL = frozenset({State.COMPLETED, State.REJECTED, State.CANCELLED})


class PaymentStatus(StrEnum):
    """Where its money is. `voided`: the order ended before anything was charged."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    CAPTURED = "captured"
    FAILED = "failed"
    VOIDED = "voided"
    REFUND_PENDING = "refund_pending"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


class CreditKind(StrEnum):
    GIFT_CARD = "gift_card"
    STORE_CREDIT = "store_credit"


class ParcelStatus(StrEnum):
    """`pending`: the order is not confirmed, and the vendor does not see the parcel. `open`: to be shipped.

    `partly_shipped`: something of it was handed over, and something is left.
    """

    PENDING = "pending"
    OPEN = "open"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


def is_settled(status: str, payment_status: str) -> bool:
    """Tell whether the customer knows the outcome: it is decided, or it is their turn to act."""
    return status not in (State.PLACED, State.AWAITING_PAYMENT) or payment_status == PaymentStatus.REQUIRES_ACTION
