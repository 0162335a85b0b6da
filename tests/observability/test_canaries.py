"""What people and programs told us in confidence is in no log, no metric and no trace, whatever fails."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from estore.contracts.orders import OrderPlaced
from estore.kit.telemetry import configure_logging, tracing
from estore.services.orders.service.quotes import Quotes
from observability.receiver import Receiver, receiver
from support.databases import Databases
from support.market import HASTY, Market, in_process, key, ok, until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

EMAIL = "zaphod.canary@example.com"
PASSWORD = "canary-Tr1llian-42!"
NAME = "Zaphod Canarybrox"
STREET = "Kanarienweg 4711"
PHONE = "+49 341 4711-007"
CARD = "4242424242424242"
IBAN = "DE89370400440532013000"
BANK_HOLDER = "Canary Holding Ltd"
SIGNATURE = "t=1,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd"
ADDRESS = {"name": NAME, "line1": STREET, "postal_code": "04109", "city": "Leipzig", "country": "DE"}


@dataclass
class Watched:
    """A store, and all that it tells."""

    market: Market
    receiver: Receiver
    said: io.StringIO
    secrets: dict[str, str] = field(default_factory=dict)

    async def told(self) -> str:
        tracing.stop()
        metrics = (await self.market.guest.get("/metrics")).text
        return "\n".join([self.said.getvalue(), metrics, self.receiver.text])


@pytest.fixture
async def watched(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    configure_logging(level="debug", as_json=True)
    with receiver() as kept:
        tracing.start(kept.url, 1.0, bus="estore")
        try:
            async with in_process(databases, **HASTY) as store:
                yield Watched(await Market(store).open(), kept, said)
        finally:
            tracing.stop()
            monkeypatch.undo()
            configure_logging(level="warning", as_json=False)


async def account(watched: Watched) -> None:
    """Sign up and in, rightly and wrongly."""
    guest, form = watched.market.guest, {"email": EMAIL, "password": PASSWORD, "name": NAME}
    await guest.post("/v1/accounts", json=form | {"nick": NAME}, headers=key())
    await guest.post("/v1/accounts", json=form | {"password": PASSWORD[:9]}, headers=key())
    await ok(guest.post("/v1/accounts", json=form, headers=key()), 201)
    await guest.post("/v1/sessions", json={"email": EMAIL, "password": PASSWORD + "x"}, headers=key())
    session = await ok(guest.post("/v1/sessions", json={"email": EMAIL, "password": PASSWORD}, headers=key()), 201)
    for name in ("access_token", "refresh_token"):
        watched.secrets[name] = session[name]
    signed_in = watched.market.store.client(session["access_token"])
    await signed_in.get("/v1/me")
    for country in ("DE", "Germany"):
        await signed_in.post("/v1/me/addresses", json=ADDRESS | {"country": country, "phone": PHONE}, headers=key())
    await watched.market.store.client(session["access_token"] + "x").get("/v1/me")
    for email in (EMAIL, EMAIL + " "):
        await guest.post("/v1/accounts/password-resets", json={"email": email}, headers=key())


async def purchase(watched: Watched, sku: str) -> None:
    """Buy, as a guest, rightly and wrongly."""
    market = watched.market
    cart = await ok(market.guest.post("/v1/carts", headers=key()), 201)
    watched.secrets["cart"] = cart["secret"]
    guest = market.store.client(cart_secret=cart["secret"])
    await market.in_cart(guest, cart["id"], sku)
    told = {"email": EMAIL, "shipping_address": ADDRESS}
    order = await market.order((sku, 1), **told)
    watched.secrets["order"] = order.first["secret"]
    await order.settled("confirmed")
    await market.store.client(order_secret=order.first["secret"] + "x").get(f"/v1/orders/{order.id}")
    await market.place((sku, 1), email=EMAIL.replace("@", "@@"), shipping_address=ADDRESS)
    await market.place((sku, 1), **told, headers={"Idempotency-Key": EMAIL})
    await market.place((sku, 1), **told, payment_method=CARD)
    await market.guest.get(f"/v1/orders/{EMAIL}")
    await market.guest.get("/v1/search", params={"q": EMAIL})


async def vendor(watched: Watched) -> None:
    """A vendor's key and bank account; a provider's webhook."""
    market = watched.market
    owner = market.tonwerk.client
    path = f"/v1/vendors/{market.tonwerk.id}/api-keys"
    made = await ok(owner.post(path, json={"name": NAME, "scopes": ["catalog"]}, headers=key()), 201)
    watched.secrets["api key"] = made["key"]
    await market.store.client(made["key"]).get("/v1/me")
    await market.store.client(made["key"] + "x").get("/v1/me")
    for iban in (IBAN, IBAN[:-1] + "1"):
        await owner.post("/v1/payouts/bank-accounts", json={"iban": iban, "holder": BANK_HOLDER}, headers=key())
    for provider in ("stripe", "sandbox"):
        url = f"/v1/payments/webhooks/{provider}"
        await market.guest.post(url, json={"email": EMAIL}, headers={"Stripe-Signature": SIGNATURE})


async def gift_card(watched: Watched, sku: str) -> None:
    """A card's code is money: asked for, spent, refused, redeemed, wrongly written."""
    market = watched.market
    made = {"amount": {"amount": 5000, "currency": "EUR"}, "funding": "goodwill"}
    card = await ok(market.operator.post("/v1/gift-cards", json=made, headers=key()), 201)
    watched.secrets["gift card"] = code = card["code"]
    watched.secrets["gift card, bare"] = bare = code.replace("-", "").lower()
    for form in ({"code": bare}, {"code": code + "X"}, {"code": code, "pin": code}, {"code": [code]}):
        await market.guest.post("/v1/gift-cards/balance", json=form, headers=key())
        await market.operator.post("/v1/gift-cards/redeem", json=form | {"nick": NAME}, headers=key())
    await market.guest.get(f"/v1/gift-cards/{code}")
    told = {"email": EMAIL, "shipping_address": ADDRESS}
    paid = [{"gift_card": code, "amount": {"amount": 100, "currency": "EUR"}}]
    await (await market.order((sku, 1), **told, credits=paid)).settled("confirmed")
    await market.place((sku, 1), **told, credits=[paid[0] | {"gift_card": bare + "0"}], promotion_codes=["NO-SUCH"])
    await market.place((sku, 1), **told, credits=[paid[0] | {"gift_card": code + "?"}])
    await (await market.order((sku, 1), **told, credits=[paid[0] | {"gift_card": code + "2"}])).settled("cancelled")
    await market.operator.post("/v1/gift-cards/redeem", json={"code": code}, headers=key())


