"""Token buckets per caller, and the RateLimit header fields (draft-ietf-httpapi-ratelimit-headers).

Prevents: one client's loop becoming everyone's outage, and passwords guessed by the thousand.
Buckets live in the process: with N workers a caller may reach N times the rate. Limits that must be exact
(sign-in attempts) are kept in the database by their service.
"""

from __future__ import annotations

from collections import OrderedDict
from math import ceil

import msgspec

from estore.kit.clock import monotonic
from estore.kit.errors import RateLimited

MAX_BUCKETS = 50_000


class Rate(msgspec.Struct, frozen=True):
    """limit: requests that may come at once and that refill within `per` seconds."""

    limit: int
    per: float = 60.0


class Limiter:
    """Counts requests by (name, caller). `factor` scales all limits; 0 switches limiting off."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, name: str, caller: str, rate: Rate, *, cost: int = 1) -> dict[str, str]:
        """Take one token; returns the header fields. Raises RateLimited with Retry-After when there is none.

        cost: 0 takes none, where only the outcome will tell whether one is due.
        """
        if self.factor <= 0:
            return {}
        limit = max(1, int(rate.limit * self.factor))
        now = monotonic()
        tokens, seen = self._buckets.pop((name, caller), (float(limit), now))
        tokens = min(float(limit), tokens + (now - seen) * limit / rate.per)
        allowed = tokens >= 1.0
        tokens -= float(cost) if allowed else 0.0
        self._buckets[(name, caller)] = (tokens, now)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        policy = f'"default";q={limit};w={ceil(rate.per)}'
        reset = ceil((limit - tokens) * rate.per / limit)
        headers = {"ratelimit-policy": policy, "ratelimit": f'"default";r={int(tokens)};t={reset}'}
        if not allowed:
            wait = ceil((1.0 - tokens) * rate.per / limit)
            raise RateLimited(f"try again in {wait} s", headers=headers | {"retry-after": str(wait)})
        return headers
