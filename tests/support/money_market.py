"""Four services on one database, whose events the test itself carries, and the model beside them."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec
from schwifty import IBAN

from estore.cli.doctor.books import BOOKS
from estore.cli.doctor.comparing import compare
from estore.cli.doctor.messages import Traced
from estore.cli.doctor.orders import ORDERS
from estore.contracts import REGISTRY
from estore.contracts.catalog import Product, ProductPublished, Variant
from estore.contracts.ledger import CreditHeld, CreditRefused
from estore.contracts.orders import OrderConfirmed, RefundAllocated
from estore.contracts.payments import PaymentCaptured, PaymentDisputeClosed, PaymentRefunded, PaymentRefundFailed
from estore.contracts.vendors import Plan, Rate, VendorApproved, VendorBankAccountChanged, VendorPlanChanged
from estore.kit.envelope import Envelope
from estore.kit.errors import Transient
from estore.kit.ids import new_message_id
from estore.kit.money import Money
from support.databases import Databases
from support.money_deals import FRIENDS, Choice, Demand, Known, choose, deals_of, fits
from support.money_model import Asked, Books, Fee, FeePlan, Item, Refunds, Sale, Tariff, priced
from support.world import World, migrate_services, world

JSON = dict[str, Any]
SERVICES = ("orders", "inventory", "payments", "ledger")
RETURN_DAYS = 10
CARD = 1_000_000_000
STOCK = 100_000
VENDORS = ("vnd_a", "vnd_b", "vnd_c")
CUSTOMERS = ("acc_c1", "acc_c2")
MOODS = ("3000", "9001", "9002", "9003", "9004", "9005", "9006")
"""Of the sandbox bank: it pays, is slow, does not answer, refuses, gives back, tells twice, loses."""
ADDRESS = {"name": "Ada", "line1": "Ringstrasse 1", "postal_code": "04109", "city": "Leipzig", "country": "DE"}
_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_TAKE_OUT = " UNION ALL ".join(f"SELECT * FROM {name}" for name in SERVICES)
_OUTBOX = (
    "WITH "
    + ", ".join(
        f"{name} AS (UPDATE {name}.outbox SET published_at = now() WHERE published_at IS NULL RETURNING '{name}' AS"
        " source, id, name, subject, version, occurred_at, correlation_id, causation_id, traceparent, body)"
        for name in SERVICES
    )
    + f" SELECT * FROM ({_TAKE_OUT}) told ORDER BY id"
)
_UNANSWERED = (
    "SELECT 1 FROM payment_intent WHERE due_at IS NOT NULL UNION ALL SELECT 1 FROM refund WHERE due_at IS NOT NULL"
)
# A rule that reads the real clock, where time stands still.
_BY_THE_CLOCK = "no payment is unsettled minutes after its deadline"


def scaled(currency: str) -> int:
    """Return what prices in this currency are multiplied by, so that they are ugly in each."""
    return {"EUR": 1, "JPY": 1, "KWD": 7}[currency]


def items_of(currency: str) -> list[Item]:
    by = scaled(currency)
    return [
        Item("MUG", "vnd_a", 2399 * by, path=("home", "mugs")),
        Item("PIN", "vnd_a", 1 * by, "zero", 5, ("home",)),
        Item("BOOK", "vnd_a", 1049 * by, "reduced", 900, ("books",)),
        Item("LAMP", "vnd_b", 8999 * by, grams=2500),
        Item("BULB", "vnd_b", 333 * by, "reduced", 50),
        Item("GUM", "vnd_c", 7 * by, "reduced", 10),
        Item("SOFA", "vnd_c", 123_457 * by, grams=30_000),
    ]


def plans_of(currency: str) -> dict[str, FeePlan]:
    by = scaled(currency)
    return {
        "vnd_a": FeePlan((Fee(1250), Fee(833, 3 * by, "mugs"), Fee(501, 0, "home")), 1900),
        "vnd_b": FeePlan((Fee(777),)),
        "vnd_c": FeePlan((Fee(999, 5 * by),), 2550),
    }


TARIFFS = {
    "EUR": Tariff(False, {"standard": 1900, "reduced": 700, "zero": 0}, ((2000, 490), (None, 1291)), 9000),
    "JPY": Tariff(True, {"standard": 1000, "reduced": 800, "zero": 0}, ((2000, 401), (None, 1103)), 9000),
    "KWD": Tariff(False, {"standard": 533, "reduced": 250, "zero": 0}, ((2000, 1017), (None, 7003)), 99_000),
}


def _without_trace(answer: httpx.Response) -> JSON:
    return {name: value for name, value in answer.json().items() if name != "trace_id"}


def _plan(plan: FeePlan) -> Plan:
    rates = tuple(
        Rate(category=fee.category, bps=fee.bps, fixed=fee.fixed, valid_from=fee.since or _BEGIN) for fee in plan.fees
    )
    return Plan(rates=rates, tax_bps=plan.tax_bps)


class Market:
    """Everything that can be done about money, and what must come of it.

    dice: decide in which order messages travel; a test sets them before each step.
    """

    def __init__(self, made: World, currency: str) -> None:
        self.world = made
        self.clock: Any = made.clock
        self.currency = currency
        self.tariff = TARIFFS[currency]
        self.items = items_of(currency)
        self.plans = plans_of(currency)
        self.sales: dict[str, Sale] = {}
        self.shown: dict[str, JSON] = {}
        self.refunds = Refunds(self.sales)
        self.books = Books(self.sales, RETURN_DAYS)
        self.waiting: list[tuple[str, Envelope]] = []
        self.returns: list[str] = []
        self.banks: list[str] = []
        self.card = ""
        self.promotions: list[Known] = []
        self.paused: set[str] = set()
        self.dice = random.Random(0)
        self.jobs = {job.name: job.run for service in made.services.values() for job in service.jobs}
        self.pump: Any = self.jobs["payments.sweep"].__self__  # type: ignore[attr-defined]
        self.sandbox: Any = self.jobs["payments.sandbox"].__self__  # type: ignore[attr-defined]
        self.sandbox.client = made.http("payments")
        self._keys = count(1)
        self._versions = count(100)

    # --- people -----------------------------------------------------------------------------------------------

    def money(self, amount: int) -> JSON:
        return {"amount": amount, "currency": self.currency}

    async def ask(
        self, method: str, url: str, body: Any = None, *, who: str = "acc_op", vendor: str = "", if_match: str = ""
    ) -> httpx.Response:
        """Ask as an operator, as the owner of a vendor, a customer or nobody. What is posted may be said twice."""
        service = {
            "stock": "inventory",
            "payments": "payments",
            "ledger": "ledger",
            "payouts": "ledger",
            "gift-cards": "ledger",
            "store-credit": "ledger",
        }.get(url.split("/")[2].partition("?")[0], "orders")
        token = None
        if who:
            operator = not vendor and who not in CUSTOMERS
            token = self.world.token(who, operator=operator, vendors={vendor: "owner"} if vendor else None)
        sent = {"idempotency-key": f"key-{next(self._keys)}"} if method == "POST" else {}
        sent |= {"if-match": if_match} if if_match else {}
        async with self.world.http(service, token) as client:
            answer = await client.request(method, url, json=body, headers=sent)
            # A vendor does not see what is not paid for yet.
            unseen = {404} if vendor else set()
            assert answer.status_code in {200, 201, 202, 409, 422} | unseen, answer.text
            if method == "POST" and self.dice.random() < 0.15:
                again = await client.request(method, url, json=body, headers=sent)
                same = (again.status_code, _without_trace(again)) == (answer.status_code, _without_trace(answer))
                assert same, (answer.text, again.text)
        if service == "payments":
            await self.pump.idle()
        return answer

    async def take_a_card(self) -> None:
        """Issue a gift card that lasts for every story."""
        body = {"amount": self.money(CARD), "funding": "promotion"}
        self.card = (await self.ask("POST", "/v1/gift-cards", body)).json()["code"]
        self.books.fund("promotion", CARD)
        self.books.cards += CARD

    async def grant(self, customer: str, amount: int, funding: str) -> None:
        """Give store credit, or take it back below zero: never more than there is."""
        body = {"account_id": customer, "amount": self.money(amount), "reason": "as agreed", "funding": funding}
        answer = await self.ask("POST", "/v1/store-credit", body)
        there = self.books.spendable(customer) + amount >= 0
        assert (answer.status_code == 201) is there, answer.text
        if there:
            self.books.fund(funding, amount)
            self.books.granted[customer] += amount
            assert answer.json()["balance"] == self.money(self.books.spendable(customer))

    async def redeem(self, customer: str, amount: int, funding: str) -> None:
        """A customer moves what is on a card to their account, once."""
        card = (await self.ask("POST", "/v1/gift-cards", {"amount": self.money(amount), "funding": funding})).json()
        for status in (200, 409):
            answer = await self.ask("POST", "/v1/gift-cards/redeem", {"code": card["code"].lower()}, who=customer)
            assert answer.status_code == status, answer.text
        self.books.fund(funding, amount)
        self.books.granted[customer] += amount

    # --- buying -----------------------------------------------------------------------------------------------

    async def promote(self, pick: Callable[[int], int]) -> None:
        """Somebody pauses a promotion, lets it go on, or has it paid by others from now on."""
        known = self.promotions[pick(len(self.promotions))]
        if pick(2):
            paused = known.id in self.paused
            answer = await self.ask("POST", f"/v1/promotions/{known.id}/{'resume' if paused else 'pause'}")
            assert answer.status_code == 200, answer.text
            self.paused ^= {known.id}
        elif not known.deal.vendor:
            share = (0, 5000, 9999, 10_000)[pick(4)]
            url = f"/v1/promotions/{known.id}"
            version = (await self.ask("GET", url)).headers["etag"]
            body = known.deal.body | {"platform_share": share}
            assert (await self.ask("PUT", url, body, if_match=version)).status_code == 200
            self.promotions[self.promotions.index(known)] = replace(known, share=share)

    async def _statuses(self) -> dict[str, str]:
        rows = await self.world.fetch("orders", "SELECT order_id, status FROM purchase_order")
        return {row["order_id"]: row["status"] for row in rows}

    async def live(self) -> list[Sale]:
        """Those orders that count as uses of what they use."""
        statuses = await self._statuses()
        return [sale for sale in self.sales.values() if statuses[sale.id] not in ("rejected", "cancelled")]

    async def choose(self, demand: Demand, codes: Sequence[str], customer: str) -> Choice:
        """Return what an order may cost. An order that is not confirmed yet is in use already."""
        live = await self.live()
        fitting = []
        for known in self.promotions:
            if known.id in self.paused or (known.deal.code and known.deal.code not in codes):
                continue
            using = [sale for sale in live if any(cut.promotion == known.id for cut in sale.cuts)]
            own = [sale for sale in using if sale.customer == customer]
            now = replace(known, uses=len(using), own=len(own))
            # All give one address, so that to a guest's first order also what accounts ordered went before.
            ordered = any(sale.customer == customer or not customer for sale in live)
            if fits(now, demand, ordered, customer == CUSTOMERS[0]):
                fitting.append(now)
        return choose("ord_0", demand, self.tariff, self.plans, self.clock.now(), fitting)

    async def place(
        self,
        demand: Demand,
        method: str,
        credits: Sequence[tuple[str | None, int]] = (),
        codes: Sequence[str] = (),
        customer: str = "",
    ) -> None:
        """Buy, without codes if one does not apply.

        credits: what of the total whose credit pays, per mille; see Sale. customer: empty for a guest.
        """
        choice = await self.choose(demand, codes, customer)
        uses = self._uses(choice.cheapest, credits)
        body: JSON = {
            "lines": [{"sku": item.sku, "quantity": quantity} for item, quantity in demand],
            "email": "ada@example.com",
            "shipping_address": ADDRESS,
            "shipping_method": "standard",
            "payment_method": method,
            "promotion_codes": [code.lower() for code in codes],
            "credits": [
                ({"store_credit": True} if account else {"gift_card": "FORGED" if account is None else self.card})
                | {"amount": self.money(amount)}
                for account, amount in uses
            ],
        }
        if sum(amount for _, amount in uses) == choice.cheapest:
            del body["payment_method"]
        answer = await self.ask("POST", "/v1/orders", body, who=customer)
        wanted = {known.id for known in self.promotions if known.deal.code in codes and known.deal.code}
        if answer.status_code == 422:
            assert answer.json()["code"] == "orders.promotion_not_applicable", answer.text
            assert answer.json()["quote"]["totals"]["total"] == self.money(choice.cheapest)
            assert any(not wanted <= way for way in choice.sales), "a code is refused that makes it cheaper"
            await self.place(demand, method, credits, (), customer)
            return
        assert answer.status_code == 202, answer.text
        shown = answer.json()
        applied = frozenset(each["promotion_id"] for each in shown["promotions"])
        assert applied in choice.sales, "another way would cost less, or this one must not be"
        assert wanted <= applied
        cuts = choice.sales[applied].cuts
        sale = priced(shown["id"], demand, self.tariff, self.plans, self.clock.now(), cuts)
        sale.uses, sale.customer = uses, customer
        self.sales[sale.id], self.shown[sale.id] = sale, shown
        self._compare(sale, shown)

    def _uses(self, total: int, credits: Sequence[tuple[str | None, int]]) -> list[tuple[str | None, int]]:
        left, found = total, []
        for account, permille in credits:
            if amount := min(left, -(-total * permille // 1000)):
                found.append((account, amount))
                left -= amount
        return found

    def _compare(self, sale: Sale, shown: JSON) -> None:
        """An order is shown as it has to be, line by line."""
        assert shown["to_pay"]["amount"] == sale.total - sale.credit
        totals = {name: value["amount"] for name, value in shown["totals"].items() if isinstance(value, dict)}
        assert totals == {
            "items": sale.items,
            "discount": sum(cut.amount for cut in sale.cuts if cut.line is not None),
            "shipping": sale.shipping,
            "shipping_discount": sum(cut.amount for cut in sale.cuts if cut.line is None),
            "tax": sale.tax,
            "total": sale.total,
        }
        assert [
            (line["id"], line["tax"]["amount"], line["total"]["amount"], line["parcel_id"]) for line in shown["lines"]
        ] == [(part.line, part.tax, part.amount, part.parcel) for part in sale.parts if part.line]
        assert {parcel["id"]: parcel["total"]["amount"] for parcel in shown["parcels"]} == {
            parcel: total for parcel, (_, total) in self.books.parcels(sale.id).items()
        }
        for each in shown["promotions"]:
            own = [cut for cut in sale.cuts if cut.promotion == each["promotion_id"]]
            assert each["amount"]["amount"] == sum(cut.amount for cut in own)
            assert each["shipping"]["amount"] == sum(cut.amount for cut in own if cut.line is None)
            assert {line["line_id"]: line["amount"]["amount"] for line in each["lines"]} == {
                f"lin_{sale.id[4:]}-{cut.line + 1}": cut.amount for cut in own if cut.line is not None
            }

    async def cancel(self, order_id: str) -> None:
        await self.ask("POST", f"/v1/orders/{order_id}/cancel", {})

    async def refund(self, order_id: str, asked: Asked, by: str = "") -> None:
        """Ask orders for a refund, as an operator or as a vendor's owner."""
        body: JSON = {"reason": "sorry"}
        if asked.amount is not None:
            body["amount"] = self.money(asked.amount)
            body |= {"vendor_id": asked.vendor} if asked.vendor else {}
        elif asked.pieces:
            body["lines"] = [{"line_id": line, "quantity": quantity} for line, quantity in asked.pieces.items()]
        body |= {"shipping": True} if asked.shipping else {}
        answer = await self.ask("POST", f"/v1/orders/{order_id}/refunds", body, vendor=by)
        if answer.status_code == 201:
            self.refunds.asked[answer.json()["id"]] = asked

    async def payment_of(self, order_id: str) -> JSON | None:
        found = (await self.ask("GET", f"/v1/payments?order_id={order_id}")).json()["data"]
        return found[0] if found else None

    async def inspect(self, return_id: str, keep: int, deduct: int, shipping: bool) -> None:
        """The vendor takes a return in, of each line at most `keep` pieces fewer, for `deduct` per mille less."""
        found = (await self.ask("GET", f"/v1/returns/{return_id}")).json()
        arrived = {line["line_id"]: max(1, line["quantity"] - keep) for line in found["lines"]}
        lines = [
            {"line_id": line, "quantity": quantity, "disposition": ("restock", "write_off")[index % 2]}
            for index, (line, quantity) in enumerate(arrived.items())
        ]
        body: JSON = {"lines": lines, "shipping": shipping}
        amount = found["amount"]["amount"] * deduct // 1000
        if amount:
            body |= {"deduction": self.money(amount), "deduction_reason": "worn"}
        verb = "receive" if found["status"] == "approved" else "inspect"
        answer = await self.ask("POST", f"/v1/returns/{return_id}/{verb}", body, vendor=found["vendor_id"])
        if answer.status_code == 200 and (refund_id := answer.json()["refund_id"]):
            parcels = frozenset({found["parcel_id"]}) if shipping else frozenset()
            self.refunds.asked[refund_id] = Asked(pieces=arrived, shipping=parcels, deduction=amount)

    async def adjust(self, vendor: str, amount: int) -> None:
        body = {"vendor_id": vendor, "amount": self.money(amount), "reason": "as agreed"}
        assert (await self.ask("POST", "/v1/ledger/adjustments", body)).status_code == 201
        self.books.adjusted[vendor] += amount

    async def hold(self, vendor: str, amount: int, days: int) -> None:
        until = self.clock.now() + timedelta(days=days) if days else None
        body = {"vendor_id": vendor, "amount": self.money(amount), "reason": "a doubt"}
        body |= {"release_at": until.isoformat()} if until else {}
        made = (await self.ask("POST", "/v1/ledger/holds", body)).json()
        self.books.hold(made["ref"], vendor, amount, until)

    async def let_go(self, pick: int) -> None:
        """End a hold that an operator may end."""
        holds = (await self.ask("GET", "/v1/ledger/holds?limit=100")).json()["data"]
        by_hand = sorted((h["kind"], h["ref"], h["vendor_id"], h["id"]) for h in holds if h["kind"] != "dispute")
        if by_hand:
            kind, ref, vendor, hold_id = by_hand[pick % len(by_hand)]
            answer = await self.ask("POST", f"/v1/ledger/holds/{hold_id}/release", {})
            assert (answer.status_code == 200) is (kind != "return"), answer.text
            self.books.holds[kind, ref, vendor].over |= kind != "return"

    async def set_terms(self, vendor: str, bps: int, days: int) -> None:
        url = f"/v1/ledger/terms/{vendor}"
        version = (await self.ask("GET", url)).headers["etag"]
        answer = await self.ask("PUT", url, {"reserve_bps": bps, "reserve_days": days}, if_match=version)
        assert answer.status_code == 200, answer.text
        self.books.terms[vendor] = (bps, days)

    async def change_plan(self, vendor: str, plan: FeePlan) -> None:
        """Heard at once, and twice; what was placed before keeps its commission."""
        changed = VendorPlanChanged(vendor_id=vendor, commission_bps=1, plan=_plan(plan), version=next(self._versions))
        envelope = self.world.envelope(changed)
        await self.world.deliver("orders", envelope, envelope)
        self.plans[vendor] = plan

    async def change_bank(self, vendor: str, token: str) -> None:
        changed = VendorBankAccountChanged(
            vendor_id=vendor,
            token=token,
            changed_by=None,
            changed_at=self.clock.now(),
            version=next(self._versions),
        )
        await self.world.deliver("ledger", changed)

    # --- payouts ----------------------------------------------------------------------------------------------

    async def pay_out(self, vendor: str, part: int) -> None:
        """Ask for what is available, or for some per mille of it."""
        available = self.books.balances().get(vendor, {}).get("available", 0)
        amount = available * part // 1000
        body = {"vendor_id": vendor} | ({"amount": self.money(amount)} if 0 < amount < available else {})
        answer = await self.ask("POST", "/v1/payouts", body)
        wanted = body["amount"]["amount"] if isinstance(body.get("amount"), dict) else available  # type: ignore[index]
        assert (answer.status_code == 201) is (wanted > 0), (answer.text, available)
        if answer.status_code == 201:
            made = answer.json()
            assert made["amount"] == self.money(wanted)
            self.books.payouts[made["id"]] = (vendor, wanted, "open")

    async def run_schedule(self) -> None:
        """Whoever is due is paid all that is available, once a day."""
        before = self.books.balances()
        await self.jobs["ledger.payout-run"]()
        new = [each for each in await self.payouts() if each["id"] not in self.books.payouts]
        assert len({each["vendor_id"] for each in new}) == len(new)
        for each in new:
            vendor = each["vendor_id"]
            assert each["amount"]["amount"] == before[vendor]["available"] > 0
            self.books.payouts[each["id"]] = (vendor, each["amount"]["amount"], "open")

    async def decide_payouts(self, approve: bool) -> None:
        """A second operator decides about what is large."""
        for each in sorted(await self.payouts(), key=lambda p: p["id"]):
            if each["status"] == "awaiting_approval":
                verb, body = ("approve", {}) if approve else ("reject", {"reason": "no"})
                await self.ask("POST", f"/v1/payouts/{each['id']}/{verb}", body, who="acc_op2")
        await self.read_payouts()

    async def bank(self) -> None:
        """The bank is asked, does its work, and tells."""
        for job in ("payout-send", "sandbox-bank", "payout-notices"):
            await self.jobs[f"ledger.{job}"]()
        await self.read_payouts()

    async def payouts(self) -> list[JSON]:
        found: list[JSON] = []
        cursor = ""
        while True:
            page = (await self.ask("GET", f"/v1/payouts?limit=100{cursor}")).json()
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    async def read_payouts(self) -> None:
        """Take over what became of payouts; none may appear or change its amount, and `paid` the bank must say too."""
        says = {"paid": "paid", "failed": "back", "returned": "back", "rejected": "back"}
        carried = {row["key"]: row for row in await self._transfers()}
        found = await self.payouts()
        assert {each["id"] for each in found} == self.books.payouts.keys()
        for each in found:
            vendor, amount, _ = self.books.payouts[each["id"]]
            assert (each["vendor_id"], each["amount"]["amount"]) == (vendor, amount)
            self.books.payouts[each["id"]] = (vendor, amount, says.get(each["status"], "open"))
            if each["status"] in ("paid", "returned"):
                assert carried[each["id"]]["status"] in ("paid", "returned")
                assert carried[each["id"]]["amount"] == amount
            elif each["status"] in ("failed", "rejected"):
                assert each["id"] not in carried or carried[each["id"]]["status"] == "refused"

    async def read_banks(self) -> None:
        """Learn the tokens of the bank accounts, one of each mood."""
        rows = await self.world.fetch("ledger", "SELECT token, last4 FROM bank_account")
        self.banks = [row["token"] for mood in MOODS for row in rows if row["last4"] == mood]

    async def read_promotions(self) -> None:
        """Learn the ids of the promotions, by which those of one priority are applied."""
        found = (await self.ask("GET", "/v1/promotions?limit=100")).json()["data"]
        ids = {each["title"]: each["id"] for each in found}
        self.promotions = [Known(ids[deal.name], deal, deal.share) for deal in deals_of(scaled(self.currency))]

    async def _transfers(self) -> list[JSON]:
        return await self.world.fetch("ledger", "SELECT key, amount, status FROM sandbox_transfer")

    # --- messages ---------------------------------------------------------------------------------------------

    async def collect(self) -> None:
        """Take what the services have put on their outboxes."""
        async with self.world.service("orders").db.transaction() as tx:
            rows = [dict(row) for row in await tx.fetch(_OUTBOX)]
        for row in rows:
            envelope = Envelope(time=row.pop("occurred_at"), **row)
            event: Any = REGISTRY[envelope.name].decode(envelope.body)
            if isinstance(event, OrderConfirmed):
                self.sales[event.order_id].confirmed = True
            elif isinstance(event, RefundAllocated):
                self.refunds.allocated(event)
            self.waiting += [(name, envelope) for name in SERVICES if self.world.subscriptions(name, type(event))]

    async def carry(self, share: float) -> bool:
        """Deliver a share of what waits: in any order, in batches, some of it twice, some told anew. What comes too
        early waits on. Returns whether anything was taken in."""
        await self.collect()
        going = [each for each in self.waiting if self.dice.random() < share]
        self.waiting = [each for each in self.waiting if each not in going]
        for service, envelope in list(going):
            if self.dice.random() < 0.1:
                going.append((service, envelope))
            elif self.dice.random() < 0.1:
                going.append((service, msgspec.structs.replace(envelope, id=new_message_id())))
        self.dice.shuffle(going)
        batches: dict[tuple[str, str, int], list[Envelope]] = {}
        for service, envelope in going:
            batches.setdefault((service, envelope.name, self.dice.randrange(2)), []).append(envelope)
        taken = [await self._deliver(service, envelopes) for (service, _, _), envelopes in batches.items()]
        await self.collect()
        return any(taken)

    async def _deliver(self, service: str, envelopes: list[Envelope]) -> bool:
        """Deliver a batch; where something in it is too early, one by one, as the bus does."""
        try:
            await self.world.deliver_batch(service, envelopes)
        except Transient:
            if len(envelopes) > 1:
                return any([await self._deliver(service, [each]) for each in envelopes])
            (late,) = envelopes
            self.waiting.append((service, msgspec.structs.replace(late, attempt=late.attempt + 1)))
            return False
        for envelope in envelopes:
            self._heard(service, REGISTRY[envelope.name].decode(envelope.body))
        if service == "payments":
            await self.pump.idle()
        elif service == "orders":
            await self.collect()
        return True

    def _heard(self, service: str, event: Any) -> None:
        if service == "ledger":
            self.books.hear(event)
        elif service == "orders":
            sale = self.sales.get(getattr(event, "order_id", ""))
            if isinstance(event, PaymentCaptured):
                assert (
                    sale is not None
                    and event.amount == sale.total - sale.credit
                    and sale.captured in (None, event.amount)
                )
                sale.captured = event.amount
            elif sale is not None and isinstance(event, CreditHeld):
                assert event.amount == sale.credit == sum(amount for _, amount in self.books.credit[sale.id])
                sale.held = event.amount
            elif sale is not None and isinstance(event, CreditRefused):
                assert sale.credit and not self.books.credit[sale.id], "there was enough"
            elif isinstance(event, PaymentRefundFailed):
                self.refunds.failed(event)
            elif sale is not None and isinstance(event, PaymentRefunded):
                sale.unasked.setdefault(event.refund_id, event.amount)
            elif sale is not None and isinstance(event, PaymentDisputeClosed) and not event.won:
                sale.unasked.setdefault(event.dispute_id, event.amount)

    async def settle(self) -> None:
        """Deliver until nothing moves any more without time passing."""
        while await self.carry(1.0):
            pass

    async def pass_time(self, **delta: float) -> None:
        """Let time pass, and all timers ring."""
        self.clock.advance(**delta)
        await self.sandbox.tick()
        await self.pump.sweep()
        await self.pump.idle()
        for job in ("move_due_returns", "move_overdue", "allocate_refunds"):
            await self.jobs[f"orders.{job}"]()
        await self.jobs["release-expired"]()
        await self.collect()
        await self.release()

    async def rest(self) -> None:
        """Settle, and let payments ask again until no answer is missing."""
        await self.settle()
        for _ in range(12):
            if not await self.world.fetch("payments", _UNANSWERED):
                break
            await self.pass_time(minutes=2)
            await self.settle()
        await self.release()

    async def release(self) -> None:
        for job in ("release_due", "release_due_holds", "fold_balances", "seal_entries"):
            await self.jobs[f"ledger.{job}"]()
        self.books.release(self.clock.now())

    # --- what must hold ---------------------------------------------------------------------------------------

    async def check(self) -> None:
        """At any time: each account is what the model says."""
        rows = (await self.ask("GET", "/v1/ledger/balances?limit=100")).json()["data"]
        said = {
            row["vendor_id"]: {name: value["amount"] for name, value in row.items() if isinstance(value, dict)}
            for row in rows
            if row["currency"] == self.currency
        }
        assert {row["currency"] for row in rows} <= {self.currency}
        said = {vendor: {name: amount for name, amount in own.items() if amount} for vendor, own in said.items()}
        assert {vendor: own for vendor, own in said.items() if own} == self.books.balances()
        sheets = (await self.ask("GET", "/v1/ledger/balance-sheet")).json()["currencies"]
        for sheet in sheets:
            assert sheet["total"]["amount"] == 0
            vendors = ("pending", "available", "reserved", "paying", "paid_out")
            own = {
                "external" if line["owner"] == "external" else line["account"]: line["amount"]["amount"]
                for line in sheet["accounts"]
            }
            own = {name: amount for name, amount in own.items() if amount and name not in vendors}
            assert own == self.books.sheet()
        for customer in CUSTOMERS:
            shown = (await self.ask("GET", "/v1/store-credit", who=customer)).json()
            spendable = self.books.spendable(customer)
            assert [each for each in shown["balances"] if each["amount"]] == [self.money(spendable)] * (spendable > 0)

    async def finish(self) -> None:
        """Let everything come to its end, then compare all that can be compared."""
        for delta in ({"seconds": 30}, {"minutes": 40}, {"hours": 3}, {"days": 8}):
            await self.pass_time(**delta)
            await self.settle()
        await self.rest()
        assert not self.waiting, f"never accepted: {self.waiting}"
        await self.check()
        await self.prove()
        for _ in range(4):
            await self.pass_time(days=16)
            await self.rest()
            await self.run_schedule()
            await self.decide_payouts(approve=True)
            for _ in range(3):
                await self.bank()
                self.clock.advance(minutes=10)
            await self.rest()
        await self.bank()
        await self.check()
        await self.prove()

    async def prove(self) -> None:
        """Of a store at rest: nobody disagrees with anybody, and outsiders' books say the same."""
        for name in SERVICES:
            broken = await self.world.broken(name)
            broken.pop(_BY_THE_CLOCK, None)
            assert broken == {}, name
        for comparison in (ORDERS, BOOKS):
            found = await compare(self.world.services, comparison, Traced([], set()), timedelta(0))
            disagreeing = [(each.name, each.broken) for each in found if each.broken]
            assert not disagreeing, repr(disagreeing)
        await self._prove_orders()
        await self._prove_uses()
        await self._prove_payouts()
        await self._prove_statements()

    async def _prove_orders(self) -> None:
        charges = await self.world.fetch(
            "payments", "SELECT order_id, captured, refunded, disputed FROM sandbox_charge WHERE captured > 0"
        )
        assert sum(c["captured"] - c["refunded"] - c["disputed"] for c in charges) == self.books.sheet().get(
            "clearing", 0
        )
        by_order = {charge["order_id"]: charge for charge in charges}
        for order_id, sale in self.sales.items():
            charge = by_order.get(order_id, {"captured": 0, "refunded": 0, "disputed": 0})
            captured, refunded = charge["captured"], charge["refunded"]
            lost = sum(self.books.decided[key][1] for key in self._lost_of(order_id))
            shown = (await self.ask("GET", f"/v1/orders/{order_id}")).json()
            credited = sum(amount for of, amount in self.books.credited.values() if of == order_id)
            back = refunded + lost + credited
            assert captured in (0, sale.total - sale.credit)
            assert refunded + lost <= captured
            assert credited <= sale.held in (0, sale.credit)
            assert shown["totals"] == self.shown[order_id]["totals"]
            assert shown.get("refunded", self.money(0)) == self.money(back)
            assert (order_id in self.books.sold) is sale.confirmed
            borne = sum(
                event.amount - event.unearned for event in sale.told.values() if event.refund_id not in sale.failed
            )
            assert borne == (back if sale.confirmed else 0), order_id
            if shown["status"] in ("cancelled", "rejected") and not sale.failed:
                assert back == captured + sale.held
            if sale.confirmed and shown["status"] == "cancelled" and back == captured + sale.held:
                assert all(part.left == 0 and part.given[2:] == part.whole[2:] for part in sale.parts)
            assert not sale.confirmed or captured + sale.held == sale.total

    async def _prove_uses(self) -> None:
        """Promotions count the orders that use them, and what those were given."""
        live = await self.live()
        for known in self.promotions:
            used = (await self.ask("GET", f"/v1/promotions/{known.id}")).json()["uses"]
            own = [[cut for cut in sale.cuts if cut.promotion == known.id] for sale in live]
            own = [some for some in own if some]
            total = known.deal.limits.get("total")
            assert used == {
                "orders": len(own),
                "amount": self.money(sum(cut.amount for some in own for cut in some)),
                "platform": self.money(sum(cut.paid for some in own for cut in some)),
                "left": None if total is None else total - len(own),
            }

    def _lost_of(self, order_id: str) -> list[str]:
        return [
            key for key, (won, _) in self.books.decided.items() if not won and self.books.disputed[key][0] == order_id
        ]

    async def _prove_payouts(self) -> None:
        carried = {row["key"]: row for row in await self._transfers()}
        assert carried.keys() <= self.books.payouts.keys()
        for key, (_, amount, status) in self.books.payouts.items():
            if key in carried:
                assert carried[key]["amount"] == amount
                if carried[key]["status"] == "paid":
                    assert status in ("paid", "open")

    async def _prove_statements(self) -> None:
        today = self.clock.now().date()
        period = f"since={today - timedelta(days=360)}&until={today + timedelta(days=1)}"
        balances = self.books.balances()
        for vendor in VENDORS:
            found = (await self.ask("GET", f"/v1/ledger/statements?vendor={vendor}&{period}")).json()
            lines = sum(line["amount"]["amount"] for line in found["lines"])
            owed = sum(amount for name, amount in balances.get(vendor, {}).items() if name != "paid_out")
            assert (found["opening"]["amount"], found["closing"]["amount"]) == (0, owed)
            assert lines == owed
            assert sum(total["amount"] for total in found["totals"].values()) == owed


