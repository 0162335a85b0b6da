"""HTTP in."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import Parameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page, decode_cursor
from estore.services.vendors.domain import (
    ApiKeyNotFound,
    EmailInvalid,
    MemberNotFound,
    Status,
    VendorNotFound,
    email_of,
)
from estore.services.vendors.endpoints import Endpoints
from estore.services.vendors.service import (
    AcceptTerms,
    AddMember,
    ApiKeyView,
    Apply,
    Approve,
    Because,
    ChangeMember,
    Charge,
    Describe,
    HistoryEntry,
    Keys,
    ListOf,
    ListVendors,
    MakeApiKey,
    MemberList,
    NewApiKey,
    PayTo,
    PlanForm,
    PlanView,
    Republished,
    VendorView,
)

Http = Request[Any, Any, Any]
StatusFilter = Annotated[Status | None, Parameter(description="Operators may ask for any")]
Mine = Annotated[bool, Parameter(description="Those that one belongs to, in any status")]
_KEY = re.compile(r"vnd_[0-9A-Za-z]{1,40}|[a-z0-9-]{1,100}")
_API_KEY = re.compile(r"key_[0-9A-Z]{26}")


def _key(text: str) -> str:
    """What cannot be an id or a slug is nobody's."""
    if not _KEY.fullmatch(text):
        raise VendorNotFound()
    return text


def _email(text: str) -> str:
    try:
        return email_of(text)
    except EmailInvalid:
        raise MemberNotFound() from None


def routes(e: Endpoints, keys: Keys) -> list[Any]:
    """Return the routes of vendors. keys: adds the secret to a new key, after the answer was kept without it."""
    return [*_public(e), *_owners(e), *_operators(e), *_plans(e), *_members(e), *_keys(e, keys)]


def _public(e: Endpoints) -> list[Any]:
    @http.get("/v1/vendors", e.list_vendors, errors=(403,), summary="List vendors")
    async def list_vendors(
        request: Http, limit: Limit = 20, cursor: Cursor = None, status: StatusFilter = None, mine: Mine = False
    ) -> Response[Page[VendorView]]:
        """The approved vendors, oldest first. Members and operators see more of each."""
        ctx = await http.context(request)
        page = await e.list_vendors(ctx, ListVendors(status, mine, decode_cursor(cursor, str), limit))
        return http.paged(request, ctx, page)

    @http.get("/v1/vendors/{vendor:str}", e.get_vendor, summary="See a vendor")
    async def get_vendor(request: Http, vendor: str) -> Response[VendorView]:
        """One vendor, by id or slug."""
        ctx = await http.context(request)
        found = await e.get_vendor(ctx, _key(vendor))
        return http.respond(request, ctx, found, version=found.version)

    @http.post("/v1/vendors", e.apply, summary="Apply to sell here")
    async def apply(request: Http, data: Apply) -> Response[VendorView]:
        """Ask to become a vendor. Who asks becomes the owner; an operator decides. Needs a confirmed e-mail address."""
        ctx = await http.context(request)
        made = await e.apply(ctx, data)
        return http.respond(request, ctx, made, version=made.version, location=f"/v1/vendors/{made.id}")

    return [list_vendors, get_vendor, apply]


