"""What ledger publishes."""

from __future__ import annotations

from datetime import datetime

from estore.kit.contract import Event, event


@event("payout.created.v1", by="ledger", subject="payout_id")
class PayoutCreated(Event, frozen=True, kw_only=True):
    """A vendor is to be paid; the amount is not available any more."""

    payout_id: str
    vendor_id: str
    amount: int
    currency: str
    version: int


@event("payout.paid.v1", by="ledger", subject="payout_id")
class PayoutPaid(Event, frozen=True, kw_only=True):
    """The bank has carried it out."""

    payout_id: str
    vendor_id: str
    amount: int
    currency: str
    paid_at: datetime
    version: int


@event("payout.failed.v1", by="ledger", subject="payout_id")
class PayoutFailed(Event, frozen=True, kw_only=True):
    """It was refused, rejected by an operator, or came back after it had been paid: the amount is available again.

    returned: it had been paid before.
    """

    payout_id: str
    vendor_id: str
    amount: int
    currency: str
    code: str
    returned: bool
    version: int


@event("payout.overdue.v1", by="ledger", subject="payout_id")
class PayoutOverdue(Event, frozen=True, kw_only=True):
    """Created long ago, and neither paid nor failed. Once per payout."""

    payout_id: str
    vendor_id: str
    amount: int
    currency: str
    created_at: datetime
    version: int


@event("balance.negative.v1", by="ledger", subject="vendor_id")
class BalanceNegative(Event, frozen=True, kw_only=True):
    """Refunds or disputes took more than the vendor had available: later sales pay for it. amount: below zero."""

    vendor_id: str
    amount: int
    currency: str
    version: int


@event("reconciliation.differed.v1", by="ledger", subject="report_id")
class ReconciliationDiffered(Event, frozen=True, kw_only=True):
    """A provider's report and the journal do not say the same. differences: how many are new with this report."""

    report_id: str
    provider: str
    differences: int
    version: int


@event("credit.held.v1", by="ledger", subject="order_id")
class CreditHeld(Event, frozen=True, kw_only=True):
    """All the credit that an order asked for is taken off its gift cards and account. Once per order."""

    order_id: str
    amount: int
    currency: str


@event("credit.refused.v1", by="ledger", subject="order_id")
class CreditRefused(Event, frozen=True, kw_only=True):
    """None of it is taken, and none will be. Once per order, and never beside credit.held.

    code: `unknown_card`, `expired`, `disabled`, `insufficient`, `other_currency`, `no_account`.
    """

    order_id: str
    code: str
    detail: str
