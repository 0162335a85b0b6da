"""The part of Stripe's objects that we read, alike in answers and in webhooks. Unknown fields are Stripe's to add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    import stripe

T = TypeVar("T", bound=msgspec.Struct)


class PaymentError(msgspec.Struct, frozen=True):
    """Why a charge failed. decline_code: the bank's reason, where it gave one."""

    code: str | None = None
    decline_code: str | None = None
    message: str | None = None


class PaymentIntent(msgspec.Struct, frozen=True):
    """Stripe's state machine of one payment (docs.stripe.com/payments/paymentintents/lifecycle)."""

    id: str
    status: str
    amount: int
    currency: str
    amount_received: int = 0
    metadata: dict[str, str] = {}
    next_action: dict[str, Any] | None = None
    last_payment_error: PaymentError | None = None


class Refund(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: str
    status: str | None = None
    payment_intent: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str] = {}


class EvidenceDetails(msgspec.Struct, frozen=True):
    due_by: int | None = None


class Dispute(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: str
    status: str
    reason: str = ""
    payment_intent: str | None = None
    evidence_details: EvidenceDetails | None = None


class Source(msgspec.Struct, frozen=True):
    """What a movement is about: a charge, a refund or a dispute."""

    id: str
    object: str = ""
    payment_intent: str | None = None
    metadata: dict[str, str] = {}


class Movement(msgspec.Struct, frozen=True):
    """A balance transaction. amount: before the fee. created: seconds since 1970."""

    id: str
    amount: int
    fee: int
    currency: str
    created: int
    reporting_category: str
    source: Source | str | None = None


def read(kind: type[T], answer: stripe.StripeObject) -> T:
    """Return an answer of the SDK as `kind`. Raises msgspec.ValidationError for one that is not."""
    return msgspec.convert(answer.to_dict(), kind)
