"""Reports of providers: what is in them, which spans they cover, and that each is published once."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.payments import ProviderReported, ReportLine
from estore.kit.envelope import MAX_BODY
from estore.services.payments import app
from estore.services.payments.domain import LINES_PER_PART, Rhythm, windows
from payments.shop import Shop, all_at_once
from payments.test_domain import NOON
from payments.test_invoices import invoiced, mark, mark_back, pay
from support.world import settings_for, unhurried

REPORTS = "/v1/payments/reports"


async def reported(shop: Shop, provider: str = "sandbox", **delta: float) -> list[ReportLine]:
    """Let time pass, have providers report; returns all lines that were published so far."""
    shop.world.clock.advance(**delta)  # type: ignore[union-attr]
    await shop.reports.run()
    events = await shop.world.emitted("payments", ProviderReported)
    return [line for event in events if event.provider == provider for line in event.lines]


def brief(lines: list[ReportLine]) -> list[tuple[str, int]]:
    return [(line.kind, line.amount) for line in lines]


# --- lines ------------------------------------------------------------------------------------------------------------


async def test_the_sandbox_reports_each_movement_once_with_its_sign_and_our_ids(shop: Shop) -> None:
    order = await shop.pay("pm_disputed_won", amount=10_000)
    await shop.later(seconds=1)
    asked = shop.refund(order, 1_000)
    await shop.hear(asked)
    await shop.later(seconds=4)
    await shop.later(seconds=4)
    payment = (await shop.intent(order))["id"]
    await shop.sandbox.refund_outside(payment, 500)
    await shop.later(seconds=1)
    await shop.pay("pm_declined")
    lines = await reported(shop, hours=2)
    ours = {r["id"] for r in await shop.world.fetch("payments", "SELECT id FROM refund UNION SELECT id FROM dispute")}

    assert brief(lines) == [
        ("capture", 10_000), ("refund", -1_000), ("dispute", -9_000), ("dispute_won", 9_000), ("refund", -500),
    ]  # fmt: skip
    assert {line.payment_id for line in lines} == {payment}
    assert lines[0].key == payment and lines[1].key == asked.refund_id
    assert {line.key for line in lines[1:]} == ours
    assert lines[2].key == lines[3].key and lines[2].key.startswith("dsp_")


async def test_the_sandbox_keeps_a_fee_if_it_is_told_to(shop: Shop) -> None:
    shop.sandbox.settings = msgspec.structs.replace(shop.sandbox.settings, fee_bps=290)
    await shop.pay(amount=1999)
    await shop.hear(shop.refund(await shop.pay(amount=50), 50))

    # 2.9 % of 19.99 is 57.971 cents; of 0.50 it is 1.45.
    assert sorted(line.fee for line in await reported(shop, hours=2)) == [0, 1, 58]


@pytest.mark.parametrize(
    ("method", "amounts"),
    [("pm_report_missing", []), ("pm_report_wrong_amount", [2099]), ("pm_report_doubled", [1999, 1999])],
)
async def test_a_report_can_be_wrong_so_that_somebody_notices(shop: Shop, method: str, amounts: list[int]) -> None:
    order = await shop.pay(method)
    lines = await reported(shop, hours=2)

    assert [line.amount for line in lines] == amounts
    assert await shop.captured(order) == [1999]


async def test_invoices_are_reported_as_they_were_marked(shop: Shop) -> None:
    order, payment = await invoiced(shop)
    await invoiced(shop)
    await pay(shop, payment, mark(shop))
    asked = shop.refund(order, 500)
    await shop.hear(asked)
    await shop.post(f"/v1/payments/refunds/{asked.refund_id}/mark-paid", mark_back(shop, 500))
    lines = await reported(shop, "invoice", hours=2)

    assert [(x.kind, x.amount, x.key, x.payment_id) for x in lines] == [
        ("capture", 1999, payment, payment),
        ("refund", -500, asked.refund_id, payment),
    ]


# --- windows ----------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.floats(0, 400_000), min_size=1, max_size=20),
    st.floats(1, 90_000),
    st.floats(0.001, 600),
)
def test_windows_never_overlap_nor_leave_a_gap(steps: list[float], every: float, settled: float) -> None:
    rhythm, now, end = Rhythm(every, settled), NOON, NOON
    found: list[tuple[datetime, datetime]] = []
    for step in steps:
        now += timedelta(seconds=step)
        new = windows(end, now, rhythm)
        found += new
        end = new[-1][1] if new else end

    assert all(since < until <= since + timedelta(days=1) for since, until in found)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(found))
    assert end <= max(NOON, now - timedelta(seconds=settled))


async def test_each_movement_is_in_one_regular_report_whenever_they_are_made(shop: Shop) -> None:
    orders = []
    for minutes in (1, 50, 0.5, 90, 59.99, 3, 200, 1600):
        orders.append(await shop.pay())
        await reported(shop, minutes=minutes)
    lines = await reported(shop, hours=2)
    payments = [(await shop.intent(order))["id"] for order in orders]

    assert [line.key for line in lines] == payments


async def test_processes_that_report_at_once_open_each_window_once_and_publish_it_once(shop: Shop) -> None:
    await shop.pay()
    with unhurried():
        other = app.build(settings_for(shop.world.dsn, ["payments"]), clock=shop.world.clock)
    await other.db.open()
    (reports,) = [job.run for job in other.jobs if job.name == "payments.reports"]
    shop.world.clock.advance(hours=30)  # type: ignore[union-attr]
    failures = await all_at_once(*(run() for run in (shop.reports.run, reports) * 4))
    await shop.reports.run()
    await other.db.close()
    events = await shop.world.emitted("payments", ProviderReported)

    assert [f for f in failures if f is not None] == []
    assert [len(e.lines) for e in sorted(events, key=lambda e: e.since) if e.provider == "sandbox"] == [1, 0]
    assert len({e.report_id for e in events}) == len(events)


async def test_a_report_that_the_provider_does_not_give_is_asked_for_again_and_leaves_no_gap(shop: Shop) -> None:
    await shop.pay()
    real = shop.sandbox.report

    def away(since: datetime, until: datetime) -> AsyncIterator[ReportLine]:
        raise ConnectionError("away")

    shop.sandbox.report = away  # type: ignore[method-assign]
    first = await reported(shop, hours=2)
    (failed,) = (await shop.operator.get(f"{REPORTS}?provider=sandbox")).json()["data"]
    shop.sandbox.report = real  # type: ignore[method-assign]
    lines = await reported(shop, minutes=5)

    assert first == []
    assert (failed["status"], failed["detail"], failed["tries"]) == ("requested", "ConnectionError", 1)
    assert brief(lines) == [("capture", 1999)]


async def test_a_long_report_comes_in_parts_that_fit_a_message(shop: Shop) -> None:
    lines = [
        ReportLine("capture", f"ch_{n:040}", f"pay_{n:026}", f"pay_{n:026}", 10**15, 10**13, "EUR", NOON)
        for n in range(2 * LINES_PER_PART + 1)
    ]

    async def long(since: datetime, until: datetime) -> AsyncIterator[ReportLine]:
        for line in lines:
            yield line

    real, shop.sandbox.report = shop.sandbox.report, long  # type: ignore[method-assign]
    await shop.pay()
    got = await reported(shop, hours=2)
    shop.sandbox.report = real  # type: ignore[method-assign]
    events = [e for e in await shop.world.emitted("payments", ProviderReported) if e.provider == "sandbox"]
    sizes = await shop.world.fetch("payments", "SELECT length(body) AS n FROM outbox WHERE name LIKE 'provider.%'")

    assert [(e.part, e.parts, len(e.lines)) for e in events] == [(1, 3, 500), (2, 3, 500), (3, 3, 1)]
    assert got == lines
    assert max(row["n"] for row in sizes) < MAX_BODY


async def test_an_hour_in_which_nothing_happened_is_reported_too(shop: Shop) -> None:
    await shop.reports.run()
    await reported(shop, hours=2)
    events = await shop.world.emitted("payments", ProviderReported)

    assert {(e.provider, e.part, e.parts, e.lines) for e in events} == {("sandbox", 1, 1, ()), ("invoice", 1, 1, ())}


# --- asked for ------------------------------------------------------------------------------------------------------


def span(shop: Shop, begin: float = 3600, end: float = 60, **more: Any) -> dict[str, Any]:
    now = shop.world.clock.now()
    since, until = (now - timedelta(seconds=seconds) for seconds in (begin, end))
    return {"provider": "sandbox", "since": since.isoformat(), "until": until.isoformat()} | more


async def test_an_operator_has_any_past_span_reported_once(shop: Shop) -> None:
    await shop.pay()
    shop.world.clock.advance(minutes=5)  # type: ignore[union-attr]
    body = span(shop)
    first, again = await shop.post(REPORTS, body, "k1"), await shop.post(REPORTS, body, "k1")
    lines = await reported(shop, seconds=1)
    seen = (await shop.operator.get(first.headers["location"])).json()

    assert (first.status_code, again.json()) == (202, first.json())
    assert brief(lines) == [("capture", 1999)]
    assert (seen["status"], seen["lines"], seen["parts"]) == ("published", 1, 1)


async def test_a_span_that_cannot_be_reported_is_told_so(shop: Shop) -> None:
    wrong = {
        "/provider": span(shop, provider="stripe"),
        "/until": span(shop, 60, 3600),
        "/since": span(shop, since="2026-01-01T00:00:00"),
        "/surprise": span(shop, surprise=1),
    }
    answers = {pointer: await shop.post(REPORTS, body) for pointer, body in wrong.items()}
    too_early, too_long = await shop.post(REPORTS, span(shop, 60, 0)), await shop.post(REPORTS, span(shop, 40 * 86_400))
    customer = shop.world.http("payments", shop.world.token("acc_01"))

    assert {p: (a.status_code, a.json()["errors"][0]["pointer"]) for p, a in answers.items()} == {
        p: (422, p) for p in wrong
    }
    assert (too_early.json()["code"], too_long.json()["code"]) == ("payments.window_invalid",) * 2
    assert (await customer.post(REPORTS, json=span(shop), headers={"idempotency-key": "k"})).status_code == 403
    assert (await customer.get(REPORTS)).status_code == 403
    assert (await shop.operator.get(f"{REPORTS}/rep_01ARZ3NDEKTSV4RRFFQ69G5FAV")).status_code == 404
