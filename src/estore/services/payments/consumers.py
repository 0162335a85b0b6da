"""RabbitMQ in."""

from __future__ import annotations

from estore.contracts.orders import OrderCancelled, OrderPaymentRequested, RefundRequested
from estore.kit.bus.base import Subscription
from estore.services.payments.endpoints import Endpoints


def subscriptions(e: Endpoints) -> list[Subscription]:
    """The queues of payments. A cancellation may overtake its request: it leaves a tombstone that the request meets."""
    return [
        Subscription("payments.charges", {OrderPaymentRequested: e.request_payments}),
        Subscription("payments.cancellations", {OrderCancelled: e.close_payments}),
        Subscription("payments.refunds", {RefundRequested: e.request_refunds}),
    ]
