"""Orders: decides what a purchase costs and what becomes of it. Nobody else moves an order.

I own: quotes, promotions and customer groups, tax and shipping tables, orders with their lines, one parcel per vendor,
refunds and who bears them, returns, the saga.
I publish: order.placed, order.credit_requested, order.payment_requested, order.confirmed, order.cancelled,
order.completed, parcel.shipped, parcel.delivered, refund.requested, refund.allocated, refund.credited, return.*.
I hear: products and prices (what can be sold), vendors (who may sell, at which commission), carts (what is in them),
stock.reserved and stock.rejected, credit.held and credit.refused, payment.* (what the saga waits for, and what
went back without us), account.erased (who is no more is in no customer group).
"""

from estore.contracts.cart import CartChanged
from estore.contracts.catalog import PriceChanged, ProductArchived, ProductChanged, ProductPublished
from estore.contracts.identity import AccountErased
from estore.contracts.inventory import StockRejected, StockReserved
from estore.contracts.ledger import CreditHeld, CreditRefused
from estore.contracts.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderCreditRequested,
    OrderPaymentRequested,
    OrderPlaced,
    ParcelDelivered,
    ParcelShipped,
    RefundAllocated,
    RefundCredited,
    RefundRequested,
    ReturnApproved,
    ReturnClosed,
    ReturnReceived,
    ReturnRequested,
)
from estore.contracts.payments import (
    PaymentCaptured,
    PaymentDisputeClosed,
    PaymentFailed,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRequiresAction,
)
from estore.contracts.vendors import VendorApproved, VendorPlanChanged, VendorSuspended

PUBLISHES = (
    OrderPlaced,
    OrderCreditRequested,
    OrderPaymentRequested,
    OrderConfirmed,
    OrderCancelled,
    OrderCompleted,
    ParcelShipped,
    ParcelDelivered,
    RefundRequested,
    RefundAllocated,
    RefundCredited,
    ReturnRequested,
    ReturnApproved,
    ReturnReceived,
    ReturnClosed,
)
HEARS = (
    ProductPublished,
    ProductChanged,
    ProductArchived,
    PriceChanged,
    VendorApproved,
    VendorSuspended,
    VendorPlanChanged,
    CartChanged,
    AccountErased,
    StockReserved,
    StockRejected,
    CreditHeld,
    CreditRefused,
    PaymentRequiresAction,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentDisputeClosed,
)
