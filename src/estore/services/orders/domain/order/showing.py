"""What the API shows of orders, quotes and parcels."""

from __future__ import annotations

from datetime import datetime

import msgspec

from estore.kit.money import Money
from estore.services.orders.domain.promotions.explaining import OrderPromotion, QuotePromotion


class Address(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where it goes. country: ISO 3166-1 alpha-2."""

    country: str
    name: str = ""
    line1: str = ""
    line2: str = ""
    postal_code: str = ""
    city: str = ""
    region: str = ""
    phone: str = ""


class LineView(msgspec.Struct, frozen=True, gc=False):
    """One line of an order or quote. `tax` is inside `total`."""

    id: str
    sku: str
    product_id: str
    vendor_id: str
    title: str
    quantity: int
    unit_price: Money
    subtotal: Money
    discount: Money
    tax: Money
    total: Money
    parcel_id: str


class ShipmentLine(msgspec.Struct, frozen=True, gc=False):
    """So many pieces of one of the parcel's lines."""

    line_id: str
    quantity: int


class Shipment(msgspec.Struct, frozen=True, gc=False):
    """What was handed to a carrier at once. carrier_status: what the carrier said last, `in_transit`, `delivered` or
    `lost`; None while it has said nothing."""

    id: str
    lines: tuple[ShipmentLine, ...]
    carrier: str | None
    tracking: str | None
    shipped_at: datetime
    delivered_at: datetime | None
    carrier_status: str | None


class ParcelView(msgspec.Struct, frozen=True, gc=False):
    """What one vendor sends, in one shipment or more. lines: ids of the order's lines in it. `tax` is inside `total`.

    shipping: after shipping_discount.

    carrier, tracking, shipped_at: of the shipment that completed it.
    """

    id: str
    vendor_id: str
    status: str
    lines: tuple[str, ...]
    items: Money
    discount: Money
    shipping: Money
    shipping_discount: Money
    tax: Money
    total: Money
    carrier: str | None = None
    tracking: str | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    shipments: tuple[Shipment, ...] = ()


class TotalsView(msgspec.Struct, frozen=True, gc=False):
    """total = items - discount + shipping, plus tax where prices do not include it. shipping: after
    shipping_discount."""

    items: Money
    discount: Money
    shipping: Money
    shipping_discount: Money
    tax: Money
    total: Money
    prices_include_tax: bool


class CreditView(msgspec.Struct, frozen=True, gc=False):
    """So much of the total is paid by one gift card (its code is kept nowhere), or by store credit."""

    kind: str
    amount: Money


class OrderView(msgspec.Struct, frozen=True, gc=False):
    """An order as its customer and the operator see it.

    secret: of a guest's order; proves it as `Order-Secret`. Only in the answer to POST /v1/orders.
    refunded: what was given back, as money or as credit; payment_status says whether more is on its way.
    credit: what of the total gift cards and store credit pay; to_pay: the rest, for the payment method.
    credit_refusal: why an order with cancel_reason `credit_refused` got none: `unknown_card`, `expired`, `disabled`,
    `insufficient`, `other_currency`, `no_account`.
    requires_action_url: where the customer has to go before the payment can go on.
    """

    id: str
    number: str
    status: str
    payment_status: str
    email: str
    account_id: str | None
    lines: tuple[LineView, ...]
    parcels: tuple[ParcelView, ...]
    totals: TotalsView
    shipping_address: Address
    shipping_method: str
    payment_method: str | None
    created_at: datetime
    version: int
    cancel_reason: str | None = None
    requires_action_url: str | None = None
    secret: str | msgspec.UnsetType = msgspec.UNSET
    refunded: Money | msgspec.UnsetType = msgspec.UNSET
    credit: tuple[CreditView, ...] = ()
    to_pay: Money | msgspec.UnsetType = msgspec.UNSET
    credit_refusal: str | None = None
    promotions: tuple[OrderPromotion, ...] = ()


class QuoteLine(msgspec.Struct, frozen=True, gc=False):
    sku: str
    product_id: str
    vendor_id: str
    title: str
    quantity: int
    unit_price: Money
    subtotal: Money
    discount: Money
    tax: Money
    total: Money


class QuoteParcel(msgspec.Struct, frozen=True, gc=False):
    """What one vendor would send. lines: indexes into the quote's lines. shipping: after shipping_discount."""

    vendor_id: str
    lines: tuple[int, ...]
    items: Money
    discount: Money
    shipping: Money
    shipping_discount: Money
    tax: Money
    total: Money


class Quote(msgspec.Struct, frozen=True):
    """What it would cost now. expected_total: send it with the order, and no other total will be charged. to_pay: what
    the credits that were named would leave of it, if they are good for as much. promotions: what explains every
    discount, and why a code does not apply."""

    lines: tuple[QuoteLine, ...]
    parcels: tuple[QuoteParcel, ...]
    totals: TotalsView
    shipping_method: str
    expected_total: Money
    to_pay: Money
    promotions: tuple[QuotePromotion, ...] = ()


class VendorLine(msgspec.Struct, frozen=True, gc=False):
    """One line of a parcel. shipped: how many of its pieces were handed over to a carrier. funded: what of the discount
    the marketplace pays."""

    id: str
    sku: str
    product_id: str
    title: str
    quantity: int
    unit_price: Money
    discount: Money
    funded: Money
    tax: Money
    total: Money
    commission: Money
    commission_tax: Money
    shipped: int


class VendorParcel(msgspec.Struct, frozen=True, gc=False):
    """A parcel as its vendor sees it: its own lines and its own share of the order, and where it goes.

    commission: what the marketplace keeps, before commission_tax; payable = total + funded - commission -
    commission_tax. funded: what of discount and shipping_discount the marketplace pays; borne: what the vendor bears.
    shipping: after shipping_discount.
    carrier, tracking, shipped_at: of the shipment that completed it.
    """

    id: str
    order_id: str
    order_number: str
    vendor_id: str
    status: str
    lines: tuple[VendorLine, ...]
    shipping_address: Address
    shipping_method: str
    items: Money
    discount: Money
    shipping: Money
    shipping_discount: Money
    tax: Money
    total: Money
    funded: Money
    borne: Money
    commission: Money
    commission_tax: Money
    payable: Money
    ordered_at: datetime
    carrier: str | None
    tracking: str | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    shipments: tuple[Shipment, ...]
    version: int
