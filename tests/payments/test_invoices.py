"""Payment by invoice: asked for, marked as paid, marked as given back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.payments import PaymentCaptured, PaymentRefunded, PaymentRequiresAction
from estore.kit.ids import new_id
from estore.services.payments.domain import creditor_reference, is_iban, remainder_97
from payments.shop import Shop, all_at_once


async def invoiced(shop: Shop, **values: Any) -> tuple[str, str]:
    """An order that is to be paid by invoice, and its payment."""
    values.setdefault("expires_at", shop.world.clock.now() + timedelta(days=30))
    order = await shop.pay("invoice", **values)
    return order, (await shop.intent(order))["id"]


def mark(shop: Shop, amount: int = 1999, **more: Any) -> dict[str, Any]:
    body = {"amount": {"amount": amount, "currency": "EUR"}, "bank_reference": "2026-01-02 / 17"}
    return body | {"received_at": shop.world.clock.now().isoformat()} | more


def mark_back(shop: Shop, amount: int = 1999, **more: Any) -> dict[str, Any]:
    body = mark(shop, amount, **more)
    return {"paid_at": body.pop("received_at"), **body}


async def pay(shop: Shop, payment: str, body: Any, key: str | None = None) -> Any:
    answer = await shop.post(f"/v1/payments/{payment}/mark-paid", body, key)
    await shop.pump.idle()
    return answer


# --- asked for ----------------------------------------------------------------------------------------------------


async def test_the_customer_is_told_what_to_transfer_where(shop: Shop) -> None:
    order, payment = await invoiced(shop)
    (asked,) = await shop.about(order, PaymentRequiresAction)
    guest = shop.world.http("payments")
    shown = (await guest.get(asked.action_url)).json()
    page = await guest.get(asked.action_url, headers={"accept": "text/html"})

    assert shown["amount"] == {"amount": 1999, "currency": "EUR"}
    assert (shown["iban"], shown["bic"]) == ("DE89 3704 0044 0532 0130 00", "COBADEFFXXX")
    assert shown["reference"].replace(" ", "") == creditor_reference(payment)
    assert shown["payable_until"][:10] == f"{shop.world.clock.now() + timedelta(days=14):%Y-%m-%d}"
    assert "Estore &lt;Ltd&gt;" in page.text and shown["reference"] in page.text
    assert "sha256-" in page.headers["content-security-policy"]


async def test_an_invoice_opens_with_its_own_key_only(shop: Shop) -> None:
    order, payment = await invoiced(shop)
    _, other = await invoiced(shop)
    key = (await shop.intent(order))["action_url"].rpartition("=")[2]
    guest = shop.world.http("payments")
    card = (await shop.intent(await shop.pay()))["id"]
    paths = [(other, key), (payment, "0" * 32), (payment, "a"), ("pay_1", key), (card, key)]

    assert [(await guest.get(f"/v1/payments/{p}/invoice?key={k}")).status_code for p, k in paths] == [404] * 5
    assert (await guest.get(f"/v1/payments/{payment}/invoice?key=%00")).status_code == 400
    assert (await guest.get(f"/v1/payments/{payment}/invoice")).status_code == 400


async def test_a_waiting_invoice_is_not_asked_about_all_the_time(shop: Shop) -> None:
    order, _ = await invoiced(shop)
    for _ in range(20):
        await shop.later(hours=1)

    assert len(await shop.world.fetch("payments", "SELECT 1 FROM payment_history")) == 1
    assert await shop.status(order) == "requires_action"


async def test_an_invoice_that_nobody_pays_ends_with_its_order(shop: Shop) -> None:
    order, _ = await invoiced(shop, expires_at=shop.world.clock.now() + timedelta(minutes=30))
    await shop.later(minutes=31)

    assert await shop.told(order) == ["RequiresAction", "Failed"]
    assert await shop.failure(order) == "expired"


# --- paid -------------------------------------------------------------------------------------------------------------


async def test_what_an_operator_marks_is_captured_once(shop: Shop) -> None:
    order, payment = await invoiced(shop)
    answers = await all_at_once(*(pay(shop, payment, mark(shop)) for _ in range(5)))
    (captured,) = await shop.about(order, PaymentCaptured)

    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"payments.already_paid"}
    assert (captured.amount, captured.provider) == (1999, "invoice")


async def test_the_same_key_marks_once(shop: Shop) -> None:
    _, payment = await invoiced(shop)
    body = mark(shop)
    first, again = await pay(shop, payment, body, "k1"), await pay(shop, payment, body, "k1")

    assert (first.status_code, again.status_code) == (200, 200)
    assert (first.json()["status"], again.headers["idempotency-replayed"]) == ("captured", "true")


@pytest.mark.parametrize(
    ("changed", "code", "pointer"),
    [
        ({"amount": {"amount": 1998, "currency": "EUR"}}, "payments.amount_differs", "/amount"),
        ({"amount": {"amount": 2000, "currency": "EUR"}}, "payments.amount_differs", "/amount"),
        ({"amount": {"amount": 1999, "currency": "USD"}}, "payments.amount_differs", "/amount"),
        ({"received_at": "2999-01-01T00:00:00Z"}, "payments.not_yet_moved", "/received_at"),
        ({"received_at": "2026-01-01T00:00:00"}, None, "/received_at"),
        ({"bank_reference": ""}, None, "/bank_reference"),
        ({"bank_reference": "a\x00"}, None, "/bank_reference"),
        ({"surprise": 1}, None, "/surprise"),
    ],
)
async def test_a_mark_that_does_not_fit_changes_nothing(
    shop: Shop, changed: dict[str, Any], code: str | None, pointer: str
) -> None:
    order, payment = await invoiced(shop)
    answer = await pay(shop, payment, mark(shop) | changed)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert code in (None, answer.json()["code"])
    assert await shop.status(order) == "requires_action"


async def test_only_operators_mark_and_only_invoices(shop: Shop) -> None:
    _, payment = await invoiced(shop)
    card = (await shop.intent(await shop.pay("pm_requires_action")))["id"]
    customer = shop.world.http("payments", shop.world.token("acc_01"))
    path = f"/v1/payments/{payment}/mark-paid"

    assert (await customer.post(path, json=mark(shop), headers={"idempotency-key": "k"})).status_code == 403
    assert (await shop.operator.post(path, json=mark(shop))).json()["code"] == "idempotency.key_missing"
    assert (await pay(shop, card, mark(shop))).json()["code"] == "payments.not_by_invoice"
    assert (await pay(shop, "pay_01ARZ3NDEKTSV4RRFFQ69G5FAV", mark(shop))).status_code == 404


async def test_money_that_arrives_after_the_cancellation_is_booked_to_be_given_back(shop: Shop) -> None:
    order, payment = await invoiced(shop)
    await shop.hear(shop.cancel(order))
    late = await pay(shop, payment, mark(shop))

    assert late.status_code == 200
    assert await shop.told(order) == ["RequiresAction", "Failed", "Captured"]


async def test_a_mark_and_a_cancellation_at_once_end_in_one_capture(shop: Shop) -> None:
    made = [await invoiced(shop) for _ in range(8)]
    await all_at_once(
        *(work for order, payment in made for work in (pay(shop, payment, mark(shop)), shop.hear(shop.cancel(order))))
    )
    await shop.later(seconds=40)

    assert [len(await shop.about(order, PaymentCaptured)) for order, _ in made] == [1] * 8


# --- given back -----------------------------------------------------------------------------------------------------


async def test_a_refund_waits_for_an_operator_and_is_told_when_it_was_transferred(shop: Shop) -> None:
    order, payment = await invoiced(shop)
    await pay(shop, payment, mark(shop))
    asked = shop.refund(order, 500, refund_id=new_id("rfd"))
    await shop.hear(asked)
    for _ in range(5):
        await shop.later(hours=20)
    todo = (await shop.operator.get("/v1/payments/refunds?provider=invoice&status=processing")).json()["data"]
    early = await shop.about(order, PaymentRefunded)
    path = f"/v1/payments/refunds/{asked.refund_id}/mark-paid"
    wrong = await shop.post(path, mark_back(shop, 501))
    answers = await all_at_once(*(shop.post(path, mark_back(shop, 500)) for _ in range(4)))
    (event,) = await shop.about(order, PaymentRefunded)

    assert [(r["id"], r["amount"]["amount"]) for r in todo] == [(asked.refund_id, 500)]
    assert early == []
    assert (wrong.status_code, wrong.json()["code"]) == (422, "payments.amount_differs")
    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409]
    assert (event.refund_id, event.amount, event.provider) == (asked.refund_id, 500, "invoice")
    assert (await shop.operator.get("/v1/payments/refunds?provider=invoice&status=processing")).json()["data"] == []


async def test_only_refunds_of_invoices_are_marked(shop: Shop) -> None:
    order = await shop.pay()
    asked = shop.refund(order, 500)
    await shop.hear(asked)
    path = f"/v1/payments/refunds/{asked.refund_id}/mark-paid"

    assert (await shop.post(path, mark_back(shop, 500))).json()["code"] == "payments.not_by_invoice"
    assert (await shop.post("/v1/payments/refunds/rfd_nobody/mark-paid", mark_back(shop))).status_code == 404
    assert (await shop.post("/v1/payments/refunds/%00/mark-paid", mark_back(shop))).status_code == 404


# --- references ----------------------------------------------------------------------------------------------------


@given(st.builds(lambda: new_id("pay")))
def test_a_reference_has_true_check_digits_and_finds_its_payment(payment: str) -> None:
    reference = creditor_reference(payment)

    assert remainder_97(reference[4:] + reference[:4]) == 1
    assert reference[4:] == payment[-16:]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("DE89370400440532013000", True),
        ("GB82WEST12345698765432", True),
        ("DE88370400440532013000", False),
        ("DE89", False),
        ("de89370400440532013000", False),
        ("", False),
        ("DE89 3704 0044 0532 0130 00", False),
    ],
)
def test_an_iban_is_known_by_its_check_digits(text: str, right: bool) -> None:
    assert is_iban(text) is right


def test_the_example_of_the_standard_has_the_check_digits_of_the_standard() -> None:
    assert f"{98 - remainder_97('539007547034' + 'RF00'):02d}" == "18"
