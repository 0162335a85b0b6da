"""What mails say. They are queued without content, and written out when they are sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.http.pages import Page, page_of
from estore.services.identity import store
from estore.services.identity.domain import Account, Mail, SandboxMail, email_of
from estore.services.identity.service.policy import Policy
from estore.services.identity.service.seals import Purpose, Seals

LEASE = timedelta(minutes=2)
MAX_ATTEMPTS = 10
BATCH = 20


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mail, written out. id: stays the same over attempts. token: the secret in it."""

    id: str
    to: str
    subject: str
    body: str
    token: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What came of a mail. error: empty when it was sent; fatal: trying again is no use."""

    mail: Mail
    error: str = ""
    fatal: bool = False


class ListMails(msgspec.Struct, frozen=True):
    email: str | None
    after: tuple[Any, ...] | None
    limit: int


class Post:
    """link_url: where the storefront is that the links lead to."""

    def __init__(self, policy: Policy, seals: Seals, link_url: str) -> None:
        self._policy = policy
        self._seals = seals
        self._link = link_url.rstrip("/")

    async def claim_mails(self, tx: Tx, ctx: Context, _request: None) -> list[Mail]:
        """Take due mails for this process."""
        return await store.claim_mails(tx, ctx.now, LEASE, BATCH)

    async def write_out(self, tx: Tx, ctx: Context, mail: Mail) -> Letter | None:
        """Return what to send; None, and the mail is done, when there is nobody to write to."""
        proved, claims = await store.claimants(tx, mail.email)
        asked = await store.account(tx, mail.account_id) if mail.account_id else proved or claims
        letter = self._write(mail, proved, asked)
        if letter is None:
            await store.finish_mail(tx, mail.id, "dropped")
        return letter

    async def record_outcome(self, tx: Tx, ctx: Context, outcome: Outcome) -> None:
        """Note that a mail was sent, or when to try again: after 30 s, doubled each time, an hour at most."""
        mail = outcome.mail
        if not outcome.error:
            await store.finish_mail(tx, mail.id, "sent")
        elif outcome.fatal or mail.attempts >= MAX_ATTEMPTS:
            await store.finish_mail(tx, mail.id, "failed", outcome.error[:500])
        else:
            delay = min(30 * 2 ** (mail.attempts - 1), 3600)
            await store.delay_mail(tx, mail.id, ctx.now + timedelta(seconds=delay), outcome.error[:500])

    def _write(self, mail: Mail, proved: Account | None, asked: Account | None) -> Letter | None:
        if asked is None:
            return None
        if mail.kind == "password_changed":
            return _letter(mail, "Your password was changed", _CHANGED.format(name=asked.name, link=self._link))
        if mail.kind == "reset":
            return self._with_token(mail, "reset", asked, "Choose a new password", _RESET)
        if proved is None:
            return self._with_token(mail, "confirm", asked, "Confirm your e-mail address", _CONFIRM)
        if proved.id == asked.id:
            return None
        return _letter(mail, "You have an account already", _KNOWN.format(name=proved.name, link=self._link))

    def _with_token(self, mail: Mail, purpose: Purpose, account: Account, subject: str, text: str) -> Letter:
        life = (
            timedelta(hours=self._policy.confirm_hours)
            if purpose == "confirm"
            else timedelta(minutes=self._policy.reset_minutes)
        )
        until: datetime = mail.created_at + life
        token = self._seals.mail_token(purpose, account, until)
        body = text.format(name=account.name, link=f"{self._link}/{purpose}?token={token}", token=token, until=until)
        return _letter(mail, subject, body, token)


async def list_mails(tx: Tx, _ctx: Context, request: ListMails) -> Page[SandboxMail]:
    """Return the sandbox's mailbox, newest first."""
    email = None if request.email is None else email_of(request.email)
    found = await store.sandbox_mails(tx, email, request.after, request.limit + 1)
    return page_of(found, request.limit, lambda one: (one.id,))


def _letter(mail: Mail, subject: str, body: str, token: str | None = None) -> Letter:
    return Letter(id=mail.id, to=mail.email, subject=subject, body=body, token=token)


_CONFIRM = """Hello {name},

please confirm that this address is yours:

    {link}

or enter this token: {token}

It is good until {until:%d %B %Y, %H:%M} UTC. If you did not open an account with us, forget this mail: without your
confirmation nothing can be done in your name.
"""
_KNOWN = """Hello {name},

somebody, perhaps you, tried to open an account with your address. You have one already, so there is nothing to confirm.
Sign in at {link}, or ask for a new password there if you have forgotten yours.
"""
_RESET = """Hello {name},

here you can choose a new password:

    {link}

or enter this token: {token}

It works once, until {until:%d %B %Y, %H:%M} UTC. If you did not ask for it, forget this mail: your password stays.
"""
_CHANGED = """Hello {name},

your password was changed just now, and all your other devices were signed out. If that was not you, ask for a new
password at {link} at once.
"""
