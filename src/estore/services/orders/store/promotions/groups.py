"""Customer groups. A group's row is held by whoever adds members to it or deletes it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from estore.kit.db import Tx
from estore.services.orders.domain.promotions import GroupView, MemberView

_GROUPS = """
SELECT g.name, (SELECT count(*) FROM customer_group_member m WHERE m.name = g.name) AS members, g.created_at
FROM customer_group g
"""
_PAGE = f"{_GROUPS} WHERE $1::text IS NULL OR g.name > $1 ORDER BY g.name LIMIT $2"
_ONE = f"{_GROUPS} WHERE g.name = $1"
_PUT = "INSERT INTO customer_group (name, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_LOCK = "SELECT 1 FROM customer_group WHERE name = $1 FOR UPDATE"
_SHARE = "SELECT 1 FROM customer_group WHERE name = $1 FOR KEY SHARE"
_SHARE_ALL = "SELECT 1 FROM customer_group WHERE name = ANY($1::text[]) ORDER BY name FOR KEY SHARE"
# Of a vendor's promotions the operator learns as well: nobody else may delete a group.
_USERS = """
SELECT promotion_id FROM promotion
WHERE status <> 'archived' AND body->'conditions'->'customer_groups' ? $1 ORDER BY promotion_id LIMIT 20
"""
_DELETE = "DELETE FROM customer_group WHERE name = $1"
_EMPTY = "DELETE FROM customer_group_member WHERE name = $1"
_MEMBERS = """
SELECT account_id, added_at FROM customer_group_member
WHERE name = $1 AND ($2::text IS NULL OR account_id > $2) ORDER BY account_id LIMIT $3
"""
_ADD = """
INSERT INTO customer_group_member (account_id, name, added_at)
SELECT account_id, $1, $3 FROM unnest($2::text[]) AS a (account_id)
ON CONFLICT DO NOTHING RETURNING account_id
"""
_REMOVE = "DELETE FROM customer_group_member WHERE name = $1 AND account_id = $2"
_FORGET = "DELETE FROM customer_group_member WHERE account_id = ANY($1::text[])"


async def page_of_groups(tx: Tx, after: str | None, limit: int) -> list[GroupView]:
    """Read groups by name, `limit` at most, behind `after`."""
    return [GroupView(*row) for row in await tx.fetch(_PAGE, after, limit)]


async def show_group(tx: Tx, name: str) -> GroupView | None:
    """Read a group."""
    row = await tx.fetchrow(_ONE, name)
    return None if row is None else GroupView(*row)


async def put_group(tx: Tx, name: str, now: datetime) -> None:
    """Make a group, unless there is one of this name."""
    await tx.execute(_PUT, name, now)


async def lock_group(tx: Tx, name: str) -> bool:
    """Hold a group against those who name it, add to it or delete it; tells whether there is one."""
    return await tx.fetchval(_LOCK, name) is not None


async def share_groups(tx: Tx, names: Collection[str]) -> None:
    """Keep groups from being deleted until the transaction ends."""
    await tx.execute(_SHARE_ALL, names)


async def promotions_for(tx: Tx, name: str) -> list[str]:
    """Return the ids of promotions that are for a group, twenty at most; archived ones do not count."""
    return [row["promotion_id"] for row in await tx.fetch(_USERS, name)]


async def delete_group(tx: Tx, name: str) -> None:
    """Delete a group that is held, and its members."""
    await tx.execute(_EMPTY, name)
    await tx.execute(_DELETE, name)


async def page_of_members(tx: Tx, name: str, after: str | None, limit: int) -> list[MemberView]:
    """Read the members of a group by account, `limit` at most, behind `after`."""
    return [MemberView(*row) for row in await tx.fetch(_MEMBERS, name, after, limit)]


async def add_members(tx: Tx, name: str, account_ids: Sequence[str], now: datetime) -> int | None:
    """Add accounts to a group; returns how many were not in it, None where there is no such group."""
    if await tx.fetchval(_SHARE, name) is None:
        return None
    return len(await tx.fetch(_ADD, name, sorted(account_ids), now))


async def remove_member(tx: Tx, name: str, account_id: str) -> None:
    """Take an account out of a group."""
    await tx.execute(_REMOVE, name, account_id)


async def forget_members(tx: Tx, account_ids: Sequence[str]) -> None:
    """Take accounts out of all groups."""
    await tx.execute(_FORGET, account_ids)
