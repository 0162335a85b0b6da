"""Use cases around sessions and credentials: sign in and out, refresh, change and reset the password."""

from __future__ import annotations

from os import urandom

import msgspec

from estore.kit.auth import ACCESS_SECONDS
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Failure
from estore.kit.ids import new_id
from estore.services.identity import store
from estore.services.identity.domain import (
    MAILS,
    PASSWORDS,
    Account,
    CredentialsWrong,
    EmailText,
    NewPassword,
    PasswordWrong,
    RefreshRefused,
    Session,
    SessionNotFound,
    TokenUnusable,
    check_password,
    email_of,
    expiry_of,
    principal_of,
)
from estore.services.identity.service.accounts import AnyPassword, Token, mine, prove
from estore.services.identity.service.keyring import Keyring
from estore.services.identity.service.passwords import Passwords
from estore.services.identity.service.policy import Policy
from estore.services.identity.service.seals import Seals
from estore.services.identity.service.throttle import Throttle
from estore.services.identity.service.views import AccountView, Sessions, SessionView, Tokens


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Credentials."""

    email: EmailText
    password: AnyPassword


class Refresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """refresh_token: the newest one."""

    refresh_token: Token


class ChangePassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new password, for somebody who knows the old one."""

    current_password: AnyPassword
    new_password: NewPassword


class AskReset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """email: where the token is mailed to, if there is an account."""

    email: EmailText


class ResetPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """token: from the mail."""

    token: Token
    password: NewPassword


class Device(msgspec.Struct, frozen=True):
    """From where somebody signs in."""

    user_agent: str


class Candidates(msgspec.Struct, frozen=True):
    """Who may be meant by an address: who proved it, and who claims it."""

    email: str
    proved: Account | None
    claims: Account | None


class Picked(msgspec.Struct, frozen=True):
    """Whose password it was, if anybody's; new_hash: when the stored one is made as one would not make it today."""

    account: Account | None
    new_hash: str | None = None


