"""The timers of payouts, and the steps around a bank's call: claim, commit; call; record, commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.errors import Failure
from estore.kit.service import Job
from estore.kit.telemetry import log
from estore.services.ledger.domain.payouts import Finding, Found
from estore.services.ledger.endpoints import PayoutEndpoints
from estore.services.ledger.gateways import Bank, SandboxBank
from estore.services.ledger.service.payouts import AT_ONCE, Claimed, Findings

_log = log(__name__)


class Teller:
    """Asks a bank about payouts. Many may work at once: none of them gets what another has claimed.

    timeout: seconds that the bank has to answer; a claim must outlive it.
    """

    def __init__(self, e: PayoutEndpoints, bank: Bank, clock: Clock, *, timeout: float, at_once: int = 32) -> None:
        self._e = e
        self._bank = bank
        self._clock = clock
        self._timeout = timeout
        self._at_once = at_once

    async def work(self) -> None:
        """Send what is to be sent, look up what is unknown, until nothing is due."""
        while claimed := await self._e.claim(system_context(self._clock.now()), self._at_once):
            found = await asyncio.gather(*(self._ask(one) for one in claimed))
            await self._record(found)

    async def hear(self) -> None:
        """Write down what the bank tells by itself."""
        while notices := await self._bank.notices(self._at_once):
            await self._record([notice.finding for notice in notices])
            await self._bank.took([notice.id for notice in notices])

    async def _record(self, found: Sequence[Finding]) -> None:
        await self._e.record(system_context(self._clock.now()), Findings(found))

    async def _ask(self, claimed: Claimed) -> Finding:
        key = claimed.transfer.key
        try:
            async with asyncio.timeout(self._timeout):
                return await (self._bank.send if claimed.todo == "send" else self._bank.lookup)(claimed.transfer)
        except (TimeoutError, Failure):
            return Finding(key, Found.UNKNOWN)
        except Exception as error:
            # Whatever a bank's client raises: the money may have moved or not. Its text may hold an account.
            _log.error("the bank failed", payout_id=key, todo=claimed.todo, error=type(error).__name__)
            return Finding(key, Found.UNKNOWN)


def payout_jobs(e: PayoutEndpoints, clock: Clock, teller: Teller | None, sandbox: SandboxBank | None) -> list[Job]:
    """Return the timers of payouts. teller: of a bank that is called. sandbox: where it is that bank."""

    async def run() -> None:
        while await e.run(system_context(clock.now()), AT_ONCE) == AT_ONCE:
            pass

    async def overdue() -> None:
        while await e.overdue(system_context(clock.now()), None):
            pass

    async def reseal() -> None:
        while await e.reseal(system_context(clock.now()), None):
            pass

    async def make_file() -> None:
        await e.make_due_file(system_context(clock.now()), None)

    jobs = [
        Job("ledger.payout-run", 60.0, run),
        Job("ledger.payout-overdue", 60.0, overdue),
        Job("ledger.bank-reseal", 3600.0, reseal),
    ]
    if teller is None:
        return [*jobs, Job("ledger.payout-file", 60.0, make_file)]
    jobs += [Job("ledger.payout-send", 1.0, teller.work), Job("ledger.payout-notices", 5.0, teller.hear)]
    return jobs if sandbox is None else [*jobs, Job("ledger.sandbox-bank", 1.0, sandbox.tick)]
