"""Providers' reports against the journal: all of both, and every difference by its name."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from estore.contracts.ledger import ReconciliationDiffered
from estore.contracts.orders import OrderConfirmed
from estore.contracts.payments import PaymentRefunded, ProviderReported, ReportLine
from estore.kit.db import statements
from estore.kit.watching import measure
from ledger.factories import VENDOR, Ledger

JSON = dict[str, Any]


class Reports:
    """A provider that reports on an hour at a time."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.number = 0
        self.until = ledger.clock.now() - timedelta(hours=1)

    def line(self, sale: OrderConfirmed, **changes: Any) -> ReportLine:
        values: JSON = {
            "kind": "capture",
            "reference": f"ch_{sale.order_id}",
            "key": sale.payment_id,
            "payment_id": sale.payment_id,
            "amount": sale.totals.total,
            "fee": 0,
            "currency": sale.totals.currency,
            "at": self.ledger.clock.now(),
        }
        return ReportLine(**(values | changes))

    def parts(self, *parts: list[ReportLine], until: datetime | None = None) -> list[ProviderReported]:
        """The next report, which reaches far enough for all that has happened."""
        self.number += 1
        since, self.until = self.until, until or self.ledger.clock.now() + timedelta(minutes=10)
        return [
            ProviderReported(
                report_id=f"rep_{self.number}",
                provider="sandbox",
                since=since,
                until=self.until,
                part=number,
                parts=len(parts),
                lines=tuple(lines),
            )
            for number, lines in enumerate(parts, 1)
        ]

    async def tell(self, *lines: ReportLine) -> None:
        await self.ledger.hear(*self.parts(list(lines)))

    async def differences(self, **query: Any) -> list[JSON]:
        return await self._list("differences", **query)

    async def reports(self) -> list[JSON]:
        return await self._list("reports")

    async def _list(self, what: str, **query: Any) -> list[JSON]:
        async with self.ledger.world.http("ledger", self.ledger.world.token(operator=True)) as client:
            answer = await client.get(f"/v1/ledger/{what}", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["data"])


@pytest.fixture
def reports(uneven_ledger: Ledger) -> Reports:
    return Reports(uneven_ledger)


async def sold(reports: Reports, **values: Any) -> OrderConfirmed:
    sale = reports.ledger.sale(**values)
    await reports.ledger.hear(sale, reports.ledger.capture(sale))
    return sale


async def test_where_both_say_the_same_nothing_differs(reports: Reports) -> None:
    sales = [await sold(reports) for _ in range(3)]

    await reports.tell(*map(reports.line, sales))

    assert await reports.differences() == []
    (report,) = await reports.reports()
    assert (report["lines"], report["compared"], report["differences"]) == (3, 6, 0)
    assert await reports.ledger.world.fetch("ledger", "SELECT 1 FROM unreconciled") == []
    assert await reports.ledger.world.emitted("ledger", ReconciliationDiffered) == []


async def test_every_difference_has_a_name(reports: Reports) -> None:
    same, other, silent = [await sold(reports) for _ in range(3)]
    ghost = reports.ledger.sale()

    await reports.tell(
        reports.line(same),
        reports.line(same),
        reports.line(other, amount=other.totals.total - 1),
        reports.line(ghost),
        reports.line(ghost, reference="ch_stranger", key="", payment_id=""),
    )

    found = {(one["what"], one["key"]): one for one in await reports.differences(open=True)}
    assert set(found) == {
        ("reported_twice", same.payment_id),
        ("amount_differs", other.payment_id),
        ("not_reported", silent.payment_id),
        ("not_in_journal", ghost.payment_id),
        ("unknown_to_us", ""),
    }
    differs = found["amount_differs", other.payment_id]
    assert (differs["journal"]["amount"], differs["reported"]["amount"]) == (10_000, 9_999)
    assert (found["not_reported", silent.payment_id]["reported"], differs["age_seconds"]) == (None, 0)
    (alarm,) = await reports.ledger.world.emitted("ledger", ReconciliationDiffered)
    assert alarm.differences == 5


