"""Payments as a whole, charging through Stripe: order to money, and back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from estore.contracts.orders import OrderCancelled, OrderPaymentRequested, RefundRequested
from estore.contracts.payments import (
    PaymentCaptured,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentFailed,
    PaymentRefunded,
    PaymentRequiresAction,
    ProviderReported,
)
from estore.kit.clock import ManualClock
from estore.kit.ids import new_id
from estore.kit.settings import SettingError, Settings
from estore.services.payments.app import build
from estore.services.payments.jobs import Pump
from payments.stripe.server import KEY, OLD_SECRET, SECRET, StandIn
from support.databases import Databases
from support.patience import Patience
from support.world import World, world


class Shop:
    """Payments on a fresh database, with Stripe's books at hand and its webhooks delivered when told."""

    def __init__(self, made: World, books: StandIn) -> None:
        self.world = made
        self.books = books
        self.pump: Pump = made.service("payments").jobs[0].run.__self__  # type: ignore[attr-defined]
        self.clock = made.clock
        books.clock = lambda: int(made.clock.now().timestamp())

    async def pay(self, method: str = "pm_card_visa", **values: Any) -> str:
        """Request a payment and let the pump finish; returns the order's id."""
        defaults: dict[str, Any] = {
            "order_id": new_id("ord"),
            "number": "1000-0001",
            "account_id": "acc_01",
            "amount": 1999,
            "currency": "EUR",
            "payment_method": method,
            "expires_at": self.clock.now() + timedelta(minutes=15),
            "version": 2,
        }
        request = OrderPaymentRequested(**defaults | values)
        await self.hear(request)
        return request.order_id

    async def hear(self, *events: Any) -> None:
        await self.world.deliver("payments", *events)
        await self.pump.idle()

    async def later(self, **delta: float) -> None:
        assert isinstance(self.clock, ManualClock)
        self.clock.advance(**delta)
        await self.pump.sweep()
        await self.pump.idle()

    async def webhook(self, event: dict[str, Any], *, age: float = 0, secret: str = SECRET) -> tuple[int, Any]:
        body, headers = StandIn.signed(event, self.clock.now().timestamp() - age, secret)
        async with self.world.http("payments") as client:
            answer = await client.post("/v1/payments/webhooks/stripe", content=body, headers=headers)
        return answer.status_code, answer.json()

    async def tell_all(self) -> None:
        """Deliver every event twice, the newest first."""
        for event in reversed(list(self.books.events)):
            for _ in range(2):
                assert (await self.webhook(event))[0] in (200, 503)

    async def told(self, order_id: str) -> list[type]:
        return [type(e) for e in await self.world.emitted("payments") if e.order_id == order_id]

    def made(self) -> dict[str, Any]:
        """The one PaymentIntent."""
        (made,) = self.books.intents.values()
        return made


@pytest.fixture
async def shop(databases: Databases, books: StandIn, patience: Patience) -> AsyncIterator[Shop]:
    settings = {
        "ESTORE_PAYMENTS_PROVIDERS": "stripe,sandbox",
        "ESTORE_PAYMENTS_STRIPE_API_KEY": KEY,
        "ESTORE_PAYMENTS_STRIPE_WEBHOOK_SECRET": f"{SECRET}, {OLD_SECRET}",
        "ESTORE_PAYMENTS_STRIPE_API_BASE": books.url,
        "ESTORE_PAYMENTS_CALL_TIMEOUT": "30",
    }
    async with world(databases, "payments", **settings) as made:
        shop = Shop(made, books)
        books.silent = patience.end
        yield shop
        await shop.pump.stop(0.1)
        broken = await made.broken("payments")
        # That rule reads the real clock, and time stands still here.
        broken.pop("no payment is unsettled minutes after its deadline", None)
        assert broken == {}


async def test_an_order_is_paid_by_card(shop: Shop) -> None:
    order = await shop.pay()
    (captured,) = await shop.world.emitted("payments", PaymentCaptured)

    assert (captured.order_id, captured.amount, captured.currency, captured.provider) == (order, 1999, "EUR", "stripe")
    assert shop.books.taken() == 1999


