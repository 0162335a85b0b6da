"""What operators correct and hold, and who sees what."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ledger.factories import OTHER, VENDOR, Ledger

PAYABLE = 8_810
FINANCE = {"account_id": "acc_02", "vendors": {VENDOR: "finance"}}


async def adjusted(ledger: Ledger, amount: Any, key: str = "k", **more: Any) -> httpx.Response:
    money = {"amount": amount, "currency": more.pop("currency", "EUR")}
    body = {"vendor_id": VENDOR, "amount": money, "reason": "a lost pallet"} | more
    return await ledger.ask("POST", "/v1/ledger/adjustments", json=body, key=key)


async def held(ledger: Ledger, amount: int, key: str = "h", **more: Any) -> httpx.Response:
    body = {"vendor_id": VENDOR, "amount": {"amount": amount, "currency": "EUR"}, "reason": "a doubt"} | more
    return await ledger.ask("POST", "/v1/ledger/holds", json=body, key=key)


async def test_an_adjustment_moves_money_once_per_key(ledger: Ledger) -> None:
    await ledger.hear(ledger.vendor())
    first, again = await adjusted(ledger, 700), await adjusted(ledger, 700)
    taken = await adjusted(ledger, -200, key="another")

    assert first.status_code == 201
    assert again.json() == first.json()
    assert taken.status_code == 201
    assert await ledger.balances() == {"available": 500}


@pytest.mark.parametrize(
    ("how", "code", "pointer"),
    [
        ({"vendor_id": "vnd_99"}, "ledger.payee_unknown", "/vendor_id"),
        ({"currency": "JPY"}, "ledger.currency_unknown", "/amount/currency"),
        ({"amount": 0}, "ledger.amount_invalid", "/amount/amount"),
        ({"amount": 1.5}, "request.invalid", "/amount/amount"),
        ({"reason": ""}, "request.invalid", "/reason"),
    ],
)
async def test_a_wrong_adjustment_is_refused(ledger: Ledger, how: dict[str, Any], code: str, pointer: str) -> None:
    await ledger.hear(ledger.vendor())
    answer = await adjusted(ledger, **{"amount": 700} | how)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert await ledger.fetch("SELECT 1 FROM entry") == []


async def test_an_adjustment_needs_a_key_and_an_operator(ledger: Ledger) -> None:
    await ledger.hear(ledger.vendor())
    body = {"vendor_id": VENDOR, "amount": {"amount": 1, "currency": "EUR"}, "reason": "x"}
    keyless = await ledger.ask("POST", "/v1/ledger/adjustments", json=body)
    member = await ledger.ask("POST", "/v1/ledger/adjustments", json=body, key="k", who=FINANCE)

    assert (keyless.status_code, member.status_code) == (400, 403)


async def test_an_operator_holds_money_and_lets_it_go(ledger: Ledger) -> None:
    await ledger.available()
    hold = (await held(ledger, 1_000)).json()

    assert await ledger.balances() == {"available": PAYABLE - 1_000, "reserved": 1_000}

    path = f"/v1/ledger/holds/{hold['id']}/release"
    let_go = [await ledger.ask("POST", path, key=key) for key in "ab"]

    assert [answer.status_code for answer in let_go] == [200, 200]
    assert let_go[0].json() == let_go[1].json()
    assert await ledger.balances() == {"available": PAYABLE}


async def test_a_hold_with_an_end_ends_by_itself(ledger: Ledger) -> None:
    await ledger.available()
    ledger.clock.advance(days=1)
    end = ledger.clock.now()
    ledger.clock.advance(days=-1)
    await held(ledger, 1_000, release_at=end.isoformat())
    await ledger.run("release_due_holds")
    assert await ledger.balances() == {"available": PAYABLE - 1_000, "reserved": 1_000}
    ledger.clock.advance(days=1)
    await ledger.run("release_due_holds")

    assert await ledger.balances() == {"available": PAYABLE}


async def test_the_hold_of_a_return_ends_with_the_return_only(ledger: Ledger) -> None:
    sale = await ledger.available()
    await ledger.hear(ledger.return_(sale, 100))
    (hold,) = (await ledger.ask("GET", "/v1/ledger/holds")).json()["data"]
    answer = await ledger.ask("POST", f"/v1/ledger/holds/{hold['id']}/release", key="a")
    unknown = await ledger.ask("POST", "/v1/ledger/holds/hld_none/release", key="b")

    assert (answer.status_code, answer.json()["code"]) == (409, "ledger.hold_not_yours")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "ledger.hold_unknown")


async def test_a_rolling_reserve_holds_a_part_for_some_days(ledger: Ledger) -> None:
    await ledger.hear(ledger.vendor())
    path = f"/v1/ledger/terms/{VENDOR}"
    usual = (await ledger.ask("GET", path)).json()
    terms, unset = {"reserve_bps": 1_000, "reserve_days": 30}, {"if-match": '"v0"'}
    set_ = await ledger.ask("PUT", path, json=terms, headers=unset)
    await ledger.available()

    assert (usual["usual"], usual["reserve_bps"]) == (True, 0)
    assert set_.json() == {"vendor_id": VENDOR, "reserve_bps": 1_000, "reserve_days": 30, "usual": False, "version": 1}
    assert await ledger.balances() == {"available": PAYABLE - 881, "reserved": 881}

    ledger.clock.advance(days=30)
    await ledger.run("release_due_holds")

    assert await ledger.balances() == {"available": PAYABLE}


async def test_terms_of_nobody_are_not_found(ledger: Ledger) -> None:
    asked = await ledger.ask("GET", "/v1/ledger/terms/vnd_99")
    set_ = await ledger.ask("PUT", "/v1/ledger/terms/vnd_99", json={"reserve_bps": 1, "reserve_days": 1})

    assert (asked.status_code, set_.status_code) == (404, 404)


async def test_a_vendor_sees_its_own_money_and_nobody_elses(ledger: Ledger) -> None:
    sale = await ledger.available(earns={VENDOR: (10_000, 1_000, 190), OTHER: (5_000, 500, 95)})
    await ledger.hear(ledger.return_(sale, 100, number=2))
    balances = (await ledger.ask("GET", "/v1/ledger/balances", who=FINANCE)).json()["data"]
    entries = (await ledger.ask("GET", "/v1/ledger/entries", who=FINANCE)).json()["data"]
    of_order = await ledger.ask("GET", "/v1/ledger/entries", params={"order": sale.order_id}, who=FINANCE)
    holds = (await ledger.ask("GET", "/v1/ledger/holds", who=FINANCE)).json()["data"]

    assert [row["vendor_id"] for row in balances] == [VENDOR]
    assert [entry["kind"] for entry in entries] == ["release", "sale"]
    assert {line["owner"] for entry in entries for line in entry["lines"]} == {VENDOR}
    assert {line["account"] for entry in entries for line in entry["lines"]} == {"pending", "available"}
    assert of_order.json()["data"] == entries
    assert holds == []


@pytest.mark.parametrize("path", ["balances", "entries", "holds"])
async def test_somebody_elses_money_is_not_there(ledger: Ledger, path: str) -> None:
    await ledger.available()
    foreign = await ledger.ask("GET", f"/v1/ledger/{path}", params={"vendor": OTHER}, who=FINANCE)
    catalog = {"account_id": "acc_03", "vendors": {VENDOR: "catalog"}}
    other_role = await ledger.ask("GET", f"/v1/ledger/{path}", params={"vendor": VENDOR}, who=catalog)
    buyer = await ledger.ask("GET", f"/v1/ledger/{path}", who={"account_id": "acc_04"})

    assert (foreign.status_code, other_role.status_code, buyer.status_code) == (404, 404, 403)


@pytest.mark.parametrize("path", ["balance-sheet", "chain", "chain/verification", f"terms/{VENDOR}"])
async def test_the_platforms_books_are_for_operators(ledger: Ledger, path: str) -> None:
    assert (await ledger.ask("GET", f"/v1/ledger/{path}", who=FINANCE)).status_code == 403


@pytest.mark.parametrize(("query", "entries"), [({}, 10), ({"vendor": VENDOR}, 5), ({"order": "ord_1"}, 2)])
async def test_operators_see_whole_entries_page_by_page(ledger: Ledger, query: dict[str, str], entries: int) -> None:
    for number in range(5):
        ledger.clock.advance(minutes=1)
        sale = ledger.sale(f"ord_{number}")
        await ledger.hear(ledger.capture(sale), sale)
    seen: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = (await ledger.ask("GET", "/v1/ledger/entries", params={**query, "limit": 2, **more})).json()
        seen += page["data"]
        if page["next_cursor"] is None:
            break
        more = {"cursor": page["next_cursor"]}

    assert len({entry["id"] for entry in seen}) == len(seen) == entries
    assert [entry["posted_at"] for entry in seen] == sorted((entry["posted_at"] for entry in seen), reverse=True)
    for entry in seen:
        signed = [x["amount"]["amount"] * (1 if x["side"] == "debit" else -1) for x in entry["lines"]]
        assert sum(signed) == 0
        assert len(signed) >= 2


@pytest.mark.parametrize("at", ["2030-01-01T00:00:00Z", "2025-01-01T00:00:00"])
async def test_only_the_past_can_be_asked_for(ledger: Ledger, at: str) -> None:
    answers = [
        await ledger.ask("GET", f"/v1/ledger/{path}", params={"at": at}) for path in ("balances", "balance-sheet")
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(422, "ledger.moment_invalid")] * 2


async def test_reserve_terms_are_changed_by_who_has_read_them(ledger: Ledger) -> None:
    await ledger.hear(ledger.vendor())
    url, terms = f"/v1/ledger/terms/{VENDOR}", {"reserve_bps": 1, "reserve_days": 1}
    blind = await ledger.ask("PUT", url, json=terms)
    read = await ledger.ask("GET", url)
    how = {"json": terms, "headers": {"if-match": read.headers["etag"]}}
    first, second = await ledger.ask("PUT", url, **how), await ledger.ask("PUT", url, **how)

    assert [answer.status_code for answer in (blind, first, second)] == [428, 200, 412]
