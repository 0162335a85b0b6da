"""The state machine of an intent, every pair of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.services.payments.domain import (
    REFUND_TRANSITIONS,
    TRANSITIONS,
    UNSETTLED,
    Finding,
    Found,
    Intent,
    Pace,
    Purse,
    RefundFound,
    RefundStatus,
    Status,
    Step,
    next_step,
    settle,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PACE = Pace()


def intent(**values: Any) -> Intent:
    defaults: dict[str, Any] = {
        "id": "pay_1",
        "order_id": "ord_1",
        "amount": 1999,
        "currency": "EUR",
        "method": "pm_ok",
        "status": Status.CREATED,
        "expires_at": NOON + timedelta(minutes=15),
        "due_at": NOON,
        "tries": 1,
    }
    return Intent(**defaults | values)


# One row per state, one column per finding, in the order of `Found`.
EXPECTED = """
                 captured declined requires_action processing unknown         not_found       voided cancel
created          captured failed   requires_action pending    pending         created         failed closing
pending          captured failed   requires_action pending    pending         created         failed closing
requires_action  captured failed   requires_action pending    requires_action requires_action failed closing
closing          captured failed   closing         closing    closing         closing         failed closing
captured         captured captured captured        captured   captured        captured        captured captured
failed           captured failed   failed          failed     failed          failed          failed failed
tombstone        tombstone tombstone tombstone     tombstone  tombstone       tombstone       tombstone tombstone
"""
HEAD, *ROWS = [line.split() for line in EXPECTED.strip().splitlines()]
PAIRS = [(row[0], found, after) for row in ROWS for found, after in zip(HEAD, row[1:], strict=True)]


def test_the_table_answers_every_pair_of_state_and_finding() -> None:
    assert {(s, f) for s in Status for f in Found} == {(Status(s), Found(f)) for s, f, _ in PAIRS}
    assert {s: set(row) for s, row in TRANSITIONS.items()} == {s: set(Found) for s in Status}


@pytest.mark.parametrize(("before", "found", "after"), PAIRS)
def test_a_finding_leads_to_the_state_that_the_table_says(before: str, found: str, after: str) -> None:
    payment = intent(status=Status(before))

    assert settle(payment, Finding(Found(found)), NOON, PACE) is (before != after)
    assert payment.status == after
    assert (payment.due_at is not None) == (payment.status in UNSETTLED)


def test_refunds_answer_every_pair_and_never_leave_a_settled_state() -> None:
    assert {s: set(row) for s, row in REFUND_TRANSITIONS.items()} == {s: set(RefundFound) for s in RefundStatus}
    for settled in (RefundStatus.SUCCEEDED, RefundStatus.REFUSED):
        assert set(REFUND_TRANSITIONS[settled].values()) == {settled}


@given(st.lists(st.sampled_from(list(Found)), max_size=12))
def test_in_any_order_of_findings_a_capture_is_told_once_and_never_forgotten(found: list[Found]) -> None:
    payment = intent()
    told = [payment.status for f in found if settle(payment, Finding(f), NOON, PACE)]

    assert told.count(Status.CAPTURED) == int(Found.CAPTURED in found)
    assert (payment.status is Status.CAPTURED) == (Found.CAPTURED in found)


@pytest.mark.parametrize("wrong", [{"amount": 1998}, {"currency": "USD"}])
def test_a_capture_of_other_money_is_not_believed(wrong: dict[str, Any]) -> None:
    payment = intent(status=Status.PENDING)
    settle(payment, Finding(Found.CAPTURED, **{"amount": 1999, "currency": "EUR"} | wrong), NOON, PACE)

    assert payment.status is Status.PENDING


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ({"status": Status.CREATED}, Step.CHARGE),
        ({"status": Status.PENDING}, Step.LOOKUP),
        ({"status": Status.REQUIRES_ACTION}, Step.LOOKUP),
        ({"status": Status.CLOSING}, Step.VOID),
        ({"status": Status.CREATED, "expires_at": NOON}, Step.VOID),
        ({"status": Status.PENDING, "expires_at": NOON}, Step.VOID),
        ({"status": Status.CREATED, "misses": 3}, Step.VOID),
    ],
)
def test_the_next_step_follows_from_the_state_and_the_deadline(values: dict[str, Any], step: Step) -> None:
    assert next_step(intent(**values), NOON, PACE) is step


def test_looks_back_off_and_never_sleep_past_the_deadline() -> None:
    waits = []
    for tries in (1, 2, 3, 10):
        payment = intent(status=Status.PENDING, tries=tries)
        settle(payment, Finding(Found.PROCESSING), NOON, PACE)
        assert payment.due_at is not None
        waits.append((payment.due_at - NOON).total_seconds())
    close = intent(status=Status.PENDING, tries=10, expires_at=NOON + timedelta(seconds=7))
    settle(close, Finding(Found.PROCESSING), NOON, PACE)

    assert waits == [3, 6, 12, 60]
    assert close.due_at == close.expires_at


@given(st.integers(0, 10**9), st.lists(st.integers(-5, 10**9), max_size=10))
def test_refunds_never_take_more_than_was_captured(captured: int, amounts: list[int]) -> None:
    purse = Purse(captured, 0)
    taken = sum(amount for amount in amounts if purse.take(amount))

    assert taken == purse.reserved <= captured