async def test_a_span_that_is_reported_again_is_not_doubled_and_a_booking_of_another_hour_is(reports: Reports) -> None:
    """Operators ask for any span, besides the regular reports."""
    once, twice = await sold(reports), await sold(reports)
    lines = [reports.line(once), reports.line(twice)]
    await reports.tell(*lines)

    reports.ledger.clock.advance(hours=1)
    await reports.tell(*lines)
    assert await reports.differences() == []

    reports.ledger.clock.advance(hours=1)
    await reports.tell(reports.line(twice))
    assert [(one["what"], one["key"]) for one in await reports.differences()] == [("reported_twice", twice.payment_id)]


async def test_another_currency_is_a_difference(reports: Reports) -> None:
    sale = await sold(reports)

    await reports.tell(reports.line(sale, currency="JPY"))

    assert [one["what"] for one in await reports.differences()] == ["amount_differs"]


async def test_refunds_are_compared_with_their_sign(reports: Reports) -> None:
    sale = await sold(reports)
    for refund_id in ("rfd_1", "rfd_2"):
        refunded = PaymentRefunded(
            order_id=sale.order_id,
            payment_id=sale.payment_id,
            refund_id=refund_id,
            amount=400,
            currency="EUR",
            refunded_at=reports.ledger.clock.now(),
        )
        await reports.ledger.hear(refunded)

    await reports.tell(
        reports.line(sale),
        reports.line(sale, kind="refund", reference="re_1", key="rfd_1", amount=-400),
        reports.line(sale, kind="refund", reference="re_2", key="rfd_2", amount=400),
    )

    assert [(one["what"], one["key"]) for one in await reports.differences()] == [("amount_differs", "rfd_2")]


async def test_parts_may_come_in_any_order_and_twice(reports: Reports) -> None:
    sales = [await sold(reports) for _ in range(3)]
    first, second, third = reports.parts(*([reports.line(sale)] for sale in sales))

    await reports.ledger.hear(third, first)
    before = (await reports.reports())[0]["reconciled_at"]
    await reports.ledger.hear(second)

    assert before is None
    assert (await reports.reports())[0]["reconciled_at"] is not None
    assert await reports.differences() == []


async def test_what_was_only_late_ends_by_itself(reports: Reports) -> None:
    late, unreported = reports.ledger.sale(), await sold(reports)
    await reports.tell(reports.line(late))
    assert len(await reports.differences(open=True)) == 2

    await reports.ledger.hear(late, reports.ledger.capture(late))
    jobs = {job.name: job for job in reports.ledger.world.service("ledger").jobs}
    await jobs["ledger.look_again"].run()
    assert [one["what"] for one in await reports.differences(open=True)] == ["not_reported"]
    reports.ledger.clock.advance(hours=1)
    await reports.tell(reports.line(unreported))

    assert await reports.differences(open=True) == []
    assert len(await reports.differences(open=False)) == 2


async def test_what_happened_at_the_edge_of_a_report_waits_for_the_next(reports: Reports) -> None:
    sale = await sold(reports)
    await reports.ledger.hear(*reports.parts([], until=reports.ledger.clock.now()))
    assert await reports.differences() == []

    await reports.tell(reports.line(sale))

    assert await reports.differences() == []
    assert await reports.ledger.world.fetch("ledger", "SELECT 1 FROM unreconciled") == []


async def test_what_the_provider_kept_is_booked_once(reports: Reports) -> None:
    sale = await sold(reports)
    (part,) = reports.parts([reports.line(sale, fee=120)])

    await reports.ledger.hear(part, part)

    rows = await reports.ledger.world.fetch(
        "ledger",
        "SELECT a.kind, sum(l.amount)::bigint AS amount FROM line l JOIN account a ON a.id = l.account_id"
        " WHERE a.kind IN ('fees', 'clearing') GROUP BY 1 ORDER BY 1",
    )
    assert [tuple(row.values()) for row in rows] == [("clearing", 9_880), ("fees", 120)]


