"""Commission plans over HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from estore.contracts.vendors import Plan, Rate, VendorApproved, VendorPlanChanged
from vendors.conftest import Vendors

V2 = {"if-match": '"v2"'}


def eur(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


async def test_a_new_vendor_gets_the_marketplaces_plan(strict: Vendors) -> None:
    made = await strict.applied()

    plan = (await strict.person().get(f"/v1/vendors/{made['id']}/plan")).json()

    assert [(rate["category"], rate["bps"], rate["fixed"]) for rate in plan["rates"]] == [
        (None, 1000, eur(30)),
        ("books", 800, eur(0)),
        ("mugs", 1500, eur(50)),
    ]
    assert (plan["tax_bps"], made["commission_bps"]) == (1900, 1000)


async def test_a_plan_changes_for_orders_to_come_and_history_stays(vendors: Vendors) -> None:
    made = await vendors.approved()
    path, start = f"/v1/vendors/{made['id']}/plan", vendors.world.clock.now()
    vendors.world.clock.advance(days=1)
    now = vendors.world.clock.now()
    later = now + timedelta(days=30)
    rates = [
        {"bps": 1000},
        {"category": "books", "bps": 800, "fixed": eur(30), "valid_from": later.isoformat()},
    ]

    answer = await vendors.operator.put(path, json={"rates": rates, "tax_bps": 1900}, headers=V2)

    plan = Plan(
        rates=(
            Rate(category=None, bps=1250, fixed=0, valid_from=start),
            Rate(category=None, bps=1000, fixed=0, valid_from=now),
            Rate(category="books", bps=800, fixed=30, valid_from=later),
        ),
        tax_bps=1900,
    )
    seen = (await vendors.person().get(path)).json()
    assert (answer.status_code, answer.headers["etag"], seen) == (200, '"v3"', answer.json())
    assert await vendors.world.emitted("vendors", VendorPlanChanged) == [
        VendorPlanChanged(vendor_id=made["id"], commission_bps=1000, version=3, plan=plan)
    ]


async def test_an_announced_rate_becomes_the_commission_when_its_day_comes(vendors: Vendors) -> None:
    made = await vendors.approved()
    path = f"/v1/vendors/{made['id']}"
    vendors.world.clock.advance(seconds=1)
    later = (vendors.world.clock.now() + timedelta(days=1)).isoformat()
    await vendors.operator.put(f"{path}/plan", json={"rates": [{"bps": 700, "valid_from": later}]}, headers=V2)

    before = (await vendors.person().get(path)).json()["commission_bps"]
    vendors.world.clock.advance(days=1)

    assert (before, (await vendors.person().get(path)).json()["commission_bps"]) == (1250, 700)


@pytest.mark.parametrize(
    ("rates", "code", "pointer"),
    [
        ([{"bps": 10_001}], "request.invalid", "/rates/0/bps"),
        ([{"bps": 1000}, {"bps": -1}], "request.invalid", "/rates/1/bps"),
        ([{"bps": 12.5}], "request.invalid", "/rates/0/bps"),
        ([{"bps": 1, "fixed": eur(-1)}], "request.invalid", "/rates/0/fixed/amount"),
        ([{"bps": 1, "fixed": {"amount": 1, "currency": "USD"}}], "vendors.currency_wrong", "/rates/0/fixed/currency"),
        ([{"bps": 1, "category": "No Slug"}], "request.invalid", "/rates/0/category"),
        ([{"bps": 1, "valid_from": "2026-01-01T12:00:00"}], "request.invalid", "/rates/0/valid_from"),
        ([{"bps": 1, "valid_from": "2020-01-01T00:00:00Z"}], "vendors.rate_in_past", "/rates/0/valid_from"),
        ([{"bps": 1, "valid_from": "0001-01-01T00:00:00+23:59"}], "vendors.rate_in_past", "/rates/0/valid_from"),
        ([{"bps": 1, "valid_from": "9999-12-31T23:59:59-23:59"}], "vendors.rate_too_far", "/rates/0/valid_from"),
        ([{"bps": 1}, {"bps": 2}], "vendors.rate_twice", "/rates/1"),
        ([{"bps": 1, "until": None}], "request.invalid", "/rates/0/until"),
    ],
)
async def test_a_wrong_plan_is_refused_by_its_place(
    anywhere: Vendors, rates: list[dict[str, Any]], code: str, pointer: str
) -> None:
    made = await anywhere.approved()

    answer = await anywhere.operator.put(f"/v1/vendors/{made['id']}/plan", json={"rates": rates}, headers=V2)
    problem = answer.json()

    assert (answer.status_code, problem["code"], problem["errors"][0]["pointer"]) == (422, code, pointer)


async def test_a_rate_that_has_begun_cannot_be_rewritten(vendors: Vendors) -> None:
    made = await vendors.approved()
    path = f"/v1/vendors/{made['id']}/plan"
    vendors.world.clock.advance(seconds=1)
    [rate] = (await vendors.operator.get(path)).json()["rates"]

    rewritten = await vendors.operator.put(path, json={"rates": [rate | {"bps": 1}]}, headers=V2)
    same = await vendors.operator.put(path, json={"rates": [rate]}, headers=V2)

    assert (rewritten.status_code, rewritten.json()["code"]) == (422, "vendors.rate_begun")
    assert (same.status_code, same.headers["etag"]) == (200, '"v2"')


async def test_of_several_operators_with_one_version_one_changes_the_plan(vendors: Vendors) -> None:
    made = await vendors.approved()
    path = f"/v1/vendors/{made['id']}/plan"

    blind = await vendors.operator.put(path, json={"rates": []})
    answers = await asyncio.gather(
        *(vendors.operator.put(path, json={"rates": [{"bps": bps}]}, headers=V2) for bps in range(8))
    )

    [event] = await vendors.world.emitted("vendors", VendorPlanChanged)
    [winner] = [answer.json() for answer in answers if answer.status_code == 200]
    assert blind.status_code == 428
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    assert winner["rates"][0]["bps"] == event.commission_bps


async def test_those_who_count_money_see_it_and_nobody_of_the_vendor_changes_it(vendors: Vendors) -> None:
    made = await vendors.approved()
    path = f"/v1/vendors/{made['id']}"
    for role in ("finance", "catalog"):
        await vendors.person().post(f"{path}/members", json={"email": f"{role}@x.example", "role": role})
    people = [vendors.person(), vendors.person("finance@x.example"), vendors.person("catalog@x.example")]
    people += [vendors.person("eve@x.example"), vendors.guest]

    seen = [(await person.get(f"{path}/plan")).status_code for person in people]
    changed = [(await p.put(f"{path}/plan", json={"rates": [{"bps": 0}]}, headers=V2)).status_code for p in people]

    assert seen == [200, 200, 403, 404, 401]
    assert changed == [403, 403, 403, 403, 401]


async def test_an_application_may_get_its_plan_before_anybody_hears_of_it(vendors: Vendors) -> None:
    made = await vendors.applied()
    vendors.world.clock.advance(seconds=60)
    path = f"/v1/vendors/{made['id']}/plan"

    answer = await vendors.operator.put(path, json={"rates": [{"bps": 400}]}, headers={"if-match": '"v1"'})
    await vendors.decide(made, "approve")

    [event] = await vendors.world.emitted("vendors")
    assert (answer.status_code, len(answer.json()["rates"])) == (200, 1)
    assert isinstance(event, VendorApproved)
    assert event.commission_bps == 400
