"""What payments publishes."""

from __future__ import annotations

from datetime import datetime

import msgspec

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
    """The money is ours. At most once per order. provider: who holds it, `invoice` for our own bank account."""

    order_id: str
    payment_id: str
    amount: int
    currency: str
    captured_at: datetime
    provider: str = "sandbox"


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
    provider: str = "sandbox"


@event("payment.refund_failed.v1", by="payments", subject="order_id")
class PaymentRefundFailed(Event, frozen=True, kw_only=True):
    """A refund that was asked for did not happen and will not: the money is still here. code: why."""

    order_id: str
    payment_id: str
    refund_id: str
    amount: int
    currency: str
    code: str


@event("payment.disputed.v1", by="payments", subject="order_id")
class PaymentDisputed(Event, frozen=True, kw_only=True):
    """The customer's bank wants a capture back and the provider took it from us for now. Once per dispute.

    amount: in the capture's currency; all of the capture where the bank claims it in another.
    """

    order_id: str
    payment_id: str
    dispute_id: str
    amount: int
    currency: str
    reason: str = ""
    evidence_due_at: datetime | None = None
    provider: str = "sandbox"


@event("payment.dispute_closed.v1", by="payments", subject="order_id")
class PaymentDisputeClosed(Event, frozen=True, kw_only=True):
    """The bank has decided, for good. won: the money is back with us; otherwise it stays with the customer.

    amount: as in payment.disputed.
    """

    order_id: str
    payment_id: str
    dispute_id: str
    amount: int
    currency: str
    won: bool
    closed_at: datetime
    provider: str = "sandbox"


class ReportLine(msgspec.Struct, frozen=True, gc=False):
    """One movement in the provider's own books. amount: what it did to what the provider holds for us, refunds below
    zero; fee: what the provider kept for it.

    kind: `capture`, `refund`, `dispute`, `dispute_won`. key: our id of it (pay_, rfd_, dsp_), empty if the provider
    does not know it. payment_id: of the capture that it is about, empty if the provider speaks of none of ours.
    reference: the provider's id of the movement. about: its id of what moved, where that is another.
    """

    kind: str
    reference: str
    key: str
    payment_id: str
    amount: int
    fee: int
    currency: str
    at: datetime
    about: str = ""


@event("provider.reported.v1", by="payments", subject="report_id")
class ProviderReported(Event, frozen=True, kw_only=True):
    """A part of a provider's report of all that happened from since (inclusive) to until (exclusive).

    part: from 1 to parts, which may arrive in any order. An empty report is one part without lines.
    """

    report_id: str
    provider: str
    since: datetime
    until: datetime
    part: int
    parts: int
    lines: tuple[ReportLine, ...]
