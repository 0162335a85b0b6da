"""Commands, answers and views: what goes into the use cases and comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from estore.contracts.payments import ReportLine
from estore.kit.money import MAX_AMOUNT, Currency, Money
from estore.services.payments import store
from estore.services.payments.domain import Dispute, Finding, Intent, Refund, RefundFinding, RefundSeen

AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]


class Chain(msgspec.Struct, frozen=True):
    """The chain of causes that an intent came from; what is found out later belongs to it."""

    correlation_id: str
    causation_id: str
    traceparent: str
    now: datetime

    @classmethod
    def of(cls, about: Intent | Refund, now: datetime) -> Chain:
        return cls(about.correlation_id, about.causation_id, about.traceparent, now)


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What the sandbox asks a customer. status: `requires_action` until somebody acted, then what came of it."""

    id: str
    status: str
    amount: Money
    outcomes: tuple[Literal["succeed"], Literal["fail"]] = ("succeed", "fail")


class Complete(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer decides."""

    outcome: Literal["succeed", "fail"]


class PositiveMoney(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """More than nothing, in minor units."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT, description="Integer minor units", examples=[1999])]
    currency: Currency


class RefundBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much to give back, and why (for the statement; no personal data)."""

    amount: PositiveMoney
    reason: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*\Z", description="For the statement")] = ""


_Text = msgspec.Meta(min_length=1, max_length=20_000, pattern=r"^[^\x00]*\Z")
_Reference = msgspec.Meta(
    min_length=1, max_length=140, pattern=r"^[^\x00-\x1f]*\Z", description="The bank's, as on the statement"
)


class EvidenceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What speaks for the charge, in words for the bank: what was ordered, shipped and delivered when."""

    text: Annotated[str, _Text]


class GiveEvidence(msgspec.Struct, frozen=True):
    dispute_id: str
    body: EvidenceBody


class EvidenceOutcome(msgspec.Struct, frozen=True):
    """What came of offering evidence; see domain.evidence_offered."""

    dispute_id: str
    refused: str | None


class ListDisputes(msgspec.Struct, frozen=True):
    status: str | None
    cursor: str | None
    limit: int


class MarkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money of a customer on our bank statement. received_at: when the bank booked it."""

    amount: PositiveMoney
    received_at: AwareTime
    bank_reference: Annotated[str, _Reference]


class MarkPaid(msgspec.Struct, frozen=True):
    payment_id: str
    body: MarkBody


class MarkRefundBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money that we transferred back. paid_at: when the bank booked it."""

    amount: PositiveMoney
    paid_at: AwareTime
    bank_reference: Annotated[str, _Reference]


class MarkRefundPaid(msgspec.Struct, frozen=True):
    refund_id: str
    body: MarkRefundBody


class BankAccount(msgspec.Struct, frozen=True):
    """Where customers transfer to. iban: without spaces. days: within which an invoice asks to be paid."""

    holder: str
    iban: str
    bic: str
    days: int


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """What to transfer where. reference: to be written on the transfer (ISO 11649). status: of the payment."""

    payment_id: str
    status: str
    amount: Money
    holder: str
    iban: str
    bic: str
    reference: str
    payable_until: datetime


class AskReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A span of a provider's books: from since, inclusive, to until, exclusive."""

    provider: Annotated[str, msgspec.Meta(max_length=40)]
    since: AwareTime
    until: AwareTime


class ListReports(msgspec.Struct, frozen=True):
    provider: str | None
    cursor: str | None
    limit: int


class Fetched(msgspec.Struct, frozen=True):
    """A report that a provider gave."""

    report: store.ReportRow
    lines: Sequence[ReportLine]


class ReportFailed(msgspec.Struct, frozen=True):
    """A report that a provider did not give."""

    report: store.ReportRow
    detail: str


class ListRefunds(msgspec.Struct, frozen=True):
    provider: str | None
    status: str | None
    cursor: str | None
    limit: int


class StartRefund(msgspec.Struct, frozen=True):
    payment_id: str
    body: RefundBody


class GetPayment(msgspec.Struct, frozen=True):
    payment_id: str


class ListPayments(msgspec.Struct, frozen=True):
    order_id: str


class ProviderEvent(msgspec.Struct, frozen=True):
    """A verified webhook: it tells a finding, a dispute, a refund, or nothing that matters here.

    event_id: the provider's, the same on every delivery. payment_id: ours, empty if it names none. charge_reference:
    the provider's id of the charge, by which the payment is found where payment_id is empty.
    """

    provider: str
    event_id: str
    kind: str
    payment_id: str
    finding: Finding | None = None
    dispute: Dispute | None = None
    refund: RefundSeen | None = None
    charge_reference: str = ""


class Received(msgspec.Struct, frozen=True):
    """The answer to a webhook. replayed: it had been heard before."""

    received: bool = True
    replayed: bool = False


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """A refund. status: `requested`, `unknown` (the provider is being asked), `processing` (the provider is at it; by
    invoice: you are to transfer it), `succeeded`, `refused`.

    code: why it was refused; `payments.refund_undone` of one that succeeded: the money came back from the customer's
    bank later, and is to be transferred by hand.
    """

    id: str
    payment_id: str
    amount: Money
    status: str
    reason: str
    code: str
    created_at: datetime
    settled_at: datetime | None = None


class DisputeView(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute. status: `opened`, `evidence_submitted`, `won`, `lost`. reference: the provider's id of it.

    evidence_sent_at: when the provider had taken the evidence; evidence_code: why it never will.
    """

    id: str
    payment_id: str
    order_id: str
    provider: str
    reference: str
    amount: Money
    status: str
    reason: str
    evidence_due_at: datetime | None
    evidence: str | None
    evidence_at: datetime | None
    evidence_sent_at: datetime | None
    evidence_code: str
    created_at: datetime
    closed_at: datetime | None


class ProviderReportView(msgspec.Struct, frozen=True, kw_only=True):
    """A report of a provider's books. status: `requested`, `published`. detail: why the last try did not succeed."""

    id: str
    provider: str
    since: datetime
    until: datetime
    status: str
    parts: int
    lines: int
    tries: int
    detail: str
    created_at: datetime
    published_at: datetime | None


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment. status: `created`, `pending`, `requires_action` (see action_url), `closing`, `captured`, `failed`.

    code, detail: why it failed. disputed: what banks have claimed back, or keep. reference, history: for operators.
    """

    id: str
    order_id: str
    status: str
    amount: Money
    captured: Money
    refunded: Money
    disputed: Money
    payment_method: str
    provider: str
    code: str
    detail: str
    action_url: str | None
    expires_at: datetime
    created_at: datetime
    captured_at: datetime | None
    refunds: list[RefundView]
    reference: str | None = None
    history: list[store.HistoryRow] | None = None
    version: int = 1


class Payments(msgspec.Struct, frozen=True):
    """A page of payments: an order has one at most."""

    data: list[PaymentView]
    next_cursor: str | None = None


@dataclass
class Handover:
    """Where committed work goes at once, instead of waiting to be found due.

    room: how many more intents this process will charge soon. take: is given claimed ones. wake: some are due.
    """

    room: Callable[[], int] = field(default=lambda: 0)
    take: Callable[[Sequence[Intent]], None] = field(default=lambda _: None)
    wake: Callable[[], None] = field(default=lambda: None)


class Outcomes(msgspec.Struct, frozen=True):
    """What was found out about intents: (payment id, finding), in order."""

    found: Sequence[tuple[str, Finding]]


class RefundOutcomes(msgspec.Struct, frozen=True):
    """What was found out about refunds: (refund, finding)."""

    found: Sequence[tuple[Refund, RefundFinding]]


class Claim(msgspec.Struct, frozen=True):
    at_most: int
