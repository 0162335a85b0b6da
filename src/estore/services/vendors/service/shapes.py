"""Commands, and what a caller is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from estore.contracts.vendors import Member
from estore.kit.context import Context
from estore.kit.money import Currency, Money
from estore.services.vendors.domain import (
    AcceptedTerms,
    Address,
    BankToken,
    Bps,
    CategorySlug,
    Country,
    Description,
    EmailText,
    Item,
    Last4,
    Moment,
    Name,
    Number,
    Reason,
    RoleName,
    Scope,
    Slug,
    Status,
    TaxId,
    TermsVersion,
    Vendor,
    general_rate,
)
from estore.services.vendors.service.access import insider

Fixed = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000_000, description="Integer minor units", examples=[30])]


class Rules(msgspec.Struct, frozen=True):
    """What the marketplace asks of its vendors.

    commission_bps, commission_fixed: of a new vendor's plan, in basis points and in minor units per piece.
    commission_by_category: other rates of it, `books=800, mugs=1500+30`. fee_tax_bps: tax on the commission, in basis
    points. terms_version: of the terms that vendors accept. require_checklist: approve complete applications only,
    which a production store should.
    """

    commission_bps: Bps = 1250
    commission_fixed: Fixed = 0
    commission_by_category: str = ""
    fee_tax_bps: Bps = 0
    terms_version: TermsVersion = "1"
    require_checklist: bool = False

    @property
    def required_terms(self) -> str | None:
        """The version of the terms, where approval needs a complete checklist."""
        return self.terms_version if self.require_checklist else None


# --- commands -------------------------------------------------------------------------------------------------------


class Apply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An application; what is absent may be given later. slug: made from the name if absent. email: where customers
    and we can write to. tax_id: the VAT id, where the country has one."""

    name: Name
    country: Country
    description: Description = ""
    legal_name: Name | None = None
    email: EmailText | None = None
    slug: Slug | None = None
    registration_number: Number | None = None
    tax_id: TaxId | None = None
    registered_address: Address | None = None
    postal_address: Address | None = None


class Approve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """commission_bps: another commission than the usual one."""

    commission_bps: Bps | None = None