async def test_every_webhook_twice_and_backwards_changes_nothing(shop: Shop) -> None:
    order = await shop.pay()
    await shop.tell_all()

    assert await shop.told(order) == [PaymentCaptured]


async def test_the_sandbox_works_beside_it(shop: Shop) -> None:
    order = await shop.pay("pm_ok")
    (captured,) = await shop.world.emitted("payments", PaymentCaptured)

    assert (captured.order_id, captured.provider) == (order, "sandbox")
    assert not shop.books.calls


async def test_a_declined_card_fails_the_payment(shop: Shop) -> None:
    order = await shop.pay("pm_card_chargeDeclinedInsufficientFunds")
    await shop.tell_all()
    (failed,) = await shop.world.emitted("payments", PaymentFailed)

    assert (failed.order_id, failed.code) == (order, "declined")
    assert failed.detail.startswith("insufficient_funds")
    assert await shop.told(order) == [PaymentFailed]


@pytest.mark.parametrize("path", ["/payment_intents", "/capture"])
async def test_a_call_that_hangs_after_the_charge_is_captured_once(shop: Shop, path: str) -> None:
    shop.books.fail("hang", "hang", path=path)
    order = await shop.pay()
    before = await shop.told(order)
    shop.books.faults.clear()
    await shop.later(seconds=4)
    await shop.later(seconds=60)
    await shop.tell_all()

    assert before == []
    assert await shop.told(order) == [PaymentCaptured]
    assert (shop.books.taken(), len(shop.books.intents)) == (1999, 1)


async def test_a_webhook_settles_what_the_hanging_call_did_not(shop: Shop) -> None:
    shop.books.fail("hang", "hang", path="/capture")
    order = await shop.pay()
    told = next(e for e in shop.books.events if e["type"] == "payment_intent.succeeded")
    answer = await shop.webhook(told)

    assert answer[0] == 200
    assert await shop.told(order) == [PaymentCaptured]


async def test_the_customer_acts_on_the_banks_page(shop: Shop) -> None:
    order = await shop.pay("pm_card_authenticationRequired")
    (asked,) = await shop.world.emitted("payments", PaymentRequiresAction)
    held = shop.books.authenticate(shop.made())
    await shop.webhook(held)
    await shop.later(seconds=4)
    await shop.tell_all()

    assert asked.action_url == f"https://hooks.stripe.test/{shop.made()['id']}"
    assert (await shop.told(order))[-1] is PaymentCaptured
    assert (await shop.told(order)).count(PaymentCaptured) == 1
    assert shop.books.taken() == 1999


async def test_an_order_cancelled_while_the_customer_acts_is_never_charged(shop: Shop) -> None:
    order = await shop.pay("pm_card_authenticationRequired")
    await shop.hear(OrderCancelled(order_id=order, reason="customer", version=3))
    await shop.tell_all()

    assert shop.made()["status"] == "canceled"
    assert await shop.told(order) == [PaymentRequiresAction, PaymentFailed]
    assert shop.books.taken() == 0


async def test_what_stripe_never_answers_is_voided_at_the_deadline(shop: Shop) -> None:
    shop.books.fail("broken")
    order = await shop.pay()
    await shop.later(minutes=16)
    (failed,) = await shop.world.emitted("payments", PaymentFailed)

    assert (failed.order_id, failed.code) == (order, "expired")
    assert shop.books.taken() == 0


# --- webhooks ---------------------------------------------------------------------------------------------------------


async def test_a_replayed_webhook_acts_once(shop: Shop) -> None:
    await shop.pay("pm_card_authenticationRequired")
    event = shop.books.events[-1]
    first, again = await shop.webhook(event), await shop.webhook(event, secret=OLD_SECRET)

    assert (first[0], first[1]["replayed"]) == (200, False)
    assert (again[0], again[1]["replayed"]) == (200, True)


async def test_ten_deliveries_at_once_act_once(shop: Shop) -> None:
    shop.books.fail("hang", "hang", path="/capture")
    order = await shop.pay()
    told = next(e for e in shop.books.events if e["type"] == "payment_intent.succeeded")
    answers = await asyncio.gather(*(shop.webhook(told) for _ in range(10)))

    assert {status for status, _ in answers} == {200}
    assert sum(not body["replayed"] for _, body in answers) == 1
    assert await shop.told(order) == [PaymentCaptured]


