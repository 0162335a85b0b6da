"""Examples of the buying path for the OpenAPI document. A test holds them against the schemas."""

from __future__ import annotations

from typing import Any

Node = dict[str, Any]


def _eur(amount: int) -> Node:
    return {"amount": amount, "currency": "EUR"}


_ADDRESS = {"name": "Ada Byron", "line1": "Torstr. 1", "city": "Berlin", "postal_code": "10119", "country": "DE"}
_SKU = "KLAY-MUG-SPK"
_LINES = [{"sku": _SKU, "quantity": 2}]
_VENDOR = "vnd_01JD5Z1N8RZ3Q9K7V4M2W6X0YB"
_PRODUCT = "prd_01JD5Z2Q4C8T6H1N9F3R7S5VKD"
_PARCEL = "pcl_01JD5ZB8W2E6Y4U1J7P9A3C5GH"
_SPLIT = {"items": _eur(4800), "discount": _eur(480), "shipping": _eur(490), "shipping_discount": _eur(0)} | {
    "tax": _eur(768),
    "total": _eur(4810),
}
_LINE_SUMS = {"subtotal": _eur(4800), "discount": _eur(480), "tax": _eur(690), "total": _eur(4320)}
_VARIANT = {
    "sku": _SKU,
    "title": "Speckled",
    "options": {"glaze": "speckled"},
    "price": _eur(2400),
    "available": 37,
    "in_stock": True,
    "weight_grams": 380,
    "barcode": None,
}
_CARD = {
    "id": _PRODUCT,
    "slug": "speckled-stoneware-mug",
    "title": "Speckled stoneware mug",
    "vendor": {"id": _VENDOR, "slug": "klay-studio", "name": "Klay Studio"},
    "category": {"id": "cat_01JD5Z0V7M4B8X2K6N1Q3T9WZA", "slug": "mugs", "name": "Mugs"},
    "brand": "Klay",
    "picture": None,
    "price": {"from": _eur(2400), "to": _eur(2400)},
    "available": 37,
    "in_stock": True,
    "status": "published",
    "version": 3,
    "variants": [_VARIANT],
    "rating": {"votes": 12, "mean": "4.67"},
}
_CART = {"id": "crt_01JD5Z7K3S9V5R1D8G2H6J4MNP", "lines": [], "subtotal": _eur(0), "version": 1}
_CART_LINE = {
    "sku": _SKU,
    "product_id": _PRODUCT,
    "title": "Speckled stoneware mug",
    "picture": None,
    "quantity": 2,
    "unit_price": _eur(2400),
    "line_total": _eur(4800),
    "available": True,
    "price_changed": False,
}
_PROMOTION = {
    "promotion_id": "prm_01JD5Z4F2B7N3W9K1C6V8T5RXQ",
    "code": "WELCOME10",
    "title": "10 % off your first order",
}
_TAKEN = {"amount": _eur(480), "shipping": _eur(0)}
_UNEXPLAINED = {"reason": None, "missing": None, "detail": ""}
_QUOTE = {
    "lines": [
        {"sku": _SKU, "product_id": _PRODUCT, "vendor_id": _VENDOR, "title": "Speckled stoneware mug", "quantity": 2}
        | {"unit_price": _eur(2400)}
        | _LINE_SUMS
    ],
    "parcels": [{"vendor_id": _VENDOR, "lines": [0]} | _SPLIT],
    "totals": _SPLIT | {"prices_include_tax": True},
    "shipping_method": "standard",
    "expected_total": _eur(4810),
    "to_pay": _eur(4810),
    "promotions": [_PROMOTION | _TAKEN | _UNEXPLAINED | {"applied": True, "lines": [{"line": 0, "amount": _eur(480)}]}],
}
_ORDER: Node = {
    "id": "ord_01JD5ZA1X7C3V9B5N2M8K4L6QW",
    "number": "E-7K3M-92QX",
    "status": "confirmed",
    "payment_status": "captured",
    "email": "ada@example.com",
    "account_id": None,
    "lines": [
        {"id": "lin_01JD5ZA1X8R4T6Y2U9I1O3P5AS", "parcel_id": _PARCEL, "unit_price": _eur(2400), "quantity": 2}
        | {"sku": _SKU, "product_id": _PRODUCT, "vendor_id": _VENDOR, "title": "Speckled stoneware mug"}
        | _LINE_SUMS
    ],
    "parcels": [
        {"id": _PARCEL, "vendor_id": _VENDOR, "status": "open", "lines": ["lin_01JD5ZA1X8R4T6Y2U9I1O3P5AS"]}
        | {"carrier": None, "tracking": None, "shipped_at": None, "delivered_at": None, "shipments": []}
        | _SPLIT
    ],
    "totals": _SPLIT | {"prices_include_tax": True},
    "shipping_address": _ADDRESS,
    "shipping_method": "standard",
    "payment_method": "pm_ok",
    "created_at": "2026-03-02T10:15:00Z",
    "version": 3,
    "cancel_reason": None,
    "requires_action_url": None,
    "promotions": [
        _PROMOTION | _TAKEN | {"lines": [{"line_id": "lin_01JD5ZA1X8R4T6Y2U9I1O3P5AS", "amount": _eur(480)}]}
    ],
    "credit": [{"kind": "gift_card", "amount": _eur(2500)}],
    "to_pay": _eur(2310),
    "credit_refusal": None,
}
_BUY = {"email": "ada@example.com", "shipping_address": _ADDRESS, "shipping_method": "standard"}
_PLACED = _ORDER | {"status": "placed", "payment_status": "pending", "version": 1, "secret": "8l2F-uPq3z0T5mVw9cXyR1aB"}
_PAID = {"payment_method": "pm_ok", "expected_total": _eur(4810), "promotion_codes": ["WELCOME10"]}
_GIFT_CARD = {"gift_card": "7K3M-92QX-0A1B-2C3D-4E5F", "amount": _eur(2500)}
_STORE_CREDIT = {"store_credit": True, "amount": _eur(2790)}

