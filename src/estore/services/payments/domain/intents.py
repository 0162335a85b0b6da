"""Payment intents: states, what may follow what, and when to ask the provider again."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec


class Status(StrEnum):
    """Where an intent stands.

    created: to be charged, the provider may or may not know it. pending: the provider works on it, or its answer
    was lost. requires_action: the customer must act. closing: it must not be captured any more, the provider is
    still to be told. captured, failed: settled. tombstone: its order was cancelled before the request arrived;
    nothing was ever charged.
    """

    CREATED = "created"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    CLOSING = "closing"
    CAPTURED = "captured"
    FAILED = "failed"
    TOMBSTONE = "tombstone"


class Found(StrEnum):
    """What was found out about an intent: from an answer, a webhook, a look-up. CANCEL comes from the order.

    unknown: no answer; the provider may have charged or not. not_found: the provider has never heard of it.
    """

    CAPTURED = "captured"
    DECLINED = "declined"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    UNKNOWN = "unknown"
    NOT_FOUND = "not_found"
    VOIDED = "voided"
    CANCEL = "cancel"


class Step(StrEnum):
    """What to do next about an unsettled intent."""

    CHARGE = "charge"
    LOOKUP = "lookup"
    VOID = "void"


UNSETTLED = frozenset({Status.CREATED, Status.PENDING, Status.REQUIRES_ACTION, Status.CLOSING})

# Money that moved is the strongest fact: a capture wins over every state in which a charge was possible, late and
# unwelcome ones too, because it must be reported to be given back. Nothing ever leaves `captured`.
_TRYING = {
    Found.CAPTURED: Status.CAPTURED,
    Found.DECLINED: Status.FAILED,
    Found.REQUIRES_ACTION: Status.REQUIRES_ACTION,
    Found.PROCESSING: Status.PENDING,
    Found.UNKNOWN: Status.PENDING,
    Found.NOT_FOUND: Status.CREATED,
    Found.VOIDED: Status.FAILED,
    Found.CANCEL: Status.CLOSING,
}
TRANSITIONS: dict[Status, dict[Found, Status]] = {
    Status.CREATED: _TRYING,
    Status.PENDING: _TRYING,
    # The customer is at it: an answer that says less than we know changes nothing.
    Status.REQUIRES_ACTION: _TRYING | {Found.UNKNOWN: Status.REQUIRES_ACTION, Found.NOT_FOUND: Status.REQUIRES_ACTION},
    Status.CLOSING: dict.fromkeys(Found, Status.CLOSING)
    | {Found.CAPTURED: Status.CAPTURED, Found.DECLINED: Status.FAILED, Found.VOIDED: Status.FAILED},
    Status.CAPTURED: dict.fromkeys(Found, Status.CAPTURED),
    Status.FAILED: dict.fromkeys(Found, Status.FAILED) | {Found.CAPTURED: Status.CAPTURED},
    Status.TOMBSTONE: dict.fromkeys(Found, Status.TOMBSTONE),
}


class Pace(msgspec.Struct, frozen=True):
    """How patient the service is, in seconds.

    lease: a claim on an intent lasts so long; first_look: until an unsettled one is looked up; longest_look: at most
    between look-ups. misses: how often the provider may not know a charge before it is given up.
    """

    lease: float = 30.0
    first_look: float = 3.0
    longest_look: float = 60.0
    misses: int = 3


class Intent(msgspec.Struct, kw_only=True):
    """The wish to charge one order once. Amounts in minor units of `currency`.

    provider: who was chosen to charge it, empty if nobody accepts its method. reference: the provider's id of the
    charge. code, detail: why it failed or closes. misses: how often the provider did not know it. tries: how often the
    provider was asked. due_at: when to ask (again); until then nobody does.
    """

    id: str
    order_id: str
    amount: int
    currency: str
    method: str
    status: Status
    expires_at: datetime
    tries: int = 0
    misses: int = 0
    code: str = ""
    detail: str = ""
    reference: str | None = None
    action_url: str | None = None
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""
    due_at: datetime | None = None
    provider: str = ""

    @property
    def key(self) -> str:
        """The idempotency key of its one charge at the provider: the same in every process and after every crash."""
        return self.id


class Finding(msgspec.Struct, frozen=True):
    """What somebody found out about an intent.

    source: `charge`, `lookup`, `void`, `webhook`, `order`. amount: what was captured, where the source says it.
    patience: seconds in which the provider will have nothing new to say, so that nobody asks again until then.
    """

    found: Found
    source: str = ""
    reference: str | None = None
    action_url: str | None = None
    code: str = ""
    detail: str = ""
    amount: int | None = None
    currency: str | None = None
    patience: float | None = None


def next_step(intent: Intent, now: datetime, pace: Pace) -> Step:
    """Return what to do about an unsettled intent: charge it, ask about it, or make sure that it is never charged."""
    if intent.status is Status.CLOSING or intent.expires_at <= now or intent.misses >= pace.misses:
        return Step.VOID
    return Step.CHARGE if intent.status is Status.CREATED else Step.LOOKUP


def give_up_reason(intent: Intent, now: datetime) -> tuple[str, str]:
    """Return the code and detail with which an intent fails that is voided now."""
    if intent.status is Status.CLOSING:
        return intent.code or "voided", intent.detail
    if intent.expires_at <= now:
        return "expired", "not paid in time"
    return "provider_error", "the payment provider did not answer"


def settle(intent: Intent, finding: Finding, now: datetime, pace: Pace) -> bool:
    """Change `intent` by what was found. Returns whether its status changed, which is when somebody must be told."""
    found = finding.found
    if found is Found.CAPTURED and not _same_money(intent, finding):
        # Never book what was not asked for; doctor compares the books.
        found = Found.UNKNOWN
    before, after = intent.status, TRANSITIONS[intent.status][found]
    intent.status = after
    intent.reference = finding.reference or intent.reference
    if found is Found.NOT_FOUND and before in UNSETTLED:
        intent.misses += 1
    if after in UNSETTLED:
        if found is Found.CANCEL and before is not after:
            intent.code, intent.detail = finding.code, finding.detail
            intent.due_at = now
        elif found is not Found.CANCEL:
            intent.due_at = _next_look(intent, found, now, pace, finding.patience)
        intent.action_url = finding.action_url or intent.action_url
    else:
        intent.due_at = None
        if before is not after:
            intent.action_url = None
            intent.code, intent.detail = _failure(intent, finding, now) if after is Status.FAILED else ("", "")
    return before is not after


def _same_money(intent: Intent, finding: Finding) -> bool:
    return finding.amount in (None, intent.amount) and finding.currency in (None, intent.currency)


def _failure(intent: Intent, finding: Finding, now: datetime) -> tuple[str, str]:
    if finding.found is Found.VOIDED:
        return give_up_reason(intent, now) if not finding.code else (finding.code, finding.detail)
    return finding.code or "declined", finding.detail


def _next_look(intent: Intent, found: Found, now: datetime, pace: Pace, patience: float | None) -> datetime:
    """Back off, but never sleep past the deadline that still lies ahead. What the provider does not know is due now."""
    if found is Found.NOT_FOUND:
        return now
    doublings = intent.misses if found is Found.UNKNOWN and intent.status is Status.PENDING else intent.tries - 1
    backoff = min(pace.first_look * 2 ** min(max(doublings, 0), 10), pace.longest_look)
    look = now + timedelta(seconds=backoff if patience is None else max(patience, backoff))
    return intent.expires_at if now < intent.expires_at < look else look