async def break_things(watched: Watched, sku: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A constraint of the database and a defect of ours, both with a customer's words in hand."""
    market = watched.market
    orders = market.store.world.service("orders").db  # type: ignore[attr-defined]
    async with orders.transaction() as tx:
        await tx.execute(f"ALTER TABLE purchase_order ADD CONSTRAINT no_canary CHECK (email <> '{EMAIL}') NOT VALID")
    refused = await market.place((sku, 1), email=EMAIL, shipping_address=ADDRESS)
    assert refused.status_code == 500, refused.text

    def broken(self: Quotes, *_args: object) -> None:
        raise RuntimeError(f"can't send to {NAME!r}, {STREET!r}, <{EMAIL}>, {PHONE}, paid by {CARD} or {IBAN}")

    with monkeypatch.context() as patched:
        patched.setattr(Quotes, "price", broken)
        answer = await market.place((sku, 1), email=EMAIL, shipping_address=ADDRESS)
        assert answer.status_code == 500


async def test_nothing_told_in_confidence_is_told_on(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    sku = await watched.market.product(stock=5)
    await account(watched)
    await purchase(watched, sku)
    await vendor(watched)
    await gift_card(watched, sku)
    await break_things(watched, sku, monkeypatch)
    logging.getLogger("a library").warning("cannot reach amqp://estore:%s@rabbitmq/ for %s", PASSWORD, EMAIL)
    told = await watched.told()
    told_in_confidence = {
        "e-mail": EMAIL,
        "password": PASSWORD,
        "name": NAME,
        "street": STREET,
        "phone": PHONE,
        "card": CARD,
        "IBAN": IBAN,
        "holder": BANK_HOLDER,
        "signature": SIGNATURE[7:],
        "master secret": watched.market.store.settings.secret,
        **watched.secrets,
    }

    assert len(watched.secrets) == 7
    assert [name for name, value in told_in_confidence.items() if value in told] == []
    for line in ('"event": "defect"', "no_canary", "a library"):
        assert line in watched.said.getvalue()
    assert "orders.place_orders" in watched.receiver.text


async def test_every_line_is_json_with_the_ids_of_what_it_is_about(watched: Watched) -> None:
    sku = await watched.market.product(stock=5)
    orders = watched.market.store.world.service("orders").db  # type: ignore[attr-defined]
    async with orders.transaction() as tx:
        await tx.execute("ALTER TABLE purchase_order ADD CHECK (status <> 'confirmed') NOT VALID")
    order = await watched.market.order((sku, 1))
    [placed] = await watched.market.store.world.emitted("orders", OrderPlaced)  # type: ignore[attr-defined]

    async def retried() -> list[dict[str, str]]:
        lines = [json.loads(line) for line in watched.said.getvalue().splitlines()]
        return [line for line in lines if line["event"] == "message will be retried"]

    refused = await until("it cannot be confirmed", retried)
    async with orders.transaction() as tx:
        await tx.execute("UPDATE purchase_order SET deadline = now() WHERE order_id = $1", order.id)
    await order.settled("cancelled")

    assert {line["order_id"] for line in refused} == {order.id} == {placed.order_id}
    assert all(len(line["trace_id"]) == 32 and line["event_id"] and line["queue"] for line in refused)
