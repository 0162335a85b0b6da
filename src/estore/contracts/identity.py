"""What identity publishes."""

from __future__ import annotations

from estore.kit.auth import KeysRotated, PublicKey
from estore.kit.contract import Event, event

__all__ = ["AccountErased", "AccountRegistered", "AccountVerified", "KeysRotated", "MembershipChanged", "PublicKey"]


@event("account.registered.v1", by="identity", subject="account_id")
class AccountRegistered(Event, frozen=True, kw_only=True):
    """verified: whether the address is proved to be theirs already. Until it is, do not write to it."""

    account_id: str
    email: str
    name: str
    version: int
    verified: bool = False


@event("account.verified.v1", by="identity", subject="account_id")
class AccountVerified(Event, frozen=True, kw_only=True):
    """The address is proved to be theirs: what was done under it as a guest may be shown to them."""

    account_id: str
    email: str
    name: str
    version: int


@event("account.erased.v1", by="identity", subject="account_id")
class AccountErased(Event, frozen=True, kw_only=True):
    """The person behind the account is to be forgotten by everyone."""

    account_id: str
    version: int


@event("membership.changed.v1", by="identity", subject="account_id")
class MembershipChanged(Event, frozen=True, kw_only=True):
    """An account's role in a vendor, or its end (role None)."""

    account_id: str
    vendor_id: str
    role: str | None
    version: int
