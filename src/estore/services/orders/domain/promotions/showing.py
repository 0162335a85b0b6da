"""How promotions, codes and customer groups are shown to those who run them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from estore.kit.money import Money
from estore.services.orders.domain.promotions.model import Rules, Status


class UsesView(msgspec.Struct, frozen=True):
    """What became of a promotion: orders that use it and were not rejected or cancelled.

    amount: taken off by them; platform: what of it the marketplace pays. left: orders that its limit still allows; null
    without a limit.
    """

    orders: int
    amount: Money
    platform: Money
    left: int | None


class PromotionView(Rules, frozen=True, kw_only=True):
    """A promotion. vendor_id: whose it is; null for the marketplace's. uses: in the answer to one promotion only."""

    id: str
    vendor_id: str | None
    status: Status
    version: int
    created_at: datetime
    updated_at: datetime
    uses: UsesView | None = None


class CodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A code. uses: orders that use it; max_uses: how many may, null for as many as the promotion allows."""

    code: str
    promotion_id: str
    batch_id: str | None
    max_uses: int | None
    uses: int
    disabled: bool
    created_at: datetime


class BatchView(msgspec.Struct, frozen=True, kw_only=True):
    """Codes that were generated together. bits: of randomness in each. codes: where they are, as pages or CSV."""

    id: str
    promotion_id: str
    prefix: str
    length: int
    bits: int
    count: int
    max_uses: int | None
    created_at: datetime
    codes: str


class GroupView(msgspec.Struct, frozen=True):
    """A customer group, for promotions that are only for some."""

    name: str
    members: int
    created_at: datetime


class MemberView(msgspec.Struct, frozen=True):
    """An account in a customer group."""

    account_id: str
    added_at: datetime


class MembersAdded(msgspec.Struct, frozen=True):
    """added: accounts that are new in the group; known: those that were in it already."""

    added: int
    known: int
