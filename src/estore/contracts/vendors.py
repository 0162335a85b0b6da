"""What vendors publishes."""

from __future__ import annotations

from datetime import datetime

import msgspec

from estore.kit.api_keys import ApiKeyChanged
from estore.kit.contract import Event, event

__all__ = [
    "ApiKeyChanged",
    "Member",
    "Plan",
    "Rate",
    "VendorApproved",
    "VendorBankAccountChanged",
    "VendorMembersChanged",
    "VendorPlanChanged",
    "VendorSuspended",
]


class Member(msgspec.Struct, frozen=True):
    """role: owner, catalog, fulfilment or finance. Members are known by their e-mail until they have an account."""

    email: str
    role: str


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What the marketplace keeps of a line: bps of its total (1250 is 12.5 %), plus fixed for each piece.

    category: a category's slug, it and all below it; None: everything. valid_from: for orders placed from then on.
    fixed: minor units of the marketplace's currency.
    """

    category: str | None
    bps: int
    fixed: int
    valid_from: datetime


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor's commission, past and announced rates included.

    Of the rates that apply at a moment the most specific category wins, then the latest valid_from. tax_bps: tax on
    the fee, 1900 is 19 %.
    """

    rates: tuple[Rate, ...]
    tax_bps: int = 0


@event("vendor.approved.v1", by="vendors", subject="vendor_id")
class VendorApproved(Event, frozen=True, kw_only=True):
    """The vendor may sell: approved for the first time, reinstated, or renamed since. The whole state, to be told
    again. commission_bps: 1250 is 12.5 %; plan, where there is one, says it all. bank_token: where to be paid."""

    vendor_id: str
    slug: str
    name: str
    country: str
    members: tuple[Member, ...]
    commission_bps: int
    version: int
    plan: Plan | None = None
    bank_token: str | None = None
    legal_name: str = ""


@event("vendor.suspended.v1", by="vendors", subject="vendor_id")
class VendorSuspended(Event, frozen=True, kw_only=True):
    """Its offers are not for sale any more. Open parcels stay."""

    vendor_id: str
    reason: str
    version: int


@event("vendor.members_changed.v1", by="vendors", subject="vendor_id")
class VendorMembersChanged(Event, frozen=True, kw_only=True):
    """The whole list of members, as it is now."""

    vendor_id: str
    members: tuple[Member, ...]
    version: int


@event("vendor.plan_changed.v1", by="vendors", subject="vendor_id")
class VendorPlanChanged(Event, frozen=True, kw_only=True):
    vendor_id: str
    commission_bps: int
    version: int
    plan: Plan | None = None


@event("vendor.bank_account_changed.v1", by="vendors", subject="vendor_id")
class VendorBankAccountChanged(Event, frozen=True, kw_only=True):
    """The vendor wants to be paid elsewhere. token: of the ledger, which alone knows the account behind it."""

    vendor_id: str
    token: str
    changed_by: str | None
    changed_at: datetime
    version: int
