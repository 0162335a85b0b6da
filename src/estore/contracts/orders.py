"""What orders publishes."""

from __future__ import annotations

from datetime import datetime

import msgspec

from estore.kit.contract import Event, event


class OrderLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line, frozen when the order was placed. Amounts: minor units of the order's currency.

    subtotal = unit_price * quantity; total = subtotal - discount (+ tax where prices are net).
    commission: what the marketplace keeps of this line.
    """

    line_id: str
    sku: str
    product_id: str
    vendor_id: str
    title: str
    quantity: int
    unit_price: int
    discount: int
    tax: int
    total: int
    commission: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """total = items - discount + shipping, plus tax where prices_include_tax is false. tax: all tax inside total,
    shipping's included."""

    items: int
    discount: int
    shipping: int
    tax: int
    total: int
    currency: str
    prices_include_tax: bool = True


class ParcelShare(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One vendor's part of an order; the parts sum to the order's totals, each amount of them.

    total = items - discount + shipping (+ tax where prices are net). commission: what the marketplace keeps of it;
    the vendor is owed total - commission.
    """

    parcel_id: str
    vendor_id: str
    items: int
    discount: int
    shipping: int
    tax: int
    total: int
    commission: int


@event("order.placed.v1", by="orders", subject="order_id")
class OrderPlaced(Event, frozen=True, kw_only=True):
    """A customer wants this. Nothing is held, nothing paid. deadline: by then it is confirmed or cancelled."""

    order_id: str
    number: str
    account_id: str | None
    email: str
    lines: tuple[OrderLine, ...]
    totals: Totals
    cart_id: str | None
    cart_version: int | None
    deadline: datetime
    version: int


@event("order.payment_requested.v1", by="orders", subject="order_id")
class OrderPaymentRequested(Event, frozen=True, kw_only=True):
    """Charge this, once, before expires_at."""

    order_id: str
    number: str
    account_id: str | None
    amount: int
    currency: str
    payment_method: str
    expires_at: datetime
    version: int


@event("order.confirmed.v1", by="orders", subject="order_id")
class OrderConfirmed(Event, frozen=True, kw_only=True):
    """Paid and held: the vendors may ship."""

    order_id: str
    number: str
    account_id: str | None
    email: str
    lines: tuple[OrderLine, ...]
    totals: Totals
    payment_id: str
    version: int
    parcels: tuple[ParcelShare, ...] = ()


@event("order.cancelled.v1", by="orders", subject="order_id")
class OrderCancelled(Event, frozen=True, kw_only=True):
    """It will not happen: rejected for lack of stock, not paid, overdue, or called off before shipping.

    reason: `out_of_stock`, `payment_failed`, `overdue`, `customer`, `operator`. Whatever was held or paid goes back.
    """

    order_id: str
    reason: str
    version: int


class ParcelLine(msgspec.Struct, frozen=True):
    line_id: str
    sku: str
    quantity: int


@event("parcel.shipped.v1", by="orders", subject="parcel_id")
class ParcelShipped(Event, frozen=True, kw_only=True):
    """The vendor handed it to a carrier."""

    parcel_id: str
    order_id: str
    vendor_id: str
    lines: tuple[ParcelLine, ...]
    carrier: str | None
    tracking: str | None
    version: int


@event("parcel.delivered.v1", by="orders", subject="parcel_id")
class ParcelDelivered(Event, frozen=True, kw_only=True):
    parcel_id: str
    order_id: str
    account_id: str | None
    vendor_id: str
    lines: tuple[ParcelLine, ...]
    delivered_at: datetime
    version: int


@event("refund.requested.v1", by="orders", subject="refund_id")
class RefundRequested(Event, frozen=True, kw_only=True):
    """Give this much back, once."""

    refund_id: str
    order_id: str
    amount: int
    currency: str
    reason: str
