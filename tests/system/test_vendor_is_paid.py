"""From an application to money on a bank account, with every service: once on each bus, over HTTP alone.

What a vendor is owed is counted here by hand, from prices and rates, and has to be what the ledger says to the cent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from support.brokers import Rabbit
from support.databases import Databases
from support.market import HASTY, JSON, Bought, InProcess, Market, Vendor, eur, in_process, key, ok, until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
IBAN = "DE89370400440532013000"
# Long enough to ask for a return on a busy machine.
WINDOW = "8"
SHORT = HASTY | {
    "ESTORE_ORDERS_RETURN_SECONDS": WINDOW,
    "ESTORE_PAYMENTS_REPORT_SETTLED_SECONDS": "0.1",
}
# Of three nothing is asked for shipping.
PRICE, SHIPPING = 2400, 490
# 5 % and 20 cents a piece, and 20 % tax on that: 140 + 28 of each mug.
PLAN = {"rates": [{"bps": 1250}, {"bps": 500, "category": "mugs", "fixed": eur(20)}], "tax_bps": 2000}
FEE = 168
CLEARED = {"capture", "refund_paid", "dispute", "dispute_won"}


class PaidSuite:
    @pytest.fixture(autouse=True)
    async def nothing_is_broken(self, market: Market) -> AsyncIterator[None]:
        yield
        await market.proved()

    async def test_a_vendor_is_paid_what_it_earned_and_can_see_why(self, market: Market) -> None:
        vendor = await onboarded(market, "Lohn")
        ada = market.buyer("acc_ada_is_back")
        mug = await market.product(stock=20, price=PRICE, vendor=vendor)
        bowl = await market.product(stock=5, price=5000, vendor=market.holzig)

        kept = await market.bought((mug, 3), (bowl, 1), client=ada)
        praised = await market.bought((mug, 1), client=ada)
        disputed = await market.bought((mug, 1), payment_method="pm_disputed_lost")
        cancelled = await market.bought((mug, 2))
        assert (await cancelled.cancel()).status_code == 200
        await cancelled.settled("cancelled")
        await in_two_shipments(vendor, kept)
        await arrived(vendor, kept)
        await arrived(market.holzig, kept)
        back = await given_back(vendor, kept, ada)
        await arrived(vendor, praised)
        form = {"reason": "a chip", "amount": eur(600)}
        goodwill = await ok(market.operator.post(f"/v1/orders/{praised.id}/refunds", json=form, headers=key()), 201)

        assert back["amount"] == eur(2 * PRICE)
        earned = (3 - 2) * (PRICE - FEE) + (PRICE - FEE + SHIPPING) - borne(goodwill, vendor)
        await until("the dispute is lost", lambda: is_lost(market, disputed))
        balance = await until("all of it is available", lambda: rested(vendor, eur(earned)), pause=0.2)
        assert (balance["reserved"], balance["paying"], balance["paid_out"]) == (eur(0), eur(0), eur(0))
        on_shelf = (20 - 3 - 1 + 1, 1)
        await until("one came back to the shelf, one was written off", lambda: is_stocked(market, mug, on_shelf))

        first = await paid(vendor, await ask_payout(vendor, eur(1500)))
        await paid_by(vendor, "daily")
        second = await paid(vendor, await by_schedule(market, vendor))
        assert (first["amount"], second["amount"]) == (eur(1500), eur(earned - 1500))
        assert (first["scheduled"], second["scheduled"]) == (False, True)
        assert second["bank_account"]["last4"] == IBAN[-4:]
        await explained(vendor, [first, second], earned)
        await stated(vendor, earned)
        assert await balance_of(vendor) == [balance | {"available": eur(0), "paid_out": eur(earned)}]

    async def test_a_suspended_vendor_ships_what_was_bought_but_is_not_paid(self, market: Market) -> None:
        vendor = await onboarded(market, "Halt")
        mug = await market.product(stock=5, vendor=vendor)
        order = await market.bought((mug, 1))
        form = {"vendor_id": vendor.id, "amount": eur(5000), "reason": "our mistake in May"}
        await until("the ledger knows the vendor", lambda: adjusted(market, form))
        suspend = f"/v1/vendors/{vendor.id}/suspend"
        await ok(market.operator.post(suspend, json={"reason": "papers are missing"}, headers=key()), 200)

        await until("it is for sale no more", lambda: market.has(market.quote((mug, 1)), 422))
        await until("the page is gone", lambda: market.has(market.guest.get(f"/v1/products/{mug}"), 404))
        wanted = {"vendor_id": vendor.id, "amount": eur(1)}
        refusal = await until("nothing is paid out", lambda: refused(vendor, wanted, "ledger.payouts_on_hold"))
        assert refusal["reason"] == "suspended"
        await paid_by(vendor, "daily")
        await run(market, "ledger.payout-run")
        assert (await ok(vendor.client.get("/v1/payouts"), 200))["data"] == []
        await arrived(vendor, order)
        assert (await order.show())["status"] == "delivered"

        await ok(market.operator.post(f"/v1/vendors/{vendor.id}/reinstate", headers=key()), 200)
        payout = await until("it is paid again", lambda: scheduled(market, vendor))
        assert (await paid(vendor, payout))["amount"]["amount"] >= 5000

    async def test_what_the_provider_reports_is_compared_with_every_posting(self, market: Market) -> None:
        mug = await market.product(stock=9)
        order = await market.bought((mug, 1))
        await order.cancel()
        await order.settled("cancelled")
        await market.proved()

        since = datetime.now(UTC) - timedelta(hours=1)
        report = await reconciled(market, since)
        posted = [entry async for entry in entries(market) if entry["kind"] in CLEARED]
        assert (report["lines"], report["compared"]) == (len(posted), len(posted))
        assert len(posted) >= 2
        assert (report["differences"], await differences(market)) == (0, [])

        wrong = await market.bought((mug, 1), payment_method="pm_report_wrong_amount")
        await market.proved()
        assert (await reconciled(market, since))["differences"] == 1
        [found] = await differences(market)
        total = wrong.total
        assert (found["what"], found["kind"]) == ("amount_differs", "capture")
        assert (found["journal"], found["reported"]) == (eur(total), eur(total + 100))
        payment = await wrong.payment()
        assert payment is not None and found["payment_id"] == payment["id"]
        url = f"/v1/ledger/differences/{found['id']}/resolve"
        await ok(market.operator.post(url, json={"note": "the bank rounds"}, headers=key()), 200)
        assert await differences(market) == []


# --- a vendor's day -------------------------------------------------------------------------------------------------


async def onboarded(market: Market, name: str) -> Vendor:
    """A vendor that applied with a bank account, has agreed on a plan, and is paid when it asks.

    By the usual schedule it would be paid on Mondays as well, by a timer, in the middle of a test.
    """

    async def prepare(applicant: httpx.AsyncClient, made: JSON) -> None:
        account = {"iban": IBAN, "holder": name}
        bank = await ok(applicant.post("/v1/payouts/bank-accounts", json=account, headers=key()), 201)
        assert IBAN not in str(bank)
        url = f"/v1/vendors/{made['id']}"
        form = {"token": bank["token"], "last4": bank["last4"]}
        made = await ok(applicant.put(f"{url}/bank-account", json=form), 200)
        made = await ok(applicant.post(f"{url}/submit", headers=key()), 200)
        headers = {"If-Match": f'"v{made["version"]}"'}
        await ok(market.operator.put(f"{url}/plan", json=PLAN, headers=headers), 200)

    vendor = await market.vendor(name, prepare)
    await paid_by(vendor, "manual")
    return vendor


async def parcel_of(vendor: Vendor, order: Bought) -> JSON:
    page = await ok(vendor.client.get("/v1/parcels", params={"limit": 100}), 200)
    [parcel] = [row for row in page["data"] if row["order_id"] == order.id]
    return dict(parcel)


async def in_two_shipments(vendor: Vendor, order: Bought) -> None:
    """One piece first, then the others."""
    parcel = await parcel_of(vendor, order)
    [line] = parcel["lines"]
    assert parcel["payable"] == eur(3 * (PRICE - FEE))
    assert (parcel["commission"], parcel["commission_tax"]) == (eur(3 * 140), eur(3 * 28))
    url = f"/v1/parcels/{parcel['id']}/ship"
    first = {"carrier": "DHL", "tracking": "A1", "lines": [{"line_id": line["id"], "quantity": 1}]}
    assert (await ok(vendor.client.post(url, json=first, headers=key()), 200))["status"] == "partly_shipped"
    whole = await ok(vendor.client.post(url, json={"carrier": "DHL", "tracking": "A2"}, headers=key()), 200)
    assert (whole["status"], len(whole["shipments"])) == ("shipped", 2)


async def arrived(vendor: Vendor, order: Bought) -> None:
    """The vendor ships what is left of its parcel, and it arrives."""
    parcel = await parcel_of(vendor, order)
    url = f"/v1/parcels/{parcel['id']}"
    if parcel["status"] == "open":
        await ok(vendor.client.post(f"{url}/ship", json={"carrier": "DHL"}, headers=key()), 200)
    assert (await ok(vendor.client.post(f"{url}/deliver", headers=key()), 200))["status"] == "delivered"


async def given_back(vendor: Vendor, order: Bought, customer: httpx.AsyncClient) -> JSON:
    """Two pieces come back, one of them broken. Returns the refund."""
    parcel = await parcel_of(vendor, order)
    line = parcel["lines"][0]["id"]
    form = {"reason": "no_longer_wanted", "lines": [{"line_id": line, "quantity": 2}]}
    asked = await ok(customer.post(f"/v1/orders/{order.id}/returns", json=form, headers=key()), 201)
    url = f"/v1/returns/{asked['id']}"
    await ok(vendor.client.post(f"{url}/approve", headers=key()), 200)
    pieces = [{"line_id": line, "quantity": 1, "disposition": what} for what in ("restock", "write_off")]
    done = await ok(vendor.client.post(f"{url}/receive", json={"lines": pieces}, headers=key()), 200)
    assert done["status"] == "refunded"

    async def is_back() -> Any:
        rows = (await ok(customer.get(f"/v1/orders/{order.id}/refunds"), 200))["data"]
        return next((row for row in rows if row["id"] == done["refund_id"] and row["status"] == "refunded"), None)

    return dict(await until("the money is back", is_back))


def borne(refund: JSON, vendor: Vendor) -> int:
    """What a refund takes from a vendor."""
    [share] = [share for share in refund["shares"] if share["vendor_id"] == vendor.id]
    return int(share["amount"]["amount"] - share["commission"]["amount"] - share["commission_tax"]["amount"])


async def is_stocked(market: Market, sku: str, stock: tuple[int, int]) -> bool:
    return await market.stock(sku) == stock


async def is_lost(market: Market, order: Bought) -> bool:
    rows = (await ok(market.operator.get("/v1/payments/disputes", params={"limit": 100}), 200))["data"]
    return [row["status"] for row in rows if row["order_id"] == order.id] == ["lost"]


# --- money ----------------------------------------------------------------------------------------------------------


async def balance_of(vendor: Vendor) -> list[JSON]:
    return list((await ok(vendor.client.get("/v1/ledger/balances"), 200))["data"])


async def rested(vendor: Vendor, available: JSON) -> JSON | None:
    """The balance, once nothing is pending and so much is available."""
    rows = await balance_of(vendor)
    found = rows and rows[0]["pending"] == eur(0) and rows[0]["available"] == available
    return rows[0] if found else None


async def adjusted(market: Market, form: JSON) -> bool:
    return (await market.operator.post("/v1/ledger/adjustments", json=form, headers=key())).status_code == 201


async def ask_payout(vendor: Vendor, amount: JSON) -> JSON:
    form, once = {"vendor_id": vendor.id, "amount": amount}, key()
    made = await ok(vendor.client.post("/v1/payouts", json=form, headers=once), 201)
    again = await ok(vendor.client.post("/v1/payouts", json=form, headers=once), 201)
    assert again["id"] == made["id"]
    return dict(made)


async def refused(vendor: Vendor, form: JSON, code: str) -> JSON | None:
    answer = await vendor.client.post("/v1/payouts", json=form, headers=key())
    return answer.json() if answer.status_code == 409 and answer.json()["code"] == code else None


async def paid_by(vendor: Vendor, schedule: str) -> None:
    url = f"/v1/payouts/terms/{vendor.id}"
    terms = await vendor.client.get(url)
    headers = {"If-Match": terms.headers["etag"]}
    await ok(vendor.client.put(url, json={"schedule": schedule}, headers=headers), 200)


async def run(market: Market, job: str) -> None:
    """Have the ledger do now what it does every minute."""
    store = market.store
    assert isinstance(store, InProcess)
    [found] = [each for each in store.world.service("ledger").jobs if each.name == job]
    await found.run()


async def scheduled(market: Market, vendor: Vendor) -> JSON | None:
    await run(market, "ledger.payout-run")
    rows = (await ok(vendor.client.get("/v1/payouts"), 200))["data"]
    return next((row for row in rows if row["scheduled"]), None)


async def by_schedule(market: Market, vendor: Vendor) -> JSON:
    return dict(await until("the schedule pays", lambda: scheduled(market, vendor)))


async def paid(vendor: Vendor, payout: JSON) -> JSON:
    """The payout, once the bank has carried it out."""

    async def is_paid() -> JSON | None:
        found = await ok(vendor.client.get(f"/v1/payouts/{payout['id']}"), 200)
        return found if found["status"] == "paid" else None

    return dict(await until("the bank has paid", is_paid, pause=0.1))


async def explained(vendor: Vendor, payouts: list[JSON], earned: int) -> None:
    """Payouts say, down to the lines of orders, why they are what they are."""
    left, covered = 0, 0
    for payout in payouts:
        lines = (await ok(vendor.client.get(f"/v1/payouts/{payout['id']}/lines?limit=100"), 200))["data"]
        others = [line for line in lines if not line["own"]]
        assert [line["amount"]["amount"] for line in lines if line["own"]] == [-payout["amount"]["amount"]]
        assert sum(line["amount"]["amount"] for line in others) == payout["covered"]["amount"]
        assert payout["carried_in"] == eur(left)
        left = payout["carried_out"]["amount"]
        covered += payout["covered"]["amount"]
        assert payout["amount"]["amount"] == payout["carried_in"]["amount"] + payout["covered"]["amount"] - left
        for line in others:
            if line["kind"] in ("release", "refund"):
                assert sum(part["amount"]["amount"] for part in line["parts"]) == line["amount"]["amount"], line
                assert line["order_number"]
    assert (left, covered) == (0, earned)


async def stated(vendor: Vendor, earned: int) -> None:
    """The statement leads from nothing to nothing, line by line."""
    today = datetime.now(UTC).date()
    period = {"vendor": vendor.id, "since": str(today - timedelta(days=1)), "until": str(today + timedelta(days=2))}
    statement = await ok(vendor.client.get("/v1/ledger/statements", params=period), 200)
    totals = statement["totals"]
    balance = statement["opening"]["amount"]
    for line in statement["lines"]:
        balance += line["amount"]["amount"]
        assert line["balance"] == eur(balance)
    owed = [
        sum(row[kind]["amount"] for kind in ("pending", "available", "reserved", "paying"))
        for row in await balance_of(vendor)
    ]

    assert {"sale", "shipping", "refund", "payout"} == {line["kind"] for line in statement["lines"]}
    assert statement["opening"]["amount"] + sum(each["amount"] for each in totals.values()) == balance
    assert (statement["closing"], owed) == (eur(balance), [balance])
    assert (totals["payouts"], totals["adjustments"]) == (eur(-earned), eur(0))
    nothing = await vendor.client.get("/v1/ledger/statements", params={"vendor": vendor.id})
    assert [fault["parameter"] for fault in nothing.json()["errors"]] == ["since", "until"]
    for spelling, begin in (("csv", b""), ("pdf", b"%PDF")):
        answer = await vendor.client.get("/v1/ledger/statements", params=period | {"format": spelling})
        assert answer.status_code == 200 and answer.content.startswith(begin)


# --- reconciliation -------------------------------------------------------------------------------------------------


async def reconciled(market: Market, since: datetime) -> JSON:
    """Ask the provider for its books from then until now; returns what the ledger found."""
    await asyncio.sleep(0.3)
    span = {"since": since.isoformat(), "until": (datetime.now(UTC) - timedelta(seconds=0.15)).isoformat()}
    form = {"provider": "sandbox"} | span
    asked = await ok(market.operator.post("/v1/payments/reports", json=form, headers=key()), 202)

    async def compared() -> JSON | None:
        rows = (await ok(market.operator.get("/v1/ledger/reports", params={"limit": 100}), 200))["data"]
        return next((row for row in rows if row["id"] == asked["id"] and row["reconciled_at"]), None)

    return dict(await until("the report was compared", compared, pause=0.1))


async def entries(market: Market) -> AsyncIterator[JSON]:
    """All of the journal."""
    cursor = None
    while True:
        query = {"limit": 100} | ({"cursor": cursor} if cursor else {})
        page = await ok(market.operator.get("/v1/ledger/entries", params=query), 200)
        for row in page["data"]:
            yield row
        if (cursor := page["next_cursor"]) is None:
            return


async def differences(market: Market) -> list[JSON]:
    return list((await ok(market.operator.get("/v1/ledger/differences", params={"open": "true"}), 200))["data"])


class TestLocalPaid(PaidSuite):
    @pytest.fixture(scope="class")
    @staticmethod
    async def market(databases: Databases) -> AsyncIterator[Market]:
        async with in_process(databases, **SHORT) as store:
            yield await Market(store).open()


class TestRabbitPaid(PaidSuite):
    @pytest.fixture(scope="class")
    @staticmethod
    async def market(databases: Databases, rabbit_server: Rabbit) -> AsyncIterator[Market]:
        await rabbit_server.start()
        async with in_process(databases, await rabbit_server.fresh_vhost(), **SHORT) as store:
            yield await Market(store).open()
