"""What cart does by itself: tell of carts left behind, forget guests' old ones."""

from __future__ import annotations

from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.endpoint import Endpoint
from estore.kit.service import Job
from estore.services.cart.endpoints import Endpoints


def jobs(e: Endpoints, clock: Clock) -> list[Job]:
    """Return cart's timers. Each works in bounded batches until nothing is left."""

    def until_done(step: Endpoint[None, int], name: str, every: float) -> Job:
        async def run() -> None:
            while await step(system_context(clock.now()), None):
                pass

        return Job(name, every, run)

    return [until_done(e.tell_abandoned, "tell-abandoned", 300.0), until_done(e.purge_guests, "purge-guests", 3600.0)]