class Because(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """reason: told to the vendor."""

    reason: Reason


class Describe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be changed of a vendor; what is absent stays. tax_id: the VAT id, where the country has one."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    legal_name: Name | msgspec.UnsetType = msgspec.UNSET
    country: Country | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET
    email: EmailText | msgspec.UnsetType = msgspec.UNSET
    registration_number: Number | msgspec.UnsetType = msgspec.UNSET
    tax_id: TaxId | msgspec.UnsetType = msgspec.UNSET
    registered_address: Address | msgspec.UnsetType = msgspec.UNSET
    postal_address: Address | msgspec.UnsetType = msgspec.UNSET


class PayTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """token: what `POST /v1/payouts/bank-accounts` answered; the account itself is never sent here. last4: to be
    recognised by."""

    token: BankToken
    last4: Last4 | None = None


class AcceptTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """version: of the terms that were read; it has to be the current one."""

    version: TermsVersion


class Charge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """commission_bps: of the price of every line sold from now on."""

    commission_bps: Bps


class FixedPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    amount: Fixed
    currency: Currency


class RateForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """category: a slug, for it and all below it; null: everything. bps: of a line's total. fixed: for each piece.

    valid_from: orders placed from then on; absent: from now on.
    """

    bps: Bps
    category: CategorySlug | None = None
    fixed: FixedPart | None = None
    valid_from: Moment | None = None


class PlanForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole plan. rates: those that have begun stay, sent or not. tax_bps: tax on the commission."""

    rates: Annotated[list[RateForm], msgspec.Meta(max_length=200)]
    tax_bps: Bps = 0


class AddMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """email: of an account, now or later. role: owner may do all, the others what they are called."""

    email: EmailText
    role: RoleName


class ChangeMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: RoleName


class MakeApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """name: what it is for. scopes: what it may do, as a member of these roles. expires_at: absent for never."""

    name: Name
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1, max_length=3)]
    expires_at: Moment | None = None


class ListVendors(msgspec.Struct, frozen=True):
    status: Status | None
    mine: bool
    after: tuple[Any, ...] | None
    limit: int


class ListOf(msgspec.Struct, frozen=True):
    """A page of what belongs to a vendor, newest first."""

    vendor: str
    before: tuple[Any, ...] | None
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


# --- answers --------------------------------------------------------------------------------------------------------


class BankAccount(msgspec.Struct, frozen=True):
    """last4: the end of its number; null when the vendor did not tell it."""

    last4: str | None


class VendorView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A vendor. Only its members and operators see status, reason, legal_name, email, commission_bps, your_role and
    what follows them. checklist: what the application needs, and lacks. submitted_at: since when it waits for an
    operator."""

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
    registration_number: str | None = None
    tax_id: str | None = None
    registered_address: Address | None = None
    postal_address: Address | None = None
    bank_account: BankAccount | None = None
    terms: AcceptedTerms | None = None
    submitted_at: datetime | None = None
    checklist: tuple[Item, ...] | None = None

    @classmethod
    def of(cls, vendor: Vendor, ctx: Context, rules: Rules) -> VendorView:
        public: dict[str, Any] = {
            "id": vendor.id,
            "slug": vendor.slug,
            "name": vendor.name,
            "country": vendor.country,
            "description": vendor.description,
            "version": vendor.version,
        }
        if not insider(vendor, ctx):
            return cls(**public)
        public |= {
            "status": vendor.status,
            "reason": vendor.reason or None,
            "legal_name": vendor.legal_name,
            "email": vendor.email,
            "commission_bps": general_rate(vendor.plan, ctx.now).bps,
            "your_role": vendor.role_of(ctx.principal.email),
        }
        if ctx.principal.is_key:
            return cls(**public)
        return cls(
            **public,
            registration_number=vendor.registration_number or None,
            tax_id=vendor.tax_id or None,
            registered_address=vendor.registered_address,
            postal_address=vendor.postal_address,
            bank_account=BankAccount(vendor.bank_last4) if vendor.bank_token else None,
            terms=vendor.terms,
            submitted_at=vendor.submitted_at,
            checklist=vendor.checklist(rules.terms_version),
        )


class MemberList(msgspec.Struct, frozen=True):
    """version: of the vendor."""

    data: list[Member]
    version: int


class RateView(msgspec.Struct, frozen=True):
    """category: a slug, for it and all below it; null: everything. bps: of a line's total, 1250 is 12.5 %.

    fixed: for each piece. valid_from: orders placed from then on.
    """

    category: str | None
    bps: int
    fixed: Money
    valid_from: datetime


class PlanView(msgspec.Struct, frozen=True):
    """What the marketplace keeps of a line: of the rates that apply the most specific category wins, then the latest.

    rates: past and announced ones. tax_bps: tax on the commission. version: of the vendor.
    """

    rates: list[RateView]
    tax_bps: int
    version: int


class ApiKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """An API key. last4: the end of its secret. created_by, revoked_by: accounts."""

    id: str
    name: str
    scopes: tuple[str, ...]
    last4: str
    created_by: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_by: str | None
    revoked_at: datetime | None


class NewApiKey(ApiKeyView, frozen=True, kw_only=True):
    """key: what the program sends as `Authorization: Bearer`; it is not shown again."""

    key: str


class HistoryEntry(msgspec.Struct, frozen=True):
    """by: an account or an API key; null for the system. role: as what they acted. version: of the vendor then."""

    at: datetime
    by: str | None
    role: str
    action: str
    details: dict[str, Any]
    version: int


class Republished(msgspec.Struct, frozen=True):
    """published: vendors told again. next_cursor: go on with it; None when all are done."""

    published: int
    next_cursor: str | None
