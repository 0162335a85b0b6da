"""Use cases around accounts: register, confirm, see, change, erase; and what operators do to them."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

import msgspec

from estore.contracts.identity import AccountErased, AccountRegistered, AccountVerified, MembershipChanged
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import PreconditionFailed, PreconditionRequired
from estore.kit.http.pages import Page, page_of
from estore.kit.ids import new_id
from estore.services.identity import store
from estore.services.identity.domain import (
    MAILS,
    PASSWORDS,
    Account,
    AccountNotFound,
    AddressProved,
    CredentialsWrong,
    EmailText,
    LastOperator,
    NameText,
    NewPassword,
    PasswordWrong,
    SessionEnded,
    check_password,
    email_of,
)
from estore.services.identity.service.passwords import Passwords
from estore.services.identity.service.seals import Seals
from estore.services.identity.service.throttle import Throttle
from estore.services.identity.service.views import AccountView, Me

Token = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
AnyPassword = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
RoleName = Literal["operator"]


class Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new account."""

    email: EmailText
    password: NewPassword
    name: NameText


class Confirm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """token: from the mail."""

    token: Token


class ChangeMe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed of an account; what is absent stays."""

    name: NameText | msgspec.UnsetType = msgspec.UNSET


class EraseMe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """password: the current one, so that a stolen access token cannot erase anybody."""

    password: AnyPassword


class GrantRoles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """roles: all that the account is to have, beside consumer."""

    roles: Annotated[list[RoleName], msgspec.Meta(max_length=1)]


class ListAccounts(msgspec.Struct, frozen=True):
    email: str | None
    after: tuple[Any, ...] | None
    limit: int


class CreateAccount(msgspec.Struct, frozen=True):
    """An account made by the system: seeds, the CLI, the first operator."""

    email: str
    password: str
    name: str
    roles: frozenset[str] = frozenset()
    verified: bool = True


class Accounts:
    """Use cases that need passwords, tokens or limits."""

    def __init__(self, seals: Seals, passwords: Passwords, throttle: Throttle) -> None:
        self._seals = seals
        self._passwords = passwords
        self._throttle = throttle

    async def hash_new(self, ctx: Context, request: Register) -> tuple[Register, str]:
        """Before the transaction of `register`: normalise, refuse, hash."""
        email = email_of(request.email)
        check_password(request.password, email, request.name)
        ctx.fingerprint = self._seals.fingerprint(ctx.fingerprint)
        return Register(email, "", request.name.strip()), await self._passwords.hash(request.password)

    async def register(self, tx: Tx, ctx: Context, request: tuple[Register, str]) -> AccountView:
        """Make an account. Nobody looks whether the address is taken: the answer and its time cannot tell."""
        form, password_hash = request
        await self._throttle.take(tx, ctx, MAILS, form.email)
        account = Account(
            id=new_id("acc"),
            email=form.email,
            name=form.name,
            password_hash=password_hash,
            roles=[],
            version=1,
            created_at=ctx.now,
        )
        await store.insert_account(tx, account)
        await store.insert_mail(tx, new_id("mail"), "confirm", account.email, account.id, ctx.now)
        _registered(tx, ctx, account)
        return AccountView.of(account)

    async def confirm_email(self, tx: Tx, ctx: Context, request: Confirm) -> AccountView:
        """Believe that an address is theirs. Repeating it is no harm.

        Raises TokenUnusable, AddressProved when another account was faster.
        """
        found = await store.account(tx, self._seals.account_of(request.token))
        account = self._seals.check_mail_token("confirm", request.token, found, ctx.now)
        return AccountView.of(await prove(tx, ctx, account))

    async def resend_confirmation(self, tx: Tx, ctx: Context, _request: None) -> None:
        """Mail the token again, if it is still needed."""
        account = await mine(tx, ctx)
        if not account.verified:
            await self._throttle.take(tx, ctx, MAILS, account.email)
            await store.insert_mail(tx, new_id("mail"), "confirm", account.email, account.id, ctx.now)

    async def create_account(self, tx: Tx, ctx: Context, request: CreateAccount) -> AccountView:
        """See `create_account`."""
        return await create_account(tx, ctx, request, self._passwords)

    async def begin_erasure(self, tx: Tx, ctx: Context, _request: EraseMe) -> Account:
        """Count the attempt and return whose password is to be checked."""
        account = await mine(tx, ctx)
        await self._throttle.take(tx, ctx, PASSWORDS, account.email)
        return account

    async def check_owner(self, request: EraseMe, account: Account) -> bool:
        return await self._passwords.matches(request.password, account.password_hash)

    async def erase_me(self, tx: Tx, ctx: Context, _request: EraseMe, account: Account, good: bool) -> None:
        """Forget the person who asks. Raises PasswordWrong, LastOperator."""
        if not good:
            raise PasswordWrong(pointer="/password")
        await erase_account(tx, ctx, account.id)


async def create_account(
    tx: Tx, ctx: Context, request: CreateAccount, passwords: Passwords | None = None
) -> AccountView:
    """Return the account that proved this address, made now if there is none. Its password is not changed then.

    For the CLI and the seeds; roles that it lacks are added.
    Raises EmailInvalid, ValueError for a password that is too short or too long.
    """
    if not 10 <= len(request.password) <= 128:
        raise ValueError("a password has 10 to 128 characters")
    email = email_of(request.email)
    await store.lock_email(tx, email)
    proved, claimed = await store.claimants(tx, email)
    known = proved or (None if request.verified else claimed)
    if known is not None:
        missing = request.roles - set(known.roles)
        changed = await store.update_roles(tx, known.id, sorted(missing | set(known.roles))) if missing else known
        return AccountView.of(changed or known)
    account = Account(
        id=new_id("acc"),
        email=email,
        name=request.name,
        password_hash=await (passwords or _default_passwords()).hash(request.password),
        roles=sorted(request.roles),
        version=1,
        created_at=ctx.now,
        verified_at=ctx.now if request.verified else None,
    )
    await store.insert_account(tx, account)
    _registered(tx, ctx, account)
    if request.verified:
        await _tell_memberships(tx, ctx, account)
    return AccountView.of(account)


@cache
def _default_passwords() -> Passwords:
    return Passwords()


async def ensure_operator(tx: Tx, ctx: Context, passwords: Passwords, email: str, password: str) -> None:
    """Make the first operator, unless there is one."""
    if await store.lock_operators(tx) == 0:
        check_password(password, email)
        first = CreateAccount(email, password, "Operator", roles=frozenset({"operator"}))
        await create_account(tx, ctx, first, passwords)


async def mine(tx: Tx, ctx: Context) -> Account:
    """Return the account that asks. Raises SessionEnded after a sign-out, though the access token lives on."""
    principal = ctx.principal
    if principal.account_id is None:
        raise CredentialsWrong("sign in first")
    account = await store.account_of_session(tx, principal.account_id, principal.session_id, ctx.now)
    if account is None:
        raise SessionEnded()
    return account


async def me(tx: Tx, ctx: Context, _request: None) -> Me:
    """Return the account that asks."""
    return await _me(tx, await mine(tx, ctx))


async def change_me(tx: Tx, ctx: Context, request: ChangeMe) -> Me:
    """Change what is given. Raises PreconditionRequired, PreconditionFailed."""
    account = await mine(tx, ctx)
    if ctx.if_match is None:
        raise PreconditionRequired()
    name = account.name if request.name is msgspec.UNSET else request.name.strip()
    changed = await store.update_name(tx, account.id, ctx.if_match.numbers, name)
    if changed is None:
        raise PreconditionFailed()
    return await _me(tx, changed)


async def list_accounts(tx: Tx, _ctx: Context, request: ListAccounts) -> Page[AccountView]:
    """Return a page of accounts, newest first."""
    email = None if request.email is None else email_of(request.email)
    found = await store.accounts(tx, email, request.after, request.limit + 1)
    return page_of([AccountView.of(one) for one in found], request.limit, lambda one: (one.id,))


async def get_account(tx: Tx, _ctx: Context, account_id: str) -> AccountView:
    account = await store.account(tx, account_id)
    if account is None:
        raise AccountNotFound()
    return AccountView.of(account)


async def grant_roles(tx: Tx, ctx: Context, request: tuple[str, GrantRoles]) -> AccountView:
    """Set the roles of an account; its next access token has them. Raises LastOperator, AccountNotFound."""
    account_id, grant = request
    if ctx.if_match is None:
        raise PreconditionRequired()
    operators = await store.lock_operators(tx)
    account = await store.lock_account(tx, account_id)
    if account is None:
        raise AccountNotFound()
    if account.version not in ctx.if_match:
        raise PreconditionFailed()
    if "operator" in account.roles and "operator" not in grant.roles and operators == 1:
        raise LastOperator()
    changed = await store.update_roles(tx, account_id, sorted(set(grant.roles)))
    return AccountView.of(changed or account)


async def erase_account(tx: Tx, ctx: Context, account_id: str) -> None:
    """Forget a person: all that identity knows, and, by the event, all that others know."""
    operators = await store.lock_operators(tx)
    account = await store.lock_account(tx, account_id)
    if account is None:
        raise AccountNotFound()
    if "operator" in account.roles and operators == 1:
        raise LastOperator()
    version = await store.erase(tx, account.id, account.email, ctx.now)
    tx.emit(AccountErased(account_id=account.id, version=version), ctx)


async def prove(tx: Tx, ctx: Context, account: Account) -> Account:
    """Mark the address as theirs and tell what follows from it. Raises AddressProved."""
    if account.verified:
        return account
    await store.lock_email(tx, account.email)
    proved, _ = await store.claimants(tx, account.email)
    if proved is not None and proved.id != account.id:
        raise AddressProved()
    changed = await store.mark_verified(tx, account.id, ctx.now)
    if changed is None:
        return proved or account
    tx.emit(
        AccountVerified(account_id=changed.id, email=changed.email, name=changed.name, version=changed.version), ctx
    )
    await _tell_memberships(tx, ctx, changed)
    return changed


async def _tell_memberships(tx: Tx, ctx: Context, account: Account) -> None:
    for vendor_id, role in (await store.vendors_of(tx, account.email)).items():
        tx.emit(MembershipChanged(account_id=account.id, vendor_id=vendor_id, role=role, version=account.version), ctx)


async def _me(tx: Tx, account: Account) -> Me:
    vendors = await store.vendors_of(tx, account.email) if account.verified else {}
    return Me(**msgspec.structs.asdict(AccountView.of(account)), vendors=vendors)


def _registered(tx: Tx, ctx: Context, account: Account) -> None:
    tx.emit(
        AccountRegistered(
            account_id=account.id,
            email=account.email,
            name=account.name,
            version=account.version,
            verified=account.verified,
        ),
        ctx,
    )
