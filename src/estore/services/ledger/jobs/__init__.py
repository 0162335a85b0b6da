"""What the ledger does by itself."""

from __future__ import annotations

from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.service import Job
from estore.services.ledger.endpoints import Endpoints
from estore.services.ledger.jobs import books


def jobs(e: Endpoints, clock: Clock) -> list[Job]:
    """Return the jobs of the ledger."""

    async def roll_sales() -> None:
        while await e.roll_sales(system_context(clock.now()), None):
            pass

    return [*books.jobs(e, clock), Job("ledger.roll_sales", 2.0, roll_sales)]
