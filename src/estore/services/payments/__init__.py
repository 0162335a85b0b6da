"""Payments: one charge per order, whatever the provider, the network or the process does.

Owns payment intents, their history, captures, voids, refunds, disputes and their evidence, marks of what customers
transferred by invoice, the providers' webhooks, and the spans of time that their reports cover.
Publishes payment.requires_action, payment.captured (at most once per order), payment.failed, payment.refunded,
payment.refund_failed, payment.disputed, payment.dispute_closed, provider.reported (what a provider's own books say).
Hears order.payment_requested (one intent per order), order.cancelled (void, or report a late capture),
refund.requested (once per refund).

How money moves: a consumer records the intent and commits; the pump calls the provider outside any transaction
with an idempotency key derived from the intent; the outcome is recorded in a second transaction, many at once.
A claim on each intent expires, so that another process goes on where one died. What no answer and no webhook
settled is looked up at the provider; what nothing settles by its deadline is voided there first, then failed.
"""

from estore.contracts.orders import OrderCancelled, OrderPaymentRequested, RefundRequested
from estore.contracts.payments import (
    PaymentCaptured,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentFailed,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRequiresAction,
    ProviderReported,
)

PUBLISHES = (
    PaymentRequiresAction,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentDisputed,
    PaymentDisputeClosed,
    ProviderReported,
)
HEARS = (OrderPaymentRequested, OrderCancelled, RefundRequested)
