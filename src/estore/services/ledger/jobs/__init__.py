"""What the ledger does by itself."""

from __future__ import annotations

from estore.kit.clock import Clock
from estore.kit.service import Job
from estore.services.ledger.endpoints import Endpoints


def jobs(e: Endpoints, clock: Clock) -> list[Job]:
    """Return the jobs of the ledger."""
    return []
