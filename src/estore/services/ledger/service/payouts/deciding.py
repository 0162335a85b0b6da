"""What becomes of payouts: approved or rejected, sent, and what the bank says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from estore.contracts.ledger import PayoutFailed, PayoutOverdue, PayoutPaid
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import PreconditionFailed
from estore.kit.telemetry import log
from estore.services.ledger.domain import Posting
from estore.services.ledger.domain.payouts import (
    Finding,
    Found,
    FourEyes,
    MarkInvalid,
    Payout,
    PayoutStateConflict,
    PayoutUnknown,
    ReportedByBank,
    Status,
    after_asking,
    contradicts,
    settle,
)
from estore.services.ledger.service.banks import Vault
from estore.services.ledger.service.books import Books
from estore.services.ledger.service.payouts.reading import Reading
from estore.services.ledger.service.payouts.shapes import (
    Chain,
    Claimed,
    Findings,
    MarkPayout,
    PayoutView,
    RejectPayout,
    Rules,
    Transfer,
    end_to_end,
)
from estore.services.ledger.store import banks
from estore.services.ledger.store import payouts as store

_OVERDUE_AT_ONCE = 500
_OUTCOMES = {"paid": Found.PAID, "failed": Found.REFUSED, "returned": Found.RETURNED}
_log = log(__name__)


class Deciding:
    def __init__(self, books: Books, rules: Rules, reading: Reading, vault: Vault) -> None:
        self._books = books
        self._rules = rules
        self._reading = reading
        self._vault = vault

    # --- two people -----------------------------------------------------------------------------------------------

    async def approve_payout(self, tx: Tx, ctx: Context, payout_id: str) -> PayoutView:
        """Let a large payout go. Raises PayoutUnknown, PayoutStateConflict, FourEyes."""
        payout = await self._lock_one(tx, ctx, payout_id)
        _expect(payout, Status.AWAITING_APPROVAL)
        if payout.requested_by is not None and payout.requested_by == ctx.principal.account_id:
            raise FourEyes("you asked for it yourself")
        payout.moved_on(Status.CREATED, ctx.now, ctx.now)
        payout.decided_by = ctx.principal.account_id
        if not self._rules.by_file:
            payout.step, payout.due_at = "send", ctx.now
        await store.save_payouts(tx, [payout])
        return await self._reading.view(tx, ctx, payout)

    async def reject_payout(self, tx: Tx, ctx: Context, request: RejectPayout) -> PayoutView:
        """Let a large payout not go: the amount is available again. Raises PayoutUnknown, PayoutStateConflict."""
        payout = await self._lock_one(tx, ctx, request.payout_id)
        _expect(payout, Status.AWAITING_APPROVAL)
        posting = payout.moved_on(Status.REJECTED, ctx.now, ctx.now, "rejected")
        payout.decided_by, payout.detail = ctx.principal.account_id, request.reason
        await self._write(tx, ctx, [payout], [posting] if posting else [])
        return await self._reading.view(tx, ctx, payout)

    # --- the bank -------------------------------------------------------------------------------------------------

    async def claim_payouts(self, tx: Tx, ctx: Context, at_most: int) -> list[Claimed]:
        """Claim payouts to ask the bank about; each is noted as perhaps sent before anybody sends it."""
        claimed = await store.claim_payouts(tx, ctx.now, self._rules.patience.lease, self._rules.cooling, at_most)
        known = await banks.banks_of(tx, [payout.bank_token for payout, _ in claimed]) if claimed else {}
        return [
            Claimed(
                Transfer(
                    payout.id,
                    end_to_end(payout.id),
                    payout.amount,
                    payout.currency,
                    self._vault.destination(known[payout.bank_token]),
                ),
                todo,
            )
            for payout, todo in claimed
        ]

    async def record_findings(self, tx: Tx, ctx: Context, request: Findings) -> None:
        """Write down what the bank said. What is known already, or comes too late, changes nothing."""
        payouts = await store.lock_payouts(tx, sorted({finding.payout_id for finding in request.found}))
        postings: list[Posting] = []
        for finding in request.found:
            payout = payouts.get(finding.payout_id)
            if payout is None:
                _log.error("the bank speaks of a payout that is none of ours", payout_id=finding.payout_id)
                continue
            if contradicts(payout, finding):
                _log.error("the bank contradicts itself", payout_id=payout.id, status=payout.status, said=finding.found)
                continue
            postings += settle(payout, finding, ctx.now)
            after_asking(payout, finding.found, ctx.now, self._rules.patience)
        await self._write(tx, ctx, list(payouts.values()), postings)

    async def mark_payout(self, tx: Tx, ctx: Context, request: MarkPayout) -> PayoutView:
        """Note what the bank did with a payout that went by file.

        Raises PayoutUnknown, ReportedByBank, PayoutStateConflict, MarkInvalid.
        """
        body = request.body
        payout = await self._lock_one(tx, ctx, request.payout_id)
        if not self._rules.by_file or payout.gateway != self._rules.gateway:
            raise ReportedByBank()
        if body.at.tzinfo is None or body.at > ctx.now:
            raise MarkInvalid("say when it happened, with an offset from UTC, and not in the future", pointer="/at")
        if body.outcome != "paid" and not body.code:
            raise MarkInvalid("say why, such as AC04", pointer="/code")
        if body.outcome == "returned":
            _expect(payout, Status.SUBMITTED, Status.PAID)
        else:
            _expect(payout, Status.SUBMITTED)
        if payout.submitted_at is not None and body.at < payout.submitted_at.replace(hour=0, minute=0, second=0):
            raise MarkInvalid("that is before it was handed to the bank", pointer="/at")
        finding = Finding(payout.id, _OUTCOMES[body.outcome], code=body.code, at=body.at)
        await self._write(tx, ctx, [payout], settle(payout, finding, ctx.now))
        return await self._reading.view(tx, ctx, payout)

    # --- time -----------------------------------------------------------------------------------------------------

    async def tell_overdue(self, tx: Tx, ctx: Context, request: None) -> int:
        """Tell once of each payout that is open for too long; returns how many were new."""
        late = await store.note_overdue(tx, ctx.now, ctx.now - self._rules.overdue_after, _OVERDUE_AT_ONCE)
        for payout in late:
            _log.warning("payout overdue", payout_id=payout.id, status=payout.status, vendor_id=payout.vendor_id)
            tx.emit(
                PayoutOverdue(
                    payout_id=payout.id,
                    vendor_id=payout.vendor_id,
                    amount=payout.amount,
                    currency=payout.currency,
                    created_at=payout.created_at,
                    version=payout.version,
                ),
                Chain.of(payout, ctx.now),
            )
        return len(late)

    # --- parts ----------------------------------------------------------------------------------------------------

    async def _lock_one(self, tx: Tx, ctx: Context, payout_id: str) -> Payout:
        payout = (await store.lock_payouts(tx, [payout_id])).get(payout_id)
        if payout is None:
            raise PayoutUnknown()
        if ctx.if_match is not None and payout.version not in ctx.if_match:
            raise PreconditionFailed("read it again before you decide")
        return payout

    async def _write(self, tx: Tx, ctx: Context, payouts: Sequence[Payout], postings: Sequence[Posting]) -> None:
        """Save payouts that were moved on, post their entries and tell of them."""
        by_id = {payout.id: payout for payout in payouts}
        posted = await self._books.post(tx, ctx, postings, ctx.now)
        if len(posted) != len(postings):
            raise AssertionError("a payout was settled twice")
        if payouts:
            await store.save_payouts(tx, payouts)
        for posting in posted:
            payout = by_id[posting.ref]
            tx.emit(_event(payout, posting), Chain.of(payout, ctx.now))


def _event(payout: Payout, posting: Posting) -> PayoutPaid | PayoutFailed:
    about: dict[str, Any] = {
        "payout_id": payout.id,
        "vendor_id": payout.vendor_id,
        "amount": payout.amount,
        "currency": payout.currency,
        "version": payout.version,
    }
    if posting.source.startswith("payout_paid:"):
        if payout.status is Status.RETURNED:
            about["version"] = payout.version - 1  # both were heard of at once
        return PayoutPaid(paid_at=posting.occurred_at, **about)
    returned = posting.source.startswith("payout_returned:")
    return PayoutFailed(code=payout.code or "unknown", returned=returned, **about)


def _expect(payout: Payout, *statuses: Status) -> None:
    if payout.status not in statuses:
        raise PayoutStateConflict(f"it is {payout.status}", payout_status=payout.status)
