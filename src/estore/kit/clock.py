"""The only place that reads the time.

Prevents: rules that cannot be tested at midnight, and naive datetimes.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the time is: the system's, or a test's."""

    def now(self) -> datetime:
        """Return the time, in UTC, with its zone."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return utc_now()


class ManualClock:
    """A clock that moves when told. For tests."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, **delta: float) -> None:
        """Move on by `timedelta(**delta)`, such as `advance(minutes=16)`."""
        self._now += timedelta(**delta)


def utc_now() -> datetime:
    """Return the system's time where no Clock is at hand: in the kit's own plumbing, never in a rule."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds that only ever grow, for measuring durations."""
    return time.monotonic()


def unix_milliseconds() -> int:
    """Return the milliseconds since 1970, for ids that sort by time."""
    return time.time_ns() // 1_000_000
