"""ledger: whose money it is, cent by cent.

I own the double-entry journal, vendors' balances, holds and reserves, payouts, the bank accounts they go to,
statements, gift cards and store credit, and the reconciliation with what payment providers report.
I publish payouts created, paid, failed and overdue, balances that fell below zero, reports that differ, and whether an
order's credit is held.
I hear what was captured, given back and disputed (payments), who earned it, who bears it and what credit pays (orders),
who the vendors are and where they want to be paid (vendors).

Each entry is posted once per source (`entry.source` is UNIQUE), sums to zero and never changes: triggers see to both.
Accounts of vendors, gift cards and customers are locked in one place (`store.journal.post`, sorted); the platform's
are never locked.
"""

from estore.contracts.ledger import (
    BalanceNegative,
    CreditHeld,
    CreditRefused,
    PayoutCreated,
    PayoutFailed,
    PayoutOverdue,
    PayoutPaid,
    ReconciliationDiffered,
)
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

NAME = "ledger"
PUBLISHES = (
    PayoutCreated,
    PayoutPaid,
    PayoutFailed,
    PayoutOverdue,
    BalanceNegative,
    ReconciliationDiffered,
    CreditHeld,
    CreditRefused,
)
HEARS = (
    OrderConfirmed,
    OrderCancelled,
    OrderCreditRequested,
    ParcelShipped,
    ParcelDelivered,
    RefundAllocated,
    RefundCredited,
    ReturnRequested,
    ReturnClosed,
    PaymentCaptured,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentDisputed,
    PaymentDisputeClosed,
    ProviderReported,
    VendorApproved,
    VendorSuspended,
    VendorBankAccountChanged,
)
