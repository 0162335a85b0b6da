"""Reports: which spans of time a provider is asked about."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from estore.services.payments.domain.errors import WindowInvalid

LONGEST_WINDOW = timedelta(days=1)
LONGEST_ASKED = timedelta(days=31)
LINES_PER_PART = 500


class Rhythm(msgspec.Struct, frozen=True):
    """every: seconds from one report to the next. settled: seconds after which a provider's books do not change."""

    every: float = 3600.0
    settled: float = 60.0


def windows(since: datetime, now: datetime, rhythm: Rhythm, at_most: int = 31) -> list[tuple[datetime, datetime]]:
    """Return the windows to report next: each begins where the one before ended, none is longer than a day.

    None until `rhythm.every` has passed, so that the last one may be shorter than that, never empty.
    """
    end = now - timedelta(seconds=rhythm.settled)
    if (end - since).total_seconds() < rhythm.every:
        return []
    found: list[tuple[datetime, datetime]] = []
    while since < end and len(found) < at_most:
        until = min(end, since + LONGEST_WINDOW)
        found.append((since, until))
        since = until
    return found


def check_window(since: datetime, until: datetime, now: datetime, rhythm: Rhythm) -> None:
    """Raises WindowInvalid for one that is empty, too long, or not over yet."""
    if since >= until:
        raise WindowInvalid("since must be before until", pointer="/until")
    if until - since > LONGEST_ASKED:
        raise WindowInvalid(f"at most {LONGEST_ASKED.days} days at once", pointer="/until")
    if until > now - timedelta(seconds=rhythm.settled):
        raise WindowInvalid(f"books are settled {rhythm.settled:g} seconds later", pointer="/until")
