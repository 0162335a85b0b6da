"""HTTP in."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import Parameter

from estore.kit import http
from estore.kit.errors import NotFound
from estore.kit.http.pages import Cursor, Limit, Page, decode_cursor
from estore.services.identity.domain import Address, AddressForm, SandboxMail
from estore.services.identity.endpoints import Endpoints
from estore.services.identity.service import (
    AccountView,
    AddressBook,
    AskReset,
    ChangeMe,
    ChangePassword,
    Confirm,
    Device,
    EraseMe,
    GrantRoles,
    Jwks,
    ListAccounts,
    ListMails,
    Me,
    Refresh,
    Register,
    ResetPassword,
    Rotate,
    Sessions,
    SignIn,
    Tokens,
)

Http = Request[Any, Any, Any]
EmailFilter = Annotated[str | None, Parameter(max_length=254, description="Only this e-mail address")]
_ID = re.compile(r"[A-Za-z0-9_]{1,64}")


def _id(text: str) -> str:
    """What cannot be an id is nobody's."""
    if not _ID.fullmatch(text):
        raise NotFound()
    return text


def routes(e: Endpoints, *, sandbox: bool) -> list[Any]:
    """Return the routes of identity. sandbox: whether its mailbox can be read."""
    return [*_accounts(e), *_operators(e), *_sessions(e), *_me(e), *_addresses(e), *(_mailbox(e) if sandbox else ())]


def _accounts(e: Endpoints) -> list[Any]:
    @http.post("/v1/accounts", e.register, errors=(422,), summary="Register")
    async def register(request: Http, data: Register) -> Response[AccountView]:
        """Open an account and mail a token to its address. The answer is the same when the address is taken: its
        owner is told by mail, and the new account can never be confirmed. One may sign in before confirming."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.register(ctx, data), location="/v1/me")

    @http.post("/v1/accounts/verify", e.confirm_email, status=200, errors=(409, 422), summary="Confirm an address")
    async def confirm(request: Http, data: Confirm) -> Response[AccountView]:
        """Confirm an e-mail address with the token that was mailed to it."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.confirm_email(ctx, data))

    @http.post("/v1/accounts/password-resets", e.ask_reset, status=202, errors=(422,), summary="Forgot the password")
    async def ask_reset(request: Http, data: AskReset) -> Response[None]:
        """Mail a token to the address, if there is an account. The answer does not tell."""
        ctx = await http.context(request)
        await e.ask_reset(ctx, data)
        return http.respond(request, ctx, None)

    @http.post(
        "/v1/accounts/password-resets/confirm",
        e.reset_password,
        status=204,
        errors=(409, 422),
        summary="Choose a new password",
    )
    async def reset(request: Http, data: ResetPassword) -> Response[None]:
        """Set a new password with the token from the mail. Ends all sessions; the token works once."""
        ctx = await http.context(request)
        await e.reset_password(ctx, data)
        return http.respond(request, ctx, None)

    @http.get("/v1/accounts/jwks.json", e.open_keys, summary="Public signing keys")
    async def jwks(request: Http) -> Response[Jwks]:
        """The keys that sign access tokens (RFC 7517). New ones are here an hour before they are used."""
        ctx = await http.context(request)
        headers = {"cache-control": "public, max-age=300"}
        return http.respond(request, ctx, await e.open_keys(ctx, None), headers=headers)

    return [register, confirm, ask_reset, reset, jwks]


