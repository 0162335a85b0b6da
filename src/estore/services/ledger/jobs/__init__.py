"""What the ledger does by itself."""

from __future__ import annotations

from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.service import Job
from estore.services.ledger.endpoints import CreditEndpoints, Endpoints
from estore.services.ledger.jobs import books

CARDS = 500


def jobs(e: Endpoints, credit: CreditEndpoints, clock: Clock) -> list[Job]:
    """Return the jobs of the ledger."""

    async def roll_sales() -> None:
        while await e.roll_sales(system_context(clock.now()), None):
            pass

    async def look_again() -> None:
        await e.look_again(system_context(clock.now()), None)

    async def expire_gift_cards() -> None:
        while await credit.expire_cards(system_context(clock.now()), CARDS):
            pass

    own = [
        Job("ledger.roll_sales", 2.0, roll_sales),
        Job("ledger.look_again", 60.0, look_again),
        Job("ledger.expire_gift_cards", 60.0, expire_gift_cards),
    ]
    return [*books.jobs(e, clock), *own]