def _owners(e: Endpoints) -> list[Any]:
    @http.patch("/v1/vendors/{vendor:str}", e.describe, if_match=True, summary="Change a vendor")
    async def describe(request: Http, vendor: str, data: Describe) -> Response[VendorView]:
        """Change what is told about a vendor, and fill in what its checklist lacks. Owners and operators only; the slug
        stays."""
        ctx = await http.context(request)
        changed = await e.describe(ctx, (_key(vendor), data))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.post(
        "/v1/vendors/{vendor:str}/submit", e.submit, status=200, errors=(409, 412), summary="Submit an application"
    )
    async def submit(request: Http, vendor: str) -> Response[VendorView]:
        """Hand an application in for review, or again after it was mended. Owners only. Where the marketplace wants the
        checklist complete, it has to be."""
        ctx = await http.context(request)
        changed = await e.submit(ctx, _key(vendor))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.put("/v1/vendors/{vendor:str}/terms", e.accept_terms, errors=(409, 412), summary="Accept the terms")
    async def accept_terms(request: Http, vendor: str, data: AcceptTerms) -> Response[VendorView]:
        """Accept the current terms of the marketplace for a vendor. Owners only; who and when is kept."""
        ctx = await http.context(request)
        changed = await e.accept_terms(ctx, (_key(vendor), data))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.put("/v1/vendors/{vendor:str}/bank-account", e.pay_to, errors=(409, 412), summary="Say where to be paid")
    async def pay_to(request: Http, vendor: str, data: PayTo) -> Response[VendorView]:
        """Name the account to be paid to, by the token of `POST /v1/payouts/bank-accounts`. Owners only."""
        ctx = await http.context(request)
        changed = await e.pay_to(ctx, (_key(vendor), data))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.get("/v1/vendors/{vendor:str}/history", e.list_history, summary="See who did what")
    async def list_history(
        request: Http, vendor: str, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[HistoryEntry]]:
        """Every change of a vendor, its members, plan and keys, newest first. Owners and operators only."""
        ctx = await http.context(request)
        page = await e.list_history(ctx, ListOf(_key(vendor), decode_cursor(cursor, int), limit))
        return http.paged(request, ctx, page)

    return [describe, submit, accept_terms, pay_to, list_history]


def _operators(e: Endpoints) -> list[Any]:
    @http.post(
        "/v1/vendors/{vendor:str}/approve", e.approve, status=200, errors=(409, 412), summary="Approve an application"
    )
    async def approve(request: Http, vendor: str, data: Approve) -> Response[VendorView]:
        """Let a vendor sell. Operators only. Also takes back a rejection. Refused while the checklist is incomplete,
        where the marketplace wants it complete."""
        ctx = await http.context(request)
        changed = await e.approve(ctx, (_key(vendor), data))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.post(
        "/v1/vendors/{vendor:str}/reject", e.reject, status=200, errors=(409, 412), summary="Reject an application"
    )
    async def reject(request: Http, vendor: str, data: Because) -> Response[VendorView]:
        """Refuse an application, with a reason. Operators only."""
        ctx = await http.context(request)
        changed = await e.reject(ctx, (_key(vendor), data))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.post("/v1/vendors/{vendor:str}/suspend", e.suspend, status=200, errors=(409, 412), summary="Suspend a vendor")
    async def suspend(request: Http, vendor: str, data: Because) -> Response[VendorView]:
        """Take a vendor's offers off sale, with a reason. Open parcels stay. Operators only."""
        ctx = await http.context(request)
        changed = await e.suspend(ctx, (_key(vendor), data))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.post(
        "/v1/vendors/{vendor:str}/reinstate", e.reinstate, status=200, errors=(409, 412), summary="Reinstate a vendor"
    )
    async def reinstate(request: Http, vendor: str) -> Response[VendorView]:
        """Let a suspended vendor sell again. Operators only."""
        ctx = await http.context(request)
        changed = await e.reinstate(ctx, _key(vendor))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.put("/v1/vendors/{vendor:str}/commission", e.charge, if_match=True, summary="Set a vendor's commission")
    async def charge(request: Http, vendor: str, data: Charge) -> Response[VendorView]:
        """Change the commission for orders to come. Operators only."""
        ctx = await http.context(request)
        changed = await e.charge(ctx, (_key(vendor), data))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.post("/v1/vendors/republish", e.republish, status=202, summary="Tell all services the vendors again")
    async def republish(request: Http, cursor: Cursor = None) -> Response[Republished]:
        """Publish the state of all vendors again, 500 at a time, to fill a read model that was lost. Operators only."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.republish(ctx, decode_cursor(cursor, str)))

    return [approve, reject, suspend, reinstate, charge, republish]


def _plans(e: Endpoints) -> list[Any]:
    @http.get("/v1/vendors/{vendor:str}/plan", e.show_plan, summary="See a vendor's commission plan")
    async def show_plan(request: Http, vendor: str) -> Response[PlanView]:
        """What the marketplace keeps of a vendor's sales: past, present, announced. Owners, finance, operators."""
        ctx = await http.context(request)
        found = await e.show_plan(ctx, _key(vendor))
        return http.respond(request, ctx, found, version=found.version)

    @http.put("/v1/vendors/{vendor:str}/plan", e.replan, if_match=True, summary="Change a vendor's commission plan")
    async def replan(request: Http, vendor: str, data: PlanForm) -> Response[PlanView]:
        """Set the whole plan, for orders to come. Operators only. Rates that have begun stay as they are, sent or not;
        new ones begin now or later; announced ones that are not sent are withdrawn. To end the rate of a category, let
        another one begin."""
        ctx = await http.context(request)
        changed = await e.replan(ctx, (_key(vendor), data))
        return http.respond(request, ctx, changed, version=changed.version)

    return [show_plan, replan]