def _operators(e: Endpoints) -> list[Any]:
    @http.get("/v1/accounts", e.list_accounts, errors=(422,), summary="List accounts")
    async def list_accounts(
        request: Http, limit: Limit = 20, cursor: Cursor = None, email: EmailFilter = None
    ) -> Response[Page[AccountView]]:
        """All accounts, newest first. Operators only."""
        ctx = await http.context(request)
        page = await e.list_accounts(ctx, ListAccounts(email, decode_cursor(cursor, str), limit))
        return http.paged(request, ctx, page)

    @http.get("/v1/accounts/{account_id:str}", e.get_account, summary="See an account")
    async def get_account(request: Http, account_id: str) -> Response[AccountView]:
        """One account. Operators only."""
        ctx = await http.context(request)
        found = await e.get_account(ctx, _id(account_id))
        return http.respond(request, ctx, found, version=found.version)

    @http.put("/v1/accounts/{account_id:str}/roles", e.grant_roles, if_match=True, summary="Set an account's roles")
    async def grant(request: Http, account_id: str, data: GrantRoles) -> Response[AccountView]:
        """Make somebody an operator, or no longer one. Takes effect with their next access token, in ten minutes at
        most. The last operator stays one."""
        ctx = await http.context(request)
        changed = await e.grant_roles(ctx, (_id(account_id), data))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.delete("/v1/accounts/{account_id:str}", e.erase_account, errors=(409,), summary="Erase an account")
    async def erase(request: Http, account_id: str) -> None:
        """Forget a person, here and, by `account.erased`, everywhere. Access tokens that are out live on for ten
        minutes at most: who has one can still read and order with it until then. Operators only."""
        ctx = await http.context(request)
        await e.erase_account(ctx, _id(account_id))

    @http.post("/v1/accounts/keys", e.rotate_keys, status=202, summary="Rotate the signing keys")
    async def rotate(request: Http, data: Rotate) -> Response[None]:
        """Publish a new signing key, which signs an hour later; with `compromised`, at once, and all access tokens that
        are out become worthless. It happens by itself, too, without the haste. Operators only."""
        ctx = await http.context(request)
        await e.rotate_keys(ctx, data)
        return http.respond(request, ctx, None)

    return [list_accounts, get_account, grant, erase, rotate]


def _mailbox(e: Endpoints) -> list[Any]:
    @http.get("/v1/accounts/mails", e.list_mails, errors=(422,), summary="Read the sandbox's mailbox")
    async def mails(
        request: Http, limit: Limit = 20, cursor: Cursor = None, email: EmailFilter = None
    ) -> Response[Page[SandboxMail]]:
        """What would have been mailed, newest first, tokens included. Operators only, and only in the sandbox."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_mails(ctx, ListMails(email, decode_cursor(cursor, str), limit)))

    return [mails]


def _sessions(e: Endpoints) -> list[Any]:
    @http.post("/v1/sessions", e.sign_in, errors=(401, 422), summary="Sign in")
    async def sign_in(request: Http, data: SignIn) -> Response[Tokens]:
        """Begin a session. A wrong password and an unknown address get the same answer after the same time. Ten wrong
        passwords for an address, or sixty from one client, and it is 429 with Retry-After. The answer holds secrets, so
        it is not kept for a repeated Idempotency-Key."""
        ctx = await http.context(request)
        agent = "".join(c for c in request.headers.get("user-agent", "") if c.isprintable())[:200]
        return http.respond(request, ctx, await e.sign_in(ctx, (data, Device(agent))), location="/v1/sessions/current")

    @http.post("/v1/sessions/refresh", e.refresh, status=200, errors=(401, 422), summary="Get new tokens")
    async def refresh(request: Http, data: Refresh) -> Response[Tokens]:
        """Exchange the newest refresh token for a new pair, with the roles of now. Using one twice ends the session:
        somebody has a copy of it."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.refresh(ctx, data))

    @http.get("/v1/sessions", e.list_sessions, summary="See one's devices")
    async def list_sessions(request: Http) -> Response[Sessions]:
        """The devices that are signed in to the account."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.list_sessions(ctx, None))

    @http.delete("/v1/sessions", e.end_all_sessions, summary="Sign out everywhere")
    async def end_all(request: Http) -> None:
        """End all sessions, this one too. Access tokens that are out live on for ten minutes at most."""
        ctx = await http.context(request)
        await e.end_all_sessions(ctx, None)

    @http.delete(
        "/v1/sessions/current",
        e.end_session,
        errors=(404,),
        operation_id="identity.end_current_session",
        summary="Sign out",
    )
    async def end_current(request: Http) -> None:
        """End this session."""
        ctx = await http.context(request)
        await e.end_session(ctx, None)

    @http.delete("/v1/sessions/{session_id:str}", e.end_session, summary="Sign out another device")
    async def end(request: Http, session_id: str) -> None:
        """End one of one's sessions."""
        ctx = await http.context(request)
        await e.end_session(ctx, _id(session_id))

    return [sign_in, refresh, list_sessions, end_all, end_current, end]


