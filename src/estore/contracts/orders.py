"""What orders publishes."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

import msgspec

from estore.kit.contract import Event, event

_LETTERS_AND_DIGITS = re.compile("[A-Z0-9]")


class OrderLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line, frozen when the order was placed. Amounts: minor units of the order's currency.

    subtotal = unit_price * quantity; total = subtotal - discount (+ tax where prices are net).
    commission: what the marketplace keeps of this line, before commission_tax, the tax on that fee.
    funded: what of the discount the marketplace pays to the vendor; the vendor is owed total + funded - commission -
    commission_tax.
    category_path: slugs from the root of the tree to the product's category, as they were then.
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
    commission_tax: int = 0
    category_path: tuple[str, ...] = ()
    funded: int = 0


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

    total = items - discount + shipping (+ tax where prices are net). shipping: after what promotions took off it.
    commission: what the marketplace keeps of it, before commission_tax. funded: what of the discounts on lines and
    shipping the marketplace pays; the vendor is owed total + funded - commission - commission_tax.
    """

    parcel_id: str
    vendor_id: str
    items: int
    discount: int
    shipping: int
    tax: int
    total: int
    commission: int
    commission_tax: int = 0
    funded: int = 0


class CreditUse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """So much of a total is paid by credit. amount: minor units, above zero.

    kind: `store_credit`, of the order's account, or `gift_card`, whose code has gift_card_hash: SHA-256 in hex of the
    code in capitals without anything but letters and digits. The code itself travels nowhere.
    """

    kind: str
    amount: int
    gift_card_hash: str = ""


def gift_card_hash(code: str) -> str:
    """Return what CreditUse says of a gift card instead of its code, however somebody typed that."""
    return hashlib.sha256("".join(_LETTERS_AND_DIGITS.findall(code.upper())).encode()).hexdigest()


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


@event("order.credit_requested.v1", by="orders", subject="order_id")
class OrderCreditRequested(Event, frozen=True, kw_only=True):
    """Hold exactly this much credit for the order, all of it or nothing, once. Asked before any other payment."""

    order_id: str
    number: str
    account_id: str | None
    uses: tuple[CreditUse, ...]
    currency: str
    version: int


@event("order.confirmed.v1", by="orders", subject="order_id")
class OrderConfirmed(Event, frozen=True, kw_only=True):
    """Paid and held: the vendors may ship. credit: what of the total was paid by gift card and store credit; the rest
    was captured by payment_id, which is empty where there is no rest."""

    order_id: str
    number: str
    account_id: str | None
    email: str
    lines: tuple[OrderLine, ...]
    totals: Totals
    payment_id: str
    version: int
    parcels: tuple[ParcelShare, ...] = ()
    credit: int = 0


@event("order.cancelled.v1", by="orders", subject="order_id")
class OrderCancelled(Event, frozen=True, kw_only=True):
    """It will not happen: rejected for lack of stock, not paid, overdue, or called off before shipping.

    reason: `out_of_stock`, `credit_refused`, `payment_failed`, `overdue`, `customer`, `operator`. Whatever was held or
    paid goes back.
    """

    order_id: str
    reason: str
    version: int


@event("order.completed.v1", by="orders", subject="order_id")
class OrderCompleted(Event, frozen=True, kw_only=True):
    """Everything was delivered, and the time to return it is over."""

    order_id: str
    completed_at: datetime
    version: int


class ParcelLine(msgspec.Struct, frozen=True):
    """A part of an order's line, or all of it."""

    line_id: str
    sku: str
    quantity: int


@event("parcel.shipped.v1", by="orders", subject="parcel_id")
class ParcelShipped(Event, frozen=True, kw_only=True):
    """The vendor handed it, or a part of it, to a carrier. lines: what is in this shipment.

    shipment_id: of one handing over; a parcel has as many as its vendor makes of it. complete: nothing is left to ship.
    """

    parcel_id: str
    order_id: str
    vendor_id: str
    lines: tuple[ParcelLine, ...]
    carrier: str | None
    tracking: str | None
    version: int
    shipment_id: str = ""
    complete: bool = True


@event("parcel.delivered.v1", by="orders", subject="parcel_id")
class ParcelDelivered(Event, frozen=True, kw_only=True):
    """All of the parcel has arrived. Once per parcel. returnable_until: until then it may be returned."""

    parcel_id: str
    order_id: str
    account_id: str | None
    vendor_id: str
    lines: tuple[ParcelLine, ...]
    delivered_at: datetime
    version: int
    returnable_until: datetime | None = None


