"""From the first application to a shop, and what becomes of it."""

from __future__ import annotations

import msgspec

from estore.contracts.vendors import Member, Plan, Rate
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Denied
from estore.kit.http.pages import Page, page_of
from estore.kit.ids import new_id
from estore.services.vendors import store
from estore.services.vendors.domain import (
    AcceptedTerms,
    EmailUnproved,
    SlugTaken,
    Status,
    TermsUnknown,
    Vendor,
    VendorNotFound,
    email_of,
    slug_of,
    tax_id_of,
    usual_rates,
)
from estore.services.vendors.service.access import insider, owners, owners_and_operators
from estore.services.vendors.service.changing import change, need_version, note
from estore.services.vendors.service.shapes import (
    AcceptTerms,
    Apply,
    Approve,
    Because,
    Charge,
    CreateVendor,
    Describe,
    ListVendors,
    PayTo,
    Rules,
    VendorView,
)


class Applications:
    """Use cases that make a vendor, change it, and show it. rules: what the marketplace asks.

    Raises ValueError for rates in the rules that cannot be read.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._by_category = usual_rates(rules.commission_by_category)

    async def apply(self, tx: Tx, ctx: Context, request: Apply) -> VendorView:
        """Ask to sell here; who asks becomes the owner. Raises EmailUnproved, SlugTaken, TaxIdInvalid."""
        owner = ctx.principal.email
        if owner is None:
            raise EmailUnproved()
        vendor = Vendor(
            id=new_id("vnd"),
            slug=request.slug or slug_of(request.name),
            name=request.name.strip(),
            legal_name=(request.legal_name or request.name).strip(),
            country=request.country,
            description=request.description.strip(),
            email=email_of(request.email) if request.email else owner,
            status="applied",
            reason="",
            plan=self._plan(ctx),
            version=1,
            applied_by=ctx.principal.account_id,
            applied_at=ctx.now,
            members=(Member(owner, "owner"),),
            registration_number=(request.registration_number or "").strip(),
            tax_id=tax_id_of(request.tax_id, request.country) if request.tax_id else "",
            registered_address=request.registered_address,
            postal_address=request.postal_address,
        )
        if not await store.insert_vendor(tx, vendor):
            if request.slug is not None:
                raise SlugTaken(pointer="/slug")
            vendor = msgspec.structs.replace(vendor, slug=f"{vendor.slug}-{vendor.id[-8:].lower()}")
            if not await store.insert_vendor(tx, vendor):
                raise SlugTaken()
        await note(tx, ctx, vendor, "applied", {})
        return self._view(vendor, ctx)

    async def create_vendor(self, tx: Tx, ctx: Context, request: CreateVendor) -> VendorView:
        """Return the vendor with this slug, made now if there is none; a known one is not changed.

        For the CLI and the seeds. Raises EmailInvalid, LastOwner without an owner among the members.
        """
        known = await store.find_vendor(tx, request.slug)
        if known is not None:
            return self._view(known, ctx)
        members = tuple(Member(email_of(one.email), one.role) for one in request.members)
        vendor = Vendor(
            id=new_id("vnd"),
            slug=request.slug,
            name=request.name,
            legal_name=request.legal_name or request.name,
            country=request.country,
            description=request.description,
            email=email_of(request.email),
            status="applied",
            reason="",
            plan=self._plan(ctx, request.commission_bps),
            version=1,
            applied_by=None,
            applied_at=ctx.now,
        ).with_members(members)
        if not await store.insert_vendor(tx, vendor):
            raise SlugTaken()
        await note(tx, ctx, vendor, "applied", {})
        if request.approved:
            vendor = await change(tx, ctx, vendor.id, "approved", lambda one: one.approve(ctx.now, None, None))
        return self._view(vendor, ctx)

    # --- what operators decide --------------------------------------------------------------------------------------

    async def approve(self, tx: Tx, ctx: Context, request: tuple[str, Approve]) -> VendorView:
        """Let a vendor sell. Raises StatusForbids, ChecklistIncomplete, NotSubmitted."""
        bps, required = request[1].commission_bps, self._rules.required_terms
        after = await change(tx, ctx, request[0], "approved", lambda one: one.approve(ctx.now, bps, required))
        return self._view(after, ctx)

    async def reject(self, tx: Tx, ctx: Context, request: tuple[str, Because]) -> VendorView:
        after = await change(tx, ctx, request[0], "rejected", lambda one: one.reject(request[1].reason))
        return self._view(after, ctx)

    async def suspend(self, tx: Tx, ctx: Context, request: tuple[str, Because]) -> VendorView:
        """Take a vendor's offers off sale."""
        after = await change(tx, ctx, request[0], "suspended", lambda one: one.suspend(request[1].reason))
        return self._view(after, ctx)

    async def reinstate(self, tx: Tx, ctx: Context, vendor_id: str) -> VendorView:
        return self._view(await change(tx, ctx, vendor_id, "reinstated", lambda one: one.reinstate()), ctx)

    async def charge(self, tx: Tx, ctx: Context, request: tuple[str, Charge]) -> VendorView:
        """Change a vendor's commission on everything. Raises PreconditionRequired, PreconditionFailed."""
        need_version(ctx)
        bps = request[1].commission_bps
        return self._view(await change(tx, ctx, request[0], "plan_changed", lambda one: one.charge(bps, ctx.now)), ctx)

    # --- what owners do ---------------------------------------------------------------------------------------------

    async def describe(self, tx: Tx, ctx: Context, request: tuple[str, Describe]) -> VendorView:
        """Change what is told about a vendor, and fill in its checklist.

        Raises OwnersOnly, PreconditionRequired, PreconditionFailed, EmailInvalid, TaxIdInvalid.
        """
        need_version(ctx)
        given = msgspec.structs.asdict(request[1])
        changes = {
            name: value.strip() if isinstance(value, str) else value
            for name, value in given.items()
            if value is not msgspec.UNSET
        }
        if "email" in changes:
            changes["email"] = email_of(changes["email"])
        after = await change(
            tx, ctx, request[0], "described", lambda one: one.describe(**changes), owners_and_operators
        )
        return self._view(after, ctx)

    async def submit(self, tx: Tx, ctx: Context, vendor_id: str) -> VendorView:
        """Hand an application in for review. Raises OwnersOnly, StatusForbids, ChecklistIncomplete."""
        required = self._rules.required_terms
        after = await change(tx, ctx, vendor_id, "submitted", lambda one: one.submit(ctx.now, required), owners)
        return self._view(after, ctx)

    async def accept_terms(self, tx: Tx, ctx: Context, request: tuple[str, AcceptTerms]) -> VendorView:
        """Accept the current terms for a vendor. Raises OwnersOnly, TermsUnknown."""
        if request[1].version != self._rules.terms_version:
            raise TermsUnknown(f"the current version is {self._rules.terms_version}", pointer="/version")
        terms = AcceptedTerms(request[1].version, ctx.now, ctx.principal.account_id or "")
        after = await change(tx, ctx, request[0], "terms_accepted", lambda one: one.accept_terms(terms), owners)
        return self._view(after, ctx)

    async def pay_to(self, tx: Tx, ctx: Context, request: tuple[str, PayTo]) -> VendorView:
        """Name the account to be paid to, by the ledger's token. Raises OwnersOnly, for operators too."""
        form = request[1]
        after = await change(
            tx, ctx, request[0], "bank_account_changed", lambda one: one.pay_to(form.token, form.last4), owners
        )
        return self._view(after, ctx)

    # --- what everybody sees ----------------------------------------------------------------------------------------

    async def list_vendors(self, tx: Tx, ctx: Context, request: ListVendors) -> Page[VendorView]:
        """Return approved vendors; `mine` in any status, and any status for operators."""
        principal = ctx.principal
        status: Status | None = request.status
        member, ids = None, None
        if request.mine:
            member, ids = (None, list(principal.vendors)) if principal.is_key else (principal.email or "", None)
        elif not (principal.is_operator or principal.is_system):
            if status not in (None, "approved"):
                raise Denied("only operators see vendors that are not approved")
            status = "approved"
        found = await store.list_vendors(tx, status, member, request.after, request.limit + 1, ids)
        page = page_of(found, request.limit, lambda vendor: (vendor.id,))
        return Page([self._view(vendor, ctx) for vendor in page.data], page.next_cursor)

    async def get_vendor(self, tx: Tx, ctx: Context, key: str) -> VendorView:
        """Return a vendor by id or slug. One that is not approved is seen by its members and operators only."""
        vendor = await store.find_vendor(tx, key)
        if vendor is None or not (vendor.status == "approved" or insider(vendor, ctx)):
            raise VendorNotFound()
        return self._view(vendor, ctx)

    # --- how --------------------------------------------------------------------------------------------------------

    def _view(self, vendor: Vendor, ctx: Context) -> VendorView:
        return VendorView.of(vendor, ctx, self._rules)

    def _plan(self, ctx: Context, bps: int | None = None) -> Plan:
        """Return the plan of a new vendor, in force from now on. bps: instead of the usual percentage."""
        rules = self._rules
        general = (None, rules.commission_bps if bps is None else bps, rules.commission_fixed)
        rates = [Rate(category=c, bps=b, fixed=f, valid_from=ctx.now) for c, b, f in (general, *self._by_category)]
        return Plan(rates=tuple(rates), tax_bps=rules.fee_tax_bps)
