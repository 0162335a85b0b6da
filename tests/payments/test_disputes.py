"""Disputes: told in any order, answered with evidence, decided once, and never paid out a second time."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.payments import PaymentDisputeClosed, PaymentDisputed, PaymentRefunded, PaymentRefundFailed
from estore.kit.context import Principal
from estore.services.payments.domain import (
    CLOSED,
    DISPUTE_TRANSITIONS,
    Dispute,
    DisputeCase,
    DisputeStatus,
    follow,
)
from estore.services.payments.gateways import EvidenceRefused
from estore.services.payments.service import ProviderEvent
from payments.shop import Shop, all_at_once
from payments.test_domain import NOON

DISPUTES = "/v1/payments/disputes"


async def disputed(shop: Shop, method: str = "pm_disputed", amount: int = 1999) -> tuple[str, dict[str, Any]]:
    """An order whose capture the bank has claimed back, and the dispute as an operator sees it."""
    order = await shop.pay(method, amount=amount)
    await shop.later(seconds=4)
    (seen,) = [d for d in (await shop.operator.get(DISPUTES)).json()["data"] if d["order_id"] == order]
    return order, seen


async def read(shop: Shop, dispute: dict[str, Any]) -> dict[str, Any]:
    return (await shop.operator.get(f"{DISPUTES}/{dispute['id']}")).json()  # type: ignore[no-any-return]


async def answer(shop: Shop, dispute: dict[str, Any], text: str, key: str | None = None) -> Any:
    given = await shop.post(f"{DISPUTES}/{dispute['id']}/evidence", {"text": text}, key)
    await shop.pump.idle()
    return given


# --- told -----------------------------------------------------------------------------------------------------------


async def test_a_dispute_says_why_and_until_when_it_is_to_be_answered(shop: Shop) -> None:
    order, dispute = await disputed(shop)
    (event,) = await shop.about(order, PaymentDisputed)

    assert (event.reason, event.provider, event.amount) == ("fraudulent", "sandbox", 1999)
    assert event.evidence_due_at is not None and event.evidence_due_at > shop.world.clock.now() + timedelta(days=6)
    assert (dispute["id"], dispute["status"]) == (event.dispute_id, "opened")
    assert (await shop.intent(order))["disputed"] == 1999


@pytest.mark.parametrize(("method", "won"), [("pm_disputed_won", True), ("pm_disputed_lost", False)])
async def test_a_decision_is_told_once_and_frees_the_money_only_if_it_is_won(
    shop: Shop, method: str, won: bool
) -> None:
    order, dispute = await disputed(shop, method)
    await shop.later(seconds=4)
    await shop.later(days=8)
    (closed,) = await shop.about(order, PaymentDisputeClosed)

    assert (closed.won, closed.dispute_id, closed.amount) == (won, dispute["id"], 1999)
    assert (await shop.intent(order))["disputed"] == (0 if won else 1999)
    assert (await read(shop, dispute))["status"] == ("won" if won else "lost")


def told(status: DisputeStatus, event_id: str, payment: str) -> ProviderEvent:
    return ProviderEvent(
        "sandbox", event_id, f"dispute.{status}", payment, dispute=Dispute("sbd_1", 1999, "EUR", status)
    )


ORDERS = [
    order
    for end in (DisputeStatus.WON, DisputeStatus.LOST)
    for order in itertools.permutations((DisputeStatus.OPENED, DisputeStatus.EVIDENCE_SUBMITTED, end))
]


@pytest.mark.parametrize("order", ORDERS)
async def test_in_whatever_order_webhooks_come_a_dispute_opens_once_and_ends_once(
    shop: Shop, order: tuple[DisputeStatus, ...]
) -> None:
    paid = await shop.pay()
    payment = (await shop.intent(paid))["id"]
    for number, status in enumerate((*order, *order)):
        await shop.pump._e.hear_provider(shop.world.ctx(Principal()), told(status, f"evt_{number}", payment))
    won = DisputeStatus.WON in order
    seen = await shop.told(paid)
    async with shop.world.service("payments").db.transaction() as tx:
        # The sandbox never heard of it.
        await tx.execute("DELETE FROM dispute")
        held = await tx.fetchval("UPDATE payment_intent p SET disputed = 0 FROM payment_intent b WHERE b.id = p.id"
                                 " RETURNING b.disputed")  # fmt: skip

    assert seen == ["Captured", "Disputed", "DisputeClosed"]
    assert held == (0 if won else 1999)


@pytest.mark.parametrize("won", [True, False])
async def test_a_dispute_in_another_currency_is_told_as_all_of_the_capture(shop: Shop, won: bool) -> None:
    order = await shop.pay()
    payment = (await shop.intent(order))["id"]
    for number, status in enumerate((DisputeStatus.OPENED, DisputeStatus.WON if won else DisputeStatus.LOST)):
        told = Dispute("sbd_1", 340_000, "JPY", status)
        event = ProviderEvent("sandbox", f"evt_{number}", f"dispute.{status}", payment, dispute=told)
        await shop.pump._e.hear_provider(shop.world.ctx(Principal()), event)
    (opened,), (closed,) = await shop.about(order, PaymentDisputed), await shop.about(order, PaymentDisputeClosed)
    (seen,) = (await shop.operator.get(DISPUTES)).json()["data"]
    async with shop.world.service("payments").db.transaction() as tx:
        # The sandbox never heard of it.
        await tx.execute("DELETE FROM dispute")
        await tx.execute("UPDATE payment_intent SET disputed = 0")

    assert [(e.amount, e.currency) for e in (opened, closed)] == [(1999, "EUR")] * 2
    assert seen["amount"] == {"amount": 340_000, "currency": "JPY"}


async def test_webhooks_of_one_dispute_at_once_open_and_end_it_once(shop: Shop) -> None:
    paid = await shop.pay()
    payment = (await shop.intent(paid))["id"]
    statuses = [DisputeStatus.OPENED, DisputeStatus.EVIDENCE_SUBMITTED, DisputeStatus.LOST] * 5
    hear = shop.pump._e.hear_provider
    answers = await all_at_once(
        *(hear(shop.world.ctx(Principal()), told(s, f"evt_{n}", payment)) for n, s in enumerate(statuses))
    )
    seen = sorted(await shop.told(paid))
    async with shop.world.service("payments").db.transaction() as tx:
        await tx.execute("DELETE FROM dispute")
        await tx.execute("UPDATE payment_intent SET disputed = 0")

    assert [a for a in answers if isinstance(a, BaseException)] == []
    assert seen == ["Captured", "DisputeClosed", "Disputed"]


async def test_a_dispute_of_another_providers_payment_is_not_ours(shop: Shop) -> None:
    payment = (await shop.intent(await shop.pay()))["id"]
    event = msgspec.structs.replace(told(DisputeStatus.OPENED, "evt_1", payment), provider="invoice")
    await shop.pump._e.hear_provider(shop.world.ctx(Principal()), event)

    assert await shop.world.emitted("payments", PaymentDisputed) == []


def test_the_table_answers_every_pair_and_nothing_follows_a_decision() -> None:
    assert {s: set(row) for s, row in DISPUTE_TRANSITIONS.items()} == {s: set(DisputeStatus) for s in DisputeStatus}
    assert {s: set(DISPUTE_TRANSITIONS[s].values()) for s in CLOSED} == {s: {s} for s in CLOSED}


@given(st.lists(st.sampled_from(list(DisputeStatus)), max_size=10))
def test_in_any_order_a_dispute_ends_at_most_once_as_was_told_first(statuses: list[DisputeStatus]) -> None:
    case = DisputeCase(
        id="dsp_1", payment_id="pay_1", order_id="ord_1", provider="sandbox", reference="r", amount=5, currency="EUR",
        status=DisputeStatus.OPENED, created_at=NOON,
    )  # fmt: skip
    ends = [follow(case, Dispute("r", 5, "EUR", status), NOON) for status in statuses]
    decisions = [s for s in statuses if s in CLOSED]

    assert sum(ends) == min(1, len(decisions))
    assert not decisions or case.status is decisions[0]
    assert (case.closed_at is not None) == bool(decisions)


# --- the money --------------------------------------------------------------------------------------------------------


async def test_money_that_a_bank_has_claimed_is_not_refunded_as_well(shop: Shop) -> None:
    order, _ = await disputed(shop)
    payment = (await shop.intent(order))["id"]
    asked = shop.refund(order, 1999)
    by_operator = await shop.post(f"/v1/payments/{payment}/refunds", {"amount": {"amount": 1, "currency": "EUR"}})
    await shop.hear(asked)
    (failed,) = await shop.about(order, PaymentRefundFailed)

    assert (by_operator.status_code, by_operator.json()["code"]) == (409, "payments.disputed")
    assert (failed.refund_id, failed.amount, failed.code) == (asked.refund_id, 1999, "payments.disputed")
    assert await shop.about(order, PaymentRefunded) == []


async def test_money_that_was_won_back_can_be_refunded(shop: Shop) -> None:
    order, _ = await disputed(shop, "pm_disputed_won")
    await shop.later(seconds=4)
    await shop.hear(shop.refund(order, 1999))

    assert [e.amount for e in await shop.about(order, PaymentRefunded)] == [1999]


async def test_a_bank_claims_only_what_was_not_refunded(shop: Shop) -> None:
    order = await shop.pay("pm_disputed")
    await shop.hear(shop.refund(order, 500))
    await shop.later(seconds=4)
    await shop.hear(shop.refund(order, 1))
    (event,) = await shop.about(order, PaymentDisputed)

    assert event.amount == 1499
    assert await shop.told(order) == ["Captured", "Refunded", "Disputed", "RefundFailed"]


async def test_refunds_and_a_dispute_at_once_never_take_more_than_there_is(shop: Shop) -> None:
    order = await shop.pay("pm_disputed")
    shop.world.clock.advance(seconds=4)  # type: ignore[union-attr]
    await all_at_once(*(shop.hear(shop.refund(order, 700)) for _ in range(4)), *(shop.sandbox.tick() for _ in range(3)))
    await shop.later(seconds=40)
    (charge,) = await shop.charges(order)
    intent = await shop.intent(order)

    assert charge["refunded"] + charge["disputed"] <= 1999
    assert (intent["refunded"], intent["disputed"]) == (charge["refunded"], charge["disputed"])


# --- evidence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "end"), [("a winning argument", "won"), ("a losing one", "lost")])
async def test_evidence_is_sent_and_the_bank_decides_on_it(shop: Shop, text: str, end: str) -> None:
    order, dispute = await disputed(shop)
    given = await answer(shop, dispute, text)
    await shop.later(seconds=1)
    sent = await read(shop, dispute)
    await shop.later(seconds=4)

    assert (given.status_code, given.headers["location"]) == (202, f"{DISPUTES}/{dispute['id']}")
    assert (sent["status"], sent["evidence"]) == ("evidence_submitted", text)
    assert sent["evidence_sent_at"] is not None
    assert [c.won for c in await shop.about(order, PaymentDisputeClosed)] == [end == "won"]


async def test_a_dispute_that_nobody_answers_is_lost_when_it_is_due(shop: Shop) -> None:
    order, dispute = await disputed(shop)
    await shop.later(days=7, seconds=1)
    late = await answer(shop, dispute, "winning, but late")

    assert [c.won for c in await shop.about(order, PaymentDisputeClosed)] == [False]
    assert (late.status_code, late.json()["code"]) == (409, "payments.dispute_closed")


async def test_evidence_after_its_due_date_is_refused_even_if_the_bank_has_not_decided(shop: Shop) -> None:
    _, dispute = await disputed(shop)
    shop.world.clock.advance(days=7)  # type: ignore[union-attr]

    assert (await answer(shop, dispute, "late")).json()["code"] == "payments.evidence_late"
    await shop.later(seconds=4)


async def test_evidence_is_taken_once_however_often_it_is_sent(shop: Shop) -> None:
    _, dispute = await disputed(shop)
    answers = await all_at_once(*(answer(shop, dispute, f"text {n}") for n in range(5)))
    again = await answer(shop, dispute, "text", "same")
    # The look that the first one asked for passes by what the others have locked: the next one finds it.
    await shop.later(seconds=1)
    kept = (await read(shop, dispute))["evidence"]

    assert sorted(a.status_code for a in answers) == [202, 409, 409, 409, 409]
    assert (again.status_code, again.json()["code"]) == (409, "payments.evidence_given")
    assert (await shop.world.fetch("payments", "SELECT evidence FROM sandbox_dispute")) == [{"evidence": kept}]


async def test_the_same_key_gives_evidence_once(shop: Shop) -> None:
    _, dispute = await disputed(shop)
    first, again = await answer(shop, dispute, "text", "k1"), await answer(shop, dispute, "text", "k1")

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["idempotency-replayed"] == "true"


async def test_evidence_that_the_provider_does_not_take_yet_is_offered_again(shop: Shop) -> None:
    _, dispute = await disputed(shop)
    real, tries = shop.sandbox.submit_evidence, []

    async def away(reference: str, text: str, files: None = None) -> None:
        tries.append(text)
        raise ConnectionError("away")

    shop.sandbox.submit_evidence = away  # type: ignore[method-assign]
    await answer(shop, dispute, "text")
    unsent = await read(shop, dispute)
    shop.sandbox.submit_evidence = real  # type: ignore[method-assign]
    await shop.later(seconds=4)

    assert (len(tries), unsent["evidence_sent_at"], unsent["status"]) == (1, None, "opened")
    assert (await read(shop, dispute))["status"] == "evidence_submitted"


async def test_evidence_that_the_provider_refuses_for_good_can_be_given_anew(shop: Shop) -> None:
    _, dispute = await disputed(shop)
    real = shop.sandbox.submit_evidence

    async def refuse(reference: str, text: str, files: None = None) -> None:
        raise EvidenceRefused("too long")

    shop.sandbox.submit_evidence = refuse  # type: ignore[method-assign]
    await answer(shop, dispute, "x" * 20_000)
    refused = await read(shop, dispute)
    shop.sandbox.submit_evidence = real  # type: ignore[method-assign]
    again = await answer(shop, dispute, "shorter")

    assert (refused["evidence_code"], refused["evidence_sent_at"]) == ("payments.evidence_refused", None)
    assert (again.status_code, (await read(shop, dispute))["evidence_sent_at"] is not None) == (202, True)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "/text"), ({"text": ""}, "/text"), ({"text": "a\x00"}, "/text"), ({"text": "a", "x": 1}, "/x")],
)
async def test_wrong_evidence_is_told_where_it_is_wrong(shop: Shop, body: Any, pointer: str) -> None:
    _, dispute = await disputed(shop)
    answer = await shop.post(f"{DISPUTES}/{dispute['id']}/evidence", body)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


# --- who ----------------------------------------------------------------------------------------------------------


async def test_only_operators_see_disputes_by_status_and_page_by_page(shop: Shop) -> None:
    for method in ("pm_disputed", "pm_disputed_lost", "pm_disputed"):
        await disputed(shop, method)
    await shop.later(seconds=4)
    opened = (await shop.operator.get(f"{DISPUTES}?status=opened&limit=1")).json()
    rest = (await shop.operator.get(f"{DISPUTES}?status=opened&limit=1&cursor={opened['next_cursor']}")).json()
    customer = shop.world.http("payments", shop.world.token("acc_01"))

    assert [d["status"] for d in (*opened["data"], *rest["data"])] == ["opened"] * 2
    assert rest["next_cursor"] is None
    assert (await customer.get(DISPUTES)).status_code == 403
    assert (await customer.get(f"{DISPUTES}/{rest['data'][0]['id']}")).status_code == 403
    assert (await shop.operator.get(f"{DISPUTES}/dsp_01ARZ3NDEKTSV4RRFFQ69G5FAV")).status_code == 404
    assert (await shop.operator.get(f"{DISPUTES}/%00")).status_code == 404
    assert (await shop.operator.get(f"{DISPUTES}?status=maybe")).status_code == 400
