"""HTTP in: /v1/payouts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import Parameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.ledger.domain.payouts import PayoutFileUnknown, PayoutUnknown
from estore.services.ledger.endpoints import PayoutEndpoints
from estore.services.ledger.service.access import VendorUnknown
from estore.services.ledger.service.banks import BankAccountView, NewBankAccount
from estore.services.ledger.service.payouts import (
    CoveredLine,
    FileView,
    ListFiles,
    ListLines,
    ListPayouts,
    MarkBody,
    MarkPayout,
    PayoutView,
    PutTerms,
    PutTermsBody,
    RejectBody,
    RejectPayout,
    RequestPayout,
    StatusName,
    TermsView,
)

Req = Request[Any, Any, Any]
Vendor = Annotated[str | None, Parameter(max_length=40, pattern=r"^[A-Za-z0-9_]+\Z", description="Only this vendor's")]
InStatus = Annotated[StatusName | None, Parameter(description="Only those in this status")]
Overdue = Annotated[bool | None, Parameter(description="Only those that are open for too long, or that are not")]
TAGS = ["payouts"]
_PAYOUT_ID = re.compile(r"po_[0-9A-HJKMNP-TV-Z]{26}")
_FILE_ID = re.compile(r"pof_[0-9A-HJKMNP-TV-Z]{26}")
_VENDOR_ID = re.compile(r"[A-Za-z0-9_]{1,40}")
_WAITS = ("approval", "suspended", "no_bank_account", "cooling", "currency", "file")
Blind = Callable[[bytes], bytes]


def routes(e: PayoutEndpoints, blind: Blind) -> list[Any]:
    """Return the routes of payouts. blind: makes a request's fingerprint one that tells nothing of an IBAN."""
    return [*_banks(e, blind), *_terms(e), *_files(e), *_payouts(e), *_deciding(e)]


def _banks(e: PayoutEndpoints, blind: Blind) -> list[Any]:
    @http.post("/v1/payouts/bank-accounts", e.add_bank, tags=TAGS, summary="Register a bank account")
    async def add_bank_account(request: Req, data: NewBankAccount) -> Response[BankAccountView]:
        """The IBAN is kept sealed and never shown again: the answer is a token for it, which `/v1/vendors` takes."""
        ctx = await http.context(request)
        ctx.fingerprint = blind(ctx.fingerprint)
        return http.respond(request, ctx, await e.add_bank(ctx, data))

    return [add_bank_account]


def _terms(e: PayoutEndpoints) -> list[Any]:
    @http.get("/v1/payouts/terms/{vendor_id:str}", e.get_terms, tags=TAGS, summary="When and how a vendor is paid")
    async def get_payout_terms(request: Req, vendor_id: str) -> Response[TermsView]:
        """For the vendor's owners and finance, and for operators."""
        ctx = await http.context(request)
        view = await e.get_terms(ctx, _vendor_id(vendor_id))
        return http.respond(request, ctx, view, version=view.version)

    @http.put("/v1/payouts/terms/{vendor_id:str}", e.put_terms, if_match=True, tags=TAGS, summary="Set payout terms")
    async def put_payout_terms(request: Req, vendor_id: str, data: PutTermsBody) -> Response[TermsView]:
        """The vendor's owners and finance choose the schedule; operators set the amounts as well (403 otherwise)."""
        ctx = await http.context(request)
        view = await e.put_terms(ctx, PutTerms(_vendor_id(vendor_id), data))
        return http.respond(request, ctx, view, version=view.version)

    return [get_payout_terms, put_payout_terms]


