"""The saga: every state meets every signal, in the table first and then on real rows."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.services.orders.domain import FINAL, Order, PaymentStatus, State, TooLateToCancel
from estore.services.orders.saga import (
    TABLE,
    Claim,
    Do,
    Fact,
    Kind,
    Limits,
    Signal,
    TooEarly,
    advance,
    claim_refund,
    parts_of,
    understood,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHIPPABLE = {State.CONFIRMED, State.PARTLY_SHIPPED, State.SHIPPED, State.DELIVERED, State.COMPLETED}
FACT = Fact(payment_id="pay_1", amount=2890, action_url="http://bank.test")
# How an order of 28.90 is paid: credit, and what of it is taken already.
WAYS = {"money": (0, None), "both, asked": (1000, None), "both, held": (1000, 1000), "credit": (2890, None)}
CAPTURES = {Signal.CAPTURED, Signal.MISCAPTURED}
CREDITS = {Signal.CREDIT_HELD, Signal.CREDIT_COVERS, Signal.CREDIT_MISHELD, Signal.CREDIT_REFUSED}
# What only the saga says, of orders that are paid so: of others it would be wrong.
DERIVED = {Signal.RESERVED_FOR_CREDIT, Signal.RESERVED_FOR_NOTHING, Signal.CREDIT_COVERS}


def an_order(
    status: State = State.PLACED, *, captured: int | None = None, credit: int = 0, held: int | None = None
) -> Order:
    """An order of 28.90, paid where it has to be. credit: what of it is paid by it, and held: is taken already."""
    if status in SHIPPABLE:
        captured, held = 2890 - credit, credit or None
    return Order(
        order_id="ord_1",
        number="E-0000-0001",
        account_id=None,
        email="a@b.c",
        status=status,
        payment_status=PaymentStatus.PENDING if captured is None else PaymentStatus.CAPTURED,
        payment_method="pm_ok",
        payment_id=None if captured is None else "pay_1",
        action_url=None,
        cancel_reason="customer" if status in (State.CANCELLED, State.REJECTED) else None,
        currency="EUR",
        items=2400,
        discount=0,
        shipping=490,
        tax=461,
        total=2890,
        inclusive=True,
        captured=captured,
        refund_requested=0,
        refunded=0,
        deadline=None if status in FINAL else NOW + timedelta(minutes=15),
        expires_at=NOW + timedelta(hours=1),
        version=1,
        credit=credit,
        credit_held=held,
    )


def test_every_state_knows_what_to_do_with_every_signal() -> None:
    assert set(TABLE) == set(State)
    assert all(set(row) == set(Signal) for row in TABLE.values())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("state", "signal"), list(itertools.product(State, Signal)))
def test_a_step_keeps_what_the_tables_demand(state: State, signal: Signal, way: str) -> None:
    credit, held = WAYS[way]
    order = an_order(state, credit=credit, held=held if state is not State.PLACED else None)
    fact = msgspec.structs.replace(FACT, amount=order.to_pay, credit=credit)
    known = (signal in CAPTURES and order.captured is not None) or (
        signal in CREDITS and (order.credit_held is not None or not credit)
    )
    step = TABLE[state][understood(order, signal, fact)]
    before = order.version
    try:
        done = advance(order, signal, fact, NOW, Limits())
    except (TooEarly, TooLateToCancel) as error:
        assert step.kind is (Kind.WAIT if isinstance(error, TooEarly) else Kind.REFUSE)
        assert order.version == before
        return
    if Do.REFUND in done:
        claim_refund(order)

    assert (order.deadline is None) == (order.status in FINAL)
    assert (order.cancel_reason is None) == (order.status not in (State.CANCELLED, State.REJECTED))
    assert order.status not in SHIPPABLE or signal in DERIVED or order.paid == order.total
    assert order.version == before + (step.kind is Kind.GO and not known)
    if order.status in (State.CANCELLED, State.REJECTED) and done:
        assert (order.money_left or 0, order.credit_left) == (0, 0)


@pytest.mark.parametrize("state", [state for state in State if state not in FINAL])
def test_every_open_state_has_a_way_on_when_it_is_overdue(state: State) -> None:
    order = an_order(state)
    late = NOW + timedelta(days=40)
    advance(order, Signal.OVERDUE, Fact(), late, Limits())

    assert order.status is not state or (order.deadline is not None and order.deadline > late)


def test_a_capture_after_the_cancellation_is_given_back_once() -> None:
    order = an_order(State.AWAITING_PAYMENT)
    advance(order, Signal.CUSTOMER_CANCELS, Fact(), NOW, Limits())
    first = advance(order, Signal.CAPTURED, FACT, NOW, Limits())
    claimed = claim_refund(order)
    again = advance(order, Signal.CAPTURED, FACT, NOW, Limits())

    assert (first, again) == ((Do.REFUND,), ())
    assert (claimed, claim_refund(order)) == (Claim(2890, 0), Claim(0, 0))


def test_a_refund_that_was_heard_before_its_capture_is_not_asked_for_again() -> None:
    order = an_order(State.CANCELLED)
    advance(order, Signal.REFUNDED, FACT, NOW, Limits())
    advance(order, Signal.CAPTURED, FACT, NOW, Limits())

    assert claim_refund(order) == Claim(0, 0)
    assert order.payment_status is PaymentStatus.REFUNDED


def test_a_refund_that_is_heard_before_its_capture_waits_for_it() -> None:
    """Whose money it was is known only once the order is confirmed, or is not."""
    order = an_order(State.AWAITING_PAYMENT)
    with pytest.raises(TooEarly):
        advance(order, Signal.REFUNDED, Fact("pay_1", 300), NOW, Limits())

    advance(order, Signal.CAPTURED, FACT, NOW, Limits())
    advance(order, Signal.REFUNDED, Fact("pay_1", 300, asked=300), NOW, Limits())
    assert (order.status, order.payment_status) == (State.CONFIRMED, PaymentStatus.PARTIALLY_REFUNDED)


def test_a_refund_that_failed_leaves_a_cancelled_order_paid() -> None:
    order = an_order(State.CONFIRMED)
    assert Do.REFUND in advance(order, Signal.CUSTOMER_CANCELS, Fact(), NOW, Limits())
    assert (claim_refund(order), order.payment_status) == (Claim(2890, 0), PaymentStatus.REFUND_PENDING)

    advance(order, Signal.REFUND_FAILED, Fact(asked=-2890), NOW, Limits())
    assert (order.status, order.payment_status) == (State.CANCELLED, PaymentStatus.CAPTURED)
    assert claim_refund(order) == Claim(2890, 0)


def test_what_is_on_its_way_back_keeps_an_order_from_completing() -> None:
    order = an_order(State.DELIVERED)
    late = NOW + timedelta(days=31)
    advance(order, Signal.OVERDUE_RETURNING, Fact(), late, Limits())
    assert (order.status, order.deadline) == (State.DELIVERED, late + timedelta(days=1))

    advance(order, Signal.RETURN_OVER, Fact(until=NOW), late, Limits())
    assert order.deadline == NOW
    advance(order, Signal.OVERDUE, Fact(), late, Limits())
    assert order.status is State.COMPLETED


def test_who_has_to_act_gets_more_time_but_never_past_the_end_of_the_reservation() -> None:
    order = an_order(State.AWAITING_PAYMENT)
    advance(order, Signal.ACTION_REQUIRED, FACT, NOW, Limits())
    assert order.deadline == NOW + timedelta(seconds=1860)

    advance(order, Signal.ACTION_REQUIRED, FACT, NOW + timedelta(minutes=50), Limits())
    assert order.deadline == order.expires_at


def test_an_order_that_costs_nothing_is_confirmed_without_asking_anybody() -> None:
    order = msgspec.structs.replace(an_order(), total=0, items=2890, discount=2890, shipping=0)
    done = advance(order, Signal.STOCK_RESERVED, Fact(), NOW, Limits())

    assert (order.status, order.captured, done) == (State.CONFIRMED, 0, (Do.CONFIRM,))
    assert order.payment_status is PaymentStatus.CAPTURED

    advance(order, Signal.CUSTOMER_CANCELS, Fact(), NOW, Limits())
    assert (claim_refund(order), order.payment_status) == (Claim(0, 0), PaymentStatus.VOIDED)


def test_credit_is_asked_first_and_what_is_left_of_the_total_after_it() -> None:
    order = an_order(credit=1000)
    asked = advance(order, Signal.STOCK_RESERVED, Fact(), NOW, Limits())
    later = NOW + timedelta(minutes=10)
    held = advance(order, Signal.CREDIT_HELD, Fact(credit=1000), later, Limits())

    assert (asked, held) == ((Do.REQUEST_CREDIT,), (Do.REQUEST_PAYMENT,))
    assert order.deadline == later + timedelta(seconds=960), "the time to pay starts anew"
    assert advance(order, Signal.CREDIT_HELD, Fact(credit=1000), later, Limits()) == ()
    assert advance(order, Signal.CREDIT_REFUSED, Fact(code="expired"), later, Limits()) == ()
    assert advance(order, Signal.CAPTURED, Fact("pay_1", 1890), later, Limits()) == (Do.CONFIRM,)
    assert (order.status, order.payment_status) == (State.CONFIRMED, PaymentStatus.CAPTURED)


@pytest.mark.parametrize("amount", [2890, 1000, 1889])
def test_a_capture_of_anything_but_the_rest_is_given_back_with_the_credit(amount: int) -> None:
    order = an_order(State.AWAITING_PAYMENT, credit=1000, held=1000)
    done = advance(order, Signal.CAPTURED, Fact("pay_1", amount), NOW, Limits())

    assert done == (Do.CANCEL, Do.REFUND)
    assert (claim_refund(order), order.status) == (Claim(amount, 1000), State.CANCELLED)


def test_what_was_captured_before_the_credit_was_taken_is_not_for_this_order() -> None:
    order = an_order(State.AWAITING_PAYMENT, credit=1000)

    assert understood(order, Signal.CAPTURED, Fact("pay_1", 1890)) is Signal.MISCAPTURED


@pytest.mark.parametrize("held", [999, 1001, 0])
def test_credit_of_another_amount_than_was_asked_ends_the_order_and_goes_back(held: int) -> None:
    order = an_order(State.AWAITING_PAYMENT, credit=1000)
    advance(order, Signal.CREDIT_HELD, Fact(credit=held), NOW, Limits())

    assert (claim_refund(order), order.status) == (Claim(0, held), State.CANCELLED)


def test_refused_credit_ends_the_order_and_says_why() -> None:
    order = an_order(State.AWAITING_PAYMENT, credit=1000)
    done = advance(order, Signal.CREDIT_REFUSED, Fact(code="insufficient"), NOW, Limits())

    assert (order.status, order.cancel_reason, order.credit_refusal) == (
        State.CANCELLED,
        "credit_refused",
        "insufficient",
    )
    assert (done, order.payment_status) == ((Do.CANCEL,), PaymentStatus.FAILED)


@pytest.mark.parametrize("end", [Signal.CUSTOMER_CANCELS, Signal.OVERDUE, Signal.PAYMENT_FAILED, Signal.STOCK_REJECTED])
def test_credit_that_was_taken_goes_back_when_the_order_ends_before_its_capture(end: Signal) -> None:
    order = an_order(State.AWAITING_PAYMENT, credit=1000, held=1000)
    advance(order, end, Fact(), NOW, Limits())
    first = claim_refund(order)
    advance(order, Signal.PAYMENT_FAILED, Fact(), NOW, Limits())

    assert (first, claim_refund(order)) == (Claim(0, 1000), Claim(0, 0))
    assert (order.payment_status, order.credit_refunded) == (PaymentStatus.REFUNDED, 1000)

    advance(order, Signal.CAPTURED, Fact("pay_1", 1890), NOW, Limits())
    assert (claim_refund(order), order.payment_status) == (Claim(1890, 0), PaymentStatus.REFUND_PENDING)


def test_credit_that_is_taken_after_the_cancellation_goes_back_once() -> None:
    order = an_order(State.AWAITING_PAYMENT, credit=1000)
    advance(order, Signal.CUSTOMER_CANCELS, Fact(), NOW, Limits())
    assert (claim_refund(order), order.payment_status) == (Claim(0, 0), PaymentStatus.VOIDED)

    first = advance(order, Signal.CREDIT_HELD, Fact(credit=1000), NOW, Limits())
    claimed = claim_refund(order)
    again = advance(order, Signal.CREDIT_HELD, Fact(credit=1000), NOW, Limits())
    assert (first, claimed, again) == ((Do.REFUND,), Claim(0, 1000), ())
    assert order.payment_status is PaymentStatus.REFUNDED


def test_a_refund_is_money_first_and_credit_only_beyond_it() -> None:
    order = an_order(State.DELIVERED, credit=1000)
    first = parts_of(order, 1500)
    advance(order, Signal.REFUND_ASKED, first.fact, NOW, Limits())
    second = parts_of(order, 1390)
    advance(order, Signal.REFUND_ASKED, second.fact, NOW, Limits())

    assert (first, second) == (Claim(1500, 0), Claim(390, 1000))
    assert order.payment_status is PaymentStatus.REFUND_PENDING

    advance(order, Signal.REFUND_FAILED, Fact(asked=-390, credit_asked=-1000), NOW, Limits())
    advance(order, Signal.REFUNDED, Fact(amount=1500), NOW, Limits())
    assert (parts_of(order, 1390), order.payment_status) == (second, PaymentStatus.PARTIALLY_REFUNDED)


def test_a_lost_dispute_takes_no_credit() -> None:
    order = an_order(State.DELIVERED, credit=1000)
    advance(order, Signal.REFUND_ASKED, parts_of(order, 1890).fact, NOW, Limits())
    advance(order, Signal.REFUNDED, Fact(amount=1890), NOW, Limits())
    advance(order, Signal.REFUNDED, Fact(amount=1890, asked=1890), NOW, Limits())

    assert (order.refunded, order.payment_status) == (1890, PaymentStatus.PARTIALLY_REFUNDED)
    assert parts_of(order, 1000) == Claim(0, 1000)


@given(
    credit=st.sampled_from([0, 1, 1000, 2890]),
    signals=st.lists(st.sampled_from(sorted(set(Signal) - DERIVED - {Signal.CREDIT_MISHELD})), max_size=30),
    odd=st.booleans(),
)
def test_no_sequence_of_signals_breaks_an_order(credit: int, signals: list[Signal], odd: bool) -> None:
    order, confirmations, ends = an_order(credit=credit), 0, 0
    money, back = 0, 0
    for signal in signals:
        amount = order.to_pay if signal is not Signal.MISCAPTURED else 100
        if signal is Signal.REFUNDED and order.captured is None:
            continue
        was = order.status
        held = credit + odd if signal is Signal.CREDIT_HELD else 0
        try:
            done = advance(order, signal, Fact("pay_1", amount, credit=held), NOW, Limits())
        except (TooEarly, TooLateToCancel):
            continue
        claim = claim_refund(order) if Do.REFUND in done else Claim(0, 0)
        money, back = money + claim.money, back + claim.credit
        confirmations += done.count(Do.CONFIRM)
        ends += done.count(Do.CANCEL)
        assert was not in FINAL or order.status is was
        assert (order.deadline is None) == (order.status in FINAL)
        assert order.status not in SHIPPABLE or (order.paid, order.credit_held or 0) == (order.total, credit)

    ended = order.status in (State.CANCELLED, State.REJECTED)
    assert confirmations <= 1
    assert ends == ended
    assert money <= (order.captured or 0)
    assert back == (order.credit_held or 0 if ended else 0)
