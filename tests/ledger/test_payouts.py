"""The life of a payout on the sandbox bank."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from estore.contracts.ledger import PayoutFailed, PayoutPaid
from estore.kit.db import statements
from estore.kit.watching import measure
from ledger.payees import LITTLE, OTHER, VENDOR, WELL, Payees, eur, iban, key, ok, opened
from support.databases import Databases
from support.world import world


@pytest.fixture
async def payees(databases: Databases) -> AsyncIterator[Payees]:
    async with opened(databases) as made:
        yield made


async def test_a_payout_goes_from_available_to_the_bank(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    payout = await payees.pay(3_000)
    between = await payees.balance()
    await payees.run("payout-send")
    done = await payees.payout(payout["id"])

    assert (payout["status"], between) == ("created", {"available": 2_000, "paying": 3_000})
    assert (done["status"], done["bank_account"]["last4"]) == ("paid", "3000")
    assert await payees.balance() == {"available": 2_000, "paid_out": 3_000}
    assert await payees.told() == ["Created", "Paid"]
    assert await payees.transfers() == [{"key": payout["id"], "amount": 3_000, "status": "paid"}]


async def test_without_an_amount_all_that_is_available_goes(payees: Payees) -> None:
    await payees.vendor(available=5_001)

    assert (await payees.pay())["amount"] == eur(5_001)
    assert await payees.balance() == {"paying": 5_001}


@pytest.mark.parametrize(
    ("ending", "at_first", "at_last"),
    [
        ("9001", "submitted", "paid"),
        ("9002", "submitted", "paid"),
        ("9003", "failed", "failed"),
        ("9004", "paid", "returned"),
        ("9005", "paid", "paid"),
        ("9006", "submitted", "paid"),
    ],
)
async def test_however_the_bank_behaves_it_pays_once_or_not_at_all(
    databases: Databases, ending: str, at_first: str, at_last: str
) -> None:
    async with opened(databases) as payees:
        await payees.vendor(available=5_000, number=iban(ending))
        payout = await payees.pay()
        await payees.run("payout-send")
        first = (await payees.payout(payout["id"]))["status"]
        for _ in range(6):
            await payees.later(seconds=70)
        last = await payees.payout(payout["id"])

        assert (first, last["status"]) == (at_first, at_last)
        assert len(await payees.transfers()) == 1
        assert await payees.balance() == ({"paid_out": 5_000} if at_last == "paid" else {"available": 5_000})


async def test_what_was_returned_is_payable_again_once(payees: Payees) -> None:
    await payees.vendor(available=5_000, number=iban("9004"))
    first = await payees.pay()
    await payees.run("payout-send")
    await payees.later(seconds=200)
    await payees.later(seconds=200)
    again, *refused = await asyncio.gather(*(payees.ask() for _ in range(3)))
    answers = sorted([again.status_code, *(r.status_code for r in refused)])
    (failed,) = await payees.world.emitted("ledger", PayoutFailed)

    assert answers == [201, 409, 409]
    assert (failed.payout_id, failed.code, failed.returned) == (first["id"], "AC04", True)
    assert await payees.balance() == {"paying": 5_000}


async def test_a_process_that_dies_between_claim_and_record_pays_nothing_twice(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    payout = await payees.pay()
    claimed = await payees.teller._e.claim(payees.world.ctx(), 10)
    await payees.bank.send(claimed[0].transfer)
    meanwhile = (await payees.payout(payout["id"]))["status"]
    await payees.run("payout-send")
    untouched = (await payees.payout(payout["id"]))["status"]
    await payees.later(seconds=120)

    assert (meanwhile, untouched) == ("submitted", "submitted")
    assert (await payees.payout(payout["id"]))["status"] == "paid"
    assert len(await payees.transfers()) == 1
    assert len(await payees.world.emitted("ledger", PayoutPaid)) == 1


async def test_a_process_that_dies_before_it_sends_leaves_a_payout_that_is_sent(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    payout = await payees.pay()
    await payees.teller._e.claim(payees.world.ctx(), 10)
    for _ in range(3):
        await payees.later(seconds=120)

    assert (await payees.payout(payout["id"]))["status"] == "paid"
    assert len(await payees.transfers()) == 1


async def test_the_timers_may_run_in_many_processes(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    await payees.vendor(OTHER, available=4_000, number=iban("9005"))
    payees.clock.advance(days=4)  # type: ignore[union-attr]  # to a Monday
    await asyncio.gather(*(payees.run("payout-run") for _ in range(4)))
    await asyncio.gather(*(payees.run("payout-send", "payout-notices") for _ in range(4)))
    statuses = {p["vendor_id"]: (p["status"], p["amount"]["amount"], p["scheduled"]) for p in await payees.payouts()}

    assert statuses == {VENDOR: ("paid", 5_000, True), OTHER: ("paid", 4_000, True)}
    assert len(await payees.transfers()) == 2


async def test_the_schedule_pays_on_its_day_and_once(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    await payees.run("payout-run")
    before = await payees.payouts()  # 1 January 2026 is a Thursday
    payees.clock.advance(days=4)  # type: ignore[union-attr]
    await payees.run("payout-run")
    await payees.earn(7_000)
    await payees.run("payout-run", "payout-run")

    assert before == []
    assert [p["amount"] for p in await payees.payouts()] == [eur(5_000)]


async def test_a_daily_and_a_manual_schedule_are_kept(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    await payees.vendor(OTHER, available=5_000)
    for vendor, schedule in ((VENDOR, "daily"), (OTHER, "manual")):
        url = f"/v1/payouts/terms/{vendor}"
        await ok(payees.operator.put(url, json={"schedule": schedule}, headers={"If-Match": '"v0"'}), 200)
    for _ in range(5):
        await payees.run("payout-run")
        payees.clock.advance(days=1)  # type: ignore[union-attr]
        await payees.earn(200)

    assert [p["amount"]["amount"] for p in await payees.payouts()] == [200, 200, 200, 200, 5_000]
    assert {p["vendor_id"] for p in await payees.payouts()} == {VENDOR}


async def test_below_the_minimum_nothing_is_scheduled(payees: Payees) -> None:
    await payees.vendor(available=99)
    payees.clock.advance(days=4)  # type: ignore[union-attr]
    await payees.run("payout-run")

    assert await payees.payouts() == []


async def test_a_run_is_a_constant_number_of_statements(payees: Payees) -> None:
    payees.clock.advance(days=4)  # type: ignore[union-attr]
    run = payees.jobs["ledger.payout-run"].run
    await run()  # the first of a day says so
    token = await payees.account()
    counts = []
    for batch in (1, 12):
        for number in range(batch):
            vendor = f"vnd_{batch}_{number}"
            await payees.approve(vendor, token)
            await payees.earn(1_000, vendor)
        with statements() as sent:
            await run()
        counts.append(sent.count)

    assert len(await payees.payouts(limit=100)) == 13
    assert counts[1] == counts[0]


async def test_the_same_key_pays_once(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    headers = key()
    body = {"vendor_id": VENDOR, "amount": eur(1_000)}
    first = await payees.owner.post("/v1/payouts", json=body, headers=headers)
    again = await payees.owner.post("/v1/payouts", json=body, headers=headers)
    other = await payees.owner.post("/v1/payouts", json=body | {"amount": eur(1_001)}, headers=headers)
    missing = await payees.owner.post("/v1/payouts", json=body)

    assert (first.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, missing.status_code) == (422, 400)
    assert await payees.balance() == {"available": 4_000, "paying": 1_000}


async def test_of_many_at_once_only_what_is_available_goes(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    payees.clock.advance(days=4)  # type: ignore[union-attr]
    asked = [payees.ask(1_000) for _ in range(12)]
    answers = await asyncio.gather(*asked, payees.run("payout-run"), payees.run("payout-run"))
    codes = {a.status_code for a in answers if a is not None}
    paid = sum(p["amount"]["amount"] for p in await payees.payouts())

    assert paid == 5_000
    assert codes <= {201, 409, 503}
    assert await payees.balance() == {"paying": 5_000}


async def test_what_is_taken_back_meanwhile_is_not_paid_out(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    taking = payees.earn(-3_000)
    answers = await asyncio.gather(payees.ask(3_000), taking, payees.ask(3_000))
    made = [a.status_code for a in answers if a is not None].count(201)
    balance = await payees.balance()

    assert made in (0, 1)
    assert balance.get("available", 0) == 2_000 - 3_000 * made
    assert balance.get("paying", 0) == 3_000 * made


async def test_large_payouts_need_a_second_operator(payees: Payees) -> None:
    await payees.vendor(available=3_000_000)
    payout = await payees.pay(2_000_000, payees.operator)
    await payees.run("payout-send")
    url = f"/v1/payouts/{payout['id']}"
    same = await payees.operator.post(f"{url}/approve", headers=key())
    vendor = await payees.owner.post(f"{url}/approve", headers=key())
    stale = await payees.second.post(f"{url}/approve", headers=key() | {"If-Match": '"v9"'})
    approved = await ok(payees.second.post(f"{url}/approve", headers=key()), 200)
    twice = await payees.second.post(f"{url}/approve", headers=key())
    await payees.run("payout-send")

    assert (payout["status"], payout["waiting_for"]["code"]) == ("awaiting_approval", "approval")
    assert (same.status_code, same.json()["code"]) == (403, "ledger.payout_four_eyes")
    assert (vendor.status_code, stale.status_code) == (403, 412)
    assert approved["status"] == "created"
    assert (twice.status_code, twice.json()["code"]) == (409, "ledger.payout_state")
    assert (await payees.payout(payout["id"]))["status"] == "paid"


async def test_of_two_who_decide_at_once_one_does(payees: Payees) -> None:
    await payees.vendor(available=3_000_000)
    payout = await payees.pay(2_000_000)
    url = f"/v1/payouts/{payout['id']}"
    answers = await asyncio.gather(
        payees.operator.post(f"{url}/approve", headers=key()),
        payees.second.post(f"{url}/reject", json={"reason": "too much"}, headers=key()),
    )

    assert sorted(a.status_code for a in answers) == [200, 409]


async def test_what_is_rejected_is_available_again(payees: Payees) -> None:
    await payees.vendor(available=3_000_000)
    payout = await payees.pay(2_000_000)
    answer = await ok(
        payees.operator.post(f"/v1/payouts/{payout['id']}/reject", json={"reason": "call us"}, headers=key()), 200
    )
    await payees.run("payout-send")

    assert (answer["status"], answer["code"], answer["detail"]) == ("rejected", "rejected", "call us")
    assert await payees.balance() == {"available": 3_000_000}
    assert await payees.told() == ["Created", "Failed"]
    assert await payees.transfers() == []


async def test_a_suspended_vendor_is_not_paid_and_its_payouts_wait(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    payout = await payees.pay(1_000)
    await payees.suspend()
    refused = await payees.ask(1_000)
    payees.clock.advance(days=4)  # type: ignore[union-attr]
    await payees.run("payout-run", "payout-send")
    held = await payees.payout(payout["id"])

    assert (refused.status_code, refused.json()["code"], refused.json()["reason"]) == (
        409,
        "ledger.payouts_on_hold",
        "suspended",
    )
    assert (held["status"], held["waiting_for"]["code"]) == ("created", "suspended")
    assert await payees.transfers() == []


async def test_payouts_wait_for_a_bank_account_that_we_know(payees: Payees) -> None:
    await payees.approve()
    await payees.earn(5_000)
    without = await payees.ask()
    await payees.approve(token="bat_00000000000000000000000000")
    unknown = await payees.ask()
    await payees.move_account(await payees.account())

    assert (without.json()["reason"], unknown.json()["reason"]) == ("no_bank_account", "no_bank_account")
    assert without.json()["errors"][0]["pointer"] == "/vendor_id"


async def test_the_first_account_is_used_at_once_and_a_changed_one_cools(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    payout = await payees.pay(1_000)
    await payees.move_account(await payees.account(iban("1234")))
    refused = await payees.ask(1_000)
    await payees.run("payout-send")
    waiting = await payees.payout(payout["id"])
    await payees.later(days=1, seconds=1)
    paid = await payees.payout(payout["id"])

    assert (refused.status_code, refused.json()["reason"]) == (409, "cooling")
    assert (waiting["status"], waiting["waiting_for"]["code"]) == ("created", "cooling")
    assert (paid["status"], paid["bank_account"]["last4"]) == ("paid", "1234")


async def test_telling_the_same_account_again_does_not_cool_it(payees: Payees) -> None:
    token = await payees.vendor(available=5_000)
    await payees.move_account(token)
    await payees.approve(token=token)

    assert (await payees.ask()).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({"vendor_id": VENDOR, "amount": eur(5_001)}, 409, "ledger.payout_exceeds_available", "/amount/amount"),
        ({"vendor_id": VENDOR, "amount": eur(99)}, 409, "ledger.payout_below_minimum", "/amount/amount"),
        ({"vendor_id": VENDOR, "amount": eur(0)}, 422, "request.invalid", "/amount/amount"),
        ({"vendor_id": VENDOR, "amount": eur(-1)}, 422, "request.invalid", "/amount/amount"),
        ({"vendor_id": VENDOR, "amount": eur(500, "USD")}, 422, "ledger.payout_currency_unknown", "/amount/currency"),
        ({"vendor_id": VENDOR, "amounts": 1}, 422, "request.invalid", "/amounts"),
        ({"amount": eur(500)}, 422, "request.invalid", "/vendor_id"),
        ({"vendor_id": "a\x00b"}, 422, "request.invalid", "/vendor_id"),
    ],
)
async def test_bad_requests_are_refused_with_a_pointer(
    payees: Payees, body: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    await payees.vendor(available=5_000)
    answer = await payees.owner.post("/v1/payouts", json=body, headers=key())

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert await payees.balance() == {"available": 5_000}


async def test_nothing_available_is_nothing_to_pay(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    await payees.pay()
    answer = await payees.ask()

    assert (answer.status_code, answer.json()["code"]) == (409, "ledger.payout_below_minimum")


async def test_late_payouts_are_told_of_once(payees: Payees) -> None:
    await payees.vendor(available=3_000_000)
    payout = await payees.pay(2_000_000)
    quick = await payees.pay(1_000)
    await payees.run("payout-send")
    payees.clock.advance(days=3, seconds=1)  # type: ignore[union-attr]
    await payees.run("payout-overdue", "payout-overdue")
    overdue = await payees.payouts(overdue=True)
    rest = await payees.payouts(overdue=False)
    await measure(payees.world.service("ledger"))

    assert (await payees.told()).count("Overdue") == 1
    assert REGISTRY.get_sample_value("estore_payouts_overdue", {"service": "ledger"}) == 1
    assert [(p["id"], p["overdue"]) for p in overdue] == [(payout["id"], True)]
    assert [p["id"] for p in rest] == [quick["id"]]


async def test_others_see_nothing_of_a_vendors_payouts(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    payout = await payees.pay()
    url = f"/v1/payouts/{payout['id']}"
    support = payees.world.http("ledger", payees.world.token("acc_s", vendors={VENDOR: "catalog"}))
    seen = [
        (await client.get(path)).status_code
        for client in (payees.stranger, support)
        for path in (url, f"{url}/lines", f"/v1/payouts/terms/{VENDOR}", f"/v1/payouts?vendor={VENDOR}")
    ]
    asked = await payees.stranger.post("/v1/payouts", json={"vendor_id": VENDOR}, headers=key())
    listed = await ok(payees.stranger.get("/v1/payouts"), 200)
    marked = await payees.owner.post(f"{url}/mark", json={}, headers=key())
    guest = await payees.world.http("ledger").get(url)

    assert seen == [404] * 8
    assert (asked.status_code, listed["data"]) == (404, [])
    assert (marked.status_code, guest.status_code) == (422, 401)


async def test_lists_are_paged_and_filtered(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    await payees.vendor(OTHER, available=5_000)
    made = [(await payees.pay(100 + n))["id"] for n in range(5)]
    await payees.run("payout-send")
    await payees.pay(200)
    page = await ok(payees.owner.get("/v1/payouts", params={"status": "paid", "limit": 3}), 200)
    query = {"status": "paid", "limit": 3, "cursor": page["next_cursor"]}
    rest = await ok(payees.owner.get("/v1/payouts", params=query), 200)

    assert [p["id"] for p in page["data"] + rest["data"]] == made[::-1]
    assert rest["next_cursor"] is None
    assert (await payees.owner.get("/v1/payouts?status=lost")).status_code == 400
    assert (await payees.owner.get("/v1/payouts?cursor=x")).status_code == 400


async def test_a_payout_has_an_etag(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    url = f"/v1/payouts/{(await payees.pay())['id']}"
    tag = (await payees.owner.get(url)).headers["etag"]
    same = await payees.owner.get(url, headers={"If-None-Match": tag})
    await payees.suspend()
    held = await payees.owner.get(url, headers={"If-None-Match": tag})

    assert (same.status_code, held.status_code) == (304, 200)


async def test_what_a_called_bank_did_nobody_reports_by_hand(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    url = f"/v1/payouts/{(await payees.pay())['id']}/mark"
    body = {"outcome": "paid", "at": payees.clock.now().isoformat()}
    answer = await payees.operator.post(url, json=body, headers=key())
    files = await payees.operator.post("/v1/payouts/files", headers=key())

    assert (answer.status_code, answer.json()["code"]) == (409, "ledger.payout_reported_by_bank")
    assert (files.status_code, files.json()["code"]) == (409, "ledger.payout_files_unused")


async def test_vendors_choose_the_schedule_and_operators_the_amounts(payees: Payees) -> None:
    await payees.vendor()
    url = f"/v1/payouts/terms/{VENDOR}"
    usual = await ok(payees.owner.get(url), 200)
    chosen = await ok(
        payees.owner.put(url, json={"schedule": "weekly", "weekday": "friday"}, headers={"If-Match": '"v0"'}), 200
    )
    denied = await payees.owner.put(url, json={"schedule": "daily", "minimum": eur(1)}, headers={"If-Match": '"v1"'})
    amounts = {"schedule": "manual", "minimum": eur(5_000), "large": eur(7_000)}
    set_ = await ok(payees.operator.put(url, json=amounts, headers={"If-Match": '"v1"'}), 200)
    kept = await ok(payees.owner.put(url, json={"schedule": "daily"}, headers={"If-Match": '"v2"'}), 200)
    stale = await payees.owner.put(url, json={"schedule": "daily"}, headers={"If-Match": '"v2"'})
    blind = await payees.owner.put(url, json={"schedule": "daily"})
    odd = await payees.owner.put(url, json={"schedule": "daily", "weekday": "friday"}, headers={"If-Match": '"v3"'})
    foreign = await payees.operator.put(
        url, json={"schedule": "daily", "minimum": eur(5, "JPY")}, headers={"If-Match": '"v3"'}
    )

    assert (usual["schedule"], usual["weekday"], usual["version"]) == ("weekly", "monday", 0)
    assert (chosen["weekday"], chosen["version"]) == ("friday", 1)
    assert (denied.status_code, denied.json()["code"]) == (403, "ledger.payout_terms_denied")
    assert (set_["minimum"], set_["weekday"]) == (eur(5_000), None)
    assert (kept["minimum"], kept["large"], kept["version"]) == (eur(5_000), eur(7_000), 3)
    assert [a.status_code for a in (stale, blind, odd, foreign)] == [412, 428, 422, 422]


async def test_terms_that_nobody_set_are_there_to_be_matched(payees: Payees) -> None:
    await payees.vendor()
    url = f"/v1/payouts/terms/{VENDOR}"
    sent = ['"v1"', "*", '"v0"', '"v0", "v1"', "*"]
    answers = [await payees.owner.put(url, json={"schedule": "daily"}, headers={"If-Match": tags}) for tags in sent]

    assert [answer.status_code for answer in answers] == [412, 200, 412, 200, 200]
    assert (await ok(payees.owner.get(url), 200))["version"] == 3


async def test_a_bank_account_of_another_vendor_changes_nothing_for_this_one(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    await payees.vendor(OTHER, available=5_000, number=iban("9003"))
    await payees.pay()
    await payees.run("payout-send")

    assert (await payees.payouts())[0]["status"] == "paid"
    assert WELL.endswith((await payees.payouts())[0]["bank_account"]["last4"])


async def test_a_return_that_is_heard_of_before_the_payment_tells_both_in_order(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    payout = await payees.pay()
    await payees.teller._e.claim(payees.world.ctx(), 10)
    await payees.world.fetch(
        "ledger",
        "INSERT INTO sandbox_transfer (key, id, amount, currency, mood, status, created_at)"
        " VALUES ($1, 'sbt_1', 5000, 'EUR', 'returned', 'returned', now())",
        payout["id"],
    )
    await payees.later(seconds=120)
    told = [e for e in await payees.world.emitted("ledger") if isinstance(e, PayoutPaid | PayoutFailed)]

    assert [(type(e).__name__, e.version) for e in told] == [("PayoutPaid", 3), ("PayoutFailed", 4)]
    assert await payees.balance() == {"available": 5_000}


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE payout SET status = 'failed'", "the journal says of each payout what its status says"),
        ("UPDATE payout SET status = 'created', paid_at = NULL", "what is on its way to banks is the sum of the open"),
        ("UPDATE payout SET last_seq = last_seq + 1", "a payout is the sum of the lines that it covers"),
        ("UPDATE payout SET first_seq = 2", "no line is covered by two payouts, and none is left out between"),
        ("UPDATE payout SET carried_in = 1, covered = covered - 1", "a payout is the sum of the lines"),
        ("UPDATE sandbox_transfer SET amount = 1", "the sandbox bank paid each payout at most once"),
    ],
)
async def test_the_doctor_finds_what_is_wrong_with_payouts(databases: Databases, damage: str, found: str) -> None:
    async with world(databases, "ledger", **LITTLE) as made:
        payees = Payees(made)
        await payees.vendor(available=5_000)
        await payees.pay()
        await payees.run("payout-send")
        healthy = await made.broken("ledger")
        if "failed" in damage:
            damage += ", paid_at = NULL"
        await made.fetch("ledger", damage)
        broken = await made.broken("ledger")

    assert healthy == {}
    assert [name for name in broken if name.startswith(found)]


async def test_a_weekly_schedule_whose_day_was_missed_is_made_up_for(payees: Payees) -> None:
    await payees.vendor(available=2_000)
    today = payees.clock.now()
    payees.clock.advance(days=(7 - today.weekday()) % 7 or 7)  # type: ignore[union-attr]
    await payees.run("payout-run")  # a Monday
    await payees.earn(3_000)
    payees.clock.advance(days=6)  # type: ignore[union-attr]
    await payees.run("payout-run")  # a Sunday
    early = await payees.payouts()
    payees.clock.advance(days=3)  # type: ignore[union-attr]
    await payees.run("payout-run", "payout-run")  # a Wednesday: nobody looked on Monday
    late = await payees.payouts()
    await payees.earn(4_000)
    payees.clock.advance(days=1)  # type: ignore[union-attr]
    await payees.run("payout-run")

    assert [p["amount"] for p in early] == [eur(2_000)]
    assert [p["amount"] for p in late] == [eur(3_000), eur(2_000)]
    assert await payees.payouts() == late


async def test_amounts_of_terms_say_nothing_of_another_currency(payees: Payees) -> None:
    """5000 yen are not 50 euro: nothing is too little, and a second person looks at it."""
    await payees.vendor()
    await payees.deliver(await payees.sell(currency="JPY", earns={VENDOR: (90, 0, 0)}))
    body = {"vendor_id": VENDOR, "amount": eur(90, "JPY")}
    asked = await ok(payees.owner.post("/v1/payouts", json=body, headers=key()), 201)

    assert (asked["status"], asked["amount"]) == ("awaiting_approval", eur(90, "JPY"))
