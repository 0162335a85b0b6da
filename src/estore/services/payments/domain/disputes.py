"""Disputes: a bank wants a capture back, somebody answers with evidence, the bank decides."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class DisputeStatus(StrEnum):
    """opened: the money was taken from us, evidence may be given. evidence_submitted: the bank looks at it.
    won: the money is back; lost: it stays with the customer."""

    OPENED = "opened"
    EVIDENCE_SUBMITTED = "evidence_submitted"
    WON = "won"
    LOST = "lost"


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
