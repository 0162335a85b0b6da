"""Money across services: whatever people do and however messages travel, no account is off by a cent.

Hypothesis draws what people, banks, providers and time do. The real services do it on PostgreSQL, a model of whole
numbers beside them; the test itself carries the events between them: late, twice, in any order. Compared are what an
order costs, who bears each refund, every account of the ledger, statements, and the books of the provider and the bank.

`ESTORE_TEST_EXAMPLES=500` looks for longer; `ESTORE_TEST_STEPS=100` at longer stories.
"""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from support.databases import Databases
from support.money_market import CUSTOMERS, VENDORS, Market, opened, scaled
from support.money_model import Asked, Fee, FeePlan

EXAMPLES = int(os.environ.get("ESTORE_TEST_EXAMPLES", "4"))
STEPS = int(os.environ.get("ESTORE_TEST_STEPS", "30"))
METHODS = (
    *("pm_ok",) * 5,
    "pm_slow",
    "pm_declined",
    "pm_requires_action",
    "pm_timeout_after_charge",
    "pm_disputed",
    "pm_disputed_won",
    "pm_disputed_lost",
    "pm_refunded_outside",
)
TIMES: tuple[dict[str, float], ...] = (
    {"seconds": 5},
    {"minutes": 2},
    {"minutes": 20},
    {"hours": 7},
    {"days": 1},
    {"days": 6},
    {"days": 11},
    {"days": 15},
)

Pick = Callable[[int], int]
Act = Callable[[Market, Pick], Awaitable[None]]


def an_order(market: Market, pick: Pick) -> str | None:
    """One of the last orders, more often than an old one."""
    orders = list(market.sales)[-4:] if pick(3) else list(market.sales)
    return orders[pick(len(orders))] if orders else None


def some_credit(customer: str, pick: Pick) -> list[tuple[str | None, int]]:
    """Choose what pays, per mille: a gift card, one that is not there, the customer's own, or some of them."""
    share = (0, 0, 0, 1000, 1 + pick(999))[pick(5)]
    first = None if pick(12) == 0 else ""
    if not customer or pick(2):
        return [(first, share)]
    own = (0, 0, 1000, 1 + pick(999), 1 + pick(100))[pick(5)]
    return [(first, share), (customer, own)] if pick(2) else [(customer, own), (first, share)]


async def place(market: Market, pick: Pick) -> None:
    lines = [(market.items[pick(len(market.items))], 1 + pick(4)) for _ in range(1 + pick(4))]
    customer = ("", *CUSTOMERS, *CUSTOMERS)[pick(5)]
    codes = [code for known in market.promotions if (code := known.deal.code)]
    named = {codes[pick(len(codes))] for _ in range((0, 0, 1, 1, 2)[pick(5)])}
    await market.place(lines, METHODS[pick(len(METHODS))], some_credit(customer, pick), sorted(named), customer)
    if pick(2):
        await market.settle()


async def sell(market: Market, pick: Pick) -> None:
    """An order that goes as it should, to its customer's door."""
    await place(market, pick)
    await market.settle()
    await ship(market, pick, -1)
    if pick(3):
        await market.settle()


async def carry(market: Market, pick: Pick) -> None:
    for _ in range(1 + pick(3)):
        await market.carry((0.3, 0.6, 0.9)[pick(3)])


async def settle(market: Market, _: Pick) -> None:
    await market.settle()


async def let_time_pass(market: Market, pick: Pick) -> None:
    await market.pass_time(**TIMES[pick(len(TIMES))])


async def ship(market: Market, pick: Pick, which: int | None = None) -> None:
    """Vendors hand over their parcels, or some of them, and some of that arrives. which: the order's place."""
    order_id = an_order(market, pick) if which is None else list(market.sales)[which]
    if order_id is None:
        return
    for parcel in (await market.ask("GET", f"/v1/orders/{order_id}")).json()["parcels"]:
        vendor, url = parcel["vendor_id"], f"/v1/parcels/{parcel['id']}"
        body: dict[str, Any] = {"carrier": "DHL", "tracking": "1"}
        if pick(3) == 0:
            body["lines"] = [{"line_id": parcel["lines"][pick(len(parcel["lines"]))], "quantity": 1}]
        await market.ask("POST", f"{url}/ship", body, vendor=vendor)
        if pick(4):
            await market.ask("POST", f"{url}/deliver", {}, vendor=vendor)


