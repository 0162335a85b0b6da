"""Hashing off the event loop, in a bounded pool.

Prevents: a sign-in that stops every other request for 20 ms, and a hundred of them that take two gigabytes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from estore.services.identity.domain import Account, normal_password

T = TypeVar("T")


class Passwords:
    """argon2id (RFC 9106).

    memory: KiB, passes: iterations, as OWASP's password storage sheet has them: 19 MiB and 2 passes cost 19 ms here
    (2026, one core of two), and a sign-in checks two hashes. threads: hashes at once; more wait for their turn.
    """

    def __init__(self, memory: int = 19_456, passes: int = 2, threads: int = 0) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=passes, memory_cost=memory, parallelism=1)
        self._pool = ThreadPoolExecutor(threads or max(1, min(4, os.cpu_count() or 1)), "argon2")
        self._nobody = self._hasher.hash(os.urandom(16))

    async def hash(self, password: str) -> str:
        """Return the encoded hash of `password`, parameters and salt included."""
        return await self._run(lambda: self._hasher.hash(normal_password(password)))

    async def matches(self, password: str, encoded: str | None) -> bool:
        """Tell whether `password` belongs to `encoded`. None, which nothing matches, takes as long as a hash."""
        return await self._run(lambda: self._verify(password, encoded))

    async def pick(self, password: str, *candidates: Account | None) -> Account | None:
        """Return the first of `candidates` whose password it is. Each costs one hash, whether there or not."""
        found = await self._run(
            lambda: [self._verify(password, one.password_hash if one else None) for one in candidates]
        )
        return next((one for one, good in zip(candidates, found, strict=True) if good), None)

    def outdated(self, encoded: str) -> bool:
        """Tell whether `encoded` was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(encoded)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: str, encoded: str | None) -> bool:
        try:
            good = self._hasher.verify(encoded or self._nobody, normal_password(password))
        except (VerificationError, InvalidHashError):
            return False
        return good and encoded is not None

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
