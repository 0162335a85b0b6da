"""Commands, answers and views: what goes into the use cases and comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from estore.kit.money import MAX_AMOUNT, Currency, Money
from estore.services.payments import store
from estore.services.payments.domain import Dispute, Finding, Intent, Refund, RefundFinding, RefundSeen


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
    reason: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$", description="For the statement")] = ""


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
    """A refund. status: `requested`, `unknown` (the provider is being asked), `succeeded`, `refused`."""

    id: str
    payment_id: str
    amount: Money
    status: str
    reason: str
    code: str
    created_at: datetime
    settled_at: datetime | None = None


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment. status: `created`, `pending`, `requires_action` (see action_url), `closing`, `captured`, `failed`.

    code, detail: why it failed. reference and history: for operators only.
    """

    id: str
    order_id: str
    status: str
    amount: Money
    captured: Money
    refunded: Money
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
