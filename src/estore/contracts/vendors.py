"""What vendors publishes."""

from __future__ import annotations

import msgspec

from estore.kit.contract import Event, event


class Member(msgspec.Struct, frozen=True):
    """role: owner, catalog, fulfilment or finance. Members are known by their e-mail until they have an account."""

    email: str
    role: str


@event("vendor.approved.v1", by="vendors", subject="vendor_id")
class VendorApproved(Event, frozen=True, kw_only=True):
    """The vendor may sell: approved for the first time, reinstated, or renamed since. The whole state, to be told
    again. commission_bps: 1250 is 12.5 %."""

    vendor_id: str
    slug: str
    name: str
    country: str
    members: tuple[Member, ...]
    commission_bps: int
    version: int


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