_THREE_FOR_TWO = {
    "title": "3 for 2 on coffee beans",
    "automatic": True,
    "effect": {"type": "buy_get", "buy": 2, "get": 1},
    "goods": {"categories": ["coffee-beans"]},
    "platform_share": 5000,
}
_FIRST_ORDER = {
    "title": "10 % off your first order",
    "effect": {"type": "percentage", "bps": 1000, "at_most": 2500},
    "conditions": {"first_order": True},
    "limits": {"total": 10_000, "per_customer": 1},
}
_FREE_SHIPPING = {
    "title": "Free standard shipping from 40 euros",
    "automatic": True,
    "effect": {"type": "free_shipping", "methods": ["standard"]},
    "conditions": {"min_amount": 4000, "countries": ["DE", "AT"]},
}
_TIERS = {
    "title": "Spend more, save more",
    "automatic": True,
    "effect": {
        "type": "tiers",
        "by": "amount",
        "tiers": [{"start": 10_000, "bps": 500}, {"start": 20_000, "bps": 1000}],
    },
}

# operation -> ({name: body}, {status: answer})
EXAMPLES: dict[str, tuple[Node, Node]] = {
    "identity.sign_in": ({"customer": {"email": "ada@example.com", "password": "correct horse battery"}}, {}),
    "catalog.list_products": ({}, {"200": {"data": [_CARD], "next_cursor": None}}),
    "cart.create": ({}, {"201": _CART | {"secret": "h3vK-0sQd7Lx2pYt8mWz"}}),
    "cart.put_line": ({"two": {"quantity": 2}}, {"200": _CART | {"lines": [_CART_LINE], "subtotal": _eur(4800)}}),
    "orders.quote": (
        {
            "two mugs": {"lines": _LINES, "shipping_address": {"country": "DE"}, "promotion_codes": ["WELCOME10"]},
            "with a gift card": {"lines": _LINES, "shipping_address": {"country": "DE"}, "credits": [_GIFT_CARD]},
        },
        {"200": _QUOTE},
    ),
    "orders.place_order": (
        {
            "lines": {"lines": _LINES} | _BUY | _PAID,
            "cart": {"cart_id": _CART["id"]} | _BUY | _PAID,
            "declined": {"lines": _LINES} | _BUY | {"payment_method": "pm_declined"},
            "code, gift card and card": {"lines": _LINES} | _BUY | _PAID | {"credits": [_GIFT_CARD]},
            "all of it by credit": {"lines": _LINES} | _BUY | {"credits": [_GIFT_CARD, _STORE_CREDIT]},
        },
        {"201": _ORDER | {"secret": _PLACED["secret"]}, "202": _PLACED},
    ),
    "orders.show_order": ({}, {"200": _ORDER}),
    "orders.create_promotion": (
        {"3 for 2": _THREE_FOR_TWO, "first order": _FIRST_ORDER, "free shipping": _FREE_SHIPPING, "tiers": _TIERS},
        {},
    ),
    "orders.create_code": ({"ten percent": {"code": "WELCOME10", "max_uses": 1000}}, {}),
    "orders.create_code_batch": ({"single use": {"count": 5000, "prefix": "SPRING-", "max_uses": 1}}, {}),
    "ledger.make_gift_card": (
        {
            "sold at a till": {"amount": _eur(5000), "funding": "sold", "note": "Till 3"},
            "given away": {"amount": _eur(500), "funding": "promotion", "expires_at": "2027-12-31T23:00:00Z"},
        },
        {},
    ),
    "ledger.grant_store_credit": (
        {
            "for a late parcel": {"account_id": "acc_01JD5Z3H6T9M2P4X8R1V5K7WQB", "amount": _eur(500)}
            | {"reason": "Late parcel", "funding": "goodwill"}
        },
        {},
    ),
    "ledger.show_gift_card_balance": (
        {"code": {"code": "7K3M-92QX-0A1B-2C3D-4E5F"}},
        {"200": {"status": "active", "balance": _eur(2500), "expires_at": None}},
    ),
    "inventory.availability": ({}, {"200": {"sku": _SKU, "available": 37}}),
}


def add_examples(paths: Node) -> None:
    """Put the examples into the operations of `paths`."""
    for methods in paths.values():
        for operation in methods.values():
            bodies, answers = EXAMPLES.get(operation["operationId"], ({}, {}))
            if bodies:
                content = operation["requestBody"]["content"]["application/json"]
                content["examples"] = {name: {"value": body} for name, body in bodies.items()}
            for status, body in answers.items():
                operation["responses"][status]["content"]["application/json"]["example"] = body
