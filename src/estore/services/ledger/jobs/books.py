"""What keeps the books: releases, seals, sums. Each is safe to run in every process at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.endpoint import Endpoint
from estore.kit.service import Job
from estore.services.ledger.endpoints import Endpoints

PARCELS = 500
HOLDS = 500
DELTAS = 20_000


def jobs(e: Endpoints, clock: Clock) -> list[Job]:
    """Return the jobs of the books."""

    def until_done(endpoint: Endpoint[Any, Any], request: Any) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            while await endpoint(system_context(clock.now()), request):
                pass

        return run

    return [
        Job("ledger.release_due", 5.0, until_done(e.release_due, PARCELS)),
        Job("ledger.release_due_holds", 5.0, until_done(e.release_due_holds, HOLDS)),
        Job("ledger.seal_entries", 2.0, until_done(e.seal_entries, None)),
        Job("ledger.fold_balances", 2.0, until_done(e.fold_balances, DELTAS)),
        Job("ledger.keep_sheet", 300.0, until_done(e.keep_sheet, None)),
    ]
