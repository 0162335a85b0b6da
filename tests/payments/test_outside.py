"""Refunds that the provider made without us, and refunds that did not happen."""

from __future__ import annotations

from typing import Any

import pytest

from estore.contracts.payments import PaymentRefunded, PaymentRefundFailed
from estore.kit.context import Principal
from estore.kit.errors import Transient
from estore.services.payments import store
from estore.services.payments.domain import Refund, RefundFinding, RefundFound, RefundSeen
from estore.services.payments.gateways import signing
from estore.services.payments.service import ProviderEvent
from payments.shop import Shop, all_at_once


async def hear(shop: Shop, payment: str, seen: RefundSeen, event_id: str) -> None:
    event = ProviderEvent("sandbox", event_id, "charge.refunded", payment, refund=seen)
    await shop.pump._e.hear_provider(shop.world.ctx(Principal()), event)


async def agree(shop: Shop, order: str) -> None:
    """Have the sandbox know of what was only told in its name."""
    row = await shop.intent(order)
    async with shop.world.service("payments").db.transaction() as tx:
        await tx.execute("UPDATE sandbox_charge SET refunded = $2 WHERE order_id = $1", order, row["refunded"])


async def test_a_refund_made_at_the_provider_is_booked_once_with_an_id_of_ours(shop: Shop) -> None:
    order = await shop.pay()
    payment = (await shop.intent(order))["id"]
    made = await shop.sandbox.refund_outside(payment, 600)
    await shop.later(seconds=1)
    async with shop.world.service("payments").db.transaction() as tx:
        await tx.execute("UPDATE sandbox_webhook SET due_at = $1", shop.world.clock.now())
        await tx.execute("DELETE FROM webhook_event")
    await shop.later(seconds=1)
    (event,) = await shop.about(order, PaymentRefunded)
    seen = (await shop.operator.get(f"/v1/payments/{payment}")).json()

    assert made
    assert (event.amount, event.provider, event.refund_id[:4]) == (600, "sandbox", "rfd_")
    assert [(r["id"], r["status"], r["reason"]) for r in seen["refunds"]] == [
        (event.refund_id, "succeeded", "made at the provider")
    ]
    assert seen["refunded"]["amount"] == 600


async def test_pm_refunded_outside_comes_back_by_itself(shop: Shop) -> None:
    order = await shop.pay("pm_refunded_outside")
    await shop.later(seconds=4)
    await shop.later(seconds=4)

    assert [e.amount for e in await shop.about(order, PaymentRefunded)] == [1999]


async def test_our_own_refund_told_by_a_webhook_is_not_booked_twice(shop: Shop) -> None:
    order = await shop.pay()
    payment, asked = (await shop.intent(order))["id"], shop.refund(order, 500)
    await shop.hear(asked)
    (reference,) = (r["id"] for r in await shop.world.fetch("payments", "SELECT id FROM sandbox_refund"))
    await hear(shop, payment, RefundSeen(reference, asked.refund_id, 500, "EUR"), "evt_1")
    await hear(shop, payment, RefundSeen(reference, "", 500, "EUR"), "evt_2")

    assert [e.refund_id for e in await shop.about(order, PaymentRefunded)] == [asked.refund_id]
    assert (await shop.intent(order))["refunded"] == 500


async def test_a_webhook_settles_a_refund_whose_answer_was_lost(shop: Shop) -> None:
    order = await shop.pay("pm_timeout_after_charge")
    await shop.later(seconds=4)
    asked = shop.refund(order, 500)
    await shop.hear(asked)
    before = await shop.world.fetch("payments", "SELECT status FROM refund")
    payment = (await shop.intent(order))["id"]
    told = [hear(shop, payment, RefundSeen("sbr_x", asked.refund_id, 500, "EUR"), f"evt_{n}") for n in range(4)]
    await all_at_once(*told, shop.later(seconds=4))

    assert before == [{"status": "unknown"}]
    assert [e.refund_id for e in await shop.about(order, PaymentRefunded)] == [asked.refund_id]


