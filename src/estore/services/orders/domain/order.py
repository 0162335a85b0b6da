"""An order and its parcels: states, the numbers people read aloud, and what the API shows of them."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

import msgspec

from estore.contracts.orders import OrderLine, ParcelShare, Totals
from estore.kit.money import Money
from estore.services.orders.domain.promotions.explaining import OrderPromotion, QuotePromotion

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_HEARD_AS = str.maketrans("OIL", "011")
NUMBER_BITS = 40
_PARCEL = re.compile("pcl_([0-9A-Z]{1,40})-([1-9][0-9]{0,2})")
_LINE = re.compile("lin_([0-9A-Z]{1,40})-([1-9][0-9]{0,3})")
_ORDER = re.compile("ord_[0-9A-Z]{1,40}")


class State(StrEnum):
    """Where an order is. The last three are final."""

    PLACED = "placed"
    AWAITING_PAYMENT = "awaiting_payment"
    CONFIRMED = "confirmed"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


FINAL = frozenset({State.COMPLETED, State.REJECTED, State.CANCELLED})


class PaymentStatus(StrEnum):
    """Where its money is. `voided`: the order ended before anything was charged."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    CAPTURED = "captured"
    FAILED = "failed"
    VOIDED = "voided"
    REFUND_PENDING = "refund_pending"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


class CreditKind(StrEnum):
    GIFT_CARD = "gift_card"
    STORE_CREDIT = "store_credit"


class ParcelStatus(StrEnum):
    """`pending`: the order is not confirmed, and the vendor does not see the parcel. `open`: to be shipped.

    `partly_shipped`: something of it was handed over, and something is left.
    """

    PENDING = "pending"
    OPEN = "open"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class Order(msgspec.Struct):
    """The moving part of an order, as its row holds it while it is locked. Amounts: minor units.

    captured: None until the money was captured; zero where nothing is left to be. refund_requested, refunded: sums of
    that. credit: what of the total is to be paid by it; credit_held: None until the ledger has taken it, and
    credit_refund_requested, credit_refunded: sums of that; credit_refusal: why none was taken. deadline: None when
    final. expires_at: what is not confirmed by then never will be.
    """

    order_id: str
    number: str
    account_id: str | None
    email: str
    status: State
    payment_status: PaymentStatus
    payment_method: str
    payment_id: str | None
    action_url: str | None
    cancel_reason: str | None
    currency: str
    items: int
    discount: int
    shipping: int
    tax: int
    total: int
    inclusive: bool
    captured: int | None
    refund_requested: int
    refunded: int
    deadline: datetime | None
    expires_at: datetime
    version: int
    credit: int = 0
    credit_held: int | None = None
    credit_refund_requested: int = 0
    credit_refunded: int = 0
    credit_refusal: str = ""
    shipping_discount: int = 0

    @property
    def to_pay(self) -> int:
        """What is captured of the total, because no credit pays it."""
        return self.total - self.credit

    @property
    def paid(self) -> int:
        """What was captured, and taken as credit."""
        return (self.captured or 0) + (self.credit_held or 0)

    @property
    def money_left(self) -> int | None:
        """What was captured and is neither given back nor asked to be; less than zero where disputes took more. None
        where nothing was captured yet."""
        return None if self.captured is None else self.captured - max(self.refund_requested, self.refunded)

    @property
    def credit_left(self) -> int:
        """What was taken as credit and is neither given back nor about to be."""
        return (self.credit_held or 0) - self.credit_refund_requested

    @property
    def totals(self) -> Totals:
        return Totals(
            items=self.items,
            discount=self.discount,
            shipping=self.shipping,
            tax=self.tax,
            total=self.total,
            currency=self.currency,
            prices_include_tax=self.inclusive,
        )


class Details(msgspec.Struct, frozen=True):
    """The frozen part of an order, as events carry it."""

    lines: tuple[OrderLine, ...]
    parcels: tuple[ParcelShare, ...]


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


def number_of(bits: int) -> str:
    """Return the order number that 40 random bits make: `E-7K3M-92QX`."""
    a, b, c, d = (_PAIRS[bits >> shift & 1023] for shift in (30, 20, 10, 0))
    return f"E-{a}{b}-{c}{d}"


def number_from(text: str) -> str | None:
    """Return the number that somebody typed or heard (`e 7k3m 92qx`), or None when it is none."""
    letters = text.strip().upper().replace("-", "").replace(" ", "")
    if len(letters) != 9 or letters[0] != "E":
        return None
    letters = letters[1:].translate(_HEARD_AS)
    if any(letter not in ALPHABET for letter in letters):
        return None
    return f"E-{letters[:4]}-{letters[4:]}"


def line_id(order_id: str, number: int) -> str:
    """Return the id of an order's line: the order's own with its place, so that it needs no index of its own."""
    return f"lin_{order_id[4:]}-{number}"


def line_number(order_id: str, line: str) -> int | None:
    """Return the number of an order's line, None for what is no line of this order."""
    match = _LINE.fullmatch(line)
    return int(match[2]) if match is not None and match[1] == order_id[4:] else None


def parcel_id(order_id: str, number: int) -> str:
    """Return the id of an order's parcel."""
    return f"pcl_{order_id[4:]}-{number}"


def place_of(parcel: str) -> tuple[str, int] | None:
    """Return (order id, number) of a parcel's id, or None when it is none."""
    match = _PARCEL.fullmatch(parcel)
    return None if match is None else (f"ord_{match[1]}", int(match[2]))


def is_order_id(text: str) -> bool:
    """Tell whether `text` can be an order's id."""
    return _ORDER.fullmatch(text) is not None


def is_settled(status: str, payment_status: str) -> bool:
    """Tell whether the customer knows the outcome: it is decided, or it is their turn to act."""
    return status not in (State.PLACED, State.AWAITING_PAYMENT) or payment_status == PaymentStatus.REQUIRES_ACTION
