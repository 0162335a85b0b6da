"""Sessions, and how often one may try."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from estore.kit.errors import NotFound, RateLimited, Unauthenticated


class Attempts(msgspec.Struct, frozen=True):
    """burst: attempts that may come at once; each comes back after `every` seconds."""

    burst: int
    every: float


class Limits(msgspec.Struct, frozen=True):
    """client: of one network address. address: of one e-mail address. Limits of one name share their counters."""

    name: str
    client: Attempts
    address: Attempts


# Ten wrong passwords at once and one a minute leave a guesser 1,450 a day on one e-mail address. An office behind one
# network address signs in at nine: successes are given back, failures are not.
PASSWORDS = Limits("password", client=Attempts(60, 10.0), address=Attempts(10, 60.0))
# What makes us write to somebody who perhaps never asked.
MAILS = Limits("mail", client=Attempts(30, 60.0), address=Attempts(5, 600.0))


class TooManyAttempts(RateLimited):
    code, title = "identity.too_many_attempts", "Too many attempts"


class SessionEnded(Unauthenticated):
    code, title = "identity.session_ended", "This session has ended; sign in again"


class RefreshRefused(Unauthenticated):
    code, title = "identity.refresh_refused", "This refresh token is wrong, used or expired; sign in again"


class SessionNotFound(NotFound):
    code, title = "identity.session_not_found", "There is no such session"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in device. generation: of the only refresh token that is still good."""

    id: str
    account_id: str
    nonce: bytes
    generation: int
    client: str
    user_agent: str
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime


def expiry_of(created_at: datetime, now: datetime, idle: timedelta, longest: timedelta) -> datetime:
    """Return when a session used `now` ends: after `idle` without use, and `longest` after its sign-in anyway."""
    return min(now + idle, created_at + longest)
