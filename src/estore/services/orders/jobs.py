"""Timers: orders and returns past their deadline, refunds to be allocated, sums of
promotions, carts that nobody wants any more."""

from __future__ import annotations

from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.service import Job
from estore.services.orders.endpoints import Endpoints

USES = 2_000


def jobs(e: Endpoints, clock: Clock) -> list[Job]:
    """Return the jobs of orders."""

    async def move_overdue() -> None:
        while await e.move_overdue(system_context(clock.now()), None):
            pass

    async def purge_carts() -> None:
        while await e.purge_carts(system_context(clock.now()), None):
            pass

    async def move_due_returns() -> None:
        while await e.back.move_due_returns(system_context(clock.now()), None):
            pass

    async def allocate_refunds() -> None:
        while await e.back.allocate_refunds(system_context(clock.now()), None):
            pass

    async def add_promotion_uses() -> None:
        while await e.promoting.add_uses(system_context(clock.now()), USES) == USES:
            pass

    return [
        Job("orders.move_due_returns", 5.0, move_due_returns),
        Job("orders.move_overdue", 1.0, move_overdue),
        Job("orders.allocate_refunds", 30.0, allocate_refunds),
        Job("orders.add_promotion_uses", 5.0, add_promotion_uses),
        Job("orders.purge_carts", 3600.0, purge_carts),
    ]
