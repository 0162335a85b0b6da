"""Time limits of calls that leave the building: nobody meets one because the machine is busy."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any


class Patience:
    """`asyncio` for a module that asks others: time is up a minute later than it says, or when a test says so."""

    def __init__(self) -> None:
        self._begun: list[asyncio.Timeout] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    def timeout(self, seconds: float) -> asyncio.Timeout:
        self._begun.append(asyncio.timeout(60 + seconds))
        return self._begun[-1]

    def end(self) -> None:
        """Let time be up for all who wait."""
        begun, self._begun = self._begun, []
        for each in begun:
            with suppress(RuntimeError):  # it has had its answer
                each.reschedule(0)
