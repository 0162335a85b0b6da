"""What vendors tell about their members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from estore.contracts.identity import MembershipChanged
from estore.contracts.vendors import VendorApproved, VendorMembersChanged
from estore.kit.auth import normal_email
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.services.identity import store
from estore.services.identity.domain import member_changes, newest_lists


async def hear_approved(tx: Tx, messages: Sequence[Message[VendorApproved]]) -> None:
    """Take over the members of approved vendors."""
    await _take_over(tx, messages)


async def hear_members(tx: Tx, messages: Sequence[Message[VendorMembersChanged]]) -> None:
    """Take over changed lists of members."""
    await _take_over(tx, messages)


async def _take_over(tx: Tx, messages: Sequence[Message[Any]]) -> None:
    """Make the newest lists ours, and tell who gained or lost what: six statements, however many vendors."""
    sources = {(m.data.vendor_id, m.data.version): m for m in messages}
    lists = newest_lists(
        (m.data.vendor_id, m.data.version, {_email(one.email): one.role for one in m.data.members}) for m in messages
    )
    accepted = await store.accept_lists(tx, {vendor_id: version for vendor_id, (version, _) in lists.items()})
    if not accepted:
        return
    after = {vendor_id: lists[vendor_id][1] for vendor_id in accepted}
    changes = member_changes(await store.members(tx, accepted), after)
    if not changes:
        return
    emails = sorted({change.email for change in changes})
    await store.lock_emails(tx, emails)
    await store.apply_changes(tx, changes)
    holders = await store.bump_holders(tx, emails)
    for change in changes:
        if change.email not in holders:
            continue
        account_id, version = holders[change.email]
        cause = sources[change.vendor_id, lists[change.vendor_id][0]]
        tx.emit(
            MembershipChanged(account_id=account_id, vendor_id=change.vendor_id, role=change.role, version=version),
            cause,
        )


def _email(text: str) -> str:
    """The address as accounts have it; one that is none stays as it is, and matches nobody."""
    try:
        return normal_email(text)
    except ValueError:
        return text