def _me(e: Endpoints) -> list[Any]:
    @http.get("/v1/me", e.me, summary="Who am I")
    async def me(request: Http) -> Response[Me]:
        """The account that asks, with its roles and the vendors it belongs to."""
        ctx = await http.context(request)
        found = await e.me(ctx, None)
        return http.respond(request, ctx, found, version=found.version)

    @http.patch("/v1/me", e.change_me, if_match=True, summary="Change one's name")
    async def change_me(request: Http, data: ChangeMe) -> Response[Me]:
        """Change what is given."""
        ctx = await http.context(request)
        changed = await e.change_me(ctx, data)
        return http.respond(request, ctx, changed, version=changed.version)

    @http.post("/v1/me/password", e.change_password, status=204, errors=(422,), summary="Change the password")
    async def change_password(request: Http, data: ChangePassword) -> Response[None]:
        """Change the password, knowing the current one. Ends all other sessions."""
        ctx = await http.context(request)
        await e.change_password(ctx, data)
        return http.respond(request, ctx, None)

    @http.post("/v1/me/verification", e.resend_confirmation, status=202, summary="Mail the confirmation again")
    async def resend(request: Http) -> Response[None]:
        """Mail another token to the account's address, if it is not confirmed yet."""
        ctx = await http.context(request)
        await e.resend_confirmation(ctx, None)
        return http.respond(request, ctx, None)

    @http.post("/v1/me/erasure", e.erase_me, status=204, errors=(409, 422), summary="Erase one's account")
    async def erase_me(request: Http, data: EraseMe) -> Response[None]:
        """Forget me, for good. Orders stay in the books, without the name. Access tokens that are out live on for ten
        minutes at most."""
        ctx = await http.context(request)
        await e.erase_me(ctx, data)
        return http.respond(request, ctx, None)

    return [me, change_me, change_password, resend, erase_me]


def _addresses(e: Endpoints) -> list[Any]:
    @http.get("/v1/me/addresses", e.list_addresses, summary="See one's addresses")
    async def list_addresses(request: Http) -> Response[AddressBook]:
        """The whole address book, fifty entries at most."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.list_addresses(ctx, None))

    @http.post("/v1/me/addresses", e.add_address, summary="Add an address")
    async def add(request: Http, data: AddressForm) -> Response[Address]:
        """Add an entry to the address book."""
        ctx = await http.context(request)
        added = await e.add_address(ctx, data)
        return http.respond(request, ctx, added, version=added.version, location=f"/v1/me/addresses/{added.id}")

    @http.get("/v1/me/addresses/{address_id:str}", e.get_address, summary="See an address")
    async def get(request: Http, address_id: str) -> Response[Address]:
        """One entry, with its ETag."""
        ctx = await http.context(request)
        found = await e.get_address(ctx, _id(address_id))
        return http.respond(request, ctx, found, version=found.version)

    @http.put("/v1/me/addresses/{address_id:str}", e.change_address, if_match=True, summary="Replace an address")
    async def change(request: Http, address_id: str, data: AddressForm) -> Response[Address]:
        """Replace an entry as a whole."""
        ctx = await http.context(request)
        changed = await e.change_address(ctx, (_id(address_id), data))
        return http.respond(request, ctx, changed, version=changed.version)

    @http.delete("/v1/me/addresses/{address_id:str}", e.remove_address, summary="Remove an address")
    async def remove(request: Http, address_id: str) -> None:
        """Remove an entry."""
        ctx = await http.context(request)
        await e.remove_address(ctx, _id(address_id))

    return [list_addresses, add, get, change, remove]
