"""Disputes: told by providers, answered by operators, decided by banks."""

from __future__ import annotations

from datetime import datetime

from estore.contracts.payments import PaymentDisputeClosed, PaymentDisputed
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.http import Page, page_of, text_in
from estore.kit.ids import new_id
from estore.kit.money import Money
from estore.services.payments import store
from estore.services.payments.domain import (
    Dispute,
    DisputeCase,
    DisputeNotFound,
    DisputeStatus,
    Intent,
    NotCapturedYet,
    Pace,
    Status,
    claimed,
    evidence_offered,
    follow,
    give_evidence,
    held_by,
)
from estore.services.payments.service.shapes import (
    Chain,
    Claim,
    DisputeView,
    EvidenceOutcome,
    GiveEvidence,
    Handover,
    ListDisputes,
)


class Disputing:
    """The payment is locked before its dispute, everywhere."""

    def __init__(self, pace: Pace, handover: Handover) -> None:
        self.pace = pace
        self.handover = handover

    async def hear_dispute(self, tx: Tx, ctx: Context, intent: Intent, told: Dispute) -> None:
        """Follow what the provider tells about the dispute of a locked payment. Raises NotCapturedYet.

        A decision that overtakes its opening is both: the dispute is opened and closed at once.
        """
        if intent.status is not Status.CAPTURED:
            raise NotCapturedYet
        chain = Chain.of(intent, ctx.now)
        case = await store.dispute_by_reference(tx, intent.provider, told.reference)
        before = 0 if case is None else case.held
        if case is None:
            case = DisputeCase(
                id=new_id("dsp"),
                payment_id=intent.id,
                order_id=intent.order_id,
                provider=intent.provider,
                reference=told.reference,
                amount=told.amount,
                currency=told.currency,
                status=DisputeStatus.OPENED,
                created_at=ctx.now,
                held=held_by(told, intent.amount, intent.currency),
                reason=told.reason,
                evidence_due_at=told.evidence_due_at,
            )
            tx.emit(_opened(case, intent), chain)
        elif case.payment_id != intent.id:
            return
        if follow(case, told, ctx.now):
            case.held = 0 if case.status is DisputeStatus.WON else case.held
            tx.emit(_closed(case, intent, ctx.now), chain)
        await store.save_dispute(tx, case)
        if case.held != before:
            await store.add_disputed(tx, intent.id, case.held - before)

    async def give_evidence(self, tx: Tx, ctx: Context, cmd: GiveEvidence) -> DisputeView:
        """Take down an operator's evidence; it is sent after the commit, again and again until it is taken or late.

        Raises DisputeNotFound, DisputeClosed, EvidenceLate, EvidenceGiven.
        """
        case = await store.lock_dispute(tx, cmd.dispute_id)
        if case is None:
            raise DisputeNotFound
        give_evidence(case, cmd.body.text, ctx.principal.account_id or "system", ctx.now)
        await store.save_dispute(tx, case)
        tx.after_commit(self.handover.wake)
        return dispute_view(case)

    async def claim_due_evidence(self, tx: Tx, ctx: Context, claim: Claim) -> list[DisputeCase]:
        """Claim disputes whose evidence is to be offered to their providers."""
        return await store.claim_due_evidence(tx, ctx.now, self.pace.lease, claim.at_most)

    async def record_evidence(self, tx: Tx, ctx: Context, outcome: EvidenceOutcome) -> None:
        """Write down what came of offering evidence."""
        case = await store.lock_dispute(tx, outcome.dispute_id)
        if case is not None:
            evidence_offered(case, outcome.refused, ctx.now, self.pace)
            await store.save_dispute(tx, case)


async def get_dispute(tx: Tx, ctx: Context, dispute_id: str) -> DisputeView:
    """One dispute. Raises DisputeNotFound."""
    case = await store.dispute_by_id(tx, dispute_id)
    if case is None:
        raise DisputeNotFound
    return dispute_view(case)


async def list_disputes(tx: Tx, ctx: Context, query: ListDisputes) -> Page[DisputeView]:
    """Disputes, newest first."""
    before = text_in(query.cursor)
    cases = await store.disputes_page(tx, query.status, before, query.limit + 1)
    return page_of([dispute_view(case) for case in cases], query.limit, lambda view: (view.id,))


def dispute_view(case: DisputeCase) -> DisputeView:
    """Return a dispute as operators see it."""
    return DisputeView(
        id=case.id,
        payment_id=case.payment_id,
        order_id=case.order_id,
        provider=case.provider,
        reference=case.reference,
        amount=Money(case.amount, case.currency),
        status=case.status,
        reason=case.reason,
        evidence_due_at=case.evidence_due_at,
        evidence=case.evidence,
        evidence_at=case.evidence_at,
        evidence_sent_at=case.evidence_sent_at,
        evidence_code=case.evidence_code,
        created_at=case.created_at,
        closed_at=case.closed_at,
    )


def _opened(case: DisputeCase, intent: Intent) -> PaymentDisputed:
    return PaymentDisputed(
        order_id=case.order_id,
        payment_id=case.payment_id,
        dispute_id=case.id,
        amount=claimed(case, intent),
        currency=intent.currency,
        reason=case.reason,
        evidence_due_at=case.evidence_due_at,
        provider=case.provider,
    )


def _closed(case: DisputeCase, intent: Intent, now: datetime) -> PaymentDisputeClosed:
    return PaymentDisputeClosed(
        order_id=case.order_id,
        payment_id=case.payment_id,
        dispute_id=case.id,
        amount=claimed(case, intent),
        currency=intent.currency,
        won=case.status is DisputeStatus.WON,
        closed_at=now,
        provider=case.provider,
    )
