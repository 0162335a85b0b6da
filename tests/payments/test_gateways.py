"""The sandbox, method by method, and what payments makes of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from estore.kit.settings import SettingError, Settings
from estore.services.payments.app import build
from estore.services.payments.domain import Found, Status
from payments.shop import Shop


async def test_pm_ok_is_captured_in_the_answer(shop: Shop) -> None:
    order = await shop.pay("pm_ok")

    assert await shop.told(order) == ["Captured"]
    assert await shop.captured(order) == [1999]
    assert [c["captured"] for c in await shop.charges(order)] == [1999]


@pytest.mark.parametrize(("method", "code"), [("pm_declined", "declined"), ("pm_unheard_of", "unknown_method")])
async def test_what_is_declined_fails_with_the_reason(shop: Shop, method: str, code: str) -> None:
    order = await shop.pay(method)

    assert await shop.told(order) == ["Failed"]
    assert await shop.failure(order) == code


@pytest.mark.parametrize(("outcome", "told"), [("succeed", "Captured"), ("fail", "Failed")])
async def test_pm_requires_action_waits_for_the_customer(shop: Shop, outcome: str, told: str) -> None:
    order = await shop.pay("pm_requires_action")
    url = (await shop.intent(order))["action_url"]
    guest = shop.world.http("payments")
    shown = (await guest.get(url)).json()
    first = await guest.post(f"{url}/complete", json={"outcome": outcome})
    again = await guest.post(f"{url}/complete", json={"outcome": outcome})
    opposite = await guest.post(f"{url}/complete", json={"outcome": {"succeed": "fail", "fail": "succeed"}[outcome]})
    await shop.later(seconds=1)

    assert shown["status"] == "requires_action"
    assert [first.status_code, again.status_code, opposite.status_code] == [200, 200, 409]
    assert await shop.told(order) == ["RequiresAction", told]
    if outcome == "fail":
        assert await shop.failure(order) == "action_failed"


async def test_pm_slow_is_settled_by_a_webhook(shop: Shop) -> None:
    order = await shop.pay("pm_slow")
    before = await shop.status(order)
    shop.world.clock.advance(seconds=4)
    await shop.sandbox.tick()

    assert before == "pending"
    assert await shop.told(order) == ["Captured"]
    assert await shop.world.fetch("payments", "SELECT source FROM payment_history WHERE found = 'captured'") == [
        {"source": "webhook"}
    ]


async def test_pm_slow_is_settled_by_the_poller_when_no_webhook_comes(shop: Shop) -> None:
    shop.sandbox.client = None
    shop.sandbox.settings = type(shop.sandbox.settings)("http://127.0.0.1:9/gone", "http://x", "s")
    order = await shop.pay("pm_slow")
    for _ in range(3):
        await shop.later(seconds=7)

    assert await shop.told(order) == ["Captured"]
    assert await shop.world.fetch("payments", "SELECT delivered_at FROM sandbox_webhook") == [{"delivered_at": None}]


async def test_pm_timeout_after_charge_is_found_by_asking_and_never_charged_twice(shop: Shop) -> None:
    order = await shop.pay("pm_timeout_after_charge")
    before = await shop.status(order)
    await shop.later(seconds=4)

    assert before == "pending"
    assert await shop.told(order) == ["Captured"]
    assert len(await shop.charges(order)) == 1


async def test_pm_duplicate_webhooks_tells_one_capture(shop: Shop) -> None:
    order = await shop.pay("pm_duplicate_webhooks")
    await shop.later(seconds=5)
    deliveries = await shop.world.fetch("payments", "SELECT event_id, tries FROM sandbox_webhook WHERE due_at IS NULL")
    history = await shop.world.fetch("payments", "SELECT source, found FROM payment_history ORDER BY id")

    assert await shop.told(order) == ["Captured"]
    assert len(deliveries) == 4 and len({d["event_id"] for d in deliveries}) == 3
    # The webhook came before the answer, and an older one after both.
    assert [(h["source"], h["found"]) for h in history][:2] == [("webhook", "captured"), ("charge", "captured")]
    assert {"source": "webhook", "found": "processing"} in history[2:]


async def test_pm_never_answers_fails_after_a_few_tries_and_can_never_be_charged_later(shop: Shop) -> None:
    order = await shop.pay("pm_never_answers")
    for _ in range(8):
        await shop.later(seconds=30)
    late = shop.request("pm_ok", order_id=order)
    row = await shop.intent(order)

    assert await shop.told(order) == ["Failed"]
    assert await shop.failure(order) == "provider_error"
    assert [c["status"] for c in await shop.charges(order)] == ["voided"]
    # Even the charge that was lost on the way, should it still arrive, is barred.
    from estore.services.payments.domain import Intent

    lost = Intent(
        id=row["id"], order_id=order, amount=1999, currency="EUR", method="pm_ok", status=Status.CREATED,
        expires_at=late.expires_at,
    )  # fmt: skip
    assert (await shop.sandbox.charge(lost)).found is Found.VOIDED


async def test_what_nobody_settles_is_voided_at_its_deadline(shop: Shop) -> None:
    order = await shop.pay("pm_requires_action")
    url = (await shop.intent(order))["action_url"]
    await shop.later(minutes=16)
    late = await shop.world.http("payments").post(f"{url}/complete", json={"outcome": "succeed"})

    assert await shop.told(order) == ["RequiresAction", "Failed"]
    assert await shop.failure(order) == "expired"
    assert late.status_code == 409


async def test_a_deadline_that_meets_a_capture_is_a_capture(shop: Shop) -> None:
    order = await shop.pay("pm_timeout_after_charge")
    await shop.later(minutes=16)

    assert await shop.told(order) == ["Captured"]


async def test_the_same_key_charges_once_however_often_it_is_asked(shop: Shop) -> None:
    from payments.test_domain import intent

    payment = intent(id="pay_same", order_id="ord_same")
    found = await asyncio.gather(*(shop.sandbox.charge(payment) for _ in range(50)))
    voided = await shop.sandbox.void(payment)

    assert {f.reference for f in (*found, voided)} == {found[0].reference}
    assert voided.found is Found.CAPTURED
    assert len(await shop.charges("ord_same")) == 1
    async with shop.world.service("payments").db.transaction() as tx:
        await tx.execute("DELETE FROM sandbox_charge")


async def test_charges_that_arrive_together_are_one_statement(shop: Shop) -> None:
    from estore.kit.db import statements
    from payments.test_domain import intent

    with statements() as counted:
        await asyncio.gather(*(shop.sandbox.void(intent(id=f"pay_{n}", order_id=f"ord_{n}")) for n in range(100)))

    assert counted.count <= 2


async def test_time_that_passes_between_look_ups_grows(shop: Shop) -> None:
    order = await shop.pay("pm_requires_action")
    waits = []
    for _ in range(4):
        row = await shop.intent(order)
        waits.append(row["due_at"] - shop.world.clock.now())
        await shop.later(seconds=waits[-1].total_seconds())

    assert waits == [timedelta(seconds=s) for s in (3, 6, 12, 24)]


async def test_pm_disputed_is_told_once_and_only_after_its_capture(shop: Shop) -> None:
    await shop.world.deliver("payments", shop.request("pm_disputed", order_id="ord_disputed"))
    shop.world.clock.advance(seconds=4)
    await shop.pump.idle()
    await shop.later(seconds=1)
    await shop.later(seconds=10)
    async with shop.world.service("payments").db.transaction() as tx:
        await tx.execute("DELETE FROM webhook_event")
        await tx.execute("UPDATE sandbox_webhook SET due_at = $1", shop.world.clock.now())
    await shop.later(seconds=1)

    assert await shop.told("ord_disputed") == ["Captured", "Disputed"]


async def test_a_dispute_that_overtakes_its_capture_is_heard_when_it_comes_again(shop: Shop) -> None:
    order = await shop.pay("pm_disputed")
    async with shop.world.service("payments").db.transaction() as tx:
        await tx.execute("UPDATE payment_intent SET status = 'pending', captured = 0, captured_at = NULL, due_at = $1,"
                         " expires_at = $1", shop.world.clock.now() + timedelta(days=1))  # fmt: skip
    await shop.later(seconds=4)
    early = await shop.told(order)
    async with shop.world.service("payments").db.transaction() as tx:
        await tx.execute("UPDATE payment_intent SET status = 'captured', captured = amount,"
                         " captured_at = now(), due_at = NULL")  # fmt: skip
    await shop.later(seconds=10)

    assert early == ["Captured"]
    assert await shop.told(order) == ["Captured", "Disputed"]


def test_without_a_master_secret_there_is_no_service_whose_webhooks_anybody_can_sign() -> None:
    settings = Settings(environment={"ESTORE_PAYMENTS_DATABASE_URL": "postgresql://127.0.0.1/estore"})

    with pytest.raises(SettingError, match="ESTORE_SECRET"):
        build(settings)
