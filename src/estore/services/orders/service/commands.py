"""What orders is asked to do. Every string, list and number has a limit, and no control characters reach the tables."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from estore.kit.money import Money

_PRINTABLE = r"^[^\x00-\x1f\x7f]*\Z"
_PRINTABLE_SOME = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*\Z"
Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
Sku = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z", examples=["TON-MUG01-OAT"])]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=9999)]
Text = Annotated[str, msgspec.Meta(max_length=120, pattern=_PRINTABLE)]
Some = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=_PRINTABLE_SOME)]
Short = Annotated[str, msgspec.Meta(max_length=32, pattern=_PRINTABLE)]
Country = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z", description="ISO 3166-1 alpha-2", examples=["DE"])]
Email = Annotated[
    str,
    msgspec.Meta(
        max_length=254, pattern=r"^[^@\s\x00-\x20\x7f]{1,64}@[^@\s\x00-\x20\x7f]+\Z", examples=["ada@example.com"]
    ),
]
ShippingMethod = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,29}\Z", examples=["standard", "express"])]
PaymentMethod = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}\Z", examples=["pm_ok"])]
PromotionCode = Annotated[
    str,
    msgspec.Meta(
        max_length=64,
        pattern=r"^ *[A-Za-z0-9][A-Za-z0-9_-]{0,39} *\Z",
        description="In capitals or not; blanks around it do not matter",
        examples=["SPRING"],
    ),
]
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


GiftCardCode = Annotated[
    str,
    msgspec.Meta(
        max_length=64,
        pattern=r"^[ -]*[A-Za-z0-9][A-Za-z0-9 -]*\Z",
        description="Read in capitals, without blanks and hyphens",
        examples=["GIFT-7K3M-92QX-B4TD"],
    ),
]


class CreditForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """So much of the total is paid by a gift card, or by the store credit of who is signed in."""

    amount: Money
    gift_card: GiftCardCode | None = None
    store_credit: bool = False


Credits = Annotated[list[CreditForm], msgspec.Meta(max_length=10)]


class AskQuote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/quotes."""

    lines: Lines
    shipping_address: DestinationForm
    shipping_method: ShippingMethod = "standard"
    promotion_codes: PromotionCodes = []
    credits: Credits = []


class PlaceOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/orders: exactly one of cart_id and lines.

    cart_version: the version of the cart that the customer saw; the order waits until it is known here.
    expected_total: the quote's; another total is never charged.
    credits: what of the total gift cards and store credit pay. payment_method: for the rest; needed where there is one.
    """

    email: Email
    shipping_address: AddressForm
    payment_method: PaymentMethod | None = None
    shipping_method: ShippingMethod = "standard"
    cart_id: Id | None = None
    cart_version: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)] | None = None
    lines: Lines | None = None
    promotion_codes: PromotionCodes = []
    credits: Credits = []
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
    """overdue: only those of which something should have been shipped long ago, and was not."""

    status: str | None
    email: str | None
    overdue: bool
    cursor: str | None
    limit: int


class ListParcels(msgspec.Struct, frozen=True):
    status: str | None
    vendor: str | None
    cursor: str | None
    limit: int


class ShipLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many pieces of one of the parcel's lines."""

    line_id: Id
    quantity: Quantity


class ShipParcel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who carries it, and how to follow it. lines: what goes now, each line once; without it, all that is left."""

    carrier: Text | None = None
    tracking: Text | None = None
    lines: Annotated[list[ShipLine], msgspec.Meta(min_length=1, max_length=100)] | None = None


class DeliverParcel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """shipment_id: only this one has arrived; without it, all that is on its way."""

    shipment_id: Id | None = None


class CarrierEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a carrier says of a shipment. at: when it was so, with an offset from UTC."""

    carrier: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}\Z", examples=["DHL"])]
    tracking: Some
    status: Literal["in_transit", "delivered", "lost"]
    at: Annotated[datetime, msgspec.Meta(tz=True)]


class CarrierSaid(msgspec.Struct, frozen=True):
    """A carrier's message whose signature was verified. event_id: tells repetitions apart, within one carrier."""

    event_id: str
    event: CarrierEvent


class CarrierHeard(msgspec.Struct, frozen=True):
    """shipments: how many the message told something of; 0 for a repetition, or for what is not known here."""

    shipments: int


class PieceForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many pieces of an order's line."""

    line_id: Id
    quantity: Quantity


Pieces = Annotated[list[PieceForm], msgspec.Meta(min_length=1, max_length=100)]


class RefundForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/orders/{id}/refunds: pieces of lines, and with `shipping` what is left of their parcels' shipping; or an
    amount, over the order or over one vendor's parcel. `shipping` alone is all shipping that is left."""

    reason: Some
    lines: Pieces | None = None
    shipping: bool = False
    amount: Money | None = None
    vendor_id: Id | None = None


class ListRefunds(msgspec.Struct, frozen=True):
    name: str
    secret: str | None
    cursor: str | None
    limit: int


ReturnReason = Literal["damaged", "wrong_item", "not_as_described", "no_longer_wanted", "late", "other"]
Comment = Annotated[str, msgspec.Meta(max_length=500, pattern=_PRINTABLE)]


class ReturnForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v1/orders/{id}/returns: pieces of one parcel's lines; with parcel_id alone all that is left of it."""

    reason: ReturnReason
    lines: Pieces | None = None
    parcel_id: Id | None = None
    comment: Comment = ""


class ApproveReturn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say is fine."""


class CancelReturn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say is fine."""


class RefuseReturn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why: the customer reads it."""

    reason: Some


class ArrivedForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many pieces of a line that arrived. A line may stand here once for each disposition."""

    line_id: Id
    quantity: Quantity
    disposition: Literal["restock", "write_off"]


Arrived = Annotated[list[ArrivedForm], msgspec.Meta(min_length=1, max_length=200)]


class InspectReturn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What arrived, and in which state. It is refunded by line, with `shipping` also what is left of the parcel's.

    deduction: less, for what the customer damaged; needs deduction_reason, which the customer reads.
    """

    lines: Arrived
    shipping: bool = False
    deduction: Money | None = None
    deduction_reason: Text = ""


class ReceiveReturn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Without lines: it arrived, and is to be inspected. With lines: it was inspected too; see POST inspect."""

    lines: Arrived | None = None
    shipping: bool = False
    deduction: Money | None = None
    deduction_reason: Text = ""


class ListReturns(msgspec.Struct, frozen=True):
    status: str | None
    vendor: str | None
    order: str | None
    secret: str | None
    cursor: str | None
    limit: int
