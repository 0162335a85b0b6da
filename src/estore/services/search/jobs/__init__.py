"""Timers: the index follows the documents, popularity fades, statistics are written and forgotten."""

from __future__ import annotations

from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.endpoint import Endpoint
from estore.kit.service import Job
from estore.services.search.endpoints import Endpoints
from estore.services.search.jobs.indexing import IndexWork

__all__ = ["IndexWork", "jobs"]

AT_MOST = 200


def jobs(e: Endpoints, work: IndexWork, clock: Clock) -> list[Job]:
    """Return the timers of search."""

    def until_done(step: Endpoint[None, int], name: str, every: float) -> Job:
        async def run() -> None:
            for _ in range(AT_MOST):
                if not await step(system_context(clock.now()), None):
                    return

        return Job(name, every, run)

    return [
        Job("index", 0.2, work.follow),
        Job("build-index", 1.0, work.build),
        until_done(e.write_statistics, "write-statistics", 2.0),
        # How pages are ranked need not follow each sale, as what is filtered by follows prices and stock
        until_done(e.tell_sold, "tell-sold", 5.0),
        until_done(e.fade, "fade-popularity", 300.0),
        until_done(e.forget, "forget-statistics", 3600.0),
    ]
