"""Statements, dashboard and forecast: every cent explained, to its vendor and nobody else."""

from __future__ import annotations

import asyncio
import csv
import gc
import io
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import pytest

from estore.kit.db import statements as statements_of
from estore.kit.money import Money
from estore.services.ledger.domain import Account, EntryKind, Kind, Posting
from estore.services.ledger.domain.statements import Moved, Sold, StatementInexact, explain
from estore.services.ledger.routes import csv_statement
from estore.services.ledger.store import Journal
from ledger.factories import OTHER, VENDOR, Ledger

JSON = dict[str, Any]


async def ask(ledger: Ledger, what: str, token: str | None = None, **query: Any) -> httpx.Response:
    async with ledger.world.http("ledger", token or ledger.world.token(operator=True)) as client:
        return await client.get(f"/v1/ledger/{what}", params=query)


def days(ledger: Ledger, before: int = 1, after: int = 1) -> JSON:
    today = ledger.clock.now().date()
    return {"since": str(today - timedelta(days=before)), "until": str(today + timedelta(days=after))}


async def statement(ledger: Ledger, vendor: str = VENDOR, **query: Any) -> JSON:
    answer = await ask(ledger, "statements", vendor=vendor, **(days(ledger) | query))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def post(ledger: Ledger, *postings: Posting) -> None:
    """Book what other parts of the ledger would."""
    async with ledger.world.service("ledger").db.transaction() as tx:
        await Journal().post(tx, postings, ledger.clock.now())


def payout(number: int, amount: int, currency: str = "EUR") -> tuple[Posting, Posting]:
    def account(kind: Kind) -> Account:
        return Account(kind, VENDOR, currency)

    at = datetime(2026, 1, 1, tzinfo=UTC)
    return (
        Posting(
            source=f"test:{number}",
            kind=EntryKind.PAYOUT,
            currency=currency,
            ref=f"po_{number}",
            lines=((account(Kind.PENDING), amount), (account(Kind.PAYING), -amount)),
            occurred_at=at,
        ),
        Posting(
            source=f"test-paid:{number}",
            kind=EntryKind.PAYOUT_PAID,
            currency=currency,
            ref=f"po_{number}",
            lines=((account(Kind.PAYING), amount), (account(Kind.PAID_OUT), -amount)),
            occurred_at=at,
        ),
    )


def test_lines_that_do_not_sum_to_the_entry_are_never_shown() -> None:
    moved = Moved(datetime(2026, 1, 1, tzinfo=UTC), 1, 1, "sale", "sale:ord_1", "", "ord_1", "", 900)
    sold = Sold("pcl_1", "E-1", "lin_1", "SKU", "A thing", 1, 1000, 0, 0, 1000, 101, 0, 0)

    with pytest.raises(StatementInexact):
        explain(moved, "EUR", 0, [sold])


async def test_a_statement_explains_every_cent_between_two_balances(uneven_ledger: Ledger) -> None:
    ledger = uneven_ledger
    await ledger.hear(ledger.vendor(), ledger.sale(earns={VENDOR: (10_000, 1_000, 190), OTHER: (500, 50, 0)}))
    await ledger.hear(ledger.sale(earns={VENDOR: (3_333, 333, 63)}))
    await post(ledger, *payout(1, 4_000))

    made = await statement(ledger)

    assert made["opening"]["amount"] == 0
    assert made["closing"]["amount"] == 8_810 + 2_937 - 4_000
    assert made["totals"]["sales"]["amount"] == 8_810 + 2_937
    assert made["totals"]["payouts"]["amount"] == -4_000
    assert [line["kind"] for line in made["lines"]] == ["sale", "sale", "payout"]
    assert sum(line["amount"]["amount"] for line in made["lines"]) == made["closing"]["amount"]
    assert made["lines"][-1]["balance"] == made["closing"]
    first = made["lines"][0]
    assert (first["price"]["amount"], first["commission"]["amount"], first["commission_tax"]["amount"]) == (
        10_000,
        1_000,
        190,
    )


async def test_what_one_statement_closes_with_the_next_one_opens_with(ledger: Ledger) -> None:
    await ledger.hear(ledger.sale())
    yesterday = await statement(ledger, **days(ledger, 1, 1))
    ledger.clock.advance(days=2, hours=1)
    await ledger.hear(ledger.sale())

    today = await statement(ledger, **days(ledger, 0, 1))
    before = await statement(ledger, since=yesterday["since"], until=today["since"])

    assert before["closing"] == today["opening"] == yesterday["closing"]
    assert before["final"] and not today["final"]
    assert len(today["lines"]) == 1


async def test_shipping_is_a_line_of_its_own(ledger: Ledger) -> None:
    sale = ledger.sale()
    (share,) = sale.parcels
    share = type(share)(**{f: getattr(share, f) for f in share.__struct_fields__} | {"shipping": 490, "total": 10_490})
    totals = type(sale.totals)(items=10_000, discount=0, shipping=490, tax=0, total=10_490, currency="EUR")
    await ledger.hear(
        type(sale)(**{f: getattr(sale, f) for f in sale.__struct_fields__} | {"parcels": (share,), "totals": totals})
    )

    lines = (await statement(ledger))["lines"]

    assert [(line["kind"], line["amount"]["amount"]) for line in lines] == [("sale", 8_810), ("shipping", 490)]


