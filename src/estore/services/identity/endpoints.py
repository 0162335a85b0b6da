"""Each use case with its policy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from estore.contracts.vendors import VendorApproved, VendorMembersChanged
from estore.kit.context import Context
from estore.kit.endpoint import (
    ACCEPTED,
    ANYONE,
    NONE,
    OPERATOR,
    READ,
    SIGNED_IN,
    SYSTEM_ONLY,
    WRITE,
    Edge,
    Endpoint,
    Handler,
)
from estore.kit.errors import Failure
from estore.kit.http.pages import Page
from estore.kit.rate import Rate
from estore.services.identity import service
from estore.services.identity.domain import Address, Mail, SandboxMail
from estore.services.identity.service import AccountView, AddressBook, Jwks, Letter, Me, Sessions, Tokens

Res = TypeVar("Res")
Step = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Endpoints:
    register: Endpoint[Any, AccountView]
    confirm_email: Endpoint[Any, AccountView]
    resend_confirmation: Endpoint[Any, None]
    create_account: Endpoint[Any, AccountView]
    list_accounts: Endpoint[Any, Page[AccountView]]
    get_account: Endpoint[Any, AccountView]
    grant_roles: Endpoint[Any, AccountView]
    erase_account: Endpoint[Any, None]
    erase_me: Endpoint[Any, None]
    me: Endpoint[Any, Me]
    change_me: Endpoint[Any, Me]
    sign_in: Endpoint[Any, Tokens]
    refresh: Endpoint[Any, Tokens]
    list_sessions: Endpoint[Any, Sessions]
    end_session: Endpoint[Any, None]
    end_all_sessions: Endpoint[Any, None]
    change_password: Endpoint[Any, None]
    ask_reset: Endpoint[Any, None]
    reset_password: Endpoint[Any, None]
    list_addresses: Endpoint[Any, AddressBook]
    get_address: Endpoint[Any, Address]
    add_address: Endpoint[Any, Address]
    change_address: Endpoint[Any, Address]
    remove_address: Endpoint[Any, None]
    open_keys: Endpoint[Any, Jwks]
    publish_keys: Endpoint[Any, None]
    rotate_keys: Endpoint[Any, None]
    list_mails: Endpoint[Any, Page[SandboxMail]]
    claim_mails: Endpoint[Any, list[Mail]]
    write_out: Endpoint[Any, Letter | None]
    record_outcome: Endpoint[Any, None]
    purge: Endpoint[Any, None]
    hear_approved: Handler[VendorApproved]
    hear_members: Handler[VendorMembersChanged]


# How often one caller may ask for a hash, or for a guess at a token. Attempts on passwords are counted in the database.
HASHES = Rate(60)
TOKENS = Rate(120)


def build(
    edge: Edge,
    accounts: service.Accounts,
    credentials: service.Credentials,
    keyring: service.Keyring,
    post: service.Post,
    purge: service.Purge,
) -> Endpoints:
    """Return the table of policies."""
    on = edge.endpoint
    sign_in = _hashing(edge, credentials.begin_sign_in, credentials.check_sign_in, credentials.sign_in)
    change_password = _hashing(edge, credentials.begin_change, credentials.hash_change, credentials.change_password)
    reset_password = _hashing(edge, credentials.begin_reset, credentials.hash_reset, credentials.reset_password)
    erase_me = _hashing(edge, accounts.begin_erasure, accounts.check_owner, accounts.erase_me)
    return Endpoints(
        register=_register(edge, accounts),
        confirm_email=on(accounts.confirm_email, who=ANYONE, tx=WRITE, once=ACCEPTED, rate=TOKENS),
        resend_confirmation=on(accounts.resend_confirmation, who=SIGNED_IN, tx=WRITE, once=ACCEPTED),
        create_account=on(accounts.create_account, who=SYSTEM_ONLY, tx=WRITE),
        list_accounts=on(service.list_accounts, who=OPERATOR, tx=READ),
        get_account=on(service.get_account, who=OPERATOR, tx=READ),
        grant_roles=on(service.grant_roles, who=OPERATOR, tx=WRITE),
        erase_account=on(service.erase_account, who=OPERATOR, tx=WRITE),
        erase_me=on(erase_me, who=SIGNED_IN, tx=NONE, rate=HASHES),
        me=on(service.me, who=SIGNED_IN, tx=READ),
        change_me=on(service.change_me, who=SIGNED_IN, tx=WRITE),
        sign_in=on(sign_in, who=ANYONE, tx=NONE, timeout=10),
        refresh=on(_told_after_commit(edge, credentials.refresh), who=ANYONE, tx=NONE, rate=TOKENS),
        list_sessions=on(service.list_sessions, who=SIGNED_IN, tx=READ),
        end_session=on(service.end_session, who=SIGNED_IN, tx=WRITE),
        end_all_sessions=on(service.end_all_sessions, who=SIGNED_IN, tx=WRITE),
        change_password=on(change_password, who=SIGNED_IN, tx=NONE, rate=HASHES),
        ask_reset=on(credentials.ask_reset, who=ANYONE, tx=WRITE, once=ACCEPTED, rate=TOKENS),
        reset_password=on(reset_password, who=ANYONE, tx=NONE, rate=HASHES),
        list_addresses=on(service.list_addresses, who=SIGNED_IN, tx=READ),
        get_address=on(service.get_address, who=SIGNED_IN, tx=READ),
        add_address=on(service.add_address, who=SIGNED_IN, tx=WRITE, once=ACCEPTED),
        change_address=on(service.change_address, who=SIGNED_IN, tx=WRITE),
        remove_address=on(service.remove_address, who=SIGNED_IN, tx=WRITE),
        open_keys=on(keyring.open_keys, who=ANYONE, tx=READ),
        publish_keys=on(keyring.publish_keys, who=SYSTEM_ONLY, tx=WRITE),
        rotate_keys=on(keyring.rotate_keys, who=OPERATOR, tx=WRITE),
        list_mails=on(service.list_mails, who=OPERATOR, tx=READ),
        claim_mails=on(post.claim_mails, who=SYSTEM_ONLY, tx=WRITE),
        write_out=on(post.write_out, who=SYSTEM_ONLY, tx=WRITE),
        record_outcome=on(post.record_outcome, who=SYSTEM_ONLY, tx=WRITE),
        purge=on(purge.purge, who=SYSTEM_ONLY, tx=WRITE),
        hear_approved=edge.consumer(service.hear_approved),
        hear_members=edge.consumer(service.hear_members),
    )


def _hashing(edge: Edge, begin: Step, work: Step, end: Step) -> Step:
    """Return a use case of two transactions around a hash, which takes too long to hold a connection meanwhile.

    What `begin` counted stays counted, whatever `end` says.
    """

    async def run(ctx: Context, request: Any) -> Any:
        async with edge.db.transaction() as tx:
            begun = await begin(tx, ctx, request)
        done = await work(request, begun)
        async with edge.db.transaction() as tx:
            return await end(tx, ctx, request, begun, done)

    return _named(run, end)


def _told_after_commit(edge: Edge, use_case: Step) -> Step:
    """Return a use case whose refusals change something: a Failure that it returns is raised after the commit."""

    async def run(ctx: Context, request: Any) -> Any:
        async with edge.db.transaction() as tx:
            answer = await use_case(tx, ctx, request)
        if isinstance(answer, Failure):
            raise answer
        return answer

    return _named(run, use_case)


def _register(edge: Edge, accounts: service.Accounts) -> Endpoint[Any, AccountView]:
    """Hash first, then one transaction, in which the Idempotency-Key is looked at."""
    inner = edge.endpoint(accounts.register, who=ANYONE, tx=WRITE, once=ACCEPTED)

    async def run(ctx: Context, request: Any) -> AccountView:
        return await inner(ctx, await accounts.hash_new(ctx, request))

    outer: Endpoint[Any, AccountView] = edge.endpoint(_named(run, accounts.register), who=ANYONE, tx=NONE, rate=HASHES)
    outer.once = inner.once
    return outer


def _named(run: Step, like: Step) -> Step:
    run.__name__ = like.__name__
    return run
