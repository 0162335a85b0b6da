"""What each event does to the accounts. Each posting's source is derived from what happened, so it happens once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from estore.contracts.orders import OrderConfirmed, ParcelShare, RefundAllocated, RefundShare
from estore.contracts.payments import PaymentCaptured, PaymentDisputeClosed, PaymentDisputed, PaymentRefunded
from estore.services.ledger.domain.accounts import Account, Kind, of_platform, of_vendor
from estore.services.ledger.domain.journal import EntryKind, Posting, transfer


def payable_of(share: ParcelShare) -> int:
    """Return what the vendor earns with a parcel, in minor units."""
    return share.total + share.funded - share.commission - share.commission_tax


def borne_by_vendor(share: RefundShare) -> int:
    """Return what a refund takes from the vendor, in minor units."""
    return share.amount + share.funded - share.commission - share.commission_tax


def captured(event: PaymentCaptured) -> Posting:
    """A provider holds a customer's money."""
    return Posting(
        source=f"capture:{event.payment_id}",
        kind=EntryKind.CAPTURE,
        currency=event.currency,
        ref=event.payment_id,
        order_id=event.order_id,
        occurred_at=event.captured_at,
        lines=transfer(_clearing(event), _customer(event.currency), event.amount),
    )


def refunded(event: PaymentRefunded) -> Posting:
    """A provider gave it back."""
    return Posting(
        source=f"refund_paid:{event.refund_id}",
        kind=EntryKind.REFUND_PAID,
        currency=event.currency,
        ref=event.refund_id,
        order_id=event.order_id,
        occurred_at=event.refunded_at,
        lines=transfer(_customer(event.currency), _clearing(event), event.amount),
    )


def disputed(event: PaymentDisputed, at: datetime) -> Posting:
    """A bank took it, for now."""
    return Posting(
        source=f"dispute:{event.dispute_id}",
        kind=EntryKind.DISPUTE,
        currency=event.currency,
        ref=event.dispute_id,
        order_id=event.order_id,
        note=event.reason,
        occurred_at=at,
        lines=transfer(_disputed(event), _clearing(event), event.amount),
    )


def dispute_closed(event: PaymentDisputeClosed) -> Posting:
    """The bank gave it back to us, or to the customer."""
    kind = EntryKind.DISPUTE_WON if event.won else EntryKind.DISPUTE_LOST
    return Posting(
        source=f"{kind}:{event.dispute_id}",
        kind=kind,
        currency=event.currency,
        ref=event.dispute_id,
        order_id=event.order_id,
        occurred_at=event.closed_at,
        lines=transfer(_clearing(event) if event.won else _customer(event.currency), _disputed(event), event.amount),
    )


def sold(event: OrderConfirmed, at: datetime) -> Posting:
    """The customer's money is the vendors', with what the marketplace pays of discounts, but for what it keeps."""
    currency = event.totals.currency
    earned: dict[str, int] = defaultdict(int)
    for share in event.parcels:
        earned[share.vendor_id] += payable_of(share)
    return Posting(
        source=f"sale:{event.order_id}",
        kind=EntryKind.SALE,
        currency=currency,
        ref=event.order_id,
        order_id=event.order_id,
        note=event.number,
        occurred_at=at,
        lines=(
            (_customer(currency), event.totals.total),
            (of_platform(Kind.PROMOTIONS, currency), sum(share.funded for share in event.parcels)),
            *((of_vendor(Kind.PENDING, vendor, currency), -amount) for vendor, amount in sorted(earned.items())),
            (of_platform(Kind.COMMISSION, currency), -sum(share.commission for share in event.parcels)),
            (of_platform(Kind.COMMISSION_TAX, currency), -sum(share.commission_tax for share in event.parcels)),
        ),
    )


def allocated(event: RefundAllocated, stages: dict[str, Kind]) -> Posting:
    """Who bears a refund. stages: of each parcel, the account in which its money is now."""
    taken = [(of_vendor(stages[s.parcel_id], s.vendor_id, event.currency), borne_by_vendor(s)) for s in event.shares]
    return Posting(
        source=f"refund:{event.refund_id}",
        kind=EntryKind.REFUND,
        currency=event.currency,
        ref=event.refund_id,
        order_id=event.order_id,
        note=event.reason,
        occurred_at=event.allocated_at,
        lines=(
            *summed(taken),
            (of_platform(Kind.PROMOTIONS, event.currency), -sum(share.funded for share in event.shares)),
            (of_platform(Kind.COMMISSION, event.currency), sum(share.commission for share in event.shares)),
            (of_platform(Kind.COMMISSION_TAX, event.currency), sum(share.commission_tax for share in event.shares)),
            (of_platform(Kind.LOSSES, event.currency), event.platform),
            (_customer(event.currency), event.unearned - event.amount),
        ),
    )


def moved(
    source: str,
    kind: EntryKind,
    vendor_id: str,
    currency: str,
    amounts: Sequence[tuple[Kind, int]],
    at: datetime,
    *,
    ref: str,
    order_id: str | None = None,
    note: str = "",
) -> Posting:
    """Between a vendor's own accounts. amounts: what each account is owed more by, so below zero where it is taken."""
    return Posting(
        source=source,
        kind=kind,
        currency=currency,
        ref=ref,
        order_id=order_id,
        note=note,
        occurred_at=at,
        lines=tuple((of_vendor(account, vendor_id, currency), -amount) for account, amount in amounts),
    )


def summed(lines: Iterable[tuple[Account, int]]) -> tuple[tuple[Account, int], ...]:
    """Return one line per account, sorted."""
    sums: dict[Account, int] = defaultdict(int)
    for account, amount in lines:
        sums[account] += amount
    return tuple(sorted(sums.items()))


def _customer(currency: str) -> Account:
    return of_platform(Kind.CUSTOMER, currency)


def _clearing(event: PaymentCaptured | PaymentRefunded | PaymentDisputed | PaymentDisputeClosed) -> Account:
    return of_platform(Kind.CLEARING, event.currency, event.provider)


def _disputed(event: PaymentDisputed | PaymentDisputeClosed) -> Account:
    return of_platform(Kind.DISPUTED, event.currency, event.provider)
