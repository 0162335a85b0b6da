"""Who sees which payment, who may refund, and which webhooks are believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from estore.services.payments.gateways import signing
from payments.shop import Shop

HOOK = "/v1/payments/webhooks/sandbox"


async def payment_of(shop: Shop, method: str = "pm_ok") -> str:
    return str((await shop.intent(await shop.pay(method)))["id"])


def refund_body(amount: int = 500, currency: str = "EUR", **more: Any) -> dict[str, Any]:
    return {"amount": {"amount": amount, "currency": currency}, **more}


async def ask(shop: Shop, payment: str, body: Any, key: str | None = "k1", token: str | None = None) -> httpx.Response:
    client = shop.operator if token is None else shop.world.http("payments", token)
    headers = {"idempotency-key": key} if key else {}
    return await client.post(f"/v1/payments/{payment}/refunds", json=body, headers=headers)


# --- reading ------------------------------------------------------------------------------------------------------


async def test_the_owner_sees_the_payment_and_the_operator_its_history_too(shop: Shop) -> None:
    payment = await payment_of(shop)
    owner = await shop.world.http("payments", shop.world.token("acc_01")).get(f"/v1/payments/{payment}")
    operator = await shop.operator.get(f"/v1/payments/{payment}")

    assert owner.json()["captured"] == {"amount": 1999, "currency": "EUR"}
    assert owner.json()["history"] is None and owner.json()["reference"] is None
    assert [(h["source"], h["found"], h["status"]) for h in operator.json()["history"]] == [
        ("charge", "captured", "captured")
    ]
    assert operator.headers["etag"] == '"v2"'


async def test_others_and_guests_do_not_see_it(shop: Shop) -> None:
    order = await shop.pay()
    payment = (await shop.intent(order))["id"]
    other = shop.world.http("payments", shop.world.token("acc_02", vendors={"vnd_1": "owner"}))

    assert (await other.get(f"/v1/payments/{payment}")).status_code == 404
    assert (await other.get(f"/v1/payments?order_id={order}")).json() == {"data": [], "next_cursor": None}
    assert (await shop.world.http("payments").get(f"/v1/payments/{payment}")).status_code == 401
    assert (await shop.operator.get(f"/v1/payments?order_id={order}")).json()["data"][0]["id"] == payment


async def test_the_payment_of_a_guest_is_nobodys_but_the_operators(shop: Shop) -> None:
    order = await shop.pay(account_id=None)
    account = shop.world.http("payments", shop.world.token("acc_01"))

    assert (await account.get(f"/v1/payments?order_id={order}")).json()["data"] == []
    assert len((await shop.operator.get(f"/v1/payments?order_id={order}")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/payments/pay_nope", 404),
        ("/v1/payments/pay_01ARZ3NDEKTSV4RRFFQ69G5FAV", 404),
        ("/v1/payments/%00", 404),
        ("/v1/payments", 400),
        ("/v1/payments?order_id=a%00b", 400),
        ("/v1/payments?order_id=" + "a" * 65, 400),
        ("/v1/payments?order_id=ord_1&x=1", 400),
        ("/v1/payments/sandbox/actions/sbx_1", 404),
        ("/v1/payments/sandbox/actions/sbx_01ARZ3NDEKTSV4RRFFQ69G5FAV", 404),
    ],
)
async def test_bad_reads_are_answered_as_such(shop: Shop, path: str, status: int) -> None:
    assert (await shop.operator.get(path)).status_code == status


# --- refunds ------------------------------------------------------------------------------------------------------


async def test_an_operator_refunds_a_part_and_then_the_rest(shop: Shop) -> None:
    payment = await payment_of(shop)
    first = await ask(shop, payment, refund_body(500, reason="scratched"))
    rest = await ask(shop, payment, refund_body(1499), "k2")
    none = await ask(shop, payment, refund_body(1), "k3")
    await shop.pump.idle()
    seen = (await shop.operator.get(f"/v1/payments/{payment}")).json()

    assert [first.status_code, rest.status_code, none.status_code] == [202, 202, 409]
    assert (none.json()["code"], none.json()["left"]) == ("payments.refund_exceeds_captured", 0)
    assert seen["refunded"] == seen["captured"]
    assert [(r["status"], r["reason"]) for r in seen["refunds"]] == [("succeeded", "scratched"), ("succeeded", "")]


async def test_the_same_key_refunds_once(shop: Shop) -> None:
    payment = await payment_of(shop)
    first = await ask(shop, payment, refund_body())
    again = await ask(shop, payment, refund_body())
    other = await ask(shop, payment, refund_body(501))
    await shop.pump.idle()

    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 422
    assert (await shop.operator.get(f"/v1/payments/{payment}")).json()["refunded"]["amount"] == 500


async def test_only_an_operator_refunds_and_only_with_a_key(shop: Shop) -> None:
    payment = await payment_of(shop)

    assert (await ask(shop, payment, refund_body(), token=shop.world.token("acc_01"))).status_code == 403
    assert (await ask(shop, payment, refund_body(), key=None)).json()["code"] == "idempotency.key_missing"


async def test_what_was_not_captured_cannot_be_refunded(shop: Shop) -> None:
    assert (await ask(shop, await payment_of(shop, "pm_declined"), refund_body())).status_code == 409
    assert (await ask(shop, await payment_of(shop, "pm_slow"), refund_body(), "k2")).status_code == 409
    assert (await ask(shop, "pay_01ARZ3NDEKTSV4RRFFQ69G5FAV", refund_body(), "k3")).status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (refund_body(0), "/amount/amount"),
        (refund_body(-5), "/amount/amount"),
        (refund_body(2**60), "/amount/amount"),
        (refund_body(10, "eur"), "/amount/currency"),
        (refund_body(10, "USD"), "/amount/currency"),
        (refund_body(10, reason="x" * 201), "/reason"),
        (refund_body(10, reason="a\x00"), "/reason"),
        (refund_body(10, surprise=1), "/surprise"),
        ({"amount": {"amount": "10", "currency": "EUR"}}, "/amount/amount"),
        ({}, "/amount"),
    ],
)
async def test_a_wrong_refund_is_told_where_it_is_wrong(shop: Shop, body: Any, pointer: str) -> None:
    answer = await ask(shop, await payment_of(shop), body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


# --- webhooks -----------------------------------------------------------------------------------------------------


class Hook:
    """What the provider would send about a payment in pm_slow, which waits for it."""

    def __init__(self, shop: Shop, payment: str, status: str = "captured", amount: int = 1999) -> None:
        self.shop = shop
        self.body = msgspec.json.encode(
            {
                "id": "evt_1",
                "type": f"charge.{status}",
                "created_at": shop.world.clock.now(),
                "charge": {
                    "id": "sbx_1",
                    "client_reference": payment,
                    "status": status,
                    "amount": amount,
                    "currency": "EUR",
                },
            }
        )
        self.headers = signing.signed(shop.sandbox.settings.secrets[0], "evt_1", self.body, shop.world.clock.now())

    async def send(self, **changed: Any) -> httpx.Response:
        headers = self.headers | changed.pop("headers", {})
        body = changed.pop("body", self.body)
        return await self.shop.world.http("payments").post(HOOK, content=body, headers=headers)


async def test_a_genuine_webhook_acts_once(shop: Shop) -> None:
    order = await shop.pay("pm_slow")
    hook = Hook(shop, (await shop.intent(order))["id"], "declined")
    first, again = await hook.send(), await hook.send()

    assert (first.status_code, first.json()["replayed"]) == (200, False)
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    assert await shop.told(order) == ["Failed"]
    # What the provider said is that nothing will be charged; keep its books at that.
    async with shop.world.service("payments").db.transaction() as tx:
        await tx.execute("UPDATE sandbox_charge SET status = 'declined'")


def forged(secret: str, body: bytes, event_id: str, stamp: str) -> str:
    digest = hmac.new(secret.encode(), f"{event_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": forged("another secret", b"{}", "evt_1", "1")},
        {"webhook-id": "evt_2"},
        {"webhook-id": ""},
        {"webhook-timestamp": "1767225599"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "9" * 40},
    ],
)
async def test_a_forged_webhook_changes_nothing(shop: Shop, headers: dict[str, str]) -> None:
    order = await shop.pay("pm_slow")
    answer = await Hook(shop, (await shop.intent(order))["id"]).send(headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "payments.webhook_forged")
    assert await shop.status(order) == "pending"


async def test_a_webhook_whose_body_was_exchanged_changes_nothing(shop: Shop) -> None:
    order = await shop.pay("pm_slow")
    hook = Hook(shop, (await shop.intent(order))["id"])

    assert (await hook.send(body=hook.body.replace(b"1999", b"1998"))).status_code == 401
    assert await shop.told(order) == []


@pytest.mark.parametrize("seconds", [301, -301])
async def test_a_webhook_from_another_time_changes_nothing(shop: Shop, seconds: int) -> None:
    order = await shop.pay("pm_slow")
    hook = Hook(shop, (await shop.intent(order))["id"])
    then = shop.world.clock.now() - timedelta(seconds=seconds)
    hook.headers = signing.signed(shop.sandbox.settings.secrets[0], "evt_1", hook.body, then)

    assert (await hook.send()).status_code == 401
    assert await shop.told(order) == []


async def test_a_webhook_about_nothing_of_ours_is_taken_and_ignored(shop: Shop) -> None:
    answer = await Hook(shop, "pay_of_somebody_else").send()

    assert answer.status_code == 200
    assert await shop.world.emitted("payments") == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"id": 1}', b"\xff", b"[" * 50_000])
async def test_a_signed_webhook_that_cannot_be_read_is_a_400(shop: Shop, body: bytes) -> None:
    hook = Hook(shop, "pay_1")
    hook.headers = signing.signed(shop.sandbox.settings.secrets[0], "evt_1", body, shop.world.clock.now())
    answer = await hook.send(body=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "payments.webhook_unreadable")


async def test_a_capture_of_another_amount_is_not_booked(shop: Shop) -> None:
    order = await shop.pay("pm_slow")
    await Hook(shop, (await shop.intent(order))["id"], amount=1).send()

    assert await shop.status(order) == "pending"


async def test_a_provider_that_we_do_not_have_is_a_404(shop: Shop) -> None:
    assert (await shop.world.http("payments").post("/v1/payments/webhooks/stripe", content=b"{}")).status_code == 404


# --- the customer's side of the sandbox -------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{}, {"outcome": "maybe"}, {"outcome": "succeed", "x": 1}, []])
async def test_an_unclear_decision_is_a_422(shop: Shop, body: Any) -> None:
    url = (await shop.intent(await shop.pay("pm_requires_action")))["action_url"]

    assert (await shop.world.http("payments").post(f"{url}/complete", json=body)).status_code == 422


async def test_only_charges_that_need_the_customer_have_a_page(shop: Shop) -> None:
    charge = (await shop.charges(await shop.pay("pm_slow")))[0]["id"]
    answer = await shop.world.http("payments").post(
        f"/v1/payments/sandbox/actions/{charge}/complete", json={"outcome": "succeed"}
    )

    assert answer.status_code == 404


async def test_a_browser_is_shown_a_page_that_asks_nobody_else(shop: Shop) -> None:
    url = (await shop.intent(await shop.pay("pm_requires_action")))["action_url"]
    answer = await shop.world.http("payments").get(url, headers={"accept": "text/html,*/*"})

    assert answer.headers["content-type"].startswith("text/html")
    assert "Pay 19.99 EUR?" in answer.text
    assert "sha256-" in answer.headers["content-security-policy"]
