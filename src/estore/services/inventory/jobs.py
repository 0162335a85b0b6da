"""What inventory does by itself: give back what was held past its deadline."""

from __future__ import annotations

from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.service import Job
from estore.services.inventory.endpoints import Endpoints

RELEASE_SECONDS = 5.0


def jobs(e: Endpoints, clock: Clock) -> list[Job]:
    """Return inventory's timers."""

    async def release_expired() -> None:
        while await e.release_expired(system_context(clock.now()), None):
            pass

    return [Job("release-expired", RELEASE_SECONDS, release_expired)]