class Credentials:
    """Use cases that need passwords, tokens, limits or keys."""

    def __init__(
        self, policy: Policy, seals: Seals, passwords: Passwords, throttle: Throttle, keyring: Keyring
    ) -> None:
        self._policy = policy
        self._seals = seals
        self._passwords = passwords
        self._throttle = throttle
        self._keyring = keyring

    # --- sign in: count and look up; hash, outside of any transaction; let in ---------------------------------------

    async def begin_sign_in(self, tx: Tx, ctx: Context, request: tuple[SignIn, Device]) -> Candidates:
        """Count the attempt; it stays counted unless the password is right."""
        email = email_of(request[0].email)
        await self._throttle.take(tx, ctx, PASSWORDS, email)
        return Candidates(email, *await store.claimants(tx, email))

    async def check_sign_in(self, request: tuple[SignIn, Device], found: Candidates) -> Picked:
        """Two hashes, whoever exists: the time tells nothing."""
        password = request[0].password
        account = await self._passwords.pick(password, found.proved, found.claims)
        if account is not None and self._passwords.outdated(account.password_hash):
            return Picked(account, await self._passwords.hash(password))
        return Picked(account)

    async def sign_in(
        self, tx: Tx, ctx: Context, request: tuple[SignIn, Device], found: Candidates, picked: Picked
    ) -> Tokens:
        """Begin a session. Raises CredentialsWrong, the same for an unknown address and a wrong password."""
        account = picked.account
        if account is None:
            raise CredentialsWrong()
        session = Session(
            id=new_id("ses"),
            account_id=account.id,
            nonce=urandom(16),
            generation=1,
            client=ctx.client,
            user_agent=request[1].user_agent,
            created_at=ctx.now,
            refreshed_at=ctx.now,
            expires_at=expiry_of(ctx.now, ctx.now, self._policy.idle, self._policy.longest),
        )
        if not await store.insert_session(tx, session, account.password_hash):
            raise CredentialsWrong()
        if picked.new_hash is not None:
            await store.replace_password(tx, account.id, account.password_hash, picked.new_hash)
        await self._throttle.succeeded(tx, ctx, PASSWORDS, found.email)
        return await self._tokens(tx, ctx, account, session)

    async def refresh(self, tx: Tx, ctx: Context, request: Refresh) -> Tokens | Failure:
        """Exchange the newest refresh token for new tokens, with today's roles and memberships.

        An older one was stolen, or its successor was: whoever comes second, the session ends. That has to be
        committed, so the refusal is returned, not raised.
        """
        session = await store.lock_session(tx, self._seals.session_of(request.refresh_token), ctx.now)
        if session is None:
            return RefreshRefused()
        if self._seals.generation_of(request.refresh_token, session) != session.generation:
            await store.end_session(tx, session.account_id, session.id, ctx.now, "refresh token used twice")
            return RefreshRefused("this refresh token was used before: the session has been ended; sign in again")
        account = await store.account(tx, session.account_id)
        if account is None:
            return RefreshRefused()
        after = msgspec.structs.replace(
            session,
            generation=session.generation + 1,
            refreshed_at=ctx.now,
            expires_at=expiry_of(session.created_at, ctx.now, self._policy.idle, self._policy.longest),
        )
        await store.refreshed(tx, after.id, after.generation, ctx.now, after.expires_at)
        return await self._tokens(tx, ctx, account, after)

    async def _tokens(self, tx: Tx, ctx: Context, account: Account, session: Session) -> Tokens:
        vendors = await store.vendors_of(tx, account.email) if account.verified else {}
        principal = principal_of(account, vendors, session.id)
        return Tokens(
            access_token=await self._keyring.access_token(tx, ctx, principal),
            expires_in=ACCESS_SECONDS,
            refresh_token=self._seals.refresh_token(session),
            refresh_expires_at=session.expires_at,
            session_id=session.id,
            account=AccountView.of(account),
        )

    # --- passwords --------------------------------------------------------------------------------------------------

    async def begin_change(self, tx: Tx, ctx: Context, request: ChangePassword) -> Account:
        """Count the attempt and return whose password is to be changed."""
        account = await mine(tx, ctx)
        _acceptable(request.new_password, "/new_password", account)
        await self._throttle.take(tx, ctx, PASSWORDS, account.email)
        return account

    async def hash_change(self, request: ChangePassword, account: Account) -> str | None:
        """Return the new hash; None when the current password is wrong."""
        if not await self._passwords.matches(request.current_password, account.password_hash):
            return None
        return await self._passwords.hash(request.new_password)

    async def change_password(
        self, tx: Tx, ctx: Context, _request: ChangePassword, account: Account, new_hash: str | None
    ) -> None:
        """Change the password and end all other sessions. Raises PasswordWrong."""
        if new_hash is None or not await store.replace_password(tx, account.id, account.password_hash, new_hash):
            raise PasswordWrong(pointer="/current_password")
        await store.end_sessions(tx, account.id, ctx.now, "password changed", keep=ctx.principal.session_id)
        await self._throttle.succeeded(tx, ctx, PASSWORDS, account.email)
        await store.insert_mail(tx, new_id("mail"), "password_changed", account.email, account.id, ctx.now)

    async def ask_reset(self, tx: Tx, ctx: Context, request: AskReset) -> None:
        """Put a mail in the queue. Whether there is such an account is found out when it is written, not here."""
        email = email_of(request.email)
        await self._throttle.take(tx, ctx, MAILS, email)
        await store.insert_mail(tx, new_id("mail"), "reset", email, None, ctx.now)

    async def begin_reset(self, tx: Tx, ctx: Context, request: ResetPassword) -> Account:
        """Return whose password is to be reset. Raises TokenUnusable."""
        found = await store.account(tx, self._seals.account_of(request.token))
        account = self._seals.check_mail_token("reset", request.token, found, ctx.now)
        _acceptable(request.password, "/password", account)
        return account

    async def hash_reset(self, request: ResetPassword, _account: Account) -> str:
        return await self._passwords.hash(request.password)

    async def reset_password(
        self, tx: Tx, ctx: Context, _request: ResetPassword, account: Account, new_hash: str
    ) -> None:
        """Set a new password and end all sessions. Who reads the mail owns the address, so it is proved as well.

        The token covers the old hash, so it works once, and not after any other change of the password.
        """
        if not await store.replace_password(tx, account.id, account.password_hash, new_hash):
            raise TokenUnusable()
        await prove(tx, ctx, account)
        await store.end_sessions(tx, account.id, ctx.now, "password reset")
        await self._throttle.succeeded(tx, ctx, PASSWORDS, account.email)
        await store.insert_mail(tx, new_id("mail"), "password_changed", account.email, account.id, ctx.now)


async def list_sessions(tx: Tx, ctx: Context, _request: None) -> Sessions:
    """Return the devices of the account that asks."""
    account = await mine(tx, ctx)
    found = await store.live_sessions(tx, account.id, ctx.now)
    return Sessions([SessionView.of(one, ctx.principal.session_id) for one in found])


async def end_session(tx: Tx, ctx: Context, session_id: str | None) -> None:
    """End one session of the account that asks; its own for None. Raises SessionNotFound."""
    account = await mine(tx, ctx)
    which = session_id or ctx.principal.session_id or ""
    if not await store.end_session(tx, account.id, which, ctx.now, "signed out"):
        raise SessionNotFound()


async def end_all_sessions(tx: Tx, ctx: Context, _request: None) -> None:
    """Sign out everywhere, here too."""
    account = await mine(tx, ctx)
    await store.end_sessions(tx, account.id, ctx.now, "signed out everywhere")


def _acceptable(password: str, pointer: str, account: Account) -> None:
    check_password(password, account.email, account.name, pointer=pointer)
