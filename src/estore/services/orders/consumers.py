"""RabbitMQ in. One queue per purpose; the saga's answers come in three, so that no publisher waits for another."""

from __future__ import annotations

from estore.contracts.cart import CartChanged
from estore.contracts.catalog import PriceChanged, ProductArchived, ProductChanged, ProductPublished
from estore.contracts.identity import AccountErased
from estore.contracts.inventory import StockRejected, StockReserved
from estore.contracts.ledger import CreditHeld, CreditRefused
from estore.contracts.payments import (
    PaymentCaptured,
    PaymentDisputeClosed,
    PaymentFailed,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRequiresAction,
)
from estore.contracts.vendors import VendorApproved, VendorPlanChanged, VendorSuspended
from estore.kit.bus.base import Subscription
from estore.services.orders.endpoints import Endpoints


def subscriptions(e: Endpoints) -> list[Subscription]:
    """Return what orders hears."""
    return [
        Subscription(
            "orders.offers",
            {
                ProductPublished: e.product_published,
                ProductChanged: e.product_changed,
                PriceChanged: e.price_changed,
                ProductArchived: e.product_archived,
            },
        ),
        Subscription(
            "orders.vendors",
            {
                VendorApproved: e.vendor_approved,
                VendorPlanChanged: e.vendor_plan_changed,
                VendorSuspended: e.vendor_suspended,
            },
        ),
        Subscription("orders.accounts", {AccountErased: e.promoting.account_erased}),
        Subscription("orders.carts", {CartChanged: e.cart_changed}),
        Subscription("orders.stock", {StockReserved: e.stock_reserved, StockRejected: e.stock_rejected}),
        Subscription("orders.credit", {CreditHeld: e.credit_held, CreditRefused: e.credit_refused}),
        Subscription(
            "orders.payments",
            {
                PaymentRequiresAction: e.payment_requires_action,
                PaymentCaptured: e.payment_captured,
                PaymentFailed: e.payment_failed,
                PaymentRefunded: e.back.payment_refunded,
                PaymentRefundFailed: e.back.payment_refund_failed,
                PaymentDisputeClosed: e.back.payment_dispute_closed,
            },
        ),
    ]
