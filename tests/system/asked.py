"""A store with something in it, and what the tests of the OpenAPI document ask of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from estore.cli.compose import SERVICES, build
from estore.cli.openapi import document
from estore.kit.settings import Settings
from support.market import Market, ok

METHODS = ("get", "post", "put", "patch", "delete")
EMAIL = "grace@example.com"
PASSWORD = "correct horse battery staple"


def the_document() -> dict[str, Any]:
    services = build(Settings(database_url="postgresql://localhost/estore", secret="-", environment={}), SERVICES)
    return json.loads(json.dumps(document(services)))


def operations(openapi: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in openapi["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


@dataclass
class Asked:
    """A store with something in it. known: values of path parameters that name something."""

    url: str
    roles: dict[str, dict[str, str]]
    known: dict[str, list[str]]
    bad_tokens: list[str] = field(default_factory=list)
    dsn: str = ""

    def headers(self, role: str) -> dict[str, str]:
        """What `role` shows. A customer signs in each time, for sessions may have been ended meanwhile."""
        if role == "customer":
            person = {"email": EMAIL, "password": PASSWORD}
            tokens = httpx.post(f"{self.url}/v1/sessions", json=person, trust_env=False, timeout=30).json()
            self.roles[role] = {"Authorization": f"Bearer {tokens['access_token']}"}
        return self.roles[role]

    def signed_in(self, role: str) -> dict[str, str]:
        """The same, for those who end no session."""
        return self.roles.get(role) or self.headers(role)


async def filled(store: Any, market: Market) -> Asked:
    person = {"email": EMAIL, "password": PASSWORD, "name": "Grace"}
    await ok(market.guest.post("/v1/accounts", json=person), 201)
    # Whom operators may erase, while the customer stays
    bystander = {"email": "alan@example.com", "password": PASSWORD, "name": "Alan"}
    account = await ok(market.guest.post("/v1/accounts", json=bystander), 201)
    sku = await market.product(stock=1_000_000)
    session = await ok(market.guest.post("/v1/sessions", json={"email": EMAIL, "password": PASSWORD}), 201)
    buyer = store.client(session["access_token"])
    guest_order = await market.bought((sku, 2), wait=5)
    order = await market.bought((sku, 1), client=buyer, wait=5)
    payment = await order.payment()
    cart = await ok(market.guest.post("/v1/carts"), 201)
    own_cart = await ok(buyer.post("/v1/carts"), 201)
    address = {"name": "Grace", "line1": "Elm 1", "city": "Bonn", "postal_code": "53111", "country": "DE"}
    place = await ok(buyer.post("/v1/me/addresses", json=address), 201)
    parcels = (await ok(market.tonwerk.client.get("/v1/parcels"), 200))["data"]
    categories = (await ok(market.guest.get("/v1/categories"), 200))["data"]
    query = {"format": "jsonl", "dry_run": "true"}
    kind = {"Content-Type": "application/jsonl"}
    file = await ok(market.tonwerk.client.post("/v1/imports", params=query, content=b"{}\n", headers=kind), 202)
    vendor = market.tonwerk.client.headers["authorization"]
    operator = market.operator.headers["authorization"]
    secrets_ = {"Cart-Secret": cart["secret"], "Order-Secret": guest_order.first["secret"]}
    return Asked(
        store.url,
        {
            "guest": secrets_,
            "vendor": {"Authorization": vendor},
            "operator": {"Authorization": operator},
        },
        {
            "sku": [sku],
            "product_id": [sku],
            "order_id": [guest_order.id, order.id],
            "payment_id": [payment["id"]] if payment else [],
            "cart_id": [cart["id"], own_cart["id"]],
            "address_id": [place["id"]],
            "account_id": [account["id"]],
            "parcel_id": [parcel["id"] for parcel in parcels],
            "import_id": [file["id"]],
            "category_id": [categories[0]["id"], "mugs"],
            "vendor": [market.holzig.id],
            "email": [EMAIL],
            "provider": ["sandbox"],
        },
    )