async def test_many_chunks_are_read_as_one(ledger: Ledger) -> None:
    sales = [ledger.sale(earns={VENDOR: (100 + n, 10, 1)}) for n in range(1_203)]
    await ledger.world.deliver_batch("ledger", sales)

    made = await statement(ledger)

    assert len(made["lines"]) == 1_203
    assert len({line["order_id"] for line in made["lines"]}) == 1_203
    assert made["lines"][-1]["balance"] == made["closing"]


@pytest.mark.parametrize("spelling", ["json", "csv"])
async def test_a_long_statement_takes_no_more_memory_than_a_short_one(ledger: Ledger, spelling: str) -> None:
    """What goes through Python's memory at once, as it is sent; a client that collects it would hide it."""
    peaks, sizes = [], []
    for more in (1_000, 3_000):
        for _ in range(more // 1_000):
            sales = [ledger.sale(earns={VENDOR: (100, 10, 1)}) for _ in range(1_000)]
            await ledger.world.deliver_batch("ledger", sales)
        del sales
        await _stream(ledger, spelling)
        gc.collect()
        tracemalloc.start()
        sizes.append(await _stream(ledger, spelling))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert sizes[1] > 3.5 * sizes[0]
    assert peaks[1] < 1.5 * peaks[0]


async def _stream(ledger: Ledger, spelling: str) -> int:
    """Ask for a statement and drop what comes; returns how many bytes came."""
    size = 0
    token = ledger.world.token(operator=True)
    query = urlencode({"vendor": VENDOR, "format": spelling, **days(ledger)})

    over = asyncio.Event()

    async def receive() -> Any:
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal size
        size += len(message.get("body", b""))
        if message["type"] == "http.response.body" and not message.get("more_body"):
            over.set()

    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "http_version": "1.1",
        "path": "/v1/ledger/statements",
        "raw_path": b"/v1/ledger/statements",
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(b"host", b"estore.test"), (b"authorization", f"Bearer {token}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("estore.test", 80),
        "extensions": {},
    }
    await ledger.world.app("ledger")(scope, receive, send)
    return size


async def test_a_chunk_costs_the_same_statements_however_much_it_holds(ledger: Ledger) -> None:
    await ledger.world.deliver_batch("ledger", [ledger.sale(earns={VENDOR: (100, 10, 0)}) for _ in range(400)])

    with statements_of(at_most=16):
        await statement(ledger)


async def test_csv_says_what_json_says(ledger: Ledger) -> None:
    await ledger.hear(ledger.vendor(), ledger.sale(earns={VENDOR: (10_001, 1_000, 190)}))

    answer = await ask(ledger, "statements", vendor=VENDOR, format="csv", **days(ledger))
    rows = list(csv.DictReader(io.StringIO(answer.text)))

    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert [row["kind"] for row in rows] == ["opening", "sale", "closing"]
    assert (rows[1]["total"], rows[1]["commission"], rows[1]["amount"]) == ("100.01", "10.00", "88.11")
    assert rows[2]["balance"] == "88.11"


async def test_amounts_have_the_decimals_of_their_currency(ledger: Ledger) -> None:
    for currency, shown in (("JPY", "8810"), ("KWD", "8.810")):
        await ledger.hear(ledger.sale(currency=currency))

        answer = await ask(ledger, "statements", vendor=VENDOR, format="csv", currency=currency, **days(ledger))

        assert list(csv.DictReader(io.StringIO(answer.text)))[1]["amount"] == shown


@pytest.mark.parametrize("title", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\tx"])
def test_no_cell_is_a_formula(title: str) -> None:
    money = Money(1, "EUR")
    moved = Moved(datetime(2026, 1, 1, tzinfo=UTC), 1, 1, "adjustment", "x", "", None, title, 1)
    (line,) = explain(moved, "EUR", 0)

    (row,) = csv.reader(io.StringIO(csv_statement.body([line]).decode(), newline=""))

    assert row[csv_statement.COLUMNS.index("title")] == f"'{title}"
    assert money.amount == 1


async def test_a_pdf_is_made_with_letters_of_many_alphabets(ledger: Ledger) -> None:
    await ledger.hear(ledger.vendor(name="Łódź ř Ж α", legal_name="Łódź GmbH"))
    await ledger.world.deliver_batch("ledger", [ledger.sale() for _ in range(120)])

    answer = await ask(ledger, "statements", vendor=VENDOR, format="pdf", **days(ledger))

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert answer.content.count(b"/Type /Page\n") >= 3


async def test_a_pdf_that_would_be_too_long_is_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("estore.services.ledger.routes.pdf_statement.MOST_LINES", 2)
    await ledger.hear(*[ledger.sale() for _ in range(3)])

    answer = await ask(ledger, "statements", vendor=VENDOR, format="pdf", **days(ledger))

    assert (answer.status_code, answer.json()["code"]) == (422, "ledger.statement_too_long")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"since": "2026-02-01", "until": "2026-02-01"}, 422, "ledger.period_invalid"),
        ({"since": "2024-01-01", "until": "2026-02-01"}, 422, "ledger.period_invalid"),
        ({"since": "9998-01-01", "until": "9998-02-01"}, 422, "ledger.period_invalid"),
        ({"since": "yesterday", "until": "2026-02-01"}, 400, "request.parameter_invalid"),
        ({"until": "2026-02-01"}, 400, "request.parameter_invalid"),
        ({"since": "2026-01-01", "until": "2026-02-01", "currency": "euro"}, 400, "request.parameter_invalid"),
        ({"since": "2026-01-01", "until": "2026-02-01", "format": "xls"}, 400, "request.parameter_invalid"),
    ],
)
async def test_a_period_that_makes_no_sense_is_refused(ledger: Ledger, query: JSON, status: int, code: str) -> None:
    answer = await ask(ledger, "statements", vendor=VENDOR, **query)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("what", ["statements", "dashboard", "forecast"])
