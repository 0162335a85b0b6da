"""One OpenAPI 3.1 document for all services, merged from what their routes and policies declare."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from estore.kit.http import application
from estore.kit.http.documenting import HEADERS, Types, operations, problem_answers
from estore.kit.service import Service

Document = dict[str, Any]
TAGS = {
    "accounts": "Registering, confirming an address, forgotten passwords; operators see accounts and signing keys.",
    "carts": "Carts of guests (header `Cart-Secret`) and of accounts, priced as of now.",
    "categories": "The tree that products are sold in.",
    "customer-groups": "Groups of accounts, for promotions that are only for some; operators only.",
    "gift-cards": "Cards that pay for orders: issued, looked up and redeemed by their codes, disabled.",
    "imports": "Files of products, imported by a job with progress and an error per row.",
    "ledger": "Whose money it is: balances, entries, holds and statements.",
    "me": "One's own account and address book.",
    "orders": "Placing orders and following them; guests show `Order-Secret`.",
    "parcels": "What a vendor sends of an order: one parcel each.",
    "payments": "What became of the money, refunds, and the sandbox's pages.",
    "payouts": "Paying vendors out: bank accounts, terms, payouts and what they are made of, files for the bank.",
    "products": "What is for sale, and the vendors' drafts.",
    "promotions": "What is taken off: rules, limits, who pays for it, and codes.",
    "quotes": "What an order would cost now.",
    "refunds": "What is given back of an order, by line or by amount, and who bears it.",
    "returns": "What customers send back: asked for, decided, inspected, refunded.",
    "reviews": "What buyers say of what they received: ratings, votes, replies, and moderation.",
    "search": "Finding products: words, filters, facets, suggestions; the operator's words, rules and statistics.",
    "sessions": "Signing in and out, and refreshing tokens.",
    "stock": "How many pieces there are, where, and why.",
    "store-credit": "What customers can pay with at this marketplace, and every cent that moved it.",
    "vendors": "Those who sell here: applications, members, commission plans, API keys and their history.",
}
_ABOUT = """A marketplace backend made of small services.

- Money is `{"amount": 1999, "currency": "EUR"}`: integer minor units.
- Errors are problem+json (RFC 9457) with a stable `code`; [all codes](/docs/problems). Unknown body fields and query
  parameters are refused, never ignored.
- Lists are pages: follow `next_cursor`, or the `Link` header, until there is none.
- A POST with an `Idempotency-Key` may be repeated: the answer is the same, the effect happens once.
- What has a version has an `ETag`; send it as `If-Match` to change that version and no other.
- Accounts send `Authorization: Bearer` with the access token of `POST /v1/sessions`. Somebody else's thing is a 404.
- The buying path: `GET /v1/products`, `POST /v1/carts`, `PUT /v1/carts/{cart_id}/lines/{sku}`, `POST /v1/quotes`,
  `POST /v1/orders`, `GET /v1/orders/{order_id}`.
"""
_PATH_PARAMETERS = {
    "account_id": "Id, `acc_...`.",
    "action_id": "Id, `sbx_...`, the end of `action_url`.",
    "address_id": "Id, `adr_...`.",
    "batch_id": "Id, `cbt_...`.",
    "card_id": "Id, `gft_...`.",
    "cart_id": "Id, `crt_...`.",
    "category_id": "Id, `cat_...`, or slug.",
    "code": "The code, in any case.",
    "difference": "Id, `dif_...`.",
    "email": "The member's e-mail address.",
    "file_id": "Id, `pof_...`.",
    "group": "The name of the customer group.",
    "hold_id": "Id, `hld_...`.",
    "import_id": "Id, `imp_...`.",
    "key_id": "Id of an API key, `key_...`.",
    "order_id": "Id, `ord_...`, or number, `E-7K3M-92QX`.",
    "parcel_id": "Id, `pcl_...`.",
    "payment_id": "Id, `pay_...`.",
    "dispute_id": "Id, `dsp_...`.",
    "refund_id": "Id, `rfd_...`.",
    "report_id": "Id, `rep_...`.",
    "payout_id": "Id, `po_...`.",
    "product_id": "Id, `prd_...`, or slug.",
    "promotion_id": "Id, `prm_...`.",
    "provider": "Name of the payment provider, `sandbox`.",
    "return_id": "Id, `ret_...`.",
    "review_id": "Id, `rev_...`.",
    "rule_id": "Id, `rul_...`.",
    "session_id": "Id, `ses_...`.",
    "sku": "The variant's SKU.",
    "vendor": "Id, `vnd_...`, or slug.",
    "vendor_id": "Id, `vnd_...`.",
}


def document(services: Sequence[Service]) -> Document:
    """Return the merged document. Schemas of one name that differ get their service's name as a prefix."""
    from estore.cli.examples import add_examples

    types = Types()
    paths: Document = {}
    for service in services:
        app = application(service.name, service.routes, verifier=service.verifier, clock=service.clock)
        for path, method, operation in operations(app, types):
            paths.setdefault(path, {})[method] = {"tags": [path.split("/")[2]]} | operation
            for parameter in operation["parameters"]:
                if parameter["in"] == "path":
                    parameter["description"] = _PATH_PARAMETERS.get(parameter["name"], "")
    schemas = types.components()
    used = {operation["tags"][0] for methods in paths.values() for operation in methods.values()}
    add_examples(paths)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Estore",
            "version": package_version(),
            "summary": "A marketplace backend",
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": TAGS.get(name, "")} for name in sorted(used)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas,
            "responses": problem_answers(),
            "headers": HEADERS,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The access token of `POST /v1/sessions`, for ten minutes; or a vendor's API key, "
                    "`esk_...`, of `POST /v1/vendors/{vendor}/api-keys`, for what its scopes allow.",
                }
            },
        },
    }


def pages(services: Callable[[], Sequence[Service]]) -> Mapping[str, tuple[bytes, Callable[[], bytes]]]:
    """Return the documents, and readable pages of them, made on first use. services: makes those that they tell of."""
    html = b"text/html; charset=utf-8"

    @lru_cache
    def text() -> bytes:
        return json.dumps(document(services()), separators=(",", ":")).encode()

    @lru_cache
    def reference() -> bytes:
        from estore.cli.reference import render

        return render(json.loads(text())).encode()

    @lru_cache
    def events() -> bytes:
        from estore.cli import asyncapi

        return json.dumps(asyncapi.document(tuple(s.name for s in services()), package_version())).encode()

    @lru_cache
    def failures() -> bytes:
        from estore.cli.problems import page

        return page().encode()

    return {
        "/openapi.json": (b"application/json", text),
        "/asyncapi.json": (b"application/json", events),
        "/docs": (html, reference),
        "/docs/problems": (html, failures),
    }


def package_version() -> str:
    """Return the version of the installed package, `0` when it is not installed."""
    try:
        return version("estore")
    except PackageNotFoundError:
        return "0"
