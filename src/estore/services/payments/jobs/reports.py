"""Reports: windows are opened and claimed, providers asked between transactions, what they say is published once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.errors import Failure
from estore.kit.telemetry import log
from estore.services.payments.endpoints import Endpoints
from estore.services.payments.gateways import Provider
from estore.services.payments.service import Claim, Fetched, ReportFailed, ReportRow

_log = log(__name__)
_AT_ONCE = 4


class Reports:
    """providers: by name. timeout: seconds in which a provider must have given a whole report."""

    def __init__(self, e: Endpoints, providers: Mapping[str, Provider], clock: Clock, timeout: float = 240.0) -> None:
        self._e = e
        self._providers = providers
        self._clock = clock
        self._timeout = timeout

    async def run(self) -> None:
        """Fetch and publish what is due."""
        while reports := await self._e.claim_reports(system_context(self._clock.now()), Claim(_AT_ONCE)):
            await asyncio.gather(*(self._fetch(report) for report in reports))

    async def _fetch(self, report: ReportRow) -> None:
        provider = self._providers[report.provider]
        try:
            async with asyncio.timeout(self._timeout):
                lines = [line async for line in provider.report(report.since, report.until)]
        except TimeoutError:
            failure = "no answer in time"
        except Failure as error:
            failure = error.code
        except Exception as error:
            # Whatever a provider's client raises: the window stays open, and is asked for again.
            _log.error("provider report failed", provider=report.provider, report_id=report.id, exc_info=error)
            failure = type(error).__name__
        else:
            await self._e.publish_report(system_context(self._clock.now()), Fetched(report, lines))
            return
        await self._e.postpone_report(system_context(self._clock.now()), ReportFailed(report, failure))