# --- the world it is in -------------------------------------------------------------------------------------------


def _environment(currency: str, folder: Path) -> dict[str, str]:
    tables = folder / f"{currency}.toml"
    tables.write_text(TARIFFS[currency].toml(currency))
    return {
        "ESTORE_ORDERS_TABLES": str(tables),
        "ESTORE_ORDERS_RETURN_SECONDS": str(RETURN_DAYS * 86_400),
        "ESTORE_PAYMENTS_CALL_TIMEOUT": "0.2",
        "ESTORE_LEDGER_PAYOUT_CALL_TIMEOUT": "0.2",
        "ESTORE_LEDGER_PAYOUT_MINIMUM": "1",
        "ESTORE_LEDGER_PAYOUT_LARGE": str(20_000 * scaled(currency)),
        "ESTORE_LEDGER_PAYOUT_SCHEDULE": "daily",
        "ESTORE_LEDGER_BANK_COOLING_SECONDS": "0",
    }


async def _open(market: Market) -> None:
    """Vendors with bank accounts of every mood, products, stock."""
    for mood in MOODS:
        iban = str(IBAN.generate("DE", bank_code="37040044", account_code=f"053201{mood}"))
        body = {"iban": iban, "holder": "Tonwerk GmbH"}
        assert (await market.ask("POST", "/v1/payouts/bank-accounts", body, vendor="vnd_a")).status_code == 201
    await market.read_banks()
    for vendor in VENDORS:
        approved = VendorApproved(
            vendor_id=vendor,
            slug=vendor.replace("_", "-"),
            name=vendor,
            country="DE",
            members=(),
            commission_bps=1,
            version=1,
            plan=_plan(market.plans[vendor]),
            bank_token=market.banks[0],
        )
        await market.world.deliver("orders", approved)
        await market.world.deliver("ledger", approved)
    for number, item in enumerate(market.items):
        variant = Variant(
            sku=item.sku,
            title=item.sku,
            price=Money(item.price, market.currency),
            weight_grams=item.grams,
            tax_class=item.tax_class,
        )
        product = Product(
            product_id=f"prd_{number}",
            slug=f"prd-{number}",
            title=item.sku,
            vendor_id=item.vendor,
            category=item.path[-1],
            variants=(variant,),
            category_path=item.path,
        )
        published = ProductPublished(product_id=f"prd_{number}", product=product, version=1)
        await market.world.deliver("orders", published)
        await market.world.deliver("inventory", published)
        receipt = {"location": "MAIN", "quantity": STOCK}
        answer = await market.ask("POST", f"/v1/stock/{item.sku}/receipts", receipt)
        assert answer.status_code == 201, answer.text
    group = f"/v1/customer-groups/{FRIENDS}"
    assert (await market.ask("PUT", group)).status_code == 200
    assert (await market.ask("POST", f"{group}/members", {"account_ids": [CUSTOMERS[0]]})).status_code == 200
    for deal in deals_of(scaled(market.currency)):
        answer = await market.ask("POST", "/v1/promotions", deal.body, vendor=deal.vendor)
        assert answer.status_code == 201, answer.text
        if deal.code:
            url = f"/v1/promotions/{answer.json()['id']}/codes"
            body = {"code": deal.code, "max_uses": deal.max_uses}
            assert (await market.ask("POST", url, body, vendor=deal.vendor)).status_code == 201
    await market.settle()


@asynccontextmanager
async def opened(databases: Databases, currency: str, folder: Path) -> AsyncIterator[Market]:
    """A market with everything for sale and nothing sold, on a database of its own that is cloned in no time."""
    environment = _environment(currency, folder)

    @asynccontextmanager
    async def market(dsn: str) -> AsyncIterator[Market]:
        async with world(databases, *SERVICES, dsn=dsn, currency=currency, **environment) as made:
            opening = Market(made, currency)
            yield opening
            await opening.pump.stop(0.1)
            await opening.sandbox.stop()

    async def build(dsn: str) -> None:
        await migrate_services(dsn, SERVICES)
        async with market(dsn) as empty:
            await _open(empty)

    dsn = await databases.fresh(await databases.template(f"money {currency}", build))
    try:
        async with market(dsn) as made:
            await made.read_banks()
            await made.read_promotions()
            await made.take_a_card()
            yield made
    finally:
        await databases.drop(dsn)
