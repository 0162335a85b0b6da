"""What orders is asked to do. Every string, list and number has a limit, and no control characters reach the tables."""

from __future__ import annotations

from typing import Annotated

import msgspec

from estore.kit.money import Money

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_PRINTABLE_SOME = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Sku = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["TON-MUG01-OAT"])]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=9999)]
Text = Annotated[str, msgspec.Meta(max_length=120, pattern=_PRINTABLE)]
Some = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=_PRINTABLE_SOME)]
Short = Annotated[str, msgspec.Meta(max_length=32, pattern=_PRINTABLE)]
Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2", examples=["DE"])]
Email = Annotated[
    str,
    msgspec.Meta(
        max_length=254, pattern=r"^[^@\s\x00-\x20\x7f]{1,64}@[^@\s\x00-\x20\x7f]+$", examples=["ada@example.com"]
    ),
]
ShippingMethod = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,29}$", examples=["standard", "express"])]
PaymentMethod = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$", examples=["pm_ok"])]
PromotionCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
PromotionCodes = Annotated[list[PromotionCode], msgspec.Meta(max_length=10)]


class LineForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many pieces of a SKU. The same SKU may stand on several lines."""

    sku: Sku
    quantity: Quantity


Lines = Annotated[list[LineForm], msgspec.Meta(min_length=1, max_length=100)]


class AddressForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Where it goes."""

    name: Some
    line1: Some
    city: Some
    country: Country
    postal_code: Short = ""
    line2: Text = ""
    region: Text = ""
    phone: Short = ""


class DestinationForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Where it would go: for a quote the country is enough."""

    country: Country
    name: Text = ""
    line1: Text = ""
    city: Text = ""
    postal_code: Short = ""
    line2: Text = ""
    region: Text = ""
    phone: Short = ""


class AskQuote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/quotes."""

    lines: Lines
    shipping_address: DestinationForm
    shipping_method: ShippingMethod = "standard"
    promotion_codes: PromotionCodes = []


class PlaceOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/orders: exactly one of cart_id and lines.

    cart_version: the version of the cart that the customer saw; the order waits until it is known here.
    expected_total: the quote's; another total is never charged.
    """

    email: Email
    shipping_address: AddressForm
    payment_method: PaymentMethod
    shipping_method: ShippingMethod = "standard"
    cart_id: Id | None = None
    cart_version: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)] | None = None
    lines: Lines | None = None
    promotion_codes: PromotionCodes = []
    expected_total: Money | None = None


class Placement(msgspec.Struct, frozen=True):
    """An order to be placed, and what proves that the cart is theirs."""

    order: PlaceOrder
    cart_secret: str | None = None


class OneOrder(msgspec.Struct, frozen=True):
    """An order by id or number. secret: a guest's Order-Secret."""

    name: str
    secret: str | None = None


class CancelOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/orders/{id}/cancel. Nothing to say is fine."""


class ListOrders(msgspec.Struct, frozen=True):
    status: str | None
    email: str | None
    cursor: str | None
    limit: int


class ListParcels(msgspec.Struct, frozen=True):
    status: str | None
    vendor: str | None
    cursor: str | None
    limit: int


class ShipParcel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who carries it, and how to follow it."""

    carrier: Text | None = None
    tracking: Text | None = None


class DeliverParcel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say is fine."""
