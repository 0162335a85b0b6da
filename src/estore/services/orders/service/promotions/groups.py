"""Customer groups: who is in which. Names are the operator's; what a group is for, promotions say."""

from __future__ import annotations

import re
from collections.abc import Sequence

from estore.contracts.identity import AccountErased
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.kit.errors import Fault
from estore.kit.http.pages import Page, page_of, text_in
from estore.services.orders import store
from estore.services.orders.domain.promotions import (
    GroupInUse,
    GroupNameWrong,
    GroupNotFound,
    GroupView,
    MembersAdded,
    MemberView,
)
from estore.services.orders.service.promotions.forms import ListOf, MembersForm, Nothing, OneGroup, OneMember

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def list_customer_groups(tx: Tx, ctx: Context, request: ListOf) -> Page[GroupView]:
    """Return a page of the groups, by name."""
    rows = await store.page_of_groups(tx, text_in(request.cursor), request.limit + 1)
    return page_of(rows, request.limit, lambda row: (row.name,))


async def put_customer_group(tx: Tx, ctx: Context, request: str) -> GroupView:
    """Make a group, unless there is one of this name. Raises GroupNameWrong."""
    if not _NAME.fullmatch(request):
        fault = Fault("1 to 64 of A-Z, a-z, 0-9, ., _ and -, first a letter or digit", parameter="group")
        raise GroupNameWrong(fault.detail, errors=[fault])
    await store.put_group(tx, request, ctx.now)
    return await show_customer_group(tx, ctx, request)


async def show_customer_group(tx: Tx, ctx: Context, request: str) -> GroupView:
    """Return a group. Raises GroupNotFound."""
    found = await store.show_group(tx, request) if _NAME.fullmatch(request) else None
    if found is None:
        raise GroupNotFound()
    return found


async def delete_customer_group(tx: Tx, ctx: Context, request: str) -> Nothing:
    """Delete a group and forget who was in it. Raises GroupNotFound, GroupInUse."""
    await show_customer_group(tx, ctx, request)
    if not await store.lock_group(tx, request):
        raise GroupNotFound()
    if users := await store.promotions_for(tx, request):
        raise GroupInUse(f"archive or change them first: {', '.join(users)}")
    await store.delete_group(tx, request)
    return Nothing()


async def list_customer_group_members(tx: Tx, ctx: Context, request: OneGroup[ListOf]) -> Page[MemberView]:
    """Return a page of a group's accounts. Raises GroupNotFound."""
    await show_customer_group(tx, ctx, request.name)
    rows = await store.page_of_members(tx, request.name, text_in(request.form.cursor), request.form.limit + 1)
    return page_of(rows, request.form.limit, lambda row: (row.account_id,))


async def add_customer_group_members(tx: Tx, ctx: Context, request: OneGroup[MembersForm]) -> MembersAdded:
    """Add accounts to a group. Raises GroupNotFound.

    It counts for the next order; the book of promotions stays what it is, as groups are read for each order.
    """
    await show_customer_group(tx, ctx, request.name)
    accounts = set(request.form.account_ids)
    added = await store.add_members(tx, request.name, sorted(accounts), ctx.now)
    if added is None:
        raise GroupNotFound()
    return MembersAdded(added, len(accounts) - added)


async def put_customer_group_member(tx: Tx, ctx: Context, request: OneMember) -> Nothing:
    """Add an account to a group, if it is not in it. Raises GroupNotFound, GroupNameWrong."""
    if not _ACCOUNT.fullmatch(request.account_id):
        fault = Fault("not the id of an account", parameter="account_id")
        raise GroupNameWrong(fault.detail, errors=[fault])
    await show_customer_group(tx, ctx, request.name)
    if await store.add_members(tx, request.name, [request.account_id], ctx.now) is None:
        raise GroupNotFound()
    return Nothing()


async def delete_customer_group_member(tx: Tx, ctx: Context, request: OneMember) -> Nothing:
    """Take an account out of a group, if it is in it. Raises GroupNotFound."""
    await show_customer_group(tx, ctx, request.name)
    await store.remove_member(tx, request.name, request.account_id)
    return Nothing()


async def account_erased(tx: Tx, messages: Sequence[Message[AccountErased]]) -> None:
    """Take accounts that are no more out of all groups. Uses of promotions keep their opaque ids, as orders do."""
    await store.forget_members(tx, sorted({m.data.account_id for m in messages}))