@event("refund.requested.v1", by="orders", subject="refund_id")
class RefundRequested(Event, frozen=True, kw_only=True):
    """Give this much of what was captured back, once."""

    refund_id: str
    order_id: str
    amount: int
    currency: str
    reason: str


class RefundLine(msgspec.Struct, frozen=True, gc=False):
    """What a refund takes back of one line, or of the parcel's shipping where line_id is None.

    amount: given back to the customer, tax inside it included. commission, commission_tax: given back to the vendor.
    funded: given back by the vendor to the marketplace, which had paid it for a promotion.
    """

    line_id: str | None
    quantity: int
    amount: int
    tax: int
    commission: int
    commission_tax: int
    funded: int = 0


class RefundShare(msgspec.Struct, frozen=True, gc=False):
    """One vendor's part of a refund: the sums of its lines. The vendor bears amount + funded - commission -
    commission_tax."""

    parcel_id: str
    vendor_id: str
    amount: int
    tax: int
    commission: int
    commission_tax: int
    lines: tuple[RefundLine, ...]
    funded: int = 0


@event("refund.allocated.v1", by="orders", subject="refund_id")
class RefundAllocated(Event, frozen=True, kw_only=True):
    """Who bears a refund, to the last minor unit. Once for every refund, whoever asked for it, and for a lost dispute.

    cause: `cancelled` (before shipping, also what was captured too late), `return`, `goodwill`, `dispute` (refund_id is
    the dispute's), `provider` (made at payments or by the provider, without us).
    amount = the shares' amounts + platform + unearned. credit: what of it goes back as credit, once refund.credited
    says so. platform: borne by the marketplace. unearned: of an order that
    never was confirmed, so it never became anybody's, or borne already by the
    shares of another refund, which payments cut.
    """

    refund_id: str
    order_id: str
    amount: int
    currency: str
    cause: str
    reason: str
    return_id: str | None
    shares: tuple[RefundShare, ...]
    platform: int
    unearned: int
    allocated_at: datetime
    credit: int = 0


@event("refund.credited.v1", by="orders", subject="refund_id")
class RefundCredited(Event, frozen=True, kw_only=True):
    """The part of a refund that was paid by credit goes back to where it came from, once: what of the refund was
    captured has gone back before, so that a refund happens as a whole or not at all."""

    refund_id: str
    order_id: str
    amount: int
    currency: str


class ReturnLine(msgspec.Struct, frozen=True):
    """A part of an order's line, on its way back. disposition: `restock` or `write_off`, once it was inspected."""

    line_id: str
    sku: str
    quantity: int
    disposition: str | None = None


@event("return.requested.v1", by="orders", subject="return_id")
class ReturnRequested(Event, frozen=True, kw_only=True):
    """A customer wants to give something back. amount: what would be refunded for it at most.

    payable: what of it the vendor would bear, commission taken into account.
    """

    return_id: str
    order_id: str
    parcel_id: str
    vendor_id: str
    account_id: str | None
    reason: str
    lines: tuple[ReturnLine, ...]
    amount: int
    payable: int
    currency: str
    version: int


@event("return.approved.v1", by="orders", subject="return_id")
class ReturnApproved(Event, frozen=True, kw_only=True):
    """The customer may send it. expires_at: what has not arrived by then is closed without a refund."""

    return_id: str
    order_id: str
    vendor_id: str
    expires_at: datetime
    version: int


@event("return.received.v1", by="orders", subject="return_id")
class ReturnReceived(Event, frozen=True, kw_only=True):
    """It is back and was inspected: each line says whether it goes back on the shelf or is written off."""

    return_id: str
    order_id: str
    vendor_id: str
    lines: tuple[ReturnLine, ...]
    version: int


@event("return.closed.v1", by="orders", subject="return_id")
class ReturnClosed(Event, frozen=True, kw_only=True):
    """Nothing more comes of it. outcome: `refunded` (refund.allocated says how much), `refused`, `cancelled` (by the
    customer), `expired`."""

    return_id: str
    order_id: str
    parcel_id: str
    vendor_id: str
    outcome: str
    refund_id: str | None
    closed_at: datetime
    version: int
