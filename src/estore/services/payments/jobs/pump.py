"""The pump: asks providers about payments, refunds and evidence, and records what they say."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from estore.kit.batcher import Batcher
from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.errors import Failure, Transient
from estore.kit.telemetry import log, tracing
from estore.services.payments.domain import (
    DisputeCase,
    Finding,
    Found,
    Intent,
    Pace,
    Refund,
    RefundFinding,
    RefundFound,
    RefundStatus,
    Step,
    give_up_reason,
    next_step,
)
from estore.services.payments.endpoints import Endpoints
from estore.services.payments.gateways import EvidenceRefused, Provider
from estore.services.payments.service import Claim, EvidenceOutcome, Outcomes, RefundOutcomes

_log = log(__name__)


_CHUNK = 5_000


T = TypeVar("T")


async def _each(record: Callable[[Sequence[T]], Awaitable[None]], found: Sequence[T]) -> None:
    """Record all at once, or one by one: an outcome that cannot be written must not hold up the others."""
    try:
        await record(found)
    except Transient:
        raise
    except Exception as error:
        if len(found) == 1:
            raise
        _log.error("outcomes are recorded one by one", error=str(error))
        await asyncio.gather(*(record([one]) for one in found), return_exceptions=True)


class ProviderGone(Transient):
    code, title = "payments.provider_gone", "The provider of this payment is not configured"


class Pump:
    """Asks the provider about intents and refunds, many at once, and records all outcomes of the moment together.

    providers: by name; each intent and refund goes to its own. concurrency: calls under way at most. timeout: seconds
    that a provider has to answer.
    """

    def __init__(
        self,
        e: Endpoints,
        providers: Mapping[str, Provider],
        pace: Pace,
        clock: Clock,
        *,
        concurrency: int = 256,
        timeout: float = 5.0,
    ) -> None:
        self._e = e
        self._providers = providers
        self._pace = pace
        self._clock = clock
        self._concurrency = concurrency
        self._timeout = timeout
        self._intents: deque[Intent] = deque()
        self._refunds: deque[Refund] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = 0
        self._stopping = False
        self._woken = False
        self._looks = 0
        self._more = False
        self._outcomes: Batcher[tuple[str, Finding], None] = Batcher(self._record, at_most=256)
        self._refund_outcomes: Batcher[tuple[Refund, RefundFinding], None] = Batcher(self._record_refunds, at_most=256)

    # --- handed over --------------------------------------------------------------------------------------------

    def room(self) -> int:
        """How many more claimed intents this process will get to in time."""
        return 0 if self._stopping else max(0, 4 * self._concurrency - len(self._intents))

    def take(self, intents: Sequence[Intent]) -> None:
        """Work on intents that this process has claimed."""
        self._intents.extend(intents)
        self._man()

    def wake(self) -> None:
        """Something is due: look now instead of at the next sweep."""
        if not self._woken and not self._stopping:
            self._woken = True
            self._spawn(self._sweep_now())

    async def sweep(self) -> None:
        """Claim what is due: left by a dead process, to be looked up, to be voided, to be refunded."""
        # Another look may begin while this one waits: what that one had no room for, this one must not call done.
        self._looks += 1
        look, self._more = self._looks, True
        while True:
            if (room := min(self.room(), 500)) <= 0:
                self._more = True
                break
            ctx = system_context(self._clock.now())
            intents = await self._e.claim(ctx, Claim(room))
            refunds = await self._e.claim_refunds(ctx, Claim(room))
            self._refunds.extend(refunds)
            self.take(intents)
            if max(len(intents), len(refunds)) < room:
                self._more = self._more and self._looks != look
                break
        for case in await self._e.claim_evidence(system_context(self._clock.now()), Claim(20)):
            self._spawn(self._give_evidence(case))

    async def forget(self) -> None:
        """Forget old webhooks, in chunks."""
        while await self._e.forget_webhooks(system_context(self._clock.now()), Claim(_CHUNK)) == _CHUNK:
            pass

    async def idle(self) -> None:
        """Wait until nothing that this process took is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def stop(self, drain: float = 3.0) -> None:
        """Start no more calls, finish those under way within `drain` seconds. Claims expire for what is left."""
        self._stopping = True
        self._intents.clear()
        self._refunds.clear()
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=drain)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # --- the work -----------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Nothing is lost: the claim expires and somebody asks again.
            _log.warning("payment step stopped", error=f"{type(error).__name__}: {error}")
            self._man()

    def _man(self) -> None:
        """Have a worker for each thing that waits, up to the limit."""
        wanted = min(len(self._intents) + len(self._refunds), self._concurrency - self._workers)
        for _ in range(wanted):
            self._workers += 1
            self._spawn(self._work())

    async def _sweep_now(self) -> None:
        self._woken = False
        await self.sweep()

    async def _work(self) -> None:
        try:
            while self._intents or self._refunds:
                if self._intents:
                    await self._ask(self._intents.popleft())
                else:
                    await self._give_back(self._refunds.popleft())
        finally:
            self._workers -= 1
        if self._more:
            self.wake()  # the last look ended for lack of room

    def _holds(self, claimed: Intent | Refund | DisputeCase, now: datetime) -> bool:
        """Whether the claim outlives a call that starts now, and its recording; else it is left to whoever is next."""
        return claimed.due_at is not None and (claimed.due_at - now).total_seconds() >= 2 * self._timeout

    async def _ask(self, intent: Intent) -> None:
        now = self._clock.now()
        if not self._holds(intent, now):
            return
        step = next_step(intent, now, self._pace)
        code, detail = give_up_reason(intent, now) if step is Step.VOID else ("", "")
        try:
            async with asyncio.timeout(self._timeout):
                with tracing.step("payments", f"{step.value} {intent.provider}".strip(), intent.traceparent):
                    finding = await self._call(step, intent)
        except TimeoutError:
            finding = Finding(Found.UNKNOWN, step, detail="no answer in time")
        except Failure as failure:
            finding = Finding(Found.UNKNOWN, step, detail=failure.code)
        except Exception as error:
            # Whatever a provider's client raises: the charge may or may not have been made.
            _log.error("payment provider failed", payment_id=intent.id, step=step, exc_info=error)
            finding = Finding(Found.UNKNOWN, step, detail=type(error).__name__)
        if finding.found is Found.VOIDED and code:
            finding = Finding(Found.VOIDED, finding.source, finding.reference, code=code, detail=detail)
        await self._outcomes.submit((intent.id, finding))

    async def _call(self, step: Step, intent: Intent) -> Finding:
        if not intent.provider:
            return Finding(Found.DECLINED, step, code="unknown_method", detail="no provider takes this payment method")
        provider = self._provider(intent.provider)
        match step:
            case Step.CHARGE:
                return await provider.charge(intent)
            case Step.LOOKUP:
                return await provider.lookup(intent)
            case Step.VOID:
                return await provider.void(intent)

    def _provider(self, name: str) -> Provider:
        """The provider that has it. One that is off the settings with money under way is asked once it is back."""
        if name not in self._providers:
            raise ProviderGone(f"{name} is not in ESTORE_PAYMENTS_PROVIDERS any more")
        return self._providers[name]

    async def _give_back(self, refund: Refund) -> None:
        now = self._clock.now()
        if not self._holds(refund, now):
            return
        try:
            provider = self._provider(refund.provider)
            ask = provider.refund if refund.status is RefundStatus.REQUESTED else provider.lookup_refund
            async with asyncio.timeout(self._timeout):
                finding = await ask(refund)
        except (TimeoutError, Failure):
            finding = RefundFinding(RefundFound.UNKNOWN)
        except Exception as error:
            _log.error("payment provider failed", refund_id=refund.id, exc_info=error)
            finding = RefundFinding(RefundFound.UNKNOWN)
        await self._refund_outcomes.submit((refund, finding))

    async def _give_evidence(self, case: DisputeCase) -> None:
        if case.evidence is None or not self._holds(case, self._clock.now()):
            return
        refused: str | None = ""
        try:
            async with asyncio.timeout(self._timeout):
                await self._provider(case.provider).submit_evidence(case.reference, case.evidence)
            refused = None
        except EvidenceRefused as failure:
            refused = failure.code
        except (TimeoutError, Failure) as failure:
            _log.warning("evidence not taken yet", dispute_id=case.id, error=str(failure))
        except Exception as error:
            _log.error("payment provider failed", dispute_id=case.id, exc_info=error)
        await self._e.record_evidence(system_context(self._clock.now()), EvidenceOutcome(case.id, refused))

    async def _record(self, found: Sequence[tuple[str, Finding]]) -> Sequence[None]:
        async def record(some: Sequence[tuple[str, Finding]]) -> None:
            await self._e.record(system_context(self._clock.now()), Outcomes(some))

        await _each(record, found)
        return [None] * len(found)

    async def _record_refunds(self, found: Sequence[tuple[Refund, RefundFinding]]) -> Sequence[None]:
        async def record(some: Sequence[tuple[Refund, RefundFinding]]) -> None:
            await self._e.record_refunds(system_context(self._clock.now()), RefundOutcomes(some))

        await _each(record, found)
        if any(finding.found is RefundFound.NOT_FOUND for _, finding in found):
            self.wake()
        return [None] * len(found)
