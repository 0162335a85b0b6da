"""A promotion: what it takes off, of what, for whom, when, how often, and who pays for it.

These structs are what the API takes and shows, what the table holds as JSON, and what the engine reads.
Amounts: minor units of the marketplace's currency. Shares: basis points, 10000 is all of it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

Bps = Annotated[int, msgspec.Meta(ge=1, le=10_000, description="basis points, 1500 is 15 %")]
Share = Annotated[int, msgspec.Meta(ge=0, le=10_000, description="basis points, 10000 is all of it")]
Amount = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1, description="minor units of the marketplace's currency")]
Pieces = Annotated[int, msgspec.Meta(ge=1, le=9999)]
Uses = Annotated[int, msgspec.Meta(ge=1, le=10**12)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]
Names = Annotated[tuple[Name, ...], msgspec.Meta(max_length=1000)]


class Percentage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="percentage", tag_field="type"):
    """bps of what is left of each matching line. at_most: of all lines together."""

    bps: Bps
    at_most: Amount | None = None


class Fixed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="fixed", tag_field="type"):
    """An amount off: over all matching lines in proportion to what is left of them, or off each piece."""

    amount: Amount
    per: Literal["order", "piece"] = "order"


class BuyGet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="buy_get", tag_field="type"):
    """Of every `buy` + `get` matching pieces the `get` cheapest cost bps less; at most `times` in an order.

    get_from: where what is got has to be, if it is other goods than what is bought.
    """

    buy: Pieces
    get: Pieces
    bps: Bps = 10_000
    times: Pieces | None = None
    get_from: Goods | None = None


class FreeShipping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="free_shipping", tag_field="type"):
    """The shipping of parcels with matching goods costs bps less. methods: only these; empty for all."""

    bps: Bps = 10_000
    methods: Names = ()


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From so much, or so many pieces, on: either bps or amount off."""

    start: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    bps: Bps | None = None
    amount: Amount | None = None


class Tiers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="tiers", tag_field="type"):
    """The last tier that is reached counts. by: what `start` measures over all matching lines."""

    by: Literal["amount", "quantity"]
    tiers: Annotated[tuple[Tier, ...], msgspec.Meta(min_length=1, max_length=20)]


Effect = Percentage | Fixed | BuyGet | FreeShipping | Tiers


class Goods(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What it is about: goods that match every list that is not empty, and none of those that except.

    categories: slugs, with all below them. vendors, products: ids.
    """

    products: Names = ()
    skus: Names = ()
    categories: Names = ()
    vendors: Names = ()
    except_products: Names = ()
    except_categories: Names = ()
    except_vendors: Names = ()


class Conditions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Under which it applies, all of them. min_amount, min_quantity: of the matching goods before any discount.

    customer_groups: the customer is in one of them. first_order: no order of the account, or of the guest's e-mail
    address, went before that was not rejected or cancelled. countries: it is shipped to one of them.
    """

    min_amount: Amount | None = None
    min_quantity: Pieces | None = None
    customer_groups: Names = ()
    first_order: bool = False
    countries: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z")], ...], msgspec.Meta(max_length=250)
    ] = ()


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many orders may use it, altogether and of one customer. They hold under a race; a cancelled order's use is
    free again. A single code may have a limit of its own."""

    total: Uses | None = None
    per_customer: Uses | None = None


class Stacking(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """With what it goes together. Promotions apply by priority, highest first, each to what those before it left.

    exclusive: with no other at all. group: only the one of a group that takes off most. Where several ways remain, the
    customer gets the one that costs least.
    """

    exclusive: bool = False
    group: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_-]{0,64}\Z")] = ""
    priority: Annotated[int, msgspec.Meta(ge=-1000, le=1000)] = 0


class Status(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What whoever makes a promotion says of it. title: what customers read.

    automatic: it needs no code. platform_share: what of each discount the marketplace pays; the rest is borne by the
    vendor of the line, or of the parcel. A vendor's own promotion is about its own goods, and all is borne by it.
    ends_at: from then on it does not apply.
    """

    title: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*\Z"),
    ]
    effect: Effect
    goods: Goods = Goods()
    conditions: Conditions = Conditions()
    limits: Limits = Limits()
    stacking: Stacking = Stacking()
    automatic: bool = False
    platform_share: Share = 10_000
    starts_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    ends_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class Promotion(msgspec.Struct, frozen=True):
    """A promotion as its row holds it. vendor_id: whose it is; empty for the marketplace's."""

    promotion_id: str
    vendor_id: str
    status: Status
    rules: Rules
    version: int


class Code(msgspec.Struct, frozen=True):
    """A code that somebody gave, in capitals, and the promotion that it belongs to. max_uses: of this code."""

    code: str
    promotion_id: str
    max_uses: int | None
    disabled: bool = False


class FoundCode(msgspec.Struct, frozen=True):
    """A code with its promotion, whatever the state of either."""

    code: Code
    promotion: Promotion


class Book(msgspec.Struct, frozen=True):
    """The promotions that prices are made from, by id, those that need no code once more, and of which revision they
    are. Some may have ended, or not started yet."""

    revision: int
    promotions: dict[str, Promotion] = {}
    automatic: tuple[Promotion, ...] = ()


class Customer(msgspec.Struct, frozen=True):
    """Who buys, as promotions see it. has_ordered: see Conditions.

    key: what limits are counted by: the account's id, or for a guest `guest:` and an HMAC-SHA256 (hex) of the
    e-mail address in small letters; empty in a guest's quote.
    """

    key: str
    groups: frozenset[str] = frozenset()
    has_ordered: bool = False


class Reason(StrEnum):
    """Why a code, or an automatic promotion that would have matched the goods, took nothing off.

    not_cheaper: with it the order would cost more, because its goods would not be enough for free shipping any more.
    """

    UNKNOWN = "unknown"
    PAUSED = "paused"
    NOT_STARTED = "not_started"
    ENDED = "ended"
    NO_MATCHING_GOODS = "no_matching_goods"
    MIN_AMOUNT = "min_amount"
    MIN_QUANTITY = "min_quantity"
    NOT_IN_GROUP = "not_in_group"
    NOT_FIRST_ORDER = "not_first_order"
    NOT_TO_COUNTRY = "not_to_country"
    NOT_WITH_METHOD = "not_with_method"
    USED_UP = "used_up"
    USED_BY_YOU = "used_by_you"
    NOT_COMBINABLE = "not_combinable"
    NOT_CHEAPER = "not_cheaper"
    NOTHING_LEFT = "nothing_left"


class Taken(msgspec.Struct, frozen=True, gc=False):
    """What one promotion takes off one line, or off one parcel's shipping where line is None.

    line, parcel: their indices. amount: minor units; platform: what of it the marketplace pays; the vendor bears the
    rest.
    """

    promotion_id: str
    code: str
    title: str
    line: int | None
    parcel: int
    amount: int
    platform: int


class Refused(msgspec.Struct, frozen=True):
    """A promotion that took nothing off. missing: what min_amount lacks in minor units, or min_quantity in pieces."""

    promotion_id: str
    code: str
    title: str
    reason: Reason
    missing: int = 0
