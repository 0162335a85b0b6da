"""Checks across services: each service is asked for what it knows of its orders, and the answers are compared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from estore.kit.service import Service

Services = Mapping[str, Service]
Result = tuple[int, list[dict[str, Any]]]


@dataclass(frozen=True)
class CrossCheck:
    """number: in DESIGN section 6. run: returns how many orders were compared, and those that disagree."""

    number: int
    name: str
    run: Callable[[Services], Awaitable[Result]]


CROSS_CHECKS: Sequence[CrossCheck] = ()
