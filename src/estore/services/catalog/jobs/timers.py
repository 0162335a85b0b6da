"""Timers: what follows a vendor or a category, page by page; imports, chunk by chunk; what is old goes."""

from __future__ import annotations

from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.endpoint import Endpoint
from estore.kit.service import Job
from estore.services.catalog.endpoints import Endpoints
from estore.services.catalog.jobs.importing import ImportWork

# Pages in one run, so that one timer never holds a connection for minutes.
MAX_PAGES = 200


def jobs(e: Endpoints, work: ImportWork, clock: Clock) -> list[Job]:
    """Return the timers of the catalog."""

    async def pages(step: Endpoint[None, bool]) -> None:
        for _ in range(MAX_PAGES):
            if not await step(system_context(clock.now()), None):
                return

    async def settle_vendors() -> None:
        await pages(e.settle_vendor)

    async def settle_categories() -> None:
        await pages(e.settle_category)

    async def tell_categories() -> None:
        await pages(e.tell_others)

    async def tidy() -> None:
        await e.tidy_imports(system_context(clock.now()), None)

    return [
        Job("settle-vendors", 1.0, settle_vendors),
        Job("settle-categories", 2.0, settle_categories),
        Job("tell-categories", 5.0, tell_categories),
        Job("imports", 1.0, work.run),
        Job("tidy-imports", 60.0, tidy),
    ]
