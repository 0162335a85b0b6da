"""Refunds, disputes' evidence and Stripe's own report."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from estore.services.payments.domain import Intent, RefundFound
from estore.services.payments.gateways.provider import EvidenceRefused
from estore.services.payments.gateways.stripe import StripeProvider
from payments.stripe.acts import intent, refund
from payments.stripe.server import DISPUTE_FEE, FEE, StandIn


async def captured(gateway: StripeProvider, method: str = "pm_card_visa") -> tuple[Intent, str]:
    payment = intent(method)
    found = await gateway.charge(payment)
    assert found.reference
    return payment, found.reference


async def test_a_part_goes_back_once_however_often_it_is_asked(gateway: StripeProvider, books: StandIn) -> None:
    part = refund(*await captured(gateway))
    first, again = await gateway.refund(part), await gateway.refund(part)
    known = await gateway.lookup_refund(part)
    part.reference = first.reference
    by_id = await gateway.lookup_refund(part)

    assert {f.found for f in (first, again, known, by_id)} == {RefundFound.SUCCEEDED}
    assert {f.reference for f in (first, again, known, by_id)} == {first.reference}
    assert [r["amount"] for r in books.refunds.values()] == [500]


async def test_twenty_at_once_give_back_once(gateway: StripeProvider, books: StandIn) -> None:
    part = refund(*await captured(gateway))
    found = await asyncio.gather(*(gateway.refund(part) for _ in range(20)))

    assert {f.found for f in found} <= {RefundFound.SUCCEEDED, RefundFound.UNKNOWN}
    assert [r["amount"] for r in books.refunds.values()] == [500]


@pytest.mark.parametrize("loss", ["hang", "lost", "broken_after", "unavailable", "limited", "in_use"])
async def test_a_lost_answer_is_looked_up(gateway: StripeProvider, books: StandIn, loss: str) -> None:
    part = refund(*await captured(gateway))
    books.fail(loss, loss, path="/refunds")
    lost = await gateway.refund(part)
    books.faults.clear()
    found = await gateway.lookup_refund(part)
    if found.found is RefundFound.NOT_FOUND:
        found = await gateway.refund(part)

    assert lost.found in (RefundFound.UNKNOWN, RefundFound.SUCCEEDED)
    assert found.found is RefundFound.SUCCEEDED
    assert [r["amount"] for r in books.refunds.values()] == [500]


async def test_more_than_is_left_is_refused_for_good(gateway: StripeProvider, books: StandIn) -> None:
    payment, reference = await captured(gateway)
    await gateway.refund(refund(payment, reference, 1500))
    too_much = await gateway.refund(refund(payment, reference, 500))
    await gateway.refund(refund(payment, reference, 499))
    nothing_left = await gateway.refund(refund(payment, reference, 1))

    assert (too_much.found, too_much.code) == (RefundFound.REFUSED, "amount_too_large")
    assert (nothing_left.found, nothing_left.code) == (RefundFound.REFUSED, "charge_already_refunded")
    assert sum(r["amount"] for r in books.refunds.values()) == 1999


@pytest.mark.parametrize(
    ("ends", "found", "code"),
    [("succeeded", RefundFound.SUCCEEDED, ""), ("failed", RefundFound.REFUSED, "lost_or_stolen_card")],
)
async def test_a_pending_refund_is_asked_about_until_it_ends(
    gateway: StripeProvider, books: StandIn, ends: str, found: RefundFound, code: str
) -> None:
    part = refund(*await captured(gateway, "pm_card_pendingRefund"))
    pending = await gateway.refund(part)
    books.settle_refund(next(iter(books.refunds.values())), ends)
    ended = await gateway.lookup_refund(part)

    assert pending.found is RefundFound.PROCESSING
    assert (ended.found, ended.code) == (found, code)


async def test_a_refund_of_a_charge_that_nobody_knows_waits(gateway: StripeProvider, books: StandIn) -> None:
    part = refund(intent(), None)

    assert (await gateway.refund(part)).found is RefundFound.UNKNOWN
    assert (await gateway.lookup_refund(part)).found is RefundFound.UNKNOWN
    assert not books.calls


# --- evidence ---------------------------------------------------------------------------------------------------------


async def test_evidence_is_handed_in_and_a_closed_dispute_takes_none(gateway: StripeProvider, books: StandIn) -> None:
    await captured(gateway, "pm_card_createDispute")
    (dispute,) = books.disputes.values()
    await gateway.submit_evidence(dispute["id"], "Delivered on Monday, signed for.")
    given = dict(dispute)
    books.decide(dispute, "lost")

    assert given["status"] == "under_review"
    assert given["evidence"] == {"uncategorized_text": "Delivered on Monday, signed for."}
    with pytest.raises(EvidenceRefused, match="already closed"):
        await gateway.submit_evidence(dispute["id"], "And again.")
    with pytest.raises(EvidenceRefused, match="No such object"):
        await gateway.submit_evidence("dp_nobody", "And again.")


# --- the report -------------------------------------------------------------------------------------------------------

START = datetime(2026, 5, 1, tzinfo=UTC)


async def test_the_report_has_every_movement_with_our_ids(gateway: StripeProvider, books: StandIn) -> None:
    at = int(START.timestamp())
    books.clock = lambda: at
    payment, reference = await captured(gateway)
    at += 10
    part = refund(payment, reference)
    await gateway.refund(part)
    at += 10
    books.dispute(books.intents[reference], amount=1000)
    at += 10
    books.decide(next(iter(books.disputes.values())), "won")
    at += 10
    books.settle_refund(next(iter(books.refunds.values())), "failed")
    books._move("payout", "payout", -5000, 0, {"id": "po_1", "currency": "eur"})
    lines = [line async for line in gateway.report(START, START + timedelta(hours=1))]

    assert [(line.kind, line.key, line.payment_id, line.amount, line.fee, line.at) for line in lines] == [
        ("capture", payment.id, payment.id, 1999, FEE, START),
        ("refund", part.id, payment.id, -500, 0, START + timedelta(seconds=10)),
        ("dispute", "", payment.id, -1000, DISPUTE_FEE, START + timedelta(seconds=20)),
        ("dispute_won", "", payment.id, 1000, 0, START + timedelta(seconds=30)),
        ("refund", part.id, payment.id, 500, 0, START + timedelta(seconds=40)),
    ]
    assert len({line.reference for line in lines}) == 5


async def test_a_report_of_many_pages_begins_and_ends_on_the_second(gateway: StripeProvider, books: StandIn) -> None:
    _, reference = await captured(gateway)
    charge = books.charges[books.intents[reference]["latest_charge"]]
    books.movements.clear()
    begin = int(START.timestamp())
    for second in range(-5, 255):
        books.clock = lambda second=second: begin + second  # type: ignore[misc]
        books._move("charge", "charge", second + 6, 1, charge)
    lines = [line async for line in gateway.report(START, START + timedelta(seconds=250))]

    assert [line.amount for line in lines] == list(range(6, 256))
    assert books.calls["GET /balance_transactions"] == 3


async def test_what_was_charged_by_others_on_the_same_account_names_no_payment(
    gateway: StripeProvider, books: StandIn
) -> None:
    _, reference = await captured(gateway)
    books.intents[reference]["metadata"] = {}
    books.charges[books.intents[reference]["latest_charge"]]["metadata"] = {}
    now = datetime.now(UTC)
    (line,) = [line async for line in gateway.report(now - timedelta(hours=1), now + timedelta(hours=1))]

    assert (line.kind, line.key, line.payment_id, line.amount) == ("capture", "", "", 1999)
