"""A store with something in it, and what the tests of the OpenAPI document ask of it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import jsonschema

from estore.cli.compose import SERVICES, build
from estore.cli.openapi import document
from estore.kit.settings import Settings
from support.market import Market, ok

METHODS = ("get", "post", "put", "patch", "delete")
EMAIL = "grace@example.com"
PASSWORD = "correct horse battery staple"
# Candidates for a string that fits a pattern.
WORDS = (
    *("ada@example.com", "Ada", "ada", "DE", "EUR", "MAIN-2", "1", "pm_ok", "https://example.com/a.png"),
    *("DE89370400440532013000", "COBADEFFXXX", "bat_1", "2026-01", "1234", "correct horse battery"),
)


def the_document() -> dict[str, Any]:
    services = build(Settings(database_url="postgresql://localhost/estore", secret="-", environment={}), SERVICES)
    return json.loads(json.dumps(document(services)))


def operations(openapi: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in openapi["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def resolved(openapi: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow references, and of alternatives take the first that is not null."""
    while "$ref" in schema or "anyOf" in schema:
        if "anyOf" in schema:
            schema = next(s for s in schema["anyOf"] if s.get("type") != "null")
        else:
            schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def sample(openapi: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A value that fits, with every field."""
    schema = resolved(openapi, schema)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {name: sample(openapi, inner) for name, inner in schema["properties"].items()}
        case "object":
            return {}
        case "array":
            return [sample(openapi, schema["items"]) for _ in range(max(1, schema.get("minItems", 0)))]
        case "integer" | "number":
            return max(schema.get("minimum", 1), min(1, schema.get("maximum", 1)))
        case "boolean":
            return True
        case "string" if schema.get("format") == "date-time":
            return "2026-01-01T00:00:00Z"
    return _fitting(json.dumps(schema, sort_keys=True))


@functools.cache
def _fitting(schema: str) -> str:
    valid = jsonschema.Draft202012Validator(json.loads(schema)).is_valid
    word: str | None = next(filter(valid, (*json.loads(schema).get("examples", ()), *WORDS)), None)
    assert word is not None, f"add a word to WORDS that fits {schema}"
    return word


@dataclass
class Asked:
    """A store with something in it. known: values of path parameters that name something."""

    url: str
    roles: dict[str, dict[str, str]]
    known: dict[str, list[str]]
    bad_tokens: list[str] = field(default_factory=list)
    dsn: str = ""

    @functools.cached_property
    def _http(self) -> httpx.Client:
        """One for all: to make a client takes longer than to sign in."""
        return httpx.Client(base_url=self.url, trust_env=False, timeout=60)

    def headers(self, role: str) -> dict[str, str]:
        """What `role` shows. A customer signs in each time, for sessions may have been ended meanwhile."""
        if role == "customer":
            person = {"email": EMAIL, "password": PASSWORD}
            tokens = self._http.post("/v1/sessions", json=person).json()
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
    form = {"title": "Ten percent", "effect": {"type": "percentage", "bps": 1000}}
    promotion = await ok(market.tonwerk.client.post("/v1/promotions", json=form), 201)
    url = f"/v1/promotions/{promotion['id']}"
    code = await ok(market.tonwerk.client.post(f"{url}/codes", json={"code": "TEN"}), 201)
    batch = await ok(market.tonwerk.client.post(f"{url}/code-batches", json={"count": 2}), 201)
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
            "promotion_id": [promotion["id"]],
            "batch_id": [batch["id"]],
            "code": [code["code"]],
        },
    )
