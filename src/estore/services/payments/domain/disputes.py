"""Disputes: a bank wants a capture back, somebody answers with evidence, the bank decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from estore.services.payments.domain.errors import DisputeClosed, EvidenceGiven, EvidenceLate
from estore.services.payments.domain.intents import Intent, Pace


class DisputeStatus(StrEnum):
    """opened: the money was taken from us, evidence may be given. evidence_submitted: the bank looks at it.
    won: the money is back; lost: it stays with the customer."""

    OPENED = "opened"
    EVIDENCE_SUBMITTED = "evidence_submitted"
    WON = "won"
    LOST = "lost"


CLOSED = frozenset({DisputeStatus.WON, DisputeStatus.LOST})

# Webhooks overtake each other: nothing leads back, and nothing follows a decision.
DISPUTE_TRANSITIONS: dict[DisputeStatus, dict[DisputeStatus, DisputeStatus]] = {
    DisputeStatus.OPENED: {told: told for told in DisputeStatus},
    DisputeStatus.EVIDENCE_SUBMITTED: {told: told for told in DisputeStatus}
    | {DisputeStatus.OPENED: DisputeStatus.EVIDENCE_SUBMITTED},
    DisputeStatus.WON: dict.fromkeys(DisputeStatus, DisputeStatus.WON),
    DisputeStatus.LOST: dict.fromkeys(DisputeStatus, DisputeStatus.LOST),
}


class Dispute(msgspec.Struct, frozen=True):
    """A bank's claim to a capture, as the provider told it.

    reference: the provider's id of it. amount: minor units of currency. reason: in the provider's words, such as
    `fraudulent`. evidence_due_at: until when evidence is looked at, where the provider says it.
    """

    reference: str
    amount: int
    currency: str
    status: DisputeStatus = DisputeStatus.OPENED
    reason: str = ""
    evidence_due_at: datetime | None = None


class DisputeCase(msgspec.Struct, kw_only=True):
    """A dispute as we keep it.

    held: what of the capture no refund may take on its account. evidence_sent_at: when the provider had taken it.
    evidence_code: why the provider never will. tries: how often it was offered. due_at: when to offer it (again).
    """

    id: str
    payment_id: str
    order_id: str
    provider: str
    reference: str
    amount: int
    currency: str
    status: DisputeStatus
    created_at: datetime
    held: int = 0
    reason: str = ""
    evidence_due_at: datetime | None = None
    evidence: str | None = None
    evidence_by: str | None = None
    evidence_at: datetime | None = None
    evidence_sent_at: datetime | None = None
    evidence_code: str = ""
    tries: int = 0
    due_at: datetime | None = None
    closed_at: datetime | None = None


def held_by(dispute: Dispute, captured: int, currency: str) -> int:
    """Return what of `captured` a dispute keeps from refunds: all of it where it is told in another currency."""
    return min(dispute.amount, captured) if dispute.currency == currency else captured


def claimed(case: DisputeCase, intent: Intent) -> int:
    """Return what a dispute is about in the payment's currency: all of it where the bank counts in another."""
    return case.amount if case.currency == intent.currency else intent.amount


def follow(case: DisputeCase, told: Dispute, now: datetime) -> bool:
    """Change `case` by what the provider told. Returns whether that closed it."""
    before, case.status = case.status, DISPUTE_TRANSITIONS[case.status][told.status]
    if before in CLOSED:
        return False
    case.reason = told.reason or case.reason
    case.evidence_due_at = told.evidence_due_at or case.evidence_due_at
    if case.status not in CLOSED:
        return False
    case.closed_at, case.due_at = now, None
    return True


def give_evidence(case: DisputeCase, text: str, by: str, now: datetime) -> None:
    """Take down evidence that is to be sent. Raises DisputeClosed, EvidenceLate, EvidenceGiven."""
    if case.status in CLOSED:
        raise DisputeClosed(f"it was {case.status}")
    if case.evidence_due_at is not None and case.evidence_due_at <= now:
        raise EvidenceLate(f"it was due at {case.evidence_due_at.isoformat()}")
    if case.status is DisputeStatus.EVIDENCE_SUBMITTED or (case.evidence is not None and not case.evidence_code):
        raise EvidenceGiven
    case.evidence, case.evidence_by, case.evidence_at = text, by, now
    case.evidence_code, case.tries, case.due_at = "", 0, now


def evidence_offered(case: DisputeCase, refused: str | None, now: datetime, pace: Pace) -> None:
    """Note what came of offering evidence. refused: None if it was taken, a code if it never will be, or ``''`` if the
    provider did not answer: then it is offered again until it is due."""
    if case.due_at is None:
        return
    if refused is None:
        case.evidence_sent_at, case.due_at = now, None
        if case.status is DisputeStatus.OPENED:
            case.status = DisputeStatus.EVIDENCE_SUBMITTED
    elif refused:
        case.evidence_code, case.due_at = refused, None
    elif case.evidence_due_at is not None and case.evidence_due_at <= now:
        case.evidence_code, case.due_at = EvidenceLate.code, None
    else:
        wait = min(pace.first_look * 2 ** min(max(case.tries - 1, 0), 10), pace.longest_look)
        case.due_at = now + timedelta(seconds=wait)
