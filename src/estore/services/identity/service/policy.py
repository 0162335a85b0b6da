"""What an operator of the store may set: `ESTORE_IDENTITY_<FIELD>`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """
    operator_email, operator_password: make the first operator at start, if there is none.
    argon2_memory: KiB that one password hash takes.
    argon2_passes: passes over it.
    argon2_threads: hashes at once, 0 is one per core and four at most.
    session_idle_days: a session ends after so long without use.
    session_days: a session ends after so long anyway.
    key_days: for how long one key signs access tokens.
    confirm_hours: for how long the token in a mail that confirms an address is good.
    reset_minutes: for how long the token in a mail that resets a password is good.
    unconfirmed_days: accounts that were neither confirmed nor used are deleted after so long.
    attempts_factor: scales the limits on attempts, ESTORE_RATE_FACTOR does without; 0 is off.
    mail: `sandbox` keeps mails in a table, `smtp` sends them.
    mail_from: sender of mails.
    link_url: where links in mails lead, the public URL without.
    smtp_host: mail server. smtp_port: its port.
    smtp_user, smtp_password: how to log in there, if at all.
    smtp_tls: `starttls` (port 587), `tls` (port 465) or `none`.
    """

    operator_email: str = ""
    operator_password: str = ""
    argon2_memory: Annotated[int, msgspec.Meta(ge=8, le=1_048_576)] = 19_456
    argon2_passes: Annotated[int, msgspec.Meta(ge=1, le=20)] = 2
    argon2_threads: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    session_idle_days: Positive = 30
    session_days: Positive = 180
    key_days: Positive = 30
    confirm_hours: Positive = 72
    reset_minutes: Positive = 60
    unconfirmed_days: Positive = 30
    attempts_factor: float | None = None
    mail: Literal["sandbox", "smtp"] = "sandbox"
    mail_from: str = "Estore <no-reply@estore.example>"
    link_url: str = ""
    smtp_host: str = ""
    smtp_port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 587
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"

    @property
    def idle(self) -> timedelta:
        return timedelta(days=self.session_idle_days)

    @property
    def longest(self) -> timedelta:
        return timedelta(days=self.session_days)

    @property
    def key_period(self) -> timedelta:
        return timedelta(days=self.key_days)
