"""What leaves the building: mail.

`smtplib` in a thread, and not aiosmtplib: mails leave from one job, twenty at a time at most, never while somebody
waits; the standard library speaks the same STARTTLS and AUTH without another dependency to keep.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol

from estore.kit.clock import Clock
from estore.kit.db import Database
from estore.kit.settings import SettingError, Settings
from estore.kit.telemetry import log
from estore.services.identity import domain, store
from estore.services.identity.service import Letter, Policy

_log = log(__name__)
TIMEOUT = 20.0


class Undeliverable(Exception):
    """The mail will never be accepted; trying again is no use."""


class Unsent(Exception):
    """The mail was not accepted this time."""


class MailGateway(Protocol):
    """Sends one letter."""

    async def send(self, letter: Letter) -> None:
        """Raises Unsent, Undeliverable."""
        ...


class SandboxPost:
    """Keeps mails in a table, where an operator reads them at /v1/accounts/mails. The log says that one came, not what
    it says. A mailbox called `bounce` refuses for good, one called `busy` for now."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def send(self, letter: Letter) -> None:
        mailbox = letter.to.partition("@")[0]
        if mailbox == "bounce":
            raise Undeliverable("550 no such mailbox")
        if mailbox == "busy":
            raise Unsent("451 try again later")
        kept = domain.SandboxMail(
            id=letter.id,
            email=letter.to,
            subject=letter.subject,
            body=letter.body,
            token=letter.token,
            sent_at=self._clock.now(),
        )
        async with self._db.transaction() as tx:
            await store.keep_sandbox_mail(tx, kept)
        _log.info("mail kept in the sandbox", mail_id=letter.id, subject=letter.subject, read="/v1/accounts/mails")


class SmtpPost:
    """Sends by SMTP, one connection per mail."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        if not policy.smtp_host:
            raise SettingError("ESTORE_IDENTITY_SMTP_HOST must be set when ESTORE_IDENTITY_MAIL=smtp")
        self._policy = policy
        self._clock = clock

    async def send(self, letter: Letter) -> None:
        message = compose(letter, self._policy.mail_from, self._clock.now())
        try:
            await asyncio.to_thread(self._deliver, message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
            codes = (
                [code for code, _ in error.recipients.values()] if hasattr(error, "recipients") else [error.smtp_code]
            )
            kind = Undeliverable if all(500 <= code < 600 for code in codes) else Unsent
            raise kind(f"refused with {codes}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unsent(f"{type(error).__name__}") from error

    def _deliver(self, message: EmailMessage) -> None:
        policy = self._policy
        secure = ssl.create_default_context()
        if policy.smtp_tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(policy.smtp_host, policy.smtp_port, timeout=TIMEOUT, context=secure)
        else:
            server = smtplib.SMTP(policy.smtp_host, policy.smtp_port, timeout=TIMEOUT)
        with server:
            if policy.smtp_tls == "starttls":
                server.starttls(context=secure)
            if policy.smtp_user:
                server.login(policy.smtp_user, policy.smtp_password)
            server.send_message(message)


def compose(letter: Letter, sender: str, now: datetime) -> EmailMessage:
    """Return the message (RFC 5322). Its Message-ID stays the same over attempts, so mailboxes can drop the second."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    return message


def mail_gateway(policy: Policy, settings: Settings, db: Database, clock: Clock) -> MailGateway:
    """Return the gateway that the settings name. Raises SettingError."""
    if policy.mail == "smtp":
        return SmtpPost(policy, clock)
    if not settings.sandbox:
        raise SettingError("ESTORE_IDENTITY_MAIL=sandbox needs ESTORE_SANDBOX; set ESTORE_IDENTITY_MAIL=smtp")
    return SandboxPost(db, clock)
