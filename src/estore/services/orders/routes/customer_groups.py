"""HTTP in: /v1/customer-groups."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.orders.domain.promotions import GroupView, MembersAdded, MemberView
from estore.services.orders.endpoints import Promoting
from estore.services.orders.service.promotions import ListOf, MembersForm, OneGroup, OneMember

Req = Request[Any, Any, Any]
MAX_BODY = 512 * 1024
"""Room for as many ids as may be added at once."""
TAGS = ["customer-groups"]


def routes(e: Promoting) -> list[Any]:
    """Return the routes of customer groups."""
    return [*_groups(e), *_members(e)]


def _groups(e: Promoting) -> list[Any]:
    @http.get("/v1/customer-groups", e.list_groups, tags=TAGS, summary="Customer groups")
    async def list_groups(request: Req, limit: Limit = 20, cursor: Cursor = None) -> Response[Page[GroupView]]:
        """For operators: by name, each with the number of its members."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_groups(ctx, ListOf(cursor, limit)))

    @http.get("/v1/customer-groups/{group:str}", e.show_group, tags=TAGS, summary="A customer group")
    async def show_group(request: Req, group: str) -> Response[GroupView]:
        """For operators."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.show_group(ctx, group))

    @http.put("/v1/customer-groups/{group:str}", e.put_group, errors=(422,), tags=TAGS, summary="Make a customer group")
    async def put_group(request: Req, group: str) -> Response[GroupView]:
        """For operators. One that is there already stays as it is."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.put_group(ctx, group))

    @http.delete(
        "/v1/customer-groups/{group:str}", e.delete_group, errors=(409,), tags=TAGS, summary="Delete a customer group"
    )
    async def delete_group(request: Req, group: str) -> Response[None]:
        """For operators: with its members, unless promotions are for it (409)."""
        ctx = await http.context(request)
        await e.delete_group(ctx, group)
        return http.respond(request, ctx, None, status=204)

    return [list_groups, show_group, put_group, delete_group]


def _members(e: Promoting) -> list[Any]:
    @http.get("/v1/customer-groups/{group:str}/members", e.list_members, tags=TAGS, summary="Members of a group")
    async def list_members(
        request: Req, group: str, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[MemberView]]:
        """For operators: by account."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_members(ctx, OneGroup(group, ListOf(cursor, limit))))

    @http.post(
        "/v1/customer-groups/{group:str}/members",
        e.add_members,
        status=200,
        request_max_body_size=MAX_BODY,
        tags=TAGS,
        summary="Add many accounts",
    )
    async def add_members(request: Req, group: str, data: MembersForm) -> Response[MembersAdded]:
        """For operators: up to 10,000 at once. They count as members from their next quote or order on."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.add_members(ctx, OneGroup(group, data)))

    @http.put(
        "/v1/customer-groups/{group:str}/members/{account_id:str}",
        e.put_member,
        status=204,
        errors=(422,),
        tags=TAGS,
        summary="Add an account",
    )
    async def put_member(request: Req, group: str, account_id: str) -> Response[None]:
        """For operators. One that is in the group already stays in it."""
        ctx = await http.context(request)
        await e.put_member(ctx, OneMember(group, account_id))
        return http.respond(request, ctx, None, status=204)

    @http.delete(
        "/v1/customer-groups/{group:str}/members/{account_id:str}",
        e.delete_member,
        tags=TAGS,
        summary="Take an account out",
    )
    async def delete_member(request: Req, group: str, account_id: str) -> Response[None]:
        """For operators. One that is not in the group is no failure."""
        ctx = await http.context(request)
        await e.delete_member(ctx, OneMember(group, account_id))
        return http.respond(request, ctx, None, status=204)

    return [list_members, add_members, put_member, delete_member]
