"""How often one may try, exactly, whatever the number of processes.

Prevents: passwords guessed by the thousand, and a mailbox filled by strangers. Attempts are counted before the password
is looked at, in a transaction that commits, and given back when it was right.
"""

from __future__ import annotations

from math import ceil

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.services.identity import store
from estore.services.identity.domain import Attempts, Limits, TooManyAttempts
from estore.services.identity.service.seals import Seals


class Throttle:
    """factor: scales all limits; 0 switches them off."""

    def __init__(self, seals: Seals, factor: float) -> None:
        self._seals = seals
        self._factor = factor

    async def take(self, tx: Tx, ctx: Context, limits: Limits, email: str) -> None:
        """Take an attempt of the caller and of the address, in this order. Raises TooManyAttempts with Retry-After."""
        if self._off(ctx):
            return
        for key, attempts in self._counters(ctx, limits, email):
            burst = max(1.0, attempts.burst * self._factor)
            again = await store.take_attempt(tx, key, burst, attempts.every, ctx.now)
            if again is not None:
                seconds = max(1, ceil((again - ctx.now).total_seconds()))
                raise TooManyAttempts(f"try again in {seconds} s", headers={"retry-after": str(seconds)})

    async def succeeded(self, tx: Tx, ctx: Context, limits: Limits, email: str) -> None:
        """Give the caller this attempt back, and the address all of them."""
        if self._off(ctx):
            return
        (client, attempts), (address, _) = self._counters(ctx, limits, email)
        await store.give_attempt_back(tx, client, attempts.every)
        await store.forget_attempts(tx, address)

    def _off(self, ctx: Context) -> bool:
        return self._factor <= 0 or ctx.principal.is_system

    def _counters(self, ctx: Context, limits: Limits, email: str) -> tuple[tuple[str, Attempts], tuple[str, Attempts]]:
        return (
            (self._seals.attempt_key(f"{limits.name}-client", ctx.client), limits.client),
            (self._seals.attempt_key(f"{limits.name}-address", email), limits.address),
        )
