"""Webhooks: genuine or not, and what they tell."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from estore.services.payments.domain import DisputeStatus, Found
from estore.services.payments.gateways.provider import WebhookForged, WebhookUnreadable
from estore.services.payments.gateways.stripe import StripeProvider
from estore.services.payments.service import ProviderEvent
from payments.stripe.acts import NOW, intent, provider, refund
from payments.stripe.server import OLD_SECRET, SECRET, StandIn

EVENT = {"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {}}}


def heard(gateway: StripeProvider, event: dict[str, Any], at: datetime = NOW) -> ProviderEvent:
    body, headers = StandIn.signed(event, at.timestamp())
    return gateway.verify_webhook(headers, body, at)


def last(books: StandIn, kind: str) -> dict[str, Any]:
    return [event for event in books.events if event["type"] == kind][-1]


# --- genuine or not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_either_secret_signs_while_one_is_exchanged(secret: str) -> None:
    gateway = provider(StandIn())
    body, headers = StandIn.signed({**EVENT, "type": "customer.created"}, NOW.timestamp(), secret)

    assert gateway.verify_webhook(headers, body, NOW).event_id == "evt_1"


@pytest.mark.parametrize("age", [-301, 301, 86_400])
def test_what_was_signed_long_ago_or_in_the_future_is_refused(age: int) -> None:
    gateway = provider(StandIn())
    body, headers = StandIn.signed(EVENT, NOW.timestamp() - age)

    with pytest.raises(WebhookForged, match="300 seconds"):
        gateway.verify_webhook(headers, body, NOW)


def test_the_tolerance_is_a_setting() -> None:
    gateway = provider(StandIn(), tolerance=3600)
    body, headers = StandIn.signed({**EVENT, "type": "customer.created"}, NOW.timestamp() - 3000)

    assert gateway.verify_webhook(headers, body, NOW).kind == "customer.created"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=1",
        "v1=00",
        "t=,v1=",
        "t=x,v1=00",
        "t=1,v0=00",
        "t=99999999999999999999999999,v1=00",
        "t=1,v1=" + "0" * 64,
        "t=1,v1=\xe9\xe9",
        ",,,,",
        "t=1=2,v1",
    ],
)
def test_a_signature_that_is_none_is_refused(header: str | None) -> None:
    gateway = provider(StandIn())
    headers = {} if header is None else {"stripe-signature": header}

    with pytest.raises(WebhookForged):
        gateway.verify_webhook(headers, b"{}", NOW)


def test_neither_body_nor_time_can_be_exchanged() -> None:
    gateway = provider(StandIn())
    body, headers = StandIn.signed(EVENT, NOW.timestamp() - 400)
    younger = {"stripe-signature": headers["stripe-signature"].replace(
        str(int(NOW.timestamp()) - 400), str(int(NOW.timestamp())))}  # fmt: skip

    for sent, given in ((body, younger), (body + b" ", headers), (b"\xff\xfe", headers)):
        with pytest.raises(WebhookForged):
            gateway.verify_webhook(given, sent, NOW)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"id": "evt_1"},
        {**EVENT, "id": ""},
        {**EVENT, "id": "\x00"},
        {**EVENT, "id": "x" * 5000},
        {**EVENT, "data": {}},
        EVENT,
        {**EVENT, "data": {"object": None}},
        {**EVENT, "type": "refund.updated"},
        {**EVENT, "type": "charge.dispute.created", "data": {"object": {"id": 5}}},
    ],
)
def test_a_genuine_event_of_another_shape_cannot_be_read(event: dict[str, Any]) -> None:
    with pytest.raises(WebhookUnreadable):
        heard(provider(StandIn()), event)


# --- what they tell ---------------------------------------------------------------------------------------------------


async def test_every_step_of_a_payment_is_told(gateway: StripeProvider, books: StandIn) -> None:
    payment = intent("pm_card_authenticationRequired")
    await gateway.charge(payment)
    (made,) = books.of(payment.id)
    asked = heard(gateway, last(books, "payment_intent.requires_action"))
    held = heard(gateway, books.authenticate(made))
    await gateway.lookup(payment)
    taken = heard(gateway, last(books, "payment_intent.succeeded"))

    assert {e.payment_id for e in (asked, held, taken)} == {payment.id}
    assert {e.charge_reference for e in (asked, held, taken)} == {made["id"]}
    assert [e.finding.found for e in (asked, held, taken) if e.finding] == [
        Found.REQUIRES_ACTION, Found.PROCESSING, Found.CAPTURED,
    ]  # fmt: skip
    assert asked.finding and asked.finding.action_url == f"https://hooks.stripe.test/{made['id']}"
    assert taken.finding and (taken.finding.amount, taken.finding.currency) == (1999, "EUR")


async def test_declines_and_cancellations_are_told(gateway: StripeProvider, books: StandIn) -> None:
    await gateway.charge(intent("pm_card_chargeDeclinedInsufficientFunds"))
    await gateway.void(intent())
    declined = heard(gateway, last(books, "payment_intent.payment_failed")).finding
    cancelled = heard(gateway, last(books, "payment_intent.canceled")).finding

    assert declined and (declined.found, declined.code) == (Found.DECLINED, "declined")
    assert declined.detail.startswith("insufficient_funds")
    assert cancelled and cancelled.found is Found.VOIDED


async def test_a_step_that_only_a_page_of_the_shop_could_ask_is_not_passed_on(
    gateway: StripeProvider, books: StandIn
) -> None:
    await gateway.charge(intent("pm_card_nativeOnly"))

    assert heard(gateway, last(books, "payment_intent.requires_action")).finding is None


async def test_our_refunds_are_told_by_our_id_and_others_by_their_charge(
    gateway: StripeProvider, books: StandIn
) -> None:
    payment = intent("pm_card_pendingRefund")
    charged = await gateway.charge(payment)
    part = refund(payment, charged.reference)
    await gateway.refund(part)
    (made,) = books.refunds.values()
    pending = heard(gateway, last(books, "refund.created"))
    failed = heard(gateway, books.settle_refund(made, "failed"))
    made["metadata"] = {}
    by_hand = heard(gateway, books.settle_refund(made, "succeeded"))
    charge = heard(gateway, last(books, "charge.refunded"))

    assert pending.refund is None
    assert failed.refund and (failed.refund.key, failed.refund.succeeded) == (part.id, False)
    assert failed.payment_id == payment.id
    assert by_hand.refund and (by_hand.refund.key, by_hand.refund.amount, by_hand.refund.succeeded) == ("", 500, True)
    assert (by_hand.payment_id, by_hand.charge_reference) == ("", charged.reference)
    assert (charge.refund, charge.finding) == (None, None)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("needs_response", DisputeStatus.OPENED),
        ("under_review", DisputeStatus.EVIDENCE_SUBMITTED),
        ("won", DisputeStatus.WON),
        ("lost", DisputeStatus.LOST),
        ("warning_needs_response", None),
        ("warning_closed", None),
        ("prevented", None),
        ("invented_later", None),
    ],
)
async def test_disputes_that_move_money_are_told_and_inquiries_are_noted(
    gateway: StripeProvider, books: StandIn, status: str, told: DisputeStatus | None
) -> None:
    payment = intent()
    charged = await gateway.charge(payment)
    event = heard(gateway, books.dispute(books.intents[str(charged.reference)], status))

    assert (event.dispute.status if event.dispute else None) is told
    if event.dispute:
        assert (event.dispute.amount, event.dispute.currency, event.dispute.reason) == (1999, "EUR", "fraudulent")
        assert event.dispute.evidence_due_at == datetime.fromtimestamp(1_800_000_000, UTC)
        assert event.charge_reference == charged.reference


@pytest.mark.parametrize("metadata", [{}, {"payment_id": ""}, {"payment_id": "\x00"}, {"payment_id": "Order 5, gift"}])
async def test_what_is_not_ours_is_noted_and_no_more(books: StandIn, metadata: dict[str, str]) -> None:
    made = {"id": "pi_1", "status": "succeeded", "amount": 5, "amount_received": 5, "currency": "eur"}
    event = heard(provider(books), books.tell("payment_intent.succeeded", made | {"metadata": metadata}))

    assert (event.payment_id, event.finding) == ("", None)


async def test_money_that_we_cannot_write_is_looked_up_instead(books: StandIn) -> None:
    made = {"id": "pi_1", "status": "succeeded", "amount": 5, "amount_received": 5, "currency": "ugx"}
    event = heard(provider(books), books.tell("payment_intent.succeeded", made | {"metadata": {"payment_id": "pay_1"}}))

    assert event.finding and event.finding.found is Found.UNKNOWN


def test_an_unheard_of_type_is_acknowledged() -> None:
    event = heard(provider(StandIn()), {"id": "evt_9", "type": "invoice.paid", "data": {"object": {"id": "in_1"}}})

    assert event == ProviderEvent("stripe", "evt_9", "invoice.paid", "")


def test_stripes_clock_may_be_a_little_ahead() -> None:
    body, headers = StandIn.signed({**EVENT, "type": "customer.created"}, (NOW + timedelta(seconds=200)).timestamp())

    assert json.loads(body)["id"] == provider(StandIn()).verify_webhook(headers, body, NOW).event_id
