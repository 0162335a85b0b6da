"""Payouts that go to the bank by SEPA file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from importlib import resources
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from estore.kit.settings import SettingError
from estore.services.ledger.app import build
from estore.services.ledger.gateways.sepa import SCHEMA, plain
from ledger.payees import OTHER, VENDOR, WELL, Payees, eur, iban, key, ok, opened
from support.databases import Databases
from support.world import settings_for

SEPA = {
    "ESTORE_LEDGER_PAYOUT_GATEWAY": "sepa",
    "ESTORE_LEDGER_SEPA_IBAN": "NL91ABNA0417164300",
    "ESTORE_LEDGER_SEPA_NAME": "Estore Märkte & Co",
}
NS = {"p": f"urn:iso:std:iso:20022:tech:xsd:{SCHEMA}"}


@pytest.fixture
async def payees(databases: Databases) -> AsyncIterator[Payees]:
    async with opened(databases, **SEPA) as made:
        yield made


async def make(payees: Payees) -> dict[str, Any]:
    return await ok(payees.operator.post("/v1/payouts/files", headers=key()), 201)


async def mark(payees: Payees, payout_id: str, outcome: str, status: int = 200, **values: Any) -> dict[str, Any]:
    body = {"outcome": outcome, "at": payees.clock.now().isoformat()} | values
    return await ok(payees.operator.post(f"/v1/payouts/{payout_id}/mark", json=body, headers=key()), status)


async def test_a_file_holds_what_waits_and_is_valid(payees: Payees) -> None:
    await payees.vendor(available=5_000, holder="Müller & Söhne GmbH")
    await payees.vendor(OTHER, available=123, number=iban("1234"))
    one = await payees.pay()
    body = {"vendor_id": OTHER, "amount": eur(123)}
    two = await ok(payees.operator.post("/v1/payouts", json=body, headers=key()), 201)
    made = await make(payees)
    answer = await payees.operator.get(f"/v1/payouts/files/{made['id']}")
    again = await payees.operator.get(f"/v1/payouts/files/{made['id']}")
    document = ElementTree.fromstring(answer.text)
    schema = xmlschema.XMLSchema(str(resources.files("sepaxml") / "schemas" / f"{SCHEMA}.xsd"))
    texts = {path: [e.text for e in document.iterfind(f".//p:{path}", NS)] for path in ("EndToEndId", "InstdAmt", "Nm")}

    assert schema.is_valid(answer.text)
    assert answer.headers["content-type"].startswith("application/xml")
    assert again.content == answer.content
    assert (made["payouts"], made["amount"], made["created_by"]) == (2, eur(5_123), "acc_op")
    assert texts["EndToEndId"] == [one["end_to_end"], two["end_to_end"]]
    assert texts["InstdAmt"] == ["50.00", "1.23"]
    assert texts["Nm"] == ["Estore Markte   Co", "Estore Markte   Co", "Muller   Sohne GmbH", "Tonwerk GmbH"]
    assert [e.text for e in document.iterfind(".//p:GrpHdr/p:CtrlSum", NS)] == ["51.23"]
    assert [e.text for e in document.iterfind(".//p:IBAN", NS)][1:] == [WELL, iban("1234")]
    assert max(len(text or "") for text in texts["EndToEndId"]) <= 35
    assert (await payees.payout(one["id"]))["status"] == "submitted"
    assert (await payees.payout(one["id"]))["file_id"] == made["id"]


async def test_a_payout_is_in_one_file_however_many_make_one(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    for _ in range(4):
        await payees.pay(500)
    headers = [key() for _ in range(4)]
    answers = await asyncio.gather(*(payees.operator.post("/v1/payouts/files", headers=h) for h in headers))
    made = [a.json() for a in answers if a.status_code == 201]
    repeats = [await payees.operator.post("/v1/payouts/files", headers=h) for h in headers]
    empty = await payees.operator.post("/v1/payouts/files", headers=key())

    assert sum(file["payouts"] for file in made) == 4
    assert {a.status_code for a in answers} <= {201, 409}
    assert [r.json() for r in repeats if r.status_code == 201] == made
    assert (empty.status_code, empty.json()["code"]) == (409, "ledger.no_payouts_to_send")
    listed = await ok(payees.operator.get("/v1/payouts/files", params={"limit": 1}), 200)
    assert len(listed["data"]) == 1


async def test_the_operator_says_what_the_bank_did(payees: Payees) -> None:
    await payees.vendor(available=3_000)
    ids = [(await payees.pay(1_000))["id"] for _ in range(3)]
    await make(payees)
    paid = await mark(payees, ids[0], "paid")
    failed = await mark(payees, ids[1], "failed", code="AC01")
    await mark(payees, ids[2], "paid")
    payees.clock.advance(days=2)  # type: ignore[union-attr]
    returned = await mark(payees, ids[2], "returned", code="AC04")
    twice = await mark(payees, ids[0], "paid", 409)

    assert (paid["status"], failed["status"], failed["code"]) == ("paid", "failed", "AC01")
    assert (returned["status"], returned["code"]) == ("returned", "AC04")
    assert (twice["code"], twice["payout_status"], twice["status"]) == ("ledger.payout_state", "paid", 409)
    assert await payees.balance() == {"available": 2_000, "paid_out": 1_000}
    assert await payees.told() == ["Created"] * 3 + ["Paid", "Failed", "Paid", "Failed"]


async def test_of_many_who_mark_one_payout_one_does(payees: Payees) -> None:
    await payees.vendor(available=3_000)
    payout = await payees.pay()
    await make(payees)
    url, at = f"/v1/payouts/{payout['id']}/mark", payees.clock.now().isoformat()
    bodies = [{"outcome": "paid", "at": at}, {"outcome": "failed", "code": "AC01", "at": at}] * 3
    answers = await asyncio.gather(*(payees.operator.post(url, json=body, headers=key()) for body in bodies))

    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409, 409, 409]


async def test_wrong_reports_are_refused(payees: Payees) -> None:
    await payees.vendor(available=3_000)
    payout = await payees.pay()
    early = await mark(payees, payout["id"], "paid", 409)
    await make(payees)
    now = payees.clock.now()
    future = await mark(payees, payout["id"], "paid", 422, at=(now + timedelta(minutes=1)).isoformat())
    before = await mark(payees, payout["id"], "paid", 422, at=(now - timedelta(days=2)).isoformat())
    naive = await mark(payees, payout["id"], "paid", 422, at="2026-01-01T00:00:00")
    why = await mark(payees, payout["id"], "failed", 422)

    assert early["code"] == "ledger.payout_state"
    assert [p["errors"][0]["pointer"] for p in (future, before, naive, why)] == ["/at", "/at", "/at", "/code"]
    assert (await payees.payout(payout["id"]))["status"] == "submitted"


async def test_files_are_for_operators_only(payees: Payees) -> None:
    await payees.vendor(available=3_000)
    await payees.pay()
    url = f"/v1/payouts/files/{(await make(payees))['id']}"
    answers = [await payees.owner.get("/v1/payouts/files"), await payees.owner.get(url)]
    answers.append(await payees.owner.post("/v1/payouts/files", headers=key()))

    assert [a.status_code for a in answers] == [403, 403, 403]
    assert (await payees.operator.get("/v1/payouts/files/pof_0")).status_code == 404
    assert (await payees.owner.get(f"/v1/payouts?vendor={VENDOR}")).json()["data"][0]["file_id"] is None


async def test_files_are_made_by_themselves_once_a_day(payees: Payees) -> None:
    await payees.vendor(available=3_000)
    await payees.pay(1_000)
    await payees.run("payout-file", "payout-file")
    await payees.pay(1_000)
    await payees.run("payout-file")
    first = [p["status"] for p in await payees.payouts()]
    payees.clock.advance(days=1)  # type: ignore[union-attr]
    await asyncio.gather(payees.run("payout-file"), payees.run("payout-file"))

    assert first == ["created", "submitted"]
    assert [p["status"] for p in await payees.payouts()] == ["submitted", "submitted"]


async def test_what_the_bank_does_not_take_stays_available(payees: Payees) -> None:
    """A payout of it could neither be sent nor rejected: it would be on its way for ever."""
    await payees.vendor(available=3_000)
    await payees.deliver(await payees.sell(currency="JPY", earns={VENDOR: (90_000, 0, 0)}))
    asked = await payees.owner.post(
        "/v1/payouts", json={"vendor_id": VENDOR, "amount": eur(90_000, "JPY")}, headers=key()
    )
    payees.clock.advance(days=4)  # type: ignore[union-attr]
    await payees.run("payout-run", "payout-file")

    assert (asked.status_code, asked.json()["reason"]) == (409, "currency")
    assert await payees.payouts(status="created") == []
    assert (await payees.ledger.balances(currency="JPY")) == {"available": 90_000}


async def test_an_account_that_cools_goes_into_no_file(payees: Payees) -> None:
    await payees.vendor(available=3_000)
    await payees.pay()
    await payees.move_account(await payees.account(iban("1234")))
    await payees.operator.post("/v1/payouts/files", headers=key())
    during = (await payees.payouts())[0]
    payees.clock.advance(days=1, seconds=1)  # type: ignore[union-attr]
    await make(payees)
    after = (await payees.payouts())[0]

    assert (during["status"], during["waiting_for"]["code"]) == ("created", "cooling")
    assert (after["status"], after["bank_account"]["last4"]) == ("submitted", "1234")


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ({"ESTORE_LEDGER_SEPA_IBAN": ""}, "ESTORE_LEDGER_SEPA_IBAN must be set"),
        ({"ESTORE_LEDGER_SEPA_NAME": ""}, "ESTORE_LEDGER_SEPA_NAME must be set"),
        ({"ESTORE_LEDGER_SEPA_IBAN": "DE00"}, "ESTORE_LEDGER_SEPA_IBAN is not an IBAN"),
        ({"ESTORE_LEDGER_SEPA_BIC": "X"}, "ESTORE_LEDGER_SEPA_BIC is not a BIC"),
    ],
)
def test_what_the_file_needs_is_asked_for_at_the_start(missing: dict[str, str], told: str) -> None:
    with pytest.raises(SettingError, match=told) as caught:
        build(settings_for("postgresql://nowhere", ["ledger"], **SEPA | missing))

    assert "\n" not in str(caught.value)


def test_money_that_moves_nowhere_is_refused_where_no_sandbox_may_be() -> None:
    settings = msgspec.structs.replace(settings_for("postgresql://nowhere", ["ledger"]), sandbox=False)
    with pytest.raises(SettingError, match="ESTORE_LEDGER_PAYOUT_GATEWAY=sepa"):
        build(settings)


@given(st.text(max_size=200), st.integers(1, 140))
def test_any_name_becomes_one_that_banks_know(text: str, at_most: int) -> None:
    made = plain(text, at_most)

    assert 1 <= len(made) <= at_most
    assert made.isascii()
    assert made == made.strip()
