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

    async def look_again() -> None:
        await e.look_again(system_context(clock.now()), None)

    own = [Job("ledger.roll_sales", 2.0, roll_sales), Job("ledger.look_again", 60.0, look_again)]
    return [*books.jobs(e, clock), *own]
