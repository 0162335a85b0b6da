"""What the ledger hears. Nothing depends on the order: what comes too early is refused for now and comes again."""

from __future__ import annotations

from estore.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderCreditRequested,
    ParcelDelivered,
    ParcelShipped,
    RefundAllocated,
    RefundCredited,
    ReturnClosed,
    ReturnRequested,
)
from estore.contracts.payments import (
    PaymentCaptured,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentRefunded,
    PaymentRefundFailed,
    ProviderReported,
)
from estore.contracts.vendors import VendorApproved, VendorBankAccountChanged, VendorSuspended
from estore.kit.bus.base import Subscription
from estore.services.ledger.endpoints import CreditEndpoints, Endpoints

# Climbing the ladder of retries this often takes hours: another service may be away for so long.
PATIENCE = 24


def subscriptions(e: Endpoints, credit: CreditEndpoints) -> list[Subscription]:
    """Return the ledger's queues."""
    return [
        Subscription(
            "ledger.entries",
            {
                PaymentCaptured: e.payment_captured,
                OrderConfirmed: e.order_confirmed,
                OrderCancelled: e.order_cancelled,
                ParcelShipped: e.parcel_shipped,
                ParcelDelivered: e.parcel_delivered,
                ReturnRequested: e.return_requested,
                PaymentDisputed: e.payment_disputed,
                RefundAllocated: e.refund_allocated,
                PaymentRefunded: e.payment_refunded,
                PaymentRefundFailed: e.refund_failed,
                ReturnClosed: e.return_closed,
                PaymentDisputeClosed: e.dispute_closed,
            },
            batch=1000,
            pace=0.5,
            attempts=PATIENCE,
        ),
        # Somebody waits at the checkout for these, behind no other entries.
        Subscription(
            "ledger.credit",
            {OrderCreditRequested: credit.credit_requested, RefundCredited: credit.refund_credited},
            batch=200,
            attempts=PATIENCE,
        ),
        Subscription("ledger.reports", {ProviderReported: e.provider_reported}, batch=20, attempts=PATIENCE),
        Subscription(
            "ledger.vendors",
            {
                VendorApproved: e.vendor_approved,
                VendorSuspended: e.vendor_suspended,
                VendorBankAccountChanged: e.bank_account_changed,
            },
            batch=500,
        ),
    ]
