"""An order as it is kept: what moves of it, and what is frozen when it is placed."""

from __future__ import annotations

from datetime import datetime

import msgspec

from estore.contracts.orders import OrderLine, ParcelShare, Totals
from estore.services.orders.domain.order.states import PaymentStatus, State


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
