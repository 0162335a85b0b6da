"""What payments publishes."""

from __future__ import annotations

from datetime import datetime

from estore.kit.contract import Event, event


@event("payment.requires_action.v1", by="payments", subject="order_id")
class PaymentRequiresAction(Event, frozen=True, kw_only=True):
    """The customer must act at action_url before the charge can go on."""

    order_id: str
    payment_id: str
    action_url: str
    expires_at: datetime


@event("payment.captured.v1", by="payments", subject="order_id")
class PaymentCaptured(Event, frozen=True, kw_only=True):
    """The money is ours. At most once per order."""

    order_id: str
    payment_id: str
    amount: int
    currency: str
    captured_at: datetime


@event("payment.failed.v1", by="payments", subject="order_id")
class PaymentFailed(Event, frozen=True, kw_only=True):
    """No charge was made, and none is meant to be.

    code: `declined`, `unknown_method`, `expired`, `action_failed`, `provider_error`, `voided`. Should the provider
    report a charge after all, payment.captured follows, so that it can be refunded.
    """

    order_id: str
    payment_id: str
    code: str
    detail: str


@event("payment.refunded.v1", by="payments", subject="order_id")
class PaymentRefunded(Event, frozen=True, kw_only=True):
    """Money went back. refund_id: of refund.requested, or `rfd_...` of a refund that an operator made at payments."""

    order_id: str
    payment_id: str
    refund_id: str
    amount: int
    currency: str
    refunded_at: datetime


@event("payment.disputed.v1", by="payments", subject="order_id")
class PaymentDisputed(Event, frozen=True, kw_only=True):
    """The customer's bank wants a capture back; the provider told. Once per dispute."""

    order_id: str
    payment_id: str
    dispute_id: str
    amount: int
    currency: str