async def test_somebody_elses_figures_are_not_there(ledger: Ledger, what: str) -> None:
    await ledger.hear(ledger.sale())
    period = days(ledger) if what != "forecast" else {}
    strangers: Iterable[dict[str, str]] = ({OTHER: "owner"}, {VENDOR: "catalog"}, {VENDOR: "fulfilment"})
    for vendors in strangers:
        token = ledger.world.token(f"acc_{uuid4().hex}", vendors=vendors)

        answer = await ask(ledger, what, token, vendor=VENDOR, **period)

        assert (answer.status_code, answer.json()["code"]) == (404, "ledger.vendor_unknown")
    assert (await ask(ledger, what, ledger.world.token("acc_guest"), vendor=VENDOR, **period)).status_code == 403


async def test_a_dashboard_shows_what_is_open_and_the_lines_that_make_it_up(ledger: Ledger) -> None:
    mine, both = ledger.sale(), ledger.sale(earns={VENDOR: (500, 50, 0), OTHER: (700, 70, 0)})
    await ledger.hear(mine, both)
    token = ledger.world.token("acc_1", vendors={VENDOR: "owner"})

    shown = (await ask(ledger, "dashboard", token)).json()

    (open_,) = shown["open"]
    assert (open_["state"], open_["orders"], open_["parcels"]) == ("open", 2, 2)
    assert open_["amount"]["amount"] == 10_500 == sum(line["amount"]["amount"] for line in shown["lines"])
    assert open_["payable"]["amount"] == 8_810 + 450 == sum(line["payable"]["amount"] for line in shown["lines"])
    assert {line["vendor_id"] for line in shown["lines"]} == {VENDOR}
    assert shown["complete"]


async def test_an_operator_sees_all_vendors_and_a_short_list_says_that_it_is_short(ledger: Ledger) -> None:
    await ledger.hear(ledger.sale(earns={VENDOR: (500, 50, 0), OTHER: (700, 70, 0)}))

    shown = (await ask(ledger, "dashboard", lines=1)).json()

    assert shown["open"][0]["amount"]["amount"] == 1_200
    assert (len(shown["lines"]), shown["complete"]) == (1, False)


async def test_sales_are_the_same_before_and_after_they_are_added_up(ledger: Ledger) -> None:
    await ledger.hear(*[ledger.sale() for _ in range(3)])
    before = (await ask(ledger, "dashboard", vendor=VENDOR)).json()
    jobs = {job.name: job for job in ledger.world.service("ledger").jobs}
    await jobs["ledger.roll_sales"].run()
    await ledger.hear(ledger.sale())
    await jobs["ledger.roll_sales"].run()
    await jobs["ledger.roll_sales"].run()

    after = (await ask(ledger, "dashboard", vendor=VENDOR)).json()

    assert [row["amount"]["amount"] for row in before["by_day"]] == [30_000]
    assert [row["amount"]["amount"] for row in after["by_day"]] == [40_000]
    assert [(row["key"], row["pieces"]) for row in after["by_product"]] == [("prd_1", 4)]
    assert sorted(row["key"] for row in after["by_category"]) == ["home", "lamps"]
    assert {row["amount"]["amount"] for row in after["by_category"]} == {40_000}
    assert await ledger.world.fetch("ledger", "SELECT 1 FROM unrolled_sale") == []


async def test_a_forecast_adds_up_to_what_is_owed(ledger: Ledger) -> None:
    await ledger.hear(ledger.sale(), ledger.sale())

    told = (await ask(ledger, "forecast", vendor=VENDOR)).json()

    assert told["undelivered"]["amount"] == 2 * 8_810
    assert (told["available"]["amount"], told["held"]["amount"], told["due"]) == (0, 0, [])
