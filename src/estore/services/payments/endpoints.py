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
from estore.kit.http import Page
from estore.kit.rate import Rate
from estore.services.payments.domain import DisputeCase, Intent, Refund
from estore.services.payments.service import (
    Action,
    AskReport,
    Claim,
    Complete,
    DisputeView,
    EvidenceOutcome,
    Fetched,
    GetPayment,
    GiveEvidence,
    Hearing,
    Invoice,
    Invoicing,
    ListDisputes,
    ListPayments,
    ListRefunds,
    ListReports,
    MarkPaid,
    MarkRefundPaid,
    Outcomes,
    Payments,
    PaymentView,
    ProviderEvent,
    ProviderReportView,
    Received,
    RefundOutcomes,
    RefundView,
    ReportFailed,
    Reporting,
    ReportRow,
    StartRefund,
    get_dispute,
    get_payment,
    get_report,
    list_disputes,
    list_payments,
    list_refunds,
    list_reports,
)


@dataclass(frozen=True)
class Endpoints:
    get: Endpoint[GetPayment, PaymentView]
    list_: Endpoint[ListPayments, Payments]
    refund: Endpoint[StartRefund, RefundView]
    list_refunds: Endpoint[ListRefunds, Page[RefundView]]
    mark_paid: Endpoint[MarkPaid, PaymentView]
    mark_refund_paid: Endpoint[MarkRefundPaid, RefundView]
    get_dispute: Endpoint[str, DisputeView]
    list_disputes: Endpoint[ListDisputes, Page[DisputeView]]
    give_evidence: Endpoint[GiveEvidence, DisputeView]
    get_report: Endpoint[str, ProviderReportView]
    list_reports: Endpoint[ListReports, Page[ProviderReportView]]
    ask_report: Endpoint[AskReport, ProviderReportView]
    hear_provider: Endpoint[ProviderEvent, Received]
    request_payments: Handler[OrderPaymentRequested]
    close_payments: Handler[OrderCancelled]
    request_refunds: Handler[RefundRequested]
    claim: Endpoint[Claim, list[Intent]]
    record: Endpoint[Outcomes, None]
    forget_webhooks: Endpoint[Claim, int]
    claim_refunds: Endpoint[Claim, list[Refund]]
    record_refunds: Endpoint[RefundOutcomes, None]
    claim_evidence: Endpoint[Claim, list[DisputeCase]]
    record_evidence: Endpoint[EvidenceOutcome, None]
    claim_reports: Endpoint[Claim, list[ReportRow]]
    publish_report: Endpoint[Fetched, None]
    postpone_report: Endpoint[ReportFailed, None]


@dataclass(frozen=True)
class ActionEndpoints:
    """The customer's side of the sandbox provider."""

    show: Endpoint[str, Action]
    complete: Endpoint[tuple[str, Complete], Action]


def build(edge: Edge, hearing: Hearing, invoicing: Invoicing, reporting: Reporting) -> Endpoints:
    """The service's own use cases."""
    charging, refunding, disputing = hearing.charging, hearing.refunding, hearing.disputing
    return Endpoints(
        get=edge.endpoint(get_payment, who=SIGNED_IN, tx=READ, rate=Rate(300)),
        list_=edge.endpoint(list_payments, who=SIGNED_IN, tx=READ, rate=Rate(300)),
        refund=edge.endpoint(refunding.start_refund, who=OPERATOR, tx=WRITE, once=REQUIRED, rate=Rate(120)),
        list_refunds=edge.endpoint(list_refunds, who=OPERATOR, tx=READ, rate=Rate(300)),
        mark_paid=edge.endpoint(invoicing.mark_paid, who=OPERATOR, tx=WRITE, once=REQUIRED, rate=Rate(300)),
        mark_refund_paid=edge.endpoint(
            invoicing.mark_refund_paid, who=OPERATOR, tx=WRITE, once=REQUIRED, rate=Rate(300)
        ),
        get_dispute=edge.endpoint(get_dispute, who=OPERATOR, tx=READ, rate=Rate(300)),
        list_disputes=edge.endpoint(list_disputes, who=OPERATOR, tx=READ, rate=Rate(300)),
        give_evidence=edge.endpoint(disputing.give_evidence, who=OPERATOR, tx=WRITE, once=REQUIRED, rate=Rate(60)),
        get_report=edge.endpoint(get_report, who=OPERATOR, tx=READ, rate=Rate(300)),
        list_reports=edge.endpoint(list_reports, who=OPERATOR, tx=READ, rate=Rate(300)),
        ask_report=edge.endpoint(reporting.ask_report, who=OPERATOR, tx=WRITE, once=REQUIRED, rate=Rate(30)),
        # The signature says who asks; the event's id is its key.
        hear_provider=edge.endpoint(hearing.hear_provider, who=ANYONE, tx=WRITE, timeout=10),
        request_payments=edge.consumer(charging.request_payments),
        close_payments=edge.consumer(charging.close_payments),
        request_refunds=edge.consumer(refunding.request_refunds),
        claim=edge.endpoint(charging.claim_due, who=SYSTEM_ONLY, tx=WRITE, timeout=10),
        record=edge.endpoint(charging.record, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        forget_webhooks=edge.endpoint(hearing.forget_webhooks, who=SYSTEM_ONLY, tx=WRITE, timeout=10),
        claim_refunds=edge.endpoint(refunding.claim_due_refunds, who=SYSTEM_ONLY, tx=WRITE, timeout=10),
        record_refunds=edge.endpoint(refunding.record_refunds, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        claim_evidence=edge.endpoint(disputing.claim_due_evidence, who=SYSTEM_ONLY, tx=WRITE, timeout=10),
        record_evidence=edge.endpoint(disputing.record_evidence, who=SYSTEM_ONLY, tx=WRITE, timeout=10),
        claim_reports=edge.endpoint(reporting.claim_due_reports, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        publish_report=edge.endpoint(reporting.publish_report, who=SYSTEM_ONLY, tx=WRITE, timeout=60),
        postpone_report=edge.endpoint(reporting.postpone_report, who=SYSTEM_ONLY, tx=WRITE, timeout=10),
    )


def build_invoice(edge: Edge, invoicing: Invoicing) -> Endpoint[str, Invoice]:
    """What only exists where customers may pay by invoice. The key in its URL says who asks."""
    return edge.endpoint(invoicing.show_invoice, who=ANYONE, tx=READ, rate=Rate(120))


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
