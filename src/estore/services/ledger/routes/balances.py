"""HTTP in: /v1/ledger, the books."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.ledger.endpoints import Endpoints
from estore.services.ledger.service import (
    Adjust,
    Adjustment,
    BalanceView,
    Chain,
    EntryView,
    HoldMoney,
    HoldView,
    ListBalances,
    ListEntries,
    ListHolds,
    ReserveTerms,
    ReserveTermsView,
    Sheet,
    Verification,
    VerifyChain,
)

Req = Request[Any, Any, Any]
_TEXT = r"^[^\x00]*\Z"
OfVendor = Annotated[
    str | None, QueryParameter(name="vendor", max_length=64, pattern=_TEXT, description="Only this vendor's")
]
OfOrder = Annotated[
    str | None, QueryParameter(name="order", max_length=64, pattern=_TEXT, description="Only of this order")
]
Released = Annotated[bool, QueryParameter(name="released", description="Also those that are over")]
At = Annotated[datetime | None, QueryParameter(name="at", description="As it was at that moment")]
First = Annotated[int, QueryParameter(name="first", ge=1, le=2**62, description="The first block")]
Blocks = Annotated[int, QueryParameter(name="blocks", ge=1, le=200, description="How many blocks at most")]


def routes(e: Endpoints) -> list[Any]:
    """Return the routes of the books."""
    return [*_for_vendors(e), *_sums(e), *_for_operators(e), *_terms(e)]


def _for_vendors(e: Endpoints) -> list[Any]:
    @http.get("/v1/ledger/balances", e.list_balances, tags=["ledger"], errors=(404, 422), summary="What is owed")
    async def list_balances(
        request: Req, vendor: OfVendor = None, at: At = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[BalanceView]]:
        """For owners and finance of your vendors, one entry per currency; for operators everybody's."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_balances(ctx, ListBalances(vendor, at, cursor, limit)))

    @http.get("/v1/ledger/entries", e.list_entries, tags=["ledger"], errors=(404,), summary="What moved money")
    async def list_entries(
        request: Req, vendor: OfVendor = None, order: OfOrder = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[EntryView]]:
        """Journal entries, the latest first. Vendors see their own lines of them; operators all, which sum to zero."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_entries(ctx, ListEntries(vendor, order, cursor, limit)))

    @http.get("/v1/ledger/holds", e.list_holds, tags=["ledger"], errors=(404,), summary="What is held back")
    async def list_holds(
        request: Req, vendor: OfVendor = None, released: Released = False, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[HoldView]]:
        """Money that is a vendor's but not paid out: for a return, a dispute, as a reserve, or held by an operator."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_holds(ctx, ListHolds(vendor, released, cursor, limit)))

    return [list_balances, list_entries, list_holds]


def _sums(e: Endpoints) -> list[Any]:
    @http.get("/v1/ledger/balance-sheet", e.show_sheet, tags=["ledger"], errors=(422,), summary="The balance sheet")
    async def show_sheet(request: Req, at: At = None) -> Response[Sheet]:
        """Every account, the vendors' in sum, now or at a moment; each currency sums to zero. Operators only."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.show_sheet(ctx, at))

    @http.get("/v1/ledger/chain", e.show_chain, tags=["ledger"], summary="How far history is sealed")
    async def show_chain(request: Req) -> Response[Chain]:
        """The hash of the last block: who keeps it elsewhere can prove later that history was not rewritten."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.show_chain(ctx, None))

    @http.get("/v1/ledger/chain/verification", e.verify_chain, tags=["ledger"], summary="Verify history")
    async def verify_chain(request: Req, first: First = 1, blocks: Blocks = 50) -> Response[Verification]:
        """Compute all hashes of some blocks again. Follow `next` until there is none. Operators only."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.verify_chain(ctx, VerifyChain(first, blocks)))

    return [show_sheet, show_chain, verify_chain]


def _for_operators(e: Endpoints) -> list[Any]:
    @http.post("/v1/ledger/adjustments", e.adjust, tags=["ledger"], summary="Correct what a vendor is owed")
    async def adjust(request: Req, data: Adjust) -> Response[Adjustment]:
        """Above zero in the vendor's favour. The vendor sees it, with the reason. Operators only."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.adjust(ctx, data))

    @http.post("/v1/ledger/holds", e.hold_money, tags=["ledger"], summary="Hold a vendor's money back")
    async def hold_money(request: Req, data: HoldMoney) -> Response[HoldView]:
        """Of what is available, now or later: that may fall below zero by it. Operators only."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.hold_money(ctx, data))

    @http.post(
        "/v1/ledger/holds/{hold_id:str}/release", e.release_hold, status=200, tags=["ledger"], summary="Let it go"
    )
    async def release_hold(request: Req, hold_id: str) -> Response[HoldView]:
        """End an operator's hold or a rolling reserve; 409 for one that ends with its return or dispute."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.release_hold(ctx, hold_id))

    return [adjust, hold_money, release_hold]


def _terms(e: Endpoints) -> list[Any]:
    @http.get("/v1/ledger/terms/{vendor_id:str}", e.show_terms, tags=["ledger"], summary="A vendor's reserve")
    async def show_terms(request: Req, vendor_id: str) -> Response[ReserveTermsView]:
        """How much of what becomes available is held back, and for how long. Operators only."""
        ctx = await http.context(request)
        terms = await e.show_terms(ctx, vendor_id)
        return http.respond(request, ctx, terms, version=terms.version)

    @http.put(
        "/v1/ledger/terms/{vendor_id:str}",
        e.set_terms,
        if_match=True,
        tags=["ledger"],
        summary="Set a vendor's reserve",
    )
    async def set_terms(request: Req, vendor_id: str, data: ReserveTerms) -> Response[ReserveTermsView]:
        """For what becomes available from now on; what is held stays. Operators only."""
        ctx = await http.context(request)
        terms = await e.set_terms(ctx, (vendor_id, data))
        return http.respond(request, ctx, terms, version=terms.version)

    return [show_terms, set_terms]
