"""Commands, answers and views of payouts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec

from estore.kit.money import Money
from estore.services.ledger.domain.payouts import Finding, Patience, Payout, Terms
from estore.services.ledger.service.banks import BankAccountView, Destination
from estore.services.ledger.service.shapes import PositiveMoney

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Schedule = Literal["daily", "weekly", "manual"]
StatusName = Literal["awaiting_approval", "created", "submitted", "paid", "failed", "returned", "rejected"]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How payouts go here.

    gateway: by name; by_file: it takes files, no calls; currencies: that it takes, None: all. usual: the terms of
    vendors for whom there are no others. cooling: seconds that a changed bank account waits. overdue: seconds after
    which an open payout is overdue. currency: of the marketplace.
    """

    gateway: str
    by_file: bool
    currencies: frozenset[str] | None
    usual: Terms
    cooling: float
    overdue: float
    currency: str
    patience: Patience = Patience()

    @property
    def overdue_after(self) -> timedelta:
        return timedelta(seconds=self.overdue)


class RequestPayout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """amount: all that is available in the marketplace's currency, if absent."""

    vendor_id: Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_]+\Z")]
    amount: PositiveMoney | None = None


class RejectBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """reason: told to the vendor."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*\Z")]


class RejectPayout(msgspec.Struct, frozen=True):
    payout_id: str
    reason: str


class MarkBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the bank did, and when. code: why it failed or came back, such as `AC04` (ISO 20022 reason code)."""

    outcome: Literal["paid", "failed", "returned"]
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    code: Annotated[str, msgspec.Meta(max_length=35, pattern=r"^[A-Za-z0-9_.-]*\Z")] = ""


class MarkPayout(msgspec.Struct, frozen=True):
    payout_id: str
    body: MarkBody


class PutTermsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """weekday: of a weekly schedule. minimum, large: only operators may send them; what is absent stays as it is."""

    schedule: Schedule
    weekday: Weekday | None = None
    minimum: PositiveMoney | None = None
    large: PositiveMoney | None = None


class PutTerms(msgspec.Struct, frozen=True):
    vendor_id: str
    body: PutTermsBody


class TermsView(msgspec.Struct, frozen=True, kw_only=True):
    """When and how a vendor is paid. weekday: of a weekly schedule. minimum: the least that is paid out.

    large: above it two people decide. In another currency there is no minimum, and two people decide on every payout.
    """

    vendor_id: str
    schedule: str
    weekday: str | None
    minimum: Money
    large: Money
    version: int


class Waiting(msgspec.Struct, frozen=True):
    """Why a payout waits. code: `approval`, `suspended`, `no_bank_account`, `cooling`, `currency` or `file`."""

    code: str
    detail: str


class PayoutView(msgspec.Struct, frozen=True, kw_only=True):
    """A payout. amount = carried_in + covered - carried_out.

    carried_in: what the payout before it left; covered: the sum of the lines since then, see `/lines`; carried_out:
    what this one left. waiting_for: why it does not move on. requested_by: None: by schedule. file_id: for operators.
    end_to_end: what the bank's own statement calls it.
    """

    id: str
    vendor_id: str
    status: StatusName
    amount: Money
    carried_in: Money
    covered: Money
    carried_out: Money
    scheduled: bool
    requested_by: str | None
    decided_by: str | None
    bank_account: BankAccountView | None
    waiting_for: Waiting | None
    code: str
    detail: str
    end_to_end: str
    overdue: bool
    created_at: datetime
    submitted_at: datetime | None
    paid_at: datetime | None
    settled_at: datetime | None
    version: int
    reference: str | None = None
    file_id: str | None = None


class ListPayouts(msgspec.Struct, frozen=True, kw_only=True):
    status: str | None
    vendor_id: str | None
    overdue: bool | None
    cursor: str | None
    limit: int


class ListLines(msgspec.Struct, frozen=True):
    payout_id: str
    cursor: str | None
    limit: int


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a line is made of. kind: `sale`, `shipping`, `refund`. amount: what of it the vendor got, or gave back.

    total: what the customer paid, or was given back (below zero). commission, commission_tax: of that, kept by, or
    given back by, the marketplace. funded: what of a discount the marketplace paid, or got back (below zero).
    """

    kind: str
    amount: Money
    total: Money
    commission: Money
    commission_tax: Money
    funded: Money
    line_id: str | None = None
    refund_id: str | None = None
    sku: str | None = None
    title: str | None = None
    quantity: int | None = None


class CoveredLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the vendor's available money. amount: above zero it came in. own: the payout itself took it out.

    entry: its journal entry; kind: why it was posted. balance: what was available after it. parts: for what was sold
    or given back, down to the order's lines.
    """

    seq: int
    entry: str
    kind: str
    at: datetime
    amount: Money
    balance: Money
    own: bool
    ref: str
    order_id: str | None
    order_number: str | None
    parcel_id: str | None
    note: str
    parts: list[Part]


class FileView(msgspec.Struct, frozen=True, kw_only=True):
    """A file for the bank (ISO 20022 pain.001). amount: the sum of its payouts."""

    id: str
    payouts: int
    amount: Money
    created_by: str | None
    created_at: datetime


class ListFiles(msgspec.Struct, frozen=True):
    cursor: str | None
    limit: int


class Transfer(msgspec.Struct, frozen=True):
    """What a bank is told of a payout. key: its idempotency key."""

    key: str
    end_to_end: str
    amount: int
    currency: str
    to: Destination


class Claimed(msgspec.Struct, frozen=True):
    """A payout to ask the bank about. todo: `send` or `lookup`."""

    transfer: Transfer
    todo: str


class Findings(msgspec.Struct, frozen=True):
    """What banks said, in order."""

    found: Sequence[Finding]


class Chain(msgspec.Struct, frozen=True):
    """The chain of causes that a payout came from; what is found out later belongs to it."""

    correlation_id: str
    causation_id: str
    traceparent: str
    now: datetime

    @classmethod
    def of(cls, payout: Payout, now: datetime) -> Chain:
        return cls(payout.correlation_id, payout.causation_id, payout.traceparent, now)


def end_to_end(payout_id: str) -> str:
    """Return what banks call a payout: of the 35 characters that they carry and of those that all of them know."""
    return payout_id.replace("_", "").upper()
