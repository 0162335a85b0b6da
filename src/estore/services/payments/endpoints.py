"""Who may do what, how often, and how long it may take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from estore.contracts.orders import OrderCancelled, OrderPaymentRequested, RefundRequested
from estore.kit.context import Context
from estore.kit.endpoint import (
    ANYONE,
    NONE,
    OPERATOR,
    READ,
    REQUIRED,
    SIGNED_IN,
    SYSTEM_ONLY,
    WRITE,
    Edge,
    Endpoint,
    Handler,
)
from estore.kit.rate import Rate
from estore.services.payments.domain import Intent, Refund
from estore.services.payments.service import (
    Action,
    Charging,
    Claim,
    Complete,
    GetPayment,
    ListPayments,
    Outcomes,
    Payments,
    PaymentView,
    ProviderEvent,
    Received,
    Refunding,
    RefundOutcomes,
    RefundView,
    StartRefund,
    get_payment,
    list_payments,
)


@dataclass(frozen=True)
class Endpoints:
    get: Endpoint[GetPayment, PaymentView]
    list_: Endpoint[ListPayments, Payments]
    refund: Endpoint[StartRefund, RefundView]
    hear_provider: Endpoint[ProviderEvent, Received]
    request_payments: Handler[OrderPaymentRequested]
    close_payments: Handler[OrderCancelled]
    request_refunds: Handler[RefundRequested]
    claim: Endpoint[Claim, list[Intent]]
    record: Endpoint[Outcomes, None]
    forget_webhooks: Endpoint[Claim, int]
    claim_refunds: Endpoint[Claim, list[Refund]]
    record_refunds: Endpoint[RefundOutcomes, None]


@dataclass(frozen=True)
class ActionEndpoints:
    """The customer's side of the sandbox provider."""

    show: Endpoint[str, Action]
    complete: Endpoint[tuple[str, Complete], Action]


def build(edge: Edge, charging: Charging, refunding: Refunding) -> Endpoints:
    """The service's own use cases."""
    return Endpoints(
        get=edge.endpoint(get_payment, who=SIGNED_IN, tx=READ, rate=Rate(300)),
        list_=edge.endpoint(list_payments, who=SIGNED_IN, tx=READ, rate=Rate(300)),
        refund=edge.endpoint(refunding.start_refund, who=OPERATOR, tx=WRITE, once=REQUIRED, rate=Rate(120)),
        # The signature says who asks; the event's id is its key.
        hear_provider=edge.endpoint(charging.hear_provider, who=ANYONE, tx=WRITE, timeout=10),
        request_payments=edge.consumer(charging.request_payments),
        close_payments=edge.consumer(charging.close_payments),
        request_refunds=edge.consumer(refunding.request_refunds),
        claim=edge.endpoint(charging.claim_due, who=SYSTEM_ONLY, tx=WRITE, timeout=10),
        record=edge.endpoint(charging.record, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        forget_webhooks=edge.endpoint(charging.forget_webhooks, who=SYSTEM_ONLY, tx=WRITE, timeout=10),
        claim_refunds=edge.endpoint(refunding.claim_due_refunds, who=SYSTEM_ONLY, tx=WRITE, timeout=10),
        record_refunds=edge.endpoint(refunding.record_refunds, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
    )


def build_actions(
    edge: Edge,
    show: Callable[[Context, str], Awaitable[Action]],
    complete: Callable[[Context, tuple[str, Complete]], Awaitable[Action]],
) -> ActionEndpoints:
    """What only exists where the sandbox may be used."""
    return ActionEndpoints(
        show=edge.endpoint(show, who=ANYONE, tx=NONE, rate=Rate(120)),
        complete=edge.endpoint(complete, who=ANYONE, tx=NONE, rate=Rate(60)),
    )