def _files(e: PayoutEndpoints) -> list[Any]:
    @http.post("/v1/payouts/files", e.make_file, tags=TAGS, summary="Make a file for the bank")
    async def make_payout_file(request: Req) -> Response[FileView]:
        """Puts what waits into one SEPA file (pain.001), 1000 payouts at most. 409 when nothing waits."""
        ctx = await http.context(request)
        view = await e.make_file(ctx, None)
        return http.respond(request, ctx, view, location=f"/v1/payouts/files/{view.id}")

    @http.get("/v1/payouts/files", e.list_files, tags=TAGS, summary="List files for the bank")
    async def list_payout_files(request: Req, limit: Limit = 20, cursor: Cursor = None) -> Response[Page[FileView]]:
        """Newest first."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_files(ctx, ListFiles(cursor, limit)))

    @http.get(
        "/v1/payouts/files/{file_id:str}",
        e.read_file,
        also=("application/xml",),
        tags=TAGS,
        summary="Download a file for the bank",
    )
    async def read_payout_file(request: Req, file_id: str) -> Response[bytes]:
        """The file as it was made, the same however often it is asked for."""
        ctx = await http.context(request)
        if not _FILE_ID.fullmatch(file_id):
            raise PayoutFileUnknown()
        headers = {"content-disposition": f'attachment; filename="{file_id}.xml"'} | (ctx.rate_headers or {})
        return Response(await e.read_file(ctx, file_id), media_type="application/xml", headers=headers)

    return [make_payout_file, list_payout_files, read_payout_file]


def _payouts(e: PayoutEndpoints) -> list[Any]:
    @http.post("/v1/payouts", e.request, errors=(404,), tags=TAGS, summary="Pay a vendor out")
    async def request_payout(request: Req, data: RequestPayout) -> Response[PayoutView]:
        """Pays what is available, or a part of it, without waiting for the schedule.

        409 for more than is available, less than the minimum, and while the vendor's payouts are on hold (`reason`).
        """
        ctx = await http.context(request)
        view = await e.request(ctx, data)
        return http.respond(request, ctx, view, version=view.version, location=f"/v1/payouts/{view.id}")

    @http.get("/v1/payouts", e.list_, errors=(404,), tags=TAGS, summary="List payouts")
    async def list_payouts(
        request: Req,
        status: InStatus = None,
        vendor: Vendor = None,
        overdue: Overdue = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[Page[PayoutView]]:
        """Newest first: one's own vendors' (owner, finance), or anybody's as an operator."""
        ctx = await http.context(request)
        query = ListPayouts(status=status, vendor_id=vendor, overdue=overdue, cursor=cursor, limit=limit)
        return http.paged(request, ctx, await e.list_(ctx, query))

    @http.get("/v1/payouts/{payout_id:str}", e.get, tags=TAGS, summary="Read a payout")
    async def get_payout(request: Req, payout_id: str) -> Response[PayoutView]:
        """What it is made of is at `/lines`."""
        ctx = await http.context(request)
        view = await e.get(ctx, _payout_id(payout_id))
        return http.respond(request, ctx, view, version=view.version, revision=_revision(view))

    @http.get("/v1/payouts/{payout_id:str}/lines", e.lines, tags=TAGS, summary="Why a payout is what it is")
    async def list_payout_lines(
        request: Req, payout_id: str, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[CoveredLine]]:
        """Each line of the vendor's available money since the payout before, down to the lines of orders.

        Their amounts, but for its own line, sum to `covered`. No line is covered by two payouts.
        """
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.lines(ctx, ListLines(_payout_id(payout_id), cursor, limit)))

    return [request_payout, list_payouts, get_payout, list_payout_lines]


def _deciding(e: PayoutEndpoints) -> list[Any]:
    @http.post(
        "/v1/payouts/{payout_id:str}/approve",
        e.approve,
        status=200,
        errors=(412,),
        tags=TAGS,
        summary="Approve a large payout",
    )
    async def approve_payout(request: Req, payout_id: str) -> Response[PayoutView]:
        """By an operator who did not ask for it (403 otherwise)."""
        ctx = await http.context(request)
        view = await e.approve(ctx, _payout_id(payout_id))
        return http.respond(request, ctx, view, version=view.version)

    @http.post(
        "/v1/payouts/{payout_id:str}/reject",
        e.reject,
        status=200,
        errors=(412,),
        tags=TAGS,
        summary="Reject a large payout",
    )
    async def reject_payout(request: Req, payout_id: str, data: RejectBody) -> Response[PayoutView]:
        """The amount is available again."""
        ctx = await http.context(request)
        view = await e.reject(ctx, RejectPayout(_payout_id(payout_id), data.reason))
        return http.respond(request, ctx, view, version=view.version)

    @http.post(
        "/v1/payouts/{payout_id:str}/mark",
        e.mark,
        status=200,
        errors=(412,),
        tags=TAGS,
        summary="Note what the bank did",
    )
    async def mark_payout(request: Req, payout_id: str, data: MarkBody) -> Response[PayoutView]:
        """Of payouts that went by file: paid, failed, or returned after it had been paid."""
        ctx = await http.context(request)
        view = await e.mark(ctx, MarkPayout(_payout_id(payout_id), data))
        return http.respond(request, ctx, view, version=view.version)

    return [approve_payout, reject_payout, mark_payout]


def _payout_id(raw: str) -> str:
    if not _PAYOUT_ID.fullmatch(raw):
        raise PayoutUnknown()
    return raw


def _vendor_id(raw: str) -> str:
    if not _VENDOR_ID.fullmatch(raw):
        raise VendorUnknown()
    return raw


def _revision(view: PayoutView) -> int:
    """What it waits for changes without a new version of it."""
    return 0 if view.waiting_for is None else 1 + _WAITS.index(view.waiting_for.code)
