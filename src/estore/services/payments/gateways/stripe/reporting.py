"""Stripe's own books: balance transactions (docs.stripe.com/reports/reporting-categories)."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from estore.contracts.payments import ReportLine
from estore.services.payments.gateways.stripe.currencies import from_stripe
from estore.services.payments.gateways.stripe.shapes import Movement, Source, read

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

# `payment` and `payment_refund`, the types of what is not paid by card, are in the same categories. What else moves
# the balance (payouts, Stripe's own invoices, reserves) is between Stripe and the shop's owner.
_KINDS = {
    "charge": "capture",
    "charge_failure": "capture",
    "partial_capture_reversal": "capture",
    "refund": "refund",
    "refund_failure": "refund",
    "dispute": "dispute",
    "dispute_reversal": "dispute_won",
}


async def lines(api: V1Services, since: datetime, until: datetime) -> AsyncIterator[ReportLine]:
    """Yield what moved from `since` (inclusive) to `until` (exclusive), oldest first.

    Amounts are in the currency that Stripe settled in, before its fee. A refund that failed later is a second line
    with the opposite sign. Stripe lists the newest first and counts whole seconds, so a report is read to its end
    before its first line is told.
    """
    page = await api.balance_transactions.list_async(
        {
            "created": {"gte": math.ceil(since.timestamp()), "lt": math.ceil(until.timestamp())},
            "limit": 100,
            "expand": ["data.source"],
        }
    )
    moved = [read(Movement, answer) async for answer in page.auto_paging_iter()]
    payments: dict[str, str] = {}
    for movement in sorted(moved, key=lambda m: (m.created, m.id)):
        if kind := _KINDS.get(movement.reporting_category):
            yield await _line(api, kind, movement, payments)


async def _line(api: V1Services, kind: str, movement: Movement, payments: dict[str, str]) -> ReportLine:
    source = movement.source if isinstance(movement.source, Source) else Source("")
    currency = movement.currency.upper()
    payment_id = source.metadata.get("payment_id") or await _payment_of(api, source.payment_intent, payments)
    return ReportLine(
        kind=kind,
        reference=movement.id,
        key={"capture": payment_id, "refund": source.metadata.get("refund_id", "")}.get(kind, ""),
        payment_id=payment_id,
        amount=from_stripe(movement.amount, currency),
        fee=from_stripe(movement.fee, currency),
        currency=currency,
        at=datetime.fromtimestamp(movement.created, UTC),
        about=source.id,
    )


async def _payment_of(api: V1Services, reference: str | None, known: dict[str, str]) -> str:
    """Return our id of the payment that a PaymentIntent is about: disputes, and refunds made by hand, carry none."""
    if not reference:
        return ""
    if reference not in known:
        made = await api.payment_intents.retrieve_async(reference)
        known[reference] = made.to_dict().get("metadata", {}).get("payment_id", "")
    return known[reference]
