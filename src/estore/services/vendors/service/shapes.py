"""Commands, and what a caller is shown."""

from __future__ import annotations

from typing import Any

import msgspec

from estore.contracts.vendors import Member
from estore.kit.context import Context
from estore.services.vendors.domain import (
    Bps,
    Country,
    Description,
    EmailText,
    Name,
    Reason,
    RoleName,
    Slug,
    Status,
    Vendor,
)


class Plan(msgspec.Struct, frozen=True):
    """`ESTORE_VENDORS_COMMISSION_BPS`: what a new vendor pays, unless an operator says otherwise."""

    commission_bps: Bps = 1250


class Apply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An application. slug: made from the name if absent. email: where customers and we can write to."""

    name: Name
    country: Country
    description: Description = ""
    legal_name: Name | None = None
    email: EmailText | None = None
    slug: Slug | None = None


class Approve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """commission_bps: another commission than the usual one."""

    commission_bps: Bps | None = None


class Because(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """reason: told to the vendor."""

    reason: Reason


class Describe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be changed of a vendor; what is absent stays."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    legal_name: Name | msgspec.UnsetType = msgspec.UNSET
    country: Country | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET
    email: EmailText | msgspec.UnsetType = msgspec.UNSET


class Charge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """commission_bps: of the price of every line sold from now on."""

    commission_bps: Bps


class AddMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """email: of an account, now or later. role: owner may do all, the others what they are called."""

    email: EmailText
    role: RoleName


class ChangeMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: RoleName


class ListVendors(msgspec.Struct, frozen=True):
    status: Status | None
    mine: bool
    after: tuple[Any, ...] | None
    limit: int


class CreateVendor(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor made by the system: seeds, the CLI. members: e-mail and role; approved: let it sell at once."""

    slug: str
    name: str
    country: str
    email: str
    members: tuple[Member, ...]
    description: str = ""
    legal_name: str = ""
    commission_bps: int | None = None
    approved: bool = True


class VendorView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A vendor. Only its members and operators see status, reason, legal_name, email, commission_bps, your_role."""

    id: str
    slug: str
    name: str
    country: str
    description: str
    version: int
    status: Status | None = None
    reason: str | None = None
    legal_name: str | None = None
    email: str | None = None
    commission_bps: int | None = None
    your_role: str | None = None

    @classmethod
    def of(cls, vendor: Vendor, ctx: Context) -> VendorView:
        public = {
            "id": vendor.id,
            "slug": vendor.slug,
            "name": vendor.name,
            "country": vendor.country,
            "description": vendor.description,
            "version": vendor.version,
        }
        if not insider(vendor, ctx):
            return cls(**public)  # type: ignore[arg-type]
        return cls(
            **public,  # type: ignore[arg-type]
            status=vendor.status,
            reason=vendor.reason or None,
            legal_name=vendor.legal_name,
            email=vendor.email,
            commission_bps=vendor.commission_bps,
            your_role=vendor.role_of(ctx.principal.email),
        )


class MemberList(msgspec.Struct, frozen=True):
    """version: of the vendor."""

    data: list[Member]
    version: int


class Republished(msgspec.Struct, frozen=True):
    """published: vendors told again. next_cursor: go on with it; None when all are done."""

    published: int
    next_cursor: str | None


def insider(vendor: Vendor, ctx: Context) -> bool:
    """Tell whether the caller may see what is not public about `vendor`."""
    principal = ctx.principal
    return principal.is_operator or principal.is_system or vendor.role_of(principal.email) is not None