def _keys(e: Endpoints, keys: Keys) -> list[Any]:
    @http.post("/v1/vendors/{vendor:str}/api-keys", e.make_api_key, summary="Make an API key")
    async def make_api_key(request: Http, vendor: str, data: MakeApiKey) -> Response[NewApiKey]:
        """Make a key for a program of the vendor, which may do what members of its scopes may. Owners only. `key` is
        shown in this answer only, and in its repeats with the same Idempotency-Key."""
        ctx = await http.context(request)
        made = keys.shown(await e.make_api_key(ctx, (_key(vendor), data)))
        return http.respond(request, ctx, made, location=f"/v1/vendors/{vendor}/api-keys")

    @http.get("/v1/vendors/{vendor:str}/api-keys", e.list_api_keys, summary="See a vendor's API keys")
    async def list_api_keys(
        request: Http, vendor: str, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[ApiKeyView]]:
        """All keys, newest first, revoked ones too; never a secret. Owners and operators only."""
        ctx = await http.context(request)
        page = await e.list_api_keys(ctx, ListOf(_key(vendor), decode_cursor(cursor, str), limit))
        return http.paged(request, ctx, page)

    @http.delete("/v1/vendors/{vendor:str}/api-keys/{key_id:str}", e.revoke_api_key, summary="Revoke an API key")
    async def revoke_api_key(request: Http, vendor: str, key_id: str) -> None:
        """End a key for good, everywhere within about a second. Owners and operators only."""
        ctx = await http.context(request)
        if not _API_KEY.fullmatch(key_id):
            raise ApiKeyNotFound()
        await e.revoke_api_key(ctx, (_key(vendor), key_id))

    return [make_api_key, list_api_keys, revoke_api_key]


def _members(e: Endpoints) -> list[Any]:
    @http.get("/v1/vendors/{vendor:str}/members", e.list_members, summary="See a vendor's members")
    async def list_members(request: Http, vendor: str) -> Response[MemberList]:
        """The members, for members and operators."""
        ctx = await http.context(request)
        found = await e.list_members(ctx, _key(vendor))
        return http.respond(request, ctx, found, version=found.version)

    @http.post("/v1/vendors/{vendor:str}/members", e.add_member, errors=(409, 412), summary="Add a member")
    async def add_member(request: Http, vendor: str, data: AddMember) -> Response[MemberList]:
        """Add somebody by e-mail address, account or not. Owners and operators only."""
        ctx = await http.context(request)
        changed = await e.add_member(ctx, (_key(vendor), data))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.put(
        "/v1/vendors/{vendor:str}/members/{email:str}", e.change_member, errors=(409, 412), summary="Change a role"
    )
    async def change_member(request: Http, vendor: str, email: str, data: ChangeMember) -> Response[MemberList]:
        """Change a member's role. One owner stays. Owners and operators only."""
        ctx = await http.context(request)
        changed = await e.change_member(ctx, (_key(vendor), _email(email), data))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.delete(
        "/v1/vendors/{vendor:str}/members/{email:str}", e.remove_member, errors=(409,), summary="Remove a member"
    )
    async def remove_member(request: Http, vendor: str, email: str) -> None:
        """Remove a member. One owner stays. Owners and operators only."""
        ctx = await http.context(request)
        await e.remove_member(ctx, (_key(vendor), _email(email)))

    return [list_members, add_member, change_member, remove_member]
