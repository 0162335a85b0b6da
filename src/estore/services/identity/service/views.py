"""What a caller is shown."""

from __future__ import annotations

from datetime import datetime

import msgspec

from estore.services.identity.domain import Account, Session


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account. roles: beside consumer, which everybody is. email_verified: whether the address was confirmed.

    version: its ETag.
    """

    id: str
    email: str
    name: str
    email_verified: bool
    roles: list[str]
    created_at: datetime
    version: int

    @classmethod
    def of(cls, account: Account) -> AccountView:
        return cls(
            id=account.id,
            email=account.email,
            name=account.name,
            email_verified=account.verified,
            roles=sorted(account.roles),
            created_at=account.created_at,
            version=account.version,
        )


class Me(AccountView, frozen=True, kw_only=True):
    """The account that asks. vendors: vendor id -> role in it."""

    vendors: dict[str, str]


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """access_token: send it as `Authorization: Bearer`; good for `expires_in` seconds, for every service.

    refresh_token: good once, until `refresh_expires_at`; using it gives a new pair, using it twice ends the session.
    """

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_at: datetime
    session_id: str
    account: AccountView
    token_type: str = "Bearer"  # noqa: S105


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in device. client: the network address of its sign-in. current: whether it is this one."""

    id: str
    client: str
    user_agent: str
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    current: bool

    @classmethod
    def of(cls, session: Session, current: str | None) -> SessionView:
        return cls(
            id=session.id,
            client=session.client,
            user_agent=session.user_agent,
            created_at=session.created_at,
            refreshed_at=session.refreshed_at,
            expires_at=session.expires_at,
            current=session.id == current,
        )


class Sessions(msgspec.Struct, frozen=True):
    """The devices that are signed in, newest first."""

    data: list[SessionView]