async def test_a_long_report_costs_no_more_statements(reports: Reports) -> None:
    sales = [reports.ledger.sale(earns={VENDOR: (100, 10, 0)}) for _ in range(400)]
    await reports.ledger.world.deliver_batch("ledger", sales)
    await reports.ledger.world.deliver_batch("ledger", [reports.ledger.capture(sale) for sale in sales])

    with statements(at_most=16):
        await reports.tell(*map(reports.line, sales))

    assert await reports.differences() == []


async def test_an_operator_explains_a_difference_once(reports: Reports) -> None:
    await sold(reports)
    await reports.tell()
    (found,) = await reports.differences()
    url = f"/v1/ledger/differences/{found['id']}/resolve"

    async with reports.ledger.world.http("ledger", reports.ledger.world.token(operator=True)) as client:
        made = await client.post(url, json={"note": "paid by cheque"})
        again = await client.post(url, json={"note": "paid by cheque"})
        empty = await client.post(url, json={"note": " "})
        missing = await client.post("/v1/ledger/differences/dif_none/resolve", json={"note": "x"})

    assert (made.status_code, made.json()["note"]) == (200, "paid by cheque")
    assert (again.status_code, again.json()["code"]) == (409, "ledger.difference_resolved")
    assert empty.status_code == 422
    assert (missing.status_code, missing.json()["code"]) == (404, "ledger.difference_unknown")


@pytest.mark.parametrize("path", ["reports", "differences"])
async def test_only_operators_see_the_providers_books(reports: Reports, path: str) -> None:
    token = reports.ledger.world.token("acc_1", vendors={VENDOR: "owner"})
    async with reports.ledger.world.http("ledger", token) as client:
        answer = await client.get(f"/v1/ledger/{path}")

    assert answer.status_code == 403


async def test_reports_told_at_once_are_compared_one_after_the_other(reports: Reports) -> None:
    """In either order, while differences are looked at again: none is found twice, and nobody waits in a circle."""
    ledger = reports.ledger
    sales = [ledger.sale() for _ in range(8)]
    await ledger.hear_together(*(ledger.capture(sale) for sale in sales))
    one = reports.parts([reports.line(sale, amount=1) for sale in sales[:4]])
    later = reports.until + timedelta(hours=1)
    two = reports.parts([reports.line(sale, amount=2) for sale in sales[4:]], until=later)
    work = [ledger.hear_together(*one, *two), ledger.hear_together(*two, *one), ledger.hear_together(*two)]
    await asyncio.gather(*work, *(ledger.run("look_again") for _ in range(4)), ledger.hear_together(*one))
    found = await reports.differences(limit=100)

    assert sorted(each["reported"]["amount"] for each in found if each["reported"]) == [1] * 4 + [2] * 4


async def test_what_is_posted_is_measured(reports: Reports) -> None:
    labels = {"kind": "capture", "currency": "EUR"}
    before = REGISTRY.get_sample_value("estore_ledger_posted_minor_units_total", labels) or 0
    sale = reports.ledger.sale()
    await reports.ledger.hear(reports.ledger.capture(sale), reports.ledger.capture(sale))

    assert REGISTRY.get_sample_value("estore_ledger_posted_minor_units_total", labels) == before + sale.totals.total


async def test_what_no_job_did_is_measured_all_the_same(reports: Reports) -> None:
    """A gauge that the job sets would show its last good value for as long as the job fails."""

    async def measured(name: str) -> float | None:
        await measure(reports.ledger.world.service("ledger"))
        return REGISTRY.get_sample_value(name, {"service": "ledger"})

    sale = await sold(reports)
    await reports.tell(reports.line(sale, amount=1))

    assert await measured("estore_ledger_unsealed_seconds") not in (None, 0)
    assert await measured("estore_reconciliation_open") == 1
    assert await measured("estore_reconciliation_oldest_seconds") not in (None, 0)

    await reports.ledger.run("seal_entries")

    assert await measured("estore_ledger_unsealed_seconds") == 0