async def cancel(market: Market, pick: Pick) -> None:
    if order_id := an_order(market, pick):
        await market.cancel(order_id)


async def refund(market: Market, pick: Pick) -> None:
    """An operator or a vendor gives back: an amount, or pieces of lines, with or without shipping."""
    if (order_id := an_order(market, pick)) is None:
        return
    sale = market.sales[order_id]
    vendors = sorted({part.vendor for part in sale.parts})
    vendor = vendors[pick(len(vendors))] if pick(2) else ""
    if pick(2):
        left = sum(part.left for part in (sale.of(vendor) if vendor else sale.parts))
        asked = Asked(amount=max(1, left * (1 + pick(1100)) // 1000), vendor=vendor or None)
        await market.refund(order_id, asked, vendor if pick(2) else "")
        return
    lines = [part for part in (sale.of(vendor) if vendor else sale.parts) if part.line]
    chosen = lines[pick(len(lines))]
    parcels = frozenset({chosen.parcel} if pick(2) else ())
    asked = Asked(pieces={str(chosen.line): 1 + pick(chosen.quantity)}, shipping=parcels)
    await market.refund(order_id, asked, vendor)


async def refund_elsewhere(market: Market, pick: Pick) -> None:
    """An operator gives money back at payments, or somebody does at the provider."""
    if (order_id := an_order(market, pick)) is None or (payment := await market.payment_of(order_id)) is None:
        return
    amount = max(1, payment["amount"]["amount"] * (1 + pick(1000)) // 1000)
    if pick(2):
        if payment["status"] == "captured":
            await market.sandbox.refund_outside(payment["id"], amount)
        return
    body = {"amount": market.money(amount), "reason": "by hand"}
    await market.ask("POST", f"/v1/payments/{payment['id']}/refunds", body)


async def give_evidence(market: Market, pick: Pick) -> None:
    opened_ = (await market.ask("GET", "/v1/payments/disputes?status=opened&limit=100")).json()["data"]
    if opened_:
        text = ("a winning letter", "a losing letter")[pick(2)]
        dispute_id = min(each["id"] for each in opened_)
        await market.ask("POST", f"/v1/payments/disputes/{dispute_id}/evidence", {"text": text})


async def act_on_payment(market: Market, pick: Pick) -> None:
    """A customer does, or refuses, what the bank asks."""
    for order_id in list(market.sales)[-4:]:
        url = (await market.ask("GET", f"/v1/orders/{order_id}")).json()["requires_action_url"]
        if url:
            path = url[url.index("/v1/") :]
            await market.ask("POST", f"{path}/complete", {"outcome": ("succeed", "fail")[pick(4) == 0]})


async def ask_return(market: Market, pick: Pick) -> None:
    if (order_id := an_order(market, pick)) is None:
        return
    parts = [part for part in market.sales[order_id].parts if part.line]
    part = parts[pick(len(parts))]
    body: dict[str, Any] = {"reason": "no_longer_wanted", "parcel_id": part.parcel}
    if pick(3):
        body["lines"] = [{"line_id": part.line, "quantity": 1 + pick(part.quantity)}]
    answer = await market.ask("POST", f"/v1/orders/{order_id}/returns", body)
    if answer.status_code == 201:
        market.returns.append(answer.json()["id"])


async def take_back(market: Market, pick: Pick) -> None:
    """A return goes a step on, or comes to its end."""
    if not market.returns:
        return
    return_id = market.returns[-1 - pick(min(3, len(market.returns)))]
    found = (await market.ask("GET", f"/v1/returns/{return_id}")).json()
    vendor, url = found["vendor_id"], f"/v1/returns/{return_id}"
    if found["status"] == "requested" and pick(5) == 0:
        await market.ask("POST", f"{url}/refuse", {"reason": "no"}, vendor=vendor)
    elif pick(8) == 0:
        await market.ask("POST", f"{url}/cancel", {})
    else:
        await market.ask("POST", f"{url}/approve", {}, vendor=vendor)
        if pick(3) == 0:
            await market.ask("POST", f"{url}/receive", {}, vendor=vendor)
        if pick(4):
            await market.inspect(return_id, pick(2), (0, 0, 37, 501)[pick(4)], pick(2) == 1)


async def keep_books(market: Market, pick: Pick) -> None:
    """An operator corrects, holds, lets go, or sets a reserve."""
    vendor, what = VENDORS[pick(3)], pick(5)
    if what == 0:
        await market.adjust(vendor, pick(20_001) - 10_000 or 1)
    elif what == 1:
        await market.hold(vendor, 1 + pick(5000), (0, 3, 20)[pick(3)])
    elif what == 2:
        await market.let_go(pick(50))
    else:
        await market.set_terms(vendor, (0, 333, 1000, 10_000)[pick(4)], (0, 7, 30)[pick(3)])


async def pay_out(market: Market, pick: Pick) -> None:
    if pick(2):
        await market.pass_time(days=11)
        await market.settle()
        await market.release()
    if pick(2):
        await market.pay_out(VENDORS[pick(3)], (1000, 1000, 333)[pick(3)])
    else:
        await market.run_schedule()
    if pick(2):
        await market.decide_payouts(approve=pick(3) > 0)
    if pick(2):
        await market.bank()


async def bank(market: Market, pick: Pick) -> None:
    if pick(2):
        await market.change_bank(VENDORS[pick(3)], market.banks[pick(len(market.banks))])
    await market.bank()


async def give_credit(market: Market, pick: Pick) -> None:
    """A customer gets credit, or it is taken back."""
    customer, funding = CUSTOMERS[pick(2)], ("promotion", "goodwill", "sold")[pick(3)]
    amount = (1 + pick(20_000)) * scaled(market.currency)
    if pick(3) == 0:
        await market.redeem(customer, amount, funding)
    else:
        await market.grant(customer, -amount if pick(4) == 0 else amount, funding)


async def promote(market: Market, pick: Pick) -> None:
    await market.promote(pick)


async def change_plan(market: Market, pick: Pick) -> None:
    """A vendor's commission changes: now, or from a day on."""
    later = market.clock.now() + timedelta(days=pick(4))
    fees = (Fee(pick(3000)), Fee(pick(3000), pick(50), since=later), Fee(pick(9999), pick(500), "home", later))
    await market.change_plan(VENDORS[pick(3)], FeePlan(fees[: 1 + pick(3)], (0, 1900, 777)[pick(3)]))


STORY: dict[str, tuple[Act, int]] = {
    "sell": (sell, 5),
    "place": (place, 3),
    "carry": (carry, 6),
    "settle": (settle, 3),
    "time": (let_time_pass, 3),
    "ship": (ship, 3),
    "cancel": (cancel, 1),
    "refund": (refund, 3),
    "refund elsewhere": (refund_elsewhere, 1),
    "evidence": (give_evidence, 1),
    "act": (act_on_payment, 1),
    "return": (ask_return, 4),
    "take back": (take_back, 5),
    "books": (keep_books, 2),
    "pay out": (pay_out, 3),
    "bank": (bank, 1),
    "plan": (change_plan, 1),
    "credit": (give_credit, 2),
    "promote": (promote, 1),
}
STEP = st.tuples(
    st.sampled_from([name for name, (_, weight) in STORY.items() for _ in range(weight)]), st.integers(0, 2**20)
)


@pytest.mark.slow
@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    # A story that fails is told as it is: finding the shortest takes minutes. The blob lets anybody do it.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(story=st.lists(STEP, min_size=STEPS // 2, max_size=STEPS))
async def test_no_account_is_ever_off_by_a_cent(
    currency: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory, story: list[tuple[str, int]]
) -> None:
    await live(databases, currency, tmp_path_factory.getbasetemp(), story)


async def live(databases: Databases, currency: str, folder: Path, story: list[tuple[str, int]]) -> None:
    """Live a story to its end; at every step each account is what it must be."""
    async with opened(databases, currency, folder) as market:
        for name, seed in story:
            note(f"{name} {seed}")
            market.dice = random.Random(seed)
            await STORY[name][0](market, market.dice.randrange)
            await market.collect()
            await market.check()
        market.dice = random.Random(len(story))
        await market.settle()
        await market.check()
        await market.finish()
