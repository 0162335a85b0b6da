"""The steps around a provider's call: claim, commit; call; record, commit. Safe in many processes at once."""

from __future__ import annotations

from estore.kit.service import Job
from estore.services.payments.gateways import SandboxProvider
from estore.services.payments.jobs.pump import Pump
from estore.services.payments.jobs.reports import Reports

__all__ = ["Pump", "Reports", "jobs", "sandbox_jobs"]


def jobs(pump: Pump, reports: Reports) -> list[Job]:
    """The timers of payments."""
    return [
        Job("payments.sweep", 0.5, pump.sweep),
        Job("payments.forget", 3600.0, pump.forget),
        Job("payments.reports", 5.0, reports.run),
    ]


def sandbox_jobs(sandbox: SandboxProvider) -> list[Job]:
    """What a provider would do on its own servers."""
    return [Job("payments.sandbox", 0.5, sandbox.tick), Job("payments.sandbox-forget", 3600.0, sandbox.forget)]
