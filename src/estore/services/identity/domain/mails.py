"""Mails."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

MailKind = Literal["confirm", "reset", "password_changed"]


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to be written out and sent. attempts: this one included."""

    id: str
    kind: MailKind
    email: str
    account_id: str | None
    created_at: datetime
    attempts: int


class SandboxMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that the sandbox kept instead of sending it. token: the one in its link."""

    id: str
    email: str
    subject: str
    body: str
    token: str | None
    sent_at: datetime