async def test_one_refund_told_by_many_events_at_once_is_booked_once(shop: Shop) -> None:
    order = await shop.pay()
    payment = (await shop.intent(order))["id"]
    await all_at_once(*(hear(shop, payment, RefundSeen("re_1", "", 700, "EUR"), f"evt_{n}") for n in range(8)))
    await agree(shop, order)

    assert [e.amount for e in await shop.about(order, PaymentRefunded)] == [700]


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [(2000, "EUR", "payments.refund_exceeds_captured"), (5, "USD", "payments.currency_differs")],
)
async def test_a_refund_of_more_than_was_captured_is_written_down_and_not_believed(
    shop: Shop, amount: int, currency: str, code: str
) -> None:
    order = await shop.pay()
    await hear(shop, (await shop.intent(order))["id"], RefundSeen("re_1", "rfd_theirs", amount, currency), "evt_1")

    assert await shop.world.fetch("payments", "SELECT status, code, reference FROM refund") == [
        {"status": "refused", "code": code, "reference": "re_1"}
    ]
    assert (await shop.intent(order))["refunded"] == 0
    assert await shop.told(order) == ["Captured"]


async def test_refunds_there_and_here_at_once_leave_nothing_below_zero(shop: Shop) -> None:
    order = await shop.pay()
    payment = (await shop.intent(order))["id"]
    await all_at_once(
        *(shop.hear(shop.refund(order, 600)) for _ in range(3)),
        *(shop.sandbox.refund_outside(payment, 600) for _ in range(3)),
    )
    await shop.later(seconds=4)
    await shop.later(seconds=40)
    (charge,) = await shop.charges(order)
    intent = await shop.intent(order)
    left = await shop.post(f"/v1/payments/{payment}/refunds", {"amount": {"amount": 1999, "currency": "EUR"}})

    assert intent["refunded"] == charge["refunded"] <= 1999
    assert (left.status_code, left.json()["left"]) == (409, 1999 - intent["refunded"])


async def test_a_refund_that_overtakes_its_capture_is_told_again_later(shop: Shop) -> None:
    payment = (await shop.intent(await shop.pay("pm_slow")))["id"]
    with pytest.raises(Transient):
        await hear(shop, payment, RefundSeen("re_1", "", 5, "EUR"), "evt_1")

    assert await shop.world.fetch("payments", "SELECT 1 FROM webhook_event") == []


async def test_a_forged_refund_moves_nothing_and_a_replayed_one_once(shop: Shop) -> None:
    order = await shop.pay()
    await shop.sandbox.refund_outside((await shop.intent(order))["id"], 600)
    (sent,) = await shop.world.fetch("payments", "SELECT event_id, body FROM sandbox_webhook")
    body, client = sent["body"], shop.world.http("payments")
    genuine = signing.signed(shop.sandbox.settings.secrets[0], sent["event_id"], body, shop.world.clock.now())
    forged = signing.signed("another secret", sent["event_id"], body, shop.world.clock.now())
    statuses = [
        (await client.post("/v1/payments/webhooks/sandbox", content=content, headers=headers)).status_code
        for content, headers in (
            (body, forged),
            (body.replace(b"600", b"900"), genuine),
            (body, genuine),
            (body, genuine),
        )
    ]
    await shop.later(seconds=1)

    assert statuses == [401, 401, 200, 200]
    assert [e.amount for e in await shop.about(order, PaymentRefunded)] == [600]


# --- refused ------------------------------------------------------------------------------------------------------


async def test_a_refund_that_the_purse_refuses_is_told_once(shop: Shop) -> None:
    order = await shop.pay()
    await shop.hear(shop.refund(order, 1999))
    asked = shop.refund(order, 1)
    await shop.hear(asked)
    await shop.hear(asked)
    (failed,) = await shop.about(order, PaymentRefundFailed)

    assert (failed.refund_id, failed.amount, failed.code) == (asked.refund_id, 1, "payments.refund_exceeds_captured")


async def test_a_refund_that_the_provider_refuses_is_told_once_and_its_money_is_free_again(shop: Shop) -> None:
    order = await shop.pay()
    real = shop.sandbox.refund

    async def refuse(refund: Refund) -> RefundFinding:
        return RefundFinding(RefundFound.REFUSED, code="account_closed")

    shop.sandbox.refund = refuse  # type: ignore[method-assign]
    asked = shop.refund(order, 1999)
    await shop.hear(asked)
    shop.sandbox.refund = real  # type: ignore[method-assign]
    await shop.hear(asked, shop.refund(order, 1999))
    (failed,) = await shop.about(order, PaymentRefundFailed)

    assert (failed.refund_id, failed.code) == (asked.refund_id, "account_closed")
    assert [e.amount for e in await shop.about(order, PaymentRefunded)] == [1999]


