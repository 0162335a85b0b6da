"""The saga: every state meets every signal, in the table first and then on real rows."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.services.orders.domain import FINAL, Order, PaymentStatus, State, TooLateToCancel
from estore.services.orders.saga import TABLE, Do, Fact, Kind, Limits, Signal, TooEarly, advance, claim_refund

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAID = {State.CONFIRMED, State.PARTLY_SHIPPED, State.SHIPPED, State.DELIVERED, State.COMPLETED}
FACT = Fact(payment_id="pay_1", amount=2890, action_url="http://bank.test")


def an_order(status: State = State.PLACED, *, captured: int | None = None) -> Order:
    if status in PAID:
        captured = 2890
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
    )


def test_every_state_knows_what_to_do_with_every_signal() -> None:
    assert set(TABLE) == set(State)
    assert all(set(row) == set(Signal) for row in TABLE.values())


@pytest.mark.parametrize(("state", "signal"), list(itertools.product(State, Signal)))
def test_a_step_keeps_what_the_tables_demand(state: State, signal: Signal) -> None:
    order = an_order(state)
    step = TABLE[state][signal]
    before = order.version
    try:
        done = advance(order, signal, FACT, NOW, Limits())
    except (TooEarly, TooLateToCancel) as error:
        assert step.kind is (Kind.WAIT if isinstance(error, TooEarly) else Kind.REFUSE)
        assert order.version == before
        return
    if Do.REFUND in done:
        claim_refund(order)

    assert (order.deadline is None) == (order.status in FINAL)
    assert (order.cancel_reason is None) == (order.status not in (State.CANCELLED, State.REJECTED))
    assert order.status not in PAID or order.captured == order.total
    assert order.version == before + (step.kind is Kind.GO and not (signal.endswith("captured") and state in PAID))
    if order.status in (State.CANCELLED, State.REJECTED) and order.captured:
        assert order.refund_requested == order.captured
        assert order.payment_status is PaymentStatus.REFUND_PENDING


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
    assert (claimed, claim_refund(order)) == (2890, 0)


def test_a_refund_that_was_heard_before_its_capture_is_not_asked_for_again() -> None:
    order = an_order(State.CANCELLED)
    advance(order, Signal.REFUNDED, FACT, NOW, Limits())
    advance(order, Signal.CAPTURED, FACT, NOW, Limits())

    assert claim_refund(order) == 0
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
    assert (claim_refund(order), order.payment_status) == (2890, PaymentStatus.REFUND_PENDING)

    advance(order, Signal.REFUND_FAILED, Fact(asked=-2890), NOW, Limits())
    assert (order.status, order.payment_status) == (State.CANCELLED, PaymentStatus.CAPTURED)
    assert claim_refund(order) == 2890


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


@given(signals=st.lists(st.sampled_from(Signal), max_size=30))
def test_no_sequence_of_signals_breaks_an_order(signals: list[Signal]) -> None:
    order, refunded, confirmations, ends = an_order(), 0, 0, 0
    for signal in signals:
        amount = 2890 if signal is not Signal.MISCAPTURED else 100
        if signal is Signal.REFUNDED and order.captured is None:
            continue
        was = order.status
        try:
            done = advance(order, signal, Fact("pay_1", amount), NOW, Limits())
        except (TooEarly, TooLateToCancel):
            continue
        refunded += claim_refund(order) if Do.REFUND in done else 0
        confirmations += done.count(Do.CONFIRM)
        ends += done.count(Do.CANCEL)
        assert was not in FINAL or order.status is was
        assert (order.deadline is None) == (order.status in FINAL)
        assert order.status not in PAID or order.captured == order.total

    assert confirmations <= 1
    assert ends == (order.status in (State.CANCELLED, State.REJECTED))
    assert refunded <= (order.captured or 0)
