"""What a vendor looks at every morning: what is open, what it is made of, what becomes available when, what sells."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from estore.kit.money import Money

OPEN = ("open", "partly_shipped", "shipped")
"""Parcels that are not at their customer's yet."""


class StateSum(msgspec.Struct, frozen=True, kw_only=True):
    """All open parcels of one state and currency. amount: what customers paid for them; payable: the vendor's part of
    it, with what the marketplace pays of discounts; both without what was refunded."""

    state: str
    orders: int
    parcels: int
    lines: int
    amount: Money
    payable: Money


class OpenLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of an open parcel. Its shipping, where there is any, is a line without line_id.

    amount, funded and payable without what was refunded of it. funded: what the marketplace pays of its discount.
    """

    vendor_id: str
    order_id: str
    order_number: str
    parcel_id: str
    state: str
    line_id: str | None
    sku: str | None
    title: str
    quantity: int
    amount: Money
    funded: Money
    payable: Money
    sold_at: datetime


class SoldOf(msgspec.Struct, frozen=True, kw_only=True):
    """Sales of one day, product or category. key: the day, the product's id, the category's slug. funded: what of
    the discount the marketplace paid."""

    key: str
    title: str
    lines: int
    pieces: int
    amount: Money
    discount: Money
    commission: Money
    funded: Money


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """Read in one snapshot: `open` is the sum of `lines` when they are complete, whatever is sold meanwhile.

    complete: false when there are more lines than were asked for; `open` still counts all of them.
    """

    vendor_id: str | None
    at: datetime
    open: list[StateSum]
    lines: list[OpenLine]
    complete: bool
    by_day: list[SoldOf]
    by_product: list[SoldOf]
    by_category: list[SoldOf]


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes available on a day (UTC). held: reserves and holds that end then; the rest was earned."""

    day: date
    amount: Money
    parcels: int
    held: Money


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a vendor can expect, if nothing more is sold, returned or disputed.

    available: now. due: by day. undelivered: waits for delivery, then for the return window. held: until somebody
    decides, such as returns and disputes.
    """

    vendor_id: str
    currency: str
    available: Money
    due: list[Due]
    undelivered: Money
    held: Money
    at: datetime