async def test_a_refund_that_the_provider_works_on_is_looked_up_and_never_asked_for_again(shop: Shop) -> None:
    order = await shop.pay()
    real, look = shop.sandbox.refund, shop.sandbox.lookup_refund
    asked: list[str] = []

    async def begin(refund: Refund) -> RefundFinding:
        asked.append(refund.id)
        await real(refund)
        return RefundFinding(RefundFound.PROCESSING, "sbr_later")

    async def nothing(refund: Refund) -> RefundFinding:
        return RefundFinding(RefundFound.NOT_FOUND)

    shop.sandbox.refund, shop.sandbox.lookup_refund = begin, nothing  # type: ignore[method-assign, assignment]
    await shop.hear(shop.refund(order, 500))
    await shop.later(seconds=70)
    status: Any = (await shop.world.fetch("payments", "SELECT status FROM refund"))[0]["status"]
    shop.sandbox.refund, shop.sandbox.lookup_refund = real, look  # type: ignore[method-assign]
    await shop.later(seconds=70)

    assert (len(asked), status) == (1, "processing")
    assert [e.amount for e in await shop.about(order, PaymentRefunded)] == [500]


async def test_a_refund_that_cannot_be_recorded_holds_up_no_other(shop: Shop) -> None:
    bad, good = await shop.pay(), await shop.pay()
    real = shop.sandbox.refund

    async def lost(refund: Refund) -> RefundFinding:
        if refund.order_id == good:
            await real(refund)
        raise TimeoutError

    shop.sandbox.refund = lost  # type: ignore[method-assign]
    asked = [shop.refund(order, 1999) for order in (bad, good)]
    await shop.hear(*asked)
    shop.sandbox.refund = real  # type: ignore[method-assign]
    await hear(shop, (await shop.intent(bad))["id"], RefundSeen("re_1", "", 1999, "EUR"), "evt_1")
    await agree(shop, bad)
    payments = [(await shop.intent(order))["id"] for order in (bad, good)]
    async with shop.world.service("payments").db.transaction() as tx:
        locked = await store.lock_refunds(tx, [one.refund_id for one in asked], payments)
    # The provider says that it gave all of the first one back twice.
    await shop.pump._record_refunds([(refund, RefundFinding(RefundFound.SUCCEEDED)) for refund in locked.values()])

    assert [e.refund_id for e in await shop.about(good, PaymentRefunded)] == [asked[1].refund_id]
    assert (await shop.intent(bad))["refunded"] == 1999


UNDONE = "what went back and came back again has been given back by hand"


async def test_a_refund_that_comes_back_stays_a_finding_until_somebody_has_transferred_it(shop: Shop) -> None:
    order = await shop.pay()
    payment, asked = (await shop.intent(order))["id"], shop.refund(order, 500)
    await shop.hear(asked)
    at = shop.world.clock.now()
    shop.world.clock.advance(days=5)  # type: ignore[union-attr]
    for number in range(2):
        back = RefundSeen("sbr_1", asked.refund_id, 500, "EUR", succeeded=False)
        await hear(shop, payment, back, f"evt_{number}")
    found = await shop.world.broken("payments")
    (refund,) = (await shop.operator.get("/v1/payments/refunds")).json()["data"]
    body = {
        "amount": {"amount": 500, "currency": "EUR"},
        "paid_at": shop.world.clock.now().isoformat(),
        "bank_reference": "transfer 7",
    }
    answers = [await shop.post(f"/v1/payments/refunds/{asked.refund_id}/mark-paid", body) for _ in range(2)]
    (row,) = await shop.world.fetch("payments", "SELECT reference, settled_at FROM refund")

    assert (refund["status"], refund["code"]) == ("succeeded", "payments.refund_undone")
    assert [r["id"] for r in found[UNDONE]] == [asked.refund_id]
    assert [a.status_code for a in answers] == [200, 409]
    assert UNDONE not in await shop.world.broken("payments")
    assert (row["reference"] != "transfer 7", row["settled_at"]) == (True, at)
    assert [e.amount for e in await shop.about(order, PaymentRefunded)] == [500]
    assert await shop.about(order, PaymentRefundFailed) == []
