"""One charge per order, refunds within it: repeated, reordered, raced, and cut short."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from estore.contracts.payments import PaymentRefunded
from estore.kit.db import statements
from estore.kit.errors import Transient
from estore.services.payments import app
from estore.services.payments.domain import Finding, Found, Refund, RefundFinding
from estore.services.payments.gateways import signing
from estore.services.payments.gateways.sandbox import provider
from estore.services.payments.service import Outcomes, captures
from payments.shop import Shop, all_at_once
from support.databases import Databases
from support.waiting import until
from support.world import settings_for, unhurried


class Dead(BaseException):
    """The process is gone."""


# --- once ------------------------------------------------------------------------------------------------------


async def test_a_request_that_is_delivered_twice_charges_once(shop: Shop) -> None:
    envelope = shop.world.envelope(shop.request())
    await all_at_once(*(shop.hear(envelope) for _ in range(5)))

    assert await shop.told(envelope.subject) == ["Captured"]


async def test_two_requests_for_one_order_make_one_payment(shop: Shop) -> None:
    requests = [shop.request(order_id="ord_one", version=n) for n in range(10)]
    await all_at_once(*(shop.hear(r) for r in requests))
    await shop.world.deliver_batch("payments", [shop.request(order_id="ord_one") for _ in range(3)])
    await shop.pump.idle()

    assert len(await shop.charges("ord_one")) == 1
    assert await shop.told("ord_one") == ["Captured"]


async def test_answer_webhooks_and_poller_at_once_tell_one_capture(shop: Shop) -> None:
    orders = [shop.request("pm_duplicate_webhooks") for _ in range(20)]
    await shop.world.deliver_batch("payments", orders)
    rows = await shop.world.fetch("payments", "SELECT id FROM payment_intent")
    record = shop.pump._e.record
    found = [(row["id"], Finding(Found.CAPTURED, "lookup")) for row in rows]
    await all_at_once(
        shop.pump.idle(),
        *(shop.sandbox.tick() for _ in range(3)),
        *(record(shop.world.ctx(), Outcomes(found[::step])) for step in (1, -1, 2, -3, 1, -1)),
        *(shop.pump.sweep() for _ in range(3)),
    )
    await shop.later(seconds=40)

    assert [await shop.told(o.order_id) for o in orders] == [["Captured"]] * 20


async def test_a_process_that_dies_after_the_charge_leaves_it_to_another_which_charges_nothing(shop: Shop) -> None:
    async def die(_found: Any) -> None:
        raise Dead

    alive, shop.pump._outcomes.submit = shop.pump._outcomes.submit, die  # type: ignore[method-assign, assignment]
    request = shop.request()
    await shop.world.deliver("payments", request)
    await all_at_once(*shop.pump._tasks)
    charged, status = len(await shop.charges(request.order_id)), await shop.status(request.order_id)
    shop.pump._outcomes.submit = alive  # type: ignore[method-assign]
    await shop.later(seconds=20)
    early = await shop.told(request.order_id)
    await shop.later(seconds=20)

    assert (charged, status, early) == (1, "created", [])
    assert await shop.told(request.order_id) == ["Captured"]
    assert len(await shop.charges(request.order_id)) == 1


async def test_two_processes_never_claim_the_same_payment(shop: Shop) -> None:
    shop.pump._stopping = True
    await shop.world.deliver_batch("payments", [shop.request() for _ in range(100)])
    shop.pump._stopping = False
    with unhurried():
        other = app.build(settings_for(shop.world.dsn, ["payments"]), clock=shop.world.clock)
    await other.db.open()
    pump = other.jobs[0].run.__self__  # type: ignore[attr-defined]
    await all_at_once(shop.pump.sweep(), pump.sweep(), shop.pump.sweep(), pump.sweep())
    await all_at_once(shop.pump.idle(), pump.idle())
    await other.db.close()

    assert await shop.world.fetch("payments", "SELECT status, tries, count(*) FROM payment_intent GROUP BY 1, 2") == [
        {"status": "captured", "tries": 1, "count": 100}
    ]


async def test_a_batch_of_any_size_takes_the_same_few_statements(shop: Shop) -> None:
    requests = [shop.request() for _ in range(200)]
    with statements() as counted:
        await shop.world.deliver_batch("payments", requests)
        await shop.pump.idle()
    recording = [sql for sql in counted.sent if "sandbox" not in sql]

    # BEGIN, admit, insert, COMMIT; then BEGIN, lock, save, outbox, COMMIT for whatever came back together.
    assert len(recording) <= 4 + 2 * 5
    assert len(counted.sent) - len(recording) <= 3


async def test_one_outcome_that_cannot_be_written_does_not_hold_up_the_others(shop: Shop) -> None:
    real = shop.sandbox._finding

    def poisoned(charge: Any, source: str) -> Finding:
        found = real(charge, source)
        return Finding(Found.DECLINED, source, detail="\x00") if charge.order_id == "ord_bad" else found

    shop.sandbox._finding = poisoned  # type: ignore[method-assign]
    good = [shop.request() for _ in range(5)]
    await shop.world.deliver_batch("payments", [*good, shop.request(order_id="ord_bad")])
    await shop.pump.idle()
    shop.sandbox._finding = real  # type: ignore[method-assign]
    told = [await shop.told(r.order_id) for r in good]
    await shop.later(seconds=40)

    assert told == [["Captured"]] * 5
    assert await shop.told("ord_bad") == ["Captured"]


# --- cancelled ----------------------------------------------------------------------------------------------------


async def test_a_cancellation_that_overtakes_its_request_bars_the_charge(shop: Shop) -> None:
    await shop.hear(shop.cancel("ord_early"))
    await shop.hear(shop.request(order_id="ord_early"))

    assert await shop.charges("ord_early") == []
    assert await shop.told("ord_early") == []
    assert (await shop.operator.get("/v1/payments?order_id=ord_early")).json()["data"] == []


async def test_a_cancelled_payment_is_voided_at_the_provider(shop: Shop) -> None:
    order = await shop.pay("pm_requires_action")
    url = (await shop.intent(order))["action_url"]
    await shop.hear(shop.cancel(order))
    late = await shop.world.http("payments").post(f"{url}/complete", json={"outcome": "succeed"})

    assert await shop.failure(order) == "voided"
    assert [c["status"] for c in await shop.charges(order)] == ["voided"]
    assert late.status_code == 409


async def test_a_capture_that_beats_the_void_is_reported_anyway(shop: Shop) -> None:
    order = await shop.pay("pm_timeout_after_charge")
    await shop.hear(shop.cancel(order))

    assert await shop.told(order) == ["Captured"]
    assert [c["status"] for c in await shop.charges(order)] == ["captured"]


async def test_a_capture_that_arrives_after_the_failure_is_reported_to_be_refunded(shop: Shop) -> None:
    order = await shop.pay("pm_declined")
    async with shop.world.service("payments").db.transaction() as tx:
        await tx.execute("UPDATE sandbox_charge SET status = 'captured', captured = amount")
    late = [((await shop.intent(order))["id"], Finding(Found.CAPTURED, "webhook"))]
    await shop.pump._e.record(shop.world.ctx(), Outcomes(late * 2))
    await shop.hear(shop.refund(order, 1999))

    assert await shop.told(order) == ["Failed", "Captured", "Refunded"]


async def test_a_cancellation_changes_nothing_about_a_capture(shop: Shop) -> None:
    order = await shop.pay()
    await shop.hear(shop.cancel(order), shop.cancel(order))

    assert await shop.told(order) == ["Captured"]


async def test_request_and_cancellation_at_once_end_settled_with_books_that_agree(shop: Shop) -> None:
    requests = [shop.request() for _ in range(40)]
    await all_at_once(
        *(shop.world.deliver("payments", e) for r in requests for e in (r, shop.cancel(r.order_id))),
    )
    await shop.pump.idle()
    await shop.later(seconds=40)
    statuses = {row["status"] for row in await shop.world.fetch("payments", "SELECT status FROM payment_intent")}

    assert statuses <= {"captured", "failed", "tombstone"}


# --- refunds ---------------------------------------------------------------------------------------------------


async def test_a_refund_is_paid_once_however_often_it_is_asked_for(shop: Shop) -> None:
    order = await shop.pay()
    refund = shop.refund(order, 500)
    await all_at_once(
        *(shop.hear(refund) for _ in range(5)), *(shop.world.deliver("payments", refund) for _ in range(3))
    )
    await shop.later(seconds=1)
    refunded = await shop.world.emitted("payments", PaymentRefunded)

    assert [(e.refund_id, e.amount) for e in refunded] == [(refund.refund_id, 500)]
    assert (await shop.intent(order))["refunded"] == 500


async def test_refunds_that_race_for_the_same_money_never_exceed_it(shop: Shop) -> None:
    order = await shop.pay()
    await all_at_once(*(shop.world.deliver("payments", shop.refund(order, 700)) for _ in range(6)))
    await shop.world.deliver_batch("payments", [shop.refund(order, 400) for _ in range(4)])
    await shop.pump.idle()
    rows = await shop.world.fetch("payments", "SELECT status, sum(amount)::int FROM refund GROUP BY 1 ORDER BY 1")

    # 700 + 700 + 599 of 1999; what found nothing left was refused.
    assert rows == [{"status": "refused", "sum": 3 * 700 + 4 * 400}, {"status": "succeeded", "sum": 1999}]
    assert [c["refunded"] for c in await shop.charges(order)] == [1999]


async def test_what_an_operator_left_is_given_back_when_the_order_is_cancelled(shop: Shop) -> None:
    order = await shop.pay()
    await shop.hear(shop.refund(order, 1000))
    await shop.hear(shop.refund(order, 1999))
    refunded = await shop.world.emitted("payments", PaymentRefunded)

    assert [event.amount for event in refunded] == [1000, 999]
    assert (await shop.intent(order))["refunded"] == 1999


async def test_a_refund_whose_answer_is_lost_is_found_by_asking(shop: Shop) -> None:
    order = await shop.pay("pm_timeout_after_charge")
    await shop.later(seconds=4)
    real, asked = shop.sandbox.refund, []

    async def refund(wanted: Refund) -> RefundFinding:
        asked.append(wanted.id)
        return await real(wanted)

    shop.sandbox.refund = refund  # type: ignore[method-assign]
    await shop.hear(shop.refund(order, 500))
    before = await shop.world.fetch("payments", "SELECT status FROM refund")
    await shop.later(seconds=4)

    shop.sandbox.refund = real  # type: ignore[method-assign]

    assert before == [{"status": "unknown"}]
    assert len(asked) == 1
    assert await shop.told(order) == ["Captured", "Refunded"]
    assert [c["refunded"] for c in await shop.charges(order)] == [500]


async def test_a_refund_that_overtakes_its_capture_waits_for_it(shop: Shop) -> None:
    order = await shop.pay("pm_slow")
    with pytest.raises(Transient):
        await shop.hear(shop.refund(order))
    with pytest.raises(Transient):
        await shop.hear(shop.refund("ord_nobody_knows"))

    assert await shop.world.fetch("payments", "SELECT 1 FROM refund") == []


async def test_a_refund_in_another_currency_is_refused(shop: Shop) -> None:
    order = await shop.pay()
    await shop.hear(shop.refund(order, currency="USD"))

    assert await shop.world.fetch("payments", "SELECT status, code FROM refund") == [
        {"status": "refused", "code": "payments.currency_differs"}
    ]


async def test_refunds_of_a_batch_take_the_same_few_statements(shop: Shop) -> None:
    await shop.world.deliver_batch("payments", [shop.request(order_id=f"ord_{n}") for n in range(50)])
    await shop.pump.idle()
    refunds = [shop.refund(f"ord_{n}") for n in range(50)]

    with statements(at_most=7):
        shop.pump._stopping = True
        await shop.world.deliver_batch("payments", refunds)
    shop.pump._stopping = False
    await shop.later(seconds=1)

    assert len(await shop.world.emitted("payments", PaymentRefunded)) == 50


# --- the whole ---------------------------------------------------------------------------------------------------


async def test_the_invariants_notice_books_that_differ(databases: Databases) -> None:
    from support.world import world

    async with world(databases, "payments") as made:
        shop = Shop(made)
        order = await shop.pay()
        sound = await made.broken("payments")
        async with made.service("payments").db.transaction() as tx:
            await tx.execute(
                "INSERT INTO sandbox_charge SELECT 'sbx_2', 'pay_2', order_id, amount, currency, method, status,"
                " code, captured, 0, NULL, created_at FROM sandbox_charge"
            )
            await tx.execute("UPDATE payment_intent SET refund_reserved = 5, refunded = 5")
        broken = await made.broken("payments")

        assert sound == {}
        assert set(broken) == {
            "refunds are within what was captured, and sum up",
            "the provider's books have at most one charge per order",
            "our books and the provider's agree",
        }
        assert broken["the provider's books have at most one charge per order"][0]["order_id"] == order


async def test_captures_stream_in_the_order_of_orders(shop: Shop) -> None:
    for order in ("ord_c", "ord_a", "ord_b"):
        await shop.pay(order_id=order)
    await shop.pay("pm_declined")
    await shop.hear(shop.refund("ord_a", 99))
    async with shop.world.service("payments").db.transaction(snapshot=True) as tx:
        rows = [row async for row in captures(tx)]

    assert rows == [("ord_a", 1999, 99), ("ord_b", 1999, 0), ("ord_c", 1999, 0)]


async def test_what_happens_later_keeps_the_chain_of_causes(shop: Shop) -> None:
    envelope = shop.world.envelope(shop.request("pm_slow"))
    await shop.hear(envelope)
    await shop.later(seconds=10)
    rows = await shop.world.fetch("payments", "SELECT correlation_id, causation_id, traceparent FROM outbox")

    assert rows == [
        {
            "correlation_id": envelope.correlation_id,
            "causation_id": str(envelope.id),
            "traceparent": envelope.traceparent,
        }
    ]


async def test_a_forced_stop_leaves_the_claim_to_expire(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "_hang", asyncio.Event().wait)
    request = shop.request("pm_never_answers")
    await shop.world.deliver("payments", request)

    async def asked() -> bool:
        return bool((await shop.intent(request.order_id))["tries"])

    await until("the provider is asked", asked)
    await shop.pump.stop(0.0)
    row = await shop.intent(request.order_id)

    assert (row["status"], row["tries"]) == ("created", 1)
    assert row["due_at"] > shop.world.clock.now()
    assert signing.TOLERANCE_SECONDS == 300
