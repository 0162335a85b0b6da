"""What a signal does to an order: its cell in the table, its deadline, and what becomes of its money and credit."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from estore.kit.errors import Transient
from estore.services.orders.domain import FINAL, Order, PaymentStatus, TooLateToCancel
from estore.services.orders.saga.table import TABLE, Do, Kind, Signal


class Limits(msgspec.Struct, frozen=True):
    """Seconds that an order may stay where it is. returning: until it is asked again whether its returns are over."""

    reservation: int = 900
    payment: int = 900
    action: int = 1800
    ship: int = 14 * 86_400
    deliver: int = 30 * 86_400
    returns: int = 30 * 86_400
    returning: int = 86_400
    grace: int = 60

    @property
    def until_confirmed(self) -> int:
        """The longest way from placing to confirmation: for so long stock may be held."""
        return self.reservation + self.payment + self.action + 2 * self.grace


class Fact(msgspec.Struct, frozen=True):
    """What a signal brings along. Amounts: minor units.

    amount: captured, or given back of it. asked: by how much what was asked to be given back of it grows; less than
    zero where it will not be. credit: held, or given back; credit_asked: as asked, of credit. code: why no credit was
    taken. until: when the time to return things is over.
    """

    payment_id: str | None = None
    amount: int = 0
    action_url: str | None = None
    asked: int = 0
    until: datetime | None = None
    credit: int = 0
    credit_asked: int = 0
    code: str = ""


class Claim(msgspec.Struct, frozen=True):
    """What is to be given back, in minor units: money of what was captured, the rest as credit."""

    money: int
    credit: int

    @property
    def amount(self) -> int:
        return self.money + self.credit

    @property
    def fact(self) -> Fact:
        """What asking for it tells the saga: credit that goes back alone needs nobody's answer."""
        return Fact(asked=self.money, credit_asked=self.credit, credit=0 if self.money else self.credit)


class TooEarly(Transient):
    code, title = "orders.too_early", "The order has not come far enough for this"


_CAPTURES = frozenset({Signal.CAPTURED, Signal.MISCAPTURED})
_CREDITS = frozenset({Signal.CREDIT_HELD, Signal.CREDIT_COVERS, Signal.CREDIT_MISHELD, Signal.CREDIT_REFUSED})


def advance(order: Order, signal: Signal, fact: Fact, now: datetime, limits: Limits) -> tuple[Do, ...]:
    """Apply `signal` to `order`, which is changed in place; returns what the use case has to emit.

    Raises TooEarly for what cannot be understood yet, TooLateToCancel.
    """
    if signal in _CAPTURES and order.captured is not None:
        return ()
    if signal in _CREDITS and (order.credit_held is not None or not (order.credit or fact.credit)):
        return ()
    signal = understood(order, signal, fact)
    step = TABLE[order.status][signal]
    if step.kind is Kind.WAIT:
        raise TooEarly(f"{order.order_id} is {order.status}, it cannot take {signal} yet")
    if step.kind is Kind.REFUSE:
        raise TooLateToCancel(f"it is {order.status}")
    if step.kind is Kind.IGNORE:
        return ()
    order.version += 1
    if step.to is not None:
        order.status = step.to
        order.cancel_reason = step.reason
    if order.status in FINAL:
        order.deadline = None
    elif step.until is not None:
        order.deadline = _deadline(order, step.until, fact, now, limits)
    for action in step.do:
        _record(order, action, fact)
    return tuple(action for action in step.do if not action.name.startswith("RECORD_"))


def understood(order: Order, signal: Signal, fact: Fact) -> Signal:
    """Return what others' words mean for this order: what there is to be paid decides it, and by what."""
    if signal is Signal.STOCK_RESERVED:
        if order.credit:
            return Signal.RESERVED_FOR_CREDIT
        return signal if order.total else Signal.RESERVED_FOR_NOTHING
    if signal is Signal.CREDIT_HELD:
        if fact.credit != order.credit:
            return Signal.CREDIT_MISHELD
        return signal if order.to_pay else Signal.CREDIT_COVERS
    if signal is Signal.CAPTURED and (fact.amount != order.to_pay or order.credit != (order.credit_held or 0)):
        return Signal.MISCAPTURED
    return signal


def _deadline(order: Order, until: str, fact: Fact, now: datetime, limits: Limits) -> datetime:
    if until == "returned":
        return fact.until or now
    deadline = now + timedelta(seconds=getattr(limits, until))
    if until in ("payment", "action"):
        # What payments settled in time needs some more to arrive here; nothing is held past expires_at.
        return min(deadline + timedelta(seconds=limits.grace), order.expires_at)
    return deadline


def _record(order: Order, action: Do, fact: Fact) -> None:
    match action:
        case Do.RECORD_ACTION:
            order.payment_status, order.payment_id = PaymentStatus.REQUIRES_ACTION, fact.payment_id
            order.action_url = fact.action_url
        case Do.RECORD_CREDIT:
            order.credit_held = fact.credit
        case Do.RECORD_REFUSAL:
            order.credit_refusal, order.payment_status = fact.code, PaymentStatus.FAILED
        case Do.RECORD_NOTHING_LEFT:
            order.captured, order.payment_status = 0, PaymentStatus.CAPTURED
        case Do.RECORD_CAPTURE:
            order.captured, order.payment_id = fact.amount, fact.payment_id
            # The refund may have been heard first.
            order.payment_status, order.action_url = _refund_status(order), None
        case Do.RECORD_FAILURE:
            # Where credit has gone back, that says more.
            if order.captured is None and not order.credit_refund_requested:
                order.payment_status, order.action_url = PaymentStatus.FAILED, None
        case Do.RECORD_REFUND:
            # A lost dispute may take what was given back before: the customer has no more than was captured.
            order.refund_requested += fact.asked
            order.refunded += fact.amount
            if order.captured is not None:
                order.refunded = min(order.refunded, order.captured)
            order.credit_refund_requested += fact.credit_asked
            order.credit_refunded += fact.credit
            order.payment_status = _refund_status(order)
        case Do.CANCEL:
            order.action_url = None
            if not order.paid and order.payment_status is not PaymentStatus.FAILED:
                order.payment_status = PaymentStatus.VOIDED


def _refund_status(order: Order) -> PaymentStatus:
    whole = order.total if order.captured is None and order.credit_held is None else order.paid
    given_back = order.refunded + order.credit_refunded
    if given_back and given_back >= whole:
        return PaymentStatus.REFUNDED
    if order.credit_refund_requested > order.credit_refunded or _money_asked(order) > order.refunded:
        return PaymentStatus.REFUND_PENDING
    return PaymentStatus.PARTIALLY_REFUNDED if given_back else PaymentStatus.CAPTURED


def _money_asked(order: Order) -> int:
    """Return what was asked to be given back of what was captured: a lost dispute asks for the same once more."""
    asked = order.refund_requested
    return asked if order.captured is None else min(asked, order.captured)


def claim_refund(order: Order) -> Claim:
    """Ask for what was paid and neither given back nor asked for yet; returns how much that is, once."""
    claim = Claim(max(0, order.money_left or 0), order.credit_left)
    if claim.amount:
        _record(order, Do.RECORD_REFUND, claim.fact)
    return claim


def parts_of(order: Order, amount: int) -> Claim:
    """Split an amount that is to be given back: money first, as far as there is any, the rest as credit.

    amount: minor units, at most what is left of both.
    """
    money = min(amount, max(0, order.money_left or 0))
    return Claim(money, amount - money)