@pytest.mark.parametrize(("age", "secret"), [(0, "whsec_of_somebody_else"), (301, SECRET), (-400, SECRET)])
async def test_a_forged_or_stale_webhook_is_a_401_and_leaves_no_trace(shop: Shop, age: float, secret: str) -> None:
    await shop.pay("pm_card_processing")
    event = shop.books.clear(shop.made())
    status, problem = await shop.webhook(event, age=age, secret=secret)

    assert (status, problem["code"]) == (401, "payments.webhook_forged")
    assert await shop.world.emitted("payments") == []
    assert await shop.world.fetch("payments", "SELECT 1 FROM webhook_event") == []


async def test_an_unreadable_webhook_is_a_400(shop: Shop) -> None:
    status, problem = await shop.webhook({"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {}}})

    assert (status, problem["code"]) == (400, "payments.webhook_unreadable")


async def test_events_about_nothing_of_ours_are_taken(shop: Shop) -> None:
    strange = shop.books.tell("payment_intent.succeeded", {
        "id": "pi_9", "status": "succeeded", "amount": 5, "amount_received": 5, "currency": "eur", "metadata": {},
    })  # fmt: skip

    assert (await shop.webhook(strange))[0] == 200
    assert (await shop.webhook(shop.books.tell("invoice.paid", {"id": "in_1"})))[0] == 200
    assert await shop.world.emitted("payments") == []


async def test_a_dispute_of_a_charge_whose_answer_was_lost_is_heard_once_the_charge_is_known(shop: Shop) -> None:
    shop.books.fail("hang", "hang", path="/payment_intents")
    order = await shop.pay()
    shop.books.faults.clear()
    charge = shop.made()
    dispute = shop.books.dispute(charge)
    early, foreign = await shop.webhook(dispute), await shop.webhook(shop.books.tell("invoice.paid", {"id": "in_1"}))
    await shop.later(seconds=4)
    again = await shop.webhook(dispute)

    assert (early[0], early[1]["code"], foreign[0]) == (503, "payments.not_captured_yet", 200)
    assert (again[0], again[1]["replayed"]) == (200, False)
    assert await shop.told(order) == [PaymentCaptured, PaymentDisputed]


async def test_a_dispute_of_somebody_elses_charge_is_noted(shop: Shop) -> None:
    await shop.pay()
    theirs = {"id": "pi_9", "amount": 5, "currency": "eur", "latest_charge": "ch_9"}

    assert (await shop.webhook(shop.books.dispute(theirs)))[0] == 200


# --- money goes back --------------------------------------------------------------------------------------------------


async def test_a_refund_goes_back_once(shop: Shop) -> None:
    order = await shop.pay()
    wanted = RefundRequested(refund_id=new_id("rfd"), order_id=order, amount=500, currency="EUR", reason="return")
    await shop.hear(wanted)
    await shop.hear(wanted)
    await shop.tell_all()
    (refunded,) = await shop.world.emitted("payments", PaymentRefunded)

    assert (refunded.refund_id, refunded.amount, refunded.provider) == (wanted.refund_id, 500, "stripe")
    assert [r["amount"] for r in shop.books.refunds.values()] == [500]


async def test_a_refund_whose_answer_is_lost_goes_back_once(shop: Shop) -> None:
    order = await shop.pay()
    shop.books.fail("hang", "hang", path="/refunds")
    wanted = RefundRequested(refund_id=new_id("rfd"), order_id=order, amount=500, currency="EUR", reason="return")
    await shop.hear(wanted)
    shop.books.faults.clear()
    await shop.later(seconds=10)
    await shop.later(seconds=60)

    assert [e.refund_id for e in await shop.world.emitted("payments", PaymentRefunded)] == [wanted.refund_id]
    assert [r["amount"] for r in shop.books.refunds.values()] == [500]


async def test_a_refund_made_in_stripes_dashboard_is_heard_once(shop: Shop) -> None:
    order = await shop.pay()
    shop.books._refund({"payment_intent": shop.made()["id"], "amount": "700"})
    await shop.tell_all()
    (refunded,) = await shop.world.emitted("payments", PaymentRefunded)

    assert (refunded.order_id, refunded.amount, refunded.provider) == (order, 700, "stripe")


@pytest.mark.parametrize("won", [True, False])
async def test_a_dispute_is_told_when_it_opens_and_when_it_is_decided(shop: Shop, won: bool) -> None:
    order = await shop.pay("pm_card_createDispute")
    opened = next(e for e in shop.books.events if e["type"] == "charge.dispute.created")
    (dispute,) = shop.books.disputes.values()
    await shop.webhook(opened)
    await shop.webhook(opened)
    closed = shop.books.decide(dispute, "won" if won else "lost")
    await shop.webhook(closed)
    await shop.webhook(closed)
    (told,) = await shop.world.emitted("payments", PaymentDisputed)
    (decided,) = await shop.world.emitted("payments", PaymentDisputeClosed)

    assert (told.order_id, told.amount, told.reason, told.provider) == (order, 1999, "fraudulent", "stripe")
    assert (decided.dispute_id, decided.won, decided.amount) == (told.dispute_id, won, 1999)


# --- the start --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("API_KEY", ""),
        ("API_KEY", "pk_live_abcdefghijk"),
        ("API_KEY", "sk_live_ abc"),
        ("WEBHOOK_SECRET", ""),
        ("WEBHOOK_SECRET", "whsec_abc,abcdef"),
        ("API_BASE", "api.stripe.com"),
        ("RETURN_URL", "javascript:alert(1)"),
        ("TOLERANCE", "0"),
        ("TOLERANCE", "five"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named_without_its_secret(variable: str, value: str) -> None:
    environment = {
        "ESTORE_PAYMENTS_DATABASE_URL": "postgresql://127.0.0.1/estore",
        "ESTORE_PAYMENTS_PROVIDERS": "stripe",
        "ESTORE_PAYMENTS_STRIPE_API_KEY": "sk_test_abcdef",
        "ESTORE_PAYMENTS_STRIPE_WEBHOOK_SECRET": "whsec_abcdef",
        f"ESTORE_PAYMENTS_STRIPE_{variable}": value,
    }

    with pytest.raises(SettingError) as raised:
        build(Settings(secret="a secret for tests", environment=environment))
    message = str(raised.value)
    assert f"ESTORE_PAYMENTS_STRIPE_{variable}" in message
    assert "\n" not in message
    assert "abcdef" not in message


def test_a_store_without_stripe_does_not_load_its_sdk() -> None:
    loads = "import sys, estore.services.payments.app as app; sys.exit('stripe' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", loads], check=False).returncode == 0


async def test_the_report_names_disputes_and_refunds_of_which_stripe_knows_no_id_of_ours(shop: Shop) -> None:
    await shop.pay()
    (charge,) = shop.books.charges.values()
    shop.books.refunds["re_by_hand"] = by_hand = {
        "id": "re_by_hand", "object": "refund", "amount": 300, "currency": "eur", "status": "succeeded",
        "payment_intent": shop.made()["id"], "charge": charge["id"], "metadata": {},
    }  # fmt: skip
    shop.books._move("refund", "refund", -300, 0, by_hand)
    await shop.webhook(shop.books.tell("refund.created", by_hand))
    await shop.webhook(shop.books.dispute(shop.made(), amount=1000))
    await shop.webhook(shop.books.decide(next(iter(shop.books.disputes.values())), "won"))
    shop.clock.advance(hours=2)  # type: ignore[attr-defined]
    await next(job.run for job in shop.world.service("payments").jobs if job.name == "payments.reports")()
    reports = await shop.world.emitted("payments", ProviderReported)
    keys = {line.kind: line.key for report in reports if report.provider == "stripe" for line in report.lines}
    ours = {
        row["kind"]: row["id"]
        for row in await shop.world.fetch(
            "payments",
            "SELECT 'refund' AS kind, id FROM refund UNION SELECT 'dispute', id FROM dispute"
            " UNION SELECT 'dispute_won', id FROM dispute UNION SELECT 'capture', id FROM payment_intent",
        )
    }

    assert keys == ours
