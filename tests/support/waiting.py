"""Waiting for what a test depends on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from estore.kit.clock import monotonic


async def until(what: str, ask: Callable[[], Awaitable[Any]], seconds: float = 90.0, pause: float = 0.02) -> Any:
    """Ask until the answer is true; fails with `what` and the last answer."""
    deadline = monotonic() + seconds
    while not (answer := await ask()):
        assert monotonic() < deadline, f"after {seconds:g} s still not: {what} ({answer!r})"
        await asyncio.sleep(pause)
    return answer
